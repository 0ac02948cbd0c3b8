"""The command as a process of its own, before an account that can do something to it at any of its calls."""

from __future__ import annotations

import io
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from iamsync.sandbox import Server
from tests.behaviour.account import SITE
from tests.behaviour.conftest import operation_of
from tests.chaos.faults import READS
from tests.chaos.trial import SENT
from tests.chaos.wires import endpoint, sandbox
from tests.journeys import forked
from tests.laws.test_crash import ACCOUNTS, MORE

_OUTSIDE = ("AWS_", "IAMSYNC_", "CI", "GITHUB_", "FORCE_COLOR")


class Command:
    """A command under way."""

    def __init__(self, arguments: tuple[str, ...], root: Path, environment: dict[str, str], files: Path) -> None:
        files.mkdir(parents=True)
        self._out, self._err, self._pid = files / "out", files / "err", files / "pid"
        self._code: int | None = None
        self._thread = threading.Thread(target=self._run, args=(arguments, root, environment))
        self._thread.start()

    def _run(self, arguments: tuple[str, ...], root: Path, environment: dict[str, str]) -> None:
        self._code = forked.command(arguments, root, environment, self._out, self._err, self._pid)

    def send(self, number: int) -> None:
        """Send its process a signal."""
        while not (self._pid.exists() and (pid := self._pid.read_text())):
            time.sleep(0.005)
        os.kill(int(pid), number)

    @property
    def err(self) -> str:
        """What it said on standard error so far."""
        return self._err.read_text(encoding="utf-8") if self._err.exists() else ""

    @property
    def out(self) -> str:
        """What it said on standard output so far."""
        return self._out.read_text(encoding="utf-8") if self._out.exists() else ""

    def wait(self, seconds: float = 60.0) -> int:
        """Its exit code; below zero the signal that ended it."""
        self._thread.join(seconds)
        assert self._code is not None, f"it goes on\n{self.out}\n{self.err}"
        return self._code


@dataclass
class Account:
    """An account on a port of this machine; `at` is told of each call: its number, that among the writes, the phase.

    The number among writes is -1 for a read. `writes` names those that were carried out.
    """

    server: Server
    url: str = ""
    calls: int = 0
    asked: int = 0
    writes: list[str] = field(default_factory=list)
    at: Callable[[int, int, str], None] = lambda call, write, phase: None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def app(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
        """Answer as the sandbox does."""
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = io.BytesIO(body)
        operation = operation_of({"x-amz-target": environ.get("HTTP_X_AMZ_TARGET", "")}, body)
        write = not operation.startswith(READS)
        with self._lock:
            call, asked = self.calls, self.asked if write else -1
            self.calls += 1
            self.asked += write
        self.at(call, asked, "before")
        told: dict[str, str] = {}

        def begin(status: str, headers: Any, info: Any = None) -> Any:
            told["status"] = status
            return start_response(status, headers)

        content = b"".join(sandbox(self.server)(environ, begin))
        if write and told["status"].startswith("200"):
            self.writes.append(operation)
        self.at(call, asked, "after")
        return [content]

    def start(self, root: Path, *arguments: str, now: str = "2026-11-24T00:00:00Z") -> Command:
        """The command, begun in this folder."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith(_OUTSIDE)}
        environment |= {**SENT, "IAMSYNC_NOW": now, "IAMSYNC_ENDPOINT_URL": self.url, "AWS_REGION": "us-east-1"}
        return Command(arguments, root, environment, root.parent / f"said-{time.monotonic_ns()}")


@contextmanager
def account(server: Server) -> Iterator[Account]:
    """The account of a server on a port, until the block ends."""
    made = Account(server)
    with endpoint() as reached:
        made.url, reached.app = reached.url, made.app
        yield made


def project(root: Path, text: str = SITE, more: str = MORE) -> Path:
    """A project in this folder; of 27 creations, where nothing else is said."""
    (root / "iam").mkdir(parents=True, exist_ok=True)
    (root / "iam" / "site.yaml").write_text(text)
    (root / "iam" / "more.yaml").write_text(more)
    (root / "iamsync.yaml").write_text(ACCOUNTS)
    return root
