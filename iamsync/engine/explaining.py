"""The long form of what validate finds, by the id it is shown with."""

from __future__ import annotations

import difflib
from dataclasses import dataclass

from iamsync.errors import InputError
from iamsync.policy.lint import RULES, RULES_BY_ID


@dataclass(frozen=True, slots=True)
class Explanation:
    """A finding's id, how grave it is, what it is called, and a paragraph about it."""

    id: str
    severity: str
    title: str
    text: str


def explanations() -> tuple[Explanation, ...]:
    """Everything that can be explained, by id."""
    return tuple(Explanation(rule.id, rule.severity, rule.title, rule.text) for rule in RULES)


def explain(code: str) -> Explanation:
    """The explanation of an id in any letter case; InputError for one that nothing has."""
    found = RULES_BY_ID.get(code.upper())
    if found is None:
        near = difflib.get_close_matches(code.upper(), RULES_BY_ID, 1)
        hint = f"did you mean {near[0]}?" if near else "iamsync explain, without an id, lists them"
        raise InputError(f"there is no finding {code!r}", code="unknown-finding", hint=hint)
    return Explanation(found.id, found.severity, found.title, found.text)
