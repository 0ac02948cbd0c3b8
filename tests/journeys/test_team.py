"""What a team shares on S3: the lock of an account, and the record of its runs. Real processes, moto's server."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from iamsync.aws.lock import Lock

from .cli import _BARE, Folder
from .servers import Server, running

BUCKET = "acme-iamsync"
BEFORE = """\
users:
  alice:
    inline_policies:
      old: {Version: 2012-10-17, Statement: {Effect: Allow, Action: "s3:GetObject", Resource: "*"}}
"""
AFTER = BEFORE.replace("old:", "new:").replace("s3:", "sqs:")


@pytest.fixture(scope="module")
def moto() -> Iterator[Server]:
    with running("moto") as server:
        yield server


@pytest.fixture
def team(moto: Server, inside: Folder) -> Folder:
    """A project of a team: its lock and its journal are in a bucket of moto's, its IAM is moto's too."""
    moto.empty()
    moto.client("iam").create_user(UserName="somebody-else")
    moto.client("s3").create_bucket(Bucket=BUCKET)
    inside.environment = {**moto.environment, "GITHUB_SERVER_URL": "https://git.example"}
    inside.environment |= {"GITHUB_REPOSITORY": "acme/iam", "GITHUB_RUN_ID": "7"}
    inside.write(
        "iamsync.yaml",
        f'version: 1\naccounts: {{prod: {{id: "{moto.account_id}"}}}}\nlock: s3://{BUCKET}/locks/\n'
        f"safety: {{settle: 0}}\n",
    )
    inside.write("iam/site.yaml", BEFORE)
    return inside


def started(folder: Folder, *arguments: str) -> subprocess.Popen[str]:
    """A command that is not waited for."""
    return subprocess.Popen(
        [sys.executable, "-m", "iamsync", *arguments],
        cwd=folder.root,
        env={**_BARE, **folder.environment},
        text=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def until_locked(moto: Server) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if moto.client("s3").list_objects_v2(Bucket=BUCKET, Prefix="locks/").get("KeyCount"):
            return
        time.sleep(0.2)
    raise AssertionError("nobody took the lock")


def test_of_two_applies_one_names_the_holder_and_a_killed_holder_is_seen_and_released(
    team: Folder, moto: Server
) -> None:
    team("apply", "--auto-approve")
    team.write("iam/site.yaml", AFTER)
    config = (team.root / "iamsync.yaml").read_text()
    team.write("iamsync.yaml", config.replace("settle: 0", "settle: 5m"))  # so that it is at it for long
    first = started(team, "apply", "--auto-approve")
    try:
        until_locked(moto)
        refused = team("apply", "--auto-approve", "--lock-timeout", "5s", code=1)
        assert "waiting up to 5 s" in refused.err
        assert "error[locked]" in refused.err
        assert "https://git.example/acme/iam/actions/runs/7" in refused.err
        assert "apply" in refused.err
        (row,) = json.loads(team("lock", "status", "--format", "json").out)
        assert row["state"] == "held"
        assert f":{moto.account_id}:" in row["caller"]
        assert "seems to be alive" in team("lock", "release", code=1).err
    finally:
        os.kill(first.pid, signal.SIGKILL)
        first.communicate()
    (row,) = json.loads(team("lock", "status", "--format", "json").out)
    assert row["state"] == "held", "its lease has not run out yet"
    assert "released account prod" in team("lock", "release", "--force").out
    team.write("iamsync.yaml", config)
    team("apply", "--auto-approve")
    assert "free" in team("lock", "status").out
    assert policies(moto) == ["new"]


def test_an_apply_whose_lock_is_taken_away_starts_nothing_more(
    team: Folder, moto: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    team("apply", "--auto-approve")
    team.write("iam/site.yaml", AFTER)
    asked: list[bool] = []

    def held(lock: Lock) -> bool:
        asked.append(not asked)  # taken away after the first step
        return asked[-1]

    monkeypatch.setattr(Lock, "held", property(held))
    ended = team("apply", "--auto-approve", "--parallelism", "1", code=130)
    assert "the team lock was taken away" in ended.err
    assert policies(moto) == ["new", "old"], "the grant was done, the revocation not begun"


def test_runs_are_in_the_bucket_too_and_are_rolled_back_from_there(team: Folder, moto: Server) -> None:
    config = (team.root / "iamsync.yaml").read_text()
    team.write("iamsync.yaml", config.replace(f"lock: s3://{BUCKET}/locks/", f"journal: s3://{BUCKET}/runs/"))
    team("apply", "--auto-approve")
    team.write("iam/site.yaml", AFTER)
    team("apply", "--auto-approve")
    (first, second) = sorted((team.root / ".iamsync" / "runs").glob("*.jsonl"))
    s3 = moto.client("s3")
    for path in (first, second):
        held = s3.get_object(Bucket=BUCKET, Key=f"runs/{path.name}")["Body"].read()
        assert held == path.read_bytes()
    shutil.rmtree(team.root / ".iamsync")  # the runner is gone
    rows = json.loads(team("runs", "list", "--format", "json").out)
    assert [(row["run"], row["outcome"]) for row in rows] == [(first.stem, "complete"), (second.stem, "complete")]
    team("runs", "rollback", "latest", "--auto-approve")
    assert policies(moto) == ["old"]


def test_a_killed_runners_record_in_the_bucket_is_shown_and_rolled_back_and_the_next_run_converges(
    team: Folder, moto: Server
) -> None:
    config = (team.root / "iamsync.yaml").read_text()
    config = config.replace(f"lock: s3://{BUCKET}/locks/", f"journal: s3://{BUCKET}/runs/")
    team.write("iamsync.yaml", config)
    team("apply", "--auto-approve")
    team.write("iam/site.yaml", AFTER)
    team.write("iamsync.yaml", config.replace("settle: 0", "settle: 5m"))  # so that it is killed between two calls
    killed = started(team, "apply", "--auto-approve")
    try:
        deadline = time.monotonic() + 60
        while policies(moto) != ["new", "old"] and time.monotonic() < deadline:
            time.sleep(0.2)
    finally:
        os.kill(killed.pid, signal.SIGKILL)
        killed.communicate()
    assert policies(moto) == ["new", "old"]
    team.write("iamsync.yaml", config)
    shutil.rmtree(team.root / ".iamsync")  # the runner is gone, and its disk with it

    rows = json.loads(team("runs", "list", "--format", "json").out)
    assert [row["outcome"] for row in rows] == ["complete", "did not end"]
    shown = json.loads(team("runs", "show", "latest", "--format", "json").out)
    # The copy may be some seconds behind the call that was made last.
    assert [(step["operation"], step["outcome"]) for step in shown["steps"]] == [
        ("PutUserPolicy", "not on record"),
        ("wait", "not on record"),
        ("DeleteUserPolicy", "not on record"),
    ]
    shutil.rmtree(team.root / ".iamsync")
    team("runs", "rollback", rows[-1]["run"], "--auto-approve")
    assert policies(moto) == ["old"]

    shutil.rmtree(team.root / ".iamsync")
    team("apply", "--auto-approve")
    assert policies(moto) == ["new"]
    assert "No changes" in team("plan").out
    rows = json.loads(team("runs", "list", "--format", "json").out)
    assert [row["outcome"] for row in rows] == ["complete", "did not end", "complete", "complete"]


def test_where_the_bucket_cannot_be_written_nothing_is_called(team: Folder, moto: Server) -> None:
    config = (team.root / "iamsync.yaml").read_text()
    team.write("iamsync.yaml", config.replace(f"lock: s3://{BUCKET}/locks/", "journal: s3://acme-nowhere/runs/"))
    refused = team("apply", "--auto-approve", code=1)
    assert "error[journal-unwritable]" in refused.err
    assert "acme-nowhere" in refused.err
    assert [user["UserName"] for user in moto.client("iam").list_users()["Users"]] == ["somebody-else"]


def policies(moto: Server) -> list[str]:
    return sorted(moto.client("iam").list_user_policies(UserName="alice")["PolicyNames"])
