"""What validate found in the documents of all accounts, as rows that any format is rendered from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from iamsync.engine.project import Project
from iamsync.engine.validating import Validated
from iamsync.errors import InputError
from iamsync.manifest.linting import Finding, unused
from iamsync.policy.lint import RULES_BY_ID, SEVERITIES, at_least

Row = dict[str, Any]

FAIL_ON: Final = SEVERITIES


def rows(project: Project, checked: Sequence[Validated]) -> list[Row]:
    """Every finding once, in the order of places: what it says, where it stands, resources and accounts it is about.

    A suppression that suppressed nothing is a finding only when all accounts were looked at.
    """
    found: dict[tuple[Any, str, str], tuple[Finding, set[str], set[str]]] = {}
    for item in checked:
        _add(found, item.findings.found, item.account_name)
    if {account.name for account in project.config.accounts} <= {item.account_name for item in checked}:
        used = {place for item in checked for place in item.findings.used}
        for item in checked:
            _add(found, unused(item.suppressions, used, project.now), item.account_name)
    ordered = sorted(found.values(), key=lambda held: held[0])
    return [_row(finding, addresses, accounts) for finding, addresses, accounts in ordered]


def reaching(found: Iterable[Row], floor: str) -> int:
    """How many findings are of this severity or over it; InputError for a word that is none."""
    for severity in SEVERITIES:
        if severity == floor:
            return sum(at_least(row["severity"], severity) for row in found)
    raise InputError(f"{floor!r} is no severity", code="bad-option", hint=f"one of {', '.join(SEVERITIES)}")


def _add(
    found: dict[tuple[Any, str, str], tuple[Finding, set[str], set[str]]], more: Iterable[Finding], account: str
) -> None:
    for finding in more:
        held = found.setdefault((finding.place, finding.id, finding.message), (finding, set(), set()))
        held[1].update(map(str, finding.addresses))
        held[2].add(account)


def _row(finding: Finding, addresses: set[str], accounts: set[str]) -> Row:
    place = finding.place
    where: Mapping[str, Any] = {
        "file": place.file,
        "line": place.line,
        "column": place.column,
        "length": place.length,
        "source": place.source,
    }
    return {
        "id": finding.id,
        "severity": finding.severity,
        "title": RULES_BY_ID[finding.id].title,
        "message": finding.message,
        "remedy": finding.remedy,
        "place": where,
        "addresses": sorted(addresses),
        "accounts": sorted(accounts),
    }
