"""`keys` and `respond` as a person runs them, on the embedded account of a project."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from iamsync.aws.session import Access, Connection, connect
from iamsync.cli.app import run
from iamsync.sandbox import Server
from tests.world import ACCOUNT

CONFIG = f"version: 1\naccounts: {{demo: {{id: '{ACCOUNT}', backend: sandbox}}}}\n"
MANIFEST = """
users:
  bot:
    path: /bots/
    access_keys: {rotate_after: 60d, deliver_to: "secretsmanager:iam/$(name)"}
  alice:
    console_access: {deliver_to: "ssm:/iam/$(name)"}
roles:
  deploy:
    trust_policy:
      Version: 2012-10-17
      Statement:
        - {Effect: Allow, Principal: {AWS: "$(arn.user/bot)"}, Action: sts:AssumeRole}
        - {Effect: Allow, Principal: {AWS: "$(arn.user/alice)"}, Action: sts:AssumeRole}
"""
START = "2027-01-01T00:00:00Z"


class Project:
    """A project in a folder; every command runs at `now`."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder, self.capsys, self.now = folder, capsys, START
        (folder / "iam").mkdir()
        (folder / "iamsync.yaml").write_text(CONFIG)
        self.write(MANIFEST)

    def write(self, text: str) -> None:
        (self.folder / "iam" / "site.yaml").write_text(text)

    def __call__(self, *arguments: str) -> tuple[int, str]:
        """The exit code and everything that was said."""
        code = run([*arguments, "--now", self.now, "--quiet"])
        told = self.capsys.readouterr()
        return code, " ".join((told.out + told.err).split())

    def json(self, *arguments: str) -> Any:
        run([*arguments, "--now", self.now, "--quiet", "--format", "json"])
        return json.loads(self.capsys.readouterr().out)

    def inside(self) -> Any:
        return Server(self.folder / ".iamsync" / "sandbox.json", account_id=ACCOUNT)

    def held(self, user: str = "bot") -> dict[str, str]:
        (account,) = self.json("keys", "list", "--user", user)["accounts"]
        return {key["id"]: key["status"] for row in account["users"] for key in row["keys"]}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Project:
    monkeypatch.chdir(tmp_path)
    made = Project(tmp_path, capsys)
    assert made("apply", "--auto-approve")[0] == 0
    return made


def clients(server: Server) -> Connection:
    return connect(Access(account_id=ACCOUNT), transport=server.handle)


def rotated(project: Project) -> str:
    assert project("keys", "rotate", "--auto-approve")[0] == 0
    (key,) = project.held()
    return key


@pytest.mark.slow
def test_two_keys_at_the_start_are_told_and_left_alone(project: Project) -> None:
    with project.inside() as server:
        for _ in range(2):
            clients(server).iam.create_access_key(UserName="bot")
    before = project.held()
    code, said = project("keys", "rotate", "--auto-approve")
    assert code == 2
    assert "two-keys" in said
    assert "a person must look at the keys of user/bot" in said
    assert project.held() == before
    assert "two-keys" in project("plan")[1]
    first, second = before
    assert project("keys", "deactivate", "--user", "bot", "--key", first, "--auto-approve")[0] == 0
    code, said = project("keys", "delete", "--user", "bot", "--auto-approve")
    assert code == 3
    assert "--acknowledge delete-credentials:user/bot" in said
    consent = ("--acknowledge", "delete-credentials:user/bot", "--auto-approve")
    assert project("keys", "delete", "--user", "bot", *consent)[0] == 0
    assert project.held() == {second: "Active"}
    # Now it is a key of a known age that iamsync did not deliver: it is replaced in its time.
    assert project("keys", "rotate", "--auto-approve", "--user", "bot")[0] == 0
    assert project.held() == {second: "Active"}


@pytest.mark.slow
def test_the_last_working_key_goes_off_only_with_consent(project: Project) -> None:
    key = rotated(project)
    for more, code in (((), 3), (("--acknowledge", "last-key:user/bot"), 0)):
        assert project("keys", "deactivate", "--user", "bot", "--key", key, "--auto-approve", *more)[0] == code
    assert project.held() == {key: "Inactive"}
    # Whoever switched it off may have had a reason: no new key unasked.
    code, said = project("keys", "rotate", "--auto-approve")
    assert code == 3
    assert f"{key} is off" in said
    assert project.held() == {key: "Inactive"}
    assert project("keys", "rotate", "--auto-approve", "--acknowledge", "deny-removed:user/bot")[0] == 0
    assert sorted(project.held().values()) == ["Active", "Inactive"]


@pytest.mark.slow
def test_a_key_that_is_in_use_goes_off_only_with_consent(project: Project) -> None:
    key = rotated(project)
    project.now = "2027-03-02T00:00:00Z"
    assert project("keys", "rotate", "--auto-approve")[0] == 0
    with project.inside() as server:
        server.clock = lambda: datetime(2027, 3, 1, 12, tzinfo=UTC)
        headers = {"Authorization": f"AWS4-HMAC-SHA256 Credential={key}/20270302/eu-west-1/sqs/aws4_request"}
        server.handle("POST", "https://sqs.eu-west-1.amazonaws.com/", headers, b"")
    code, said = project("keys", "deactivate", "--user", "bot", "--auto-approve")
    assert code == 3
    assert "last used 2027-03-01 for sqs in eu-west-1" in said
    consent = ("--acknowledge", "key-in-use:user/bot")
    assert project("keys", "deactivate", "--user", "user:/bots/**", "--auto-approve", *consent)[0] == 0
    assert project.held()[key] == "Inactive"


@pytest.mark.slow
def test_what_was_approved_is_not_good_for_the_next_rotation(project: Project) -> None:
    code, said = project("keys", "rotate", "--plan-only")
    assert code == 0
    digest = said.rpartition("approval: ")[2].split()[0]
    assert project("keys", "rotate", "--approved", digest)[0] == 0
    project.now = "2027-03-02T00:00:00Z"
    assert project("keys", "rotate", "--approved", digest)[0] == 4
    assert len(project.held()) == 1


def test_a_plan_about_keys_is_shown_and_what_it_needs_is_told_and_apply_leaves_it_alone(project: Project) -> None:
    saved = project.folder / "plan.json"
    saved.write_text(json.dumps(project.json("keys", "rotate", "--plan-only")))
    assert "a new key, delivered to secretsmanager:iam/bot" in project("show", "plan.json")[1]
    code, said = project("apply", "plan.json")
    assert (code, "this plan is about keys and passwords" in said) == (1, True)
    run(["required-policy", "plan.json", "--quiet"])
    _, *needed = json.loads(project.capsys.readouterr().out)["Statement"]
    by_service = {str(one["Action"]).partition(":")[0].strip("['"): one for one in needed}
    assert by_service["secretsmanager"]["Resource"] == [
        f"arn:aws:secretsmanager:*:{ACCOUNT}:secret:iam/bot{suffix}" for suffix in ("", "-??????")
    ]
    assert any(one["Action"] == ["iam:CreateLoginProfile", "iam:UpdateLoginProfile"] for one in needed)
    assert any(
        one["Action"] == "ssm:PutParameter" and one["Resource"].endswith(":parameter/iam/alice") for one in needed
    )
    (keys,) = (one for one in needed if "iam:CreateAccessKey" in one["Action"])
    assert keys["Action"] == ["iam:CreateAccessKey", "iam:DeleteAccessKey", "iam:TagUser", "iam:UntagUser"]
    # Looking at the places is part of reading.
    run(["required-policy", "--quiet"])
    assert "secretsmanager:DescribeSecret" in project.capsys.readouterr().out


MISTAKES = {
    ("keys", "rotate"): "needs-approval",
    ("keys", "rotate", "--plan-only", "--restrict"): "nothing-to-restrict",
    ("respond", "quarantine", "bot", "--plan-only", "--restrict"): "nothing-to-restrict",
    ("keys", "rotate", "--plan-only", "--user", "nobody"): "unknown-user",
    ("keys", "deactivate", "--plan-only", "--user", "bot", "--key", "AKIANOSUCHKEY0000000"): "unknown-access-key",
    ("keys", "delete", "--plan-only"): "bad-option",
    ("keys", "rotate", "--plan-only", "--deliver-to", "vault:x"): "bad-target",
    ("respond", "quarantine", "nobody", "--plan-only"): "unknown-principal",
    ("respond", "revoke-sessions", "nobody", "--plan-only"): "unknown-principal",
}


def test_a_mistake_is_one_clear_error(project: Project) -> None:
    for arguments, word in MISTAKES.items():
        code, said = project(*arguments)
        assert code == 1, arguments
        assert f"error[{word}]" in said
        assert "= help:" in said


def test_an_operators_word_that_a_users_name_makes_another_place_of_is_one_clear_error(project: Project) -> None:
    for name, target in (("..", "file:keys/$(name)/key"), ("a+b", "ssm:/iam/$(name)"), ("-x", "hook:put $(name)")):
        rule = "access_keys: {rotate_after: 60d, deliver_to: 'ssm:/other'}"
        project.write(MANIFEST.replace("  alice:", f"  '{name}': {{{rule}}}\n  alice:"))
        code, said = project("keys", "rotate", "--plan-only", "--user", "bot", "--deliver-to", target)
        assert code == 1
        assert f"error[bad-target]: --deliver-to cannot be used for the user '{name}'" in said


@pytest.mark.slow
def test_an_operators_word_goes_before_the_manifests_and_is_remembered_by_the_place(project: Project) -> None:
    to = ("--deliver-to", "file:out/$(name).json", "--auto-approve")
    assert project("keys", "rotate", *to)[0] == 0
    told = json.loads((project.folder / "out" / "bot.json").read_text())
    assert told["AccessKeyId"] in project.held()
    assert (project.folder / "out" / "bot.json").stat().st_mode & 0o777 == 0o600
    assert "Password" in json.loads((project.folder / "out" / "alice.json-console").read_text())
    assert project("keys", "rotate", *to)[1].startswith("nothing is due")


def test_a_value_of_others_is_replaced_only_with_consent_and_holds_nobody_else_up(project: Project) -> None:
    with project.inside() as server:
        clients(server).client("ssm").put_parameter(Name="/iam/alice", Value="hers", Type="String")
    assert "place-taken" in project("plan")[1]
    code, said = project("keys", "rotate", "--auto-approve")
    assert code == 3
    assert "user/alice: ssm:/iam/alice holds a value that iamsync did not put there" in said
    assert "nothing was given to user/alice: place-taken" in said
    assert len(project.held()) == 1
    with project.inside() as server:
        held = clients(server).client("ssm").get_parameter(Name="/iam/alice", WithDecryption=True)["Parameter"]
        assert held["Value"] == "hers"
    assert project("keys", "rotate", "--auto-approve", "--acknowledge", "place-taken:user/alice")[0] == 0
    with project.inside() as server:
        held = clients(server).client("ssm").get_parameter(Name="/iam/alice", WithDecryption=True)["Parameter"]
    assert "Password" in json.loads(held["Value"])


def test_a_place_that_gives_no_answer_holds_up_its_own_user_alone(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    handle = Server.handle

    def silent(server: Server, method: str, url: str, headers: Any, body: bytes) -> Any:
        if b"iam/bot" in body and "secretsmanager" in url:
            return 400, {}, json.dumps({"__type": "AccessDeniedException", "message": "not authorized"}).encode()
        return handle(server, method, url, headers, body)

    monkeypatch.setattr(Server, "handle", silent)
    code, said = project("keys", "list")
    assert code == 1
    assert "user/bot: its keys, or their place, could not be looked at" in said
    assert "user/alice: a password, delivered to ssm:/iam/alice" in said
    assert "error[users-failed]: 1 of 2 users could not be looked at: user/bot" in said
    assert project("keys", "rotate", "--plan-only")[0] == 1
    code, said = project("keys", "rotate", "--auto-approve")
    assert code == 5
    assert "allow secretsmanager:DescribeSecret" in said
    assert "error[applied-in-part]: 1 of 2 users could not be looked at: user/bot" in said
    with project.inside() as server:
        assert server._accounts[ACCOUNT]["aws"].users["alice"].password
    # Alone, there is nothing else to go on with.
    code, said = project("keys", "rotate", "--auto-approve", "--user", "bot")
    assert (code, "error[access-denied]" in said) == (1, True)
    monkeypatch.setattr(Server, "handle", handle)
    assert project("keys", "rotate", "--auto-approve")[0] == 0
    assert len(project.held()) == 1


@pytest.mark.slow
def test_console_access_comes_and_goes_by_the_manifest(project: Project) -> None:
    rotated(project)
    with project.inside() as server:
        profile = clients(server).iam.get_login_profile(UserName="alice")["LoginProfile"]
        held = clients(server).client("ssm").get_parameter(Name="/iam/alice", WithDecryption=True)["Parameter"]
        assert profile["PasswordResetRequired"] is True
        assert server._accounts[ACCOUNT]["aws"].users["alice"].password
        assert len(json.loads(held["Value"])["Password"]) == 40
    project.write(MANIFEST.replace('{deliver_to: "ssm:/iam/$(name)"}', "false"))
    assert "key-due" in project("plan")[1]
    assert project("keys", "rotate", "--auto-approve")[0] == 0
    with project.inside() as server:
        assert server._accounts[ACCOUNT]["aws"].users["alice"].password is None


def test_quarantine_leaves_nothing_that_works_and_is_kept_until_somebody_consents(project: Project) -> None:
    key = rotated(project)
    code, said = project("respond", "quarantine", "bot", "--auto-approve")
    assert code == 0
    assert "these trust it by name: role/deploy" in said
    assert project("respond", "quarantine", "alice", "--auto-approve")[0] == 0
    assert project.held() == {key: "Inactive"}
    with project.inside() as server:
        assert server._accounts[ACCOUNT]["aws"].users["alice"].password is None
    code, said = project("apply", "--auto-approve")
    assert code == 3
    assert "deny-removed:user/bot" in said
    code, said = project("keys", "rotate", "--auto-approve")
    assert code == 3
    assert "in quarantine (policy iamsync-quarantine)" in said
    assert project.held() == {key: "Inactive"}
    assert "nothing to do" in project("respond", "quarantine", "user/bot", "--auto-approve")[1]
    consent = ("--acknowledge", "deny-removed:user/bot", "--acknowledge", "deny-removed:user/alice")
    assert project("apply", "--auto-approve", *consent)[0] == 0
    assert project("keys", "rotate", "--auto-approve", *consent)[0] == 0
    assert sorted(project.held().values()) == ["Active", "Inactive"]


def test_sessions_from_before_are_denied_and_the_way_back_is_known(project: Project) -> None:
    assert project("respond", "revoke-sessions", "deploy", "--auto-approve")[0] == 0
    with project.inside() as server:
        policy = clients(server).iam.get_role_policy(RoleName="deploy", PolicyName="AWSRevokeOlderSessions")
    (statement,) = policy["PolicyDocument"]["Statement"]
    assert statement["Condition"] == {"DateLessThan": {"aws:TokenIssueTime": START}}
    assert (statement["Effect"], statement["Action"], statement["Resource"]) == ("Deny", "*", "*")
    assert "deny-removed:role/deploy" in project("plan")[1]
    consent = ("--acknowledge", "deny-removed:role/deploy")
    assert project("runs", "rollback", "latest", "--auto-approve", *consent)[0] == 0
    assert project("plan", "--detailed-exitcode")[0] == 0


def test_what_is_due_is_no_drift_and_stands_by_itself_in_every_report(project: Project) -> None:
    reports = [f"{form}=drift.{form}" for form in ("json", "markdown", "html")]
    code, said = project("drift", *(word for report in reports for word in ("--report", report)))
    assert code == 0
    assert "No drift." in said
    due = "user/bot: a new key, delivered to secretsmanager:iam/bot is due"
    assert "keys and passwords: due by their rules, and no drift user/alice" in said
    assert f"{due} (it has no key): iamsync keys rotate --user user/bot" in said
    (account,) = json.loads((project.folder / "drift.json").read_text())["accounts"]
    assert account["drift"] == []
    told = [(one["id"], one["address"], one["why"]) for one in account["credentials"]]
    assert told == [("key-due", "user/alice", "it has no password"), ("key-due", "user/bot", "it has no key")]
    for form in ("markdown", "html"):
        assert "user/bot: a new key, delivered to" in (project.folder / f"drift.{form}").read_text()


def test_a_plan_that_narrows_a_trust_says_that_sessions_go_on(project: Project) -> None:
    project.write("\n".join(MANIFEST.rstrip().splitlines()[:-1]))
    _code, said = project("plan")
    assert "role/deploy trusts less, but sessions that run go on for up to 1h" in said
    assert "iamsync respond revoke-sessions deploy" in said
    project.write(MANIFEST.replace("deploy:", "deploy:\n    description: the same trust"))
    assert "sessions-go-on" not in project("plan")[1]


@pytest.mark.slow
def test_a_rollback_of_a_rotation_says_that_no_key_comes_back(project: Project) -> None:
    rotated(project)
    code, said = project("runs", "rollback", "latest", "--plan-only")
    assert code == 0
    assert "its access keys and passwords" in said or "nothing to do" in said
