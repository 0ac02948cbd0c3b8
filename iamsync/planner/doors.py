"""Trust policies in the order of a plan: what a role's door, opened or shut, gives to those who may come in, and takes.

Somebody assumes a role where its trust policy names them, or names their account and their own policies allow it.
So what names them is a grant like any other, and what names their account is a limit to what they hold.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from iamsync.kinds.kind import Act, Phase
from iamsync.model import Address
from iamsync.planner.concern import Concern
from iamsync.policy.document import Document
from iamsync.policy.edits import Moves, Part, moved, moves
from iamsync.policy.globs import of_arn, of_text
from iamsync.policy.match import Principals, Reach, meant
from iamsync.policy.request import Principal

_ENTERS: Final = "sts:assumerole"
_CALLS: Final = of_text("sts:*", fold=True)
# The parameter of a trust policy in each call that opens or shuts a role's door; a deleted role has none.
_PARAMS: Final = {
    "CreateRole": "AssumeRolePolicyDocument",
    "UpdateAssumeRolePolicy": "PolicyDocument",
    "DeleteRole": "",
}


def opens(act: Act) -> bool:
    """Whether an act makes or deletes a role, or puts over its trust policy."""
    return act.call.operation in _PARAMS


def speaks(act: Act, concern: Concern) -> bool:
    """Whether what an act moves may be about assuming a role."""
    return concern.speaks_of(act, _ENTERS)


def way_in(act: Act, concern: Concern) -> tuple[Part, ...]:
    """What a role's door is about for those who come in: the calls of STS, on this role."""
    where = of_arn(concern.arn_of(act.address), variables=False)
    return (Part(True, _CALLS, where, None, (None, None), frozenset()),)


class Guests:
    """Users and roles who may come in, each as policies name it, and whom of them a name means."""

    def __init__(self, concern: Concern, people: Iterable[Address]) -> None:
        self._all = [(who, principal) for who in people if (principal := concern.principal(who)) is not None]
        self._at: dict[str, list[tuple[Address, Principal]]] = {}
        for who, principal in self._all:
            self._at.setdefault(principal.arn, []).append((who, principal))

    def of(self, part: Part) -> Sequence[tuple[Address, Principal]]:
        """Those to whom a part of `_entries` may do anything."""
        assert part.who is not None
        kind, _, name = part.who.partition(" ")
        arns = meant(kind, name)
        return self._all if arns is None else [one for arn in arns for one in self._at.get(arn, ())]


def entering(act: Act, concern: Concern, guests: Guests) -> dict[Address, tuple[Moves, Moves]]:
    """What an act that `opens` does to those who may come in, where it is about them; sorted.

    First beside what they hold themselves, then inside the trust policy alone, where a statement that comes stands in
    for one that goes, or that a tag puts out of force.
    """
    old = None if act.phase is Phase.CREATE else concern.before.resources.get(act.address)
    before = None if old is None else old.spec.trust_policy
    name = _PARAMS[act.call.operation]
    after = Document.parse(str(act.call.params[name])) if name else None
    does = moves(before, after)
    come = _entries(moved(before, after, does & (Moves.GRANTS | Moves.DENIES)))
    gone = _entries(moved(before, after, does & (Moves.REVOKES | Moves.ALLOWS_AGAIN)))
    found: dict[Address, tuple[Moves, Moves]] = {}
    for parts, at in ((come, 0), (gone, 1)):
        for part in parts:
            for who, principal in guests.of(part):
                if who != act.address and (means := _means(part, principal)[at]):
                    beside, inside = found.get(who, (Moves.NOTHING, Moves.NOTHING))
                    found[who] = (beside | means, inside | _INSIDE[part.allows][at])
    return dict(sorted(found.items()))


# What a statement does inside its own document, as it comes and as it goes: by whether it allows.
_INSIDE: Final = {True: (Moves.GRANTS, Moves.REVOKES), False: (Moves.DENIES, Moves.ALLOWS_AGAIN)}


def _entries(parts: Iterable[Part]) -> tuple[Part, ...]:
    """The parts that are about assuming the role, once for all who are asked about."""
    return tuple(
        part for part in parts if part.who is not None and (part.action is None or part.action.matches(_ENTERS))
    )


def _means(part: Part, who: Principal) -> tuple[Moves, Moves]:
    """What a part of `_entries` does to somebody as it comes, and as it goes."""
    assert part.who is not None
    kind, _, name = part.who.partition(" ")
    if kind == "not":
        reach, doubtful = Reach.NONE, True
    else:
        names = Principals(((kind, name or kind),), negated=False)
        reach, doubts = names.reach(who, denies=not part.allows, bounded=True)
        doubtful = bool(doubts)
    if not part.allows:
        there = reach is not Reach.NONE or doubtful
        return (Moves.DENIES, Moves.ALLOWS_AGAIN) if there else (Moves.NOTHING, Moves.NOTHING)
    comes, goes = Moves.NOTHING, Moves.NOTHING
    if reach > Reach.ACCOUNT or doubtful:
        comes, goes = Moves.GRANTS, Moves.REVOKES
    if reach is Reach.ACCOUNT or doubtful:
        comes, goes = comes | Moves.ALLOWS_AGAIN, goes | Moves.DENIES
    return comes, goes
