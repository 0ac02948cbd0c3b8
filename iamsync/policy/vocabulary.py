"""Actions put into few words again: patterns of the policies where they serve, else names; and ARNs by template.

An action that AWS may add one day is stood for by a specimen: a name nobody has, made from each
pattern with a wildcard, so that `s3:*` is more than all actions that s3 has today.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache, reduce
from operator import or_
from typing import Final

from iamsync.policy import actionset, catalog
from iamsync.policy.actionset import Element, known, level_of, service, specimen, wild
from iamsync.policy.globs import Glob, of_arn, of_template
from iamsync.policy.match import actions as covering

_FEW: Final = 4
_MOST_EXCEPTIONS: Final = 8
_VERB: Final = re.compile(r"[A-Z]+[a-z0-9]*")


@lru_cache(maxsize=16384)
def known_by_any(patterns: tuple[str, ...]) -> frozenset[str]:
    """The known actions of several patterns, in lower case."""
    return frozenset(actionset.names(reduce(or_, map(known, patterns), 0)))


def covers(patterns: tuple[str, ...], negated: bool, action: str) -> bool:
    """Whether an Action or NotAction element of these patterns covers the action."""
    return covering(patterns, negated).cover(action)


@lru_cache(maxsize=262144)
def _takes(pattern: str, action: str) -> bool:
    return covers((pattern,), False, action)


def resources(template: str | None, partition: str, region: str = "*", account: str = "*") -> Glob:
    """The ARNs of a template; of any six parts where none is known."""
    if template is None or template == "*":
        return of_arn(f"arn:{partition}:*:*:*:*")
    return of_template(template, partition, region, account)


def spelled(action: str, written: Mapping[str, str]) -> str:
    """An action as the catalogue spells it, else as it was written."""
    return _spelled(action) or written.get(action, action)


@lru_cache(maxsize=65536)
def _spelled(action: str) -> str:
    found = catalog.load().action(action)
    return str(found) if found is not None else ""


def levels(actions: Iterable[str]) -> tuple[tuple[str, int], ...]:
    """How many of these actions there are of each access level."""
    counts: dict[str, int] = {}
    for action in actions:
        if level := level_of(action):
            counts[level] = counts.get(level, 0) + 1
    return tuple(sorted(counts.items()))


@dataclass(frozen=True, slots=True)
class Phrase:
    """Actions in few words: patterns with their number of actions, less some others."""

    patterns: tuple[str, ...]
    without: tuple[str, ...] = ()


class Phrases:
    """Sets of actions in the words of some policies: the patterns of their Action elements, as `written` there."""

    def __init__(self, elements: Iterable[Element], written: Mapping[str, str]) -> None:
        self._written = written
        held = tuple(elements)
        wilds = sorted(one for element in held for one in element.wilds)
        # The patterns with wildcards, those of most actions first.
        self.ordered = tuple(dict.fromkeys(pattern for _, _, pattern in wilds))
        # The actions that are named and that nobody knows.
        self.literals = reduce(or_, (element.literals for element in held), 0)
        self._specimens: dict[str, tuple[str, ...]] = {}
        for element in held:
            twice = self._specimens.keys() & element.specimens.keys()
            both = {name: (*self._specimens[name], *element.specimens[name]) for name in twice}
            self._specimens |= element.specimens
            self._specimens |= both

    def patterns_of(self, specimens: int) -> frozenset[str]:
        """The patterns that these specimens stand for."""
        return frozenset(pattern for name in actionset.names(specimens) for pattern in self._specimens[name])

    def phrase(self, chosen: int, futures: frozenset[str], indifferent: int) -> Phrase:
        """The chosen actions, and those that the patterns in `futures` may mean one day.

        Patterns of the policies serve where they cover nothing but these and `indifferent` actions, or
        nearly nothing: then the others are named as exceptions.
        """
        words = _Words(self, chosen, futures, indifferent)
        left, coming = chosen, set(futures)
        out: list[tuple[str, int]] = []
        without: dict[str, None] = {}
        for pattern in self.ordered:
            if pattern not in futures:
                continue
            found = known(pattern)
            if pattern not in coming and not found & left:
                continue
            exceptions = words.exceptions(pattern)
            count = (found & chosen).bit_count()
            if exceptions and (len(exceptions) > _MOST_EXCEPTIONS or len(exceptions) * 2 > count):
                continue
            inside = coming.intersection(self._inside.taken(pattern))
            out.append((pattern, count))
            without.update(dict.fromkeys(exceptions))
            left &= ~(found | words.named.covered(pattern))
            coming -= inside | {pattern}
        # What is left can only come one day: names that exist are told by name.
        out += [(pattern, 0) for pattern in sorted(coming)]
        told = [_counted(self._spelled(pattern), count, known(pattern) != 0) for pattern, count in out]
        return Phrase(
            (*told, *_named(left, chosen | indifferent, self._written)),
            tuple(self._spelled(item) for item in without),
        )

    @cached_property
    def _inside(self) -> _Names:
        """The patterns that may mean more one day, by their specimens."""
        futures = {pattern for held in self._specimens.values() if any(map(wild, held)) for pattern in held}
        return _Names(futures, key=specimen)

    def _spelled(self, pattern: str) -> str:
        return self._written.get(pattern, pattern) if wild(pattern) else spelled(pattern, self._written)


class _Words:
    """What one phrase asks of the patterns, looked up when it is first asked."""

    def __init__(self, phrases: Phrases, chosen: int, futures: frozenset[str], indifferent: int) -> None:
        self._phrases, self._chosen, self._futures, self._kept = phrases, chosen, futures, chosen | indifferent
        self.named = _Names(actionset.names(actionset.unheard(chosen)))

    @cached_property
    def _narrow(self) -> _Names:
        """What may name an exception: it covers nothing that is chosen, not even names that nobody knows."""
        unheard = actionset.names(actionset.unheard(self._chosen))
        strange = _Names({*unheard, *map(specimen, self._futures)})
        return _Names(
            (p for p in self._phrases.ordered if p not in self._futures and not any(True for _ in strange.taken(p))),
            key=specimen,
        )

    @cached_property
    def _others(self) -> _Names:
        return _Names(actionset.names(self._phrases.literals & ~self._kept))

    def exceptions(self, pattern: str) -> list[str]:
        """Patterns that lie within this one, then names: what it covers beside the chosen and indifferent actions."""
        out = []
        others = known(pattern) & ~self._kept | self._others.covered(pattern)
        for narrow in self._narrow.taken(pattern):
            found = known(narrow)
            if not found & self._chosen and (not found or found & others):
                out.append(narrow)
                others &= ~found
        return [*out, *actionset.names(others)]


def _counted(text: str, count: int, any_known: bool) -> str:
    if count:
        return f"{text} ({count} {'action' if count == 1 else 'actions'})"
    if not wild(text):
        return text
    return f"{text} (actions yet to come)" if any_known else f"{text} (no known action)"


def uncounted(text: str) -> str:
    """A pattern as it is written in a policy, without its number of actions."""
    return text.partition(" (")[0]


class _Names:
    """Actions, or patterns by their specimens, in the order given; by service, since most patterns are of one."""

    __slots__ = ("_all", "_by")

    def __init__(self, names: Iterable[str], key: Callable[[str], str] = str) -> None:
        self._all = [(key(name), name) for name in names]
        self._by: dict[str, list[tuple[str, str]]] = {}
        for action, name in self._all:
            self._by.setdefault(action.partition(":")[0].lower(), []).append((action, name))

    def taken(self, pattern: str) -> Iterator[str]:
        """Those that the pattern covers."""
        only = service(pattern)
        for action, name in self._all if only is None else self._by.get(only.lower(), ()):
            if _takes(pattern, action):
                yield name

    def covered(self, pattern: str) -> int:
        """The same of actions that nobody knows, as a set."""
        found = list(self.taken(pattern))
        return actionset.of(found) if found else 0


def _named(actions: int, allowed: int, written: Mapping[str, str]) -> tuple[str, ...]:
    """Actions by name; many of one verb of which a service has no others as a pattern."""
    strange = actionset.unheard(actions)
    heard = tuple(written.get(name, name) for name in actionset.names(strange))
    return _by_name(actions & ~strange, heard, allowed)


@lru_cache(maxsize=256)
def _by_name(known_actions: int, others: tuple[str, ...], allowed: int) -> tuple[str, ...]:
    names = sorted((*map(_spelled, actionset.names(known_actions)), *others))
    families: dict[str, int] = {}
    for name in names:
        if family := _family(name):
            families[family] = families.get(family, 0) + 1
    out: dict[str, None] = {}
    for name in names:
        family = _family(name)
        members = families.get(family, 0)
        if members >= _FEW and not known(family.lower()) & ~allowed:
            out[_counted(family, members, True)] = None
        else:
            out[name] = None
    return tuple(out)


@lru_cache(maxsize=65536)
def _family(name: str) -> str:
    """The pattern of an action's service and verb; empty where it has none."""
    prefix, colon, bare = name.partition(":")
    verb = _VERB.match(bare) if colon else None
    return f"{prefix}:{verb[0]}*" if verb else ""
