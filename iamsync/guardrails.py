"""What an operator holds a repository to: settings that its own files can only tighten.

Read from a file the repository does not own. Of each setting the tighter side counts; where the
repository's is looser, that is told and nothing more. `weakened` compares two revisions of the
repository's own settings.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Final

from iamsync.model import Finding, Origin
from iamsync.selector import Selector
from iamsync.settings import Acknowledgement, Safety, Scope, Settings, Unmanaged

# How two values of a setting become the tighter one. A setting without an entry could be loosened unseen.
_LOWER: Final = frozenset({"max_deletes", "max_change_percent", "max_principals_losing_access"})
_HIGHER: Final = frozenset({"settle", "recently_used"})
_SELECTED: Final = frozenset({"protected", "break_glass"})
WEIGHED: Final = _LOWER | _HIGHER | _SELECTED

_REMEDY: Final = "who may weaken it changes the guardrails, which this repository cannot"


@dataclass(frozen=True, slots=True)
class Guardrails:
    """The operator's side: `given` are the safety settings that the file sets; `unmanaged` None sets nothing.

    `accounts` are the only ids that may be touched (empty: any). `refused` are guards that only the
    command line may acknowledge. `deliver_to` are globs of the only targets that manifests may name; None is the
    usual ones. `send_to` are globs of the only places that lock, journal and messages may be at; None is any. `tests`
    are permission tests as whoever reads manifests keeps them.
    """

    source: str
    scope: Scope
    safety: Safety = field(default_factory=Safety)
    given: frozenset[str] = frozenset()
    accounts: tuple[str, ...] = ()
    unmanaged: Unmanaged | None = None
    refused: frozenset[str] = frozenset()
    deliver_to: tuple[str, ...] | None = None
    send_to: tuple[str, ...] | None = None
    tests: tuple[Any, ...] = ()


def tightened(settings: Settings, rails: Guardrails, usual: Safety) -> tuple[Settings, tuple[Finding, ...]]:
    """The settings under the guardrails, and a finding for each attempt to be looser than they are.

    `usual` are the values of whoever sets none: to leave a setting out is no attempt.
    """
    found: list[Finding] = []
    safety = settings.safety
    for name in sorted(rails.given):
        mine, theirs = getattr(safety, name), getattr(rails.safety, name)
        tighter: Any
        if name in _SELECTED:
            tighter = replace(mine, either=(*mine.either, theirs))
        else:
            tighter = _tighter(name)(mine, theirs)
            if tighter != mine and mine != getattr(usual, name):
                found.append(_held(f"safety.{name} is {mine}; {rails.source} holds it at {theirs}"))
        safety = replace(safety, **{name: tighter})
    unmanaged = settings.unmanaged
    if rails.unmanaged is not None and looser(settings.unmanaged, rails.unmanaged):
        found.append(_held(f"unmanaged is {unmanaged}; {rails.source} holds it at {rails.unmanaged}"))
        unmanaged = rails.unmanaged
    kept: list[Acknowledgement] = []
    for consent in settings.acknowledge:
        if consent.origin is not None and consent.guard in rails.refused:
            message = f"acknowledge: {consent.guard} counts for nothing; {rails.source} leaves it to the command line"
            found.append(_held(message, consent.origin))
        else:
            kept.append(consent)
    include, exclude = settings.scope.include, settings.scope.exclude
    scope = Scope(
        replace(include, within=(*include.within, rails.scope.include)),
        replace(exclude, either=(*exclude.either, rails.scope.exclude)),
        _both_stacks(settings.scope.stacks, rails.scope.stacks),
        tuple(dict.fromkeys((*settings.scope.terraform_states, *rails.scope.terraform_states))),
    )
    made = replace(
        settings, scope=scope, unmanaged=unmanaged, safety=safety, acknowledge=tuple(kept), bounds=rails.scope
    )
    return made, tuple(found)


def looser(one: Unmanaged, other: Unmanaged) -> bool:
    """Whether one way with undeclared resources is looser: deleting is, and so is keeping silent instead of telling."""
    return (one == "delete" and other != "delete") or (one == "ignore" and other == "report")


def weakened(before: Settings, after: Settings) -> Iterator[Finding]:
    """What the repository's own settings no longer guard as they did."""
    for name in sorted(_LOWER | _HIGHER):
        was, now = getattr(before.safety, name), getattr(after.safety, name)
        if _tighter(name)(was, now) != now:
            yield weaker(f"safety.{name} was {was} and is {now}")
    for name in sorted(_SELECTED):
        yield from _narrower(f"safety.{name}", getattr(before.safety, name), getattr(after.safety, name))
    yield from _narrower("scope.include", before.scope.include, after.scope.include)
    yield from _narrower("scope.exclude", after.scope.exclude, before.scope.exclude, "leaves out")
    if after.unmanaged == "delete":
        yield from _narrower("scope.exclude", before.scope.exclude, after.scope.exclude)
    kept = after.scope.stacks
    if _both_stacks(before.scope.stacks, kept) != (None if kept is None else tuple(sorted(kept))):
        yield weaker("scope.exclude asks fewer CloudFormation stacks what they own")
    for state in sorted(set(before.scope.terraform_states) - set(after.scope.terraform_states)):
        yield weaker(f"scope.exclude no longer asks {state} what Terraform owns")
    if looser(after.unmanaged, before.unmanaged):
        yield weaker(f"unmanaged was {before.unmanaged} and is {after.unmanaged}")
    for pattern in sorted(set(after.ignore_changes) - set(before.ignore_changes)):
        yield weaker(f"ignore_changes leaves {pattern} to others, everywhere")
    known = {_terms(consent) for consent in before.acknowledge}
    for consent in after.acknowledge:
        if consent.origin is not None and _terms(consent) not in known:
            end = f" until {consent.until}" if consent.until else ", without an end"
            yield weaker(f"acknowledge: {consent.guard} for {consent.address}{end} is new", consent.origin)


def _narrower(name: str, wide: Selector, narrow: Selector, verb: str = "no longer has") -> Iterator[Finding]:
    """What a selector does not select any more: plain patterns that went, exclusions that came."""
    old, new = _texts(wide), _texts(narrow)
    for text in sorted(old - new):
        if not text.startswith("!"):
            yield weaker(f'{name} {verb} "{text}"')
    for text in sorted(new - old):
        if text.startswith("!"):
            yield weaker(f'{name} {verb} what "{text}" excepts')


def _texts(selector: Selector) -> set[str]:
    return {pattern.text for pattern in selector.patterns}


def _terms(consent: Acknowledgement) -> tuple[str, str, str | None]:
    return consent.guard, consent.address, consent.until


def _tighter(name: str) -> Callable[[int, int], int]:
    return min if name in _LOWER else max


def _held(title: str, origin: Origin | None = None) -> Finding:
    return Finding("weakened-guardrail", "high", title, remedy=_REMEDY, origin=origin)


def _both_stacks(one: tuple[str, ...] | None, other: tuple[str, ...] | None) -> tuple[str, ...] | None:
    """The regions whose stacks either side asks; an empty tuple is all of them, None is none."""
    if one is None or other is None:
        return other if one is None else one
    return tuple(sorted({*one, *other})) if one and other else ()


def weaker(title: str, origin: Origin | None = None) -> Finding:
    """A risk of the change under review: something that guarded before does so no longer."""
    remedy = "look at this first: a change that weakens what guards it can hide what it does"
    return Finding("weakened-guardrail", "high", title, remedy=remedy, origin=origin)
