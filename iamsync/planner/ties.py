"""Guards over what holds what: holders, references, trusted principals."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from iamsync import arn
from iamsync.kinds.kind import Context
from iamsync.model import Address, Finding, Resource, State
from iamsync.planner.compare import Difference
from iamsync.planner.situation import Situation, names_of
from iamsync.policy.document import principals


def boundary_use(difference: Difference, situation: Situation) -> Iterator[Finding]:
    """A boundary that would be replaced: its principals would be unbounded for a moment."""
    assert difference.have is not None
    held = situation.cx.arn(difference.address, difference.have.spec.path)
    bound = [r.address for r in situation.live if getattr(r.spec, "permissions_boundary", None) == held]
    if bound:
        yield Finding(
            "boundary-replace",
            "refuse",
            f"{difference.address} is the permissions boundary of {len(bound)} principals; "
            "replacing it would leave them unbounded for a moment",
            difference.address,
            evidence=names_of(bound),
            remedy=f"declare it under a new name with renamed_from: {difference.address.name}",
            origin=difference.origin,
        )


def held_elsewhere(situation: Situation) -> Iterator[Finding]:
    """What would have to be taken from a resource that is not ours to change."""
    for difference, keep in _holders(situation.differences, situation.live, situation.cx):
        if not (difference.action == "replace" and _only_boundaries(difference, keep, situation)):
            yield Finding(
                "held-out-of-scope",
                "refuse",
                f"{difference.address} cannot be deleted: what this plan may not change holds it ({len(keep)} in all)",
                difference.address,
                evidence=names_of(keep),
                remedy="declare the holders, or take it off them first",
                origin=difference.origin,
            )


def without_held(differences: Sequence[Difference], live: State, cx: Context) -> tuple[list[Difference], list[Finding]]:
    """These differences without the deletions that others stand in the way of, so that the rest need not wait."""
    left, told = list(differences), []
    while held := _holders(left, live, cx):
        for difference, keep in held:
            left.remove(difference)
            told.append(
                Finding(
                    "held-out-of-scope",
                    "warn",
                    f"{difference.address} is over and stays: what this plan may not change holds it "
                    f"({len(keep)} in all)",
                    difference.address,
                    evidence=names_of(keep),
                    remedy="declare the holders, or take it off them",
                    origin=difference.origin,
                )
            )
    return left, told


def _holders(differences: Sequence[Difference], live: State, cx: Context) -> list[tuple[Difference, list[Address]]]:
    """The policies and groups that would go, each with those that would still hold it."""
    leaving = [d for d in differences if d.action in ("delete", "replace") and d.have is not None]
    leaving = [d for d in leaving if d.address.kind in ("policy", "group")]
    if not leaving:
        return []
    ended = {d.address for d in differences if d.action == "delete"}
    wanted = {d.address: d.want for d in differences if d.want is not None}
    holders: dict[str, list[Address]] = defaultdict(list)
    for resource in live:
        if resource.address in ended:
            continue
        after = wanted.get(resource.address)
        # A marked attachment (of a replaced policy) is let go of by the plan itself.
        for item in _holds(resource) if after is None else _holds(resource) & _holds(after):
            holders[item].append(resource.address)
    found = []
    for difference in leaving:
        assert difference.have is not None
        if keep := holders.get(_identity(difference.have, cx)):
            found.append((difference, keep))
    return found


def _only_boundaries(difference: Difference, keep: list[Address], situation: Situation) -> bool:
    """Whether boundary-replace has already named every holder."""
    assert difference.have is not None
    held = _identity(difference.have, situation.cx)
    found = [situation.live.resources[address] for address in keep]
    return all(held not in getattr(resource.spec, "managed_policies", ()) for resource in found)


def _identity(resource: Resource, cx: Context) -> str:
    return resource.address.name if resource.address.kind == "group" else cx.arn(resource.address, resource.spec.path)


def _holds(resource: Resource) -> set[str]:
    held = {*getattr(resource.spec, "managed_policies", ()), *getattr(resource.spec, "groups", ())}
    if boundary := getattr(resource.spec, "permissions_boundary", None):
        held.add(boundary)
    return held


def _refers(resource: Resource) -> set[str]:
    role = getattr(resource.spec, "role", None)
    return _holds(resource) | ({role} if role else set())


def _remaining(situation: Situation) -> list[Resource]:
    """What there is after the plan: all that is declared, and what lives on beside it."""
    gone = {d.address for d in situation.differences if d.action == "delete"}
    beside = [r for r in situation.live if r.address not in situation.desired.resources and r.address not in gone]
    return [*situation.desired, *beside]


def references(situation: Situation) -> Iterator[Finding]:
    """ARNs and groups of this account that would be used and exist nowhere."""
    cx = situation.cx
    remaining = _remaining(situation)
    known_arns = {cx.arn(r.address, r.spec.path) for r in remaining if r.address.kind in ("policy", "role")}
    groups = {r.address.name for r in remaining if r.address.kind == "group"}
    for difference in situation.differences:
        if difference.want is None:
            continue
        # A resource that is created again asks for everything again.
        before = difference.have if difference.action == "update" else None
        new = _refers(difference.want) - (_refers(before) if before is not None else set())
        for item in sorted(new):
            parsed = arn.parse(item)
            if parsed is None:
                known = item in groups
            elif parsed.account == cx.account_id:
                known = item in known_arns
            else:
                known = item not in situation.live.missing
            if not known:
                yield Finding(
                    "unknown-reference",
                    "refuse",
                    f"{difference.address} refers to {item}, which does not exist or is about to go",
                    difference.address,
                    remedy=_of_aws(parsed) or "create it, declare it, or take the reference out",
                    origin=difference.origin,
                )


def _of_aws(parsed: arn.Arn | None) -> str:
    """What to do where AWS has no such policy: mostly it lies under a path."""
    if parsed is None or parsed.account != "aws":
        return ""
    paths = f"aws/service-role/{parsed.name} or aws/job-function/{parsed.name}"
    return f"mend the name of AWS's policy; many of them lie under a path: {paths}"


def unknown_principals(situation: Situation) -> Iterator[Finding]:
    """Users and roles of this account that a trust policy names and nobody knows: AWS refuses to save it."""
    cx = situation.cx
    known = {cx.arn(r.address, r.spec.path) for r in _remaining(situation) if r.address.kind in ("user", "role")}
    ids = {r.facts.get("id") for r in situation.live}
    changed = {
        d.address
        for d in situation.differences
        if d.action != "update" or any(f.field == "trust_policy" for f in d.fields)
    }
    for resource in situation.desired:
        if resource.address.kind != "role":
            continue
        for name in sorted(principals(resource.spec.trust_policy)):
            parsed = arn.parse(name)
            own = parsed is not None and parsed.account == cx.account_id and parsed.kind in ("user", "role")
            # The id of one that lives is odd, and still names it.
            orphan = name.startswith(("AROA", "AIDA")) and ":" not in name and name not in ids
            if (own and name not in known) or orphan:
                sent = resource.address in changed
                yield Finding(
                    "unknown-principal",
                    "refuse" if sent else "medium",
                    f"{resource.address} trusts {name}, which "
                    + ("was deleted" if orphan else "is neither declared nor in the account"),
                    resource.address,
                    remedy="take it out of the trust policy, or declare it",
                    origin=resource.origin,
                )


def unknown_providers(situation: Situation) -> Iterator[Finding]:
    """Identity providers of this account that a trust policy names and nobody knows: signing in fails there."""
    cx = situation.cx
    providers = [kind for kind in ("oidc_provider", "saml_provider") if kind in situation.live.complete]
    if not providers:
        return
    known = {cx.arn(r.address, "/") for r in _remaining(situation) if r.address.kind in providers}
    for resource in situation.desired:
        if resource.address.kind != "role":
            continue
        for name in sorted(principals(resource.spec.trust_policy) - known):
            parsed = arn.parse(name)
            if parsed is not None and parsed.account == cx.account_id and parsed.kind in providers:
                yield Finding(
                    "unknown-principal",
                    "medium",
                    f"{resource.address} trusts {name}, which is neither declared nor in the account",
                    resource.address,
                    evidence="AWS saves such a trust policy, and nobody can sign in through it",
                    remedy="declare the provider, or take it out of the trust policy",
                    origin=resource.origin,
                )
