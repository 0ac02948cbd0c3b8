"""Many accounts behind one endpoint, each reached by assuming a role there, some of which do not let anybody in."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import urllib3

from iamsync.sandbox import Server, serve
from iamsync.sandbox.calls import scope

HUB = "999900001111"
KEY = "AKIAANYKEYATALLABCDE"


Handle = Callable[[str, str, Mapping[str, str], bytes], tuple[int, dict[str, str], bytes]]


def number(at: int) -> str:
    """The id of the account of this number."""
    return f"{200000000000 + at * 1111:012d}"


@dataclass(slots=True)
class Fleet:
    """A server; `denied` accounts let nobody in, `throttled` ones only throttle; `calls` are (account, action)."""

    url: str
    server: Server
    denied: set[str] = field(default_factory=set)
    throttled: set[str] = field(default_factory=set)
    broken: set[tuple[str, str]] = field(default_factory=set)
    calls: list[tuple[str, str]] = field(default_factory=list)
    secrets: set[str] = field(default_factory=set)
    keys: dict[str, str] = field(default_factory=dict)  # of sessions, with the account that each is of
    seconds: int = 0  # how long the credentials of a role live, where it is not AWS's hour

    @property
    def environment(self) -> dict[str, str]:
        signed = {"AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": "secret-of-the-hub"}
        return {**signed, "AWS_REGION": "eu-west-1", "IAMSYNC_ENDPOINT_URL": self.url}


def refusal(code: str, status: int) -> tuple[int, dict[str, str], bytes]:
    error = f"<Error><Code>{code}</Code><Message>no</Message></Error><RequestId>r-1</RequestId>"
    return status, {}, f"<ErrorResponse>{error}</ErrorResponse>".encode()


def forwarded(url: str) -> Handle:
    """What answers by asking another server."""
    pool = urllib3.PoolManager(maxsize=16)

    def handle(method: str, asked: str, headers: Mapping[str, str], body: bytes) -> tuple[int, dict[str, str], bytes]:
        there = f"{url}{urlsplit(asked).path}"
        kept = {name: value for name, value in headers.items() if name.lower() != "host"}
        answer = pool.request(method, there, headers=kept, body=body, retries=False)
        told = {name: value for name, value in answer.headers.items() if name.lower() == "content-type"}
        return answer.status, told, answer.data

    return handle


@contextmanager
def fleet(behind: Handle | None = None) -> Iterator[Fleet]:
    """An endpoint of many accounts until the block ends; `behind` answers in the place of the embedded IAM."""
    with Server(account_id=HUB) as server:
        handle = behind or server.handle
        url, stop = serve(server)
        held = Fleet(url, server)

        def watched(method: str, url: str, headers: Mapping[str, str], body: bytes) -> Any:
            told = parse_qs(body.decode("utf-8", "replace"))
            action = told.get("Action", [""])[0]
            account = held.keys.get(scope({k.lower(): v for k, v in headers.items()}["authorization"])[0], HUB)
            held.calls.append((account, action))
            if action == "AssumeRole" and told["RoleArn"][0].split(":")[4] in held.denied:
                return refusal("AccessDenied", 403)
            if account in held.throttled and action not in ("GetCallerIdentity", "AssumeRole"):
                return refusal("Throttling", 400)
            if (account, action) in held.broken:
                return refusal("AccessDenied", 403)
            answer = handle(method, url, headers, body)
            if action == "AssumeRole" and answer[0] == 200:
                text = answer[2].decode()
                held.keys[text.partition("<AccessKeyId>")[2].partition("<")[0]] = told["RoleArn"][0].split(":")[4]
                for name in ("SecretAccessKey", "SessionToken"):
                    held.secrets.add(text.partition(f"<{name}>")[2].partition("<")[0])
                if held.seconds:
                    end = (datetime.now(UTC) + timedelta(seconds=held.seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")
                    text = re.sub(r"<Expiration>[^<]*", f"<Expiration>{end}", text)
                    answer = answer[0], answer[1], text.encode()
            return answer

        server.handle = watched  # type: ignore[method-assign]
        try:
            yield held
        finally:
            stop()


def project(count: int, waves: int = 1, **more: Any) -> str:
    """A project file of so many accounts, reached through a role of each."""
    accounts = {
        f"a{at:02d}": {
            "id": number(at),
            "wave": at % waves + 1,
            "assume_role": f"arn:aws:iam::{number(at)}:role/iamsync",
        }
        for at in range(count)
    }
    return json.dumps({"version": 1, "safety": {"settle": 0}, "accounts": accounts, **more})
