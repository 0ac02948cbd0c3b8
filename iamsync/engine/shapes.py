"""Files that iamsync wrote and reads again, held to their JSON Schemas; what does not fit is told at its place."""

from __future__ import annotations

from typing import Any, Final

from iamsync.engine.schemas import schema
from iamsync.errors import InputError, Place
from iamsync.manifest.jsontext import parse_json
from iamsync.manifest.nodes import Path, place_in
from iamsync.manifest.schema import first_error

_MOST: Final = 60  # characters of what somebody else wrote


def shaped(value: Any, text: str, file: str, name: str, *, code: str, hint: str) -> None:
    """InputError where a parsed file is not shaped as the schema of this name says; `text` is what it was parsed of."""
    found = first_error(value, schema(name))
    if found is None:
        return
    path, why = found
    message = f"this is not as iamsync writes it: {_named(path)} {why}"
    raise InputError(message, code=code, place=_place(text, file, path), hint=hint)


def _place(text: str, file: str, path: Path) -> Place:
    try:
        return place_in(parse_json(text, file), path)
    except InputError:  # a form of JSON that only this reader refuses
        return Place(file)


def _named(path: Path) -> str:
    """The steps to a value as a person writes them: plans[0].steps[3].id."""
    out = ""
    for step in path:
        out += f"[{step}]" if isinstance(step, int) else f".{step if len(step) <= _MOST else step[:_MOST] + '...'}"
    return out.removeprefix(".") or "the file"
