"""The graph of a plan while it is being made: acts by number, and what each waits for."""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from iamsync.errors import InputError
from iamsync.kinds.kind import Act, Phase
from iamsync.model import Address, Step

_KIND_ORDER: Final = {"policy": 0, "group": 1, "user": 2, "role": 3}


@dataclass(slots=True)
class Graph:
    """Acts and their waits; a pause is an act without a call of AWS.

    `forced` are acts whose turn does not follow from what they give or take. `created`, `renamed`,
    `moved` and `deleted` are the acts that change what a resource is called, `replaced` those that
    are deleted and come back.
    """

    acts: list[Act] = field(default_factory=list)
    waits: list[set[int]] = field(default_factory=list)
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
        self.of[act.address].append(len(self.acts) - 1)
        return len(self.acts) - 1

    def numbered(self) -> tuple[Step, ...]:
        """Steps in topological order, ties broken by phase and address, so that equal plans are equal bytes."""
        following: dict[int, list[int]] = defaultdict(list)
        open_waits = [len(waits) for waits in self.waits]
        for number, waits in enumerate(self.waits):
            for before in waits:
                following[before].append(number)
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

    def _turn(self, number: int) -> tuple[int, int, Address, str, str, str, int]:
        act = self.acts[number]
        kind = _KIND_ORDER.get(act.address.kind, 9)
        # Deletions run the other way round: who uses goes before what is used.
        kind = -kind if act.phase is Phase.DELETE else kind
        return (act.phase, kind, act.address, act.field, act.item, act.call.operation, number)

    def _step(self, number: int, ids: Mapping[int, str]) -> Step:
        act = self.acts[number]
        after = tuple(sorted((ids[n] for n in self.waits[number]), key=lambda step: int(step[1:])))
        if act.call.operation == "wait":
            return Step(ids[number], None, act.call, act.effect, after)
        touches = {act.address}
        if act.field == "groups":
            touches.add(Address("group", act.item))
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
