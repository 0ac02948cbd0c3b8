"""What a plan of many accounts costs: CPU and calls for each account, and memory, for fleets of several sizes.

Every account is reached by assuming a role in it, holds what its manifests say (20 roles and what belongs to them),
and is read in full. The server is a process of its own; the command is one too, start-up and manifests included.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.fleet import fleet
from benchmarks.run import cost, environment, served

SIZES = (30, 100, 300)
RESOURCES = 20


def number(at: int) -> str:
    """The id of the account of this number."""
    return f"{300000000000 + at * 7919:012d}"


def write(folder: Path, count: int) -> None:
    """A project of so many accounts, which share their manifests."""
    (folder / "iam").mkdir(parents=True)
    for section, held in fleet(RESOURCES).items():
        (folder / "iam" / f"{section}.yaml").write_text(json.dumps({section: held}, indent=1), encoding="utf-8")
    accounts = {
        f"a{at:03d}": {"id": number(at), "assume_role": f"arn:aws:iam::{number(at)}:role/role-0"} for at in range(count)
    }
    config = {"version": 1, "safety": {"settle": 0, "max_deletes": 0}, "accounts": accounts}
    (folder / "iamsync.yaml").write_text(json.dumps(config, indent=1), encoding="utf-8")


def fill(folder: Path) -> int:
    """Put what the manifests want into every account of the project's sandbox, as if it had been applied."""
    from iamsync.engine.options import Options
    from iamsync.engine.project import Project
    from iamsync.engine.sandboxing import as_dump
    from iamsync.sandbox import Server

    project = Project.open(Options(cwd=folder))
    with Server(folder / ".iamsync" / "sandbox.json") as server:
        for account in project.accounts():
            assert account.id is not None
            server.seed(account.id, as_dump(project.desired(account, account.id, "aws"), []))
    return 0


def main(arguments: list[str]) -> int:
    if arguments[:1] == ["--fill"]:
        return fill(Path(arguments[1]))
    print("| Accounts | Calls | Calls an account | CPU s | CPU ms an account | Memory MB |\n|---|---|---|---|---|---|")
    for count in [int(text) for text in arguments] or SIZES:
        with tempfile.TemporaryDirectory(prefix="iamsync-bench-") as temporary:
            folder = Path(temporary)
            write(folder, count)
            # Not in this process: a child's memory is reckoned from its parent's.
            subprocess.run([sys.executable, __file__, "--fill", temporary], env=environment(), check=True)
            with served(folder) as endpoint:
                spent = cost(folder, endpoint, "plan", "--detailed-exitcode")
        calls = sum(spent.calls.values())
        row = (count, calls, f"{calls / count:.0f}", f"{spent.cpu:.1f}", f"{spent.cpu / count * 1000:.0f}")
        print("| " + " | ".join(map(str, row)) + f" | {spent.memory:.0f} |", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
