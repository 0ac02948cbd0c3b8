"""Who gains and loses what by a plan: each principal it touches, before and after, documents and all.

Touched is whoever changes itself, belongs to a group that changes, or holds a policy that changes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

from iamsync import arn
from iamsync.kinds.fields import REPLACED
from iamsync.kinds.kind import Context
from iamsync.model import Address, Finding, State
from iamsync.planner.compare import Difference
from iamsync.planner.permissions import Permissions
from iamsync.planner.projected import made
from iamsync.planner.tagged import askers, changed_tags, on_resource, retagged, told_apart
from iamsync.planner.trust import asked, retrusted
from iamsync.policy.access import Access, Undecided
from iamsync.policy.globs import Effort, TooComplex, bounded
from iamsync.policy.holdings import Holdings
from iamsync.policy.shared import Shared

# Fields that can move a permission; what a trust policy moves is `planner/trust.py`'s.
_MOVING: Final = ("groups", "managed_policies", "inline_policies", "permissions_boundary", "document")
# Each takes milliseconds; past this a plan of a whole fleet would keep its reviewer waiting.
MOST: Final = 500
# States of pattern searches, some three microseconds each: for one principal, and for a whole plan.
EFFORT_EACH: Final = 100_000
EFFORT: Final = 1_000_000
_TOO_MUCH: Final = Access(
    undecided=(Undecided("all that changes in its policies", "they overlap in too many ways to be compared"),)
)


@dataclass(frozen=True, slots=True)
class Affected:
    """What one principal gains and loses, and the changed resource it comes through (itself, a group, a policy)."""

    principal: Address
    through: Address
    access: Access


def touched(live: State, after: State, differences: Iterable[Difference], cx: Context) -> dict[Address, Address]:
    """The principals whose permissions these differences may move, each with the change it comes through.

    `after` is the live state with the differences made (`projected.made`).
    """
    moving = [d for d in differences if any(change.field in _MOVING for change in d.fields)]
    found: dict[Address, Address] = {d.address: d.address for d in moving if d.address.kind in ("user", "role")}
    sources: dict[str, Address] = {}
    for d in moving:
        if d.address.kind == "group":
            sources[d.address.name] = d.address
        for side in (d.have, d.want):
            if side is not None and d.address.kind == "policy":
                sources[cx.arn(d.address, side.spec.path)] = d.address
    if not sources:
        return found
    groups: dict[str, Address] = {name: address for name, address in sources.items() if address.kind == "group"}
    for state in (live, after):
        for resource in state:
            if resource.address.kind == "group" and (source := _first(resource.spec.managed_policies, sources)):
                groups.setdefault(resource.address.name, source)
    for state in (live, after):
        for resource in state:
            if resource.address.kind in ("user", "role") and resource.address not in found:
                source = _first(_held(resource.spec), sources) or _first(getattr(resource.spec, "groups", ()), groups)
                if source is not None:
                    found[resource.address] = source
    return found


def documents_needed(live: State, differences: Iterable[Difference], cx: Context) -> tuple[str, ...]:
    """The ARNs of AWS's own policies whose documents `effects` will ask for."""
    differences = tuple(differences)
    after = made(live, differences)
    principals = {*touched(live, after, differences, cx)}
    # Some of AWS's own ask for tags, or for who asks.
    principals.update(d.address for d in retagged(differences) if d.address.kind in ("user", "role"))
    principals.update(d.address for d in readdressed(differences))
    if retrusted(differences):
        principals |= asked(Permissions(live), Permissions(after), differences, cx)
    return documents_held((live, after), principals)


def documents_held(states: Iterable[State], principals: Iterable[Address]) -> tuple[str, ...]:
    """The ARNs of AWS's own policies that these principals hold in any of the states, also by their groups."""
    needed: set[str] = set()
    known = tuple(principals)
    for state in states:
        for address in known:
            resource = state.get(address)
            if resource is None:
                continue
            needed.update(_held(resource.spec))
            for name in getattr(resource.spec, "groups", ()):
                group = state.get(Address("group", name))
                needed.update(group.spec.managed_policies if group is not None else ())
    return tuple(sorted(item for item in (_plain(held) for held in needed) if arn.is_aws_managed(item)))


def readdressed(differences: Iterable[Difference]) -> Iterator[Difference]:
    """The differences that give a user or role another ARN: a policy may ask who it is (`aws:username`)."""
    for d in differences:
        moved = any(change.field == "path" for change in d.fields)
        if d.action == "update" and d.address.kind in ("user", "role") and (moved or d.renamed_from is not None):
            yield d


def effects(
    before: Permissions, after: Permissions, differences: Iterable[Difference], cx: Context
) -> tuple[tuple[Affected, ...], int]:
    """What every touched principal gains and loses, sorted; whom nothing befalls is left out.

    Also how many touched principals were not looked at, since there are more than `MOST`: of those that change or
    hold what does, or of those that ask for the tags of one resource.
    """
    differences = tuple(differences)
    principals = touched(before.state, after.state, differences, cx)
    tagged = tuple(retagged(differences))
    called = {d.address: d.renamed_from for d in differences if d.action == "update" and d.renamed_from is not None}
    for d in (*tagged, *readdressed(differences)):
        if d.address.kind in ("user", "role"):
            principals.setdefault(d.address, d.address)
    if not principals and not tagged:
        return (), 0
    out = []
    left = EFFORT
    shared = Shared(after.state.account_id, after.state.partition)
    for address, through in sorted(principals.items())[:MOST]:
        effort = Effort(min(left, EFFORT_EACH))
        granted = effort.left
        access = compared(before, after, address, effort, called=called.get(address), shared=shared)
        left -= granted - max(effort.left, 0)
        if access:
            out.append(Affected(address, through, access))
    unseen = set(sorted(principals)[MOST:])
    asking = askers(before, after) if tagged else {}
    for d in tagged:
        keys = changed_tags(d)
        those = [address for address, asked in asking.items() if address != d.address and asked & keys]
        unseen.update(those[MOST:])
        for address in those[:MOST]:
            effort = Effort(min(left, EFFORT_EACH))
            granted = effort.left
            access = _on_resource(before, after, address, d, effort, shared)
            left -= granted - max(effort.left, 0)
            if access:
                out.append(Affected(address, d.address, access))
    return tuple(out), len(unseen)


def _on_resource(
    before: Permissions, after: Permissions, address: Address, d: Difference, effort: Effort, shared: Shared
) -> Access:
    """What the changed tags of a resource give a principal on it, or take."""
    assert d.want is not None
    sides = on_resource(
        before.holdings(address), after.holdings(address), after.principal(address), after.arn(d.want), d
    )
    if sides is None:
        return Access()
    old, new, principal = sides
    try:
        with bounded(effort):
            return shared.difference(old, new, principal=principal, holder=_inline(address))
    except TooComplex:
        return _TOO_MUCH


def compared(
    before: Permissions,
    after: Permissions,
    address: Address,
    effort: Effort | None = None,
    *,
    called: str | None = None,
    shared: Shared | None = None,
) -> Access:
    """What one principal gains and loses from one state to the other; past its effort that is undecided.

    `called` is the name that it had before, where `before` knows it by the new one already; `shared` is what is
    known of others between the same two states.
    """
    there = after if after.resource(address) is not None else before
    shared = Shared(there.state.account_id, there.state.partition) if shared is None else shared
    old, new, principal = _holdings(before, address), _holdings(after, address), there.principal(address)
    if before.resource(address) is not None and after.resource(address) is not None:
        was = before.principal(address)
        if called is not None:
            was = replace(was, arn=f"{was.arn.rpartition('/')[0]}/{called}")
        old, new, principal = told_apart(old, new, was, principal)
    try:
        with bounded(Effort(EFFORT_EACH) if effort is None else effort):
            return shared.difference(old, new, principal=principal, holder=_inline(address))
    except TooComplex:
        return _TOO_MUCH


def holders(state: State, policy: str) -> frozenset[Address]:
    """The users and roles that hold a managed policy, also by a group or as their boundary."""
    groups = {r.address.name for r in state if r.address.kind == "group" and policy in r.spec.managed_policies}
    return frozenset(
        r.address
        for r in state
        if r.address.kind in ("user", "role")
        and (policy in _held(r.spec) or groups.intersection(getattr(r.spec, "groups", ())))
    )


def untold_finding(count: int) -> tuple[Finding, ...]:
    """What a reviewer is told where not every principal was looked at."""
    if not count:
        return ()
    return (
        Finding(
            "access-untold",
            "medium",
            f"gains and losses of {count} more principals were not computed; {MOST} are the most in one plan",
            remedy="plan in parts with --target to see them all",
        ),
    )


def _holdings(permissions: Permissions, address: Address) -> Holdings:
    return Holdings() if permissions.resource(address) is None else permissions.holdings(address)


def _inline(address: Address) -> str:
    """How `Permissions` begins the names of a principal's own inline policies."""
    return f"{address} inline "


def _held(spec: object) -> tuple[str, ...]:
    boundary = getattr(spec, "permissions_boundary", None)
    return (*getattr(spec, "managed_policies", ()), *((boundary,) if boundary else ()))


def _plain(item: str) -> str:
    return item.removesuffix(REPLACED)


def _first(items: Iterable[str], sources: Mapping[str, Address]) -> Address | None:
    return next((sources[_plain(item)] for item in items if _plain(item) in sources), None)
