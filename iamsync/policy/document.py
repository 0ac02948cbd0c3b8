"""A policy document: the writer's own text beside the canonical key that decides equality.

`text` is compact JSON in the writer's order: what is sent to AWS and dumped to files. `key` is the
canonical form: two documents with one key mean the same to IAM. Nothing here looks up action names.

What the key does not tell apart: layout, order and repetition of statements and list members, one
value against a list of it, the case of actions and condition keys, an account id against its root
ARN, booleans and numbers against their text, an empty Condition against none, an absent Version
against 2008-10-17 (and against 2012-10-17 where no policy variable occurs), Arn{Equals,Like},
StringLike without wildcards, `a.b.c.d/32`, the spellings of one number or one moment, and IfExists
on operators that a missing key satisfies anyway. Sid and Id are kept: they grant nothing, yet a
person wrote them.
"""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final

from iamsync.strictjson import loads

_ACCOUNT: Final = re.compile(r"\d{12}", re.ASCII)
_ACTIONS: Final = ("Action", "NotAction")
_RESOURCES: Final = ("Resource", "NotResource")
_PRINCIPALS: Final = ("Principal", "NotPrincipal")
_SPACE: Final = re.compile(r"[\t\n\r ]+")
_NUMBER: Final = re.compile(r"([+-]?)(\d{1,100})(?:\.(\d{1,100}))?", re.ASCII)
# Python would also read a netmask (10.0.0.0/255.0.0.0) and a zone (fe80::1%eth0), which IAM does not.
_NETWORK: Final = re.compile(r"[0-9A-Fa-f.:]+(?:/\d{1,3})?", re.ASCII)
_MOMENT: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?(?:Z|[+-]\d\d:\d\d)", re.ASCII)
# Seconds since 1970; a shorter number could as well be a year or a day.
_EPOCH: Final = re.compile(r"\d{9,11}", re.ASCII)
# Made once: `json.dumps` makes an encoder a call for anything but its defaults.
_AS_WRITTEN: Final = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False)
_SORTED: Final = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, sort_keys=True)

OPERATORS: Final = (
    *("StringEquals", "StringNotEquals", "StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase"),
    *("StringLike", "StringNotLike", "NumericEquals", "NumericNotEquals", "NumericLessThan"),
    *("NumericLessThanEquals", "NumericGreaterThan", "NumericGreaterThanEquals", "DateEquals"),
    *("DateNotEquals", "DateLessThan", "DateLessThanEquals", "DateGreaterThan", "DateGreaterThanEquals"),
    *("Bool", "BinaryEquals", "IpAddress", "NotIpAddress", "ArnEquals", "ArnLike", "ArnNotEquals"),
    *("ArnNotLike", "Null"),
)
_OPERATOR_CASE: Final = {name.lower(): name for name in OPERATORS}
_QUALIFIERS: Final = {"forallvalues": "ForAllValues:", "foranyvalue": "ForAnyValue:"}
# Their plain form already holds when the key is missing, so IfExists adds nothing.
_NEGATED: Final = frozenset(
    {"StringNotEquals", "StringNotEqualsIgnoreCase", "StringNotLike", "NumericNotEquals", "DateNotEquals"}
    | {"NotIpAddress", "ArnNotEquals", "ArnNotLike"}
)
_SAME: Final = {"ArnEquals": "ArnLike", "ArnNotEquals": "ArnNotLike"}
_WILDLESS: Final = {"StringLike": "StringEquals", "StringNotLike": "StringNotEquals"}


@dataclass(frozen=True, slots=True)
class Document:
    """A policy document; equal and hashed by `key` alone."""

    text: str = field(compare=False)
    key: str

    @classmethod
    def of(cls, value: Any, partition: str = "aws") -> Document:
        """The document of parsed JSON (`value`), as an account of this partition reads it."""
        text = compact(value)
        return _of_text(text, partition)

    @classmethod
    def parse(cls, text: str, partition: str = "aws") -> Document:
        """The document of JSON text; ValueError where it is not JSON or names a key twice."""
        return _of_text(compact(loads(text)), partition)

    @property
    def value(self) -> Any:
        """The document as parsed JSON, in the writer's own order and spelling."""
        return json.loads(self.text)

    @property
    def size(self) -> int:
        """Characters as IAM's quotas count them: white space is free."""
        return len(_SPACE.sub("", self.text))

    @property
    def permissions_key(self) -> str:
        """The key without Sid and Id: equal means that the change grants and takes nothing."""
        value = json.loads(self.key)
        if isinstance(value, dict):
            value.pop("Id", None)
            statements = value.get("Statement")
            if isinstance(statements, list):
                bare = [{k: v for k, v in s.items() if k != "Sid"} if isinstance(s, dict) else s for s in statements]
                value["Statement"] = sorted({_dumps(statement) for statement in bare})
        return _dumps(value)

    @property
    def bears_deny(self) -> bool:
        """Whether any statement denies."""
        return any(statement.get("Effect") == "Deny" for statement in statements(self.value))

    def __str__(self) -> str:
        return self.text


def statements(value: Any) -> Iterator[dict[str, Any]]:
    """The statements of a parsed document, whether it holds one or a list."""
    held = value.get("Statement") if isinstance(value, dict) else None
    for statement in held if isinstance(held, list) else [held]:
        if isinstance(statement, dict):
            yield statement


def texts(values: Any) -> tuple[str, ...]:
    """A value or a list of values as the texts that IAM compares: `true` for a boolean, digits for a number."""
    return tuple(
        ("true" if value else "false") if isinstance(value, bool) else str(value)
        for value in (values if isinstance(values, list) else [values])
    )


def either(held: dict[str, Any], element: str) -> tuple[tuple[str, ...], bool] | None:
    """What a statement says of an element or of its `Not`, and whether it is the latter; None where of neither."""
    for name, negated in ((element, False), (f"Not{element}", True)):
        if name in held:
            return texts(held[name]), negated
    return None


def principals(document: Document) -> frozenset[str]:
    """Every value of `AWS`, `Federated`, `Service`... in the Principal elements of a trust policy."""
    found: set[str] = set()
    for statement in statements(document.value):
        for element in _PRINCIPALS:
            held = statement.get(element)
            for value in held.values() if isinstance(held, dict) else [held]:
                found.update(item for item in (value if isinstance(value, list) else [value]) if isinstance(item, str))
    return frozenset(found)


def with_principals(document: Document, renamed: Mapping[str, str], partition: str) -> Document:
    """The document with whole principal values replaced, as IAM itself follows a renamed user."""
    if not principals(document) & renamed.keys():
        return document
    value = document.value
    for statement in statements(value):
        for element in _PRINCIPALS:
            held = statement.get(element)
            if isinstance(held, dict):
                statement[element] = {kind: _replaced(names, renamed) for kind, names in held.items()}
    return Document.of(value, partition)


def compact(value: Any) -> str:
    """JSON without a blank that could be left out; the writer's order is kept."""
    return _AS_WRITTEN.encode(value)


def _replaced(names: Any, renamed: Mapping[str, str]) -> Any:
    if isinstance(names, list):
        return [_replaced(name, renamed) for name in names]
    return renamed.get(names, names) if isinstance(names, str) else names


def _dumps(value: Any) -> str:
    return _SORTED.encode(value)


@lru_cache(maxsize=65536)
def _of_text(text: str, partition: str) -> Document:
    return Document(text, _dumps(canonical(json.loads(text), partition)))


def canonical(value: Any, partition: str = "aws") -> Any:
    """The canonical form of a parsed document; what is not shaped like a policy is left as it is."""
    if not isinstance(value, dict):
        return value
    out = {key: held for key, held in value.items() if key not in ("Statement", "Version")}
    version = value.get("Version", "2008-10-17")
    if version == "2008-10-17" and "${" not in json.dumps(value, ensure_ascii=False):
        version = "2012-10-17"  # the two differ in whether ${...} is a variable, and in nothing else
    out["Version"] = version
    if "Statement" in value:
        held = value["Statement"]
        made = [_statement(item, partition) for item in (held if isinstance(held, list) else [held])]
        out["Statement"] = [json.loads(item) for item in sorted({_dumps(item) for item in made})]
    return out


def _statement(statement: Any, partition: str) -> Any:
    if not isinstance(statement, dict):
        return statement
    out: dict[str, Any] = {}
    for element, value in statement.items():
        if element in _ACTIONS:
            out[element] = _set([_lower(item) for item in _list(value)])
        elif element in _RESOURCES:
            out[element] = _set(_list(value))
        elif element in _PRINCIPALS:
            out[element] = _principal(value, partition)
        elif element == "Condition" and isinstance(value, dict):
            if condition := _condition(value):
                out[element] = condition
        else:
            out[element] = value
    return out


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _lower(value: Any) -> Any:
    # Not casefold: it makes "ß" and "ss" one, and tag keys in condition keys may hold either.
    return value.lower() if isinstance(value, str) else value


def _set(values: list[Any]) -> Any:
    """The members sorted and without repetition; one member stands for itself."""
    unique = {_dumps(item): item for item in values}
    ordered = [unique[key] for key in sorted(unique)]
    return ordered[0] if len(ordered) == 1 and not isinstance(ordered[0], list) else ordered


def _principal(value: Any, partition: str) -> Any:
    if not isinstance(value, dict):
        return value
    out = {}
    for kind, held in value.items():
        members = _list(held)
        if kind == "AWS":
            members = [
                f"arn:{partition}:iam::{item}:root" if isinstance(item, str) and _ACCOUNT.fullmatch(item) else item
                for item in members
            ]
        if members:
            out[kind] = _set(members)
    return out


def _condition(block: dict[str, Any]) -> dict[str, Any]:
    """Operators and keys in one spelling.

    Two operators of one meaning on one key (ArnEquals and ArnLike, say) must both hold, so their
    values stay apart, under a word that no policy can hold there.
    """
    if not all(isinstance(keys, dict) for keys in block.values()):
        return block
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for operator, keys in block.items():
        for key, held in keys.items():
            name, values = _operator(operator, [_scalar(item) for item in _list(held)])
            found.setdefault((name, key.lower()), {})[_dumps(values)] = values
    out: dict[str, Any] = {}
    for (name, key), alike in found.items():
        values = [alike[text] for text in sorted(alike)]
        out.setdefault(name, {})[key] = values[0] if len(values) == 1 else {"all of": values}
    return out


def _operator(operator: str, values: list[Any]) -> tuple[str, Any]:
    """An operator and its values in their one spelling."""
    qualifier, colon, name = operator.rpartition(":")
    prefix = _QUALIFIERS.get(qualifier.lower(), operator[: len(qualifier) + 1] if colon else "")
    bare, suffix = (name[:-8], "IfExists") if name.lower().endswith("ifexists") else (name, "")
    known = _OPERATOR_CASE.get(bare.lower())
    if known is None:
        return operator, _set(values)
    if suffix and known in _NEGATED and not prefix:
        suffix = ""
    known = _SAME.get(known, known)
    if known in _WILDLESS and not any(mark in str(item) for item in values for mark in ("*", "?", "${")):
        known = _WILDLESS[known]
    if known.startswith("Numeric"):
        values = [_number(item) for item in values]
    elif known.startswith("Date"):
        values = [moment(item) for item in values]
    elif known in ("IpAddress", "NotIpAddress"):
        values = [_network(item) for item in values]
    elif known in ("Bool", "Null"):
        values = [_lower(item) for item in values]
    return f"{prefix}{known}{suffix}", _set(values)


def _scalar(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, (int, float)) else value


def _number(value: Any) -> Any:
    match = _NUMBER.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        return value
    whole, part = match[2].lstrip("0") or "0", (match[3] or "").rstrip("0")
    text = f"{whole}.{part}" if part else whole
    return f"-{text}" if match[1] == "-" and text != "0" else text


def moment(value: Any) -> Any:
    """A point in time in its one spelling; what is none stays as it is."""
    if not isinstance(value, str):
        return value
    try:
        if _EPOCH.fullmatch(value):
            found = datetime.fromtimestamp(int(value), UTC)
        elif _MOMENT.fullmatch(value):
            found = datetime.fromisoformat(value).astimezone(UTC)
        else:
            return value
    except (OverflowError, ValueError):
        return value
    return found.isoformat().replace("+00:00", "Z")


def _network(value: Any) -> Any:
    if not isinstance(value, str) or not _NETWORK.fullmatch(value):
        return value
    try:
        return str(ipaddress.ip_network(value, strict=False))
    except ValueError:
        return value
