"""`plan --access-analyzer`: what is sent to AWS for what a plan changes, and what comes of the answers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from iamsync.cli.app import run
from iamsync.engine import reach
from tests.aws.answering import Answering, Refused

CONFIG = 'version: 1\naccounts: {prod: {id: "111122223333", backend: sandbox}}\n'
BEFORE = """\
users:
  alice:
    groups: [staff]
    inline_policies:
      own:
        Version: 2012-10-17
        Statement: {Sid: Read, Effect: Allow, Action: "s3:GetObject", Resource: "*"}
  carol: {}
groups:
  staff:
    inline_policies:
      old: {Statement: {Effect: Allow, Action: "s3:ListBucket", Resource: "arn:aws:s3:::${aws:username}"}}
roles:
  deploy:
    trust_policy:
      Version: 2012-10-17
      Statement:
        - {Effect: Allow, Principal: {AWS: "444455556666"}, Action: "sts:AssumeRole"}
"""
KNOWN = ("--acknowledge", "trust-unknown-account:role/deploy")
AFTER = BEFORE.replace('"s3:GetObject"', '["s3:GetObject", "s3:PutObject"]')
_connect = reach.connect
PASS: dict[str, Any] = {"result": "PASS", "message": "ok", "reasons": []}


def fails(statement: int | None = 0) -> dict[str, Any]:
    where = {} if statement is None else {"statementIndex": statement, "statementId": f"S{statement}"}
    return {"result": "FAIL", "message": "no", "reasons": [{"description": "New access in the statement.", **where}]}


class Analyzer:
    """AWS's side: answers in a table, by what the document says, and what it was asked."""

    def __init__(self) -> None:
        self.sent: list[Answering] = []
        self.new: dict[str, Any] | Refused = PASS
        self.granted: dict[bool, dict[str, Any]] = {}

    def connect(self, *given: Any, **more: Any) -> Any:
        made = _connect(*given, **more)

        def client(service: str, **keys: Any) -> Any:
            found = made.client(service, **keys)
            if service == "accessanalyzer":
                self.sent.append(Answering(found, "CheckNoNewAccess", self._new))
                self.sent.append(Answering(found, "CheckAccessNotGranted", self._granted))
            return found

        return replace(made, client=client)

    def _new(self, params: Mapping[str, Any]) -> dict[str, Any]:
        if isinstance(self.new, Refused):
            raise self.new
        return self.new

    def _granted(self, params: Mapping[str, Any]) -> dict[str, Any]:
        return self.granted["PutObject" in params["policyDocument"]]

    def calls(self, member: str) -> list[Mapping[str, Any]]:
        return [params for one in self.sent for params in one.calls if member in params]


@pytest.fixture
def analyzer(monkeypatch: pytest.MonkeyPatch) -> Analyzer:
    made = Analyzer()
    monkeypatch.setattr(reach, "connect", made.connect)
    return made


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "iam").mkdir()
    (tmp_path / "iamsync.yaml").write_text(CONFIG, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    write(tmp_path, BEFORE)
    assert run(["apply", "--auto-approve", "--quiet", *KNOWN]) == 0
    write(tmp_path, AFTER)
    return tmp_path


def write(project: Path, text: str) -> None:
    (project / "iam" / "site.yaml").write_text(text, encoding="utf-8")


def told(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> list[dict[str, Any]]:
    capsys.readouterr()
    assert run(["plan", "--access-analyzer", "--format", "json", *arguments]) == code
    found: list[dict[str, Any]] = json.loads(capsys.readouterr().out)["plans"][0]["findings"]
    return [f for f in found if f["id"].startswith(("AA-", "analyzer"))]


def test_a_principals_policies_go_out_as_one_document_on_each_side_and_the_calls_are_counted(
    analyzer: Analyzer, capsys: pytest.CaptureFixture[str]
) -> None:
    analyzer.new = fails()
    assert run(["plan", "--access-analyzer"]) == 0
    said = capsys.readouterr()
    assert "account prod: 1 call of Access Analyzer (1 CheckNoNewAccess), each charged by AWS" in said.err
    (params,) = analyzer.calls("newPolicyDocument")
    assert params["policyType"] == "IDENTITY_POLICY"
    new, old = (json.loads(params[f"{side}PolicyDocument"]) for side in ("new", "existing"))
    assert [s["Sid"] for s in new["Statement"]] == [s["Sid"] for s in old["Statement"]] == ["S0", "S1"]
    assert new["Version"] == "2012-10-17"
    assert new["Statement"][0]["Action"] == ["s3:GetObject", "s3:PutObject"]
    assert old["Statement"][0]["Action"] == "s3:GetObject"
    # A document without a version knows no variables.
    assert new["Statement"][1]["Resource"] == "arn:aws:s3:::${$}{aws:username}"


def test_new_access_stands_at_the_statement_that_gives_it_and_leaves_the_digest(
    analyzer: Analyzer, capsys: pytest.CaptureFixture[str]
) -> None:
    analyzer.new = fails()
    (finding,) = told(capsys)
    assert (finding["id"], finding["severity"], finding["address"]) == ("AA-new-access", "medium", "user/alice")
    assert finding["evidence"] == (
        "New access in the statement: user/alice inline own, statement 1 (Read) at iam/site.yaml:7; iamsync says so too"
    )
    capsys.readouterr()
    digests = []
    for option in (["--access-analyzer"], []):
        assert run(["plan", "--format", "json", "--quiet", *option]) == 0
        digests.append(json.loads(capsys.readouterr().out)["plans"][0]["digests"])
    assert digests[0] == digests[1]


def test_no_new_access_where_we_see_a_gain_is_a_contradiction(
    analyzer: Analyzer, capsys: pytest.CaptureFixture[str]
) -> None:
    (finding,) = told(capsys)
    assert (finding["id"], finding["severity"]) == ("analyzer-contradicts", "high")
    assert "AWS says no new access; iamsync says a gain" in finding["evidence"]
    assert "PutObject" in finding["evidence"]


def test_new_access_where_we_see_no_gain_is_a_contradiction_unless_something_aws_does_not_see_has_a_say(
    project: Path, analyzer: Analyzer, capsys: pytest.CaptureFixture[str]
) -> None:
    split = '[{Effect: Allow, Action: "s3:GetObject", Resource: "*"}, {Effect: Deny, Action: "s3:Put*", Resource: "*"}]'
    write(project, BEFORE.replace('{Sid: Read, Effect: Allow, Action: "s3:GetObject", Resource: "*"}', split))
    analyzer.new = fails(1)
    (finding,) = told(capsys)
    assert finding["id"] == "analyzer-contradicts"
    assert "statement 2 at iam/site.yaml" in finding["evidence"]
    assert "iamsync says no gain" in finding["evidence"]
    write(project, AFTER.replace("    groups: [staff]", "    groups: [staff]\n    permissions_boundary: limit") + LIMIT)
    (finding,) = told(capsys)
    assert finding["id"] == "AA-new-access"
    assert "it also looks at the boundary" in finding["evidence"]


LIMIT = """\
policies:
  limit: {document: {Version: 2012-10-17, Statement: {Effect: Allow, Action: "s3:GetObject", Resource: "*"}}}
"""


def test_trust_policies_are_compared_as_policies_of_a_resource(
    project: Path, analyzer: Analyzer, capsys: pytest.CaptureFixture[str]
) -> None:
    write(project, BEFORE.replace('"444455556666"', '["444455556666", "555566667777"]'))
    analyzer.new = fails()
    (finding,) = told(capsys, *KNOWN)
    (params,) = analyzer.calls("newPolicyDocument")
    assert params["policyType"] == "RESOURCE_POLICY"
    assert "555566667777" in params["newPolicyDocument"]
    assert "555566667777" not in params["existingPolicyDocument"]
    assert finding["id"] == "AA-new-access"
    assert "the trust policy of role/deploy" in finding["message"]
    assert "role/deploy trust policy, statement 1 at iam/site.yaml:18" in finding["evidence"]


def test_what_is_created_or_only_loses_costs_nothing(
    project: Path, analyzer: Analyzer, capsys: pytest.CaptureFixture[str]
) -> None:
    write(
        project,
        BEFORE.replace("  carol: {}", "  carol: {}\n  dora: {groups: [staff]}").replace(
            "    groups: [staff]\n    inline_policies:\n      own:", "    inline_policies:\n      own:"
        ),
    )
    capsys.readouterr()
    assert run(["plan", "--access-analyzer"]) == 0
    assert [
        json.loads(p["newPolicyDocument"])["Statement"][0]["Action"] for p in analyzer.calls("newPolicyDocument")
    ] == ["s3:GetObject"]
    analyzer.sent.clear()
    write(project, BEFORE)
    assert run(["plan", "--access-analyzer"]) == 0
    assert analyzer.sent == []


def test_who_held_nothing_is_compared_with_a_document_that_gives_nothing(
    project: Path, analyzer: Analyzer, capsys: pytest.CaptureFixture[str]
) -> None:
    write(project, BEFORE.replace("  carol: {}", "  carol: {groups: [staff]}"))
    analyzer.new = fails()
    told(capsys)
    (params,) = analyzer.calls("newPolicyDocument")
    (statement,) = json.loads(params["existingPolicyDocument"])["Statement"]
    assert statement["Effect"] == "Deny"


def test_actions_of_fail_on_gain_are_asked_about_after_and_where_granted_before(
    analyzer: Analyzer, capsys: pytest.CaptureFixture[str]
) -> None:
    analyzer.new = fails()
    analyzer.granted = {True: fails(), False: PASS}
    found = told(capsys, "--fail-on-gain", "s3:PutObject", "--fail-on-gain", "iam:*", code=2)
    granted = next(f for f in found if f["id"] == "AA-access-granted")
    assert granted["severity"] == "high"
    assert "user/alice would be granted s3:PutObject" in granted["message"]
    assert "nothing of it was granted before; it sees no permissions boundary" in granted["evidence"]
    asked = analyzer.calls("policyDocument")
    assert [params["access"] for params in asked] == [[{"actions": ["s3:PutObject"]}]] * 2
    analyzer.granted = {True: fails(), False: fails()}
    found = told(capsys, "--fail-on-gain", "sqs:SendMessage")
    assert next(f for f in found if f["id"] == "AA-access-granted")["severity"] == "info"
    assert told(capsys, "--fail-on-gain", "iam:*")
    assert len(analyzer.calls("policyDocument")) == 4


def test_what_aws_says_is_gained_closes_the_gate_too(analyzer: Analyzer, capsys: pytest.CaptureFixture[str]) -> None:
    analyzer.new = fails()
    analyzer.granted = {True: fails(), False: PASS}
    assert run(["plan", "--access-analyzer", "--fail-on-gain", "sqs:SendMessage"]) == 2
    assert "AWS's Access Analyzer says that user/alice would be granted sqs:SendMessage" in capsys.readouterr().err


def test_a_document_that_aws_does_not_take_is_told_and_stops_nothing(
    analyzer: Analyzer, capsys: pytest.CaptureFixture[str]
) -> None:
    analyzer.new = Refused("UnprocessableEntityException", 422, "the policy is too long")
    (finding,) = told(capsys)
    assert (finding["id"], finding["severity"]) == ("AA-not-checked", "medium")
    assert "the policy is too long" in finding["evidence"]


@pytest.mark.parametrize(
    ("refusal", "word"),
    [
        (Refused("AccessDeniedException", 403), "allow access-analyzer:CheckNoNewAccess"),
        (Refused("UnknownOperationException", 404), "there is no Access Analyzer here"),
    ],
)
def test_an_analyzer_that_may_not_be_asked_is_an_error(
    analyzer: Analyzer, capsys: pytest.CaptureFixture[str], refusal: Refused, word: str
) -> None:
    analyzer.new = refusal
    assert run(["plan", "--access-analyzer"]) == 1
    assert word in " ".join(capsys.readouterr().err.split())


def test_a_file_cannot_be_asked(project: Path, analyzer: Analyzer, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "dump.json").write_text('{"UserDetailList": []}', encoding="utf-8")
    assert run(["plan", "--access-analyzer", "--live", "dump.json"]) == 1
    assert "--access-analyzer asks AWS" in capsys.readouterr().err
    assert analyzer.sent == []
