"""`validate` and what it finds in documents: shown with the line, counted, and an exit code where asked for."""

from __future__ import annotations

import json

import pytest

from tests.behaviour.conftest import Site
from tests.world import ACCOUNT

POWER = """\
policies:
  power:
    document:
      Version: 2012-10-17
      Statement:
        - Effect: Allow
          NotAction: iam:*
          Resource: "*"
"""
SHOWN = f"""\
warning[IAM-P034]: Allow with NotAction grants every action that is not listed, also those AWS adds later
 --> iam/power.yaml:7:11
  |
7 |           NotAction: iam:*
  |           ^^^^^^^^^
  = severity: medium
  = in: policy/power
  = help: list what is meant under Action

1 finding in 1 file: 1 medium

account site ({ACCOUNT}): ok: """


def test_a_finding_is_shown_with_its_line_and_is_no_failure(site: Site) -> None:
    site.write(POWER, "iam/power.yaml")
    told = site.fine("validate")
    assert told.out.startswith(SHOWN)
    assert told.out.endswith("; 1 warning\n")
    assert told.err == ""


def test_fail_on_asks_for_exit_code_2_from_a_severity_on(site: Site) -> None:
    site.write(POWER, "iam/power.yaml")
    assert [site.run("validate", "--fail-on", floor).code for floor in ("info", "low", "medium", "high")] == [
        2,
        2,
        2,
        0,
    ]
    assert site.run("validate", "--fail-on", "medium", "--expand").code == 2


def test_a_severity_that_is_none_is_told_before_anything_is_read(site: Site) -> None:
    site.write("users: [", "iam/broken.yaml")
    told = site.run("validate", "--fail-on", "error")
    assert told.code == 1
    assert told.err == "error[bad-option]: 'error' is no severity\n  = help: one of info, low, medium, high\n"


def test_json_holds_the_findings_and_how_many_were_suppressed(site: Site) -> None:
    site.write(POWER, "iam/power.yaml")
    document = json.loads(site.fine("validate", "--format", "json").out)
    assert [(row["id"], row["severity"], row["addresses"], row["accounts"]) for row in document["findings"]] == [
        ("IAM-P034", "medium", ["policy/power"], ["site"])
    ]
    assert document["findings"][0]["place"] == {
        "file": "iam/power.yaml",
        "line": 7,
        "column": 11,
        "length": 9,
        "source": "          NotAction: iam:*",
    }
    line = "suppress: [{finding: IAM-P034, address: policy/power, reason: administrators}]\n"
    site.write(POWER + line, "iam/power.yaml")
    document = json.loads(site.fine("validate", "--format", "json", "--fail-on", "info").out)
    assert document["findings"] == []
    assert document["accounts"][0]["suppressed"] == 1


def test_a_suppression_counts_as_used_where_any_account_has_a_use_for_it(site: Site) -> None:
    config = 'version: 1\naccounts:\n  one: {id: "111122223333"}\n  two: {id: "444455556666"}\n'
    site.write(config, "iamsync.yaml")
    power = POWER.replace("  power:\n", "  power:\n    only_accounts: two\n")
    line = "suppress: [{finding: IAM-P034, address: policy/power, reason: administrators}]\n"
    site.write(power + line, "iam/power.yaml")
    assert "IAM-P" not in site.fine("validate").out
    assert "IAM-P" not in site.fine("validate", "--account", "one").out
    site.write(line.replace("power", "nobody"), "iam/unused.yaml")
    assert "iam/unused.yaml:1:12" in site.fine("validate").out
    assert "IAM-P091" not in site.fine("validate", "--account", "one").out


def test_accounts_of_the_project_are_no_third_parties(site: Site) -> None:
    def role(account: str) -> str:
        return f"""\
roles:
  visited:
    trust_policy:
      Version: 2012-10-17
      Statement: {{Effect: Allow, Principal: {{AWS: "{account}"}}, Action: sts:AssumeRole}}
"""

    config = f'version: 1\naccounts:\n  one: {{id: "{ACCOUNT}"}}\n  two: {{id: "444455556666"}}\n'
    site.write(config, "iamsync.yaml")
    site.write(role("444455556666"), "iam/visited.yaml")
    assert "IAM-P068" not in site.fine("validate").out
    site.write(role("777788889999"), "iam/visited.yaml")
    assert site.fine("validate").out.count("IAM-P068") == 1


def test_explain_tells_of_one_finding_or_lists_all(site: Site) -> None:
    told = site.fine("explain", "iam-p034").out
    assert told.startswith("IAM-P034 (medium): Allow with NotAction\n\nNotAction is everything except what is listed")
    listed = site.fine("explain").out.splitlines()
    assert listed[0].split() == ["ID", "SEVERITY", "TITLE"]
    assert [line.split()[0] for line in listed[1:]] == sorted(line.split()[0] for line in listed[1:])
    wrong = site.run("explain", "IAM-P0034")
    assert wrong.code == 1
    assert "did you mean IAM-P034?" in wrong.err


def test_explain_tells_of_every_guard(site: Site) -> None:
    from iamsync.settings import GUARDS

    assert site.fine("explain", "protected").out.startswith("protected (guard): a protected resource would change\n\n")
    listed = {line.split()[0] for line in site.fine("explain").out.splitlines()}
    assert set(GUARDS) <= listed


@pytest.mark.parametrize("command", ["validate", "plan", "drift", "test"])
def test_a_path_that_holds_no_manifest_of_the_project_is_told(site: Site, command: str) -> None:
    site.write("users: {alice: {}}\n")
    (site.root / "elsewhere").mkdir()
    (site.root / "elsewhere" / "x.yaml").write_text("users: {bob: {pth: /}}\n")
    for path in ("elsewhere", "elsewhere/x.yaml"):
        told = site.run(command, path)
        assert told.code == 1, told
        assert f"error[no-such-path]: {path} holds none of this project's manifests" in told.err
        assert "they are in iam (manifests in iamsync.yaml)" in told.err
    site.fine("validate", ".")
    site.fine("validate", "iam")
