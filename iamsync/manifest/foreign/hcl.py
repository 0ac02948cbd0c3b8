"""Values as HCL, Terraform's language: blocks of attributes, expressions, and texts that stay what they are."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

_KEY: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*", re.ASCII)
_NOT_IN_NAME: Final = re.compile(r"[^A-Za-z0-9_-]+", re.ASCII)
_ESCAPES: Final = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}
# What begins an interpolation or a directive; doubled, the first mark is itself.
_TEMPLATE: Final = re.compile(r"[$%]\{")
# Words that begin an expression of another sort where a key is meant.
_WORDS: Final = frozenset({"for", "if", "in", "null", "true", "false"})


@dataclass(frozen=True, slots=True)
class Expression:
    """Something to be written as it is: a reference, a call."""

    text: str


@dataclass(frozen=True, slots=True)
class Encoded:
    """A value that is to become a JSON text."""

    value: Any


def quoted(text: str) -> str:
    """A text in quotes; nothing in it is a template."""
    text = "".join(_escaped(mark) for mark in text)
    return '"' + _TEMPLATE.sub(lambda found: f"{found[0][0]}{found[0]}", text) + '"'


def block(head: str, attributes: Mapping[str, Any]) -> str:
    """A block with its attributes, those of one line aligned as `terraform fmt` aligns them."""
    return "\n".join([f"{head} {{", *_attributes(attributes, "  "), "}"])


def name_of(text: str, taken: set[str]) -> str:
    """A name for a resource of this IAM name, which joins those that are taken already."""
    base = _NOT_IN_NAME.sub("_", text).strip("_") or "resource"
    base = base if _KEY.fullmatch(base) else f"_{base}"
    made, number = base, 2
    while made in taken:
        made, number = f"{base}_{number}", number + 1
    taken.add(made)
    return made


def _attributes(held: Mapping[str, Any], indent: str) -> list[str]:
    lines: list[str] = []
    for group in _groups([(_key(name), _value(value, indent)) for name, value in held.items()]):
        width = max(len(name) for name, _ in group)
        lines += [f"{indent}{name.ljust(width)} = {text}" for name, text in group]
    return lines


def _groups(rows: Iterable[tuple[str, str]]) -> list[list[tuple[str, str]]]:
    """Runs of attributes on neighbouring lines; one of several lines ends its run, standing in it."""
    groups: list[list[tuple[str, str]]] = []
    open_group = False
    for row in rows:
        several = "\n" in row[1]
        if several or not open_group:
            groups.append([row])
        else:
            groups[-1].append(row)
        open_group = not several
    return groups


def _value(value: Any, indent: str) -> str:
    if isinstance(value, Expression):
        return value.text
    if isinstance(value, Encoded):
        return f"jsonencode({_value(value.value, indent)})"
    if isinstance(value, str):
        return quoted(value)
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return repr(value)
    inner = f"{indent}  "
    if isinstance(value, Mapping):
        if not value:
            return "{}"
        return "\n".join(["{", *_attributes(value, inner), f"{indent}}}"])
    items = [_value(item, inner) for item in value]
    if not any("\n" in item for item in items) and sum(map(len, items)) < 80:
        return f"[{', '.join(items)}]"
    return "\n".join(["[", *(f"{inner}{item}," for item in items), f"{indent}]"])


def _key(text: str) -> str:
    return text if _KEY.fullmatch(text) and text not in _WORDS else quoted(text)


def _escaped(mark: str) -> str:
    if mark in _ESCAPES:
        return _ESCAPES[mark]
    if mark.isprintable():
        return mark
    code = ord(mark)
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
