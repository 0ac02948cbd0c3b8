"""`test`, `simulate`, `who-can`, `what-can`, `graph`, `refresh` and `validate` on the command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from iamsync.cli.app import run

CONFIG = 'version: 1\naccounts: {prod: {id: "111122223333", backend: sandbox}}\n'
SITE = """
users:
  alice: {groups: [staff]}
  bob: {}
groups:
  staff: {managed_policies: [publish]}
roles:
  deploy:
    trust_policy:
      Version: 2012-10-17
      Statement: {Effect: Allow, Principal: {AWS: "$(arn.user/bob)"}, Action: "sts:AssumeRole"}
    managed_policies: [aws/IAMReadOnlyAccess]
policies:
  publish:
    document:
      Version: 2012-10-17
      Statement: {Sid: put, Effect: Allow, Action: "s3:PutObject", Resource: "arn:aws:s3:::site/*"}
tests:
  alice publishes and deletes nothing:
    principals: user/alice
    allow: {action: "s3:PutObject", resource: "arn:aws:s3:::site/x"}
    deny: ["s3:DeleteObject"]
  users do not administer: {principals: "user/*", deny: ["iam:CreateUser"]}
"""


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "iam").mkdir()
    (tmp_path / "iamsync.yaml").write_text(CONFIG, encoding="utf-8")
    (tmp_path / "iam" / "site.yaml").write_text(SITE, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def widen(project: Path) -> None:
    path = project / "iam" / "site.yaml"
    path.write_text(path.read_text().replace('Action: "s3:PutObject", R', 'Action: "s3:*", R'), encoding="utf-8")


def told(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> Any:
    capsys.readouterr()
    assert run([*arguments, "--format", "json"]) == code
    return json.loads(capsys.readouterr().out)


def test_tests_pass_and_fail_when_a_policy_is_widened(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["test"]) == 0
    assert run(["validate"]) == 0
    assert "[declared principals only]" in capsys.readouterr().out
    widen(project)
    assert run(["validate"]) == 2
    assert run(["test", "--report", "junit=tests.xml"]) == 2
    said = capsys.readouterr().out
    assert "user/alice can s3:DeleteObject on arn:aws:s3:::site/*" in said
    assert "statement 1 (put) at iam/site.yaml:17" in said
    suite = ElementTree.parse(project / "tests.xml").getroot()[0]
    assert (suite.get("tests"), suite.get("failures")) == ("3", "1")


def test_mistakes_in_tests_are_told_with_all_others(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = project / "iam" / "site.yaml"
    path.write_text(SITE.replace("groups: [staff]", "groups: [staf]").replace("deny:", "denied:"), encoding="utf-8")
    assert run(["validate"]) == 1
    said = capsys.readouterr().err
    assert "staf" in said
    assert "denied" in said


def test_live_and_planned_differ_until_the_plan_is_applied(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["apply", "--auto-approve", "--quiet"]) == 0
    assert run(["test", "--live"]) == 0
    widen(project)
    assert run(["test", "--live"]) == 0
    assert run(["test", "--planned"]) == 2
    assert "the account as it will be after the plan" in capsys.readouterr().out


def test_planned_knows_principals_that_nobody_declares(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["apply", "--auto-approve", "--quiet"]) == 0
    everything = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}
    extra = {"UserName": "mallory", "Path": "/", "Arn": "arn:aws:iam::111122223333:user/mallory"}
    extra["UserPolicyList"] = [{"PolicyName": "all", "PolicyDocument": everything}]  # type: ignore[assignment]
    dump = {"UserDetailList": [extra], "GroupDetailList": [], "RoleDetailList": [], "Policies": []}
    (project / "dump.json").write_text(json.dumps(dump), encoding="utf-8")
    capsys.readouterr()
    assert run(["test", "--planned", "--live", "dump.json", "--quiet"]) == 2
    assert "user/mallory can iam:CreateUser on *" in capsys.readouterr().out


def test_simulate_decides_and_names_the_statements(capsys: pytest.CaptureFixture[str]) -> None:
    site = ["--resource", "arn:aws:s3:::site/x"]
    assert told(capsys, "simulate", "user/alice", "s3:PutObject", *site)["decisions"][0]["because"] == [
        "allowed by policy/publish via group/staff, statement 1 (put) at iam/site.yaml:17"
    ]
    arn = "arn:aws:iam::111122223333:user/alice"
    refused = told(capsys, "simulate", arn, "s3:PutObject", "s3:GetObject", *site, code=2)["decisions"]
    assert [row["decision"] for row in refused] == ["allowed", "implicit_deny"]
    assert run(["simulate", "user/alice", "s3:GetObject", *site]) == 2
    assert "not granted: s3:GetObject on arn:aws:s3:::site/x" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["simulate", "user/alise", "s3:ListAllMyBuckets"], "did you mean user/alice?"),
        (["simulate", "user/alice", "s3:Get*"], "is no action"),
        (["simulate", "user/alice", "s3:GetObject"], "is about a resource"),
        (["simulate", "user/alice", "s3:GetObject", "--resource", "arn:aws:s3:::b"], "is never about"),
        (["simulate", "user/alice", "s3:ListAllMyBuckets", "--context", "x"], "is not KEY=VALUE"),
        (["who-can", "s3:GetObjekt"], "did you mean s3:GetObject?"),
        (["what-can", "group/staff"], "is no user or role"),
        (["graph", "--format", "svg"], "unknown format"),
    ],
)
def test_what_cannot_be_asked_is_told(capsys: pytest.CaptureFixture[str], arguments: list[str], word: str) -> None:
    assert run(arguments) == 1
    assert word in capsys.readouterr().err


def test_who_can_and_what_can_name_what_it_comes_from(capsys: pytest.CaptureFixture[str]) -> None:
    (account,) = told(capsys, "who-can", "s3:PutObject")["accounts"]
    assert [(grant["principal"], grant["where"]) for grant in account["grants"]] == [
        ("user/alice", ["arn:aws:s3:::site/*"])
    ]
    assert account["unknown"] == [{"principal": "role/deploy", "policies": ["aws/IAMReadOnlyAccess"]}]
    assert told(capsys, "who-can", "s3:PutObject", "arn:aws:s3:::other/x")["accounts"][0]["grants"] == []
    (account,) = told(capsys, "what-can", "user/bob")["accounts"]
    assert [(grant["actions"], grant["where"]) for grant in account["grants"]] == [
        (["sts:AssumeRole"], ["arn:aws:iam::111122223333:role/deploy"])
    ]
    assert run(["who-can", "iam:CreateUser"]) == 0
    assert "nobody: not granted by IAM policies" in capsys.readouterr().out


def test_graph_shows_members_and_who_may_assume_whom(capsys: pytest.CaptureFixture[str]) -> None:
    edges = told(capsys, "graph")["edges"]
    named = [(e["source"].rpartition(":")[2], e["kind"], e["target"].rpartition(":")[2]) for e in edges]
    assert named == [("user/alice", "member", "group/staff"), ("user/bob", "assume", "role/deploy")]
    assert run(["graph"]) == 0
    assert "-->|assumes|" in capsys.readouterr().out
    assert run(["graph", "--format", "dot"]) == 0
    assert capsys.readouterr().out.startswith("digraph iam {")


def test_refresh_writes_the_documents_and_says_what_changed(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["refresh", "--quiet"]) == 0
    assert "+ arn:aws:iam::aws:policy/IAMReadOnlyAccess" in capsys.readouterr().out
    assert told(capsys, "who-can", "iam:ListUsers")["accounts"][0]["grants"][0]["principal"] == "role/deploy"
    lock = project / "iamsync.lock.json"
    held = json.loads(lock.read_text())
    assert held["catalogue"]
    held["policies"]["arn:aws:iam::aws:policy/IAMReadOnlyAccess"]["version"] = "v0"
    lock.write_text(json.dumps(held), encoding="utf-8")
    assert run(["refresh", "--quiet"]) == 0
    assert "~ arn:aws:iam::aws:policy/IAMReadOnlyAccess  v0 -> v" in capsys.readouterr().out
    assert run(["refresh", "--quiet"]) == 0
    assert "as before" in capsys.readouterr().out


def test_without_tests_nothing_passes(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "iam" / "site.yaml").write_text("users: {alice: {}}\n", encoding="utf-8")
    assert run(["test"]) == 1
    assert "there are no permission tests" in capsys.readouterr().err
    assert run(["validate"]) == 0
