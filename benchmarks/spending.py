"""What a command spends: user and system CPU of it and all it starts, wall, memory of whole processes, and calls.

A child's memory is reckoned from its parent's at the start, so nothing heavy may be imported where this is.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from benchmarks.fleet import ACCOUNT
from benchmarks.server import READS, Account

ROOT: Final = Path(__file__).resolve().parent.parent
IAMSYNC: Final = (sys.executable, "-m", "iamsync")
_KILOBYTES: Final = 1024
_PAUSE: Final = 0.1


@dataclass(frozen=True, slots=True)
class Spent:
    """One command: CPU and wall in seconds, memory in MB (all its processes at once, at most), calls by operation.

    `writing` are the seconds from its first write to its last.
    """

    cpu: float
    wall: float
    memory: float
    calls: Mapping[str, int]
    throttled: int = 0
    writing: float = 0.0

    @property
    def total(self) -> int:
        """Calls of any kind."""
        return sum(self.calls.values())

    @property
    def writes(self) -> int:
        """Calls that change something."""
        return sum(number for name, number in self.calls.items() if not name.startswith(READS))

    def data(self) -> dict[str, Any]:
        """For a file of results."""
        told = {"cpu": round(self.cpu, 3), "wall": round(self.wall, 2), "memory": round(self.memory)}
        more = {"throttled": self.throttled, "writing": self.writing}
        return {**told, "calls": dict(self.calls), **{name: value for name, value in more.items() if value}}


class Failed(Exception):
    """A command that is measured ended otherwise than it must; the message has its last words."""


def spent(
    command: Iterable[str],
    *,
    account: Account | None = None,
    folder: Path = ROOT,
    environment: Mapping[str, str] | None = None,
    codes: Iterable[int] = (0,),
    several: bool = False,
) -> Spent:
    """Run a command and see what it took; Failed where its exit code is none of `codes`.

    `several` looks at the memory of all its processes every tenth of a second (pages they share count for each);
    else it is the kernel's figure for the largest one.
    """
    if account is not None:
        account.calls()
    with tempfile.TemporaryFile() as out:
        started = time.monotonic()
        child = subprocess.Popen(
            list(command),
            cwd=folder,
            env=dict(environment if environment is not None else surroundings()),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
        )
        with _watched(child.pid, several) as largest:
            _, status, used = os.wait4(child.pid, 0)
        wall = time.monotonic() - started
        out.seek(0)
        said = out.read().decode("utf-8", "replace")
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode not in codes:
        raise Failed(f"{' '.join(command)} ended with {child.returncode}: {said[-2000:]}")
    told: dict[str, Any] = account.calls() if account is not None else {"calls": {}, "throttled": 0, "writing": 0.0}
    memory = max(used.ru_maxrss, largest()) / _KILOBYTES
    return Spent(used.ru_utime + used.ru_stime, wall, memory, told["calls"], told["throttled"], told["writing"])


def least(times: int, measured: Callable[[], Spent]) -> Spent:
    """The least CPU, wall and memory of so many runs: other work on the machine only ever adds.

    Failed where two runs make different calls.
    """
    runs = [measured() for _ in range(times)]
    if any(run.calls != runs[0].calls for run in runs):
        raise Failed(f"the same command makes different calls: {[run.calls for run in runs]}")
    cpu, wall, memory = (
        min(figures) for figures in zip(*((run.cpu, run.wall, run.memory) for run in runs), strict=True)
    )
    return replace(runs[0], cpu=cpu, wall=wall, memory=memory)


def surroundings(endpoint: str = "", **more: str) -> dict[str, str]:
    """The environment of a measured command: none of the user's own AWS settings, the fleet's account."""
    others = ("AWS_", "IAMSYNC_", "TF_", "PYTHONDONTWRITEBYTECODE")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(others)}
    given = {"AWS_ACCESS_KEY_ID": ACCOUNT, "AWS_SECRET_ACCESS_KEY": "sandbox", "AWS_DEFAULT_REGION": "us-east-1"}
    nowhere = {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}
    led = {"IAMSYNC_ENDPOINT_URL": endpoint} if endpoint else {}
    return {**kept, **given, **nowhere, **led, "CI": "true", "PYTHONPATH": str(ROOT), **more}


class _watched:  # noqa: N801 - reads as a word where it is used
    """While it is open: the most memory in KB that a process and all below it held at once."""

    def __init__(self, pid: int, wanted: bool) -> None:
        self._pid, self._largest, self._over = pid, 0, threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True) if wanted else None

    def __enter__(self) -> Callable[[], int]:
        if self._thread is not None:
            self._thread.start()
        return lambda: self._largest

    def __exit__(self, *error: object) -> None:
        self._over.set()
        if self._thread is not None:
            self._thread.join()

    def _look(self) -> None:
        while not self._over.wait(_PAUSE):
            self._largest = max(self._largest, sum(map(_resident, _family(self._pid))))


def _family(pid: int) -> Iterator[int]:
    yield pid
    try:
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
        children = [int(word) for task in tasks for word in (task / "children").read_text().split()]
    except OSError:
        return  # it has ended, or this is no Linux
    for child in children:
        yield from _family(child)


def _resident(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("VmRSS:")), 0)
