"""`validate --access-analyzer`: what is sent to ValidatePolicy, and where its findings stand."""

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
OWN = '{Version: 2012-10-17, Statement: {Effect: Allow, Action: "s3:*", Resource: "*"}}'
SITE = f"""\
users:
  alice: {{inline_policies: {{own: {OWN}}}}}
  bob: {{inline_policies: {{own: {OWN}}}}}
roles:
  deploy:
    trust_policy:
      Version: 2012-10-17
      Statement:
        - Effect: Allow
          Principal: {{Service: ec2.amazonaws.com}}
          Action: ["sts:AssumeRole"]
"""
_connect = reach.connect


def finding(code: str, kind: str, *path: dict[str, Any]) -> dict[str, Any]:
    start = {"line": 1, "column": 0, "offset": 0}
    return {
        "findingDetails": f"about {code}",
        "findingType": kind,
        "issueCode": code,
        "learnMoreLink": "https://docs.aws.amazon.com/x",
        "locations": [{"path": list(path), "span": {"start": start, "end": start}}] if path else [],
    }


class Analyzer:
    """AWS's side: findings for trust policies and for identity policies, over two pages."""

    def __init__(self) -> None:
        self.sent: list[Answering] = []
        self.trust: list[dict[str, Any]] = []
        self.identity: list[dict[str, Any]] = []
        self.refuses: Refused | None = None

    def connect(self, *given: Any, **more: Any) -> Any:
        made = _connect(*given, **more)

        def client(service: str, **keys: Any) -> Any:
            found = made.client(service, **keys)
            self.sent.append(Answering(found, "ValidatePolicy", self.answer))
            return found

        return replace(made, client=client)

    def answer(self, params: Mapping[str, Any]) -> dict[str, Any]:
        if self.refuses is not None:
            raise self.refuses
        found = self.trust if params["policyType"] == "RESOURCE_POLICY" else self.identity
        if "nextToken" in params:
            return {"findings": found[1:]}
        return {"findings": found[:1], **({"nextToken": "more"} if len(found) > 1 else {})}

    @property
    def calls(self) -> list[Mapping[str, Any]]:
        return [params for one in self.sent for params in one.calls]


@pytest.fixture
def analyzer(monkeypatch: pytest.MonkeyPatch) -> Analyzer:
    made = Analyzer()
    monkeypatch.setattr(reach, "connect", made.connect)
    return made


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "iam").mkdir()
    (tmp_path / "iamsync.yaml").write_text(CONFIG, encoding="utf-8")
    (tmp_path / "iam" / "site.yaml").write_text(SITE, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def told(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> list[dict[str, Any]]:
    capsys.readouterr()
    assert run(["validate", "--access-analyzer", "--quiet", "--format", "json", *arguments]) == code
    found: list[dict[str, Any]] = json.loads(capsys.readouterr().out)["findings"]
    return [row for row in found if row["id"].startswith(("AA-", "IAM-P09"))]


def test_each_document_is_sent_once_as_what_it_is(analyzer: Analyzer, capsys: pytest.CaptureFixture[str]) -> None:
    assert told(capsys) == []
    identity, trust = sorted(analyzer.calls, key=lambda params: str(params["policyType"]))
    assert json.loads(identity["policyDocument"])["Statement"]["Action"] == "s3:*"
    assert identity["policyType"] == "IDENTITY_POLICY"
    assert "validatePolicyResourceType" not in identity
    assert trust["validatePolicyResourceType"] == "AWS::IAM::AssumeRolePolicyDocument"
    assert trust["locale"] == "EN"


def test_findings_stand_at_their_lines_with_all_their_holders(
    analyzer: Analyzer, capsys: pytest.CaptureFixture[str]
) -> None:
    statement = ({"value": "Statement"}, {"index": 0})
    analyzer.trust = [
        finding("INVALID_ACTION", "ERROR", *statement, {"value": "Action"}, {"index": 0}),
        finding("REDUNDANT_STATEMENT", "SUGGESTION", *statement, {"key": "Principal"}),
    ]
    analyzer.identity = [finding("BROAD", "SECURITY_WARNING", {"value": "Statement"}, {"value": "Action"})]
    rows = told(capsys)
    assert [(r["id"], r["severity"], r["place"]["line"], r["place"]["column"]) for r in rows] == [
        ("AA-BROAD", "high", 2, 91),
        ("AA-BROAD", "high", 3, 89),
        ("AA-REDUNDANT_STATEMENT", "info", 10, 11),
        ("AA-INVALID_ACTION", "high", 11, 20),
    ]
    assert [r["addresses"] for r in rows[:2]] == [["user/alice"], ["user/bob"]]
    assert rows[0]["title"] == "Access Analyzer: broad"
    assert rows[0]["remedy"] == "see https://docs.aws.amazon.com/x"
    assert told(capsys, "--fail-on", "high", code=2)
    assert run(["validate", "--access-analyzer", "--quiet", "--format", "sarif"]) == 0
    rules = json.loads(capsys.readouterr().out)["runs"][0]["tool"]["driver"]["rules"]
    assert "Access Analyzer found this" in next(r for r in rules if r["id"] == "AA-BROAD")["help"]["text"]
    assert run(["explain", "aa-broad"]) == 0


def test_its_findings_can_be_suppressed_and_an_idle_suppression_shows_when_it_is_asked(
    project: Path, analyzer: Analyzer, capsys: pytest.CaptureFixture[str]
) -> None:
    analyzer.identity = [finding("BROAD", "WARNING")]
    with (project / "iam" / "site.yaml").open("a", encoding="utf-8") as file:
        file.write("suppress:\n  - {finding: AA-BROAD, address: 'user/*', reason: meant so}\n")
    assert told(capsys) == []
    assert run(["validate", "--quiet", "--format", "json"]) == 0
    assert not [r for r in json.loads(capsys.readouterr().out)["findings"] if r["id"] == "IAM-P091"]
    analyzer.identity = []
    assert [row["id"] for row in told(capsys)] == ["IAM-P091"]


@pytest.mark.parametrize(
    ("refusal", "word"),
    [
        (Refused("AccessDeniedException", 403), "allow access-analyzer:ValidatePolicy"),
        (Refused("UnknownOperationException", 404), "there is no Access Analyzer here"),
    ],
)
def test_an_analyzer_that_may_not_be_asked_is_an_error(
    analyzer: Analyzer, capsys: pytest.CaptureFixture[str], refusal: Refused, word: str
) -> None:
    analyzer.refuses = refusal
    assert run(["validate", "--access-analyzer"]) == 1
    assert word in " ".join(capsys.readouterr().err.split())


def test_mistakes_are_told_before_anything_is_asked(
    project: Path, analyzer: Analyzer, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "iam" / "site.yaml").write_text("users:\n  alice: {groops: []}\n", encoding="utf-8")
    assert run(["validate", "--access-analyzer"]) == 1
    assert "groops" in capsys.readouterr().err
    assert analyzer.sent == []
