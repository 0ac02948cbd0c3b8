"""The same plan of many accounts on this machine and by two workers of Dask on loopback: whether they differ in a byte.

Each account lacks a role that its manifests declare, two hold nothing at all, and two more cannot be signed in to, so
that there is something to say of changes and of failures. Only the moment at which the document was written
(`created_at`) is set aside.

    python benchmarks/elsewhere.py [COUNT]
"""

from __future__ import annotations

import json
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.accounts import number, project
from benchmarks.server import served
from benchmarks.spending import IAMSYNC, surroundings

COUNT: Final = 300
EMPTY: Final = 2
SHUT: Final = ("nobody-1", "nobody-2")  # profiles that do not exist
WORKERS: Final = 2
_PLAN: Final = (*IAMSYNC, "plan", "--all-accounts", "--format", "json", "--now", "2026-11-24T00:00:00Z")
_WRITTEN: Final = re.compile(r'"created_at": "[^"]*"')
_MORE: Final = """\
roles:
  told-apart:
    trust_policy:
      Version: 2012-10-17
      Statement: [{Effect: Allow, Principal: {Service: lambda.amazonaws.com}, Action: "sts:AssumeRole"}]
    managed_policies: [aws/job-function/ViewOnlyAccess]
"""


def planned(folder: Path, environment: dict[str, str], *more: str) -> tuple[int, str, str, float]:
    """The exit code of the plan, its document, what else it said, and its wall seconds."""
    started = time.monotonic()
    done = subprocess.run([*_PLAN, *more], cwd=folder, env=environment, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr, time.monotonic() - started


def compared(count: int) -> int:
    """Run both and tell; 1 where they differ."""
    from distributed import LocalCluster

    with tempfile.TemporaryDirectory(prefix="iamsync-bench-") as temporary:
        folder = Path(temporary)
        project(folder, count)
        config = json.loads((folder / "iamsync.yaml").read_text(encoding="utf-8"))
        config["accounts"] |= {name: {"id": number(count + at), "profile": name} for at, name in enumerate(SHUT)}
        (folder / "iamsync.yaml").write_text(json.dumps(config), encoding="utf-8")
        (folder / "iam" / "more.yaml").write_text(_MORE, encoding="utf-8")
        fill = (sys.executable, str(Path(__file__).with_name("accounts.py")), "--fill", temporary, str(count - EMPTY))
        subprocess.run(fill, env=surroundings(), check=True)
        with served("--state", str(folder / "sandbox.json")) as account:
            environment = surroundings(account.url)
            here = planned(folder, environment)
            cpu = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
            os.environ.update(environment)  # the workers sign in by themselves
            with LocalCluster(
                n_workers=WORKERS, threads_per_worker=4, host="127.0.0.1", dashboard_address=None
            ) as cluster:
                address = cluster.scheduler_address.replace("tcp://", "dask://")
                there = planned(folder, environment, "--executor", address)
    if not here[1]:
        sys.exit(here[2])
    told = [_WRITTEN.sub("", each[1]) for each in (here, there)]
    document = json.loads(here[1])
    same = told[0] == told[1] and here[0] == there[0]
    steps = sum(len(plan["steps"]) for plan in document["plans"])
    print(
        f"{len(document['plans'])} accounts planned ({steps} steps), {len(document['failed'])} failed, exit {here[0]}"
    )
    print(f"here: {len(here[1]):,} bytes in {here[3]:.0f} s ({cpu:.0f} CPU s with the server's filling)")
    print(f"by {WORKERS} workers: {len(there[1]):,} bytes in {there[3]:.0f} s, exit {there[0]}")
    print("the same, byte for byte but for created_at" if same else "THEY DIFFER")
    for line in (*here[2].splitlines()[-4:], *there[2].splitlines()[-4:]):
        print(f"  {line}")
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(compared(int(sys.argv[1]) if sys.argv[1:] else COUNT))
