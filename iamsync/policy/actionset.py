"""Sets of actions as integers: a one at the number of each action, so that thousands are joined and cut at once.

An action gets the next number when it is first seen. Numbers mean nothing outside the process: what is told
of a set is told by names, which come sorted.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache, reduce
from itertools import compress
from operator import or_
from threading import Lock
from typing import Final

from iamsync.policy import catalog
from iamsync.policy.match import Actions, names_actions
from iamsync.policy.match import actions as covering
from iamsync.policy.regions import bits

_SPECIMEN: Final = "zz9"
# The set of all actions, known or not. To name them all the whole catalogue is read: they are cut with others first.
ALL: Final = -1
_MOST: Final = 1 << 30
_FEW: Final = 16
_TRUTHS: Final = bytes.maketrans(b"01", b"\x00\x01")


class _Register:
    """Every action seen so far by its number; `known` are those of the catalogue."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.known = 0
        self._numbers: dict[str, int] = {}
        # Accounts are planned side by side: no two actions may get one number.
        self._lock = Lock()

    def of(self, actions: Iterable[str], *, known: bool = False) -> int:
        """The set of these actions, of which all are in the catalogue or none."""
        numbers = [self._numbers[name] if name in self._numbers else self._new(name) for name in actions]
        if not numbers:
            return 0
        held = bytearray((max(numbers) >> 3) + 1)
        for number in numbers:
            held[number >> 3] |= 1 << (number & 7)
        found = int.from_bytes(held, "little")
        if known:
            with self._lock:
                self.known |= found
        return found

    def _new(self, name: str) -> int:
        with self._lock:
            if name not in self._numbers:
                self.names.append(name)
                self._numbers[name] = len(self.names) - 1
            return self._numbers[name]


_REGISTER: Final = _Register()


@dataclass(frozen=True, slots=True, eq=False)
class Element:
    """The patterns of an Action element: the known actions that any covers, and a specimen of each pattern.

    `known` is ALL where one is `*`. `specimens` are those that nobody knows, by name with their patterns; as sets all
    of them (`strange`), those of patterns with wildcards (`coming`) and the names that stand for themselves
    (`literals`). `wilds` are the patterns with wildcards, as they serve as words: those of most actions first.
    """

    patterns: tuple[str, ...]
    known: int
    specimens: dict[str, tuple[str, ...]]
    strange: int
    coming: int
    literals: int
    wilds: tuple[tuple[int, int, str], ...]
    services: frozenset[str | None]
    covering: Actions
    covers_its_own: bool


@lru_cache(maxsize=16384)
def element(patterns: tuple[str, ...]) -> Element:
    """The element of these patterns, in lower case."""
    patterns = tuple(filter(names_actions, patterns))
    mask = 0
    specimens: dict[str, tuple[str, ...]] = {}
    for pattern in patterns:
        mask |= known(pattern) if pattern.strip("*") else ALL
        name = specimen(pattern)
        if not is_known(name):
            specimens[name] = (*specimens.get(name, ()), pattern)
    return Element(
        patterns,
        mask,
        specimens,
        of(specimens),
        of([name for name, held in specimens.items() if any(map(wild, held))]),
        of([name for name, held in specimens.items() if not all(map(wild, held))]),
        tuple(sorted((-_count(each), len(each), each) for each in patterns if wild(each))),
        frozenset(map(service, patterns)),
        covering(patterns, False),
        # A specimen has a colon, which a wildcard must take where the pattern has none.
        all(":" in pattern or pattern.endswith("*") or not wild(pattern) for pattern in patterns),
    )


def _count(pattern: str) -> int:
    return known(pattern).bit_count() if pattern.strip("*") else _MOST


@lru_cache(maxsize=65536)
def taken(held: Element, other: Element) -> int:
    """The specimens of `other` that the patterns of an element cover."""
    if held is other and held.covers_its_own:
        return held.strange
    if None not in held.services and None not in other.services and held.services.isdisjoint(other.services):
        return 0
    anywhere = None in held.services
    return _REGISTER.of(
        [name for name in other.specimens if (anywhere or service(name) in held.services) and held.covering.cover(name)]
    )


def of(actions: Iterable[str]) -> int:
    """The set of these actions, none of which the catalogue knows."""
    return _REGISTER.of(actions)


@lru_cache(maxsize=65536)
def known(pattern: str) -> int:
    """The known actions of a pattern."""
    found = catalog.load().expand(pattern)
    return _REGISTER.of([f"{action.service}:{action.name.lower()}" for action in found], known=True)


def some(actions: Iterable[str]) -> int:
    """The set of these actions, known or not, in lower case."""
    held = frozenset(actions)
    return reduce(or_, map(known, filter(is_known, held)), of(name for name in held if not is_known(name)))


def unheard(actions: int) -> int:
    """Those that the catalogue does not know."""
    return actions & ~_REGISTER.known


@lru_cache(maxsize=256)
def names(actions: int) -> tuple[str, ...]:
    """The names of a set, sorted and in lower case."""
    if actions.bit_count() <= _FEW:
        return tuple(sorted(_REGISTER.names[number] for number in bits(actions)))
    return tuple(sorted(compress(_REGISTER.names, bin(actions)[:1:-1].encode().translate(_TRUTHS))))


@lru_cache(maxsize=65536)
def is_known(action: str) -> bool:
    return catalog.load().action(action) is not None


def wild(pattern: str) -> bool:
    return "*" in pattern or "?" in pattern


@lru_cache(maxsize=65536)
def specimen(pattern: str) -> str:
    """An action that nobody has and that the pattern covers; a pattern without wildcard is its own."""
    if not wild(pattern):
        return pattern
    if ":" not in pattern:
        pattern = f"{pattern}:*" if pattern.strip("*") else "*:*"
    return pattern.replace("*", _SPECIMEN).replace("?", "z")


@lru_cache(maxsize=65536)
def service(pattern: str) -> str | None:
    """The service of a pattern, None where it is about more than one."""
    prefix, colon, _ = pattern.partition(":")
    return prefix if colon and not wild(prefix) else None


@dataclass(frozen=True, slots=True)
class Kind:
    """Actions that are asked about ARNs of the same templates (`templates`), sorted; at least one."""

    templates: tuple[str, ...] | None
    actions: tuple[str, ...]

    @property
    def first(self) -> str:
        return self.actions[0]


@lru_cache(maxsize=256)
def kinds(actions: int) -> tuple[tuple[str, ...], tuple[Kind, ...]]:
    """The actions of a set that are about `*` alone, sorted, and the others by what they are about.

    Likelier examples come first: known ones, by name.
    """
    found: dict[tuple[str, ...] | None, list[str]] = {}
    for name in names(actions):
        found.setdefault(templates(name), []).append(name)
    alone = tuple(found.pop((), ()))
    held = (Kind(about, tuple(members)) for about, members in found.items())
    return alone, tuple(sorted(held, key=lambda kind: (not is_known(kind.first), kind.first)))


def again(actions: Iterable[str]) -> int:
    """The set of actions that were named before (`names`, `kinds`)."""
    return _REGISTER.of(actions)


@lru_cache(maxsize=65536)
def templates(action: str) -> tuple[str, ...] | None:
    """The ARN templates of an action: none for one whose resource is `*` alone, None where any ARN will do.

    An action nobody knows is taken to be about whatever else its service is about.
    """
    held = catalog.load()
    found = held.action(action)
    if found is None:
        prefix = action.partition(":")[0]
        if not held.has_service(prefix):
            return None
        about = {
            prefix,
            *(kind.arn.split(":")[2] for kind in held.types_of(prefix).values() if kind.arn.count(":") > 2),
        }
        return tuple(f"arn:${{Partition}}:{service}:*:*:*" for service in sorted(about) if "$" not in service)
    if not found.resources:
        return ()
    return tuple(sorted({kind.arn for kind in held.types(found) if kind.arn})) or None


@lru_cache(maxsize=1024)
def levels(actions: int) -> tuple[tuple[str, int], ...]:
    """How many actions there are of each access level."""
    counts: dict[str, int] = {}
    for name in names(actions):
        if level := level_of(name):
            counts[level] = counts.get(level, 0) + 1
    return tuple(sorted(counts.items()))


@lru_cache(maxsize=65536)
def level_of(action: str) -> str:
    """The access level of an action, empty where nobody knows it."""
    found = catalog.load().action(action)
    return found.level if found is not None else ""
