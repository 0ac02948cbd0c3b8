"""An account in this process, and a wire to it that can be made to fail."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

import pytest

from iamsync.aws.calls import call
from iamsync.aws.session import Access, Connection, Sessions, connect
from iamsync.sandbox import Server

ACCOUNT = "111122223333"
Answer = tuple[int, dict[str, str], bytes]
TRUST = (
    '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole",'
    '"Principal":{"Service":"ec2.amazonaws.com"}}]}'
)


def document(action: str = "s3:GetObject") -> str:
    return f'{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Action":"{action}","Resource":"*"}}]}}'


def refusal(code: str, status: int = 400, message: str = "no") -> Answer:
    body = (
        f"<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>"
        "<RequestId>req-0</RequestId></ErrorResponse>"
    )
    return status, {"x-amzn-RequestId": "req-0"}, body.encode()


@dataclass
class Wire:
    """A transport to a server; `faults` holds, for an operation, what its next calls meet instead.

    A fault is an answer (the call is not carried out), "lost" (carried out, no answer), "reset" (not
    carried out, no answer), or a function of the true answer that gives another.
    """

    server: Server
    faults: dict[str, list[Any]] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    before: Callable[[str], None] = lambda operation: None

    def __call__(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        operation = dict(parse_qsl(body.decode())).get("Action") or headers.get("X-Amz-Target", "").partition(".")[2]
        self.calls.append(operation)
        self.before(operation)
        fault = self.faults[operation].pop(0) if self.faults.get(operation) else None
        if isinstance(fault, tuple):
            return fault
        if fault == "reset":
            raise ConnectionResetError("reset by peer")
        answer = self.server.handle(method, url, headers, body)
        if fault == "lost":
            raise ConnectionResetError("reset by peer")
        return fault(answer) if fault is not None else answer


@pytest.fixture
def wire() -> Iterator[Wire]:
    with Server(account_id=ACCOUNT) as server:
        yield Wire(server)


@pytest.fixture(scope="session")
def sessions() -> Sessions:
    """AWS's service models, loaded once."""
    return Sessions()


@pytest.fixture
def connection(wire: Wire, sessions: Sessions) -> Connection:
    made = connect(Access(account_id=ACCOUNT), transport=wire, sessions=sessions)
    wire.calls.clear()
    return made


@pytest.fixture
def ask(connection: Connection, wire: Wire) -> Callable[..., dict[str, Any]]:
    """Makes a call that no fault is meant for and no count includes."""

    def make(operation: str, **params: Any) -> dict[str, Any]:
        faults, wire.faults = wire.faults, {}
        before = len(wire.calls)
        try:
            return call(connection.iam, operation, params)
        finally:
            wire.faults = faults
            del wire.calls[before:]

    return make


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """The SDK's own pauses between its attempts."""
    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda seconds: None)
