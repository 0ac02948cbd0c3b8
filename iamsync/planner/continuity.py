"""Who keeps what while a plan runs: steps that give and take from one principal, put in the right order.

For each request of a principal: denials of it go on before what grants it, a grant comes before the
revocation of another, a revocation before a denial comes off, and a denial before another comes off.
Then nobody lacks, at any moment, what is allowed before and after, and nobody has what is allowed on
neither side. Where calls that do several things at once cannot keep to this, the classical order is
taken (deny, grant, edit, revoke, allow again), and a finding says what may be seen meanwhile.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import product
from typing import Final, TypeAlias, TypeVar

from iamsync.kinds.fields import REPLACED
from iamsync.kinds.kind import Act, Phase
from iamsync.model import Address, Call, Finding
from iamsync.planner import doors as doorway
from iamsync.planner.concern import Concern, sees_coming, sees_going
from iamsync.planner.graph import Broken, Graph
from iamsync.planner.situation import names_of
from iamsync.policy.edits import Moves, Part, meet

# What must come before what, where both are about one request.
_RULES: Final = (
    (Moves.DENIES, Moves.GRANTS),
    (Moves.GRANTS, Moves.REVOKES),
    (Moves.REVOKES, Moves.ALLOWS_AGAIN),
    (Moves.DENIES, Moves.ALLOWS_AGAIN),
)
# A call never waits for itself, and one that does a single thing never for its like.
_ORDERED: Final = frozenset({Phase.DENY_ON, Phase.GRANT, Phase.MIXED, Phase.REVOKE, Phase.DENY_OFF})
_MOST_MEETINGS: Final = 20_000
# What acts, by their numbers, do to each principal.
_Of: TypeAlias = dict[int, dict[Address, Moves]]
_Whom = TypeVar("_Whom", bound=Hashable)


def keep(graph: Graph, concern: Concern, settle: int) -> tuple[Finding, ...]:
    """Every wait that continuity asks for and that can be, pauses included; what cannot be, as findings."""
    of = {
        number: concern.of(act)
        for number, act in enumerate(graph.acts)
        if act.phase in _ORDERED and act.moves and number not in graph.forced
    }
    entering = _entering(graph, concern, of)
    _by_principal(graph, of)
    _at_doors(graph, entering.doors, entering.beside)
    _at_doors(graph, entering.doors, entering.inside)
    _meanwhile(graph, concern)
    broken = graph.resolve(_Meetings(graph, concern, entering))
    if settle:
        _pauses(graph, settle)
    return tuple(_findings(graph, concern, broken, entering))


@dataclass(frozen=True, slots=True)
class _Entering:
    """What opens and shuts roles' doors, and what else moves whether somebody may enter: by act and by who that is.

    `inside` is what comes and goes in one trust policy for one of them.
    """

    doors: frozenset[int]
    beside: _Of
    inside: dict[int, dict[tuple[Address, Address], Moves]]


def _entering(graph: Graph, concern: Concern, of: _Of) -> _Entering:
    doors = frozenset(
        number
        for number, act in enumerate(graph.acts)
        if doorway.opens(act) and number not in graph.forced and act.address not in graph.replaced
    )
    if not doors:
        return _Entering(doors, {}, {})
    speaking = {n: held for n, held in of.items() if n not in doors and doorway.speaks(graph.acts[n], concern)}
    guests = doorway.Guests(concern, sorted({who for held in speaking.values() for who in held}))
    found = {number: doorway.entering(graph.acts[number], concern, guests) for number in doors}
    met = {who for held in found.values() for who in held}
    beside = {number: {who: does for who, (does, _) in held.items()} for number, held in found.items()}
    inside = {
        number: {(who, graph.acts[number].address): does for who, (_, does) in held.items()}
        for number, held in found.items()
    }
    for number, held in speaking.items():
        act = graph.acts[number]
        if act.field == "tags":
            held = concern.of(act, at_own_door=False)  # what they do at the door is a matter inside its trust policy
        beside[number] = {who: what for who, what in held.items() if who in met}
        inside[number] = {(act.address, role): does for role, (_, does) in concern.at_doors(act).items()}
        inside[number] |= {(who, act.address): does for who, (_, does) in concern.at_own_door(act).items()}
    return _Entering(doors, beside, inside)


def _by_principal(graph: Graph, of: _Of) -> None:
    for kinds in _grouped(of).values():
        _ordered(graph, kinds, kinds)


def _at_doors(graph: Graph, doors: frozenset[int], of: Mapping[int, Mapping[_Whom, Moves]]) -> None:
    """The same between doors and what is none: two doors are about two roles."""
    mine = _grouped({number: held for number, held in of.items() if number in doors})
    others = _grouped({number: held for number, held in of.items() if number not in doors})
    for whom, kinds in mine.items():
        if whom in others:
            _ordered(graph, kinds, others[whom])
            _ordered(graph, others[whom], kinds)


def _grouped(of: Mapping[int, Mapping[_Whom, Moves]]) -> dict[_Whom, dict[Moves, list[int]]]:
    held: dict[_Whom, dict[Moves, list[int]]] = defaultdict(lambda: defaultdict(list))
    for number, principals in of.items():
        for principal, what in principals.items():
            held[principal][what].append(number)
    return held


def _ordered(graph: Graph, first: Mapping[Moves, list[int]], second: Mapping[Moves, list[int]]) -> None:
    for one, other in product(first, second):
        ordered, gap = _rule(one, other)
        if ordered:
            for before in first[one]:
                for after in second[other]:
                    if before != after:
                        graph.prefer(before, after, gap=gap)


@lru_cache(maxsize=256)
def _rule(one: Moves, other: Moves) -> tuple[bool, bool]:
    """Whether what does the one comes before what does the other, and whether that is to leave no gap."""
    rules = [rule for rule in _RULES if rule[0] & one and rule[1] & other]
    return bool(rules), (Moves.GRANTS, Moves.REVOKES) in rules


def _meanwhile(graph: Graph, concern: Concern) -> None:
    """Who comes to hold something that changes sees it only changed, who lets go of it only unchanged."""
    changes: dict[str, list[int]] = defaultdict(list)
    replaced = {concern.arn(address) for address in graph.replaced}
    for number, act in enumerate(graph.acts):
        # What a replacement took off is put back at once, whoever comes and goes.
        if not act.moves or act.phase not in _ORDERED or act.item in replaced or act.field == "tags":
            continue
        if act.address.kind == "policy":
            changes[concern.arn(act.address)].append(number)
        elif act.address.kind == "group":
            changes[act.address.name].append(number)
    if not changes:
        return
    for number, act in enumerate(graph.acts):
        if act.field == "managed_policies":
            _held(graph, concern, number, changes[act.item.removesuffix(REPLACED)], act.item.removesuffix(REPLACED))
        elif act.field == "permissions_boundary":
            for policy, comes in ((act.item, True), *((freed, False) for freed in act.frees)):
                for change in changes[policy]:
                    _either(graph, change, number, comes=comes)
        elif act.field == "groups":
            _joined(graph, concern, number, changes)


def _held(graph: Graph, concern: Concern, number: int, changes: Iterable[int], policy: str) -> None:
    """An attachment that comes or goes, beside changes of its policy."""
    act = graph.acts[number]
    comes = not act.moves & (Moves.REVOKES | Moves.ALLOWS_AGAIN)
    for change in changes:
        seen = (sees_coming if comes else sees_going)(graph.acts[change].moves)
        others = concern.held(policy)[0 if comes else 1]
        if not seen and not (act.address.kind != "group" and act.address in others):
            _either(graph, change, number, comes=comes)


def _joined(graph: Graph, concern: Concern, number: int, changes: dict[str, list[int]]) -> None:
    """A membership that comes or goes, beside changes of its group and of the policies the group keeps."""
    act = graph.acts[number]
    comes = act.call.operation.startswith("Add")
    see = sees_coming if comes else sees_going
    for change in changes[act.item]:
        if not see(graph.acts[change].moves):
            _either(graph, change, number, comes=comes)
    for policy in concern.kept(act.item):
        if act.address not in concern.held(policy)[0 if comes else 1]:
            for change in changes.get(policy, ()):
                if not see(graph.acts[change].moves):
                    _either(graph, change, number, comes=comes)


def _either(graph: Graph, change: int, number: int, *, comes: bool) -> None:
    if comes:
        graph.prefer(change, number, whole=True)
    else:
        graph.prefer(number, change, whole=True)


class _Meetings:
    """Whether one act really has to wait for another: whether what they do is about any request of both."""

    def __init__(self, graph: Graph, concern: Concern, entering: _Entering) -> None:
        self.graph, self.concern, self.entering = graph, concern, entering
        self.left = _MOST_MEETINGS
        self.kept: dict[tuple[int, int, bool], tuple[Part, ...] | None] = {}

    def __call__(self, before: int, after: int) -> bool:
        self.left -= 1
        if self.left < 0:
            return True
        apart = self.apart(before, after)
        for at, (first, second) in enumerate(_RULES):
            mine = self.parts(before, 2 * at, first, apart)
            if mine == ():
                continue
            its = self.parts(after, 2 * at + 1, second, apart)
            if its == ():
                continue
            if mine is None or its is None or meet(mine, its):
                return True
        return False

    def apart(self, before: int, after: int) -> bool:
        """Whether a role's door meets what is no matter of the role itself: only who comes in is concerned then."""
        acts = (self.graph.acts[before], self.graph.acts[after])
        doors = {act.address for act in acts if doorway.opens(act)}
        others = [act for act in acts if not doorway.opens(act)]
        return bool(doors) and not any(door in self.concern.of(act) for door in doors for act in others)

    def parts(self, number: int, at: int, which: Moves, apart: bool) -> tuple[Part, ...] | None:
        """What an act does in one way; None where the documents do not tell, nothing where it does nothing so.

        `apart`: of a role's door it is what it does to those who come in.
        """
        key = (number, at, apart)
        if key not in self.kept:
            act = self.graph.acts[number]
            if apart and doorway.opens(act):
                does = Moves.NOTHING
                for what in (*self.entering.beside[number].values(), *self.entering.inside[number].values()):
                    does |= what
                self.kept[key] = doorway.way_in(act, self.concern) if does & which else ()
                return self.kept[key]
            found = act.moves
            for what in self.concern.of(act).values():
                found |= what
            if self.concern.at_own_door(act) and not self.concern.of(act, at_own_door=False):
                self.kept[key] = doorway.way_in(act, self.concern) if found & which else ()
            else:
                self.kept[key] = self.concern.parts(act, which) if found & which else ()
        return self.kept[key]


def _pauses(graph: Graph, settle: int) -> None:
    """Time between what gives and what takes, once for all that wait for the same."""
    gives: dict[int, frozenset[int]] = {
        number: frozenset(before for before, gap in wanted.items() if gap)
        for number, wanted in enumerate(graph.soft)
        if any(wanted.values())
    }
    made: dict[frozenset[int], int] = {}
    for number, before in gives.items():
        # What another one of them waited for, and then paused, needs no second wait.
        key = before - frozenset(far for near in before for far in gives.get(near, ()))
        if key not in made:
            address = min(graph.acts[n].address for n in key)
            pause = Act(address, Phase.MIXED, "neutral", "", "", Call("wait", {"seconds": settle}))
            made[key] = graph.add(pause, *key)
        for give in before:
            del graph.soft[number][give]
        graph.waits[number].add(made[key])


def _findings(graph: Graph, concern: Concern, broken: Sequence[Broken], entering: _Entering) -> Iterator[Finding]:
    told: dict[tuple[str, Address, bool], tuple[dict[str, None], set[Address]]] = {}
    for one in broken:
        before, after = graph.acts[one.before], graph.acts[one.after]
        mixed = before if before.phase is Phase.MIXED else after
        other = after if mixed is before else before
        words, whom = told.setdefault((_case(mixed, other).id, mixed.address, one.gap), ({}, set()))
        words[f"{_words(mixed)} beside {_words(other)}"] = None
        mine, its = (
            {*concern.of(graph.acts[number]), *entering.beside.get(number, ())} for number in (one.before, one.after)
        )
        whom.update((mine & its) or {after.address})
    for (case, address, gap), (words, whom) in sorted(told.items()):
        what = "refused what it may do before and after" if gap else "allowed what it may do neither before nor after"
        more = f"; {len(words) - _MOST_WORDS} more" if len(words) > _MOST_WORDS else ""
        yield replace(
            _CASES[case],
            title=f"for a moment of the apply {names_of(sorted(whom))} may be {what}",
            address=address,
            evidence="; ".join(list(words)[:_MOST_WORDS]) + more,
        )


_MOST_WORDS: Final = 3
_STEPS: Final = "apply it in two steps: what only grants and widens first, the rest afterwards"
_SWAP: Final = Finding("boundary-swap", "medium", "", remedy="change the boundary in an apply of its own")
_EDIT: Final = Finding("mixed-edit", "medium", "", remedy=_STEPS)
_MOVES: Final = Finding("crossed-moves", "medium", "", remedy=_STEPS)
_TAGS: Final = Finding("tag-edit", "medium", "", remedy="change the tags in an apply of their own")
_CASES: Final = {case.id: case for case in (_SWAP, _EDIT, _MOVES, _TAGS)}


def _case(mixed: Act, other: Act) -> Finding:
    if "permissions_boundary" in (mixed.field, other.field):
        return _SWAP
    if "tags" in (mixed.field, other.field):
        return _TAGS
    return _EDIT if mixed.phase is Phase.MIXED else _MOVES


def _words(act: Act) -> str:
    """An act as a reviewer knows it."""
    item = f" {act.item.removesuffix(REPLACED).rpartition('/')[2]}" if act.item else ""
    return f"{act.call.operation}{item} of {act.address}"
