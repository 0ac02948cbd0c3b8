"""Roles and their instance profiles: each lets go of the other once, and a profile is empty for as short as may be."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace

from iamsync.kinds.kind import Act
from iamsync.planner.compare import Difference
from iamsync.planner.graph import Graph


def told_once(differences: Iterable[Difference]) -> Sequence[Difference]:
    """The differences in which a role leaves no profile that itself changes its role: the profile's own acts do it."""
    known = tuple(differences)
    speaking = {d.address.name for d in known if d.address.kind == "instance_profile" and _relinks(d)}
    if not speaking:
        return known
    return tuple(_without(d, speaking) if d.address.kind == "role" else d for d in known)


def _relinks(difference: Difference) -> bool:
    return any(act.field == "role" for act in difference.acts)


def _without(role: Difference, profiles: AbstractSet[str]) -> Difference:
    def others(acts: tuple[Act, ...]) -> tuple[Act, ...]:
        return tuple(act for act in acts if act.field != "instance_profiles" or act.item not in profiles)

    return replace(role, before=others(role.before), after=others(role.after))


def swaps(graph: Graph, difference: Difference) -> None:
    """A role leaves its profile only when the next one can join, unless it is itself what the next one waits for."""
    if difference.address.kind != "instance_profile" or difference.action != "update":
        return
    mine = [number for number in graph.of[difference.address] if graph.acts[number].field == "role"]
    if len(mine) != 2:
        return
    leaving, joining = mine
    if leaving not in graph.forced:  # the role it leaves is replaced, and cannot come back before
        graph.waits[leaving].update(graph.waits[joining] - {leaving})
