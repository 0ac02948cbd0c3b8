"""The values of variables that an operator gives: `--variables-from` and `--var`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from iamsync.engine.options import Options
from iamsync.engine.textfile import read_text
from iamsync.errors import InputError, Place
from iamsync.strictjson import read_object


def given(options: Options) -> dict[str, Any]:
    """Variables from --variables-from files, then --var."""
    values: dict[str, Any] = {}
    for path in options.variables_from:
        values |= _variable_file(path)
    return {**values, **options.variables}


def _variable_file(path: Path) -> dict[str, Any]:
    text, hint = read_text(path, "variables"), 'for example {"env": "prod"}'
    value = read_object(text, str(path), "JSON object of variables", code="bad-variables", hint=hint)
    ok = all(
        isinstance(held, str) or (isinstance(held, list) and all(isinstance(item, str) for item in held))
        for held in value.values()
    )
    if not ok:
        raise InputError(
            "variables are a JSON object of texts and lists of texts",
            code="bad-variables",
            place=Place(str(path)),
            hint='for example {"env": "prod", "groups": ["a", "b"]}',
        )
    return {name: tuple(held) if isinstance(held, list) else held for name, held in value.items()}
