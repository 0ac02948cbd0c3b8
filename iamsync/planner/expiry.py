"""What is over: a state as it is to be from now on, and a resource without what has ended.

A resource whose time has come counts as removed, and everything that referred to it lets go of it: an
attachment, a membership, a principal in a trust policy. A permissions boundary is never let go of
(that would give permissions): manifests in which one would have to be are refused when they are read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from iamsync import arn
from iamsync.kinds import KINDS
from iamsync.kinds.fields import REPLACED
from iamsync.kinds.kind import Field
from iamsync.model import Address, Expiry, Finding, Removal, Resource, State
from iamsync.policy.document import Document
from iamsync.policy.ending import without_principals

_LIVE = "live/"


@dataclass(frozen=True, slots=True)
class Lapsed:
    """What has ended in an account, by the names that IAM tells apart (`folded`)."""

    account_id: str
    partition: str
    names: frozenset[Address]
    members: frozenset[tuple[Address, str, str]]

    @classmethod
    def of(cls, state: State, over: Iterable[Expiry] | None = None) -> Lapsed:
        """What has ended according to a state, or to these of its expiries."""
        ended = tuple(state.lapsed if over is None else over)
        names = {expiry.address.folded for expiry in ended if not expiry.member_of}
        members = {(e.address.folded, e.member_of, e.item.casefold()) for e in ended if e.member_of}
        return cls(state.account_id, state.partition, frozenset(names), frozenset(members))

    def __bool__(self) -> bool:
        return bool(self.names or self.members)

    def gone(self, text: str) -> bool:
        """Whether an ARN, or `live/NAME` of a policy, is of a resource that has ended."""
        parsed = arn.parse(text.removesuffix(REPLACED))
        return parsed is not None and parsed.account == self.account_id and parsed.address.folded in self.names

    def member(self, address: Address, field: str, item: str) -> bool:
        """Whether this member of the field of a resource has ended, by itself or with what it refers to."""
        bare = item.removesuffix(REPLACED)
        if field == "groups" and Address("group", bare).folded in self.names:
            return True
        if field != "groups" and self.gone(bare):
            return True
        names = {bare.casefold()}
        parsed = arn.parse(bare)
        if parsed is not None and parsed.kind == "policy" and parsed.account == self.account_id:
            names.add(f"{_LIVE}{parsed.name}".casefold())
        return any((address.folded, field, name) in self.members for name in names)


def expire(state: State, now: str) -> State:
    """The state as it is to be at `now` (RFC 3339, UTC): what is over is removed, and nothing refers to it."""
    over = tuple(expiry for expiry in state.expiries if expiry.at <= now)
    if not over:
        return state
    lapsed = Lapsed.of(state, over)
    ended = {expiry.address: expiry for expiry in over if not expiry.member_of}
    left = {r.address: lapse(r, lapsed) for r in state if r.address not in ended}
    removed = list(state.removed)
    for address, expiry in ended.items():
        names = [address.name]
        held = state.get(address)
        if held is not None and held.renamed_from:
            names.append(held.renamed_from)
        reason = f"expired {expiry.at}"
        removed += [Removal(Address(address.kind, name), reason, expiry.origin, "expired") for name in names]
    return replace(
        state,
        resources=left,
        removed=tuple(sorted(removed, key=lambda removal: removal.address)),
        expiries=tuple(expiry for expiry in state.expiries if expiry not in over),
        lapsed=(*state.lapsed, *over),
    )


def lapse(resource: Resource, lapsed: Lapsed) -> Resource:
    """The resource without what has ended: members, inline policies, references, principals it trusts."""
    if not lapsed:
        return resource
    changed: dict[str, Any] = {}
    for field in KINDS[resource.address.kind].fields:
        value = getattr(resource.spec, field.name)
        left = _left(resource.address, field, value, lapsed)
        if left != value:
            changed[field.name] = left
    return replace(resource, spec=replace(resource.spec, **changed)) if changed else resource


def _left(address: Address, field: Field, value: Any, lapsed: Lapsed) -> Any:
    if field.form == "names" and value is not None:
        left = tuple(item for item in value if not lapsed.member(address, field.name, item))
        return left or field.default
    if field.form == "reference" and value and getattr(field, "target", "policy") == "role":
        return None if lapsed.gone(value) else value  # a profile may be without a role
    if field.form == "references":
        return tuple(item for item in value if not lapsed.member(address, field.name, item))
    if field.form == "documents":
        return tuple(pair for pair in value if not lapsed.member(address, field.name, pair[0]))
    if field.name == "trust_policy" and isinstance(value, Document):
        return without_principals(value, lapsed.gone, lapsed.partition)
    return value


def next_end(desired: State, addresses: Iterable[Address]) -> str | None:
    """The next moment at which something about these resources is over."""
    about = frozenset(addresses)
    return min((expiry.at for expiry in desired.expiries if expiry.address in about), default=None)


def hints(lapsed: Iterable[Expiry], live: State) -> Iterator[Finding]:
    """Lines that do nothing any more: what they speak of is over, and gone."""
    held = live.folded()
    ended = {expiry.address for expiry in lapsed if not expiry.member_of}
    for expiry in lapsed:
        if expiry.member_of and expiry.address in ended:
            continue
        resource = held.get(expiry.address.folded)
        if resource is not None and (not expiry.member_of or _has(resource, expiry, live)):
            continue
        yield Finding(
            "expired-line",
            "info",
            f"{expiry} expired {expiry.at} and is gone",
            expiry.address,
            remedy="delete what declares it: it does nothing any more",
            origin=expiry.origin,
        )


def _has(resource: Resource, expiry: Expiry, live: State) -> bool:
    return lapse(resource, Lapsed.of(live, (expiry,))) != resource
