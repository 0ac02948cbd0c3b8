"""On which resources actions are allowed: all of them are looked at, not some that were thought of.

The patterns of a principal's statements cut the resources of an action into areas inside which every
resource is covered by the same statements; the evaluator decides on one example of each.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from iamsync.model import EMPTY, Address
from iamsync.planner.permissions import TRUST_ACTIONS, Permissions
from iamsync.policy.actionset import templates, wild
from iamsync.policy.catalog import Catalog, load
from iamsync.policy.document import statements
from iamsync.policy.evaluate import Source
from iamsync.policy.explanation import Decision
from iamsync.policy.globs import Glob, TooComplex, disjoint, of_arn, witness
from iamsync.policy.regions import Pieces, cells, example, worded
from iamsync.policy.request import Values
from iamsync.policy.vocabulary import covers, known_by_any, resources

_ANY: Final = "*"
# Up to here it is quicker to ask for each action whether a pattern covers it than to expand the pattern.
_FEW: Final = 64
_PLACE: Final = re.compile(r"\$\{(\w+)\}", re.ASCII)
# Allowed to everyone whatever their policies say, so that it tells nothing about them.
FREE: Final = frozenset({"sts:getcalleridentity"})
_COMPLEX: Final = Decision("implicit_deny", False, ("its policies name more resources than can be told apart",))


@dataclass(frozen=True, slots=True)
class Area:
    """Resources that the same statements cover; `decision` is the one on `example`, and holds for all of them."""

    example: str
    decision: Decision


@dataclass(frozen=True, slots=True)
class Class:
    """Actions that the same statements cover on the same kinds of resources, in lower case; `first` stands for all."""

    actions: tuple[str, ...]

    @property
    def first(self) -> str:
        return self.actions[0]


@dataclass(frozen=True, slots=True)
class _Cut:
    """The resources of one `kind`, a pattern, as others cut them: its areas are the cells `kept`, in their order."""

    kind: str
    globs: tuple[Glob, ...]
    every: Sequence[int]
    kept: tuple[int, ...]

    def worded(self, chosen: frozenset[int], everything: str | None) -> Iterator[Pieces]:
        """Some of its cells in patterns; all that there are is `everything`, where that can be said."""
        if everything is None:
            # Other kinds of resources fare otherwise: this one is told by a pattern of its own.
            around = (glob.text for at, glob in enumerate(self.globs) if all(cell >> at & 1 for cell in self.every))
            everything = next(around, self.kind)
        yield from (piece for piece, _ in worded(self.globs, self.every, chosen, everything))


@dataclass(frozen=True, slots=True)
class Areas:
    """Every area of one action for one principal; `_cut` and `_all`, what was asked about, are for their wording."""

    areas: tuple[Area, ...]
    _cut: tuple[_Cut, ...]
    _all: str = _ANY

    def which(self, wanted: Callable[[Decision], bool]) -> tuple[Area, ...]:
        """The areas whose decision is such."""
        return tuple(area for area in self.areas if wanted(area.decision))

    def worded(self, wanted: Callable[[Decision], bool]) -> tuple[Pieces, ...]:
        """Those areas in the fewest patterns, as the policies write them."""
        told: list[tuple[_Cut, frozenset[int]]] = []
        at = 0
        for cut in self._cut:
            decided = self.areas[at : at + len(cut.kept)]
            at += len(cut.kept)
            cells = zip(cut.kept, decided, strict=True)
            told.append((cut, frozenset(cell for cell, area in cells if wanted(area.decision))))
        asked = [(cut, chosen) for cut, chosen in told if cut.kept]
        alike = len(asked) == 1 or all(len(chosen) == len(cut.kept) for cut, chosen in asked)
        everything = self._all if alike else None
        out = {piece: None for cut, chosen in asked if chosen for piece in cut.worded(chosen, everything)}
        for area in self.areas[at:]:
            if wanted(area.decision):
                out[Pieces((area.example,))] = None
        return tuple(out)


def wording(piece: Pieces) -> str:
    """Resources in words: patterns, less others."""
    return ", ".join(piece.within) + (f" except {', '.join(piece.without)}" if piece.without else "")


def areas(
    permissions: Permissions,
    who: Address,
    action: str,
    context: Mapping[str, Values] = EMPTY,
    within: str | None = None,
) -> Areas:
    """Where a principal may do one action, and where not: everywhere, or `within` a pattern of resources."""

    def decided(resource: str) -> Area:
        return Area(resource, permissions.decide(who, action, resource, context))

    if within is not None and not wild(within):
        return Areas((decided(within),), ())
    forms = templates(action.lower())
    if forms == () or within == _ANY == (forms or _ANY):
        return Areas((decided(_ANY),) if within in (None, _ANY) else (), ())
    limit = None if within in (None, _ANY) else of_arn(within, variables=False)
    globs = _globs(permissions, who, action)
    if action.lower() in TRUST_ACTIONS:
        return Areas(tuple(map(decided, _roles(permissions, globs, limit))), ())
    found: list[Area] = []
    cut = []
    try:
        for form in forms or (None,):
            own = _universe(permissions, form, permissions.state.account_id)
            near = tuple(glob for glob in globs if not disjoint(glob, own))
            held = near if limit is None else (limit, *(glob for glob in near if glob != limit))
            every = cells(held, own)
            kept = [cell for cell in every if limit is None or cell & 1]
            examples = [(cell, text) for cell in kept if (text := example(held, own, cell)) is not None]
            found += [decided(text) for _, text in examples]
            kind = _pattern(permissions, form)
            cut.append(_Cut(kind, held, every, tuple(cell for cell, _ in examples)))
        elsewhere = dict.fromkeys(text for form in forms or () for text in _elsewhere(permissions, form, globs, limit))
    except TooComplex:
        return Areas((Area(_ANY, _COMPLEX),), ())
    found += map(decided, elsewhere)
    return Areas(tuple(found), tuple(cut), _ANY if limit is None else limit.text)


def classes(
    permissions: Permissions, who: Address, patterns: Iterable[str], within: str | None = None
) -> tuple[Class, ...]:
    """The actions of some patterns that any statement might allow a principal, those that fare alike together.

    `within` a pattern of resources, those apart that are about none of them.
    """
    asked = tuple(sorted({pattern.lower() for pattern in patterns}))
    held = permissions.holdings(who)
    own = [
        element for source in held.identity if isinstance(source, Source) for element in elements(source.document.text)
    ]
    bounds = (held.boundary,) if isinstance(held.boundary, Source) else ()
    limits = [element for source in (*bounds, *permissions.limits()) for element in elements(source.document.text)]
    wanted = _wanted(asked, own)
    masks: dict[str, int] = {}
    granted: set[str] = wanted & TRUST_ACTIONS
    for bit, element in enumerate((*own, *limits)):
        covered = element.cover(wanted)
        if element.allows and bit < len(own):
            granted |= covered
        for action in covered:
            masks[action] = masks.get(action, 0) | 1 << bit
    alike: dict[int, list[str]] = {}
    for action in sorted(granted):
        alike.setdefault(masks.get(action, 0), []).append(action)
    found: dict[Any, list[str]] = {}
    for mask, actions in alike.items():
        texts = {text for bit, element in enumerate((*own, *limits)) if mask >> bit & 1 for text in element.resources}
        narrow = [of_arn(text) for text in sorted(texts) if text.strip(_ANY)]
        if within is not None and wild(within) and within.strip(_ANY):
            narrow.append(of_arn(within, variables=False))
        for action in actions:
            found.setdefault((mask, *_kind(permissions, action, narrow)), []).append(action)
    return tuple(Class(tuple(actions)) for actions in found.values())


def aimed(permissions: Permissions, held: Class, asked: Iterable[str], within: str | None) -> tuple[str, ...]:
    """The actions of a class that are ever asked about one resource, where `within` is one; named ones all the same."""
    if within is None or wild(within):
        return held.actions
    named = {pattern.lower() for pattern in asked}
    about = _about(permissions.catalog, held.actions, within)
    return tuple(one for one in held.actions if one in about or one in named)


@lru_cache(maxsize=256)
def _about(catalog: Catalog, actions: tuple[str, ...], resource: str) -> frozenset[str]:
    """Those of some actions that may be asked about a resource: one principal after the other has the same ones."""
    return frozenset(one for one in actions if catalog.applies(one, resource) is not False)


def _wanted(asked: tuple[str, ...], own: Iterable[Element]) -> set[str]:
    """The actions of some patterns: all that are known, and what policies name that is not in the catalogue."""
    granting = [element for element in own if element.allows]
    if _ANY in asked and not any(element.not_actions for element in granting):
        wanted = set[str]().union(
            *(known_by_any(element.actions) for element in granting)
        )  # soon told, unlike all there are
    else:
        wanted = set(known_by_any(asked))
    if any(map(wild, asked)):
        wanted -= FREE
    wanted.update(pattern for pattern in asked if not wild(pattern))
    for element in granting:
        if not element.not_actions:
            # New, or a slip; either way it is asked about.
            named = (text for text in element.actions if not wild(text) and covers(asked, False, text))
            wanted.update(text for text in named if load().action(text) is None)
    return wanted


def _kind(permissions: Permissions, action: str, narrow: Iterable[Glob]) -> tuple[Any, ...]:
    """What else tells actions apart beside the statements that cover them: resources, where patterns name some."""
    if action.startswith("sts:"):
        return (action,)
    forms = templates(action)
    if not forms:
        return (forms,)
    near = any(not disjoint(_universe(permissions, form, _ANY), glob) for form in forms for glob in narrow)
    return (forms,) if near else (True,)


@dataclass(frozen=True, slots=True)
class Element:
    """What one statement is about; `actions` are the `written` ones in lower case."""

    allows: bool
    written: tuple[str, ...]
    actions: tuple[str, ...]
    not_actions: bool
    resources: tuple[str, ...]
    variables: bool

    def cover(self, wanted: set[str]) -> set[str]:
        """Those of some actions that the statement covers."""
        if len(wanted) <= _FEW:
            return {action for action in wanted if self.covers(action)}
        unknown = {action for action in wanted if load().action(action) is None}
        covered = known_by_any(self.actions)
        found = wanted - covered if self.not_actions else wanted & covered
        return (found - unknown) | {action for action in unknown if self.covers(action)}

    def covers(self, action: str) -> bool:
        """Whether the statement covers an action."""
        near = _of_service(self.actions, action.partition(":")[0])
        return (bool(near) and covers(near, False, action)) is not self.not_actions


@lru_cache(maxsize=65536)
def _of_service(actions: tuple[str, ...], service: str) -> tuple[str, ...]:
    """Those of some patterns that may cover actions of a service: few, where a policy names hundreds."""
    mine = f"{service}:"
    return tuple(text for text in actions if text.startswith(mine) or wild(text.partition(":")[0]))


@lru_cache(maxsize=16384)
def elements(text: str) -> tuple[Element, ...]:
    """What the statements of a document are about."""
    value = json.loads(text)
    variables = isinstance(value, dict) and value.get("Version") == "2012-10-17"
    return tuple(
        Element(
            held.get("Effect") == "Allow",
            (written := _texts(held, "Action")),
            tuple(text.lower() for text in written),
            "Action" not in held,
            _texts(held, "Resource"),
            variables,
        )
        for held in statements(value)
    )


def _texts(statement: Mapping[str, Any], element: str) -> tuple[str, ...]:
    held = statement.get(element, statement.get(f"Not{element}", ()))
    return tuple(str(item) for item in held) if isinstance(held, (list, tuple)) else (str(held),)


def _globs(permissions: Permissions, who: Address, action: str) -> tuple[Glob, ...]:
    """Every pattern of resources in the statements that cover an action, but `*`."""
    found = {
        _glob(permissions, who, text, element.variables): None
        for source in (*permissions.sources(who), *permissions.limits())
        for element in elements(source.document.text)
        if element.covers(action.lower())
        for text in element.resources
        if text.strip("*")
    }
    return tuple(found)


def _glob(permissions: Permissions, who: Address, text: str, variables: bool) -> Glob:
    """A pattern, with the name of a user put in: what else a variable may hold is not known beforehand."""
    if variables and "${" in text:
        principal = permissions.principal(who)
        if principal.kind == "user":
            text = text.replace("${aws:username}", principal.name)
    return of_arn(text, variables=variables)


def _universe(permissions: Permissions, form: str | None, account: str) -> Glob:
    return resources(form, permissions.state.partition, account=account)


def _pattern(permissions: Permissions, form: str | None) -> str:
    """The resources of the account that have this form, as a policy would write them."""
    if form is None:
        return _universe(permissions, None, _ANY).text
    known = {"Partition": permissions.state.partition, "Account": permissions.state.account_id}
    return _PLACE.sub(lambda match: known.get(match[1], _ANY), form)


def _elsewhere(permissions: Permissions, form: str, globs: Iterable[Glob], limit: Glob | None) -> Iterator[str]:
    """An example of each pattern that means resources of other accounts."""
    own, every = (_universe(permissions, form, account) for account in (permissions.state.account_id, _ANY))
    for glob in globs:
        if disjoint(glob, own) and not disjoint(glob, every):
            text = witness((every, glob) if limit is None else (every, glob, limit), ())
            if text is not None:
                yield text


def _roles(permissions: Permissions, globs: Iterable[Glob], limit: Glob | None) -> Iterator[str]:
    """The roles that a principal might assume: of the state those that trust its account or it, and others' roles."""
    account = permissions.state.account_id
    for resource in permissions.state:
        if resource.address.kind == "role":
            text = permissions.arn(resource)
            named = permissions.trusts(resource.address)
            if any(name == _ANY or account in name or ":" not in name for name in named) and (
                limit is None or limit.matches(text)
            ):
                yield text
    yield from _elsewhere(permissions, "arn:${Partition}:iam::${Account}:role/${RoleName}", globs, limit)
