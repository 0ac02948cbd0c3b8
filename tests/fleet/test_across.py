"""Trust between accounts of one run: whoever is trusted is made first, and a ring is opened with a placeholder."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.fleet.accounts import number
from tests.journeys.cli import Folder
from tests.journeys.conftest import LOADER

ONE, TWO, THREE = number(1), number(2), number(3)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Folder:
    from iamsync.aws.session import Sessions

    for module in ("iamsync.engine.reach", "iamsync.aws.session"):
        monkeypatch.setattr(f"{module}.Sessions", lambda: Sessions(_loader=LOADER))
    return Folder(tmp_path, inside=True)


def role(*trusted: str) -> dict[str, object]:
    """A role that trusts the roles of these ARNs, or EC2."""
    who = {"AWS": list(trusted)} if trusted else {"Service": "ec2.amazonaws.com"}
    trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": who, "Action": "sts:AssumeRole"}]}
    return {"trust_policy": trust}


def arn(account: str, name: str) -> str:
    return f"arn:aws:iam::{account}:role/{name}"


def write(folder: Folder, waves: dict[str, int], **roles: dict[str, dict[str, object]]) -> None:
    """A project of the accounts one, two and three, whose roles these are."""
    accounts = {
        name: {"id": account, "backend": "sandbox", "wave": waves.get(name, 1), "manifests": [f"iam/{name}"]}
        for name, account in {"one": ONE, "two": TWO, "three": THREE}.items()
    }
    folder.write("iamsync.yaml", json.dumps({"version": 1, "accounts": accounts, "manifests": ["iam/all"]}))
    folder.write("iam/all/groups.yaml", "groups: {g: {}}\n")
    for name in accounts:
        folder.write(f"iam/{name}/roles.yaml", json.dumps({"roles": roles.get(name) or {"other": role()}}))


def applied(folder: Folder, *arguments: str) -> list[str]:
    """The accounts of an apply in the order of its runs."""
    said = folder("apply", "--auto-approve", "--all-accounts", "--format", "json", *arguments)
    assert "No changes" in folder("plan", "--detailed-exitcode").out
    return [row["account"] for row in json.loads(said.out)["applied"]]


def test_a_role_that_another_account_trusts_is_made_first(folder: Folder) -> None:
    write(folder, {}, one={"app": role(arn(TWO, "hub"))}, two={"hub": role(arn(THREE, "ci"))}, three={"ci": role()})
    said = folder("plan").out
    assert f"role/app of account one waits for {arn(TWO, 'hub')}" in said
    assert "until then" not in said
    assert applied(folder) == ["three", "two", "one"]


def test_a_ring_is_opened_with_a_placeholder_and_closed_when_all_is_there(folder: Folder) -> None:
    write(folder, {}, one={"a": role(arn(TWO, "b"))}, two={"b": role(arn(ONE, "a"))})
    made = json.loads(folder("plan", "--format", "json").out)
    first = next(plan for plan in made["plans"] if plan["account"]["name"] == "one")
    calls = [step["operation"] for step in first["steps"] if step.get("address") == "role/a"]
    assert calls == ["CreateRole", "UpdateAssumeRolePolicy"]
    assert (
        '"Deny"'
        in next(step for step in first["steps"] if step["operation"] == "CreateRole")["params"][
            "AssumeRolePolicyDocument"
        ]
    )
    assert [(row["account"], row["late"]) for row in made["waits"]] == [("one", True), ("two", False)]
    folder("plan", "--out", "saved.json")
    said = json.loads(folder("apply", "saved.json", "--format", "json").out)
    assert [row["account"] for row in said["applied"]] == ["three", "one", "two", "one"]
    assert "No changes" in folder("plan", "--detailed-exitcode").out


def test_a_role_of_a_later_wave_is_waited_for_without_turning_the_waves_about(folder: Folder) -> None:
    write(folder, {"two": 2}, one={"a": role(arn(TWO, "b"))}, two={"b": role()})
    assert applied(folder) == ["one", "three", "two", "one"]


def test_what_exists_already_is_waited_for_by_nobody(folder: Folder) -> None:
    write(folder, {}, two={"b": role()})
    applied(folder)
    write(folder, {}, one={"a": role(arn(TWO, "b")), "other": role()}, two={"b": role()})
    assert "waits" not in json.loads(folder("plan", "--format", "json").out)
    assert applied(folder) == ["one"]


def test_a_changed_trust_waits_too(folder: Folder) -> None:
    write(folder, {"two": 2}, one={"a": role()})
    applied(folder)
    write(folder, {"two": 2}, one={"a": role(arn(TWO, "b"))}, two={"b": role(), "other": role()})
    assert applied(folder) == ["two", "one"]


def test_two_names_of_one_account_are_written_to_one_after_the_other(folder: Folder) -> None:
    accounts = {name: {"backend": "sandbox", "manifests": [f"iam/{name}"]} for name in ("one", "two")}
    folder.write("iamsync.yaml", json.dumps({"version": 1, "accounts": accounts}))
    for name in accounts:
        folder.write(f"iam/{name}/roles.yaml", json.dumps({"roles": {name: role()}}))
    said = folder("apply", "--auto-approve", "--all-accounts", "--sandbox", "--format", "json")
    assert [row["account"] for row in json.loads(said.out)["applied"]] == ["one", "two"]
