"""The graph of a plan while it is being made: acts by number, and what each waits for."""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from typing import Final

from iamsync.errors import InputError
from iamsync.kinds.kind import Act, Phase
from iamsync.kinds.operations import WAIT
from iamsync.model import Address, Call, Step

_KIND_ORDER: Final = {"oidc_provider": -2, "saml_provider": -1, "policy": 0, "group": 1, "user": 2, "role": 3}


# Acts beyond which nobody looks for waits that others imply: they do no harm but in print.
_MANY: Final = 10_000
# From so many on, acts that all wait for the same others wait for one pause of no length, which waits for those: 300
# roles beside 300 users are 600 waits then, not 90,000.
_CROWD: Final = 20


@dataclass(frozen=True, slots=True)
class Broken:
    """A wait that could not be: `after` may now come before `before`; `gap` where it takes what that gives."""

    before: int
    after: int
    gap: bool


@dataclass(slots=True)
class Graph:
    """Acts and their waits; a pause is an act without a call of AWS.

    `waits` are hard: nothing works otherwise. `soft` are wanted as far as they can be; the value says
    whether the one gives what the other takes, and those in `whole` hold whatever either is about.
    `forced` are acts whose turn does not follow from what they give or take. `created`, `renamed`,
    `moved` and `deleted` are the acts that change what a resource is called, `replaced` those that
    are deleted and come back.
    """

    acts: list[Act] = field(default_factory=list)
    waits: list[set[int]] = field(default_factory=list)
    soft: list[dict[int, bool]] = field(default_factory=list)
    whole: set[tuple[int, int]] = field(default_factory=set)
    forced: set[int] = field(default_factory=set)
    of: dict[Address, list[int]] = field(default_factory=lambda: defaultdict(list))
    created: dict[Address, int] = field(default_factory=dict)
    renamed: dict[Address, int] = field(default_factory=dict)
    moved: dict[Address, int] = field(default_factory=dict)
    deleted: dict[Address, int] = field(default_factory=dict)
    replaced: set[Address] = field(default_factory=set)

    def add(self, act: Act, *after: int) -> int:
        """One more act, and its number."""
        self.acts.append(act)
        self.waits.append(set(after))
        self.soft.append({})
        self.of[act.address].append(len(self.acts) - 1)
        return len(self.acts) - 1

    def prefer(self, before: int, after: int, *, gap: bool = False, whole: bool = False) -> None:
        """Let one act wait for another if nothing speaks against it.

        `gap`: the first gives what the second takes. `whole`: they are about one thing, whatever is in it.
        """
        if before not in self.waits[after]:
            self.soft[after][before] = gap or self.soft[after].get(before, False)
            if whole:
                self.whole.add((before, after))

    def resolve(self, meets: Callable[[int, int], bool]) -> list[Broken]:
        """Soft waits that stand in a ring are given up until none does; those that mattered are told.

        In a ring the waits of acts that do not `meet` go first, then those of the act whose turn is first.
        """
        following: dict[int, list[int]] = defaultdict(list)
        open_waits = [0] * len(self.acts)
        for number in range(len(self.acts)):
            for before in self.waits[number] | self.soft[number].keys():
                following[before].append(number)
                open_waits[number] += 1
        left = set(range(len(self.acts)))
        ready = [number for number in left if not open_waits[number]]
        broken: list[Broken] = []
        while True:
            while ready:
                number = ready.pop()
                left.discard(number)
                for after in following[number]:
                    open_waits[after] -= 1
                    if not open_waits[after]:
                        ready.append(after)
            rings = first_rings(left, lambda n: (self.waits[n] | self.soft[n].keys()) & left) if left else []
            dropped = [drop for ring in rings for drop in self._given_up(ring, meets)]
            if not dropped:
                return broken  # nothing left, or a ring of hard waits, which `numbered` draws
            for one, told in dropped:
                del self.soft[one.after][one.before]
                following[one.before].remove(one.after)
                open_waits[one.after] -= 1
                if not open_waits[one.after]:
                    ready.append(one.after)
                if told:
                    broken.append(one)

    def _given_up(self, ring: set[int], meets: Callable[[int, int], bool]) -> list[tuple[Broken, bool]]:
        """The soft waits that a ring is opened by, each with whether it mattered."""
        inside = [(before, after) for after in sorted(ring) for before in sorted(self.soft[after].keys() & ring)]
        idle = [pair for pair in inside if pair not in self.whole and not meets(*pair)]
        if idle:
            return [(Broken(*pair, self.soft[pair[1]][pair[0]]), False) for pair in idle]
        free = [number for number in ring if not self.waits[number] & ring]
        if not free:
            return []
        chosen = min(free, key=self._turn)
        return [(Broken(before, after, self.soft[after][before]), True) for before, after in inside if after == chosen]

    def numbered(self) -> tuple[Step, ...]:
        """Steps in topological order, ties broken by phase and address, so that equal plans are equal bytes."""
        self._gather()
        self._settle()
        following: dict[int, list[int]] = defaultdict(list)
        for number, waits in enumerate(self.waits):
            for before in waits:
                following[before].append(number)
        open_waits = [len(waits) for waits in self.waits]
        heap = [self._turn(number) for number, count in enumerate(open_waits) if not count]
        heapq.heapify(heap)
        ids: dict[int, str] = {}
        while heap:
            number = heapq.heappop(heap)[-1]
            ids[number] = f"s{len(ids) + 1}"
            for after in following[number]:
                open_waits[after] -= 1
                if not open_waits[after]:
                    heapq.heappush(heap, self._turn(after))
        if len(ids) != len(self.acts):
            raise self._stuck(set(range(len(self.acts))) - ids.keys())
        return tuple(self._step(number, ids) for number in ids)

    def _gather(self) -> None:
        """Where many acts wait for the same many others, one pause of no length stands between them."""
        awaited: dict[int, int] = defaultdict(int)
        for wanted in self.soft:
            for before in wanted:
                awaited[before] += 1
        many = {before for before, count in awaited.items() if count >= _CROWD}
        crowds: dict[frozenset[int], list[int]] = defaultdict(list)
        for number, wanted in enumerate(self.soft):
            if len(same := many.intersection(wanted)) >= _CROWD:
                crowds[frozenset(same)].append(number)
        for shared, crowd in crowds.items():
            if len(crowd) >= _CROWD:
                address = min(self.acts[number].address for number in shared)
                pause = self.add(Act(address, Phase.MIXED, "neutral", "", "", Call(WAIT, {"seconds": 0})), *shared)
                for number in crowd:
                    for before in shared:
                        del self.soft[number][before]
                    self.waits[number].add(pause)

    def _settle(self) -> None:
        """The soft waits become waits, but for those that the others imply."""
        for number, wanted in enumerate(self.soft):
            self.waits[number] |= wanted.keys()
        if len(self.acts) > _MANY:
            return
        ahead: dict[int, int] = {}  # for each act all that it waits for, near and far, as bits
        left = TopologicalSorter(dict(enumerate(self.waits)))
        try:
            turns = tuple(left.static_order())
        except CycleError:
            return  # `numbered` draws it
        for number in turns:
            far = 0
            for before in self.waits[number]:
                far |= ahead[before]
            implied = [before for before in self.soft[number] if far >> before & 1]
            self.waits[number].difference_update(implied)
            for before in self.waits[number]:
                far |= 1 << before
            ahead[number] = far
        for wanted in self.soft:
            wanted.clear()

    def _turn(self, number: int) -> tuple[int, int, Address, str, str, str, int]:
        act = self.acts[number]
        kind = _KIND_ORDER.get(act.address.kind, 9)
        # Deletions run the other way round: who uses goes before what is used.
        kind = -kind if act.phase is Phase.DELETE else kind
        return (act.phase, kind, act.address, act.field, act.item, act.call.operation, number)

    def _step(self, number: int, ids: Mapping[int, str]) -> Step:
        act = self.acts[number]
        after = tuple(sorted((ids[n] for n in self.waits[number]), key=lambda step: int(step[1:])))
        if act.call.operation == WAIT:
            return Step(ids[number], None, act.call, act.effect, after)
        touches = {act.address}
        if act.field == "groups":
            touches.add(Address("group", act.item))
        elif act.field == "instance_profiles":
            touches.add(Address("instance_profile", act.item))
        elif act.field == "role":
            touches.add(Address("role", act.call.params["RoleName"]))
        return Step(ids[number], act.address, act.call, act.effect, after, tuple(sorted(touches)))

    def _stuck(self, left: set[int]) -> InputError:
        """The error for acts that wait for each other: it draws one ring, resource by resource."""
        path: list[int] = []
        at = min(left)
        while at not in path:
            path.append(at)
            at = min(n for n in self.waits[at] if n in left)
        ring = [str(self.acts[number].address) for number in reversed(path[path.index(at) :])]
        names = [name for n, name in enumerate(ring) if n == 0 or name != ring[n - 1]]
        return InputError(
            f"these resources wait for each other in a ring: {' -> '.join([*names, names[0]])}",
            code="dependency-ring",
            hint="take one of them out of the manifests, apply, and put it back",
        )


def first_rings(nodes: set[int], waits: Callable[[int], Iterable[int]]) -> list[set[int]]:
    """The sets of nodes that wait for each other in rings and for no other ring (Tarjan, without recursion)."""
    index: dict[int, int] = {}
    low: dict[int, int] = {}
    component: dict[int, int] = {}
    rings: list[set[int]] = []
    held: list[int] = []
    for root in sorted(nodes):
        if root in index:
            continue
        stack = [(root, iter(sorted(waits(root))))]
        index[root] = low[root] = len(index)
        held.append(root)
        while stack:
            node, rest = stack[-1]
            following = next(rest, None)
            if following is None:
                stack.pop()
                if stack:
                    low[stack[-1][0]] = min(low[stack[-1][0]], low[node])
                if low[node] == index[node]:
                    found = set(held[held.index(node) :])
                    del held[-len(found) :]
                    component |= dict.fromkeys(found, len(rings))
                    rings.append(found)
            elif following not in index:
                index[following] = low[following] = len(index)
                held.append(following)
                stack.append((following, iter(sorted(waits(following)))))
            elif following not in component:
                low[node] = min(low[node], index[following])
    return [
        ring
        for number, ring in enumerate(rings)
        if len(ring) > 1 and all(component[before] == number for node in ring for before in waits(node))
    ]
