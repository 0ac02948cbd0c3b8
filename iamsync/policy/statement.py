"""Documents made ready to be asked: each statement taken apart once, kept by the document's text."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from iamsync.policy.conditions import Clause, clause
from iamsync.policy.document import either, statements, texts
from iamsync.policy.match import Actions, Principals, Resources, actions, principals, resources


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement; `position` counts from 1. No `resources`, as in a trust policy, means the resource itself."""

    position: int
    sid: str
    allows: bool
    actions: Actions
    resources: Resources | None
    principals: Principals | None
    clauses: tuple[Clause, ...]


@lru_cache(maxsize=16384)
def compiled(text: str) -> tuple[Statement, ...]:
    """The statements of a document; one that IAM would refuse (no Effect, no Action) says nothing."""
    value = json.loads(text)
    # Only then is ${...} a variable; a document without Version is of 2008-10-17.
    variables = isinstance(value, dict) and value.get("Version") == "2012-10-17"
    found = (_statement(number, held, variables) for number, held in enumerate(statements(value), start=1))
    return tuple(statement for statement in found if statement is not None)


@dataclass(frozen=True, slots=True)
class _Services:
    """Which statements of a document may be about an action, by its service; most documents speak of a few."""

    named: Mapping[str, tuple[Statement, ...]]
    others: tuple[Statement, ...]

    def of(self, action: str) -> tuple[Statement, ...]:
        return self.named.get(action.partition(":")[0], self.others)


@lru_cache(maxsize=16384)
def _services(text: str) -> _Services:
    held = compiled(text)
    services = frozenset(service for one in held for service in one.actions.services)
    return _Services(
        {
            service: tuple(one for one in held if one.actions.any_service or service in one.actions.services)
            for service in services
        },
        tuple(one for one in held if one.actions.any_service),
    )


def concerning(text: str, action: str) -> tuple[Statement, ...]:
    """The statements of a document that cover an action, which is in lower case."""
    return _covering(text, action) if _services(text).of(action) else ()


@lru_cache(maxsize=131072)
def _covering(text: str, action: str) -> tuple[Statement, ...]:
    return tuple(statement for statement in _services(text).of(action) if statement.actions.cover(action))


def beside(text: str, action: str) -> tuple[Statement, ...]:
    """The statements of a document that leave an action out, which is in lower case, but speak of its service."""
    return _leaving(text, action) if _services(text).of(action) else ()


@lru_cache(maxsize=131072)
def _leaving(text: str, action: str) -> tuple[Statement, ...]:
    service = action.partition(":")[0]
    return tuple(
        statement
        for statement in _services(text).of(action)
        if service in statement.actions.services and not statement.actions.cover(action)
    )


def _statement(position: int, held: dict[str, Any], variables: bool) -> Statement | None:
    effect = held.get("Effect")
    about = either(held, "Action")
    if effect not in ("Allow", "Deny") or about is None:
        return None
    on = either(held, "Resource")
    who = held.get("Principal", held.get("NotPrincipal"))
    return Statement(
        position,
        str(held.get("Sid", "")),
        effect == "Allow",
        actions(*about),
        None if on is None else resources(*on, variables),
        None if who is None else principals(who, negated="Principal" not in held),
        _clauses(held.get("Condition"), variables),
    )


def _clauses(block: Any, variables: bool) -> tuple[Clause, ...]:
    if not isinstance(block, dict):
        return ()
    return tuple(
        clause(operator, key, texts(values), variables)
        for operator, keys in block.items()
        if isinstance(keys, dict)
        for key, values in keys.items()
    )
