"""The JSON Schema of an audit's findings; a test holds real documents against it."""

from __future__ import annotations

from typing import Any, Final, get_args

from iamsync.audit.controls import Outcome
from iamsync.controls import GRADES
from iamsync.planner.planschema import COUNT, FAILED, MAYBE, TEXT, listed, record

Schema = dict[str, Any]
_GRADE: Final[Schema] = {"enum": list(GRADES)}


def findings_schema() -> Schema:
    """draft-07; a minor version only adds keys, so unknown ones are allowed."""
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "iamsync findings",
        "description": "What an audit found in each account, and how published controls come out.",
        **record(
            {
                "format_version": {"type": "string", "pattern": r"^1\.\d+$"},
                "iamsync_version": TEXT,
                "created_at": TEXT,
                "now": TEXT,
                "subject": {"enum": ["live", "file", "manifests"]},
                "fail_on": {"anyOf": [{"type": "null"}, _GRADE]},
                "baseline": MAYBE,
                "accounts": listed(_account()),
                "failed": FAILED,
            },
            optional=("failed",),
        ),
    }


def _account() -> Schema:
    new = {"anyOf": [{"type": "null"}, COUNT]}
    return record(
        {
            "account": record({"name": TEXT, "id": TEXT, "partition": TEXT, "alias": MAYBE}),
            "caller": TEXT,
            "summary": record({**dict.fromkeys(GRADES, COUNT), "new": new, "suppressed": COUNT}),
            "controls": listed(
                record(
                    {
                        "standard": TEXT,
                        "v3": TEXT,
                        "v6": TEXT,
                        "title": TEXT,
                        "rule": MAYBE,
                        "outcome": {"enum": list(get_args(Outcome))},
                        "findings": COUNT,
                        "why": MAYBE,
                    }
                )
            ),
            "findings": listed(_finding()),
            "gone": listed(record({"id": TEXT, "address": TEXT, "severity": _GRADE, "title": TEXT})),
            "notes": listed(TEXT),
        }
    )


def _finding() -> Schema:
    origin = record({"file": TEXT, "line": {"type": ["integer", "null"]}})
    step = record({"rule": TEXT, "title": TEXT, "at": MAYBE, "actions": listed(TEXT), "via": listed(TEXT)})
    path = record(
        {
            "from": TEXT,
            "to": TEXT,
            "certainty": {"enum": ["certain", "on conditions", "not known"]},
            "doubts": listed(TEXT),
            "steps": listed(step),
            "lines": listed(TEXT),
        }
    )
    return record(
        {
            "id": {"type": "string", "pattern": r"^IAM-A\d{3}$"},
            "severity": _GRADE,
            "address": TEXT,
            "account": TEXT,
            "origin": {"anyOf": [{"type": "null"}, origin]},
            "rule": TEXT,
            "title": TEXT,
            "evidence": MAYBE,
            "remedy": MAYBE,
            "references": listed(TEXT),
            "fingerprint": {"type": "string", "pattern": "^[0-9a-f]{32}$"},
            "status": {"enum": ["new", "known", None]},
            "path": {"anyOf": [{"type": "null"}, path]},
        }
    )
