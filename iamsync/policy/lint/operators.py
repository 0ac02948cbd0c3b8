"""Rules about how a condition is asked: set operators, IfExists, keys that are missing, variables by version."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from iamsync.policy.lint.keys import global_key
from iamsync.policy.lint.reading import PERMISSIONS, About, Found, Rule, Statement

_VARIABLE: Final = re.compile(r"\$\{[^}]*\}")
_GOOD_VARIABLE: Final = re.compile(r"\$\{(?:[*?$]|\s*[A-Za-z][^{},']*(?:,\s*'[^']*'\s*)?)\}")
_MFA: Final = "aws:multifactorauthpresent"


def all_of_nothing(statement: Statement, about: About) -> Iterator[Found]:
    if not statement.allows:
        return
    for clause in statement.clauses:
        if clause.operator.qualifier == "ForAllValues" and not statement.demands(clause.name):
            message = f"{clause.written} also holds for requests without {clause.key}, so this allows them too"
            remedy = f'add "Null": {{"{clause.key}": "false"}} to the condition, which asks for the key'
            yield Found(clause.path, message, remedy, True)


def needless_if_exists(statement: Statement, about: About) -> Iterator[Found]:
    for clause in statement.clauses:
        if clause.operator.if_exists:
            held = global_key(clause.name)
            if held is not None and held.always:
                message = f"every request has {held.name}, so IfExists says nothing"
                yield Found(clause.path, message, f"write {clause.written[:-8]}", True)


def if_exists_negated(statement: Statement, about: About) -> Iterator[Found]:
    for clause in statement.clauses:
        held = clause.operator
        if held.if_exists and held.negated and not held.qualifier:
            message = f"{held.name} already holds where {clause.key} is missing, so IfExists says nothing"
            yield Found(clause.path, message, f"write {clause.written[:-8]}", True)


def deny_without_key(statement: Statement, about: About) -> Iterator[Found]:
    if statement.allows:
        return
    for clause in statement.clauses:
        asks = clause.operator.name == "Bool" and not clause.operator.if_exists
        if clause.name == _MFA and asks and clause.values == ("false",):
            message = "requests signed with long-lived keys do not have aws:MultiFactorAuthPresent and are not denied"
            yield Found(clause.path, message, "write BoolIfExists", True)


def contradicting_null(statement: Statement, about: About) -> Iterator[Found]:
    absent = {c.name for c in statement.clauses if c.operator.name == "Null" and c.values == ("true",)}
    for clause in statement.clauses:
        if clause.name in absent and clause.operator.name != "Null" and clause.demands:
            message = f"this asks for a value of {clause.key}, and Null asks for the key to be missing: it never holds"
            yield Found(clause.path, message, "remove one of the two", True)


def one_key_twice(statement: Statement, about: About) -> Iterator[Found]:
    seen: dict[tuple[str, str], str] = {}
    for clause in statement.clauses:
        first = seen.setdefault((clause.written, clause.name), clause.key)
        if first != clause.key:
            message = f"{first!r} and {clause.key!r} are one condition key: case does not count"
            yield Found(clause.path, message, "write it once, with the values of both", True)


def plain_variable(statement: Statement, about: About) -> Iterator[Found]:
    if about.variables:
        return
    told = "Version 2008-10-17" if "Version" in about.value else "a document without Version"
    for path, text in _variable_texts(statement):
        if _VARIABLE.search(text):
            message = f"{told} has no policy variables: {text!r} is taken character by character"
            yield Found(path, message, "write Version: 2012-10-17")


def broken_variable(statement: Statement, about: About) -> Iterator[Found]:
    if not about.variables:
        return
    for path, text in _variable_texts(statement):
        if "${" in text:
            left = _GOOD_VARIABLE.sub("", text)
            if "${" in left:
                shown = left[left.index("${") :][:40]
                message = f"{shown!r} is no policy variable; such a text matches nothing"
                yield Found(path, message, "write ${KEY} or ${KEY, 'default'}, or ${$} for a plain $")


def _variable_texts(statement: Statement) -> Iterator[tuple[tuple[str | int, ...], str]]:
    for position, text in enumerate(statement.resources):
        if "$" in text:
            yield statement.resource_at(position), text
    for clause in statement.clauses:
        if clause.operator.family in ("String", "Arn"):
            for position, text in enumerate(clause.values):
                if "$" in text:
                    yield clause.at(position), text


RULES: Final = (
    Rule(
        "IAM-P020",
        "medium",
        "ForAllValues in an Allow without a Null guard",
        "ForAllValues holds when every value of the key is in the list, and so also when the request does not have the "
        "key at all. In an Allow that is a hole: leave the key out and the permission is there. A Null condition with "
        "false beside it demands the key.",
        all_of_nothing,
        conditions=True,
    ),
    Rule(
        "IAM-P021",
        "low",
        "IfExists on a key that is always there",
        "IfExists lets a condition hold when the key is missing. Some global keys (aws:CurrentTime, "
        "aws:SecureTransport, aws:RequestedRegion and others) are part of every request, so the suffix only suggests "
        "a case that cannot be.",
        needless_if_exists,
        conditions=True,
    ),
    Rule(
        "IAM-P022",
        "info",
        "IfExists on a negated operator",
        "A negated operator (StringNotEquals, NotIpAddress, ...) holds when the key is missing. IfExists adds nothing.",
        if_exists_negated,
        conditions=True,
    ),
    Rule(
        "IAM-P023",
        "medium",
        "a Deny without MFA that access keys get around",
        "aws:MultiFactorAuthPresent is only there for temporary credentials. A Deny with Bool and false does not "
        "match a request signed with a long-lived access key, which is the one it is meant for. BoolIfExists denies "
        "it too.",
        deny_without_key,
        uses=PERMISSIONS,
        conditions=True,
    ),
    Rule(
        "IAM-P024",
        "high",
        "a condition that contradicts itself",
        "All operators of a condition must hold together. Null with true asks for the key to be missing, another "
        "operator asks it for a value: no request does both, so the statement never applies.",
        contradicting_null,
        conditions=True,
    ),
    Rule(
        "IAM-P025",
        "medium",
        "one condition key in two spellings",
        "The names of condition keys ignore case. Under one operator a key may stand once; AWS's own check refuses the "
        "same key in two spellings.",
        one_key_twice,
        conditions=True,
    ),
    Rule(
        "IAM-P026",
        "high",
        "a policy variable in a document that has none",
        "Policy variables came with Version 2012-10-17. In a document of the older version, or without Version (which "
        "means the older one), ${aws:username} is a text like any other, and matches only itself.",
        plain_variable,
    ),
    Rule(
        "IAM-P027",
        "high",
        "a malformed policy variable",
        "A variable is ${KEY}, or ${KEY, 'default'} with the default in single quotes; ${*}, ${?} and ${$} are the "
        "plain characters. With an unclosed brace, an empty name or a default without quotes the text matches nothing.",
        broken_variable,
    ),
)
