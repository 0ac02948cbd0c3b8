"""Accounts that nobody meant to make: the audit of a damaged file is an error in words or a report."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from iamsync.cli.app import run
from tests.audit.test_command import DUMP

ALICE, APP = ("UserDetailList", 0), ("RoleDetailList", 0)
STATEMENT = (*ALICE, "UserPolicyList", 0, "PolicyDocument", "Statement")
HOSTILE = "a\x1b[31m<script>alert(1)</script>`::error::"


def damaged(path: tuple[Any, ...], value: Any) -> dict[str, Any]:
    made = json.loads(json.dumps(DUMP))
    held = made
    for key in path[:-1]:
        held = held[key]
    held[path[-1]] = value
    return dict(made)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("IAMSYNC_TRACEBACK", "1")  # a defect is one here
    return tmp_path


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ((*STATEMENT, 0, "Action"), 0),
        ((*STATEMENT, 0, "Action"), [["iam:*"], "iam:*", None]),
        ((*STATEMENT, 0, "Action"), {}),
        ((*STATEMENT, 0, "Resource"), None),
        (
            (*APP, "RolePolicyList"),
            [{"PolicyName": "x", "PolicyDocument": {"Statement": {"Effect": "Allow", "Action": -1}}}],
        ),
        ((*STATEMENT, 0), "odd"),
        (STATEMENT, {"Effect": "Allow"}),
        (STATEMENT[:-1], []),
        ((*APP, "AssumeRolePolicyDocument"), {}),
        ((*APP, "AssumeRolePolicyDocument", "Statement", 0, "Principal"), 3),
        ((*APP, "AssumeRolePolicyDocument", "Statement", 0, "Principal"), {"AWS": None, "Service": ["x", 1]}),
        ((*APP, "RoleLastUsed"), None),
    ],
)
def test_odd_documents_are_passed_over(folder: Path, path: tuple[Any, ...], value: Any) -> None:
    (folder / "dump.json").write_text(json.dumps(damaged(path, value)), encoding="utf-8")
    assert run(["audit", "--live", "dump.json", "--quiet"]) == 0


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ((*ALICE, "Path"), "people"),
        ((*ALICE, "UserName"), None),
        ((*APP, "RoleName"), ""),
        ((*ALICE, "GroupList"), [3]),
        ((*ALICE, "PermissionsBoundary"), {"PermissionsBoundaryArn": []}),
        ((*APP, "AttachedManagedPolicies"), [{"PolicyArn": None}]),
        ((*APP, "CreateDate"), "yesterday"),
    ],
)
def test_what_is_no_entity_is_told(
    folder: Path, path: tuple[Any, ...], value: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "dump.json").write_text(json.dumps(damaged(path, value)), encoding="utf-8")
    assert run(["audit", "--live", "dump.json"]) == 1
    assert "error[bad-snapshot]" in capsys.readouterr().err


def test_no_name_breaks_out_of_a_report(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "dump.json").write_text(json.dumps(damaged((*ALICE, "UserPolicyList", 0, "PolicyName"), HOSTILE)))
    for form in ("text", "markdown", "html", "sarif", "junit", "github", "gitlab-codequality"):
        assert run(["audit", "--live", "dump.json", "--quiet", "--format", form]) == 0
        told = capsys.readouterr().out
        assert "\x1b" not in told
        assert form not in ("html", "junit") or "<script>alert(1)" not in told
        assert not [line for line in told.splitlines() if line.startswith("::error::")]
