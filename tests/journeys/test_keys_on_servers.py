"""A key's life over HTTP: the command as a process of its own, stores and IAM on a server that is not iamsync's."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from .cli import Folder, Ran
from .servers import Absent, Server, running

MANIFEST = """\
users:
  bot:
    path: /bots/
    access_keys: {rotate_after: 80d, deliver_to: "STORE"}
  worker:
    access_keys: {rotate_after: 80d, deliver_to: "ssm:/iam/$(name)"}
  alice:
    console_access: {deliver_to: "ssm:/iam/$(name)/console"}
"""
# MiniStack names a secret's versions itself, whatever ClientRequestToken says, so that it cannot tell what it holds.
STORES = {"moto": "secretsmanager:iam/$(name)", "ministack": "ssm:/iam/$(name)"}


@pytest.fixture(params=["moto", "ministack"])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    try:
        with running(request.param) as found:
            yield found
    except Absent as error:
        pytest.skip(str(error))


def delivered(server: Server) -> dict[str, dict[str, str]]:
    """What those who use the keys read, by user."""
    store = server.client("ssm")

    def kept(path: str) -> Any:
        return json.loads(store.get_parameter(Name=path, WithDecryption=True)["Parameter"]["Value"])

    found = {"worker": kept("/iam/worker"), "alice": kept("/iam/alice/console")}
    if STORES[server.name].startswith("ssm:"):
        return {**found, "bot": kept("/iam/bot")}
    secret = server.client("secretsmanager").get_secret_value(SecretId="iam/bot")
    return {**found, "bot": json.loads(secret["SecretString"])}


def keys(server: Server, user: str) -> dict[str, str]:
    listed = server.client().list_access_keys(UserName=user)["AccessKeyMetadata"]
    return {key["AccessKeyId"]: key["Status"] for key in listed}


@pytest.mark.slow
def test_keys_are_made_delivered_replaced_and_deleted_over_http(folder: Folder, server: Server) -> None:
    folder.environment.update(server.environment)
    folder.write("iamsync.yaml", f'version: 1\naccounts: {{site: {{id: "{server.account_id}"}}}}\n')
    folder.write("iam/site.yaml", MANIFEST.replace("STORE", STORES[server.name]))
    folder("apply", "--auto-approve")
    start = datetime.now(UTC)
    said: list[Ran] = []
    secrets: set[str] = set()

    def on(day: int, *arguments: str, code: int = 0) -> Ran:
        now = f"{start + timedelta(days=day):%Y-%m-%dT%H:%M:%SZ}"
        ran = folder("keys", *arguments, "--now", now, code=code)
        said.append(ran)
        return ran

    def rotate(day: int) -> dict[str, dict[str, str]]:
        on(day, "rotate", "--auto-approve")
        held = delivered(server)
        told = [one.get("SecretAccessKey") or one["Password"] for one in held.values()]
        secrets.update(told)
        for user in ("bot", "worker"):
            # What is delivered is a key that works, and there are never more than two.
            assert keys(server, user)[held[user]["AccessKeyId"]] == "Active"
            assert len(keys(server, user)) <= 2
        return held

    on(0, "list", code=2)
    first = rotate(0)
    assert server.client().get_login_profile(UserName="alice")["LoginProfile"]["UserName"] == "alice"
    on(0, "list")
    second = rotate(81)
    # The server's clock stands still: to it the second key is of the first day, so that its overlap is over at once.
    rotate(81)
    for user in ("bot", "worker"):
        assert second[user]["AccessKeyId"] != first[user]["AccessKeyId"]
        assert keys(server, user)[first[user]["AccessKeyId"]] == "Inactive"
    rotate(95)
    for user in ("bot", "worker"):
        assert first[user]["AccessKeyId"] not in keys(server, user)
    assert delivered(server)["alice"] == first["alice"]
    kept = "".join(path.read_text() for path in (folder.root / ".iamsync").rglob("*") if path.is_file())
    assert len(secrets) >= 5
    assert not [secret for secret in secrets if secret in f"{said}{kept}"]
