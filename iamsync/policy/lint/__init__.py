"""What is likely wrong with a policy that IAM would take: a table of rules, each a short function.

`grammar` tells what IAM refuses; these tell what IAM takes and what does not do what it looks like, or
grants more than it should. Severity: high = never does what it says, or lets strangers in; medium =
does something else than it says, or is wider than needed; low = worth a look; info = tidiness.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from iamsync.policy.catalog import Catalog
from iamsync.policy.lint import actions, keyrules, operators, providers, resources, statements, trust, values
from iamsync.policy.lint.reading import SEVERITIES, About, Found, Path, Rule, Severity, Use, read

__all__ = ["RULES", "RULES_BY_ID", "SEVERITIES", "Lint", "Rule", "Severity", "Use", "at_least", "lint"]

# Found in lines about findings and about ends, not in a document: these have a text and no function.
_ABOUT_LINES: Final = (
    Rule(
        "IAM-P090",
        "low",
        "a suppression whose time is over",
        "Its until: has passed, so what it suppressed is shown again. Mend the cause, give it a new end, or remove it.",
    ),
    Rule(
        "IAM-P091",
        "low",
        "a suppression of nothing",
        "No finding of that id is about the resources it names. What it was for has been mended, or its address is "
        "wrong; left in place it would one day suppress a finding that nobody has looked at.",
    ),
    Rule(
        "IAM-P092",
        "low",
        "an end that is past",
        "Its expires: is a time that has come: from then on the line takes away what it declares. Where that is meant "
        "and done, delete the line. Where it is a slip of the pen, correct it: what nobody agreed to in advance goes "
        "like any removal, with the consents of one.",
    ),
)
RULES: Final[tuple[Rule, ...]] = tuple(
    sorted(
        (
            *values.RULES,
            *operators.RULES,
            *statements.RULES,
            *resources.RULES,
            *actions.RULES,
            *keyrules.RULES,
            *providers.RULES,
            *trust.RULES,
            *_ABOUT_LINES,
        ),
        key=lambda rule: rule.id,
    )
)
RULES_BY_ID: Final = {rule.id: rule for rule in RULES}

_USES: Final[tuple[Use, ...]] = ("identity", "trust", "boundary")
_WHOLE: Final = {use: tuple(rule for rule in RULES if rule.whole and use in rule.uses) for use in _USES}
_EACH: Final = {use: tuple(rule for rule in RULES if rule.check and use in rule.uses) for use in _USES}
_PLAIN: Final = {use: tuple(rule for rule in _EACH[use] if not rule.conditions) for use in _USES}


@dataclass(frozen=True, slots=True)
class Lint:
    """One finding; `path` is keys and list positions inside the document, `key`: the key there is meant."""

    id: str
    severity: Severity
    path: Path
    message: str
    remedy: str = ""
    key: bool = False


def lint(
    value: Any,
    use: Use,
    *,
    account_id: str,
    partition: str = "aws",
    catalog: Catalog,
    ours: Iterable[str] = (),
) -> tuple[Lint, ...]:
    """What the rules find in a parsed document, in the order of the rules.

    `ours` are the other accounts of the project. Whatever is not shaped like a policy is passed over.
    """
    if not isinstance(value, dict):
        return ()
    about = About(value, use, account_id, partition, frozenset(ours), catalog, value.get("Version") == "2012-10-17")
    about.statements = read(value)
    found: list[Lint] = []
    for rule in _WHOLE[use]:
        if rule.whole is not None:
            found += [_lint(rule, item) for item in rule.whole(about)]
    for statement in about.statements:
        for rule in _EACH[use] if statement.clauses else _PLAIN[use]:
            if rule.check is not None:
                found += [_lint(rule, item) for item in rule.check(statement, about)]
    return tuple(found)


def at_least(severity: Severity, floor: Severity) -> bool:
    """Whether a severity is that of the floor or over it."""
    return SEVERITIES.index(severity) >= SEVERITIES.index(floor)


def _lint(rule: Rule, found: Found) -> Lint:
    return Lint(rule.id, rule.severity, found.path, found.message, found.remedy, found.key)
