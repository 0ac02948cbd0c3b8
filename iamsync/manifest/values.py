"""Plain values out of nodes: texts, numbers, durations, times, lists; what does not fit is collected.

Every function answers None where the value is none of what is wanted; the complaint is in the
`Problems` by then. `what` is the value's name in the message.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Final

from iamsync.manifest.nodes import Listing, Node, Scalar, Table
from iamsync.manifest.problems import Problems, a, did_you_mean, is_null, one_of

_DURATION: Final = re.compile(r"(\d{1,9})([smhd]?)", re.ASCII)
_UNITS: Final = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}
_DATE: Final = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_TIME: Final = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)", re.ASCII)

_ZONELESS: Final = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(:\d\d(\.\d+)?)?", re.ASCII)


def text(node: Node, what: str, problems: Problems) -> str | None:
    """A text as it is written; numbers and booleans count as their text."""
    if isinstance(node, Scalar) and node.value is not None:
        return node.text
    problems.add("wrong-type", f"{what} is a text, not {a(node)}", node)
    return None


def table(node: Node, what: str, problems: Problems) -> Table | None:
    """A mapping; nothing written counts as an empty one."""
    if isinstance(node, Table):
        return node
    if is_null(node):
        return Table((), node.source, node.start, node.end)
    hint = "write NAME: VALUE below it, without a dash" if isinstance(node, Listing) else ""
    problems.add("wrong-type", f"{what} is a mapping, not {a(node)}", node, hint)
    return None


def listing(node: Node, what: str, problems: Problems) -> Listing | None:
    """A list; nothing written counts as an empty one."""
    if isinstance(node, Listing):
        return node
    if is_null(node):
        return Listing((), node.source, node.start, node.end)
    hint = f"write [{node.text}]" if isinstance(node, Scalar) and "\n" not in node.text else ""
    problems.add("wrong-type", f"{what} is a list, not {a(node)}", node, hint)
    return None


def texts(node: Node, what: str, problems: Problems) -> tuple[tuple[str, Scalar], ...]:
    """The texts of a list, each with its node; what is no text is left out."""
    held = listing(node, what, problems)
    found = []
    for item in held or ():
        if isinstance(item, Scalar) and item.value is not None:
            found.append((item.text, item))
        else:
            problems.add("wrong-type", f"an item of {what} is a text, not {a(item)}", item)
    return tuple(found)


def number(node: Node, what: str, problems: Problems, low: int, high: int) -> int | None:
    """A whole number within bounds."""
    if isinstance(node, Scalar) and isinstance(node.value, int) and not isinstance(node.value, bool):
        if low <= node.value <= high:
            return node.value
        problems.add("out-of-range", f"{what} is {node.value}; it may be {low} to {high}", node)
        return None
    problems.add("wrong-type", f"{what} is a whole number, not {a(node)}", node)
    return None


def choice(node: Node, what: str, problems: Problems, words: Iterable[str]) -> str | None:
    """One of some words."""
    known = tuple(words)
    held = text(node, what, problems)
    if held is None or held in known:
        return held
    hint = did_you_mean(held, known, f"it is one of {one_of(known)}")
    problems.add("unknown-value", f'{what} cannot be "{held}"', node, hint)
    return None


def seconds(node: Node, what: str, problems: Problems, low: int, high: int) -> int | None:
    """A duration as seconds: `10s`, `90m`, `1h`, `7d` or a number of seconds."""
    held = text(node, what, problems)
    if held is None:
        return None
    match = _DURATION.fullmatch(held)
    if match is None:
        hint = "write a number and a unit, for example 90m, or seconds"
        problems.add("bad-duration", f'{what}: "{held}" is no duration', node, hint)
        return None
    value = int(match[1]) * _UNITS[match[2]]
    if not low <= value <= high:
        problems.add("out-of-range", f"{what} is {held}; it may be {_span(low)} to {_span(high)}", node)
        return None
    return value


def moment(node: Node, what: str, problems: Problems) -> str | None:
    """An RFC 3339 time, or a date as its first moment, in UTC: `2027-01-31T18:00:00Z`."""
    held = text(node, what, problems)
    if held is None:
        return None
    try:
        if _DATE.fullmatch(held):
            return datetime.fromisoformat(held).strftime("%Y-%m-%dT00:00:00Z")
        if _TIME.fullmatch(held):
            return datetime.fromisoformat(held.upper()).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (ValueError, OverflowError):
        pass
    hint = "write 2027-01-31, or 2027-01-31T18:00:00Z with the zone"
    if _ZONELESS.fullmatch(held):
        whole = held.replace(" ", "T") + (":00" if len(held) == len("2027-01-31T18:00") else "")
        hint = f"it has no time zone: write {whole}Z for UTC, or end it with an offset such as +02:00"
    elif _DATE.fullmatch(held) or _TIME.fullmatch(held):
        hint = "there is no such day or hour; a date is year, month and day"
    problems.add("bad-time", f'{what}: "{held}" is no date and no time', node, hint)
    return None


def known_keys(
    node: Table, known: Iterable[str], what: str, problems: Problems, meant: Mapping[str, str] | None = None
) -> None:
    """Complain about the keys that are not known; `meant` says what to do about some that others call so."""
    names = tuple(known)
    for key, _ in node:
        if key.text not in names:
            hint = (meant or {}).get(key.text) or did_you_mean(key.text, names, f"its fields are {one_of(names)}")
            problems.add("unknown-field", f'{what} has no field "{key.text}"', key, hint)


def text_table(node: Node, what: str, problems: Problems) -> Mapping[str, tuple[str, Scalar, Node]]:
    """Key -> text, key node, value node; what is no text is left out."""
    found: dict[str, tuple[str, Scalar, Node]] = {}
    for key, value in table(node, what, problems) or ():
        held = text(value, f'"{key.text}" of {what}', problems)
        if held is not None:
            found[key.text] = (held, key, value)
    return found


def _span(value: int) -> str:
    for unit in ("d", "h", "m"):
        if value and value % _UNITS[unit] == 0:
            return f"{value // _UNITS[unit]}{unit}"
    return f"{value}s"
