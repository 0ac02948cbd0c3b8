"""Who keeps what while a plan runs: steps that give and take from one principal, put in the right order.

For each request of a principal: denials of it go on before what grants it, a grant comes before the
revocation of another, a revocation before a denial comes off, and a denial before another comes off.
Then nobody lacks, at any moment, what is allowed before and after, and nobody has what is allowed on
neither side. Where calls that do several things at once cannot keep to this, the classical order is
taken (deny, grant, edit, revoke, allow again), and a finding says what may be seen meanwhile.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import product
from typing import Final

from iamsync.kinds.fields import REPLACED
from iamsync.kinds.kind import Act, Phase
from iamsync.model import Address, Call, Finding
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


def keep(graph: Graph, concern: Concern, settle: int) -> tuple[Finding, ...]:
    """Every wait that continuity asks for and that can be, pauses included; what cannot be, as findings."""
    of = {
        number: concern.of(act)
        for number, act in enumerate(graph.acts)
        if act.phase in _ORDERED and act.moves and number not in graph.forced
    }
    _by_principal(graph, of)
    _meanwhile(graph, concern)
    broken = graph.resolve(_Meetings(graph, concern))
    if settle:
        _pauses(graph, settle)
    return tuple(_findings(graph, concern, broken))


def _by_principal(graph: Graph, of: dict[int, dict[Address, Moves]]) -> None:
    held: dict[Address, dict[Moves, list[int]]] = defaultdict(lambda: defaultdict(list))
    for number, principals in of.items():
        for principal, what in principals.items():
            held[principal][what].append(number)
    for kinds in held.values():
        for one, other in product(kinds, kinds):
            ordered, gap = _rule(one, other)
            if ordered:
                for before in kinds[one]:
                    for after in kinds[other]:
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

    def __init__(self, graph: Graph, concern: Concern) -> None:
        self.graph, self.concern = graph, concern
        self.left = _MOST_MEETINGS
        self.kept: dict[tuple[int, int], tuple[Part, ...] | None] = {}

    def __call__(self, before: int, after: int) -> bool:
        self.left -= 1
        if self.left < 0:
            return True
        for at, (first, second) in enumerate(_RULES):
            mine = self.parts(before, 2 * at, first)
            if mine == ():
                continue
            its = self.parts(after, 2 * at + 1, second)
            if its == ():
                continue
            if mine is None or its is None or meet(mine, its):
                return True
        return False

    def parts(self, number: int, at: int, which: Moves) -> tuple[Part, ...] | None:
        """What an act does in one way; None where the documents do not tell, nothing where it does nothing so."""
        key = (number, at)
        if key not in self.kept:
            act = self.graph.acts[number]
            found = act.moves
            for what in self.concern.of(act).values():
                found |= what
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


def _findings(graph: Graph, concern: Concern, broken: Sequence[Broken]) -> Iterator[Finding]:
    told: dict[tuple[str, Address, bool], tuple[dict[str, None], set[Address]]] = {}
    for one in broken:
        before, after = graph.acts[one.before], graph.acts[one.after]
        mixed = before if before.phase is Phase.MIXED else after
        other = after if mixed is before else before
        words, whom = told.setdefault((_case(mixed, other).id, mixed.address, one.gap), ({}, set()))
        words[f"{_words(mixed)} beside {_words(other)}"] = None
        mine, its = concern.of(before), concern.of(after)
        whom.update((mine.keys() & its.keys()) or {after.address})
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
