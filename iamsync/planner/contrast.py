"""Desired against live: both sides settled, every resource compared, before anything is guarded or put in order."""

from __future__ import annotations

from dataclasses import dataclass

from iamsync.kinds import KINDS
from iamsync.kinds.kind import Context
from iamsync.kinds.owners import guess_of
from iamsync.model import Address, Cause, Finding, Reported, Resource, State
from iamsync.planner import compare, scope
from iamsync.planner.compare import Difference
from iamsync.planner.expiry import Lapsed, hints, lapse
from iamsync.planner.settle import Settled, settle
from iamsync.settings import Settings


@dataclass(frozen=True, slots=True)
class Compared:
    """Both sides as they were compared, what differs, and what was left alone."""

    settled: Settled
    live: State
    differences: tuple[Difference, ...]
    reported: tuple[Reported, ...]
    findings: tuple[Finding, ...]
    managed: int
    unchanged: int


def contrast(desired: State, live: State, settings: Settings, base: State | None = None, now: str = "") -> Compared:
    """Everything that differs, resource by resource, before anything is put in order."""
    cx = Context(live.account_id, live.partition)
    settled = settle(desired, live, settings.ignore_changes)
    findings = list(settled.findings)
    replaced = {}
    for want in settled.desired:
        have = settled.live.get(want.address)
        if have is not None and have.address.kind == "policy" and _must_be_replaced(have, want):
            replaced[cx.arn(have.address, have.spec.path)] = have.address
    compared_live = compare.mark_replaced(settled.live, replaced, settings.ignore_changes, settled.desired)
    # Settled too, or what a declaration leaves to others would pass for a change of the manifests.
    earlier = settle(base, live, settings.ignore_changes).desired if base is not None else None
    lapsed = Lapsed.agreed(settled.desired)

    differences: list[Difference] = []
    untold: dict[str, int] = {}
    known = 0
    for want in settled.desired:
        have = compared_live.get(want.address)
        if have is None and want.address.kind not in live.complete:
            untold[want.address.kind] = untold.get(want.address.kind, 0) + 1
            continue
        if have is None:
            cause: Cause = "drift" if earlier is not None and earlier.get(want.address) == want else "declared"
            differences.append(compare.create(want, cx, cause))
            continue
        known += 1
        old = settled.renames.get(want.address)
        before = _before(earlier, want)
        ended = lapse(have, lapsed) if lapsed else None
        found = compare.update(have, want, cx, before, old.name if old is not None else None, ended)
        if found is not None:
            differences.append(found)
    removed, moved = _ended(settled, compared_live, settings, cx, now, findings)
    differences += removed
    declared = {*settled.desired.resources, *(d.address for d in removed), *moved}
    sorted_out = scope.sort(compared_live, declared, settings.scope)
    reported = list(sorted_out.left)
    for resource in sorted_out.watched:
        if settings.unmanaged == "delete" and not KINDS[resource.address.kind].setting:
            differences.append(compare.delete(resource, cx, "unmanaged", None, "nobody declares it"))
        elif settings.unmanaged != "ignore":
            guess = guess_of(resource)
            perhaps = f"; perhaps {guess.name}'s: {guess.evidence}" if guess is not None else ""
            reported.append(Reported(resource.address, f"nobody declares it{perhaps}"))
    if base is not None:
        findings += _forgotten(base, settled, compared_live)
    findings += hints(settled.desired, compared_live)
    findings += [_untold(kind, count) for kind, count in sorted(untold.items())]
    differences.sort(key=lambda difference: difference.address)
    return Compared(
        settled,
        compared_live,
        tuple(differences),
        tuple(sorted(reported, key=lambda r: r.address)),
        tuple(findings),
        known + sum(d.action == "delete" for d in differences),
        known - sum(d.action in ("update", "replace") for d in differences),
    )


def _must_be_replaced(have: Resource, want: Resource) -> bool:
    kind = KINDS[have.address.kind]
    return any(f.immutable and getattr(have.spec, f.name) != getattr(want.spec, f.name) for f in kind.fields)


def _before(base: State | None, want: Resource) -> Resource | None:
    """What the older revision declared under this name, or under the one it is renamed from."""
    if base is None:
        return None
    found = base.get(want.address)
    if found is None and want.renamed_from:
        found = base.get(Address(want.address.kind, want.renamed_from))
    return found


def _ended(
    settled: Settled, live: State, settings: Settings, cx: Context, now: str, findings: list[Finding]
) -> tuple[list[Difference], set[Address]]:
    """Deletions that are declared: `removed:`, and the old names of roles and policies that moved."""
    folded = live.folded()
    gone: dict[Address, Difference] = {}
    for removal in settled.desired.removed:
        held = folded.get(removal.address.folded)
        if held is not None:
            gone[held.address] = compare.delete(held, cx, removal.cause, removal.origin, removal.reason)
    moved: set[Address] = set()
    for new, old in settled.moved.items():
        held = live.get(old)
        if held is None or old in gone:
            continue
        moved.add(old)
        want = settled.desired.resources[new]
        if any(consent.covers("replace", address, now) for consent in settings.acknowledge for address in (new, old)):
            gone[old] = compare.delete(held, cx, "declared", want.origin, f"renamed to {new.name}", new)
            continue
        findings.append(
            Finding(
                "replace",
                "warn",
                f"{old} stays beside {new}: its name cannot be changed, and others may hold its ARN",
                old,
                remedy=f"when nothing uses it any more: --acknowledge replace:{old}",
                origin=want.origin,
            )
        )
    return list(gone.values()), moved


def _untold(kind: str, count: int) -> Finding:
    """What is declared of a kind that this source does not tell of: it may exist, so it is not called missing."""
    section = KINDS[kind].section
    return Finding(
        "not-compared",
        "warn",
        f"{section}: {count} declared and not compared, since this source does not tell all of them",
        remedy="plan against the account itself",
    )


def _forgotten(base: State, settled: Settled, live: State) -> list[Finding]:
    """What the older revision declared and this one neither declares nor removes, and still lives."""
    folded = {address.folded for address in settled.desired.resources}
    folded |= {removal.address.folded for removal in settled.desired.removed}
    folded |= {old.folded for old in (*settled.renames.values(), *settled.moved.values())}
    alive = live.folded()
    # What was over then counts too: somebody may have deleted its lines before it was gone.
    before = [(r.address, r.origin) for r in base]
    before += [(removal.address, removal.origin) for removal in base.removed if removal.cause == "expired"]
    return [
        Finding(
            "forgotten",
            "warn",
            f"{address} was declared before and is now neither declared nor removed",
            address,
            remedy="list it under removed: to delete it, or leave it to be reported as unmanaged",
            origin=origin,
        )
        for address, origin in before
        if address.folded not in folded and address.folded in alive
    ]
