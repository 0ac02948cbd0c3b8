"""Real files to start from: `python -m tests.fuzz.corpus` writes corpus/ anew, by the command line on a sandbox."""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from pathlib import Path

from iamsync.sandbox import Server
from tests.behaviour.account import SITE
from tests.world import ACCOUNT, World

HERE = Path(__file__).parent / "corpus"
ROOT = Path(__file__).parent.parent.parent
CONFIG = f'version: 1\naccounts:\n  site: {{id: "{ACCOUNT}", backend: sandbox}}\n'


def main() -> None:
    os.environ["IAMSYNC_NOW"] = "2026-11-24T00:00:00Z"
    from iamsync.cli.app import run

    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        Path("iam").mkdir()
        Path("iamsync.yaml").write_text(CONFIG)
        Path("iam/site.yaml").write_text(SITE)

        def fine(*arguments: str, code: int = 0) -> None:
            got = run(list(arguments))
            assert got == code, (arguments, got)

        fine("apply", "--auto-approve", "--quiet")
        shutil.rmtree(".iamsync/runs")
        Path("iam/site.yaml").write_text(
            SITE.replace("Deploys the site", "Deploys").replace(
                "managed_policies: [audit]", "managed_policies: [audit, deploy]"
            )
        )
        fine("plan", "--out", "plan.json", "--quiet")
        fine("drift", "--since-last", "drift.json", "--quiet", code=2)
        fine("audit", "--report", "json=findings.json", "--quiet")
        fine("snapshot", "--out", "snapshot.json", "--quiet")
        fine("apply", "plan.json", "--quiet")
        HERE.mkdir(exist_ok=True)
        for name in ("plan.json", "drift.json", "findings.json", "snapshot.json"):
            shutil.copy(name, HERE / name)
        (journal,) = Path(".iamsync/runs").glob("*.jsonl")
        shutil.copy(journal, HERE / "journal.jsonl")
        shutil.copy(".iamsync/sandbox.json", HERE / "sandbox.json")
        answers(Path(".iamsync/sandbox.json"))


def answers(state: Path) -> None:
    """What the sandbox answers to a whole read, by operation."""
    from tests.behaviour.conftest import operation_of

    held: dict[str, str] = {}
    world = World(server=Server(state, account_id=ACCOUNT))
    handle = world.server.handle

    class Recording:
        def handle(self, method, url, headers, body):  # type: ignore[no-untyped-def]
            answer = handle(method, url, headers, body)
            held.setdefault(operation_of(headers, body), answer[2].decode())
            return answer

    world.server = Recording()  # type: ignore[assignment]
    world.read()
    (HERE / "answers.json").write_text(json.dumps(held, indent=1) + "\n")


if __name__ == "__main__":
    sys.exit(main())
