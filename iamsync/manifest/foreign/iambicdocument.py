"""Policy documents as IAMbic's templates have them: elements in snake_case, rules of inclusion at every statement."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from iamsync.manifest.foreign.iambicparts import snake
from iamsync.manifest.foreign.parts import Part
from iamsync.policy.document import OPERATORS, Document

_ELEMENTS: Final = {
    "sid": "Sid",
    "effect": "Effect",
    "principal": "Principal",
    "not_principal": "NotPrincipal",
    "action": "Action",
    "not_action": "NotAction",
    "resource": "Resource",
    "not_resource": "NotResource",
    "condition": "Condition",
}
_PRINCIPALS: Final = {
    "aws": "AWS", "service": "Service", "federated": "Federated", "canonical_user": "CanonicalUser",
}  # fmt: skip
_RULES: Final = frozenset(
    {"included_accounts", "excluded_accounts", "included_orgs", "excluded_orgs", "expires_at", "deleted"}
)
_OPERATORS: Final = {snake(name): name for name in OPERATORS}


def document(held: Part, over: Callable[[Part], bool], partition: str, *, trust: bool = False) -> Document:
    """A document without the statements that are `over`; Misfit where it is none, or nothing is left of it."""
    table = {snake(key): Part(value, (*held.path, key)) for key, value in held.table().items() if value is not None}
    out: dict[str, Any] = {}
    if "version" in table:
        out["Version"] = str(table["version"].value)
    elif trust:
        out["Version"] = "2008-10-17"  # IAMbic's own default
    if "id" in table:
        out["Id"] = table["id"].text()
    if "statement" not in table:
        raise held.wrong('"statement" is missing here')
    statements = table["statement"]
    items = [statements] if isinstance(statements.value, dict) else list(statements.items())
    out["Statement"] = [_statement(item) for item in items if not over(item)]
    if not out["Statement"]:
        raise statements.wrong("no statement of this document holds for the account")
    return Document.of(out, partition)


def _statement(held: Part) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, part in held.entries():
        name = snake(key)
        if part.value is None or name in _RULES:
            continue
        if name not in _ELEMENTS:
            raise Part(key, part.path).wrong(f'"{key}" is no element of a statement')
        element = _ELEMENTS[name]
        if element == "Effect":
            found[element] = part.text().capitalize()
        elif element in ("Principal", "NotPrincipal") and isinstance(part.value, dict):
            found[element] = {
                _PRINCIPALS.get(snake(kind), kind): item.value
                for kind, item in part.entries()
                if item.value is not None
            }
        elif element == "Condition":
            found[element] = {_operator(name): item.value for name, item in part.entries()}
        else:
            found[element] = part.value
    if found.get("Effect") not in ("Allow", "Deny"):
        raise held.wrong("a statement has the effect Allow or Deny")
    return {element: found[element] for element in _ELEMENTS.values() if element in found}


def _operator(name: str) -> str:
    """An operator in its own spelling; what is none stays, and `validate` tells."""
    qualifier, colon, bare = name.rpartition(":")
    ends = bare.lower().endswith(("ifexists", "if_exists"))
    plain = bare.removesuffix("IfExists").removesuffix("_if_exists")
    known = _OPERATORS.get(snake(plain))
    return f"{qualifier}{colon}{known}{'IfExists' if ends else ''}" if known is not None else name
