"""Policies of the organization, given as files: they have a say wherever permissions are asked about."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from iamsync.cli.app import run

CONFIG = 'version: 1\naccounts: {prod: {id: "111122223333", backend: sandbox%s}}\n'
SITE = """
roles:
  deploy:
    trust_policy:
      Version: 2012-10-17
      Statement: {Effect: Allow, Principal: {Service: ec2.amazonaws.com}, Action: "sts:AssumeRole"}
    inline_policies:
      all: {Version: 2012-10-17, Statement: {Effect: Allow, Action: "s3:*", Resource: "*"}}
tests:
  deletes: {principals: role/deploy, allow: {action: "s3:DeleteObject", resource: "arn:aws:s3:::site/x"}}
"""
NO_DELETES = {"Sid": "NoDeletes", "Effect": "Deny", "Action": "s3:Delete*", "Resource": "*"}
ALL = {"Effect": "Allow", "Action": "*", "Resource": "*"}


def text(*members: object) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(members)}, indent=1)


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for folder in ("iam", "org"):
        (tmp_path / folder).mkdir()
    (tmp_path / "iam" / "site.yaml").write_text(SITE, encoding="utf-8")
    (tmp_path / "org" / "root.json").write_text(text(ALL, NO_DELETES), encoding="utf-8")
    (tmp_path / "org" / "reads.json").write_text(text({**ALL, "Action": "s3:Get*"}), encoding="utf-8")
    rcp = {**NO_DELETES, "Principal": "*"}
    (tmp_path / "org" / "rcp.json").write_text(text(rcp), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    given(tmp_path, "")
    return tmp_path


def given(project: Path, policies: str, account: str = "") -> None:
    top = f"organization_policies: {policies}\n" if policies else ""
    own = f", organization_policies: {account}" if account else ""
    (project / "iamsync.yaml").write_text(CONFIG % own + top, encoding="utf-8")


@pytest.mark.parametrize(
    ("policies", "account", "said"),
    [
        ("{scps: [[org/root.json]]}", "", "denied by service control policy org/root.json, statement 2 (NoDeletes)"),
        ("{scps: [[FullAWSAccess, org/root.json]]}", "", "denied by service control policy org/root.json, statement 2"),
        ("{scps: [[FullAWSAccess], [org/reads.json]]}", "", "a level of service control policies does not allow it"),
        ("{scps: [[FullAWSAccess]]}", "{scps: [[org/reads.json]]}", "a level of service control policies"),
        ("{rcps: [[org/rcp.json]]}", "", "denied by resource control policy org/rcp.json, statement 1 (NoDeletes)"),
        ("", "{rcps: [[org/rcp.json]]}", "denied by resource control policy org/rcp.json, statement 1"),
    ],
)
def test_a_test_that_passes_without_them_fails_with_them(
    project: Path, capsys: pytest.CaptureFixture[str], policies: str, account: str, said: str
) -> None:
    assert run(["test"]) == 0
    given(project, policies, account)
    capsys.readouterr()
    assert run(["test"]) == 2
    assert said in capsys.readouterr().out
    assert run(["validate"]) == 2


def test_a_test_that_fails_without_them_passes_with_them(project: Path) -> None:
    path = project / "iam" / "site.yaml"
    path.write_text(SITE.replace("allow: {action", "deny: {action"), encoding="utf-8")
    assert run(["test"]) == 2
    given(project, "{scps: [[org/root.json]]}")
    assert run(["test"]) == 0
    given(project, "{rcps: [[org/rcp.json]]}")
    assert run(["test"]) == 0


def test_levels_that_allow_everything_change_nothing(project: Path) -> None:
    given(project, "{scps: [[FullAWSAccess], [FullAWSAccess]]}")
    assert run(["test"]) == 0


def test_questions_and_plans_ask_them_too(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given(project, "{scps: [[org/root.json]], rcps: [[org/rcp.json]]}")
    assert run(["simulate", "role/deploy", "s3:DeleteObject", "--resource", "arn:aws:s3:::site/x"]) == 2
    said = capsys.readouterr().out
    assert "service control policy org/root.json, statement 2 (NoDeletes)" in said
    assert "(resource policies are not looked at)" in said
    assert run(["who-can", "s3:DeleteObject"]) == 0
    assert "nobody" in capsys.readouterr().out
    assert run(["what-can", "role/deploy"]) == 0
    assert "except s3:Delete*" in capsys.readouterr().out
    assert run(["plan", "--acknowledge", "failing-test:role/deploy"]) == 0
    assert "GAIN" in (said := capsys.readouterr().out)
    assert "except s3:Delete*" in said
    assert run(["plan"]) == 3  # the test of the manifests


def test_a_denial_by_them_is_certain_whatever_an_unknown_policy_says(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = project / "iam" / "site.yaml"
    held = SITE.replace("allow: {action", "deny: {action").replace(
        "    inline_policies:", "    managed_policies: [aws/X]\n    inline_policies:"
    )
    path.write_text(held, encoding="utf-8")
    given(project, "{scps: [[org/reads.json]]}")
    assert run(["test"]) == 0, capsys.readouterr().out


@pytest.mark.parametrize(
    ("policies", "code"),
    [
        ("{scps: [[org/missing.json]]}", "unreadable-file"),
        ("{scps: [[../outside.json]]}", "outside-project"),
        ("{scps: [org/root.json]}", "wrong-type"),
        ("{scps: [[]]}", "wrong-type"),
        ("{scp: [[org/root.json]]}", "unknown-field"),
        ("{rcps: [[org/root.json]]}", "malformed-policy"),
        ("{scps: [[org/rcp.json]]}", "malformed-policy"),
    ],
)
def test_what_is_wrong_is_told_at_its_place(
    project: Path, capsys: pytest.CaptureFixture[str], policies: str, code: str
) -> None:
    given(project, policies)
    assert run(["validate"]) == 1
    said = capsys.readouterr().err
    assert f"error[{code}]" in said
    assert said.count("error[") == said.count(" --> ")
