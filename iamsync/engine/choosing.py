"""A word of the command line that is one of a few: the error that says which, and which was meant."""

from __future__ import annotations

from collections.abc import Iterable

from iamsync.errors import InputError
from iamsync.manifest.problems import closest


def unknown(
    message: str, word: str, known: Iterable[str], *, are: str = "one of", code: str = "bad-option"
) -> InputError:
    """The error for a word that is none of these."""
    names = list(known)
    near = closest(word, names)
    start = f'did you mean "{near}"? ' if near else ""
    return InputError(message, code=code, hint=f"{start}{are} {', '.join(names)}")


def meant(word: str, known: Iterable[str], otherwise: str) -> str:
    """A hint: the one of these that is closest to the word, else what else to do."""
    near = closest(word, known)
    return f'did you mean "{near}"?' if near else otherwise
