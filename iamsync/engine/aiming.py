"""Whether --target names somebody: a slip in a name would pass for a look at it that found nothing to do."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from iamsync.engine.project import Project
from iamsync.errors import InputError, raise_all
from iamsync.kinds import FURTHER, KINDS
from iamsync.model import Address, State
from iamsync.nearness import closest
from iamsync.selector import Pattern, glob_matches

_WILD: Final = "*?"
# What stands in the place of a meant name for a pattern that selects nothing: it may be right to select nothing.
_NOTHING: Final = "*"


def missed(project: Project, desired: State, live: State) -> Mapping[str, str]:
    """Every --target that nothing declared, removed or live has, with the name that was meant, or "" (`told`)."""
    more = {removal.address for removal in desired.removed} | {end.address for end in desired.expiries}
    return missing(project, (desired, live), more, complete=live.complete)


def missing(
    project: Project, states: Sequence[State], more: Iterable[Address] = (), *, complete: Iterable[str] = tuple(KINDS)
) -> Mapping[str, str]:
    """Every --target that is about none of these states' resources nor of these addresses, with what was meant.

    Kinds that no bulk call brings may be in the account unread: where they are not `complete`, nothing is said of them.
    """
    selector = project.narrowed()
    unread = FURTHER - frozenset(complete)
    known = {address for state in states for address in state.resources} | set(more)
    folded = {address.folded for address in known}
    found: dict[str, str] = {}
    names: list[str] = []
    for pattern in selector.patterns if selector is not None else ():
        if pattern.form in ("all", "tag") or any(glob_matches(pattern.kind, kind) for kind in unread):
            continue  # tags may be told one by one only
        if pattern.form == "name" and not any(mark in pattern.kind + pattern.glob for mark in _WILD):
            address = Address(pattern.kind, pattern.glob)
            if address.folded not in folded:
                names = names or sorted(map(str, known))
                found[pattern.text] = closest(str(address), names) or ""
        elif not _selects(pattern, states, known):
            found[pattern.text] = _NOTHING
    return found


def _selects(pattern: Pattern, states: Sequence[State], known: Iterable[Address]) -> bool:
    if pattern.form == "path":
        held = (resource for state in states for resource in state)
        return any(pattern.matches(one.address, getattr(one.spec, "path", None), {}) for one in held)
    return any(pattern.matches(address, None, {}) for address in known)


def told(found: Sequence[Mapping[str, str]], *, whole: bool, note: Callable[[str], None], where: str = "") -> None:
    """InputError(s) for each name that was missed in every account; not where some could not be looked at.

    A pattern that selects nothing anywhere is noted: it may be meant for what comes and goes. `where` is what was
    looked at, in words, where it is not the manifests and the accounts.
    """
    if not found or not whole:
        return
    where = where or f"declared, removed or in {'the account' if len(found) == 1 else 'any of the accounts'}"
    lost = {text: [one[text] for one in found] for text in found[0] if all(text in one for one in found)}
    for text, meant in lost.items():
        if meant[0] == _NOTHING:
            note(f"--target {text} selects nothing that is {where}")
    raise_all(
        [
            InputError(
                f"--target {text} names nothing that is {where}",
                code="unknown-target",
                hint=f'did you mean "{near}"?' if near else "look at the name; a part of it with * is a pattern",
            )
            for text, meant in lost.items()
            if meant[0] != _NOTHING
            for near in (next(filter(None, meant), ""),)
        ]
    )
