"""The planner: desired and live, settled, compared, guarded and ordered into a `Plan`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

from iamsync import arn
from iamsync.kinds import KINDS, codec
from iamsync.kinds.fields import REPLACED
from iamsync.kinds.kind import Context
from iamsync.kinds.operations import WAIT
from iamsync.kinds.owners import guess_of
from iamsync.model import Address, Cause, Change, Finding, Plan, Question, Reported, Resource, State, Step
from iamsync.planner import awsdrift, compare, guards, preflight, scope
from iamsync.planner.compare import Difference
from iamsync.planner.concern import Concern
from iamsync.planner.expiry import Lapsed, hints, lapse, next_end
from iamsync.planner.failing import failing
from iamsync.planner.links import told_once
from iamsync.planner.losing import principals_losing_access
from iamsync.planner.moved import Moved, moved
from iamsync.planner.narrow import Selection, expired, of_cause, selected
from iamsync.planner.order import TRUSTED, order
from iamsync.planner.permissions import Permissions
from iamsync.planner.projected import made
from iamsync.planner.required import Whereabouts
from iamsync.planner.settle import Settled, settle
from iamsync.planner.situation import DEFAULT_QUOTAS, Situation
from iamsync.planner.standards import Standards
from iamsync.planner.tagged import left_to_others
from iamsync.planner.ties import without_held
from iamsync.policy.document import principals
from iamsync.settings import Settings

NO_STANDARDS: Final = Standards()
# Kinds whose tags a bulk read tells late or not at all, and the question that settles it.
TAGS_IN_BULK: Final[Mapping[str, Literal["policy-tags", "profile-tags"]]] = {
    "policy": "policy-tags",
    "instance_profile": "profile-tags",
}


def _tags_of(address: Address) -> Question:
    return Question(TAGS_IN_BULK[address.kind], str(address))


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


def questions(desired: State, live: State, settings: Settings) -> tuple[Question, ...]:
    """What must be asked one by one before this comparison may claim a change.

    Bulk reads are silent about some tags, descriptions and credentials; the answers go into `live`,
    and the comparison is made again.
    """
    found = contrast(desired, live, settings)
    asked: set[Question] = set()
    for resource in found.settled.desired:
        if resource.address.kind not in TAGS_IN_BULK:
            continue
        have = found.settled.live.get(resource.address)
        origin = live.get(resource.address)
        if have is None or origin is None:
            continue
        told = origin.facts.get("tags")
        if told == "none" or (told == "bulk" and have.spec.tags != resource.spec.tags):
            asked.add(_tags_of(resource.address))
        declared = desired.get(resource.address)
        if resource.address.kind != "policy":
            continue
        if declared is not None and declared.spec.description is not None and origin.spec.description is None:
            asked.add(Question("policy-description", str(resource.address)))
    by_tags = settings.scope.include.needs_tags or settings.scope.exclude.needs_tags
    by_tags = by_tags or settings.safety.protected.needs_tags
    for difference in found.differences:
        if difference.action == "delete" and difference.address.kind == "user":
            asked.add(Question("user-credentials", str(difference.address)))
        if difference.action in ("delete", "replace") and difference.address.kind == "role":
            held = live.get(difference.address)
            if held is not None and "last_used" not in held.facts:
                asked.add(Question("last-used", str(difference.address)))
        if difference.action in ("delete", "replace") and difference.address.kind in TAGS_IN_BULK:
            asked.add(_tags_of(difference.address))
        if difference.action in ("delete", "replace") and difference.address.kind == "policy":
            asked.add(Question("policy-description", str(difference.address)))  # or no rollback could bring it back
    if by_tags:
        for resource in live:
            if resource.address.kind in TAGS_IN_BULK and resource.facts.get("tags") != "confirmed":
                asked.add(_tags_of(resource.address))
    in_use = {item for resource in live for item in _policies(resource)}
    for difference in found.differences:
        if difference.want is not None:
            new = {item for item in _policies(difference.want) if item not in in_use}
            asked.update(Question("aws-policy", item) for item in new if arn.is_aws_managed(item))
    return tuple(sorted(asked))


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
    lapsed = Lapsed.of(settled.desired)

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
    findings += hints(settled.desired.lapsed, compared_live)
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


def plan(
    desired: State,
    live: State,
    settings: Settings,
    *,
    account_name: str,
    caller: str,
    now: str,
    base: State | None = None,
    selection: Selection | None = None,
    only: Cause | None = None,
    access: bool = True,
    standards: Standards = NO_STANDARDS,
    applier: str = "",
    expiring: str = "",
    noted: Iterable[Finding] = (),
) -> Plan:
    """What would make `live` what `desired` says, in order, with everything a reviewer must know.

    `now` is RFC 3339 in UTC. `selection` narrows what is looked at; what a selected change needs
    comes along. `only` keeps the changes of one cause. `applier` is the ARN that would make the calls, where
    policies are enforced. Without `access` nobody's gains and losses are computed, and nothing is held to `standards`.
    `expiring` (a time as `now`) asks for what ends up to then. `noted` are findings of the caller's, acknowledged as
    guards are. InputError where resources wait in a ring, InputErrors for tests that test nothing.
    """
    cx = Context(live.account_id, live.partition)
    found = contrast(desired, live, settings, base, now)
    differences: Sequence[Difference] = found.differences
    earlier_findings = found.findings
    if only == "expired":
        differences = expired(differences, Lapsed.of(found.settled.desired), cx)
        # What stands in the way of other changes does not stand in the way of these.
        ours = {difference.address for difference in differences}
        earlier_findings = tuple(f for f in found.findings if f.severity != "refuse" or f.address in ours)
        differences, held = without_held(differences, found.live, cx)
        earlier_findings = (*earlier_findings, *held)
    elif only is not None:
        differences = of_cause(differences, only, cx)
    if selection is not None:
        differences = selected(differences, selection, cx)
    differences = told_once(differences)
    before = after = None
    if access and differences:
        above = standards.organization
        before = Permissions(found.settled.live, live.aws_policies, organization=above)
        left_over = replace(made(found.settled.live, differences), lapsed=found.settled.desired.lapsed)
        after = Permissions(left_over, live.aws_policies, organization=above)
    situation = Situation(
        *(found.settled.desired, found.live, differences, settings, now, cx, max(found.managed, 0)),
        caller=caller,
        applier=applier,
        before=before,
        after=after,
    )
    left = after.state if after is not None else made(found.settled.live, differences)
    concern = Concern(found.settled.live, left, cx, live.aws_policies)
    limits = {**DEFAULT_QUOTAS, **live.quotas}
    steps, residual = order(differences, concern, cx, settle=settings.safety.settle, quotas=limits)
    prior = read_set(differences, found, cx)
    of: dict[Address, list[str]] = {}
    for step in steps:
        if step.address is not None:
            of.setdefault(step.address, []).append(step.id)
    told = Moved()
    more = [*earlier_findings, *noted]
    if before is not None and after is not None:
        more += _foreseen(steps, Whereabouts.of(cx, steps, prior), before, applier)
        # A test that misses what has expired must not keep it alive.
        more += failing(standards.tests if only != "expired" else (), before, after, now)
        told = moved(before, after, differences, cx)
        more += principals_losing_access(told, differences, settings.safety)
    answers = guards.guard(situation, more)
    end = after.state if after is not None else found.settled.live
    by_aws = awsdrift.drifted(found.settled.desired, end, standards, live.aws_policies) if access else ()
    changes = tuple(_change(difference, tuple(of.get(difference.address, ())), told) for difference in differences)
    left_out = _in_place(found.differences) - _in_place(differences)
    return Plan(
        account_id=live.account_id,
        partition=live.partition,
        account_name=account_name,
        alias=live.alias,
        caller=caller,
        now=now,
        changes=changes,
        steps=steps,
        guards=tuple(finding for finding in answers if finding.severity in ("refuse", "warn")),
        findings=(
            *(finding for finding in answers if finding.severity not in ("refuse", "warn")),
            *residual,
            *told.findings,
            *awsdrift.findings(by_aws, cx.account_id),
            *left_to_others(found.settled.desired, found.live, settings.ignore_changes, cx.account_id),
        ),
        reported=found.reported,
        unchanged=found.unchanged + left_out,
        desired_digest=codec.digest(_declared(desired)),
        read_set_digest=codec.digest({str(address): value for address, value in prior.items()}),
        approval=approval(live.account_id, differences, [(s.operation, s.params) for s in steps]),
        prior=prior,
        valid_until=next_end(desired, (*prior, *(d.address for d in differences))),
        unread=tuple(sorted(live.unread)),
        expiring=tuple(expiry for expiry in desired.expiries if expiry.at <= expiring),
        aws_policies=by_aws,
    )


def _foreseen(steps: Sequence[Step], where: Whereabouts, before: Permissions, applier: str) -> tuple[Finding, ...]:
    """What of the steps the applier may not do; nothing of somebody whose policies are not in this account."""
    who = preflight.acting(applier, before)
    if who is None:
        return ()
    calls = sum(step.operation != WAIT for step in steps)
    return tuple(preflight.findings(tuple(preflight.forecasts(steps, where, before, who)), who, calls))


def approval(account_id: str, differences: Iterable[Difference], steps: Iterable[tuple[str, Any]]) -> str:
    """The digest a reviewer approves: the account, what changes, every call; no times, no places.

    Documents enter by meaning, since AWS may return equal ones in another order.
    """
    changes = []
    for difference in differences:
        names = [change.field for change in difference.fields]
        before = codec.canonical(difference.have) if difference.have is not None else None
        after = codec.canonical(difference.want) if difference.want is not None else None
        changes.append(
            {
                "address": str(difference.address),
                "action": difference.action,
                "before": {name: before[name] for name in names} if before else None,
                "after": {name: after[name] for name in names} if after else None,
            }
        )
    calls = [[operation, dict(params)] for operation, params in steps]
    return codec.digest({"account": account_id, "changes": changes, "steps": calls})


def read_set(differences: Iterable[Difference], found: Compared, cx: Context) -> dict[Address, Any]:
    """The live specs that the plan stands on: what changes, who holds it, what it refers to and trusts."""
    live = found.settled.live
    addresses: set[Address] = set()
    policies: set[str] = set()
    groups: set[str] = set()
    roles: set[str] = set()
    for difference in differences:
        addresses.add(difference.address)
        for resource in (difference.have, difference.want):
            if resource is None:
                continue
            addresses.update(_referred(resource, cx))
            if resource.address.kind == "policy":
                policies.add(cx.arn(resource.address, resource.spec.path))
            elif resource.address.kind == "group":
                groups.add(resource.address.name)
            elif resource.address.kind == "role":
                roles.add(cx.arn(resource.address, resource.spec.path))
    if policies or groups or roles:
        for resource in live:
            if getattr(resource.spec, "role", None) in roles:
                addresses.add(resource.address)
            if policies & set(_policies(resource)) or groups & set(getattr(resource.spec, "groups", ())):
                addresses.add(resource.address)
    prior: dict[Address, Any] = {}
    for address in sorted(addresses):
        held = live.get(address)
        prior[address] = codec.canonical(held) if held is not None else None
    return prior


def _declared(desired: State) -> dict[str, Any]:
    return {
        "resources": {
            str(r.address): {**codec.canonical(r), "ignore_changes": list(r.ignore), "renamed_from": r.renamed_from}
            for r in desired
        },
        "removed": sorted(str(removal.address) for removal in desired.removed),
    }


def _change(difference: Difference, steps: tuple[str, ...], told: Moved) -> Change:
    return Change(
        difference.address,
        difference.action,
        difference.cause,
        difference.fields,
        steps,
        difference.origin,
        difference.renamed_from,
        difference.note,
        told.affected_through(difference.address),
        told.outside_of(difference.address),
    )


def _in_place(differences: Iterable[Difference]) -> int:
    return sum(difference.action in ("update", "replace") for difference in differences)


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


def _policies(resource: Resource) -> tuple[str, ...]:
    boundary = getattr(resource.spec, "permissions_boundary", None)
    return (*getattr(resource.spec, "managed_policies", ()), *((boundary,) if boundary else ()))


def _referred(resource: Resource, cx: Context) -> Iterable[Address]:
    for item in _policies(resource):
        parsed = arn.parse(item.removesuffix(REPLACED))
        if parsed is not None and parsed.account == cx.account_id:
            yield parsed.address
    role = arn.parse(getattr(resource.spec, "role", None) or "")
    if role is not None and role.account == cx.account_id:
        yield role.address
    for group in getattr(resource.spec, "groups", ()):
        yield Address("group", group)
    trust = getattr(resource.spec, "trust_policy", None)
    for name in principals(trust) if trust is not None else ():
        parsed = arn.parse(name)
        if parsed is not None and parsed.account == cx.account_id and parsed.kind in TRUSTED:
            yield parsed.address
