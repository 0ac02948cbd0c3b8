"""What of the live account is ours to look at: declared, watched, or somebody else's."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from iamsync.kinds import FURTHER
from iamsync.kinds.owners import owner_of
from iamsync.model import Address, Reported, Resource, State
from iamsync.settings import Scope


@dataclass(frozen=True, slots=True)
class Sorted:
    """The undeclared live resources: those watched, and those left alone with the reason."""

    watched: tuple[Resource, ...]
    left: tuple[Reported, ...]


def in_scope(resource: Resource, scope: Scope) -> bool:
    """Whether an undeclared resource is watched by the operator's own selectors."""
    path, tags = getattr(resource.spec, "path", "/"), dict(getattr(resource.spec, "tags", ()))
    return scope.include(resource.address, path, tags) and not scope.exclude(resource.address, path, tags)


def sort(live: State, declared: set[Address], scope: Scope) -> Sorted:
    """Every live resource that nobody declares, in one of two places."""
    watched: list[Resource] = []
    left: list[Reported] = []
    for resource in live:
        if resource.address in declared:
            continue
        owner = owner_of(resource)
        if owner is not None:
            left.append(Reported(resource.address, f"owned by {owner.name}: {owner.evidence}", owner.name))
        elif in_scope(resource, scope):
            watched.append(resource)
        else:
            left.append(Reported(resource.address, "outside the scope"))
    return Sorted(tuple(watched), tuple(left))


def looked_at(states: Iterable[State], scope: Scope) -> frozenset[str]:
    """The kinds that must be read although no bulk call brings them.

    Those of which one of these states declares or removes something, or which the scope names.
    """
    kinds = {address.kind for state in states for address in state.resources}
    kinds |= {removal.address.kind for state in states for removal in state.removed}
    kinds |= {pattern.kind for pattern in scope.include.patterns if not pattern.exclude}
    return FURTHER & kinds
