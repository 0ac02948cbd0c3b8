"""The known word that a slip was most likely meant for."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from functools import lru_cache
from typing import Final

_ALIKE: Final = 0.72
_SHORT: Final = 3  # characters; one wrong of three is a slip too
_ALIKE_SHORT: Final = 0.66


def closest(word: str, known: Iterable[str]) -> str | None:
    """The known word that was most likely meant, or None."""
    return _closest(word, tuple(sorted(set(known))))


@lru_cache(maxsize=512)
def _closest(word: str, names: tuple[str, ...]) -> str | None:
    folded = word.casefold()
    for name in names:
        if name.casefold() == folded:
            return name
    found = get_close_matches(word, names, 1, _ALIKE_SHORT if len(word) <= _SHORT else _ALIKE)
    return found[0] if found else None
