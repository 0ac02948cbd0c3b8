"""`audit` on the command line: a saved account, the sandbox and manifests, in every format, and its exit codes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import jsonschema
import pytest

from iamsync.cli.app import run
from iamsync.engine.schemas import schema
from iamsync.errors import AccessDenied

NOW = "2026-11-26T00:00:00Z"
TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "backup.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
OWN = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "iam:PutUserPolicy", "Resource": "*"}],
}
DUMP = {
    "UserDetailList": [
        {
            "UserName": "alice",
            "UserId": "AIDAALICE",
            "Arn": "arn:aws:iam::111122223333:user/alice",
            "Path": "/",
            "CreateDate": "2024-01-01T00:00:00+00:00",
            "UserPolicyList": [{"PolicyName": "own", "PolicyDocument": OWN}],
        }
    ],
    "GroupDetailList": [],
    "RoleDetailList": [
        {
            "RoleName": "app",
            "RoleId": "AROAAPP",
            "Arn": "arn:aws:iam::111122223333:role/app",
            "Path": "/",
            "CreateDate": "2024-01-01T00:00:00+00:00",
            "AssumeRolePolicyDocument": TRUST,
            "RoleLastUsed": {},
        }
    ],
    "Policies": [],
}
FOUND = [
    ("IAM-A050", "critical", "user/alice"),
    ("IAM-A015", "low", "user/alice"),
    ("IAM-A017", "low", "account/support"),
    ("IAM-A020", "low", "role/app"),
    ("IAM-A044", "low", "role/app"),
]
SITE = f"""\
users:
  alice:
    inline_policies: {{own: {json.dumps(OWN)}}}
roles:
  app:
    trust_policy: {json.dumps(TRUST)}
"""
SUPPRESSED = """\
suppress:
  - {finding: IAM-A044, address: role/app, reason: one account alone}
  - {finding: IAM-A015, address: user/alice, reason: over by now, until: 2026-01-01}
"""
REPORT = """\
user,arn,user_creation_time,password_enabled,mfa_active,access_key_1_active,access_key_1_last_rotated,\
access_key_2_active,access_key_2_last_rotated
<root_account>,arn:aws:iam::111122223333:root,2020-01-01T00:00:00+00:00,not_supported,true,false,N/A,false,N/A
alice,arn:aws:iam::111122223333:user/alice,2024-01-01T00:00:00+00:00,true,false,false,N/A,false,N/A
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "dump.json").write_text(json.dumps(DUMP), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("IAMSYNC_NOW", NOW)
    return tmp_path


def project(folder: Path, site: str = SITE) -> None:
    (folder / "iam").mkdir()
    (folder / "iam" / "site.yaml").write_text(site, encoding="utf-8")
    (folder / "iamsync.yaml").write_text(
        'version: 1\naccounts: {prod: {id: "111122223333", backend: sandbox}}\n', encoding="utf-8"
    )


def audited(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> Any:
    assert run(["audit", "--format", "json", *arguments]) == code
    return json.loads(capsys.readouterr().out)


def rows(made: Any) -> list[tuple[str, str, str]]:
    return [(row["id"], row["severity"], row["address"]) for row in made["accounts"][0]["findings"]]


def test_a_saved_account_needs_no_project_and_no_endpoint(capsys: pytest.CaptureFixture[str]) -> None:
    made = audited(capsys, "--live", "dump.json")
    jsonschema.validate(made, schema("findings"))
    assert rows(made) == FOUND
    (account,) = made["accounts"]
    assert account["account"]["id"] == "111122223333"
    assert made["subject"] == "file"
    path = account["findings"][0]["path"]
    assert [(step["rule"], step["actions"]) for step in path["steps"]] == [("IAM-E006", ["iam:PutUserPolicy"])]
    assert "PCI DSS 4.0: 7.2.1" in account["findings"][0]["references"]
    outcomes = {control["v3"]: control["outcome"] for control in account["controls"]}
    assert (outcomes["1.15"], outcomes["1.16"], outcomes["1.10"], outcomes["1.18"]) == (
        *("failed", "passed"),
        *("not decidable", "not decidable"),
    )


def test_fail_on_is_exit_code_2_from_that_severity_on(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["audit", "--live", "dump.json"]) == 0
    for floor in ("low", "high", "critical"):
        assert run(["audit", "--live", "dump.json", "--fail-on", floor]) == 2
    assert run(["audit", "--live", "dump.json", "--fail-on", "grave"]) == 1
    assert "'grave' is no severity" in capsys.readouterr().err


def test_text_tells_each_step_and_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["audit", "--live", "dump.json", "--quiet"]) == 0
    told = capsys.readouterr().out
    assert told.startswith(
        "account default (111122223333): 1 critical, 4 low\n\n"
        "critical  IAM-A050 user/alice reaches administrator in 1 step\n"
        "            1. an inline policy of its own: iam:PutUserPolicy, by user/alice inline own, statement 1\n"
    )
    assert "CIS AWS Foundations: 2 passed, 2 failed, 15 not decidable" in told
    assert "credentials were not looked at: there is no credential report (--credential-report FILE)" in told


def test_a_saved_credential_report_decides_what_the_account_alone_does_not(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "report.csv").write_text(REPORT, encoding="utf-8")
    made = audited(capsys, "--live", "dump.json", "--credential-report", "report.csv")
    assert ("IAM-A010", "critical", "user/alice") in rows(made)
    outcomes = {control["v3"]: control["outcome"] for control in made["accounts"][0]["controls"]}
    assert (outcomes["1.4"], outcomes["1.5"], outcomes["1.10"]) == ("passed", "passed", "failed")
    (folder / "report.csv").write_text("user,arn\nalice,x\n", encoding="utf-8")
    assert run(["audit", "--live", "dump.json", "--credential-report", "report.csv"]) == 1
    assert "this is no credential report: it has no column user_creation_time" in capsys.readouterr().err


def test_every_format_tells_the_same_findings(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    forms = ("json", "markdown", "html", "sarif", "junit", "github", "gitlab-codequality")
    wanted = [part for form in forms for part in ("--report", f"{form}=out.{form}")]
    assert run(["audit", "--live", "dump.json", "--fail-on", "critical", *wanted]) == 2
    texts = {form: (folder / f"out.{form}").read_text(encoding="utf-8") for form in forms}
    results = json.loads(texts["sarif"])["runs"][0]["results"]
    assert [result["ruleId"] for result in results] == [name for name, _, _ in FOUND]
    rules = {rule["id"]: rule for rule in json.loads(texts["sarif"])["runs"][0]["tool"]["driver"]["rules"]}
    assert rules["IAM-A050"]["shortDescription"]["text"] == "a principal that can make itself administrator"
    assert [row["check_name"] for row in json.loads(texts["gitlab-codequality"])] == [name for name, _, _ in FOUND]
    suite = ElementTree.fromstring(texts["junit"]).find("testsuite")
    assert suite is not None
    assert (suite.get("failures"), suite.get("skipped")) == ("1", "15")
    assert texts["markdown"].startswith("### iamsync audit: 1 critical, 4 low in default (111122223333)")
    assert texts["github"].count("::") == 2 * len(FOUND)
    for text in texts.values():
        assert all(name in text for name, _, _ in FOUND)


def test_a_baseline_is_known_and_fails_nothing(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = audited(capsys, "--live", "dump.json")
    del before["accounts"][0]["findings"][1]  # what comes back is new
    before["accounts"][0]["findings"].append({**before["accounts"][0]["findings"][0], "fingerprint": "0" * 32})
    (folder / "before.json").write_text(json.dumps(before), encoding="utf-8")
    made = audited(capsys, "--live", "dump.json", "--baseline", "before.json", "--fail-on", "medium")
    (account,) = made["accounts"]
    assert [row["status"] for row in account["findings"]] == ["known", "new", "known", "known", "known"]
    assert (account["summary"]["new"], len(account["gone"])) == (1, 1)
    assert run(["audit", "--live", "dump.json", "--baseline", "before.json", "--fail-on", "low", "--quiet"]) == 2
    told = capsys.readouterr().out
    assert told.startswith("account default (111122223333): 1 low\n\nlow       IAM-A015 user/alice has permissions")
    assert "4 findings of the baseline are there as before" in told
    assert "1 finding of the baseline is gone: IAM-A050 user/alice" in told


def test_a_credential_report_of_another_account_is_refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "other.csv").write_text(REPORT.replace("111122223333", "444455556666"), encoding="utf-8")
    assert run(["audit", "--live", "dump.json", "--credential-report", "other.csv"]) == 1
    told = capsys.readouterr().err
    assert "error[wrong-account]: the credential report is of account 444455556666" in told


def test_what_became_graver_since_the_baseline_is_new(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = audited(capsys, "--live", "dump.json")
    before["accounts"][0]["findings"][0]["severity"] = "high"
    (folder / "before.json").write_text(json.dumps(before), encoding="utf-8")
    made = audited(capsys, "--live", "dump.json", "--baseline", "before.json", "--fail-on", "high", code=2)
    assert [row["status"] for row in made["accounts"][0]["findings"]] == ["new", "known", "known", "known", "known"]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[", "Expecting value"),
        ("{}", "it has no format_version or no accounts"),
        ('{"format_version": "2.0", "accounts": []}', "it is of format 2.0; this iamsync reads 1.x"),
        ('{"format_version": "1.0", "accounts": [3]}', "this is not as iamsync writes it"),
    ],
)
def test_a_baseline_that_is_none_is_told(folder: Path, text: str, why: str, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "before.json").write_text(text, encoding="utf-8")
    assert run(["audit", "--live", "dump.json", "--baseline", "before.json"]) == 1
    told = capsys.readouterr().err
    assert "error[bad-baseline]" in told
    assert why in told


def test_manifests_suppress_what_was_found_right_and_say_where_it_is_written(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    project(folder, SITE + SUPPRESSED)
    made = audited(capsys, "--live", "dump.json")
    (account,) = made["accounts"]
    assert account["summary"]["suppressed"] == 1
    assert rows(made) == [row for row in FOUND if row[0] != "IAM-A044"]  # the other one's time is over
    assert account["findings"][0]["origin"] == {"file": "iam/site.yaml", "line": 2}
    # What only an audit finds is no suppression of nothing.
    assert run(["validate", "--format", "json"]) == 0
    told = {row["id"] for row in json.loads(capsys.readouterr().out)["findings"]}
    assert "IAM-P091" not in told
    assert "IAM-P090" in told


def test_manifests_alone_are_audited_without_asking_anybody(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    project(folder)
    made = audited(capsys, "--manifests")
    assert made["subject"] == "manifests"
    assert rows(made) == [row for row in FOUND if row[0] != "IAM-A020"]  # no manifest tells of use
    outcomes = {control["v3"]: control["outcome"] for control in made["accounts"][0]["controls"]}
    assert [outcomes[number] for number in ("1.15", "1.16", "1.17", "1.22")] == ["failed", "passed", "failed", "passed"]
    assert run(["audit", "--manifests", "--live", "dump.json"]) == 1
    assert "--manifests asks nobody, and --live does" in capsys.readouterr().err


def test_an_account_is_read_with_its_reports(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    project(folder)
    assert run(["apply", "--auto-approve", "--quiet", "--acknowledge", "escalation"]) == 0
    capsys.readouterr()
    made = audited(capsys, "--quiet", "--last-accessed")
    assert made["subject"] == "live"
    found = rows(made)
    # Nothing signs in as alice; the sandbox has no password policy, and does not know which services were used.
    assert ("IAM-A022", "low", "user/alice") in found
    assert ("IAM-A005", "medium", "account/password_policy") in found
    outcomes = [control["outcome"] for control in made["accounts"][0]["controls"]]
    assert outcomes.count("not decidable") == 3
    assert any("GenerateServiceLastAccessedDetails" in note for note in made["accounts"][0]["notes"])


def test_a_snapshot_is_audited_as_the_account_it_was_taken_of(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["snapshot", "--live", "dump.json", "--out", "snapshot.json"]) == 0
    capsys.readouterr()
    assert rows(audited(capsys, "--live", "snapshot.json")) == FOUND


def test_a_boundary_that_defaults_give_is_expected_of_the_undeclared(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    project(folder, "policies: {base: {document: " + json.dumps(OWN) + "}}\n")
    with (folder / "iamsync.yaml").open("a", encoding="utf-8") as file:
        file.write("defaults: {roles: {permissions_boundary: base}}\n")
    assert ("IAM-A046", "medium", "role/app") in rows(audited(capsys, "--live", "dump.json"))


def test_what_the_caller_may_not_read_leaves_its_controls_open_and_the_rest_goes_on(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    project(folder)

    def denied(*_: Any, **__: Any) -> Any:
        raise AccessDenied("not allowed to", code="access-denied", operation="X")

    for name in ("read_report", "further", "accountwide.certificates", "accountwide.root_devices"):
        monkeypatch.setattr(f"iamsync.engine.gathering.{name}", denied)
    (account,) = audited(capsys, "--quiet")["accounts"]
    outcomes = {control["v3"]: (control["outcome"], control["why"]) for control in account["controls"]}
    for number in ("1.7", "1.8", "1.10", "1.19"):
        assert outcomes[number] == ("not decidable", "not allowed to")
    # The account's own figures tell of the root user all the same.
    assert [outcomes[number][0] for number in ("1.4", "1.5", "1.17")] == ["passed", "passed", "failed"]
    assert account["notes"] == [
        "the password policy was not looked at: not allowed to",
        "whether identity providers are there was not looked at: not allowed to",
        "credentials were not looked at: not allowed to",
        "the kind of the root user's second factor was not looked at: not allowed to",
        "server certificates were not looked at: not allowed to",
    ]
