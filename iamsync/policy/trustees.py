"""Which accounts a trust policy lets in."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from iamsync.policy.document import Document
from iamsync.policy.statement import Statement, compiled

# The ARN of a user or role, without wildcards and variables: its account, and its kind.
ENTITY: Final = re.compile(r"arn:[^:]*:iam::(\d{12}):(user|role)/[^*?$]+", re.ASCII)
_ACCOUNT: Final = re.compile(r"(?:arn:[^:]*:(?:iam|sts)::)?(\d{12})(?::.+)?", re.ASCII)
# By these conditions everybody is narrowed to some account.
_BY_ACCOUNT: Final = ("aws:principalaccount", "aws:principalarn")
_EQUAL: Final = ("StringEquals", "StringLike", "ArnEquals", "ArnLike", "StringEqualsIgnoreCase")


def accounts_let_in(document: Document) -> dict[str, tuple[str, ...]]:
    """The ids of the accounts that a trust policy lets in, and how each is named; by id, names sorted."""
    found: dict[str, set[str]] = {}
    for statement in compiled(document.text):
        if not statement.allows or statement.principals is None or statement.principals.negated:
            continue
        for text, shown in _named(statement):
            if (match := _ACCOUNT.fullmatch(text)) is not None:
                found.setdefault(match[1], set()).add(shown)
    return {account: tuple(sorted(names)) for account, names in sorted(found.items())}


def _named(statement: Statement) -> Iterator[tuple[str, str]]:
    """What may name an account, and how it is told."""
    for kind, name in statement.principals.names if statement.principals is not None else ():
        if name == "*":
            for clause in statement.clauses:
                if clause.key in _BY_ACCOUNT and clause.operator is not None and clause.operator.name in _EQUAL:
                    yield from ((text, f"* with {clause.shown} {text}") for text in clause.texts)
        elif kind == "AWS":
            yield name, name
