"""A changed field of the plan document as lines with a mark, by the form of its value."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from iamsync import arn
from iamsync.kinds import KINDS
from iamsync.kinds.account import DEFAULTS, RULES
from iamsync.kinds.metadata import Metadata
from iamsync.policy.document import Document
from iamsync.render.inert import safe
from iamsync.render.statements import statement_lines

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a change: `mark` is +, - or nothing; `depth` counts levels under the field's own lines."""

    mark: str
    field: str
    text: str
    cause: str = ""
    depth: int = 0


def field_lines(kind: str, field: Json, account: Json) -> list[Line]:
    """A changed field of a resource of this kind as lines, one at the least."""
    # What its field's own shape has no line for is told all the same.
    return list(_shaped(kind, field, account)) or [
        _scalar(safe(field["field"]), "text", field["before"], field["after"], account["id"])
    ]


def _shaped(kind: str, field: Json, account: Json) -> Iterator[Line]:
    name, before, after = safe(field["field"]), field["before"], field["after"]
    form = _form(kind, field["field"], before if after is None else after)
    if form in ("references", "names"):
        yield from _members(name, field, account["id"])
    elif form == "tags":
        yield from _tags(name, field)
    elif form == "documents":
        yield from _documents(name, field, account["partition"])
    elif form == "settings":
        yield from _settings(name, before, after)
    elif form == "document":
        yield from _document(name, before, after, account["partition"])
    else:
        yield _scalar(name, form, before, after, account["id"])


def _form(kind: str, field: str, value: Any) -> str:
    """The field's shape; of a field this version does not know, what its value looks like."""
    known = KINDS.get(kind)
    for shape in known.fields if known is not None else ():
        if shape.name == field:
            return shape.form
    return "references" if isinstance(value, list) else "text"


def _members(name: str, field: Json, account: str) -> Iterator[Line]:
    added, removed = list(field["added"]), list(field["removed"])
    again = [item for item in added if item in removed]
    changed = {*added, *removed}
    shorts = {item: arn.short(item, account) for item in changed}
    if len(set(shorts.values())) < len(changed):  # two paths, one name: only the ARN tells them apart
        shorts = {item: item for item in changed}
    for item in again:
        yield Line("~", name, f"{safe(shorts[item])} (taken off and put on again)")
    over = _over(field)
    for mark, items in (("+", added), ("-", removed)):
        for item in items:
            if item not in again:
                yield Line(mark, name, safe(shorts[item]), over.get(item, ""))


def _tags(name: str, field: Json) -> Iterator[Line]:
    before, after = field["before"] or {}, field["after"] or {}
    gone = [*field["removed"], *(key for key in field["added"] if key in before)]
    for key in sorted(gone):
        yield Line("-", name, safe(f"{key}={before[key]}"))
    for key in field["added"]:
        yield Line("+", name, safe(f"{key}={after[key]}"))


def _settings(name: str, before: Any, after: Any) -> Iterator[Line]:
    """Rule by rule; what goes back to AWS's default says so, since nobody may have written it."""
    old, new = before or {}, after or {}
    if after is None:
        yield Line("-", name, "the whole policy; AWS's default of no policy holds")
    for rule in (rule for rule in (*RULES, *(old.keys() - set(RULES))) if rule in old or rule in new):
        was, will = old.get(rule, DEFAULTS.get(rule)), new.get(rule, DEFAULTS.get(rule))
        reset = " (AWS's default)" if after is not None and will == DEFAULTS.get(rule) else ""
        if before is None:
            yield Line("+", name, safe(f"{rule}: {_rule(will)}{reset}"))
        elif after is None:
            yield Line("-", name, safe(f"{rule}: {_rule(was)}"), depth=1)
        elif was != will:
            yield Line("", name, safe(f"{rule}: {_rule(was)} -> {_rule(will)}{reset}"))


def _rule(value: Any) -> str:
    return "none" if value is None else json.dumps(value)


def _short(text: str, account: str) -> str:
    """An ARN as manifests spell it: bare for a role of this account."""
    parsed = arn.parse(text)
    if parsed is not None and parsed.kind == "role" and parsed.account == account:
        return parsed.name
    return arn.short(text, account)


def _documents(name: str, field: Json, partition: str) -> Iterator[Line]:
    before, after = field["before"] or {}, field["after"] or {}
    for key in field["added"]:
        if key in before:
            yield Line("~", name, safe(key))
            yield from _explained(name, before[key], after[key], partition, 1)
        else:
            yield Line("+", name, safe(key))
            yield from (Line("+", name, text, depth=1) for text in statement_lines(after[key]))
    over = _over(field)
    for key in field["removed"]:
        yield Line("-", name, safe(key), over.get(key, ""))
        yield from (Line("-", name, text, depth=1) for text in statement_lines(before[key]))


def _over(field: Json) -> dict[Any, str]:
    """The members whose time is over, where the field as a whole has another cause."""
    return {} if field["cause"] == "expired" else dict.fromkeys(field.get("expired") or (), "expired")


def _document(name: str, before: Any, after: Any, partition: str) -> Iterator[Line]:
    if before is not None and after is not None:
        yield from _explained(name, before, after, partition, 0)
        return
    mark, value = ("+", after) if after is not None else ("-", before)
    yield from (Line(mark, name, text) for text in statement_lines(value))


def _explained(name: str, before: Any, after: Any, partition: str, depth: int) -> Iterator[Line]:
    """A changed document: what a statement lost and won, a member a line; else that nothing moves."""
    from iamsync.policy.explain import lines, statements_diff  # it brings deepdiff, which takes long to load

    old, new = Document.of(before, partition), Document.of(after, partition)
    found = statements_diff(old, new, partition)
    if old.permissions_key == new.permissions_key or not found:
        yield from (Line("", name, safe(text), depth=depth) for text in lines(old, new, partition))
        return
    for statement in found:
        if statement.kind == "changed":
            for element in statement.elements:
                yield Line("", name, safe(f"{statement.label}: {element.element}"), depth=depth)
                yield from (Line("-", name, safe(item), depth=depth + 1) for item in element.removed)
                yield from (Line("+", name, safe(item), depth=depth + 1) for item in element.added)
        else:
            told = [(part.element, ", ".join((*part.removed, *part.added))) for part in statement.elements]
            # A statement without a Sid has its effect in its label already.
            parts = [f"{word} {held}" for word, held in told if not statement.label.endswith(f", {held}")]
            mark = "+" if statement.kind == "added" else "-"
            yield Line(mark, name, safe(f"{statement.label}: {'; '.join(parts)}"), depth=depth)


def _scalar(name: str, form: str, before: Any, after: Any, account: str) -> Line:
    old, new = value_text(form, before, account), value_text(form, after, account)
    if before is None:
        return Line("+", name, new)
    if after is None:
        return Line("-", name, old)
    return Line("", name, f"{old} -> {new}")


def value_text(form: str, value: Any, account: str) -> str:
    """A single value in words, by the form of its field; `account` is whose roles are named without ARN."""
    if form == "metadata" and isinstance(value, str):
        return safe(Metadata.of(value))
    if form == "seconds" and isinstance(value, int):
        return f"{value // 3600}h" if value and value % 3600 == 0 else f"{value}s"
    if isinstance(value, str):
        return safe(_short(value, account)) if value else '""'
    return safe(json.dumps(value, ensure_ascii=False))
