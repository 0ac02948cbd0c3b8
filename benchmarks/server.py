"""The account that is measured against: the embedded IAM behind HTTP, which counts, delays and throttles.

It is a process of its own, so that its work is not in anybody's figures, and listens on 127.0.0.1. Its answers are the
sandbox's: moto with the gaps filled, paged as AWS pages, with the tagging API for IAM.

    python benchmarks/server.py [--size N | --fleet JSON | --state FILE] [--latency MS] [--rate PER_SECOND] [--burst N]
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.fleet import ACCOUNT, Fleet, dump

Answer = tuple[int, dict[str, str], bytes]

READS: Final = ("Get", "List", "AssumeRole")  # how operations begin that change nothing
_CONTROL: Final = "/-/"  # no AWS client asks for such a path
_THROTTLED: Final = (
    '<ErrorResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><Error><Type>Sender</Type>'
    "<Code>Throttling</Code><Message>Rate exceeded</Message></Error><RequestId>throttled</RequestId></ErrorResponse>"
)


@dataclass(slots=True)
class Bucket:
    """Tokens of which a call takes one, filled again at `rate` a second; `clock` tells seconds."""

    rate: float
    burst: float
    clock: Callable[[], float] = time.monotonic
    _held: float = field(init=False)
    _since: float = field(init=False)

    def __post_init__(self) -> None:
        self._held, self._since = self.burst, self.clock()

    def take(self) -> bool:
        """Whether there was one left."""
        now = self.clock()
        self._held = min(self.burst, self._held + (now - self._since) * self.rate)
        self._since = now
        if self._held < 1:
            return False
        self._held -= 1
        return True


class Counting:
    """Stands before a server's `handle`: counts calls by operation, and may delay or throttle them.

    `GET /-/calls` tells the counts and begins to count anew: `calls` by operation, how many were `throttled`, the
    `bytes` of all answers, and `writing`, the seconds from the first write to the answer to the last one.
    """

    def __init__(
        self,
        handle: Callable[[str, str, Mapping[str, str], bytes], Answer],
        *,
        latency: float = 0.0,
        bucket: Bucket | None = None,
    ) -> None:
        self._handle = handle
        self._latency = latency
        self._bucket = bucket
        self._lock = threading.Lock()
        self._calls: Counter[str] = Counter()
        self._throttled = self._bytes = 0
        self._written: tuple[float, float] | None = None

    def handle(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """The answer to one request, after the latency and where there is a token."""
        if urlsplit(url).path.startswith(_CONTROL):
            return 200, {"Content-Type": "application/json"}, json.dumps(self._told()).encode()
        asked, began = operation(headers, body), time.monotonic()
        with self._lock:
            self._calls[asked] += 1
            refused = self._bucket is not None and not self._bucket.take()
            self._throttled += refused
        if self._latency:
            time.sleep(self._latency)
        if refused:
            return 400, {"Content-Type": "text/xml"}, _THROTTLED.encode()
        answer = self._handle(method, url, headers, body)
        with self._lock:
            self._bytes += len(answer[2])
            if not asked.startswith(READS):
                self._written = (self._written or (began, 0.0))[0], time.monotonic()
        return answer

    def _told(self) -> dict[str, Any]:
        with self._lock:
            told: dict[str, Any] = {"calls": dict(sorted(self._calls.items())), "throttled": self._throttled}
            began, ended = self._written or (0.0, 0.0)
            told |= {"bytes": self._bytes, "writing": round(ended - began, 2)}
            self._calls.clear()
            self._throttled = self._bytes = 0
            self._written = None
        return told


def operation(headers: Mapping[str, str], body: bytes) -> str:
    """The operation a request asks for, in either of the two protocols."""
    target = next((value for name, value in headers.items() if name.lower() == "x-amz-target"), "")
    if target:
        return target.rpartition(".")[2]
    return parse_qs(body.decode("utf-8", "replace")).get("Action", ["?"])[0]


@dataclass(frozen=True, slots=True)
class Account:
    """A running server, from outside."""

    url: str

    def calls(self) -> dict[str, Any]:
        """What `Counting` counted since it was asked last."""
        with urllib.request.urlopen(f"{self.url}{_CONTROL}calls", timeout=60) as answer:
            told: dict[str, Any] = json.load(answer)
        return told


@contextmanager
def served(*arguments: str) -> Iterator[Account]:
    """A server in a process of its own, with these arguments, until the block ends."""
    command = [sys.executable, __file__, *arguments]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        try:
            url = server.stdout.readline().strip()
            if not url:
                raise SystemExit("the server did not start")
            yield Account(url)
        finally:
            # It ends when nobody holds the other end of its input: also when this process dies.
            server.stdin.close()
            server.wait(timeout=60)


def main(arguments: list[str]) -> int:
    from iamsync.sandbox import Server, serve

    parser = argparse.ArgumentParser(description="The embedded IAM behind HTTP, counted.")
    parser.add_argument("--size", type=int, default=0, help="holds the fleet of this many roles")
    parser.add_argument("--fleet", type=json.loads, help="holds the fleet of these numbers: JSON")
    parser.add_argument("--state", type=Path, help="holds what a sandbox's file of state says")
    parser.add_argument("--latency", type=float, default=0, help="milliseconds before each answer")
    parser.add_argument("--rate", type=float, default=0, help="calls a second that are let through")
    parser.add_argument("--burst", type=float, default=20, help="calls at once that are let through")
    chosen = parser.parse_args(arguments)
    bucket = Bucket(chosen.rate, chosen.burst) if chosen.rate else None
    with Server(chosen.state, account_id=ACCOUNT) as server:
        if chosen.size or chosen.fleet:
            server.seed(ACCOUNT, dump(Fleet(**chosen.fleet) if chosen.fleet else Fleet.of(chosen.size)))
        counting = Counting(server.handle, latency=chosen.latency / 1000, bucket=bucket)
        server.handle = counting.handle  # type: ignore[method-assign]
        url, stop = serve(server)
        try:
            print(url, flush=True)
            sys.stdin.read()
        finally:
            stop()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
