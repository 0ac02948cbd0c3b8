"""`test --aws`: AWS's simulator decides, both answers are shown, a contradiction is never hidden.

What AWS answers stands in a table here; no evaluator of ours is asked for it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from iamsync.aws import simulate
from iamsync.cli.app import run
from iamsync.engine import reach
from tests.aws.answering import Answering, Refused

CONFIG = 'version: 1\naccounts: {prod: {id: "111122223333", backend: sandbox}}\n'
SITE = """
users:
  alice: {groups: [staff], permissions_boundary: limit}
groups:
  staff: {managed_policies: [publish]}
roles:
  deploy:
    trust_policy:
      Version: 2012-10-17
      Statement: {Effect: Allow, Principal: {AWS: "$(arn.user/alice)"}, Action: "sts:AssumeRole"}
policies:
  limit:
    document:
      Version: 2012-10-17
      Statement: {Effect: Allow, Action: "s3:*", Resource: "*"}
  publish:
    document:
      Version: 2012-10-17
      Statement:
        Effect: Allow
        Action: "s3:PutObject"
        Resource: "arn:aws:s3:::site/${aws:username}/*"
        Condition: {IpAddress: {"aws:SourceIp": 203.0.113.0/24}}
tests:
"""
ALICE = """
  alice publishes:
    principals: user/alice
    context: {"aws:SourceIp": 203.0.113.7}
    allow: {action: "s3:PutObject", resource: "arn:aws:s3:::site/alice/x"}
"""


class Aws:
    """AWS's side: a verdict for an action, `allowed` where none is told."""

    def __init__(self) -> None:
        self.verdicts: dict[str, str] = {}
        self.missing: list[str] = []
        self.refuses = ""
        self.calls: list[Answering] = []

    def connect(self, *given: Any, **more: Any) -> Any:
        made = _connect(*given, **more)
        for operation in ("SimulateCustomPolicy", "SimulatePrincipalPolicy"):
            self.calls.append(Answering(made.iam, operation, self.answer))
        for operation in ("GetContextKeysForCustomPolicy", "GetContextKeysForPrincipalPolicy"):
            Answering(made.iam, operation, lambda _: {"ContextKeyNames": ["aws:SourceIp", "aws:username"]})
        return made

    def answer(self, params: Mapping[str, Any]) -> dict[str, Any]:
        if self.refuses:
            raise Refused(self.refuses, 403, "not authorized to perform: iam:SimulateCustomPolicy")
        results = [
            {
                "EvalActionName": action,
                "EvalResourceName": resource,
                "EvalDecision": self.verdicts.get(action, "allowed"),
                "MissingContextValues": self.missing,
            }
            for action in params["ActionNames"]
            for resource in params["ResourceArns"]
        ]
        return {"EvaluationResults": results}

    @property
    def asked(self) -> list[Mapping[str, Any]]:
        return [params for one in self.calls for params in one.calls]


_connect = reach.connect


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Aws:
    made = Aws()
    monkeypatch.setattr(reach, "connect", made.connect)
    return made


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "iam").mkdir()
    (tmp_path / "iamsync.yaml").write_text(CONFIG, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def manifests(project: Path, text: str) -> None:
    (project / "iam" / "site.yaml").write_text(SITE + text, encoding="utf-8")


def told(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> list[dict[str, Any]]:
    capsys.readouterr()
    assert run(["test", "--aws", "--quiet", "--format", "json", *arguments]) == code
    rows: list[dict[str, Any]] = json.loads(capsys.readouterr().out)["accounts"][0]["rows"]
    return rows


def test_the_desired_policies_are_sent_with_the_tests_context(
    project: Path, aws: Aws, capsys: pytest.CaptureFixture[str]
) -> None:
    manifests(project, ALICE)
    (row,) = told(capsys)
    assert (row["outcome"], row["decision"], row["aws"]["decision"]) == ("passed", "allowed", "allowed")
    (params,) = aws.asked
    assert len(params["PolicyInputList"]) == len(params["PermissionsBoundaryPolicyInputList"]) == 1
    assert "s3:PutObject" in params["PolicyInputList"][0]
    assert params["ContextEntries"] == [
        {"ContextKeyName": "aws:sourceip", "ContextKeyValues": ["203.0.113.7"], "ContextKeyType": "ip"},
        {"ContextKeyName": "aws:username", "ContextKeyValues": ["alice"], "ContextKeyType": "string"},
    ]


def test_the_organizations_policies_are_sent_level_by_level(
    project: Path, aws: Aws, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    manifests(project, ALICE)
    scp = '{"Version": "2012-10-17", "Statement": {"Effect": "Deny", "Action": "s3:DeleteBucket", "Resource": "*"}}'
    (project / "root.json").write_text(scp, encoding="utf-8")
    levels = "organization_policies: {scps: [[FullAWSAccess, root.json], [FullAWSAccess]]}\n"
    (project / "iamsync.yaml").write_text(CONFIG + levels, encoding="utf-8")
    for subject in ((), ("--planned",)):
        told(capsys, *subject)
        first, second = aws.asked[-1]["OrderedOrganizationPolicyInputList"]
        everything, denial = map(json.loads, first["ServiceControlPolicyInputList"])
        assert everything["Statement"][0]["Action"] == "*"
        assert denial == json.loads(scp)
        assert len(second["ServiceControlPolicyInputList"]) == 1
    known, asked = simulate._members, len(aws.asked)
    monkeypatch.setattr(
        simulate, "_members", lambda *of: {k: v for k, v in known(*of).items() if not k.startswith("Ordered")}
    )
    (row,) = told(capsys)
    assert "this version of botocore cannot give it service control policies" in " ".join(row["aws"]["not_asked"])
    assert len(aws.asked) == asked


def test_a_contradiction_fails_whatever_was_expected_and_shows_both(
    project: Path, aws: Aws, capsys: pytest.CaptureFixture[str]
) -> None:
    manifests(project, ALICE + "\n  alice deletes nothing: {principals: user/alice, deny: [s3:DeleteBucket]}\n")
    aws.verdicts = {"s3:PutObject": "explicitDeny"}
    rows = told(capsys, code=2)
    assert {row["outcome"] for row in rows} == {"contradicted"}  # also where ours alone would have passed
    assert run(["test", "--aws", "--report", "sarif=t.sarif", "--report", "junit=t.xml"]) == 2
    said = capsys.readouterr().out
    assert "AWS's simulator contradicts iamsync: user/alice, s3:PutObject on arn:aws:s3:::site/alice/x" in said
    assert "iamsync: allowed by policy/publish via group/staff" in said
    assert "AWS: denied explicitly; 1 request asked" in said
    assert "AWS: allowed" in said
    (rule,) = json.loads((project / "t.sarif").read_text())["runs"][0]["tool"]["driver"]["rules"]
    assert rule["id"] == "permission-test-contradiction"
    assert "Neither is believed" in rule["help"]["text"]


def test_what_aws_lacks_a_value_of_is_no_pass(project: Path, aws: Aws, capsys: pytest.CaptureFixture[str]) -> None:
    manifests(project, ALICE.replace('    context: {"aws:SourceIp": 203.0.113.7}\n', ""))
    aws.missing = ["aws:SourceIp"]
    (row,) = told(capsys, code=2)
    assert (row["outcome"], row["aws"]["reasons"]) == ("uncertain", ["it was given no value of aws:sourceip"])


def test_patterns_are_asked_action_by_action_on_examples_of_what_policies_tell_apart(
    project: Path, aws: Aws, capsys: pytest.CaptureFixture[str]
) -> None:
    manifests(project, '  no objects go: {principals: user/alice, deny: ["s3:DeleteObject*"]}\n')
    aws.verdicts = dict.fromkeys(["s3:DeleteObject", "s3:DeleteObjectTagging"], "implicitDeny")
    rows = told(capsys, code=2)
    asked = {action for params in aws.asked for action in params["ActionNames"]}
    assert {"s3:DeleteObject", "s3:DeleteObjectVersion", "s3:DeleteObjectTagging"} <= asked
    assert not any("*" in action for action in asked)
    assert rows[0]["outcome"] == "contradicted"
    assert "s3:DeleteObjectVersion" in rows[0]["actions"]
    assert "s3:DeleteObject" not in rows[0]["actions"]


def test_what_aws_cannot_be_asked_is_said(project: Path, aws: Aws, capsys: pytest.CaptureFixture[str]) -> None:
    manifests(
        project,
        '  alice deploys: {principals: user/alice, allow: {action: "sts:AssumeRole", resource: "$(arn.role/deploy)"}}\n'
        '  elsewhere: {principals: user/alice, deny: {action: "sqs:SendMessage", '
        'resource: "arn:aws:sqs:eu-west-1:444455556666:q"}}\n',
    )
    capsys.readouterr()
    assert run(["test", "--aws", "--quiet"]) == 0
    said = capsys.readouterr().out
    assert "not asked: AWS's simulator does not look at trust policies" in said
    assert "not asked: AWS's simulator does not decide on resources of other accounts" in said
    assert aws.asked == []


def test_live_principals_are_asked_about_as_they_are(
    project: Path, aws: Aws, capsys: pytest.CaptureFixture[str]
) -> None:
    manifests(project, ALICE)
    assert run(["apply", "--auto-approve", "--quiet"]) == 0
    (row,) = told(capsys, "--live")
    assert row["aws"]["decision"] == "allowed"
    assert aws.asked[-1]["PolicySourceArn"] == "arn:aws:iam::111122223333:user/alice"
    (row,) = told(capsys, "--planned")
    assert "PolicyInputList" in aws.asked[-1] or "PolicyInputList" in aws.asked[0]


@pytest.mark.parametrize(
    ("refuses", "word"), [("AccessDenied", "allow iam:SimulateCustomPolicy"), ("NotImplemented", "only AWS has one")]
)
def test_a_simulator_that_may_not_be_asked_is_an_error(
    project: Path, aws: Aws, capsys: pytest.CaptureFixture[str], refuses: str, word: str
) -> None:
    manifests(project, ALICE)
    aws.refuses = refuses
    assert run(["test", "--aws"]) == 1
    assert word in " ".join(capsys.readouterr().err.split())


def test_a_file_has_no_simulator(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    manifests(project, ALICE)
    (project / "dump.json").write_text('{"UserDetailList": []}', encoding="utf-8")
    assert run(["test", "--aws", "--live", "dump.json"]) == 1
    assert "--aws asks an account" in capsys.readouterr().err
