"""What one thing found in an account gives by itself: the account as declared with that alone, against as declared.

Where several things together bring about a gain, or somebody changed a user and a group it is in, the difference of
the whole says whose statements have to do with it, not what each of them is worth.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Final

from iamsync.model import Address, Resource
from iamsync.planner.effects import compared, holders
from iamsync.planner.permissions import Permissions
from iamsync.policy.access import Access

# Fields of which each member can be there or not; of the others the whole value is.
_LISTED: Final = ("managed_policies", "groups")
_NAMED: Final = ("inline_policies",)


@dataclass(frozen=True, slots=True)
class Ends:
    """An account's permissions as it is and as it is declared, both settled for comparison."""

    live: Permissions
    declared: Permissions
    _known: dict[tuple[Address, str, str, Address], Access | None] = field(default_factory=dict)

    def tells(self, address: Address) -> bool:
        """Whether a resource is on both sides, in the same place, so that its members can be told apart."""
        have, want = self.live.resource(address), self.declared.resource(address)
        return have is not None and want is not None and _path(have) == _path(want)

    def alone(self, address: Address, name: str, item: str, principal: Address) -> Access | None:
        """What a principal has beyond what is declared by one member (`item`) of one field of a resource.

        Where it gives nothing by itself, what it adds to all the others: one allows what another no longer denies.
        None where that cannot be told apart: the resource, or the principal, is on one side alone.
        """
        key = (address, name, item, principal)
        if key not in self._known:
            told = self.tells(address) and self.live.resource(principal) and self.declared.resource(principal)
            self._known[key] = self._compared(*key) if told else None
        return self._known[key]

    def holders(self, address: Address) -> frozenset[Address]:
        """The users and roles that have something by a group or a policy, on either side."""
        found: set[Address] = set()
        for side in (self.live, self.declared):
            resource = side.resource(address)
            if resource is not None and address.kind == "policy":
                found |= holders(side.state, side.arn(resource))
            elif resource is not None:
                found |= {one.address for one in side.state if address.name in getattr(one.spec, "groups", ())}
        return frozenset(found)

    def _compared(self, address: Address, name: str, item: str, principal: Address) -> Access:
        have, want = self.live.state.resources[address], self.declared.state.resources[address]
        other = self._exchanged(self._as_it_is(item) if name in _LISTED else self.declared, want, have, name, item)
        with_it = compared(self.declared, other, principal)
        if with_it.gained:
            return with_it
        return compared(self._exchanged(self.live, have, want, name, item), self.live, principal)

    def _as_it_is(self, item: str) -> Permissions:
        """The declared side, but for a group or policy that is held or not: what holding it gives now counts."""
        have = self.live.named(item) or self.live.resource(Address("group", item))
        if have is None or not self.tells(have.address):
            return self.declared
        return self.declared.changed(have)

    def _exchanged(self, side: Permissions, own: Resource, other: Resource, name: str, item: str) -> Permissions:
        """One side with one member as it is on the other."""
        value = _with(getattr(own.spec, name), getattr(other.spec, name), name, item)
        return side.changed(replace(own, spec=replace(own.spec, **{name: value})))


def _path(resource: Resource) -> str:
    return str(getattr(resource.spec, "path", "/"))


def _with(own: Any, other: Any, name: str, item: str) -> Any:
    """The value of one side, but for one member, which is as it is on the other."""
    if name in _LISTED:
        kept = tuple(one for one in own if one != item)
        return tuple(sorted((*kept, item))) if item in other else kept
    if name in _NAMED:
        held = {key: document for key, document in own if key != item}
        held |= {key: document for key, document in other if key == item}
        return tuple(sorted(held.items(), key=lambda pair: pair[0]))
    return other
