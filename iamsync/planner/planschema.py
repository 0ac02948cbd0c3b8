"""The JSON Schema of plan documents; a test holds real documents against it."""

from __future__ import annotations

from typing import Any, Final

from iamsync.kinds import KINDS

Schema = dict[str, Any]
_TEXT: Final[Schema] = {"type": "string"}
_MAYBE: Final[Schema] = {"type": ["string", "null"]}
_COUNT: Final[Schema] = {"type": "integer", "minimum": 0}
_DIGEST: Final[Schema] = {"type": "string", "pattern": "^sha256:[0-9a-f]{64}$"}
_ADDRESS: Final[Schema] = {"type": "string", "pattern": f"^({'|'.join(KINDS)})/.+$"}
_CAUSES: Final = ("declared", "drift", "expired", "removed", "unmanaged")


def plan_schema() -> Schema:
    """draft-07; a minor version only adds keys, so unknown ones are allowed."""
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "iamsync plan",
        "description": "What would change in each account, in order, as exact API calls.",
        **_object(
            {
                "format_version": {"type": "string", "pattern": r"^1\.\d+$"},
                "iamsync_version": _TEXT,
                "created_at": _TEXT,
                "now": _TEXT,
                "plans": {"type": "array", "items": _plan()},
            }
        ),
    }


def _object(properties: dict[str, Schema], optional: tuple[str, ...] = ()) -> Schema:
    required = [name for name in properties if name not in optional]
    return {"type": "object", "required": required, "properties": properties}


def _list(items: Schema) -> Schema:
    return {"type": "array", "items": items}


def _plan() -> Schema:
    counts = ("create", "update", "replace", "delete", "unchanged", "reported", "steps")
    return _object(
        {
            "account": _object({"name": _TEXT, "id": _TEXT, "partition": _TEXT, "alias": _MAYBE}),
            "caller": _TEXT,
            "digests": _object({"desired": _DIGEST, "read_set": _DIGEST, "approval": _DIGEST}),
            "valid_until": _MAYBE,
            "summary": _object(dict.fromkeys(counts, _COUNT)),
            "changes": _list(_change()),
            "steps": _list(_step()),
            "guards": _list(_finding(("refuse", "warn"))),
            "findings": _list(_finding(("info", "low", "medium", "high", "critical"))),
            "reported": _list(_object({"address": _ADDRESS, "reason": _TEXT, "owner": _MAYBE})),
            "expiring": _list(
                _object({"address": _ADDRESS, "field": _MAYBE, "item": _MAYBE, "at": _TEXT, "origin": _origin()})
            ),
            "aws_policies": _list(
                _object(
                    {
                        "policy": _TEXT,
                        "reviewed": _TEXT,
                        "current": _TEXT,
                        "affects": _list(_object({"principals": _list(_ADDRESS), **_access()})),
                    }
                )
            ),
            "unread": _list(_TEXT),
            "prior": {"type": "object", "additionalProperties": {"type": ["object", "null"]}},
        },
        optional=("expiring",),
    )


def _change() -> Schema:
    fields = _object(
        {
            "field": _TEXT,
            "cause": {"enum": list(_CAUSES)},
            "before": {},
            "after": {},
            "added": {"type": "array"},
            "removed": {"type": "array"},
            "expired": {"type": "array"},
        },
        optional=("expired",),
    )
    return _object(
        {
            "address": _ADDRESS,
            "kind": {"enum": list(KINDS)},
            "name": _TEXT,
            "action": {"enum": ["create", "update", "replace", "delete"]},
            "cause": {"enum": list(_CAUSES)},
            "renamed_from": _MAYBE,
            "note": _MAYBE,
            "origin": _origin(),
            "fields": _list(fields),
            "access": {"anyOf": [{"type": "null"}, _object(_access())]},
            "affects": _list(_object({"principals": _list(_ADDRESS), **_access()})),
            "outside": _list(_object({"principals": _list(_TEXT), **_access()})),
            "steps": _list({"type": "string", "pattern": r"^s\d+$"}),
        }
    )


def _access() -> dict[str, Schema]:
    region = _object(
        {
            "kind": {"enum": ["gain", "loss", "loosened", "tightened", "changed"]},
            "actions": _list(_TEXT),
            "resources": _list(_TEXT),
            "except": _list(_object({"actions": _list(_TEXT), "resources": _list(_TEXT)})),
            "was": _TEXT,
            "now": _TEXT,
            "count": _COUNT,
            "via": _list(_TEXT),
            "witness": _object({"action": _TEXT, "resource": _TEXT}),
        }
    )
    undecided = _object({"what": _TEXT, "reason": _TEXT, "via": _list(_TEXT)})
    return {"gained": _list(region), "lost": _list(region), "undecided": _list(undecided), "text": _list(_TEXT)}


def _step() -> Schema:
    return _object(
        {
            "id": {"type": "string", "pattern": r"^s\d+$"},
            "address": _ADDRESS,
            "operation": _TEXT,
            "params": {"type": "object"},
            "effect": {"enum": ["grant", "revoke", "mixed", "neutral"]},
            "after": _list(_TEXT),
        },
        optional=("address",),
    )


def _finding(severities: tuple[str, ...]) -> Schema:
    return _object(
        {
            "id": _TEXT,
            "severity": {"enum": list(severities)},
            "address": _MAYBE,
            "message": _TEXT,
            "evidence": _TEXT,
            "remedy": _TEXT,
            "origin": _origin(),
            "acknowledge": _MAYBE,
            "acknowledged": _MAYBE,
            "references": _list(_TEXT),
        }
    )


def _origin() -> Schema:
    place = _object({"file": _TEXT, "line": _COUNT})
    place["properties"] = {**place["properties"], "template": _object({"file": _TEXT, "line": _COUNT})}
    return {"anyOf": [{"type": "null"}, place]}
