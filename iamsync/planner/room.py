"""Room under AWS's quotas: where old and new do not fit together, just enough is taken off first."""

from __future__ import annotations

from collections.abc import Mapping

from iamsync.kinds import KINDS
from iamsync.kinds.fields import Documents, Members
from iamsync.planner.compare import Difference
from iamsync.planner.graph import Graph


def make_room(graph: Graph, difference: Difference, quotas: Mapping[str, int]) -> None:
    """One off, one on, as often as needed; the acts concerned no longer wait their turn."""
    if difference.action != "update" or difference.have is None or difference.want is None:
        return
    for shape in KINDS[difference.address.kind].fields:
        quota = quotas.get(shape.quota) if isinstance(shape, (Members, Documents)) else None
        if quota is None:
            continue
        mine = [n for n in graph.of[difference.address] if graph.acts[n].field == shape.name]
        if isinstance(shape, Members):
            _interleave(graph, mine, len(getattr(difference.have.spec, shape.name)), quota)
        else:
            _shrink_first(graph, mine, difference, quota)


def _interleave(graph: Graph, numbers: list[int], held: int, quota: int) -> None:
    forced_off = [n for n in numbers if n in graph.forced]
    on = sorted(
        (n for n in numbers if graph.acts[n].call.operation.startswith(("Attach", "Add"))),
        key=lambda n: (graph.acts[n].phase, n),
    )
    off = sorted((n for n in numbers if n not in on and n not in forced_off), key=lambda n: (graph.acts[n].phase, n))
    room = quota - held + len(forced_off)
    early = min(max(len(on) - room, 0), len(off))
    late = on[len(on) - early :]
    previous = on[: len(on) - early]
    for removal, addition in zip(off, late, strict=False):
        graph.forced.add(removal)
        graph.waits[removal].update(previous)
        graph.waits[addition].add(removal)
        previous = [addition]
    if len(on) > quota - held:
        for addition in on:
            graph.waits[addition].update(forced_off)


def _shrink_first(graph: Graph, numbers: list[int], difference: Difference, quota: int) -> None:
    """Inline documents share one quota: when old and new do not fit together, the smaller state comes first."""
    assert difference.have is not None
    assert difference.want is not None
    have, want = dict(difference.have.spec.inline_policies), dict(difference.want.spec.inline_policies)
    peak = sum(
        max(have[name].size if name in have else 0, want[name].size if name in want else 0) for name in have | want
    )
    if peak <= quota:
        return

    def growth(number: int) -> tuple[int, int]:
        name = graph.acts[number].item
        before = have[name].size if name in have else 0
        return (want[name].size if name in want else 0) - before, number

    previous: int | None = None
    for number in sorted(numbers, key=growth):
        graph.forced.add(number)
        if previous is not None:
            graph.waits[number].add(previous)
        previous = number
