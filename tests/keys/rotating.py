"""An account whose clock stands where a test wants it, and a run of `keys rotate` in this process."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyrage

from iamsync import keys
from iamsync.apply import apply
from iamsync.aws.accesskeys import CredentialExecutor
from iamsync.aws.read import read
from iamsync.aws.session import Access, Connection, connect
from iamsync.delivery import Place, Target, parse
from iamsync.engine.duties import look, opener
from iamsync.engine.options import Options
from iamsync.engine.project import Project
from iamsync.events import Event, RunEnded
from iamsync.keys import Turn, Whose
from iamsync.kinds.keyrules import DAY, KeyRule, Wishes
from iamsync.model import Address, Plan, Step
from iamsync.sandbox import Server
from tests.behaviour.conftest import operation_of
from tests.world import ACCOUNT, READS, SESSIONS, settings

START = datetime(2027, 1, 1, tzinfo=UTC)
USER = Address("user", "ci-bot")
PLACE = "secretsmanager:iam/ci-bot"


class Crash(BaseException):
    """The process is gone: nothing after this is carried out."""


def rule(**more: Any) -> Wishes:
    given = {"rotate_after": 60 * DAY, "deliver_to": parse(PLACE), **more}
    return Wishes(KeyRule(**given))


def text(days: float) -> str:
    """So many days after the start, as plans write it."""
    return f"{START + timedelta(days=days):%Y-%m-%dT%H:%M:%SZ}"


@dataclass
class Years:
    """A server, the days that have passed in it, and the wire to it, which can be cut around the n-th write."""

    folder: Path
    days: float = 0.0
    at: int | None = None
    when: str = "before"
    writes: list[str] = field(default_factory=list)
    refuse: str = ""
    bodies: list[str] = field(default_factory=list)
    place: str = PLACE
    identity: Any = None  # what reads an age file
    lose: Callable[[str], bool] = lambda operation: False
    server: Server = field(init=False)
    connection: Connection = field(init=False)
    places: Callable[[str, str], Place] = field(init=False)
    _client: Any = None

    def __post_init__(self) -> None:
        self.server = Server(account_id=ACCOUNT, clock=lambda: START + timedelta(days=self.days))
        self.connection = connect(Access(account_id=ACCOUNT), transport=self, sessions=SESSIONS)
        self.places = opener(Project.open(Options(self.folder)), self.connection, self.folder)
        at, self.at = self.at, None
        self.connection.iam.create_user(UserName=USER.name)
        self.writes.clear()
        self.at = at

    def __call__(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> Any:
        operation = operation_of(headers, body)
        if operation.startswith((*READS, "Describe")):
            return self.server.handle(method, url, headers, body)

        def answered() -> Any:
            if operation == self.refuse:
                self.bodies.append(body.decode())
                return 400, {}, json.dumps({"__type": "AccessDeniedException", "message": f"no: {body!r}"}).encode()
            return self.server.handle(method, url, headers, body)

        answer = self.cut(operation, answered)
        if operation != self.refuse and self.lose(operation):
            raise ConnectionResetError("reset by peer")
        return answer

    def cut(self, name: str, write: Callable[[], Any]) -> Any:
        """A write of any kind, which the process may not live to begin, or to see the end of."""
        here = len(self.writes) == self.at
        self.writes.append(name)
        if here and self.when == "before":
            raise Crash
        answer = write()
        if here:
            raise Crash
        return answer

    def turn(self, wishes: Wishes) -> Turn:
        user = read(self.connection, kinds=frozenset()).resources[USER]
        return keys.turn(wishes, look(self.connection, user, wishes, self.places), text(self.days))

    def rotate(
        self,
        wishes: Wishes,
        report: Callable[[Event], None] = lambda _: None,
        between: Callable[[], object] = lambda: None,
        writer: Callable[[Step], Connection] | None = None,
        sleep: Callable[[float], object] = lambda _: None,
    ) -> tuple[Turn, Plan, RunEnded]:
        """What `keys rotate` does once; `between` happens after the plan and before its first call.

        `sleep` as `CredentialExecutor` has it.
        """
        turn = self.turn(wishes)
        whose = Whose(ACCOUNT, "aws", "test", None, "", settings=settings(acknowledge=()))
        plan = keys.plan((turn,), whose, text(self.days))
        between()
        # A run that died remembers nothing: its secrets lived here.
        off = frozenset(key.id for key in turn.held.keys if not key.active)
        execute = CredentialExecutor(self.connection, self.places, sleep=sleep, off=off, writer=writer)
        assert not plan.refusals
        return turn, plan, apply(plan, execute, parallelism=1, report=report)

    def held(self) -> dict[str, str]:
        """Every key of the user and its status."""
        listed = self.connection.iam.list_access_keys(UserName=USER.name)["AccessKeyMetadata"]
        return {item["AccessKeyId"]: item["Status"] for item in listed}

    def active(self) -> list[str]:
        return [key for key, status in self.held().items() if status == "Active"]

    def secret(self, stage: str = "AWSCURRENT") -> dict[str, str]:
        """What is delivered, as whoever uses it reads it; nothing where there is none."""
        target = parse(self.place, operator=True)
        if target.scheme != "secretsmanager":
            return self._delivered(target) if stage == "AWSCURRENT" else {}
        client = self._client = self._client or self.connection.client("secretsmanager")
        try:
            told = client.get_secret_value(SecretId="iam/ci-bot", VersionStage=stage)
        except client.exceptions.ResourceNotFoundException:
            return {}
        return dict(json.loads(told["SecretString"]))

    def _delivered(self, target: Target) -> dict[str, str]:
        if target.scheme == "ssm":
            store = self._client = self._client or self.connection.client("ssm")
            try:
                text = store.get_parameter(Name=target.name, WithDecryption=True)["Parameter"]["Value"]
            except store.exceptions.ParameterNotFound:
                return {}
            return dict(json.loads(text))
        path = self.folder / ("kept" if target.scheme == "hook" else target.name)
        if not path.exists():
            return {}
        content = path.read_bytes()
        return dict(json.loads(pyrage.decrypt(content, [self.identity]) if target.scheme == "age" else content))

    def use(self, key: str, service: str = "s3", region: str = "eu-west-1") -> None:
        """Somebody signs a request with this key."""
        scope = f"AWS4-HMAC-SHA256 Credential={key}/20270101/{region}/{service}/aws4_request"
        self.server.handle("POST", f"https://{service}.amazonaws.com/", {"Authorization": scope}, b"")

    def fits(self, key: str) -> bool:
        """Whether what was delivered is this key's own secret."""
        held = next(
            key_
            for user in self.server._accounts[ACCOUNT]["aws"].users.values()
            for key_ in user.access_keys
            if key_.access_key_id == key
        )
        delivered = (self.secret(), self.secret("AWSPREVIOUS"))
        return any(one.get("SecretAccessKey") == held.secret_access_key for one in delivered)
