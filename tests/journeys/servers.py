"""Servers of IAM's API for the command to talk to: processes and threads of this test run, on 127.0.0.1 only."""

from __future__ import annotations

import fcntl
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import boto3
from botocore.config import Config

from iamsync.sandbox import Server as Sandbox
from iamsync.sandbox import serve

ROOT: Final = Path(__file__).resolve().parents[2]
MINISTACK: Final = "ministack==1.5.33"
# moto as it is, in a process of its own: nothing of the sandbox has touched it.
_MOTO: Final = """
from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server
server = make_server("127.0.0.1", 0, DomainDispatcherApplication(create_backend_app), threaded=True)
print(server.port, flush=True)
server.serve_forever()
"""


class Absent(Exception):
    """The server cannot be had on this machine."""


@dataclass(slots=True)
class Server:
    """A running server; `empty` makes it forget everything. `key` is both halves of its root's access key."""

    name: str
    url: str
    empty: Callable[[], None]
    key: str = "testing"

    @property
    def environment(self) -> dict[str, str]:
        """What leads the command, or boto3, there."""
        signed = {"AWS_ACCESS_KEY_ID": self.key, "AWS_SECRET_ACCESS_KEY": self.key}
        region = {"AWS_REGION": "us-east-1", "AWS_DEFAULT_REGION": "us-east-1"}
        return {**signed, **region, "IAMSYNC_ENDPOINT_URL": self.url}

    def client(self, service: str = "iam") -> Any:
        """A plain boto3 client: somebody else's hands."""
        return boto3.client(
            service,
            region_name="us-east-1",
            endpoint_url=self.url,
            aws_access_key_id=self.key,
            aws_secret_access_key=self.key,
            config=Config(retries={"total_max_attempts": 2}),
        )

    @property
    def account_id(self) -> str:
        """The account that these credentials belong to."""
        return str(self.client("sts").get_caller_identity()["Account"])


@contextmanager
def running(name: str) -> Iterator[Server]:
    """The server of this name until the block ends; Absent where it cannot be had.

    `ministack-auth` is MiniStack that enforces policies, boundaries and session policies.
    """
    known = {"sandbox": _sandbox, "moto": _moto, "ministack": _ministack, "ministack-auth": _strict_ministack}
    with known[name]() as server:
        yield server


@contextmanager
def _sandbox() -> Iterator[Server]:
    with Sandbox(account_id="111122223333") as sandbox:
        url, stop = serve(sandbox, 0)
        try:
            yield Server("sandbox", url, sandbox.reset)
        finally:
            stop()


@contextmanager
def _moto() -> Iterator[Server]:
    with _process([sys.executable, "-c", _MOTO], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        url = f"http://127.0.0.1:{process.stdout.readline().decode().strip()}"
        yield Server("moto", url, lambda: _post(f"{url}/moto-api/reset"))


def _strict_ministack() -> AbstractContextManager[Server]:
    # An account id as a key is that account's root; any other key must be one that it gave out.
    return _ministack("ministack-auth", "111122223333", AUTH="true")


@contextmanager
def _ministack(name: str = "ministack", key: str = "testing", **more: str) -> Iterator[Server]:
    program = _ministack_program()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    environment = {"PATH": os.environ.get("PATH", ""), "BIND_HOST": "127.0.0.1", "GATEWAY_PORT": str(port), **more}
    url = f"http://127.0.0.1:{port}"
    with _process([str(program)], stdout=subprocess.DEVNULL, env=environment) as process:
        _wait(url, process)
        yield Server(name, url, lambda: _post(f"{url}/_ministack/reset"), key)


def _ministack_program() -> Path:
    """MiniStack in an environment of its own (it pins botocore), made once per checkout."""
    home = ROOT / ".cache" / "ministack-venv"
    home.parent.mkdir(exist_ok=True)
    done = home / MINISTACK
    with (home.parent / "ministack.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            try:
                for command in (
                    [sys.executable, "-m", "venv", "--clear", str(home)],
                    [str(home / "bin" / "pip"), "install", "-q", "--retries", "1", "--timeout", "15", MINISTACK],
                ):
                    subprocess.run(command, check=True, capture_output=True, timeout=300)
            except (subprocess.SubprocessError, OSError) as error:
                raise Absent(f"{MINISTACK} cannot be installed here: {error}") from error
            done.touch()
    return home / "bin" / "ministack"


@contextmanager
def _process(command: list[str], **how: Any) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL, **how)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()


def _post(url: str) -> None:
    with urllib.request.urlopen(urllib.request.Request(url, data=b"", method="POST"), timeout=10):
        pass


def _wait(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(f"{url}/_ministack/health", timeout=2):
                return
        except OSError:
            time.sleep(0.1)
    raise Absent(f"{url} does not answer")
