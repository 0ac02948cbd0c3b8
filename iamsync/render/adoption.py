"""What an adoption would change, as text: value by value, then what is refused, then the diff."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from iamsync.render.inert import safe
from iamsync.render.words import fold

_WIDTH = 100


def adoption_text(document: Mapping[str, Any], diff: str, *, width: int | None = None) -> str:
    """The text of an adoption's document and its diff, which is as wide as it is; empty lists are left out."""
    lines: list[str] = []
    for account in document["accounts"]:
        taken = [item for item in document["taken"] if item["account"] == account["name"]]
        refused = [item for item in document["refused"] if item["account"] == account["name"]]
        absent = [item for item in document["absent"] if item["account"] == account["name"]]
        lines.append(f"account {safe(account['name'])} ({account['id']}): {_counts(taken, refused, absent)}")
        lines += [line for item in taken for line in _taken(item)]
        lines += [line for item in refused for line in _refused(item)]
        for item in absent:
            lines.append(f"  {safe(item['address'])} is declared and does not exist")
            lines.append("    left alone: take it out with --deleted or --target, or create it with apply")
    if width is not None:
        lines = [fold(line, width) for line in lines]
    if diff:
        lines += ["", *(safe(line) for line in diff.splitlines())]
    return "\n".join(lines) + "\n"


def _counts(taken: Sequence[Any], refused: Sequence[Any], absent: Sequence[Any]) -> str:
    parts = []
    if taken:
        parts.append(f"{len(taken)} to adopt")
    if refused:
        parts.append(f"{len(refused)} refused")
    if absent:
        parts.append(f"{len(absent)} declared and absent")
    return ", ".join(parts) or "nothing to adopt"


def _taken(item: Mapping[str, Any]) -> list[str]:
    address, field, place = safe(item["address"]), item["field"], safe(item["place"])
    note = f"  [{safe(item['note'])}]" if item["note"] else ""
    if not field:
        return [f"  {address} does not exist: its declaration goes  {place}"]
    marks = [f"- {_short(text)}" for text in item["removed"]] + [f"+ {_short(text)}" for text in item["added"]]
    what = ", ".join(marks) if marks else _becomes(item)
    return [f"  {address} {field}: {what}  {place}{note}"]


def _becomes(item: Mapping[str, Any]) -> str:
    before, after = item["before"], item["after"]
    if isinstance(after, (dict, list)) or isinstance(before, (dict, list)):
        return "as it is in the account"
    return f"{_short(before)} becomes {_short(after)}"


def _refused(item: Mapping[str, Any]) -> list[str]:
    place = f" ({safe(item['place'])})" if item["place"] else ""
    lines = [f"! {safe(item['address'])} {item['field']}: {safe(item['message'])}{place}"]
    return lines + ([f"    {safe(item['hint'])}"] if item["hint"] else [])


def _short(value: Any) -> str:
    text = "nothing" if value is None else str(value)
    text = safe(text)
    return text if len(text) <= _WIDTH else f"{text[: _WIDTH - 3]}..."
