"""Principals of trust policies: resolved to unique ids when written, shown as ARNs while they exist.

AWS stores the id. So a renamed user's trust follows it, a deleted principal shows as its id, and a new one
of the same name is not trusted until the policy is saved again.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any, Final

from iamsync.sandbox.backend import Accounts, Backend
from iamsync.sandbox.entities import Role
from iamsync.sandbox.refusal import malformed

_ARN: Final = re.compile(r"arn:(aws|aws-[a-z-]+):iam::(\d{12}):(root|(?:user|role)/[^*?\s]+)")
_SESSION: Final = re.compile(
    r"arn:(aws|aws-[a-z-]+):sts::\d{12}:(?:assumed-role/[^*?\s]+/[^*?\s]+|federated-user/[^*?\s]+)"
)
_ACCOUNT: Final = re.compile(r"\d{12}")
_UNIQUE_ID: Final = re.compile(r"(AIDA|AROA)[A-Z0-9]{12,}")


def bind(backend: Backend, document: dict[str, Any], *, strict: bool = True) -> dict[str, str]:
    """What each AWS principal stands for: as written to unique id, or to an account's root ARN.

    `strict` refuses principals that cannot exist with MalformedPolicyDocument; seeds are taken as they are.
    """
    found: dict[str, str] = {}
    for kind, value in _principals(document):
        if kind != "AWS":
            if strict and kind == "Service" and "." not in value:
                raise _invalid("SERVICE", value)
            continue
        stands_for = _resolve(backend, value)
        if stands_for:
            found[value] = stands_for
        elif stands_for is None and strict:
            raise _invalid("AWS", value)
    return found


def shown(accounts: Accounts, role: Role) -> str:
    """A role's trust policy as AWS would show it now."""
    current = {written: _current(accounts, stands_for) for written, stands_for in role.trust_ids.items()}
    if all(written == value for written, value in current.items()):
        return role.assume_role_policy_document
    document = json.loads(role.assume_role_policy_document)
    for statement in _statements(document):
        for element in ("Principal", "NotPrincipal"):
            principal = statement.get(element)
            if isinstance(principal, dict) and "AWS" in principal:
                principal["AWS"] = _each(principal["AWS"], lambda value: current.get(value, value))
    return json.dumps(document)


def _resolve(backend: Backend, value: str) -> str | None:
    """The id or root ARN a principal stands for, "" where that is not known here, None if it cannot exist."""
    accounts = backend.accounts
    if _ACCOUNT.fullmatch(value):
        return f"arn:{backend.partition}:iam::{value}:root"
    if value == "*" or _SESSION.fullmatch(value):
        return ""
    if _UNIQUE_ID.fullmatch(value):
        return value if accounts.by_id(value) else None
    match = _ARN.fullmatch(value)
    if match is None or match[1] != backend.partition:
        return None
    if match[3] == "root":
        return ""
    principal = accounts.principal(value)
    if principal is not None:
        return principal.id
    return None if match[2] == backend.account_id or accounts.known(match[2]) else ""


def _current(accounts: Accounts, stands_for: str) -> str:
    if stands_for.startswith("arn:"):
        return stands_for
    principal = accounts.by_id(stands_for)
    return stands_for if principal is None else principal.arn


def _principals(document: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for statement in _statements(document):
        for element in ("Principal", "NotPrincipal"):
            if element not in statement:
                continue
            principal = statement[element]
            if principal == "*":
                continue
            if not isinstance(principal, dict) or not principal:
                raise malformed("Syntax errors in policy.")
            for kind, values in principal.items():
                if kind not in {"AWS", "Service", "Federated", "CanonicalUser"}:
                    raise malformed(f'Invalid principal in policy: "{kind}":"{values}"')
                for value in values if isinstance(values, list) else [values]:
                    if not isinstance(value, str):
                        raise malformed("Syntax errors in policy.")
                    yield kind, value


def _statements(document: dict[str, Any]) -> list[dict[str, Any]]:
    statements = document.get("Statement", [])
    return statements if isinstance(statements, list) else [statements]


def _each(value: Any, change: Callable[[str], str]) -> Any:
    return [change(each) for each in value] if isinstance(value, list) else change(value)


def _invalid(kind: str, value: str) -> Exception:
    return malformed(f'Invalid principal in policy: "{kind}":"{value}"')
