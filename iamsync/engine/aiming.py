"""Whether --target names somebody: a slip in a name would pass for a look at it that found nothing to do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from iamsync.engine.project import Project
from iamsync.errors import InputError, raise_all
from iamsync.kinds import FURTHER
from iamsync.manifest.problems import closest
from iamsync.model import Address, State

_WILD: Final = "*?"


def missed(project: Project, desired: State, live: State) -> Mapping[str, str]:
    """Every --target of one name that nothing declared, removed or live has, with the name that was meant, or "".

    Kinds that no bulk call brings may be in the account unread, so of them nothing is said.
    """
    selector = project.narrowed()
    named = {
        pattern.text: Address(pattern.kind, pattern.glob)
        for pattern in (selector.patterns if selector is not None else ())
        if pattern.form == "name" and not any(mark in pattern.kind + pattern.glob for mark in _WILD)
    }
    if not named:
        return {}
    there = {address for state in (desired, live) for address in state.resources}
    there |= {removal.address for removal in desired.removed} | {end.address for end in desired.expiries}
    folded = {address.folded for address in there}
    lost = {text: one for text, one in named.items() if one.folded not in folded and one.kind not in FURTHER}
    texts = sorted(map(str, there)) if lost else ()
    return {text: closest(str(one), texts) or "" for text, one in lost.items()}


def told(found: Sequence[Mapping[str, str]], *, whole: bool) -> None:
    """InputError(s) for each name that was missed in every account; not where some could not be looked at."""
    if not found or not whole:
        return
    where = "the account" if len(found) == 1 else "any of the accounts"
    raise_all(
        [
            InputError(
                f"--target {text} names nothing that is declared, removed or in {where}",
                code="unknown-target",
                hint=f'did you mean "{meant}"?' if meant else "look at the name; a part of it with * is a pattern",
            )
            for text in found[0]
            if all(text in one for one in found)
            for meant in (next((one[text] for one in found if one[text]), ""),)
        ]
    )
