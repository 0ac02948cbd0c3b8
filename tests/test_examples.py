"""The examples hold: they validate, they apply on the embedded IAM, and then there is nothing left to do."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from iamsync.aws.session import Access, connect
from iamsync.cli.app import run
from iamsync.engine.schemas import schema
from iamsync.manifest.nodes import plain
from iamsync.manifest.schema import schema_errors
from iamsync.manifest.source import read
from iamsync.sandbox import Server

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
NAMES = sorted(path.name for path in EXAMPLES.iterdir() if path.is_dir())
PROD, DEV = "111122223333", "444455556666"
CONSENT = ("--acknowledge", "protected:role/iamsync*")
TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"},
    }
)
RELEASE = json.dumps({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "s3:Get*", "Resource": "*"}})


@pytest.fixture(params=NAMES)
def example(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """One of the examples, copied, as the current directory."""
    return entered(request.param, tmp_path, monkeypatch)


@pytest.fixture
def acme(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return entered("acme", tmp_path, monkeypatch)


def entered(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / name
    shutil.copytree(EXAMPLES / name, folder, ignore=shutil.ignore_patterns(".iamsync"))
    monkeypatch.chdir(folder)
    return folder


def applied(*more: str) -> int:
    return run(["apply", "--all-accounts", "--auto-approve", "--quiet", *CONSENT, *more])


def test_an_example_validates_applies_and_is_then_at_rest(example: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["validate"]) == 0
    assert run(["plan", "--detailed-exitcode", *CONSENT]) == 2
    assert applied() == 0
    capsys.readouterr()
    assert run(["plan", "--detailed-exitcode"]) == 0
    said = capsys.readouterr().out
    assert said.count("No changes.") == said.count("account ")


def test_the_files_of_an_example_fit_the_schemas_editors_use(example: Path) -> None:
    checked = 0
    for path in sorted(example.rglob("*.yaml")):
        made = schema({"iamsync.yaml": "config", "guardrails.yaml": "guardrails"}.get(path.name, "manifest"))
        for document in read(path, path.name):
            assert schema_errors(plain(document), made) == (), path
            checked += 1
    assert checked > 1


def test_the_incident_of_the_example_ends_by_itself_under_guardrails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    entered("break-glass", tmp_path, monkeypatch)
    assert applied() == 0
    hourly = ("apply", "--expired", "--auto-approve", "--guardrails", "guardrails.yaml", "--now")
    capsys.readouterr()
    assert run([*hourly, "2030-01-31T17:59:59Z"]) == 0
    assert "delete" not in capsys.readouterr().out
    assert run([*hourly, "2030-01-31T18:00:00Z"]) == 0
    told = capsys.readouterr().out
    assert "delete user/incident-42" in told
    assert "update role/break-glass" in told
    assert run(["plan", "--detailed-exitcode", "--now", "2030-01-31T18:00:00Z"]) == 0


def test_acme_s_own_roles_are_not_created_without_consent(acme: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["plan"]) == 3
    assert "role/iamsync is protected" in capsys.readouterr().out
    assert run(["apply", "--account", "prod", "--auto-approve"]) == 3


def test_acme_s_accounts_differ_where_the_manifests_say_so(acme: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["validate", "--expand", "--format", "json"]) == 0
    prod, dev = json.loads(capsys.readouterr().out)
    assert {"role/restore", "role/iamsync"} <= set(prod["resources"])
    assert "role/playground" in dev["resources"]
    assert prod["resources"]["user/alice"]["groups"] == ["developers", "operators"]
    assert dev["resources"]["user/alice"]["groups"] == ["developers"]
    assert sorted(prod["removed"]) == ["role/legacy-deploy", "user/old-bot"]
    assert dev["removed"] == ["user/old-bot"]


def test_acme_removes_what_it_says_and_leaves_to_others_what_it_says(
    acme: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert applied() == 0
    with Server(acme / ".iamsync" / "sandbox.json", account_id=PROD) as server:
        for account in (PROD, DEV):
            iam = connect(Access(account_id=account), transport=server.handle).iam
            iam.create_user(UserName="old-bot")
            iam.create_role(RoleName="legacy-deploy", AssumeRolePolicyDocument=TRUST)
            iam.create_role(RoleName="etl", Path="/team-data/", AssumeRolePolicyDocument=TRUST)
            iam.put_role_policy(RoleName="deploy-api", PolicyName="release-7", PolicyDocument=RELEASE)
            iam.tag_role(RoleName="deploy-api", Tags=[{"Key": "kubernetes.io/cluster", "Value": "blue"}])
    capsys.readouterr()
    assert run(["plan", "--format", "json"]) == 0
    prod, dev = json.loads(capsys.readouterr().out)["plans"]
    assert [(c["action"], c["address"]) for c in prod["changes"]] == [
        ("delete", "role/legacy-deploy"),
        ("delete", "user/old-bot"),
    ]
    assert [(c["action"], c["address"]) for c in dev["changes"]] == [("delete", "user/old-bot")]
    outside = {item["address"]: item["reason"] == "outside the scope" for item in dev["reported"]}
    assert outside == {"role/etl": True, "role/legacy-deploy": False}


def test_acme_s_tests_fail_when_somebody_widens_a_policy(acme: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["test"]) == 0
    path = acme / "iam" / "common" / "delivery.yaml"
    text = path.read_text(encoding="utf-8")
    assert '"s3:ListBucket"]' in text
    path.write_text(text.replace('"s3:ListBucket"]', '"s3:ListBucket", "s3:Get*"]'), encoding="utf-8")
    capsys.readouterr()
    assert run(["validate"]) == 2
    said = capsys.readouterr().out
    assert "FAIL  the site's workflow publishes the site and does nothing else" in said
    assert "role/deploy-site can s3:GetObject on" in said
    assert "policy/publish-site, statement 1 (publish) at iam/common/delivery.yaml:" in said


def test_the_audit_of_the_example_finds_what_its_text_says_and_suggests_one_thing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    entered("audit", tmp_path, monkeypatch)
    saved = ("audit", "--live", "account.json", "--now", "2026-11-26T00:00:00Z", "--quiet")
    assert run([*saved, "--credential-report", "credentials.csv", "--fail-on", "high", "--format", "json"]) == 2
    (account,) = json.loads(capsys.readouterr().out)["accounts"]
    grave = [(row["id"], row["address"]) for row in account["findings"] if row["severity"] in ("critical", "high")]
    assert grave == [("IAM-A010", "user/alice"), ("IAM-A050", "user/alice"), ("IAM-A016", "role/migration")]
    assert account["summary"]["suppressed"] == 1
    assert run([*saved, "--suggest", "--format", "json"]) == 0
    assert [row["address"] for row in json.loads(capsys.readouterr().out)["suggestions"]] == ["role/backup"]
    assert run([*saved, "--report", "json=baseline.json"]) == 0
    assert run([*saved, "--baseline", "baseline.json", "--fail-on", "low"]) == 0


def test_the_key_of_the_example_lives_through_a_rotation_and_is_told_nowhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = entered("key-rotation", tmp_path, monkeypatch)

    def on(day: str, *arguments: str) -> int:
        return run([*arguments, "--now", f"{day}T00:00:00Z"])

    assert on("2027-01-01", "apply", "--auto-approve") == 0
    assert on("2027-01-01", "keys", "list") == 2
    assert on("2027-01-01", "plan", "--detailed-exitcode", "--out", "plan.json", "--report", "html=plan.html") == 0
    for day in ("2027-01-01", "2027-04-01", "2027-04-08", "2027-04-22"):
        assert on(day, "keys", "rotate", "--auto-approve", "--format", "json") == 0
        assert on(day, "keys", "list", "--format", "json") == 0
    assert on("2027-04-22", "plan", "--detailed-exitcode") == 0
    assert on("2027-04-22", "runs", "show", "latest", "--format", "json") == 0
    told = capsys.readouterr()
    text = (folder / ".iamsync" / "sandbox.json").read_text(encoding="utf-8")
    stored = json.loads(text)["accounts"][PROD]["aws"]["Stores"]["us-east-1"]
    versions = stored["secrets"]["iam/release-bot"]["versions"].values()
    secrets = [json.loads(one["text"])["SecretAccessKey"] for one in versions]
    secrets += [json.loads(one["value"])["Password"] for one in stored["parameters"]["/iam/alice/console"]]
    assert len(secrets) == 3
    kept = [path for path in folder.rglob("*") if path.is_file() and path.name != "sandbox.json"]
    assert any(path.suffix == ".jsonl" for path in kept)
    everything = told.out + told.err + "".join(path.read_text(encoding="utf-8") for path in kept)
    assert "a new key, delivered to secretsmanager:iam/release-bot" in everything
    assert [secret for secret in secrets if secret in everything] == []
