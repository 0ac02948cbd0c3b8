"""Where the independent evaluator and iamsync are known to differ, and why iamsync stays with its answer.

Each row can rewrite a case so that iamsync, asked about the rewritten case, must answer what the
other one answers about the original: only that explains a difference. A row that merely looks
likely explains nothing.
"""

from __future__ import annotations

import copy
import ipaddress
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import Any

from tests.oracle.cases import HERE, PROVIDER, SESSION, Json


@dataclass(frozen=True, slots=True)
class Divergence:
    """`rewrite` changes a case in place and says whether it found anything to change."""

    id: str
    aws: str
    other: str
    rewrite: Callable[[Json], bool]


def documents(case: Json) -> Iterator[Json]:
    """Every document of a case."""
    yield from case["identity"]
    for name in ("boundary", "session", "resourcePolicy"):
        if case.get(name) is not None:
            yield case[name]
    for name in ("scps", "rcps"):
        for level in case.get(name, ()):
            yield from level


def statements(case: Json) -> Iterator[Json]:
    for document in documents(case):
        held = document["Statement"]
        yield from held if isinstance(held, list) else [held]


def _values(case: Json) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Operator, key and the mapping in which the key's values stand."""
    for statement in statements(case):
        for operator, keys in statement.get("Condition", {}).items():
            for key in keys:
                yield operator, key, keys


def _list(held: Any) -> list[Any]:
    return held if isinstance(held, list) else [held]


def _replace(case: Json, family: str, change: Callable[[str, str], str]) -> bool:
    """Every value of one family of operators changed by a function of the operator and the value."""
    found = False
    for operator, key, keys in _values(case):
        if family in operator:
            made = [change(operator, value) for value in _list(keys[key])]
            found = found or made != _list(keys[key])
            keys[key] = made
    return found


def _whole_internet(case: Json) -> bool:
    return _replace(case, "IpAddress", lambda _, value: "203.0.113.255/32" if value == "0.0.0.0/0" else value)


def _bare_address(case: Json) -> bool:
    # An unreadable value meets nothing, negated or not: what the other one answers for these.
    given = _address(case["context"].get("aws:SourceIp", ""))

    def change(operator: str, value: str) -> str:
        wanted = _address(value)
        differs = given is not None and wanted is not None and given.version != wanted.version
        return "unreadable" if "Not" in operator and differs else value

    return _replace(case, "IpAddress", change)


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def _milliseconds(case: Json) -> bool:
    found = _replace(case, "Date", lambda _, value: _moment(value))
    now = case["context"].get("aws:CurrentTime", "")
    if now.isdigit():
        case["context"]["aws:CurrentTime"] = _moment(now)
        found = True
    return found


def _moment(text: str) -> str:
    return datetime.fromtimestamp(int(text) / 1000, UTC).isoformat() if text.isdigit() else text


def _old_variables(case: Json) -> bool:
    found = False
    for document in documents(case):
        if document.get("Version") != "2012-10-17" and "${" in str(document):
            document["Version"] = "2012-10-17"
            found = True
    return found


def _any_if_exists(case: Json) -> bool:
    found = False
    for statement in statements(case):
        block = statement.get("Condition", {})
        for operator in [name for name in block if name.startswith("ForAnyValue:") and name.endswith("IfExists")]:
            keys = block.pop(operator)
            block.setdefault(operator.removesuffix("IfExists"), {}).update(keys)
            found = True
    return found


def _whole_arn_variable(case: Json) -> bool:
    return _replace(case, "Arn", lambda _, value: "unreadable" if value == "${aws:PrincipalArn}" else value)


def _empty_value(case: Json) -> bool:
    if case["context"].get("aws:PrincipalTag/team") != "":
        return False
    return _replace(case, "", lambda _, value: value.replace("${aws:PrincipalTag/team}", "never this"))


def _escaped_star(case: Json) -> bool:
    def change(operator: str, value: str) -> str:
        return "never this" if "Like" not in operator and value == "${*}" else value

    return _replace(case, "String", change)


def _bucket_apart(case: Json) -> bool:
    return _without_buckets(case, lambda head, bucket, key, asked: "".join(head[3:]) != "")


def _bucket_to_slash(case: Json) -> bool:
    def spans(head: list[str], bucket: str, key: str, asked: str) -> bool:
        asked_bucket, _, asked_key = asked.partition("/")
        return not (fnmatchcase(asked_bucket, bucket) and fnmatchcase(asked_key, key))

    return _without_buckets(case, spans)


def _without_buckets(case: Json, stops: Callable[[list[str], str, str, str], bool]) -> bool:
    """Whether a pattern with a wildcard in its bucket's name was made one that matches nothing."""
    asked = case["resource"].split(":", 5)
    if asked[2:3] != ["s3"]:
        return False
    found = False
    for statement in statements(case):
        for element in ("Resource", "NotResource"):
            if element in statement:
                held = _list(statement[element])
                made = ["arn:aws:s3:::-" if _wild(text) and stops(*_parts(text), asked[5]) else text for text in held]
                found = found or made != held
                statement[element] = made
    return found


def _parts(text: str) -> tuple[list[str], str, str]:
    *head, last = text.split(":", 5)
    bucket, _, key = last.partition("/")
    return head, bucket, key


def _wild(text: str) -> bool:
    _, bucket, _ = _parts(text)
    return "/" in text.split(":", 5)[-1] and ("*" in bucket or "?" in bucket)


def _session_by_name(case: Json) -> bool:
    return case["principal"] == SESSION and case.get("session") is not None and _rename(case, SESSION, "*")


def _rename(case: Json, old: str, new: str) -> bool:
    found = False
    for statement in statements(case):
        for element in ("Principal", "NotPrincipal"):
            held = statement.get(element)
            if isinstance(held, dict) and old in _list(held.get("AWS", ())):
                held["AWS"] = [new if name == old else name for name in _list(held["AWS"])]
                found = True
    return found


def _provider_in_account(case: Json) -> bool:
    if case["principal"] != PROVIDER:
        return False
    found = False
    for statement in statements(case):
        held = statement.get("Principal")
        names = _list(held.get("AWS", ())) if isinstance(held, dict) else []
        if statement["Effect"] == "Deny" and {HERE, f"arn:aws:iam::{HERE}:root"} & set(names):
            statement["Principal"] = {"Federated": PROVIDER}
            found = True
    return found


TABLE = (
    Divergence(
        "whole-internet",
        "Condition operators, IP address: the value is a CIDR block; /0 is every address of its family.",
        "0.0.0.0/0 matches no address",
        _whole_internet,
    ),
    Divergence(
        "bare-address",
        "Condition operators, IP address: NotIpAddress holds for every address outside of the given ones.",
        "NotIpAddress with an address without /n does not hold for an address of the other family",
        _bare_address,
    ),
    Divergence(
        "epoch-seconds",
        "Condition operators, Date: ISO 8601 or UNIX epoch time, which counts seconds.",
        "a plain number counts milliseconds",
        _milliseconds,
    ),
    Divergence(
        "old-version-variables",
        "Version: in documents of 2008-10-17, and without Version, ${...} is plain text.",
        "variables are filled in whatever the version",
        _old_variables,
    ),
    Divergence(
        "any-value-if-exists",
        "Condition operators, IfExists: where the key is missing, the condition is true.",
        "with ForAnyValue a missing key makes it false, IfExists or not",
        _any_if_exists,
    ),
    Divergence(
        "whole-arn-variable",
        "Policy variables: they may be used in conditions of string and ARN operators, with no word on parts of ARNs.",
        "a variable that holds a whole ARN is no value an ARN operator can compare with",
        _whole_arn_variable,
    ),
    Divergence(
        "empty-value",
        "Policy variables: a variable stands for the key's value in the request; a tag's value may be empty.",
        "a key with an empty value fills in no variable",
        _empty_value,
    ),
    Divergence(
        "escaped-star",
        "Policy variables, special characters: ${*}, ${?} and ${$} stand for the characters themselves.",
        "in operators that read no wildcards, ${*} matches no asterisk",
        _escaped_star,
    ),
    Divergence(
        "bucket-apart",
        "Resource: an asterisk stands for any run of characters, slashes included, in the last part of an ARN.",
        "a wildcard in a bucket's name is none behind a region or account with one",
        _bucket_apart,
    ),
    Divergence(
        "bucket-to-slash",
        "Resource: an asterisk stands for any run of characters, slashes included, in the last part of an ARN.",
        "a wildcard in a bucket's name may end at the slash after it",
        _bucket_to_slash,
    ),
    Divergence(
        "session-by-name",
        "Session policies: a resource-based policy that names the session's ARN grants besides the session policy.",
        "the session policy limits that grant too",
        _session_by_name,
    ),
    Divergence(
        "provider-in-account",
        "Principal: an account stands for its users, roles and sessions; a federated principal comes by its provider.",
        "an identity provider is one of the principals of the account that holds it",
        _provider_in_account,
    ),
)


def explains(case: Json, theirs: str, ours: Callable[[Json], str]) -> tuple[str, ...]:
    """The rows that together explain the other verdict, empty where none do: one alone, else all that apply."""
    applied: list[str] = []
    rewritten = copy.deepcopy(case)
    for row in TABLE:
        alone = copy.deepcopy(case)
        if row.rewrite(alone):
            if ours(alone) == theirs:
                return (row.id,)
            row.rewrite(rewritten)
            applied.append(row.id)
    return tuple(applied) if applied and ours(rewritten) == theirs else ()
