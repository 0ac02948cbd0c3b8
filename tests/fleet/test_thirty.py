"""Thirty accounts over HTTP, of which two let nobody in and one throttles: the rest is complete, on every server."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from iamsync.aws.session import Sessions
from tests.fleet.accounts import Fleet, fleet, forwarded, number, project
from tests.fleet.test_fleets import BASE, LOADER
from tests.journeys.cli import Folder
from tests.journeys.servers import Absent, running

pytestmark = pytest.mark.slow

SIZE = 30
LOST = (3, 5, 7)
FAILED = f"3 of {SIZE} accounts failed: a03 (assume-role-denied), a05 (throttling), a07 (assume-role-denied)"


@pytest.fixture(params=["sandbox", "ministack"])
def many(request: pytest.FixtureRequest) -> Iterator[Fleet]:
    if request.param == "sandbox":
        with fleet() as held:
            yield held
        return
    try:
        with running("ministack") as server, fleet(forwarded(server.url)) as held:
            yield held
    except Absent as absent:
        pytest.skip(str(absent))


@pytest.fixture
def folder(tmp_path: Path, many: Fleet, monkeypatch: pytest.MonkeyPatch) -> Folder:
    for module in ("iamsync.engine.reach", "iamsync.aws.session"):
        monkeypatch.setattr(f"{module}.Sessions", lambda: Sessions(_loader=LOADER))
    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda seconds: None)
    monkeypatch.setattr("botocore.retries.bucket.TokenBucket.acquire", lambda *given, **more: True)
    made = Folder(tmp_path, many.environment, inside=True)
    made.write("iamsync.yaml", project(SIZE))
    made.write("iam/all.yaml", BASE)
    return made


def roles(many: Fleet, at: int) -> list[str]:
    """The names of the roles of an account, asked by a plain client that assumes the role itself."""
    how: Any = {"region_name": "us-east-1", "endpoint_url": many.url}
    keys = {"aws_access_key_id": "AKIAANYKEYATALLABCDE", "aws_secret_access_key": "x"}
    role = f"arn:aws:iam::{number(at)}:role/iamsync"
    told = boto3.client("sts", **how, **keys).assume_role(RoleArn=role, RoleSessionName="look")["Credentials"]
    held = (told["AccessKeyId"], told["SecretAccessKey"], told["SessionToken"])
    session = dict(zip(("aws_access_key_id", "aws_secret_access_key", "aws_session_token"), held, strict=True))
    return [role["RoleName"] for role in boto3.client("iam", **how, **session).list_roles()["Roles"]]


def test_plan_apply_drift_and_import_of_thirty_accounts_with_two_that_deny_and_one_that_throttles(
    folder: Folder, many: Fleet
) -> None:
    many.denied, many.throttled = {number(3), number(7)}, {number(5)}
    rest = [f"a{at:02d}" for at in range(SIZE) if at not in LOST]

    planned = folder("plan", "--out", "saved.json", code=1)
    assert FAILED in planned.err
    made = json.loads((folder.root / "saved.json").read_text())
    assert [plan["account"]["name"] for plan in made["plans"]] == rest
    assert {row["account"]["name"] for row in made["failed"]} == {"a03", "a05", "a07"}

    folder("apply", "saved.json")
    drifted = folder("drift", "--format", "json", code=1)
    assert FAILED in drifted.err
    assert [account["account"]["name"] for account in json.loads(drifted.out)["accounts"]] == rest
    assert not any(account["drift"] for account in json.loads(drifted.out)["accounts"])
    tried = folder("apply", "--auto-approve", "--all-accounts", code=1)
    assert FAILED in tried.err

    for path in (folder.root / "iam").iterdir():
        path.unlink()
    imported = folder("import", code=1)
    assert FAILED in imported.err
    files = folder.files()
    assert files["roles.yaml"].count("base:") == 1
    assert re.findall(r"\ba\d\d\b", files["roles.yaml"].partition("roles:")[0]) == rest
    names = [word for name in rest for word in ("-a", name)]
    assert "No changes" in folder("plan", *names, "--detailed-exitcode").out

    many.denied, many.throttled = set(), set()
    assert [at for at in range(SIZE) if "base" in roles(many, at)] == [at for at in range(SIZE) if at not in LOST]
