"""Risks, findings and failing tests as SARIF 2.1.0, for code scanning; within GitHub's limits."""

from __future__ import annotations

import hashlib
import re
import zlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote

from iamsync.render.blocks import incomplete
from iamsync.render.inert import json_text, safe
from iamsync.render.notices import GRADES, Grade, Notice

# GitHub takes 25,000 results in a run and keeps the first 5,000; a file may be 10 MB once compressed.
MOST_RESULTS: Final = 5_000
MOST_BYTES: Final = 10_000_000
# What GitHub shows of a message; a longer one says nothing more there.
_LONGEST: Final = 4_000
_SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"
_LEVELS: Final[dict[Grade, str]] = {
    "error": "error",
    "critical": "error",
    "high": "error",
    "medium": "warning",
    "low": "note",
    "info": "note",
}
# GitHub's bands: over 9.0 critical, from 7.0 high, from 4.0 medium.
_SECURITY: Final[dict[Grade, str]] = {"critical": "9.5", "high": "8.0", "medium": "5.5", "low": "3.0", "info": "0.0"}
_PLACEHOLDER: Final = re.compile(r"\{(\d+)\}")
Explained = Mapping[str, tuple[str, str]]


def sarif(notices: Sequence[Notice], explained: Explained, *, version: str, digest: str = "") -> str:
    """One run with every notice as a result, the gravest first as they come; `explained` is title and text by id.

    Whole results are left out where there are too many; then the run's first notification says INCOMPLETE, and the
    approval digest (`digest`) is not told.
    """
    shown = list(notices[:MOST_RESULTS])
    while True:
        text = json_text(_log(shown, len(notices), explained, version, digest))
        if len(zlib.compress(text.encode(), 6)) <= MOST_BYTES or not shown:
            return text + "\n"
        shown = shown[: len(shown) * 2 // 3]


def fingerprint(notice: Notice) -> str:
    """What a notice is known by from one run to the next, whatever its line is by then."""
    parts = (notice.rule, notice.file, *notice.identity)
    return hashlib.sha256("\0".join(parts).encode("utf-8", "backslashreplace")).hexdigest()[:32]


def numbered(notices: Iterable[Notice]) -> list[tuple[Notice, str]]:
    """Each notice with a fingerprint that no other has: of equal ones the second ends in 2."""
    seen: dict[str, int] = {}
    out = []
    for notice in notices:
        found = fingerprint(notice)
        seen[found] = seen.get(found, 0) + 1
        out.append((notice, f"{found}:{seen[found]}"))
    return out


def _log(shown: Sequence[Notice], total: int, explained: Explained, version: str, digest: str) -> dict[str, Any]:
    ids = sorted({notice.rule for notice in shown})
    rules = {rule: at for at, rule in enumerate(ids)}
    graded = {rule: min((n.grade for n in shown if n.rule == rule), key=GRADES.index) for rule in ids}
    run: dict[str, Any] = {
        "tool": {
            "driver": {
                "name": "iamsync",
                "version": version,
                "rules": [_rule(rule, graded[rule], explained) for rule in ids],
            }
        },
        "invocations": [{"executionSuccessful": not any(notice.grade == "error" for notice in shown)}],
        "columnKind": "unicodeCodePoints",
        "results": [_result(notice, mark, rules[notice.rule]) for notice, mark in numbered(shown)],
    }
    if len(shown) < total:
        message = {"text": incomplete(len(shown), total)}
        run["invocations"][0]["toolExecutionNotifications"] = [{"level": "warning", "message": message}]
    elif digest:
        run["properties"] = {"approval": digest}
    return {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}


def _rule(rule: str, grade: Grade, explained: Explained) -> dict[str, Any]:
    title, text = explained.get(rule) or (rule.replace("-", " "), "")
    made: dict[str, Any] = {
        "id": safe(rule),
        "shortDescription": {"text": safe(title)},
        "defaultConfiguration": {"level": _LEVELS[grade]},
        "properties": {"tags": ["security", "iam"]},
    }
    if text:
        made["fullDescription"] = {"text": safe(text)[:1000]}
        made["help"] = {"text": safe(text)}
    if grade in _SECURITY:
        made["properties"]["security-severity"] = _SECURITY[grade]
    return made


def _result(notice: Notice, mark: str, index: int) -> dict[str, Any]:
    text = "\n".join(safe(line) for line in (notice.text, *notice.detail))
    # `[words](target)` would become a link, `{0}` a placeholder.
    text = _PLACEHOLDER.sub(r"{{\1}}", text.replace("](", "] ("))
    made: dict[str, Any] = {
        "ruleId": safe(notice.rule),
        "ruleIndex": index,
        "level": _LEVELS[notice.grade],
        "message": {"text": text[:_LONGEST]},
        "locations": [_location(notice)],
        "partialFingerprints": {"primaryLocationLineHash": mark, "iamsync/v1": mark},
    }
    if notice.account:
        made["properties"] = {"account": safe(notice.account)}
    if notice.accepted:
        made["suppressions"] = [{"kind": "external", "status": "accepted", "justification": safe(notice.accepted)}]
    return made


def _location(notice: Notice) -> dict[str, Any]:
    path = quote(notice.file.encode("utf-8", "backslashreplace"))
    uri = f"file://{path}" if path.startswith("/") else path
    region: dict[str, int] = {"startLine": max(notice.line, 1)}
    if notice.column:
        region |= {"startColumn": notice.column, "endColumn": notice.column + max(notice.length, 1)}
    found: dict[str, Any] = {"physicalLocation": {"artifactLocation": {"uri": uri}, "region": region}}
    if notice.about:
        found["logicalLocations"] = [{"fullyQualifiedName": safe(name), "kind": "resource"} for name in notice.about]
        del found["logicalLocations"][100:]
    return found
