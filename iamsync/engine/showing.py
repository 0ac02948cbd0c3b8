"""A saved plan as the document it is, checked before anything is rendered from it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from iamsync.engine.reach import read_text
from iamsync.planner import savedplan


def saved_document(path: Path) -> Any:
    """The document of a plan file; InputError where it is none or damaged."""
    text = read_text(path, "the plan file")
    savedplan.saved(text, str(path))
    return json.loads(text)
