"""What validate found in the documents of all accounts, as rows that any format is rendered from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from iamsync.controls import PREFIX as AUDIT
from iamsync.engine import analyzing
from iamsync.engine.choosing import unknown
from iamsync.engine.fleets import Failure
from iamsync.engine.project import Project
from iamsync.engine.testing import told_failed
from iamsync.engine.validating import Validated
from iamsync.errors import InputError, InputErrors, Place
from iamsync.manifest.linting import Finding, unused
from iamsync.policy.lint import RULES_BY_ID, SEVERITIES, at_least

Row = dict[str, Any]

FORMAT_VERSION: Final = "1.0"


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
            asked = [one for one in item.suppressions if _looked_for(one.finding, item.analyzed)]
            _add(found, unused(asked, used, project.now), item.account_name)
    ordered = sorted(found.values(), key=lambda held: held[0])
    return [_row(finding, addresses, accounts) for finding, addresses, accounts in ordered]


def _looked_for(finding: str, analyzed: bool) -> bool:
    """Whether this run would have found it: Access Analyzer may not have been asked, and an audit finds its own."""
    return not finding.startswith(AUDIT) and (analyzed or not finding.startswith(analyzing.PREFIX))


def document(
    checked: Sequence[Validated],
    told: Sequence[Row],
    tests: Sequence[Mapping[str, Any]],
    fail_on: str | None,
    failed: Sequence[Failure] = (),
) -> dict[str, Any]:
    """Everything that `validate` found, as JSON values; `fail_on` is the severity that the exit code is about.

    `failed` are the accounts where Access Analyzer could not be asked.
    """
    files = [{resource.origin.file for resource in item.state if resource.origin} for item in checked]
    return {
        "format_version": FORMAT_VERSION,
        "valid": True,
        "fail_on": fail_on,
        "accounts": [
            {
                "account": item.account_name,
                "id": item.state.account_id,
                "resources": dict(item.counts),
                "files": len(read),
                "warnings": sum(finding.severity != "info" for finding in item.findings.found),
                "suppressed": item.findings.suppressed,
            }
            for item, read in zip(checked, files, strict=True)
        ],
        "files": sorted(set[str]().union(*files)),
        "errors": [],
        "findings": list(told),
        "tests": list(tests),
        **told_failed(failed),
    }


def refused(wrong: InputError | InputErrors, fail_on: str | None = None) -> dict[str, Any]:
    """The document where manifests are so wrong that nothing could be looked at: every mistake with its place."""
    return {**document((), (), (), fail_on), "valid": False, **told_mistakes(wrong)}


def told_mistakes(wrong: InputError | InputErrors) -> dict[str, Any]:
    """The key `errors` of a document, and `stopped` where there were so many that no more was looked at."""
    stopped = isinstance(wrong, InputErrors) and wrong.stopped
    return {"errors": mistakes(wrong), **({"stopped": True} if stopped else {})}


def mistakes(wrong: InputError | InputErrors) -> list[Row]:
    """Mistakes as rows: code, message, hint, and the place in a file where there is one."""
    return [
        {
            "code": error.code,
            "message": error.message,
            "hint": error.hint,
            "place": _place(error.place) if error.place is not None else None,
        }
        for error in (wrong.errors if isinstance(wrong, InputErrors) else (wrong,))
    ]


def reaching(found: Iterable[Row], floor: str) -> int:
    """How many findings are of this severity or over it; InputError for a word that is none."""
    for severity in SEVERITIES:
        if severity == floor:
            return sum(at_least(row["severity"], severity) for row in found)
    raise unknown(f"{floor!r} is no severity", floor, SEVERITIES)


def _add(
    found: dict[tuple[Any, str, str], tuple[Finding, set[str], set[str]]], more: Iterable[Finding], account: str
) -> None:
    for finding in more:
        held = found.setdefault((finding.place, finding.id, finding.message), (finding, set(), set()))
        held[1].update(map(str, finding.addresses))
        held[2].add(account)


def _row(finding: Finding, addresses: set[str], accounts: set[str]) -> Row:
    return {
        "id": finding.id,
        "severity": finding.severity,
        "title": RULES_BY_ID[finding.id].title if finding.id in RULES_BY_ID else analyzing.title(finding.id),
        "message": finding.message,
        "remedy": finding.remedy,
        "place": _place(finding.place),
        "addresses": sorted(addresses),
        "accounts": sorted(accounts),
    }


def _place(place: Place) -> Row:
    return {
        "file": place.file,
        "line": place.line,
        "column": place.column,
        "length": place.length,
        "source": place.source,
    }
