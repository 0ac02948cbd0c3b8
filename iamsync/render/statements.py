"""A policy document in one line a statement: every element shows, nothing is judged."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from iamsync.render.inert import safe

_LATEST = "2012-10-17"
_SPOKEN = ("Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource", "Condition")


def statement_lines(value: Any) -> tuple[str, ...]:
    """A document (parsed JSON), a line for each statement and for whatever else it holds."""
    if not isinstance(value, dict) or "Statement" not in value:
        return (_json(value),)
    out = []
    if value.get("Version") != _LATEST:
        out.append(f"Version {_words(value['Version'])}" if "Version" in value else "no Version (as 2008-10-17)")
    out += [f"{safe(key)} {_words(held)}" for key, held in value.items() if key not in ("Version", "Statement")]
    held = value["Statement"]
    several = held if isinstance(held, list) else [held]
    return (*out, *(_statement(item, number, len(several)) for number, item in enumerate(several, 1)))


def _statement(item: Any, number: int, total: int) -> str:
    if not isinstance(item, dict):
        return f"Statement {number}: {_json(item)}"
    parts = [_words(item.get("Effect", "(no Effect)"))]
    if "Action" in item:
        parts.append(_words(item["Action"]))
    if "NotAction" in item:
        parts.append(f"everything but {_words(item['NotAction'])}")
    if "Resource" in item:
        parts.append(f"on {_words(item['Resource'])}")
    if "NotResource" in item:
        parts.append(f"on everything but {_words(item['NotResource'])}")
    if "Principal" in item:
        parts.append(f"to {_principal(item['Principal'])}")
    if "NotPrincipal" in item:
        parts.append(f"to everybody but {_principal(item['NotPrincipal'])}")
    if item.get("Condition"):
        parts.append(f"if {' and '.join(_conditions(item['Condition']))}")
    parts += [f"{safe(key)} {_json(held)}" for key, held in item.items() if key not in _SPOKEN]
    if sid := item.get("Sid"):
        return f"Statement {safe(sid)}: {' '.join(parts)}"
    return f"{f'Statement {number}: ' if total > 1 else ''}{' '.join(parts)}"


def _principal(value: Any) -> str:
    if not isinstance(value, dict):
        return _words(value)
    return " and ".join(f"{safe(kind)} {_words(held)}" for kind, held in value.items())


def _conditions(block: Any) -> Iterator[str]:
    if not isinstance(block, dict) or not all(isinstance(keys, dict) for keys in block.values()):
        yield _json(block)
        return
    for operator, keys in block.items():
        for key, held in keys.items():
            yield f"{safe(operator)} {safe(key)} = {_words(held, ' or ')}"


def _words(value: Any, joint: str = ", ") -> str:
    items = value if isinstance(value, list) else [value]
    return joint.join(safe(item) if isinstance(item, str) else _json(item) for item in items) or "nothing"


def _json(value: Any) -> str:
    return safe(json.dumps(value, ensure_ascii=False, separators=(", ", ": ")))
