"""Whom an act concerns and how: what it gives to and takes from each principal, before and after the plan."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Final, TypeAlias

from iamsync import arn
from iamsync.kinds.fields import REPLACED
from iamsync.kinds.kind import Act, Context, effect_of, phase_of
from iamsync.model import EMPTY, Address, Resource, State
from iamsync.planner.bearers import Retagged, asks, of_bearer, of_door, of_guest, retagged
from iamsync.policy.document import Document
from iamsync.policy.edits import Moves, Part, about, limiting, moved, moves
from iamsync.policy.request import Principal

# What someone who comes to hold it may see done to it meanwhile, and someone who is about to let go.
_COMING: Final = Moves.GRANTS | Moves.DENIES
_GOING: Final = Moves.REVOKES | Moves.ALLOWS_AGAIN
# What of a document that limits is limited more by it, and less.
_LIMITED: Final = {
    Moves.DENIES: Moves.REVOKES | Moves.DENIES,
    Moves.ALLOWS_AGAIN: Moves.GRANTS | Moves.ALLOWS_AGAIN,
}


_Asking: TypeAlias = tuple[Document, set[Address], set[Address]]


class _Side:
    """One state: who is in which group, who holds which policy, and what its documents say."""

    def __init__(self, state: State, cx: Context, aws: Mapping[str, tuple[str, Document]]) -> None:
        self.members: dict[str, set[Address]] = defaultdict(set)
        self.holders: dict[str, set[Address]] = defaultdict(set)
        self.bounded: dict[str, set[Address]] = defaultdict(set)
        self.documents: dict[str, Document] = {held: document for held, (_, document) in aws.items()}
        self.arns: dict[Address, str] = {}
        self.resources = state.resources
        for resource in state:
            self._add(resource, cx)

    def _add(self, resource: Resource, cx: Context) -> None:
        spec, address = resource.spec, resource.address
        for group in getattr(spec, "groups", ()):
            self.members[group].add(address)
        for held in getattr(spec, "managed_policies", ()):
            self.holders[held.removesuffix(REPLACED)].add(address)
        if boundary := getattr(spec, "permissions_boundary", None):
            self.bounded[boundary].add(address)
        if address.kind == "policy":
            self.arns[address] = cx.arn(address, spec.path)
            self.documents[self.arns[address]] = spec.document

    def holding(self, policy: str) -> set[Address]:
        """The users and roles that hold a policy, themselves or through a group."""
        found: set[Address] = set()
        for holder in self.holders.get(policy, ()):
            found |= self.within(holder)
        return found

    def within(self, holder: Address) -> set[Address]:
        """A user or role itself, the members of a group."""
        return self.members.get(holder.name, set()) if holder.kind == "group" else {holder}


class Concern:
    """Members, holders and documents of the two states that a plan lies between, looked up once for all of it."""

    def __init__(
        self, before: State, after: State, cx: Context, aws: Mapping[str, tuple[str, Document]] = EMPTY
    ) -> None:
        self.before, self.after = _Side(before, cx, aws), _Side(after, cx, aws)
        self.cx = cx
        self._holding: dict[str, tuple[set[Address], set[Address]]] = {}
        self._asked: tuple[_Asking, ...] | None = None
        self._groups: dict[str, tuple[tuple[str, Document | None], ...]] = {}
        self._trusts: tuple[tuple[Address, Document | None, Document | None], ...] | None = None
        self._principals: dict[Address, Principal | None] = {}
        self._people: dict[Address, Principal] | None = None
        self._own_doors: dict[tuple[Address, bool, frozenset[str]], dict[Address, tuple[Moves, Moves]]] = {}

    def of(self, act: Act, *, at_own_door: bool = True) -> dict[Address, Moves]:
        """What an act does to the permissions of each principal that is concerned all along.

        Without `at_own_door` not by a role's tags that its own trust policy asks for.
        Whoever comes to hold the changed group or policy in the same plan, or lets go of it, is told
        only what does no harm to be seen too early or too late; the rest is a matter of `meanwhile`.
        """
        if act.field == "tags":
            return self._of_tags(act, at_own_door) if act.moves else {}
        if act.address.kind == "policy":
            return self._of_policy(act)
        if act.address.kind == "group":
            sides = (self.before.within(act.address), self.after.within(act.address))
            return dict(self._seen(*sides, act.moves))
        # An instance profile is nobody: what it passes on is what its role may do, and access-gap tells of a change.
        return {act.address: act.moves} if act.moves and act.address.kind in ("user", "role") else {}

    def _of_tags(self, act: Act, at_own_door: bool = True) -> dict[Address, Moves]:
        old, new = (side.resources.get(act.address) for side in (self.before, self.after))
        if old is None or new is None:
            return {}
        change = retagged(act, dict(old.spec.tags), dict(new.spec.tags))
        found: dict[Address, Moves] = {}
        for document, before, after in self._asking():
            if asks((document,), change.keys):
                found |= dict.fromkeys(before | after, Moves.EVERYTHING)
        for who, (beside, _) in self.at_own_door(act).items() if at_own_door else ():
            found[who] = found.get(who, Moves.NOTHING) | beside
        if act.address.kind in ("user", "role"):
            name = self.cx.arn(act.address, new.spec.path)
            was = [document for document, before, _ in self._asking() if act.address in before]
            will = [document for document, _, after in self._asking() if act.address in after]
            does = of_bearer(change, name, was, will) | self._of_tags_and_limit(change, name, old, new)
            for beside, _ in self.at_doors(act).values():
                does |= beside
            if does:
                found[act.address] = found.get(act.address, Moves.NOTHING) | does
        return found

    def _of_tags_and_limit(self, change: Retagged, name: str, old: Resource, new: Resource) -> Moves:
        """What tags do through a permissions boundary that asks for them."""
        limits = [
            side.documents.get(limit) if (limit := one.spec.permissions_boundary) else None
            for side, one in ((self.before, old), (self.after, new))
        ]
        known = [[limit] for limit in limits if limit is not None]
        if not known:
            return Moves.NOTHING
        does = of_bearer(change, name, known[0], known[-1])
        if does and limits[0] != limits[1]:
            return Moves.EVERYTHING
        less = Moves.DENIES if does & (Moves.REVOKES | Moves.DENIES) else Moves.NOTHING
        return less | (Moves.ALLOWS_AGAIN if does & (Moves.GRANTS | Moves.ALLOWS_AGAIN) else Moves.NOTHING)

    def _asking(self) -> tuple[_Asking, ...]:
        """The documents that ask for any tag, each with the principals that hold it before, and after."""
        if self._asked is None:
            found: dict[Document, tuple[set[Address], set[Address]]] = {}
            for at, side in enumerate((self.before, self.after)):
                for address, resource in side.resources.items():
                    for _, document in getattr(resource.spec, "inline_policies", ()):
                        if "tag/" in document.key.lower():
                            found.setdefault(document, (set(), set()))[at].update(side.within(address))
                for policy, document in side.documents.items():
                    if "tag/" in document.key.lower():
                        found.setdefault(document, (set(), set()))[at].update(side.holding(policy))
            self._asked = tuple((document, *holders) for document, holders in found.items())
        return self._asked

    def at_doors(self, act: Act) -> dict[Address, tuple[Moves, Moves]]:
        """What tags of a user or role do at each role whose trust policy asks for them (`bearers.of_guest`)."""
        old, new = (side.resources.get(act.address) for side in (self.before, self.after))
        who = self.principal(act.address)
        if act.field != "tags" or old is None or new is None or who is None:
            return {}
        change = retagged(act, dict(old.spec.tags), dict(new.spec.tags))
        found = {role: of_guest(change, who, *sides) for role, *sides in self._trusts_by_tag() if role != act.address}
        return {role: does for role, does in found.items() if any(does)}

    def at_own_door(self, act: Act) -> dict[Address, tuple[Moves, Moves]]:
        """What tags of a role do to those who may come in, where its own trust policy asks for them."""
        old, new = (side.resources.get(act.address) for side in (self.before, self.after))
        if act.field != "tags" or act.address.kind != "role" or old is None or new is None:
            return {}
        change = retagged(act, dict(old.spec.tags), dict(new.spec.tags))
        trusts = (old.spec.trust_policy, new.spec.trust_policy)
        if not asks(trusts, change.keys):
            return {}
        key = (act.address, "Tags" in act.call.params, change.keys)
        if key not in self._own_doors:
            people = {address: who for address, who in self._everybody().items() if address != act.address}
            self._own_doors[key] = of_door(change, people, self.arn_of(act.address), *trusts)
        return self._own_doors[key]

    def _everybody(self) -> Mapping[Address, Principal]:
        """The users and roles of both states, sorted."""
        if self._people is None:
            known = ((each, self.principal(each)) for each in sorted({*self.before.resources, *self.after.resources}))
            self._people = {address: who for address, who in known if who is not None}
        return self._people

    def _trusts_by_tag(self) -> tuple[tuple[Address, Document | None, Document | None], ...]:
        """The roles whose trust policies ask for tags, with what they say before, and after."""
        if self._trusts is None:
            found = []
            for address in sorted({*self.before.resources, *self.after.resources}):
                if address.kind == "role":
                    sides = (self.before.resources.get(address), self.after.resources.get(address))
                    old, new = (None if one is None else one.spec.trust_policy for one in sides)
                    if any(one is not None and "tag/" in one.key.lower() for one in (old, new)):
                        found.append((address, old, new))
            self._trusts = tuple(found)
        return self._trusts

    def _of_policy(self, act: Act) -> dict[Address, Moves]:
        policy = self.arn(act.address)
        found = dict(self._seen(*self.held(policy), act.moves))
        both = self.before.bounded.get(policy, set()) & self.after.bounded.get(policy, set())
        limits = limiting(act.was, act.will)
        for holder in both if limits else ():
            found[holder] = found.get(holder, Moves.NOTHING) | limits
        return found

    def _seen(self, old: set[Address], new: set[Address], what: Moves) -> Iterator[tuple[Address, Moves]]:
        for principal in old | new:
            if principal not in old and not sees_coming(what):
                continue
            if principal not in new and not sees_going(what):
                continue
            if what:
                yield principal, what

    def held(self, policy: str) -> tuple[set[Address], set[Address]]:
        """Who holds a policy before and after, through groups too."""
        if policy not in self._holding:
            self._holding[policy] = (self.before.holding(policy), self.after.holding(policy))
        return self._holding[policy]

    def refined(self, act: Act) -> Act:
        """The act with its true moves, as far as the documents that it puts on or takes off are known."""
        if act.field == "tags":
            does = Moves.NOTHING
            for what in self._of_tags(act).values() if self._asking() or self._trusts_by_tag() else ():
                does |= what
            return replace(act, phase=phase_of(does), effect=effect_of(does), moves=does) if does else act
        if act.field == "managed_policies":
            policy = act.item.removesuffix(REPLACED)
            return _told(act, _on(policy, self._document(policy, act)))
        if act.field == "groups":
            found = Moves.NOTHING
            for policy, document in self._of_group(act.item):
                found |= _on(policy, document)
            return _told(act, found)
        if act.field == "permissions_boundary" and act.item and act.frees:
            was, will = self.before.documents.get(act.frees[0]), self.after.documents.get(act.item)
            if was is not None and will is not None:
                does = limiting(was, will)
                return replace(act, phase=phase_of(does), effect=effect_of(does), moves=does, was=was, will=will)
        return act

    def _document(self, policy: str, act: Act) -> Document | None:
        sides = (self.after, self.before) if act.moves is Moves.GRANTS else (self.before, self.after)
        return next((side.documents[policy] for side in sides if policy in side.documents), None)

    def _of_group(self, name: str) -> tuple[tuple[str, Document | None], ...]:
        """All documents that a group has before or after, each with the ARN of its policy or nothing."""
        if name not in self._groups:
            found: dict[tuple[str, Document | None], None] = {}
            for side in (self.before, self.after):
                group = side.resources.get(Address("group", name))
                if group is not None:
                    found.update({("", document): None for _, document in group.spec.inline_policies})
                    policies = [held.removesuffix(REPLACED) for held in group.spec.managed_policies]
                    found.update({(policy, side.documents.get(policy)): None for policy in policies})
            self._groups[name] = tuple(found)
        return self._groups[name]

    def parts(self, act: Act, which: Moves) -> tuple[Part, ...] | None:
        """The parts of documents that an act puts on or takes off in this way; None where they are not known."""
        if act.field == "permissions_boundary" or act.field == "trust_policy":
            if which not in _LIMITED:
                return ()
            known = act.field == "permissions_boundary" and act.was is not None
            return moved(act.was, act.will, _LIMITED[which]) if known else None
        if act.was is not None or act.will is not None:
            if act.address.kind == "policy" and which in _LIMITED and self.bounded(act.address):
                which |= _LIMITED[which]
            return moved(act.was, act.will, which)
        documents = self._whole(act)
        if documents is None:
            return None
        comes = bool(act.moves & _COMING)
        found: list[Part] = []
        for document in documents:
            if document is None:
                return None
            found += moved(None, document, which) if comes else moved(document, None, which)
        return tuple(found)

    def speaks_of(self, act: Act, action: str) -> bool:
        """Whether anything that an act moves may be about an action, in lower case."""
        edits = act.was is not None or act.will is not None
        if not edits and act.field in ("managed_policies", "groups"):
            documents = self._whole(act) or ()
            return any(document is None or about(document, action) for document in documents)
        if edits and not about(act.was, action) and not about(act.will, action):
            return False
        parts = self.parts(act, Moves.EVERYTHING)
        return parts is None or any(part.action is None or part.action.matches(action) for part in parts)

    def _whole(self, act: Act) -> list[Document | None] | None:
        """The documents that an attachment or membership puts on or takes off, as far as they are known."""
        if act.field == "managed_policies":
            return [self._document(act.item.removesuffix(REPLACED), act)]
        if act.field == "groups":
            return [document for _, document in self._of_group(act.item)]
        return None

    def arn(self, policy: Address) -> str:
        """The ARN that a policy has before and after."""
        return self.after.arns.get(policy) or self.before.arns.get(policy, "")

    def arn_of(self, address: Address) -> str:
        """The ARN of a user or role, as it is after the plan where it is there then."""
        found = self.after.resources.get(address) or self.before.resources.get(address)
        return self.cx.arn(address, found.spec.path if found is not None else "/")

    def principal(self, address: Address) -> Principal | None:
        """A user or role as policies name it; None for what is there neither before nor after."""
        if address not in self._principals:
            found = self.after.resources.get(address) or self.before.resources.get(address)
            known = found is not None and address.kind in ("user", "role")
            # A bare id in a trust policy is what AWS leaves of a principal that is gone: nobody's who is here.
            self._principals[address] = Principal.of(self.arn_of(address), unique_id="-") if known else None
        return self._principals[address]

    def kept(self, group: str) -> tuple[str, ...]:
        """The policies that a group holds before and after, sorted."""
        sides = (side.resources.get(Address("group", group)) for side in (self.before, self.after))
        held = [{p.removesuffix(REPLACED) for p in one.spec.managed_policies} if one else set() for one in sides]
        return tuple(sorted(held[0] & held[1]))

    def bounded(self, policy: Address) -> set[Address]:
        """Whose permissions boundary a policy is, before or after."""
        held = self.arn(policy)
        return self.before.bounded.get(held, set()) | self.after.bounded.get(held, set())


def sees_coming(what: Moves) -> bool:
    """Whether a change may be seen by someone who comes to hold what is changed."""
    return not what & ~_COMING


def sees_going(what: Moves) -> bool:
    """Whether a change may be seen by someone who is about to let go of what is changed."""
    return not what & ~_GOING


def denies_by_name(name: str) -> bool:
    """AWS's own policies that exist to take permission away."""
    return name.startswith(("AWSCompromisedKeyQuarantine", "AWSDenyAll"))


def _on(policy: str, document: Document | None) -> Moves:
    """What putting a policy on does; of an unknown document its name tells."""
    if document is not None:
        return moves(None, document)
    parsed = arn.parse(policy)
    named = parsed is not None and parsed.account == "aws" and denies_by_name(parsed.name)
    return Moves.DENIES if named else Moves.GRANTS


def _told(act: Act, on: Moves) -> Act:
    """An attachment or membership, put on or taken off, with what is in it; told as grant where it grants anything."""
    does = on if act.moves is Moves.GRANTS else _off(on)
    if on is Moves.DENIES:
        return replace(act, phase=phase_of(does), effect=effect_of(does), moves=does)
    return replace(act, moves=does or act.moves)


def _off(on: Moves) -> Moves:
    granted = Moves.REVOKES if on & Moves.GRANTS else Moves.NOTHING
    return granted | (Moves.ALLOWS_AGAIN if on & Moves.DENIES else Moves.NOTHING)
