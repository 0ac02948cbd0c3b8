"""What an edit of a document does: which of its grants and denials are new, which are gone.

Statements are compared part by part (one action pattern on one resource pattern under the statement's
conditions): a part is new where no part of the other document covers it. That is exact enough to tell
an edit that only widens from one that only narrows, costs little, and errs in one direction: what is
not recognised as covered counts as moved.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Flag
from functools import lru_cache
from typing import Any, Final, TypeAlias

from iamsync.policy.atoms import Weighing
from iamsync.policy.conditions import Clause, clause
from iamsync.policy.document import Document, statements, texts
from iamsync.policy.globs import Glob, TooComplex, contains, disjoint, of_arn, of_text
from iamsync.policy.match import resources as covering
from iamsync.policy.request import Principal, Values
from iamsync.policy.statement import compiled

# Pairs of parts that are looked at for one pair of documents, and wildcards of a pattern worth a search.
_MOST: Final = 4_000
_STARS: Final = 8
# Values of conditions that are weighed against each other.
_VALUES: Final = 48
_But: TypeAlias = tuple[frozenset[str] | None, frozenset[str] | None]
_EVERYONE: Final = ("*", "AWS *")


class Moves(Flag):
    """What a call does to permissions: puts denials on, grants, revokes grants, takes denials off.

    What limits counts as a denial of the rest: a boundary that narrows puts denials on, a trust policy
    that widens takes some off.
    """

    NOTHING = 0
    DENIES = 1
    GRANTS = 2
    REVOKES = 4
    ALLOWS_AGAIN = 8
    EVERYTHING = 15


@dataclass(frozen=True, slots=True)
class Part:
    """One action pattern on one resource pattern for one principal, under the conditions of its statement.

    `action`, `on` and `who` are None where the statement has no such element; `but` holds the lists of
    NotAction and NotResource. `odd`: AWS does not say what the resource pattern means.
    """

    allows: bool
    action: Glob | None
    on: Glob | None
    who: str | None
    but: _But
    guard: frozenset[Clause]
    everywhere: bool = False
    odd: bool = False


class _Anybody(Weighing):
    """Conditions weighed for whoever may ask: nothing is known of the principal."""

    def __init__(self) -> None:
        super().__init__(Principal.of("*"))

    def known(self, key: str) -> Values | None:
        return None


def moves(before: Document | None, after: Document | None) -> Moves:
    """What putting one document in the place of the other does; None is no document."""
    if before is None:
        return Moves.NOTHING if after is None else _whole(after.key, Moves.GRANTS, Moves.DENIES)
    if after is None:
        return _whole(before.key, Moves.REVOKES, Moves.ALLOWS_AGAIN)
    old, new = _parts_of(before), _parts_of(after)
    found = Moves.NOTHING
    pairs = _MOST
    for allows, added, removed in (
        (True, Moves.GRANTS, Moves.REVOKES),
        (False, Moves.DENIES, Moves.ALLOWS_AGAIN),
    ):
        for changed, others, means in ((new, old, added), (old, new, removed)):
            held = [part for part in others if part.allows is allows]
            same = frozenset(held)
            for part in changed:
                if part.allows is not allows or part in same:
                    continue
                pairs -= len(held)
                if pairs < 0 or not any(_covers(other, part) for other in held):
                    found |= means
                    break
    return found


@lru_cache(maxsize=16384)
def _whole(key: str, allows: Moves, denies: Moves) -> Moves:
    """What all of a document does when it comes or goes."""
    found = Moves.NOTHING
    for statement in statements(json.loads(key)):
        found |= {"Allow": allows, "Deny": denies}.get(str(statement.get("Effect")), Moves.NOTHING)
    return found


def limiting(before: Document | None, after: Document | None) -> Moves:
    """The same for a document that limits what others grant, as boundaries do; None is no limit."""
    if before is None or after is None:
        return Moves.NOTHING if before is after else Moves.ALLOWS_AGAIN if after is None else Moves.DENIES
    found = moves(before, after)
    limits = Moves.NOTHING
    if found & (Moves.GRANTS | Moves.ALLOWS_AGAIN):
        limits |= Moves.ALLOWS_AGAIN
    if found & (Moves.REVOKES | Moves.DENIES):
        limits |= Moves.DENIES
    return limits


def moved(before: Document | None, after: Document | None, which: Moves) -> tuple[Part, ...]:
    """The parts of an edit that are granted, revoked, denied or allowed again."""
    old, new = _parts_of(before), _parts_of(after)
    kept = frozenset(old) & frozenset(new) if old and new else frozenset[Part]()
    come = {kind for kind, flag in ((True, Moves.GRANTS), (False, Moves.DENIES)) if which & flag}
    gone = {kind for kind, flag in ((True, Moves.REVOKES), (False, Moves.ALLOWS_AGAIN)) if which & flag}
    return (
        *(part for part in new if part.allows in come and part not in kept),
        *(part for part in old if part.allows in gone and part not in kept),
    )


def about(document: Document | None, action: str) -> bool:
    """Whether any part of a document may be about an action, in lower case."""
    return document is not None and any(
        one.actions.negated or one.actions.cover(action) for one in compiled(document.text)
    )


def meet(some: Sequence[Part], others: Sequence[Part]) -> bool:
    """Whether any request may be about a part of each; conditions and principals are not looked at."""
    return len(some) * len(others) > _MOST or any(not _apart(one, other) for one in some for other in others)


def _apart(one: Part, other: Part) -> bool:
    return any(
        mine is not None and its is not None and _plain(mine) and _plain(its) and _disjoint(mine, its)
        for mine, its in ((one.action, other.action), (one.on, other.on))
    )


def _disjoint(one: Glob, other: Glob) -> bool:
    try:
        return disjoint(one, other)
    except TooComplex:
        return False


def _covers(wide: Part, narrow: Part) -> bool:
    """Whether a part is about all that another is about, under no more conditions."""
    return (
        (_holds(wide.action, narrow.action) or (wide.action is not None and not wide.action.text.strip("*")))
        and (wide.everywhere or (not narrow.everywhere and _holds(wide.on, narrow.on, wide.odd)))
        and _leaves_out_less(wide.but, narrow.but)
        and (wide.who == narrow.who or (wide.who in _EVERYONE and _aws(narrow.who)))
        and (wide.guard <= narrow.guard or _implied(narrow.guard, wide.guard))
    )


def _holds(wide: Glob | None, narrow: Glob | None, odd: bool = False) -> bool:
    if wide is None or narrow is None or wide == narrow:
        return wide == narrow
    if odd or not _plain(wide) or not _plain(narrow):
        return False
    try:
        return contains(wide, narrow)
    except TooComplex:
        return False


def _plain(glob: Glob) -> bool:
    return (glob.star | glob.star_in_part).bit_count() <= _STARS


def _leaves_out_less(wide: _But, narrow: _But) -> bool:
    return all(less is None or (more is not None and less <= more) for less, more in zip(wide, narrow, strict=True))


def _aws(who: str | None) -> bool:
    return who is not None and (who.startswith("AWS ") or who in _EVERYONE)


def _implied(strict: frozenset[Clause], loose: frozenset[Clause]) -> bool:
    """Whether the loose conditions hold wherever the strict ones do."""
    keys = {one.key for one in strict}
    if not all(one.key in keys for one in loose) or sum(len(one.texts) for one in strict | loose) > _VALUES:
        return False
    try:
        found = _anybody().valuations(frozenset[Any](strict | loose))
    except TooComplex:
        return False
    return not found.mask(frozenset[Any](strict)) & ~found.mask(frozenset[Any](loose))


@lru_cache(maxsize=1)
def _anybody() -> Weighing:
    return _Anybody()


def _parts_of(document: Document | None) -> tuple[Part, ...]:
    return () if document is None else parts(document.key)


@lru_cache(maxsize=16384)
def parts(key: str) -> tuple[Part, ...]:
    """The parts of a document's statements by its key, each once; what IAM would refuse says nothing."""
    value = json.loads(key)
    variables = isinstance(value, dict) and value.get("Version") == "2012-10-17"
    return tuple(dict.fromkeys(part for held in statements(value) for part in _parts(held, variables)))


def _parts(held: dict[str, Any], variables: bool) -> Iterator[Part]:
    if held.get("Effect") not in ("Allow", "Deny") or not ("Action" in held or "NotAction" in held):
        return
    block = held.get("Condition")
    guard = frozenset(
        clause(operator, key, tuple(sorted(set(texts(one)))), variables)
        for operator, keys in (block.items() if isinstance(block, dict) else ())
        if isinstance(keys, dict)
        for key, values in keys.items()
        # A key of a document keeps the values of equal operators apart.
        for one in (values["all of"] if isinstance(values, dict) else (values,))
    )
    but = (_list(held, "NotAction", fold=True), _list(held, "NotResource"))
    actions = texts(held["Action"]) if "Action" in held else (None,)
    resources = texts(held["Resource"]) if "Resource" in held else (None,)
    for action in actions:
        about = None if action is None else of_text(action.lower(), fold=True)
        for who in _whom(held):
            for text in resources:
                on = None if text is None else of_arn(text, variables=variables)
                odd = text is not None and bool(covering((text,), False, variables).odd)
                everywhere = text is not None and text != "" and not text.strip("*")
                yield Part(held["Effect"] == "Allow", about, on, who, but, guard, everywhere, odd)


def _list(held: Mapping[str, Any], element: str, *, fold: bool = False) -> frozenset[str] | None:
    if element not in held:
        return None
    return frozenset(text.lower() if fold else text for text in texts(held[element]))


def _whom(held: Mapping[str, Any]) -> tuple[str | None, ...]:
    """Each principal that a statement names, as kind and name; one None where it is no resource's policy."""
    if "NotPrincipal" in held:
        return (f"not {json.dumps(held['NotPrincipal'], sort_keys=True)}",)
    value = held.get("Principal")
    if isinstance(value, dict):
        return tuple(f"{kind} {name}" for kind, names in value.items() for name in texts(names))
    return (None if value is None else str(value),)
