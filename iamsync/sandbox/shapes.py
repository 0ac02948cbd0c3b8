"""Checks a request's parameters against the service model: lengths, patterns, ranges, enumerations.

botocore checks only what is required, types and minima before it sends; AWS checks the rest and answers
ValidationError. The model's patterns are Java's, where `\\w` is ASCII.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, Final

from iamsync.sandbox.refusal import Refused

# Java's \p{Z}: every kind of separator, but not tabs and line ends.
_SEPARATORS: Final = r"\u0020\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"


def check(params: Mapping[str, Any], shape: Any) -> None:
    """Raise Refused(ValidationError) with every violation, as IAM words them; `shape` is a structure shape."""
    errors = list(_structure(params, shape, ""))
    if errors:
        plural = "s" if len(errors) > 1 else ""
        raise Refused("ValidationError", f"{len(errors)} validation error{plural} detected: {'; '.join(errors)}")


def _structure(value: Mapping[str, Any], shape: Any, place: str) -> Iterator[str]:
    for name in shape.required_members:
        if value.get(name) is None:
            yield _error(None, _join(place, name), "Member must not be null")
    for name, member in shape.members.items():
        if value.get(name) is not None:
            yield from _value(value[name], member, _join(place, name))


def _value(value: Any, shape: Any, place: str) -> Iterator[str]:
    if shape.type_name == "structure":
        yield from _structure(value, shape, place)
    elif shape.type_name == "list":
        yield from _size(len(value), value, shape.metadata, place, "length")
        for number, item in enumerate(value, 1):
            yield from _value(item, shape.member, f"{place}.{number}.member")
    elif shape.type_name == "string":
        yield from _size(len(value), value, shape.metadata, place, "length")
        yield from _text(value, shape, place)
    elif shape.type_name in {"integer", "long"}:
        yield from _size(value, value, shape.metadata, place, "value")


def _size(size: int, value: Any, limits: Mapping[str, Any], place: str, what: str) -> Iterator[str]:
    if "min" in limits and size < limits["min"]:
        yield _error(value, place, f"Member must have {what} greater than or equal to {limits['min']}")
    if "max" in limits and size > limits["max"]:
        yield _error(value, place, f"Member must have {what} less than or equal to {limits['max']}")


def _text(value: str, shape: Any, place: str) -> Iterator[str]:
    pattern = shape.metadata.get("pattern")
    if pattern and not _compiled(pattern).fullmatch(value):
        yield _error(value, place, f"Member must satisfy regular expression pattern: {pattern}")
    allowed = shape.metadata.get("enum")
    if allowed and value not in allowed:
        yield _error(value, place, f"Member must satisfy enum value set: [{', '.join(allowed)}]")


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    if r"\p{" in pattern:
        unicode = pattern.replace(r"\p{L}", r"\w").replace(r"\p{N}", "").replace(r"\p{Z}", _SEPARATORS)
        return re.compile(unicode)
    return re.compile(pattern, re.ASCII)


def _error(value: Any, place: str, constraint: str) -> str:
    shown = "null" if value is None else f"'{value}'"
    return f"Value {shown} at '{place}' failed to satisfy constraint: {constraint}"


def _join(place: str, name: str) -> str:
    name = name[:1].lower() + name[1:]
    return f"{place}.{name}" if place else name
