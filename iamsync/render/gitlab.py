"""GitLab's reports: a plan's counts for the merge request widget, and notices as code quality."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from iamsync.render.blocks import incomplete
from iamsync.render.inert import json_text, safe
from iamsync.render.notices import Grade, Notice
from iamsync.render.sarif import numbered

# GitLab names no limit for this report; beyond this a widget is of no use, and the file stays far below any.
MOST: Final = 5_000
_LONGEST: Final = 1_000
_SEVERITIES: Final[dict[Grade, str]] = {
    "error": "blocker",
    "critical": "blocker",
    "high": "critical",
    "medium": "major",
    "low": "minor",
    "info": "info",
}


def terraform_report(document: Mapping[str, Any]) -> str:
    """The counts of all accounts together; a replacement is a deletion and a creation. Guests may see this report."""
    counts = {"create": 0, "update": 0, "delete": 0}
    for plan in document["plans"]:
        summary = plan["summary"]
        counts["create"] += summary["create"] + summary["replace"]
        counts["update"] += summary["update"]
        counts["delete"] += summary["delete"] + summary["replace"]
    return json_text(counts, indent=None) + "\n"


def drift_report(document: Mapping[str, Any]) -> str:
    """What taking all drift back would create, update and delete, as `terraform_report` counts it."""
    counts = {"create": 0, "update": 0, "delete": 0}
    for account in document["accounts"]:
        back: dict[str, tuple[str, ...]] = {}
        for entry in account["drift"]:
            if entry["field"] is None:
                back[entry["address"]] = ("create",) if entry["what"] == "deleted" else ("delete",)
            elif entry["what"] == "recreated":  # a field that no call changes
                back[entry["address"]] = ("create", "delete")
            else:
                back.setdefault(entry["address"], ("update",))
        for name in (name for names in back.values() for name in names):
            counts[name] += 1
    return json_text(counts, indent=None) + "\n"


def code_quality(notices: Sequence[Notice]) -> str:
    """One entry for each notice; of too many the gravest, under an entry that says INCOMPLETE."""
    shown = notices[:MOST] if len(notices) <= MOST else notices[: MOST - 1]
    rows = [_row(notice, mark) for notice, mark in numbered(shown)]
    if len(shown) < len(notices):
        rows.insert(0, _left_out(notices[len(shown)], len(shown), len(notices)))
    return json_text(rows) + "\n"


def _left_out(first: Notice, shown: int, total: int) -> dict[str, Any]:
    return {
        "description": incomplete(shown, total),
        "check_name": "incomplete",
        "fingerprint": "incomplete",
        "severity": "blocker",
        "location": {"path": safe(first.file), "lines": {"begin": max(first.line, 1)}},
    }


def _row(notice: Notice, mark: str) -> dict[str, Any]:
    text = " ".join(safe(line) for line in (notice.text, *notice.detail))
    return {
        "description": text[:_LONGEST],
        "check_name": safe(notice.rule),
        "fingerprint": mark,
        "severity": _SEVERITIES[notice.grade],
        "location": {"path": safe(notice.file.removeprefix("./")), "lines": {"begin": max(notice.line, 1)}},
    }
