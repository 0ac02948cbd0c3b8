"""`iamsync accounts`: list, matrix, check hop by hop, exec, credentials."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest

from iamsync.aws.hops import tried
from iamsync.aws.roles import Hop
from iamsync.aws.session import Access, Connection, Sessions, connect
from iamsync.engine.entering import Handed
from iamsync.sandbox import Server
from tests.aws.answering import Answering, Refused
from tests.fleet.accounts import HUB, Fleet, fleet, number, project, refusal
from tests.fleet.test_fleets import BASE, LOADER
from tests.journeys.cli import Folder

TARGET = "arn:aws:iam::444455556666:role/iamsync"


@pytest.fixture
def many() -> Iterator[Fleet]:
    with fleet() as held:
        yield held


@pytest.fixture
def folder(tmp_path: Path, many: Fleet, monkeypatch: pytest.MonkeyPatch) -> Folder:
    for module in ("iamsync.engine.reach", "iamsync.aws.session"):
        monkeypatch.setattr(f"{module}.Sessions", lambda: Sessions(_loader=LOADER))
    made = Folder(tmp_path, many.environment, inside=True)
    made.write("iam/all.yaml", BASE)
    made.write("iamsync.yaml", project(3, waves=2))
    return made


def test_the_list_tells_of_every_account_without_asking_anybody(folder: Folder, many: Fleet) -> None:
    said = folder("accounts", "list")
    assert said.out.splitlines()[0].split() == ["ACCOUNT", "ID", "WAVE", "MANIFESTS", "READ", "WRITE", "BACKEND"]
    assert number(2) in said.out
    (row,) = json.loads(folder("accounts", "list", "-a", "a01", "--format", "json").out)
    assert (row["id"], row["wave"], row["read"]) == (number(1), 2, [f"arn:aws:iam::{number(1)}:role/iamsync"])
    assert not many.calls


def test_the_matrix_is_a_job_an_account_or_a_shard(folder: Folder) -> None:
    jobs = json.loads(folder("accounts", "matrix").out)["include"]
    assert jobs[0] == {"account": "a00", "id": number(0), "wave": 1}
    shards = json.loads(folder("accounts", "matrix", "--shards", "2").out)["include"]
    assert sorted(name for job in shards for name in job["accounts"]) == ["a00", "a01", "a02"]
    for job in shards:
        planned = json.loads(folder("plan", "--shard", job["shard"], "--format", "json").out)["plans"]
        assert [plan["account"]["name"] for plan in planned] == job["accounts"]


def test_check_tries_each_chain_and_ends_with_2_where_one_is_refused(folder: Folder, many: Fleet) -> None:
    many.denied = {number(1)}
    said = folder("accounts", "check", code=2)
    assert f"a00 ({number(0)}), read and write: ok" in said.out
    assert f"a01 ({number(1)}), read and write: refused" in said.out
    assert f"sts:AssumeRole on arn:aws:iam::{number(1)}:role/iamsync in the policies of arn:aws:iam::{HUB}:" in said.out
    assert "trust policy of" in said.out
    assert not [secret for secret in many.secrets if secret in said.out + said.err]
    made = json.loads(folder("accounts", "check", "-a", "a01", "--format", "json", code=2).out)
    (chain,) = made["chains"]
    assert [bool(hop["error"]) for hop in chain["hops"]] == [False, True]


def test_a_command_runs_as_the_account_and_ends_as_it_does(folder: Folder) -> None:
    script = folder.write(
        "child.py",
        "import os, sys, pathlib\n"
        "held = {name: value for name, value in os.environ.items() if name.startswith('AWS_')}\n"
        "pathlib.Path('seen').write_text('\\n'.join(sorted(held)) + held['AWS_SESSION_TOKEN'])\n"
        "sys.exit(7)\n",
    )
    folder.environment["AWS_ROLE_SESSION_NAME"] = "job-12"
    folder("accounts", "exec", "a02", "--", sys.executable, str(script), code=7)
    seen = (folder.root / "seen").read_text()
    assert "AWS_ROLE_SESSION_NAME" not in seen
    assert {"AWS_ACCESS_KEY_ID", "AWS_REGION", "AWS_CREDENTIAL_EXPIRATION", "AWS_ENDPOINT_URL"} <= set(seen.split())
    assert "error[bad-option]" in folder("accounts", "exec", "a02", "--", "/no/such/command", code=1).err
    assert "error[which-account]" in folder("accounts", "exec", "a*", "--", "true", code=1).err


def test_credentials_are_in_the_form_of_credential_process_and_lead_there(folder: Folder, many: Fleet) -> None:
    told = json.loads(folder("accounts", "credentials", "a02", "--write").out)
    assert (told["Version"], set(told)) == (
        1,
        {"Version", "AccessKeyId", "SecretAccessKey", "SessionToken", "Expiration"},
    )
    config = folder.write(
        "config", f"[profile there]\ncredential_process = echo '{json.dumps(told)}'\nregion = us-east-1\n"
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_CONFIG_FILE", str(config))
        assert connect(Access(profile="there", endpoint_url=many.url)).account_id == number(2)


def test_credentials_do_not_go_to_a_terminal(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    import io

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr("tests.journeys.cli.io.StringIO", Terminal)
    said = folder("accounts", "credentials", "a02", code=1)
    assert (said.out, "--show" in said.err) == ("", True)
    assert "SecretAccessKey" in folder("accounts", "credentials", "a02", "--show").out


def test_the_sandbox_has_no_credentials_to_hand_out(folder: Folder) -> None:
    folder.write("iamsync.yaml", 'version: 1\naccounts: {a: {id: "111122223333", backend: sandbox}}\n')
    del folder.environment["IAMSYNC_ENDPOINT_URL"]
    assert "error[no-credentials]" in folder("accounts", "credentials", "a", code=1).err
    assert "error[no-credentials]" in folder("accounts", "check", code=1).err


# -- What is missing ---------------------------------------------------------------------------------


def refusing(monkeypatch: pytest.MonkeyPatch, refused: Callable[[Mapping[str, list[str]]], bool]) -> None:
    """Connections to an account in this process whose STS refuses these AssumeRole calls."""
    server = Server(account_id="111122223333")

    def wire(method: str, url: str, headers: Mapping[str, str], body: bytes) -> Any:
        told = parse_qs(body.decode())
        if told.get("Action") == ["AssumeRole"] and refused(told):
            return refusal("AccessDenied", 403)
        return server.handle(method, url, headers, body)

    def reached(access: Access, *, sessions: Sessions, tap: Any = None) -> Connection:
        return connect(access, transport=wire, sessions=sessions, tap=tap)

    monkeypatch.setattr("iamsync.aws.hops.connect", reached)


@pytest.mark.parametrize(
    ("refused", "missing"),
    [
        ("Tags.member.1.Key", f"sts:TagSession: in the trust policy of {TARGET}"),
        ("SourceIdentity", f"sts:SetSourceIdentity: in the trust policy of {TARGET}"),
        ("DurationSeconds", f"a session of 43200 s: max_session_duration of {TARGET} is shorter"),
    ],
)
def test_what_a_hop_may_not_ask_for_is_named(monkeypatch: pytest.MonkeyPatch, refused: str, missing: str) -> None:
    refusing(monkeypatch, lambda told: refused in told)
    hop = Hop(TARGET, tags=(("team", "data"),), source_identity="ann", duration=43200)
    first, last = tried(Access(account_id=None, hops=(hop,)), Sessions(_loader=LOADER))
    assert (first.arn, first.error) == ("", None)
    assert last.error is not None
    assert last.missing[0].startswith(missing)


@pytest.mark.parametrize(
    ("decision", "side"),
    [("implicitDeny", "in the policies of"), ("allowed", "in the trust policy of"), (None, "in the policies of")],
)
def test_the_side_that_refuses_is_named_where_the_simulator_tells(
    monkeypatch: pytest.MonkeyPatch, decision: str | None, side: str
) -> None:
    refusing(monkeypatch, lambda told: told["RoleArn"] == [TARGET])
    held: list[Any] = []

    def answered(params: Mapping[str, Any]) -> Mapping[str, Any]:
        held.append(params)
        if decision is None:
            raise Refused("AccessDenied", 403)
        return {"EvaluationResults": [{"EvalActionName": "sts:AssumeRole", "EvalDecision": decision}]}

    from iamsync.aws import hops

    reached = hops.connect

    def answering(access: Access, **more: Any) -> Connection:
        made = reached(access, **more)
        Answering(made.iam, "SimulatePrincipalPolicy", answered)
        return made

    monkeypatch.setattr("iamsync.aws.hops.connect", answering)
    hub = "arn:aws:iam::111122223333:role/ci/hub"
    found = tried(Access(hops=(Hop(hub), Hop(TARGET, external_id="x-7"))), Sessions(_loader=LOADER))
    assert [hop.error is None for hop in found] == [True, True, False]
    assert held[0]["PolicySourceArn"] == hub
    assert side in found[-1].missing[0]
    assert len(found[-1].missing) == (2 if decision is None else 1)
    if decision == "allowed":
        assert "with the external id x-7" in found[-1].missing[0]


def test_what_leads_elsewhere_is_not_handed_on() -> None:
    before = {
        "AWS_PROFILE": "mine",
        "AWS_ENDPOINT_URL_IAM": "https://example.com",
        "AWS_ENDPOINT_URL_S3": "s3",
        "A": "a",
    }
    handed = Handed("111122223333", "us-east-1", "key", "secret")
    assert handed.environment(before, "http://127.0.0.1:1") == {
        "A": "a",
        "AWS_ENDPOINT_URL_S3": "s3",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    assert handed.environment(before)["AWS_ENDPOINT_URL_IAM"] == "https://example.com"
