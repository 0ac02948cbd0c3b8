"""JSON that was written by a program and may have passed through other hands: parsed without trust, mistakes placed.

Beside what is no JSON it refuses what two readers could take for two things, or what would not end well later: a key
that stands twice, NaN and infinities, half a character, nesting without end.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final, NoReturn

from iamsync.errors import InputError, Place

MAX_DEPTH: Final = 100
TOO_DEEP: Final = f"nested deeper than {MAX_DEPTH} levels"

_HALF: Final = re.compile(r"\\u[dD][89a-fA-F]")
_BREAK: Final = re.compile(r"\r\n?|\n")


def loads(text: str) -> Any:
    """The parsed text; ValueError says what is wrong, as a JSONDecodeError where it is one of syntax."""
    try:
        value = json.loads(text, object_pairs_hook=_unique, parse_constant=_no_constant, parse_float=_finite)
    except RecursionError:
        raise ValueError(TOO_DEEP) from None
    _shallow(value)
    # Whole pairs are written so as well.
    if _HALF.search(text):
        try:
            json.dumps(value, ensure_ascii=False).encode()
        except UnicodeEncodeError:
            raise ValueError("half of a surrogate pair, which is no character") from None
    return value


def loads_object(text: str) -> dict[str, Any]:
    """The same of a text that is to be an object; ValueError also for anything else."""
    value = loads(text)
    if not isinstance(value, dict):
        raise ValueError("this is not a JSON object")
    return value


def read_object(text: str, file: str, what: str, *, code: str, hint: str) -> dict[str, Any]:
    """An object from a file; InputError says that the file is not `what` it should be, and where it goes wrong."""
    try:
        return loads_object(text)
    except ValueError as error:
        raise InputError(
            f"this is no {what}: {why(error)}", code=code, place=place_of(error, file), hint=hint
        ) from None


def why(error: ValueError) -> str:
    """What is wrong, without the position, which is told as a place."""
    return error.msg.removesuffix(" starting at") if isinstance(error, json.JSONDecodeError) else str(error)


def misfit(error: Exception) -> str:
    """What is wrong with a value that is not shaped as its reader expects, by what the reader met."""
    if isinstance(error, KeyError):
        return f"{str(error.args[0])[:60]!r} is missing" if error.args else "something is missing"
    if isinstance(error, (TypeError, AttributeError)):
        return "something in it is of another type than it should be"
    return str(error)


def place_of(error: ValueError, file: str) -> Place:
    """Where a text stopped being JSON, as far as the error tells."""
    if not isinstance(error, json.JSONDecodeError):
        return Place(file)
    start = max(error.doc.rfind("\n", 0, error.pos), error.doc.rfind("\r", 0, error.pos)) + 1
    found = _BREAK.search(error.doc, start)
    line = error.doc[start : found.start() if found else len(error.doc)]
    return Place(file, error.lineno, error.pos - start + 1, 1, line)


def _shallow(value: Any) -> None:
    level = [value]
    for _ in range(MAX_DEPTH):
        inside: list[Any] = []
        for held in level:
            if type(held) is dict:
                inside.extend(item for item in held.values() if type(item) in (dict, list))
            elif type(held) is list:
                inside.extend(item for item in held if type(item) in (dict, list))
        if not inside:
            return
        level = inside
    raise ValueError(TOO_DEEP)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    table = dict(pairs)
    if len(table) != len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise ValueError(f"key {twice!r} stands twice")
    return table


def _no_constant(word: str) -> NoReturn:
    raise ValueError(f"{word} is no JSON value")


def _finite(text: str) -> float:
    number = float(text)
    if number in (float("inf"), float("-inf")):
        raise ValueError(f"{text[:40]} is too large a number")
    return number
