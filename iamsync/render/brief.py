"""A run in a few lines for those who were not watching: the same for Slack, webhooks and SNS.

Made from the document of the run and the way it ended; None where there is nothing that anybody need know.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from iamsync.notification import Message
from iamsync.render.drift import drift_summary
from iamsync.render.inert import json_inert, safe
from iamsync.render.notices import Grade, Notice, Sources, of_drift, of_plan
from iamsync.render.text import account_text, counts_text
from iamsync.render.words import count

Json = Mapping[str, Any]

FORMAT: Final = "1.0"
# Slack: 150 characters of a header, 3,000 of a section. SNS: a subject of less than 100 ASCII characters.
_HEADER, _SECTION, _SUBJECT = 150, 3_000, 99
_MOST_LINES, _LINE = 8, 280
_MOST_ACCOUNTS: Final = 8


@dataclass(frozen=True, slots=True)
class Brief:
    """What is told: a title, a few lines, the gravest first, and how grave it is.

    `accounts` are the accounts' names, ids and counts. `job` is the name or the URL of the CI job.
    """

    command: str
    title: str
    lines: tuple[str, ...]
    grade: Grade
    code: int
    at: str
    accounts: tuple[Json, ...] = ()
    job: str = ""


@dataclass(frozen=True, slots=True)
class Ending:
    """How a run ended: its exit code and, where an error ended it, what that said."""

    code: int = 0
    error: str = ""


def brief_of_plan(
    document: Json | None, ending: Ending, command: str, *, at: str, job: str = "", sandbox: bool = False
) -> Brief | None:
    """The brief of a `plan` or `apply`; `document` is None where the run failed before there was a plan."""
    plans: Sequence[Json] = document["plans"] if document is not None else ()
    notices = of_plan(document, Sources()) if document is not None else []
    grave = [notice for notice in notices if notice.grade != "info" or notice.rule == "permission-gain"]
    changes = sum(len(plan["changes"]) for plan in plans)
    if not ending.code and not changes and not grave:
        return None
    lines = [_cut(safe(f"failed: {ending.error}"))] if ending.error else []
    if len(plans) > 1:
        rows = [f"{account_text(plan['account'])}: {counts_text(plan['summary']) or 'no changes'}" for plan in plans]
        lines += _some(rows, _MOST_ACCOUNTS)
    elsewhere = sum(change["cause"] == "drift" for plan in plans for change in plan["changes"])
    if elsewhere:
        lines.append(f"{count(elsewhere, 'change')} of them undo what was done elsewhere (drift)")
    lines += _some([_told(notice) for notice in grave], _MOST_LINES)
    title = f"iamsync {command}{' (sandbox)' if sandbox else ''}: {_how(plans, ending, command)}"
    accounts = [{**_account(plan["account"]), "summary": dict(plan["summary"])} for plan in plans]
    grade: Grade = "high" if ending.error else (grave[0].grade if grave else "info")
    return Brief(command, title, tuple(lines), grade, ending.code, at, tuple(accounts), safe(job))


def brief_of_drift(
    document: Json | None, ending: Ending, command: str, *, at: str, job: str = "", sandbox: bool = False
) -> Brief | None:
    """The brief of a `drift`; where it was compared with the last run, of what is new since then."""
    label = f"iamsync {command}{' (sandbox)' if sandbox else ''}"
    if document is None:
        lines = (_cut(safe(f"failed: {ending.error}")),)
        return Brief(command, f"{label}: failed", lines, "high", ending.code, at, job=safe(job))
    accounts = [_new(account) for account in document["accounts"]]
    told = {**document, "accounts": accounts}
    notices = of_drift(told, Sources())
    again = document["since"] and not any(account["drift"] for account in accounts)
    if (again or not notices) and not ending.error:
        return None
    new = "new: " if document["since"] else ""
    title = f"{label}: {new}{drift_summary(told).removeprefix('iamsync drift: ')}"
    lines = (
        *((_cut(safe(f"failed: {ending.error}")),) if ending.error else ()),
        *_some([_told(notice) for notice in notices], _MOST_LINES),
    )
    grade: Grade = notices[0].grade if notices else "high"
    rows = tuple({**_account(account["account"]), "summary": account["summary"]} for account in document["accounts"])
    return Brief(command, title, lines, grade, ending.code, at, rows, safe(job))


def _new(account: Json) -> Json:
    """An account's drift without what the last run had found already."""
    return {**account, "drift": [entry for entry in account["drift"] if entry["status"] != "known"]}


def message(brief: Brief) -> Message:
    """The brief in the forms of those who get it, each within its limits."""
    body = "\n".join(brief.lines)
    tail = f"exit code {brief.code}; {brief.at}" + (f"; {brief.job}" if brief.job else "")
    text = "\n".join(part for part in (brief.title, body, tail) if part)
    # plain_text everywhere: nothing in it is markup, a mention or a link.
    blocks: list[Json] = [{"type": "header", "text": _plain(brief.title, _HEADER)}]
    if body:
        blocks.append({"type": "section", "text": _plain(body, _SECTION)})
    blocks.append({"type": "context", "elements": [_plain(tail, _SECTION)]})
    # `text` is what a notification shows; it is mrkdwn, in which these three open links and mentions.
    shown = brief.title.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    hooked = {
        "format_version": FORMAT,
        "command": brief.command,
        "exit_code": brief.code,
        "severity": brief.grade,
        "title": brief.title,
        "lines": list(brief.lines),
        "at": brief.at,
        "job": brief.job or None,
        "accounts": list(brief.accounts),
    }
    return Message(
        subject=_cut(brief.title.encode("ascii", "replace").decode(), _SUBJECT),
        text=text,
        slack=_compact({"text": shown, "blocks": blocks}),
        webhook=_compact(hooked),
        attributes=(("command", brief.command), ("severity", brief.grade), ("exit_code", str(brief.code))),
    )


def _how(plans: Sequence[Json], ending: Ending, command: str) -> str:
    total: dict[str, int] = {}
    for plan in plans:
        for key, number in plan["summary"].items():
            total[key] = total.get(key, 0) + number
    where = f" in {account_text(plans[0]['account'])}" if len(plans) == 1 else f" in {count(len(plans), 'account')}"
    refused = sum(g["severity"] == "refuse" and not g["acknowledged"] for plan in plans for g in plan["guards"])
    if not plans:
        return "failed"
    counts = (counts_text(total) if total else "") or "no changes"
    if refused:
        return f"refused by {count(refused, 'guard')}: {counts}{where}"
    if ending.error:
        return f"{_ENDINGS.get(ending.code, 'failed')}: {counts}{where}"
    return f"{counts}{', done' if command == 'apply' else ''}{where}"


_ENDINGS: Final = {4: "stale", 5: "applied in part", 130: "interrupted"}


def _told(notice: Notice) -> str:
    account = f" ({notice.account})" if notice.account else ""
    if notice.rule == "permission-gain":
        return _cut(safe(f"gain: {'; '.join((notice.text, *notice.detail))}{account}"))
    return _cut(safe(f"{notice.grade}: {notice.text}{account}"))


def _account(account: Json) -> dict[str, Any]:
    return {"name": account["name"], "id": account["id"]}


def _some(lines: Sequence[str], most: int) -> list[str]:
    if len(lines) <= most:
        return list(lines)
    return [*lines[:most], f"and {len(lines) - most} more"]


def _plain(text: str, most: int) -> Json:
    return {"type": "plain_text", "text": _cut(text, most), "emoji": False}


def _cut(text: str, most: int = _LINE) -> str:
    return text if len(text) <= most else f"{text[: most - 3]}..."


def _compact(value: Json) -> str:
    return json_inert(json.dumps(value, ensure_ascii=False, separators=(",", ":")))
