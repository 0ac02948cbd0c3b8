"""The JSON Schema of plan documents; a test holds real documents against it."""

from __future__ import annotations

from typing import Any, Final

from iamsync.kinds import KINDS

Schema = dict[str, Any]
TEXT: Final[Schema] = {"type": "string"}
MAYBE: Final[Schema] = {"type": ["string", "null"]}
COUNT: Final[Schema] = {"type": "integer", "minimum": 0}
_DIGEST: Final[Schema] = {"type": "string", "pattern": "^sha256:[0-9a-f]{64}$"}
ADDRESS: Final[Schema] = {"type": "string", "pattern": f"^({'|'.join(KINDS)})/.+$"}
_CAUSES: Final = ("declared", "drift", "expired", "removed", "unmanaged")


# The accounts of a run of several that failed, and what happened there.
FAILED: Final[Schema] = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["account", "error"],
        "properties": {
            "account": {"type": "object", "required": ["name", "id"], "properties": {"name": TEXT, "id": MAYBE}},
            "error": {
                "type": "object",
                "required": ["code", "message", "operation", "request_id", "hint"],
                "properties": {
                    "code": TEXT,
                    "message": TEXT,
                    "operation": MAYBE,
                    "request_id": MAYBE,
                    "hint": MAYBE,
                },
            },
        },
    },
}


def plan_schema() -> Schema:
    """draft-07; a minor version only adds keys, so unknown ones are allowed."""
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "iamsync plan",
        "description": "What would change in each account, in order, as exact API calls.",
        **record(
            {
                "format_version": {"type": "string", "pattern": r"^1\.\d+$"},
                "iamsync_version": TEXT,
                "created_at": TEXT,
                "now": TEXT,
                "plans": {"type": "array", "items": _plan()},
                "failed": FAILED,
                "waits": listed(
                    record(
                        {
                            "account": TEXT,
                            "step": TEXT,
                            "address": ADDRESS,
                            "waits_for": listed(TEXT),
                            "late": {"type": "boolean"},
                        }
                    )
                ),
            },
            optional=("failed", "waits"),
        ),
    }


def record(properties: dict[str, Schema], optional: tuple[str, ...] = ()) -> Schema:
    """An object with all these properties, but for the optional ones; it may have more."""
    required = [name for name in properties if name not in optional]
    return {"type": "object", "required": required, "properties": properties}


def listed(items: Schema) -> Schema:
    """An array of such items."""
    return {"type": "array", "items": items}


def _plan() -> Schema:
    counts = ("create", "update", "replace", "delete", "unchanged", "reported", "steps")
    return record(
        {
            "account": record({"name": TEXT, "id": TEXT, "partition": TEXT, "alias": MAYBE}),
            "caller": TEXT,
            "digests": record({"desired": _DIGEST, "read_set": _DIGEST, "approval": _DIGEST}),
            "valid_until": MAYBE,
            "summary": record(dict.fromkeys(counts, COUNT)),
            "narrowed": {"const": True},
            "changes": listed(_change()),
            "steps": listed(_step()),
            "guards": listed(_finding(("refuse", "warn"))),
            "findings": listed(_finding(("info", "low", "medium", "high", "critical"))),
            "reported": listed(record({"address": ADDRESS, "reason": TEXT, "owner": MAYBE})),
            "expiring": listed(
                record({"address": ADDRESS, "field": MAYBE, "item": MAYBE, "at": TEXT, "origin": ORIGIN})
            ),
            "aws_policies": listed(
                record(
                    {
                        "policy": TEXT,
                        "reviewed": TEXT,
                        "current": TEXT,
                        "affects": listed(record({"principals": listed(ADDRESS), **ACCESS})),
                    }
                )
            ),
            "unread": listed(TEXT),
            "prior": {"type": "object", "additionalProperties": {"type": ["object", "null"]}},
        },
        optional=("expiring", "narrowed"),
    )


def _change() -> Schema:
    fields = record(
        {
            "field": TEXT,
            "cause": {"enum": list(_CAUSES)},
            "before": {},
            "after": {},
            "added": listed(TEXT),
            "removed": listed(TEXT),
            "expired": listed(TEXT),
        },
        optional=("expired",),
    )
    return record(
        {
            "address": ADDRESS,
            "kind": {"enum": list(KINDS)},
            "name": TEXT,
            "action": {"enum": ["create", "update", "replace", "delete"]},
            "cause": {"enum": list(_CAUSES)},
            "renamed_from": MAYBE,
            "note": MAYBE,
            "origin": ORIGIN,
            "fields": listed(fields),
            "access": {"anyOf": [{"type": "null"}, record(ACCESS)]},
            "affects": listed(record({"principals": listed(ADDRESS), **ACCESS})),
            "outside": listed(record({"principals": listed(TEXT), **ACCESS})),
            "steps": listed({"type": "string", "pattern": r"^s\d+$"}),
        }
    )


def _access() -> dict[str, Schema]:
    region = record(
        {
            "kind": {"enum": ["gain", "loss", "loosened", "tightened", "changed"]},
            "actions": listed(TEXT),
            "resources": listed(TEXT),
            "except": listed(record({"actions": listed(TEXT), "resources": listed(TEXT)})),
            "was": TEXT,
            "now": TEXT,
            "count": COUNT,
            "via": listed(TEXT),
            "witness": record({"action": TEXT, "resource": TEXT}),
        }
    )
    undecided = record({"what": TEXT, "reason": TEXT, "via": listed(TEXT)})
    return {"gained": listed(region), "lost": listed(region), "undecided": listed(undecided), "text": listed(TEXT)}


def _step() -> Schema:
    return record(
        {
            "id": {"type": "string", "pattern": r"^s\d+$"},
            "address": ADDRESS,
            "operation": TEXT,
            "params": {"type": "object"},
            "effect": {"enum": ["grant", "revoke", "mixed", "neutral"]},
            "after": listed(TEXT),
        },
        optional=("address",),
    )


def _finding(severities: tuple[str, ...]) -> Schema:
    return record(
        {
            "id": TEXT,
            "severity": {"enum": list(severities)},
            "address": MAYBE,
            "message": TEXT,
            "evidence": TEXT,
            "remedy": TEXT,
            "origin": ORIGIN,
            "acknowledge": MAYBE,
            "acknowledged": MAYBE,
            "references": listed(TEXT),
        }
    )


def _origin() -> Schema:
    place = record({"file": TEXT, "line": COUNT})
    place["properties"] = {**place["properties"], "template": record({"file": TEXT, "line": COUNT})}
    return {"anyOf": [{"type": "null"}, place]}


# The parts that drift documents have as well.
ACCESS: Final = _access()
ORIGIN: Final = _origin()
