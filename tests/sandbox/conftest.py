"""Real boto3 clients whose requests go to a sandbox in this process."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.config import Config

from iamsync.sandbox import Server

ACCOUNT = "111122223333"


class _Raw(io.BytesIO):
    def stream(self, **_: object) -> Iterator[bytes]:
        yield self.read()


def client(
    server: Server, service: str = "iam", key: str = "AKIAANYKEYATALLABCDE", secret: str = "x", **more: Any
) -> Any:
    session = boto3.Session(key, secret, region_name=more.pop("region", "us-east-1"), **more)

    def send(request: AWSPreparedRequest, **_: object) -> AWSResponse:
        body = request.body or b""
        content = body.encode() if isinstance(body, str) else bytes(body)
        status, headers, answer = server.handle(request.method, request.url, dict(request.headers), content)
        return AWSResponse(request.url, status, headers, _Raw(answer))

    session.events.register_first("before-send.*.*", send)
    # What is refused here is to be AWS's refusal, not botocore's.
    return session.client(service, config=Config(parameter_validation=False, retries={"total_max_attempts": 1}))


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(account_id=ACCOUNT) as server:
        yield server


@pytest.fixture
def iam(server: Server) -> Any:
    return client(server)


@pytest.fixture
def refused() -> Callable[..., str]:
    """Makes a call that must fail: "Code" or "Code: message"."""

    def call(function: Callable[..., Any], *, full: bool = False, **parameters: Any) -> str:
        from botocore.exceptions import ClientError

        with pytest.raises(ClientError) as caught:
            function(**parameters)
        error = caught.value.response["Error"]
        return f"{error['Code']}: {error['Message']}" if full else str(error["Code"])

    return call
