"""Saved plans, as what they are compared by and as the documents they are; checked before anything is made of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from iamsync.engine.shapes import shaped
from iamsync.engine.textfile import read_text
from iamsync.errors import InputError
from iamsync.planner import savedplan
from iamsync.planner.savedplan import Saved
from iamsync.strictjson import loads

_HINT = "make a new plan; a plan file is not meant to be edited"


def saved_plans(path: Path) -> tuple[Saved, ...]:
    """The plans of a plan file; InputError where it is none or damaged."""
    return _saved(path, shown=False)[0]


def saved_document(path: Path) -> Any:
    """The document of a plan file, shaped as its schema says; InputError where it is none or damaged."""
    text = _saved(path, shown=True)[1]
    made = loads(text)
    shaped(made, text, str(path), "plan", code="bad-plan-file", hint=_HINT)
    return made


def _saved(path: Path, *, shown: bool) -> tuple[tuple[Saved, ...], str]:
    text, file = read_text(path, "the plan file"), str(path)
    try:
        return savedplan.saved(text, file, shown=shown), text
    except InputError as wrong:
        if isinstance(wrong.__cause__, (KeyError, TypeError, ValueError, AttributeError)):
            shaped(loads(text), text, file, "plan", code="bad-plan-file", hint=_HINT)  # knows the place
        raise
