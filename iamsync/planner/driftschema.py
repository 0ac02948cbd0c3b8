"""The JSON Schema of drift documents; a test holds real documents against it."""

from __future__ import annotations

from typing import Any, Final, get_args

from iamsync.planner.excess import What
from iamsync.planner.planschema import ACCESS, ADDRESS, COUNT, FAILED, MAYBE, ORIGIN, TEXT, listed, record
from iamsync.planner.severity import GRADES

Schema = dict[str, Any]
_GRADE: Final[Schema] = {"enum": list(GRADES)}


def drift_schema() -> Schema:
    """draft-07; a minor version only adds keys, so unknown ones are allowed."""
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "iamsync drift",
        "description": "What is otherwise in each account than its manifests say, entry by entry.",
        **record(
            {
                "format_version": {"type": "string", "pattern": r"^1\.\d+$"},
                "iamsync_version": TEXT,
                "created_at": TEXT,
                "now": TEXT,
                "base": MAYBE,
                "fail_on": {"anyOf": [{"type": "null"}, _GRADE]},
                "since": MAYBE,
                "accounts": listed(_account()),
                "failed": FAILED,
            },
            optional=("failed",),
        ),
    }


def _account() -> Schema:
    counts = record(dict.fromkeys(GRADES, COUNT))
    return record(
        {
            "account": record({"name": TEXT, "id": TEXT, "partition": TEXT, "alias": MAYBE}),
            "caller": TEXT,
            "summary": record({"managed": COUNT, "drift": counts, "pending": COUNT, "due": COUNT, "unmanaged": COUNT}),
            "drift": listed(_entry()),
            "pending": listed(_entry()),
            "due": listed(_entry()),
            "aws_policies": listed(
                record(
                    {
                        "policy": TEXT,
                        "reviewed": TEXT,
                        "current": TEXT,
                        "severity": _GRADE,
                        "affects": listed(record({"principals": listed(ADDRESS), **ACCESS})),
                    }
                )
            ),
            "credentials": listed(
                record(
                    {"id": TEXT, "address": ADDRESS, "message": TEXT, "why": MAYBE, "remedy": MAYBE, "origin": ORIGIN}
                )
            ),
            "unmanaged": listed(record({"address": ADDRESS, "reason": TEXT, "owner": MAYBE})),
            "gone": listed(_entry()),
            "not_compared": listed(TEXT),
            "unread": listed(TEXT),
            "narrowed": {"const": True},
        },
        optional=("credentials", "narrowed"),
    )


def _entry() -> Schema:
    return record(
        {
            "address": ADDRESS,
            "kind": TEXT,
            "name": TEXT,
            "field": MAYBE,
            "item": MAYBE,
            "what": {"enum": list(get_args(What))},
            "message": TEXT,
            "severity": _GRADE,
            "expected": {},
            "actual": {},
            "details": listed(TEXT),
            "access": listed(record({"principals": listed(TEXT), **ACCESS})),
            "origin": ORIGIN,
            "attribution": {"anyOf": [{"type": "null"}, _attribution()]},
            "status": {"enum": ["new", "known", "gone", None]},
        }
    )


def _attribution() -> Schema:
    """Who did it; where that could not be found out all are null but `unknown`, which says why."""
    names = ("who", "when", "source_ip", "how", "user_agent", "event", "event_id", "unknown")
    return record(dict.fromkeys(names, MAYBE))
