"""Questions to many accounts side by side: who answers is complete, and who does not is in every format."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from iamsync.aws.session import Sessions
from tests.fleet.accounts import Fleet, fleet, number, project
from tests.fleet.test_fleets import BASE, LOADER
from tests.journeys.cli import Folder

TESTS = "tests: {nobody: {principals: role/base, deny: 'iam:CreateUser'}}\n"
REPORTS = {"json": "r.json", "junit": "r.xml", "sarif": "r.sarif", "markdown": "r.md", "html": "r.html"}


@pytest.fixture
def many() -> Iterator[Fleet]:
    with fleet() as held:
        yield held


@pytest.fixture
def folder(tmp_path: Path, many: Fleet, monkeypatch: pytest.MonkeyPatch) -> Folder:
    for module in ("iamsync.engine.reach", "iamsync.aws.session"):
        monkeypatch.setattr(f"{module}.Sessions", lambda: Sessions(_loader=LOADER))
    made = Folder(tmp_path, many.environment, inside=True)
    made.write("iam/all.yaml", BASE + TESTS)
    made.write("iamsync.yaml", project(3))
    made("apply", "--auto-approve", "--all-accounts")
    many.denied = {number(1)}
    return made


def reports(folder: Folder, *arguments: str) -> str:
    """What a command prints, once it is sure that every report names the account that failed, and once."""
    said = folder(
        *arguments, *(word for form, file in REPORTS.items() for word in ("--report", f"{form}={file}")), code=1
    )
    assert "1 of 3 accounts failed: a01 (assume-role-denied)" in said.err
    made = json.loads((folder.root / "r.json").read_text())
    assert [row["account"]["name"] for row in made["failed"]] == ["a01"]
    for file in REPORTS.values():
        assert (folder.root / file).read_text().count("assume-role-denied") >= 1, file
    assert (folder.root / "r.md").read_text().count("- **failed** a01") == 1
    assert (folder.root / "r.xml").read_text().count("<error ") == 1
    return said.out


def test_tests_of_the_accounts_that_answer_are_complete(folder: Folder) -> None:
    said = reports(folder, "test", "--live")
    assert "account a00" in said
    assert "account a02" in said
    assert f"account a01 ({number(1)}): failed" in said
    assert "error[accounts-failed]" in folder("test", "--planned", "-a", "a00", "-a", "a01", code=1).err
    assert "error[assume-role-denied]" in folder("test", "--live", "-a", "a01", code=1).err


def test_questions_are_put_to_every_account_and_who_did_not_answer_is_named(folder: Folder) -> None:
    said = folder("who-can", "sts:AssumeRole", "--live", code=1)
    assert said.out.count(": who can sts:AssumeRole") == 2
    assert f"account a01 ({number(1)}): failed" in said.out
    for arguments in (
        ("who-can", "sts:AssumeRole", "--live"),
        ("graph", "--live"),
        ("what-can", f"arn:aws:iam::{number(2)}:role/base", "--live"),
        ("simulate", f"arn:aws:iam::{number(2)}:role/base", "iam:ListUsers", "--live"),
    ):
        made = json.loads(folder(*arguments, "--format", "json", code=1).out)
        assert [row["account"]["id"] for row in made["failed"]] == [number(1)], arguments
    # It may be in the account that did not answer: nobody says that there is none of this name.
    assert "error[accounts-failed]" in folder("what-can", "role/nobody", "--live", code=1).err


def test_access_analyzer_is_asked_in_every_account_and_manifests_are_checked_in_all(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("iamsync.engine.validating.remarks", lambda connection, beside: {})
    said = reports(folder, "validate", "--access-analyzer")
    assert said.count(": ok: 1 role") == 3
    assert f"account a01 ({number(1)}): failed" in said
