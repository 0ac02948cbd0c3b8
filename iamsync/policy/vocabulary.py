"""The actions that patterns mean: expanded over the catalogue, and put into few words again.

An action that AWS may add one day is stood for by a specimen: a name nobody has, made from each
pattern with a wildcard, so that `s3:*` is more than all actions that s3 has today.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from iamsync.policy import catalog
from iamsync.policy.globs import Glob, of_arn, of_template
from iamsync.policy.match import actions as covering

_SPECIMEN: Final = "zz9"
_FEW: Final = 4
_MOST_EXCEPTIONS: Final = 8
_VERB: Final = re.compile(r"[A-Z]+[a-z0-9]*")


@lru_cache(maxsize=65536)
def known(pattern: str) -> frozenset[str]:
    """The known actions of a pattern, in lower case."""
    return frozenset(f"{action.service}:{action.name.lower()}" for action in catalog.load().expand(pattern))


@lru_cache(maxsize=16384)
def known_by_any(patterns: tuple[str, ...]) -> frozenset[str]:
    """The known actions of several patterns."""
    return frozenset[str]().union(*(known(pattern) for pattern in patterns))


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


def service(pattern: str) -> str | None:
    """The service of a pattern, None where it is about more than one."""
    prefix, colon, _ = pattern.partition(":")
    return prefix if colon and not wild(prefix) else None


def covers(patterns: tuple[str, ...], negated: bool, action: str) -> bool:
    """Whether an Action or NotAction element of these patterns covers the action."""
    return covering(patterns, negated).cover(action)


@lru_cache(maxsize=262144)
def _takes(pattern: str, action: str) -> bool:
    return covers((pattern,), False, action)


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


def resources(template: str | None, partition: str, region: str = "*", account: str = "*") -> Glob:
    """The ARNs of a template; of any six parts where none is known."""
    if template is None or template == "*":
        return of_arn(f"arn:{partition}:*:*:*:*")
    return of_template(template, partition, region, account)


def spelled(action: str, written: Mapping[str, str]) -> str:
    """An action as the catalogue spells it, else as it was written."""
    found = catalog.load().action(action)
    return str(found) if found is not None else written.get(action, action)


def levels(actions: Iterable[str]) -> tuple[tuple[str, int], ...]:
    """How many actions there are of each access level."""
    counts: dict[str, int] = {}
    for action in actions:
        if level := _level(action):
            counts[level] = counts.get(level, 0) + 1
    return tuple(sorted(counts.items()))


@lru_cache(maxsize=65536)
def _level(action: str) -> str:
    found = catalog.load().action(action)
    return found.level if found is not None else ""


@dataclass(frozen=True, slots=True)
class Phrase:
    """Actions in few words: patterns with their number of actions, less some others."""

    patterns: tuple[str, ...]
    without: tuple[str, ...] = ()


def phrase(
    actions: Collection[str],
    futures: Collection[str],
    indifferent: Collection[str],
    patterns: Iterable[str],
    written: Mapping[str, str],
) -> Phrase:
    """These actions, and those that patterns in `futures` may mean one day, in few words.

    Patterns of the policies serve where they cover nothing but these and `indifferent` actions, or
    nearly nothing: then the others are named as exceptions.
    """
    chosen, indifferent, futures = frozenset(actions), frozenset(indifferent), frozenset(futures)
    left, coming, everything = set(chosen), set(futures), known("*")
    unheard = chosen - everything
    out: list[tuple[str, int]] = []
    without: list[str] = []
    patterns = frozenset(patterns)
    ordered = sorted((p for p in patterns if wild(p)), key=lambda p: (-len(known(p)), len(p), p))
    # What may name an exception covers nothing that is chosen, not even names that nobody knows.
    strange = _Names(unheard.union(map(specimen, futures)))
    narrow = _Names((p for p in ordered if p not in futures and not any(True for _ in strange.taken(p))), key=specimen)
    literals = _Names(
        p for p in patterns if not wild(p) and p not in chosen and p not in indifferent and p.lower() not in everything
    )
    named, specimens_of = _Names(unheard), _Names(futures, key=specimen)
    for pattern in ordered:
        if pattern not in futures or not (pattern in coming or not known(pattern).isdisjoint(left)):
            continue
        found = known(pattern)
        others = found - chosen - indifferent
        others = others.union(literals.taken(pattern))
        exceptions = _exceptions(others, chosen, narrow.taken(pattern))
        inside = coming.intersection(specimens_of.taken(pattern))
        if exceptions and (len(exceptions) > _MOST_EXCEPTIONS or len(exceptions) * 2 > len(found & chosen)):
            continue
        out.append((pattern, len(found & chosen)))
        without += [item for item in exceptions if item not in without]
        left -= found
        left.difference_update(named.taken(pattern))
        coming -= inside | {pattern}
    # What is left can only come one day: names that exist are told by name.
    out += [(pattern, 0) for pattern in sorted(coming)]
    words = [_counted(spelled_pattern(pattern, written), count, bool(known(pattern))) for pattern, count in out]
    return Phrase(
        (*words, *_named(left, chosen | indifferent, written)),
        tuple(spelled_pattern(item, written) for item in without),
    )


def spelled_pattern(pattern: str, written: Mapping[str, str]) -> str:
    return written.get(pattern, pattern) if wild(pattern) else spelled(pattern, written)


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


def _exceptions(others: frozenset[str], chosen: frozenset[str], patterns: Iterable[str]) -> list[str]:
    """Patterns, of which each lies within what they are exceptions to, then names: they cover nothing chosen."""
    out = []
    for pattern in patterns:
        found = known(pattern)
        if found.isdisjoint(chosen) and (not found or not found.isdisjoint(others)):
            out.append(pattern)
            others -= found
    return [*out, *sorted(others)]


def _named(actions: set[str], allowed: frozenset[str], written: Mapping[str, str]) -> list[str]:
    """Actions by name; many of one verb of which a service has no others as a pattern."""
    names = sorted(spelled(action, written) for action in actions)
    families: dict[str, list[str]] = {}
    for name in names:
        prefix, colon, bare = name.partition(":")
        if colon and (verb := _VERB.match(bare)):
            families.setdefault(f"{prefix}:{verb[0]}*", []).append(name)
    out: dict[str, None] = {}
    for name in names:
        prefix, _, bare = name.partition(":")
        verb = _VERB.match(bare)
        family = f"{prefix}:{verb[0]}*" if verb else ""
        members = families.get(family, [])
        if len(members) >= _FEW and known(family.lower()) <= allowed:
            out[_counted(family, len(members), True)] = None
        else:
            out[name] = None
    return list(out)
