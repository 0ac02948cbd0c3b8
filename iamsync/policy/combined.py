"""Several documents as one that says the same, for checks that take a single document."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from iamsync.policy.document import statements
from iamsync.policy.evaluate import Source
from iamsync.policy.explanation import Match

_VERSION = "2012-10-17"


@dataclass(frozen=True, slots=True)
class Combined:
    """A document as JSON text; `origins` are its statements where they are written, in its order.

    Each statement's Sid is `S` and its position from 0. `grants`: any statement allows something.
    """

    text: str
    origins: tuple[Match, ...]
    grants: bool


def combined(sources: Iterable[Source], trust: bool = False) -> Combined:
    """All statements of these policies in one document."""
    made: list[dict[str, Any]] = []
    origins: list[Match] = []
    grants = False
    for source in sources:
        value = source.document.value
        for position, statement in enumerate(statements(value), 1):
            bare = {key: held for key, held in statement.items() if key != "Sid"}
            made.append({"Sid": f"S{len(made)}", **(bare if value.get("Version") == _VERSION else _literal(bare))})
            allows = statement.get("Effect") == "Allow"
            grants = grants or allows
            known = len(source.places) >= position
            origin = source.places[position - 1] if known else source.origin
            sid = str(statement.get("Sid") or "")
            origins.append(Match("trust" if trust else "identity", source.label, sid, position, allows, origin))
    text = json.dumps({"Version": _VERSION, "Statement": made}, ensure_ascii=False, separators=(",", ":"))
    return Combined(text, tuple(origins), grants)


def _literal(value: Any) -> Any:
    """What an older version says of itself: `${` begins no variable there, so that the `$` is escaped."""
    if isinstance(value, str):
        return value.replace("${", "${$}{")
    if isinstance(value, list):
        return [_literal(item) for item in value]
    if isinstance(value, dict):
        return {key: _literal(item) for key, item in value.items()}
    return value
