"""What a plan without changes costs: calls, CPU seconds, memory; and how many calls an apply makes.

The account is the embedded IAM behind HTTP in a process of its own, so that its work is not counted;
the command is a process of its own too, start-up and reading of manifests included. Nothing is
compared with a limit: clocks differ from machine to machine.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.fleet import ACCOUNT, write

SIZES = (200, 1000)
READS = ("Get", "List")


@dataclass(frozen=True, slots=True)
class Cost:
    """One command: calls by operation, user and system CPU in seconds, the most memory in MB."""

    calls: dict[str, int]
    cpu: float
    memory: float

    @property
    def writes(self) -> int:
        return sum(number for name, number in self.calls.items() if not name.startswith(READS))


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The project's sandbox as an endpoint, in a process of its own."""
    command = [sys.executable, "-m", "iamsync", "sandbox", "serve", "--quiet"]
    with subprocess.Popen(
        command, cwd=folder, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as server:
        try:
            assert server.stdout is not None
            yield server.stdout.readline().strip()
        finally:
            server.terminate()
            server.wait(timeout=60)


def environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "IAMSYNC_"))}
    given = {"AWS_ACCESS_KEY_ID": ACCOUNT, "AWS_SECRET_ACCESS_KEY": "sandbox", "AWS_DEFAULT_REGION": "us-east-1"}
    return {**kept, **given, "CI": "true", "PYTHONPATH": str(Path(__file__).resolve().parent.parent)}


def cost(folder: Path, endpoint: str, *arguments: str) -> Cost:
    """Run one command in a process of its own and see what it took."""
    tally = folder / "calls.json"
    command = [sys.executable, __file__, "--counted", str(tally), *arguments, "--quiet", "--endpoint-url", endpoint]
    child = subprocess.Popen(
        command, cwd=folder, env=environment(), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
    )
    _, status, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise SystemExit(f"{' '.join(arguments)} failed with {child.returncode}")
    return Cost(json.loads(tally.read_text(encoding="utf-8")), used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


def counted(tally: Path, arguments: list[str]) -> int:
    """The command line in this process, with every call to AWS counted."""
    from iamsync.cli.app import run
    from iamsync.engine import reach

    calls: Counter[str] = Counter()
    connect = reach.connect

    def tapped(access, **more):  # type: ignore[no-untyped-def]
        more["tap"] = lambda operation: calls.update([operation])
        return connect(access, **more)

    reach.connect = tapped
    code = run(arguments)
    tally.write_text(json.dumps(calls), encoding="utf-8")
    return code


def fill(folder: Path) -> int:
    """Put what the manifests want into the project's sandbox, as if it had been applied."""
    from iamsync.engine.options import Options
    from iamsync.engine.project import Project
    from iamsync.engine.sandboxing import as_dump
    from iamsync.sandbox import Server

    project = Project.open(Options(cwd=folder))
    desired = project.desired(project.accounts()[0], ACCOUNT, "aws")
    with Server(folder / ".iamsync" / "sandbox.json", account_id=ACCOUNT) as server:
        server.seed(ACCOUNT, as_dump(desired, []))
    return 0


def measure(size: int, *, apply: bool) -> Iterator[tuple[str, int, Cost]]:
    with tempfile.TemporaryDirectory(prefix="iamsync-bench-") as temporary:
        folder = Path(temporary)
        write(folder, size)
        if apply:
            with served(folder) as endpoint:
                yield "apply from empty", size, cost(folder, endpoint, "apply", "--auto-approve")
                yield "plan, no changes", size, cost(folder, endpoint, "plan", "--detailed-exitcode")
        else:
            # Not in this process: a child's memory is reckoned from its parent's.
            subprocess.run([sys.executable, __file__, "--fill", temporary], env=environment(), check=True)
            with served(folder) as endpoint:
                yield "plan, no changes", size, cost(folder, endpoint, "plan", "--detailed-exitcode")


def main(arguments: list[str]) -> int:
    if arguments[:1] == ["--counted"]:
        return counted(Path(arguments[1]), arguments[2:])
    if arguments[:1] == ["--fill"]:
        return fill(Path(arguments[1]))
    sizes = [int(text) for text in arguments] or list(SIZES)
    print("| Command | N | Entities | Calls | of them writes | CPU s | Memory MB |\n|---|---|---|---|---|---|---|")
    for at, size in enumerate(sizes):
        entities = size + max(1, size // 2) + max(1, size // 20) + max(2, size // 2)
        for command, number, spent in measure(size, apply=at == 0):
            row = (command, number, entities, sum(spent.calls.values()), spent.writes)
            print("| " + " | ".join(map(str, row)) + f" | {spent.cpu:.1f} | {spent.memory:.0f} |", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
