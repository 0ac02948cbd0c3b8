"""The long form of what validate finds and of what guards refuse, by the id it is shown with."""

from __future__ import annotations

import difflib
from dataclasses import dataclass

from iamsync.errors import InputError
from iamsync.planner.meanings import MEANINGS, RESIDUAL
from iamsync.policy.lint import RULES


@dataclass(frozen=True, slots=True)
class Explanation:
    """A finding's id, how grave it is (or that it is a guard), what it is called, and a paragraph about it."""

    id: str
    severity: str
    title: str
    text: str


def explanations() -> tuple[Explanation, ...]:
    """Everything that can be explained, by id."""
    rules = (Explanation(rule.id, rule.severity, rule.title, rule.text) for rule in RULES)
    guards = (Explanation(name, "guard", *MEANINGS[name]) for name in sorted(MEANINGS))
    residual = (Explanation(name, "medium", *RESIDUAL[name]) for name in sorted(RESIDUAL))
    return (*rules, *guards, *residual)


def explain(code: str) -> Explanation:
    """The explanation of an id in any letter case; InputError for one that nothing has."""
    known = {item.id.casefold(): item for item in explanations()}
    found = known.get(code.casefold())
    if found is None:
        near = difflib.get_close_matches(code.casefold(), known, 1)
        hint = f"did you mean {known[near[0]].id}?" if near else "iamsync explain, without an id, lists them"
        raise InputError(f"there is no finding {code!r}", code="unknown-finding", hint=hint)
    return found
