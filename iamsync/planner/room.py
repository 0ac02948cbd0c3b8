"""Room under AWS's quotas: where old and new do not fit together, just enough is taken off first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from iamsync.kinds import KINDS
from iamsync.kinds.fields import REPLACED, Documents, Members, Names
from iamsync.model import Finding
from iamsync.planner.compare import Difference
from iamsync.planner.graph import Graph


def make_room(graph: Graph, difference: Difference, quotas: Mapping[str, int]) -> Iterator[Finding]:
    """One off, one on, as often as needed; the acts concerned no longer wait their turn, and a finding says so."""
    if difference.action != "update" or difference.have is None or difference.want is None:
        return
    for shape in KINDS[difference.address.kind].fields:
        if isinstance(shape, Names):
            quota: int | None = shape.most
        else:
            quota = quotas.get(shape.quota) if isinstance(shape, (Members, Documents)) else None
        if quota is None:
            continue
        mine = [n for n in graph.of[difference.address] if graph.acts[n].field == shape.name]
        if isinstance(shape, (Members, Names)):
            early = _interleave(graph, mine, len(getattr(difference.have.spec, shape.name)), quota)
        else:
            early = _shrink_first(graph, mine, difference, quota)
        if early:
            names = [graph.acts[number].item.removesuffix(REPLACED).rpartition("/")[2] for number in early]
            yield Finding(
                "quota-swap",
                "medium",
                f"old and new {shape.name} of {difference.address} do not fit together ({quota} at most): "
                f"{', '.join(names)} must give way first",
                difference.address,
                evidence="for a moment of the apply what these grant is missing, and what they deny is not denied",
                remedy="make room first: put several policies into one",
                origin=difference.origin,
            )


def _interleave(graph: Graph, numbers: list[int], held: int, quota: int) -> list[int]:
    """Takes off as many as needed, each just before one that goes on; these are returned."""
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
    return off[:early]


def _shrink_first(graph: Graph, numbers: list[int], difference: Difference, quota: int) -> list[int]:
    """Inline documents share one quota: when old and new do not fit together, the smaller state comes first."""
    assert difference.have is not None
    assert difference.want is not None
    have, want = dict(difference.have.spec.inline_policies), dict(difference.want.spec.inline_policies)
    peak = sum(
        max(have[name].size if name in have else 0, want[name].size if name in want else 0) for name in have | want
    )
    if peak <= quota:
        return []

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
    return [number for number in sorted(numbers, key=growth) if growth(number)[0] <= 0]
