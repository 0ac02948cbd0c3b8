"""A project on disk, the command line in this process, and a wire to the sandbox that can be watched and cut."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import boto3
import pytest
from botocore.config import Config

from iamsync.aws.session import Access, connect
from iamsync.cli.app import run
from iamsync.sandbox import Server
from tests.behaviour.account import SITE
from tests.world import ACCOUNT, READS, SESSIONS

Answer = tuple[int, dict[str, str], bytes]
CONFIG = f"""\
version: 1
accounts:
  site: {{id: "{ACCOUNT}", backend: sandbox}}
"""
AMBIENT = ("AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_DEFAULT_REGION")


def operation_of(headers: Mapping[str, str], body: bytes) -> str:
    """The operation that a request asks for."""
    named = {name.lower(): value for name, value in headers.items()}
    return dict(parse_qsl(body.decode())).get("Action") or named.get("x-amz-target", "").rpartition(".")[2]


@dataclass
class Told:
    """What a command said, and how it ended."""

    code: int
    out: str
    err: str

    @property
    def digest(self) -> str:
        found = re.search(r"sha256:[0-9a-f]{64}", self.out)
        assert found is not None, self.out
        return found[0]


@dataclass
class Site:
    """A project folder; `calls` are the operations that its commands made on the sandbox.

    `between` may look at each request before the sandbox does, and answer in its place; `twist` may
    make another answer of the sandbox's own.
    """

    root: Path
    capsys: pytest.CaptureFixture[str]
    calls: list[str] = field(default_factory=list)
    between: Callable[[str, bytes], Answer | None] = lambda operation, body: None
    twist: Callable[[str, Answer], Answer] = lambda operation, answer: answer

    @property
    def writes(self) -> list[str]:
        return [name for name in self.calls if not name.startswith(READS)]

    def run(self, *arguments: str) -> Told:
        self.calls.clear()
        self.capsys.readouterr()
        code = run(list(arguments))
        said = self.capsys.readouterr()
        return Told(code, said.out, said.err)

    def fine(self, *arguments: str) -> Told:
        told = self.run(*arguments)
        assert told.code == 0, told
        return told

    def write(self, text: str, name: str = "iam/site.yaml") -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def edit(self, old: str, new: str, name: str = "iam/site.yaml") -> None:
        """Replace the first occurrence of a text in a file."""
        held = (self.root / name).read_text(encoding="utf-8")
        assert old in held
        self.write(held.replace(old, new, 1), name)

    def by_hand(self, do: Callable[[Any], object]) -> None:
        """Do something to the sandbox with a client of one's own."""
        watched, self.between = self.between, lambda operation, body: None
        with Server(self.root / ".iamsync" / "sandbox.json", account_id=ACCOUNT) as server:
            do(connect(Access(account_id=ACCOUNT), transport=server.handle, sessions=SESSIONS).iam)
        self.between = watched

    def live(self) -> bytes:
        """The sandbox as it is on disk."""
        path = self.root / ".iamsync" / "sandbox.json"
        return path.read_bytes() if path.exists() else b""

    @property
    def runs(self) -> list[Path]:
        """The journals, oldest first."""
        return sorted((self.root / ".iamsync" / "runs").glob("*.jsonl"))


_APPLIED: list[bytes] = []


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Site]:
    """A project whose account is empty."""
    for name in AMBIENT:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("IAMSYNC_NOW", "2026-11-24T00:00:00Z")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setattr("iamsync.aws.execute.time.sleep", lambda seconds: None)
    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda seconds: None)
    made = Site(tmp_path, capsys)
    handle = Server.handle

    def watched(server: Server, method: str, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        operation = operation_of(headers, body)
        made.calls.append(operation)
        instead = made.between(operation, body)
        if instead is not None:
            return instead
        return made.twist(operation, handle(server, method, url, headers, body))

    monkeypatch.setattr(Server, "handle", watched)
    monkeypatch.chdir(tmp_path)
    made.write(CONFIG, "iamsync.yaml")
    made.write(SITE)
    yield made
    shutil.rmtree(tmp_path / ".iamsync", ignore_errors=True)


@pytest.fixture
def applied(site: Site) -> Site:
    """A project whose account is as declared; no run is on record."""
    if not _APPLIED:
        site.fine("apply", "--auto-approve", "--quiet")
        _APPLIED.append(site.live())
        shutil.rmtree(site.root / ".iamsync" / "runs")
    (site.root / ".iamsync").mkdir(exist_ok=True)
    (site.root / ".iamsync" / "sandbox.json").write_bytes(_APPLIED[0])
    site.calls.clear()
    return site


def client(url: str) -> Any:
    """An IAM client of an endpoint on this machine."""
    session = boto3.Session(ACCOUNT, "sandbox", region_name="us-east-1")
    return session.client("iam", endpoint_url=url, config=Config(retries={"total_max_attempts": 1}))


def refusal(code: str, status: int = 400, message: str = "no") -> Answer:
    """AWS's answer to what it does not do."""
    body = (
        f"<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>"
        "<RequestId>req-0</RequestId></ErrorResponse>"
    )
    return status, {"x-amzn-RequestId": "req-0"}, body.encode()
