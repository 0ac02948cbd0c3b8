"""Reports on the command line: several in one run, also where manifests are wrong, and GitHub's summary."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from iamsync.cli.app import run

CONFIG = 'version: 1\naccounts: {prod: {id: "111122223333", backend: sandbox}}\n'
SITE = """
users:
  alice: {managed_policies: [all]}
policies:
  all:
    document:
      Version: 2012-10-17
      Statement: {Effect: Allow, Action: "s3:GetObjekt", Resource: "*"}
tests:
  alice reads: {principals: user/alice, allow: {action: "s3:GetObject", resource: "arn:aws:s3:::b/x"}}
"""


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / ".git").mkdir()
    root = tmp_path / "infra"
    (root / "iam").mkdir(parents=True)
    (root / "iamsync.yaml").write_text(CONFIG, encoding="utf-8")
    (root / "iam" / "site.yaml").write_text(SITE, encoding="utf-8")
    monkeypatch.chdir(root)
    return root


def mend(project: Path) -> None:
    (project / "iam" / "site.yaml").write_text(SITE.replace("Objekt", "Object"), encoding="utf-8")


def test_one_run_writes_every_report_of_validate(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    forms = ("json", "markdown", "html", "sarif", "junit", "gitlab-codequality", "github", "text")
    assert run(["validate", *(word for form in forms for word in ("--report", f"{form}={form}.out"))]) == 2
    assert "warning[IAM-P051]" in capsys.readouterr().out
    said = {form: (project / f"{form}.out").read_text(encoding="utf-8") for form in forms}
    results = json.loads(said["sarif"])["runs"][0]["results"]
    assert {result["ruleId"] for result in results} >= {"IAM-P051", "permission-test"}
    assert results[0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "infra/iam/site.yaml"
    assert "file=infra/iam/site.yaml,line=8," in said["github"]
    assert {row["check_name"] for row in json.loads(said["gitlab-codequality"])} >= {"IAM-P051", "permission-test"}
    assert ElementTree.fromstring(said["junit"]).get("failures") == "1"
    assert said["markdown"].startswith("### iamsync validate: ")
    assert "IAM-P051" in said["html"]
    assert "alice reads" in said["html"]


def test_mistakes_in_manifests_are_reported_too(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "iam" / "site.yaml").write_text("users:\n  alice: {groops: []}\n", encoding="utf-8")
    assert run(["validate", "--format", "sarif", "--report", "junit=j.xml"]) == 1
    said = capsys.readouterr()
    (result,) = json.loads(said.out)["runs"][0]["results"]
    assert (result["ruleId"], result["level"]) == ("unknown-field", "error")
    assert result["locations"][0]["physicalLocation"]["region"] == {"startLine": 2, "startColumn": 11, "endColumn": 17}
    assert "groops" in said.err
    assert ElementTree.parse(project / "j.xml").getroot().get("errors") == "1"
    assert run(["validate", "--format", "html"]) == 1
    assert "1 mistake" in capsys.readouterr().out
    assert run(["test", "--format", "json"]) == 1
    assert json.loads(capsys.readouterr().out)["errors"][0]["place"]["line"] == 2


def test_annotations_bring_the_jobs_summary(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mend(project)
    summary = project / "summary.md"
    summary.write_text("before\n", encoding="utf-8")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    assert run(["plan", "--quiet"]) == 0
    assert summary.read_text(encoding="utf-8") == "before\n"
    assert run(["plan", "--quiet", "--format", "github", "--out", "plan.json"]) == 0
    assert run(["test", "--report", "github=notes.txt"]) == 0
    told = summary.read_text(encoding="utf-8")
    assert told.startswith("before\n### iamsync: 2 to create")
    assert "### iamsync test: 1 test passed" in told


def test_a_saved_plan_is_shown_in_every_format_of_a_plan(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mend(project)
    assert run(["plan", "--quiet", "--out", "plan.json"]) == 0
    capsys.readouterr()
    for form, begins in (("sarif", "{"), ("junit", "<?xml"), ("gitlab", '{"create": 2'), ("github", "::notice ")):
        assert run(["show", "plan.json", "--format", form]) == 0
        assert capsys.readouterr().out.startswith(begins)


@pytest.mark.parametrize("arguments", [["validate", "--format", "gitlab"], ["plan", "--report", "codequality=x"]])
def test_a_format_of_another_command_is_refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(arguments) == 1
    assert "unknown format" in capsys.readouterr().err
