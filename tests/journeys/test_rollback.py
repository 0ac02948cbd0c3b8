"""`runs rollback`: what a run changed is brought back, and nothing else."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from iamsync.aws.session import Access, connect
from iamsync.sandbox import Server

from .cli import Folder

ACCOUNT = "111122223333"
CONFIG = f'version: 1\naccounts:\n  prod: {{id: "{ACCOUNT}", backend: sandbox}}\n'
BEFORE = """\
policies:
  deploy:
    description: Puts the site in its bucket
    document: {Version: 2012-10-17, Statement: {Effect: Allow, Action: "s3:PutObject", Resource: "*"}}
  old:
    description: Goes
    tags: {team: web}
    document: {Version: 2012-10-17, Statement: {Effect: Allow, Action: "sqs:*", Resource: "*"}}
users:
  alice: {managed_policies: [deploy], tags: {team: web}}
  bob: {managed_policies: [old]}
"""
AFTER = """\
policies:
  deploy:
    document: {Version: 2012-10-17, Statement: {Effect: Allow, Action: "s3:*", Resource: "*"}}
users:
  alice: {managed_policies: [deploy], tags: {team: ops}}
removed: [user/bob, policy/old]
"""


@pytest.fixture(scope="module")
def run_twice(folders: Callable[[str], Folder]) -> Path:
    """A project of which BEFORE was applied, then AFTER; `before.json` holds the account between the two."""
    folder = folders("rollback")
    folder.write("iamsync.yaml", CONFIG)
    folder.write("iam/site.yaml", BEFORE)
    folder("apply", "--auto-approve")
    folder.write("iam/site.yaml", AFTER)
    folder("snapshot", "--out", "before.json")
    folder("apply", "--auto-approve")
    return folder.root


@pytest.fixture
def applied(inside: Folder, run_twice: Path) -> Folder:
    """A copy of it for one test."""
    shutil.copytree(run_twice, inside.root, dirs_exist_ok=True)
    return inside


def fields(folder: Folder, name: str) -> dict[str, Any]:
    """The resources of a snapshot without what AWS alone decides."""
    held = json.loads((folder.root / name).read_text())["resources"]
    return {address: {key: value for key, value in one.items() if key != "facts"} for address, one in held.items()}


def by_hand(folder: Folder, operation: str, **params: Any) -> None:
    """Somebody else's call."""
    with Server(folder.root / ".iamsync" / "sandbox.json", account_id=ACCOUNT) as server:
        client = connect(Access(account_id=ACCOUNT), transport=server.handle).iam
        getattr(client, operation)(**params)


def test_a_rollback_restores_the_account_and_is_a_run_itself(applied: Folder) -> None:
    ran = applied("runs", "rollback", "latest", "--auto-approve")
    assert "not-restored  user/bob: its unique id AIDA" in ran.out
    applied("snapshot", "--out", "after.json")
    assert fields(applied, "after.json") == fields(applied, "before.json")
    rows = json.loads(applied("runs", "list", "--format", "json").out)
    assert [row["rollback_of"] for row in rows] == [None, None, rows[1]["run"]]
    applied("runs", "rollback", rows[2]["run"], "--auto-approve")
    assert "No changes." in applied("plan").out


def test_a_plan_of_a_rollback_changes_nothing_and_tells_as_json_what_stays_lost(applied: Folder) -> None:
    held = applied.sandbox
    told = json.loads(applied("runs", "rollback", "latest", "--plan-only", "--format", "json").out)
    assert applied.sandbox == held
    (lost,) = told["rollback"]["not_restored"]
    assert lost["address"] == "user/bob"
    assert lost["what"].startswith("its unique id AIDA")
    assert {change["address"] for change in told["plans"][0]["changes"]} == {
        *("policy/deploy", "policy/old", "user/alice", "user/bob")
    }
    digest = told["plans"][0]["digests"]["approval"]
    applied("runs", "rollback", "latest", "--approved", digest)
    assert applied("runs", "rollback", "2", "--auto-approve", code=1).err.count("several runs begin") == 1


def test_what_others_changed_since_stops_it_with_4_until_it_is_acknowledged(applied: Folder) -> None:
    by_hand(applied, "tag_user", UserName="alice", Tags=[{"Key": "team", "Value": "sec"}])
    by_hand(applied, "attach_user_policy", UserName="alice", PolicyArn="arn:aws:iam::aws:policy/ReadOnlyAccess")
    held = applied.sandbox
    refused = applied("runs", "rollback", "latest", "--auto-approve", code=4)
    assert "user/alice was changed since by others: tags" in refused.err
    assert "--acknowledge changed-since:user/alice" in refused.out
    assert applied.sandbox == held
    applied("runs", "rollback", "latest", "--auto-approve", "--acknowledge", "changed-since:user/alice")
    applied("snapshot", "--out", "after.json")
    alice = fields(applied, "after.json")["user/alice"]
    assert alice["tags"] == {"team": "web"}
    assert "arn:aws:iam::aws:policy/ReadOnlyAccess" in alice["managed_policies"], "the run had not changed it"


def test_guards_hold_for_a_rollback_too(applied: Folder) -> None:
    applied.write("iamsync.yaml", CONFIG + 'safety: {protected: ["user/alice"]}\n')
    told = json.loads(applied("runs", "rollback", "latest", "--auto-approve", "--format", "json", code=3).out)
    assert [guard["id"] for guard in told["plans"][0]["guards"] if guard["severity"] == "refuse"] == ["protected"]


def test_a_user_that_the_run_made_is_not_deleted_with_keys_it_got_since(inside: Folder) -> None:
    inside.write("iamsync.yaml", CONFIG)
    inside.write("iam/site.yaml", "users: {alice: {}}\n")
    inside("apply", "--auto-approve")
    by_hand(inside, "create_access_key", UserName="alice")
    refused = inside("runs", "rollback", "latest", "--auto-approve", code=3)
    assert "delete-credentials" in refused.out


def test_without_a_terminal_somebody_must_have_agreed(applied: Folder) -> None:
    assert "error[needs-approval]" in applied("runs", "rollback", "latest", code=1).err


def test_a_run_of_another_account_or_without_what_it_found_cannot_be_rolled_back(applied: Folder) -> None:
    assert (
        "error[wrong-account]"
        in applied("runs", "rollback", "latest", "--auto-approve", "--config", str(other(applied)), code=1).err
    )
    path = max((applied.root / ".iamsync" / "runs").glob("*.jsonl"))
    first, *rest = path.read_text().splitlines(keepends=True)
    header = json.loads(first)
    path.write_text(json.dumps({key: value for key, value in header.items() if key != "found"}) + "\n" + "".join(rest))
    assert "error[no-way-back]" in applied("runs", "rollback", "latest", "--auto-approve", code=1).err
    path.write_text(json.dumps({**header, "found": {"resources": {"user/bob": 3}}}) + "\n")
    assert "is damaged" in applied("runs", "rollback", "latest", "--auto-approve", code=1).err


def other(folder: Folder) -> Path:
    return folder.write("other.yaml", 'version: 1\naccounts:\n  dev: {id: "444455556666", backend: sandbox}\n')
