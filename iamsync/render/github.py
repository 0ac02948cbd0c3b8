"""Notices as annotations of GitHub Actions: workflow commands, no more than GitHub shows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from iamsync.render.blocks import incomplete
from iamsync.render.inert import github_data, github_property, safe
from iamsync.render.notices import Grade, Notice

# Of one step GitHub shows ten of each kind, and drops the others without a word.
MOST_OF_A_KIND: Final = 10
_KINDS: Final[dict[Grade, str]] = {
    "error": "error",
    "critical": "error",
    "high": "error",
    "medium": "warning",
    "low": "warning",
    "info": "notice",
}
_LONGEST: Final = 4_000
_LONGEST_TITLE: Final = 200


def workflow_commands(notices: Sequence[Notice], summary: str) -> str:
    """A line for each notice, the gravest first as they come; where some are left out the first line says so.

    `summary` is a line about everything, which stands last. A log shows it; it is no command.
    """
    taken = dict.fromkeys(_KINDS.values(), 0)
    lines = []
    for notice in notices:
        kind = _KINDS[notice.grade]
        if taken[kind] < MOST_OF_A_KIND:
            taken[kind] += 1
            lines.append(_command(kind, notice))
    if len(lines) < len(notices):
        lines.insert(0, f"{incomplete(len(lines), len(notices))}; all of them are in the job's summary or the report")
    return "\n".join([*lines, safe(summary)]) + "\n"


def _command(kind: str, notice: Notice) -> str:
    place = {"file": notice.file, "line": str(notice.line) if notice.line else ""}
    if notice.line and notice.column:
        place |= {"col": str(notice.column), "endColumn": str(notice.column + max(notice.length, 1))}
    place["title"] = f"{notice.rule}{f' in account {notice.account}' if notice.account else ''}"[:_LONGEST_TITLE]
    properties = ",".join(f"{name}={github_property(value)}" for name, value in place.items() if value)
    text = "\n".join(safe(line) for line in (notice.text, *notice.detail))[:_LONGEST]
    return f"::{kind} {properties}::{_data(text)}"


def _data(text: str) -> str:
    return "%0A".join(github_data(line) for line in text.split("\n"))
