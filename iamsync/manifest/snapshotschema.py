"""The JSON Schema of snapshot files, from the kinds."""

from __future__ import annotations

from typing import Any

from iamsync.kinds import KINDS
from iamsync.kinds.kind import Field, Kind

_SHAPES: dict[str, dict[str, Any]] = {
    "text": {"type": ["string", "null"]},
    "seconds": {"type": "integer"},
    "document": {"type": "object"},
    "documents": {"type": "object", "additionalProperties": {"type": "object"}},
    "references": {"type": "array", "items": {"type": "string"}},
    "names": {"type": ["array", "null"], "items": {"type": "string"}},
    "metadata": {"type": "string"},
    "settings": {"type": ["object", "null"], "additionalProperties": {"type": ["integer", "boolean"]}},
    "reference": {"type": ["string", "null"]},
    "tags": {"type": "object", "additionalProperties": {"type": "string"}},
}


def snapshot_schema() -> dict[str, Any]:
    """draft-07; a minor version only adds keys, so unknown ones are allowed outside the fields."""
    sections = {kind.section: {"type": "boolean"} for kind in KINDS.values()}
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "iamsync snapshot",
        "description": "The whole live IAM of one account at one time.",
        "type": "object",
        "required": ["format_version", "account", "taken_at", "complete", "resources"],
        "properties": {
            "format_version": {"type": "string", "pattern": r"^1\.\d+$"},
            "account": {
                "type": "object",
                "required": ["id", "partition"],
                "properties": {
                    "id": {"type": "string", "pattern": r"^\d{12}$"},
                    "partition": {"type": "string"},
                    "alias": {"type": ["string", "null"]},
                },
            },
            "taken_at": {"type": "string"},
            "complete": {"type": "object", "properties": sections},
            "resources": {
                "type": "object",
                "patternProperties": {f"^{kind.name}/.+$": _kind(kind) for kind in KINDS.values()},
                "additionalProperties": False,
            },
        },
    }


def _kind(kind: Kind) -> dict[str, Any]:
    return {"type": "object", "properties": {field.name: _field(field) for field in kind.fields}}


def _field(field: Field) -> dict[str, Any]:
    return {"description": field.about, **_SHAPES[field.form]}
