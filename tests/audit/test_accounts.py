"""Hand-made accounts: each rule of an audit fires where it is meant to, and not on its near miss."""

from __future__ import annotations

from pathlib import Path

import pytest

from iamsync.controls import CONTROLS, RULES, RULES_BY_ID, references
from iamsync.engine.gathering import notes
from tests.audit.made import accounts, evidence, found, loaded, told


@pytest.mark.parametrize("path", [pytest.param(path, id=path.stem) for path in accounts()])
def test_an_account_has_these_findings_and_no_others(path: Path) -> None:
    held = loaded(path)
    assert told(found(held)) == sorted(held["finds"])


def test_every_rule_fires_in_some_account_and_there_are_thirty() -> None:
    lines = [line for path in accounts() for line in loaded(path)["finds"]]
    assert {line.split()[0] for line in lines} == {rule.id for rule in RULES}
    assert len(accounts()) >= 30


def test_every_account_says_what_is_near_and_missed() -> None:
    for path in accounts():
        assert loaded(path)["near"], path.name


def test_rules_and_controls_fit_together() -> None:
    assert len(RULES_BY_ID) == len(RULES)
    assert all(control.rule in RULES_BY_ID for control in CONTROLS if control.rule)
    assert all(bool(control.rule) != bool(control.why) for control in CONTROLS)
    assert references("IAM-A001") == (
        "CIS AWS Foundations 3.0: 1.4",
        "CIS AWS Foundations 6.0: 2.3",
        "PCI DSS 4.0: 8.2.2",
        "PCI DSS 4.0: 8.6.1",
    )


def test_an_audit_names_whoever_may_change_more_than_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    groups = {f"g{n}": {"inline_policies": {"p": ["allow sts:AssumeRole", f"allow s3:Get{n}"]}} for n in range(3)}
    users = {"dev": {"inline_policies": {"join": "allow iam:AddUserToGroup"}}}
    held = {"account": {"groups": groups, "users": users}}

    def noted() -> list[str]:
        return [note for note in notes(evidence(held), ()) if "administrator" in note]

    assert noted() == []
    monkeypatch.setattr("iamsync.planner.paths.MOST", 3)
    assert noted() == ["not every way to administrator was followed of user/dev, who may change too much"]
