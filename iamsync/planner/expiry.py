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
from iamsync.policy.ending import ends_at, without_principals

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

    @classmethod
    def agreed(cls, state: State) -> Lapsed:
        """What has ended as was agreed to in advance: what is late is a change like any other."""
        return cls.of(state, [expiry for expiry in state.lapsed if expiry not in state.late])

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
        removed += [Removal(Address(address.kind, name), reason, expiry.origin, "expired", expiry) for name in names]
    return replace(
        state,
        resources=left,
        removed=tuple(sorted(removed, key=lambda removal: removal.address)),
        expiries=tuple(expiry for expiry in state.expiries if expiry not in over),
        lapsed=(*state.lapsed, *over),
    )


def belated(state: State, late: Iterable[Expiry]) -> State:
    """The state in which these of what has lapsed were agreed to by nobody in advance.

    They still end, but as whatever a line of today takes away: with a removal's guards, and not with `--expired`.
    """
    found = frozenset(late)
    if not found:
        return state
    removed = [replace(held, cause="removed") if held.end in found else held for held in state.removed]
    return replace(state, removed=tuple(removed), late=tuple(end for end in state.lapsed if end in found))


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


def hints(desired: State, live: State) -> Iterator[Finding]:
    """Lines that do nothing any more, as what they speak of is over and gone; and ends that are there too late."""
    standing = frozenset(outstanding(desired.lapsed, live))
    ended = {expiry.address for expiry in desired.lapsed if not expiry.member_of}
    for expiry in desired.lapsed:
        if expiry in standing:
            if expiry in desired.late:
                yield _late(expiry)
            continue
        if expiry.member_of and expiry.address in ended:
            continue
        yield Finding(
            "expired-line",
            "info",
            f"{expiry} expired {expiry.at} and is gone",
            expiry.address,
            remedy="delete what declares it: it does nothing any more",
            origin=expiry.origin,
        )


def outstanding(lapsed: Iterable[Expiry], live: State) -> Iterator[Expiry]:
    """What is over and still there."""
    held = live.folded()
    for expiry in lapsed:
        resource = held.get(expiry.address.folded)
        if resource is not None and (not expiry.member_of or _has(resource, expiry, live)):
            yield expiry


def enforced(expiry: Expiry, live: State) -> bool:
    """Whether a document of the account holds this end, as iamsync writes it into one before the end comes."""
    resource = live.folded().get(expiry.address.folded)
    if resource is None:
        return False
    for field in KINDS[resource.address.kind].fields:
        value = getattr(resource.spec, field.name)
        if field.form == "documents" and expiry.member_of in ("", field.name):
            if any(ends_at(held, expiry.at) for name, held in value if expiry.item in ("", name)):
                return True
        elif field.form == "document" and not expiry.member_of and ends_at(value, expiry.at):
            return True
    return False


def _late(expiry: Expiry) -> Finding:
    return Finding(
        "past-end",
        "warn",
        f"{expiry} is over since {expiry.at}, and nothing shows that this was agreed to in advance",
        expiry.address,
        evidence="no older revision of the project, no recorded run and no document of the account knows this end",
        remedy="correct the time; if it is to go, it goes like any removal, with its consents, not with --expired",
        origin=expiry.origin,
    )


def _has(resource: Resource, expiry: Expiry, live: State) -> bool:
    return lapse(resource, Lapsed.of(live, (expiry,))) != resource
