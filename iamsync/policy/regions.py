"""The cells that a set of patterns cuts a language into, and the shortest wording of a set of cells.

A cell is the set of texts that match exactly the patterns of a bit mask. Patterns with variables take
part twice: as any text when it is asked whether a cell holds anything, by name when it is asked
whether one pattern holds another.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from iamsync.policy.globs import Glob, TooComplex, apart, contains, disjoint, witness

_MOST_CELLS = 1024


@dataclass(frozen=True, slots=True)
class Pieces:
    """A union of patterns without another one: `within` less `without`; both as written."""

    within: tuple[str, ...]
    without: tuple[str, ...] = ()


def bits(mask: int) -> Iterator[int]:
    """The positions of the ones in a mask, lowest first."""
    while mask:
        low = mask & -mask
        yield low.bit_length() - 1
        mask ^= low


@lru_cache(maxsize=65536)
def cells(globs: tuple[Glob, ...], universe: Glob) -> tuple[int, ...]:
    """The masks over `globs` that some text of the universe has; TooComplex where there are too many."""
    if not globs:
        return (0,)
    relations = [_relations(globs, index) for index in range(len(globs))]
    # Wide patterns first: what lies in a narrow one then follows without a search.
    order = sorted(range(len(globs)), key=lambda index: (relations[index][1].bit_count(), index))
    found: list[int] = []
    stack = [(0, 0, 0)]
    while stack:
        depth, inside, outside = stack.pop()
        while depth < len(order):
            index = order[depth]
            apart, above = relations[index]
            depth += 1
            if inside & apart or outside & above:
                outside |= 1 << index
            elif any(relations[held][1] >> index & 1 for held in bits(inside)):
                inside |= 1 << index
            else:
                if len(stack) > _MOST_CELLS:
                    raise TooComplex
                if _meets(globs, universe, inside | 1 << index):
                    stack.append((depth, inside | 1 << index, outside))
                outside |= 1 << index
        if inhabited(globs, universe, inside):
            found.append(inside)
            if len(found) > _MOST_CELLS:
                raise TooComplex
    return tuple(sorted(found))


def _relations(globs: tuple[Glob, ...], index: int) -> tuple[int, int]:
    """Masks of the patterns that never meet this one, and of those that hold all of it."""
    here = globs[index]
    apart = above = 0
    for at, other in enumerate(globs):
        if at == index:
            continue
        if disjoint(here, other):
            apart |= 1 << at
        elif contains(other, here):
            above |= 1 << at
    return apart, above


def _meets(globs: tuple[Glob, ...], universe: Glob, inside: int) -> bool:
    held = _narrowest([globs[index] for index in bits(inside)])
    return (len(held) == 1 and contains(universe, held[0])) or witness((universe, *held), ()) is not None


def _narrowest(globs: Sequence[Glob]) -> list[Glob]:
    """Those that hold no other of them; of several that are equal, the first."""
    if len(globs) == 1:
        return list(globs)
    return [
        one
        for at, one in enumerate(globs)
        if not any(
            to != at and contains(one, other) and (to < at or not contains(other, one))
            for to, other in enumerate(globs)
        )
    ]


@lru_cache(maxsize=131072)
def inhabited(globs: tuple[Glob, ...], universe: Glob, inside: int) -> bool:
    """Whether some text of the universe matches exactly these patterns."""
    held = _narrowest([globs[index] for index in bits(inside)])
    against = [
        glob
        for index, glob in enumerate(globs)
        if not inside >> index & 1
        and not glob.widened
        and not apart(glob, universe)
        and not any(disjoint(glob, other) for other in held)
    ]
    if not against and len(held) <= 1:
        return not held or not disjoint(held[0], universe)
    return witness((universe, *held), tuple(against)) is not None


@lru_cache(maxsize=131072)
def example(globs: tuple[Glob, ...], universe: Glob, inside: int) -> str | None:
    """A shortest text of the universe that matches exactly these patterns."""
    held = _narrowest([globs[index] for index in bits(inside)])
    against = tuple(g for index, g in enumerate(globs) if not inside >> index & 1 and not g.widened)
    return witness((universe, *held), against)


Wording = tuple[Pieces, frozenset[int]]


def worded(globs: tuple[Glob, ...], all_cells: Sequence[int], chosen: frozenset[int], everything: str) -> list[Wording]:
    """The chosen cells as unions of patterns less other patterns, each with its cells; one where that is possible."""
    rest = [cell for cell in all_cells if cell not in chosen]
    if not rest:
        return [(Pieces((everything,)), chosen)]
    whole = [
        index
        for index in range(len(globs))
        if not any(cell >> index & 1 for cell in rest) and any(cell >> index & 1 for cell in chosen)
    ]
    whole = [i for i in whole if not any(_holds(globs, j, i) for j in whole if j != i)]
    covered = frozenset(cell for cell in chosen if any(cell >> index & 1 for index in whole))
    out: list[Wording] = []
    if whole:
        out.append((Pieces(tuple(globs[index].text for index in whole)), covered))
    # The others lie in patterns that hold unchosen cells too, which are left out where that can be said.
    left = chosen - covered
    for cell in sorted(left, key=lambda cell: (cell.bit_count(), cell)):
        if cell not in left:
            continue
        head = _head(globs, cell)
        inside = [other for other in all_cells if all(other >> index & 1 for index in head)]
        right = frozenset(other for other in inside if other in chosen)
        without = _cover(globs, [other for other in inside if other not in chosen], sorted(right))
        if without is None:
            out.append((_exactly(globs, cell, everything), frozenset((cell,))))
            left -= {cell}
        else:
            texts = tuple(globs[index].text for index in without)
            out.append((Pieces((_both(globs, head, everything),), texts), right))
            left -= right
    return out


def _holds(globs: tuple[Glob, ...], wide: int, narrow: int) -> bool:
    return contains(globs[wide], globs[narrow]) and (not contains(globs[narrow], globs[wide]) or wide < narrow)


def _head(globs: tuple[Glob, ...], cell: int) -> tuple[int, ...]:
    """The narrowest patterns of a cell."""
    held = list(bits(cell))
    return tuple(i for i in held if not any(_holds(globs, i, j) for j in held if j != i))


def _cover(globs: tuple[Glob, ...], wrong: Sequence[int], right: Sequence[int]) -> list[int] | None:
    """Patterns that hold every wrong cell and no right one; None where there are none."""
    usable = [index for index in range(len(globs)) if not any(cell >> index & 1 for cell in right)]
    if any(not any(cell >> index & 1 for index in usable) for cell in wrong):
        return None
    usable = [index for index in usable if any(cell >> index & 1 for cell in wrong)]
    return [i for i in usable if not any(_holds(globs, j, i) for j in usable if j != i)]


def _both(globs: tuple[Glob, ...], head: Sequence[int], everything: str) -> str:
    return " that match ".join(globs[index].text for index in head) or everything


def _exactly(globs: tuple[Glob, ...], cell: int, everything: str) -> Pieces:
    head = _head(globs, cell)
    others = [
        index
        for index in range(len(globs))
        if not cell >> index & 1 and not any(disjoint(globs[index], globs[held]) for held in head)
    ]
    without = [i for i in others if not any(_holds(globs, j, i) for j in others if j != i)]
    return Pieces((_both(globs, head, everything),), tuple(globs[index].text for index in without))
