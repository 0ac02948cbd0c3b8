"""What many accounts in one run cost: CPU and calls for each, memory, and what of it is the account's own read.

Every account is reached by assuming a role in it, holds what its manifests say (20 roles and what belongs to them),
and is read in full. The server is a process of its own; the command is one too, start-up and manifests included.

    python benchmarks/accounts.py [COUNT ...] [--json]

`--json` measures 1 and 100 accounts: what one more costs beyond reading it is the overhead. The floor is what one more
costs in plain boto3 that assumes the role, makes a session and its clients, reads the same and does nothing with it.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.fleet import ACCOUNT, Fleet, dump, write
from benchmarks.floor import FILTER
from benchmarks.server import served
from benchmarks.spending import IAMSYNC, Spent, least, spent, surroundings

SIZES = (30, 100, 300)
MANY = 100
FLEET = Fleet.of(20)
RUNS = 3
READS = 30


def number(at: int) -> str:
    """The id of the account of this number."""
    return f"{300000000000 + at * 7919:012d}"


def project(folder: Path, count: int) -> None:
    """A project of so many accounts, which share their manifests."""
    write(folder, FLEET)
    for path in (folder / "iam").iterdir():
        # Each account's own id is in its documents.
        path.write_text(path.read_text(encoding="utf-8").replace(ACCOUNT, "$(account.id)"), encoding="utf-8")
    accounts = {
        f"a{at:03d}": {"id": number(at), "assume_role": f"arn:aws:iam::{number(at)}:role/apps/role-0"}
        for at in range(count)
    }
    config = {"version": 1, "safety": {"settle": 0, "max_deletes": 0}, "accounts": accounts}
    (folder / "iamsync.yaml").write_text(json.dumps(config, indent=1), encoding="utf-8")


def fill(folder: Path, count: int) -> int:
    """Put into a sandbox's file of state what every account holds, as if it had been applied."""
    from iamsync.sandbox import Server

    text = json.dumps(dump(FLEET))
    with Server(folder / "sandbox.json") as server:
        for at in range(count):
            server.seed(number(at), json.loads(text.replace(ACCOUNT, number(at))))
    return 0


def own_read(endpoint: str) -> float:
    """CPU seconds of reading one of the accounts, nothing else: the mean of the reads of several, each a first one."""
    from iamsync.aws.read import read
    from iamsync.aws.session import Access, Sessions, connect

    sessions = Sessions()
    connections = [connect(Access(endpoint_url=endpoint), sessions=sessions) for _ in range(READS + 1)]
    read(connections[0], kinds=frozenset({"instance_profile"}))
    started = time.process_time()
    for connection in connections[1:]:
        read(connection, kinds=frozenset({"instance_profile"}))
    return (time.process_time() - started) / READS


def floor(endpoint: str) -> float:
    """CPU seconds of one account in plain boto3: a role assumed, clients made, everything read; the mean of several."""
    import boto3

    hub = boto3.client("sts", endpoint_url=endpoint)
    started = 0.0
    for at in range(READS + 1):
        if at == 1:  # what is loaded once has been
            started = time.process_time()
        role = f"arn:aws:iam::{number(at)}:role/apps/role-0"
        told = hub.assume_role(RoleArn=role, RoleSessionName="floor")["Credentials"]
        session = boto3.Session(told["AccessKeyId"], told["SecretAccessKey"], told["SessionToken"])
        iam = session.client("iam", endpoint_url=endpoint)
        iam.get_account_summary()
        list(iam.get_paginator("get_account_authorization_details").paginate(Filter=FILTER))
        list(iam.get_paginator("list_roles").paginate())
        list(iam.get_paginator("list_instance_profiles").paginate())
        tagging = session.client("resourcegroupstaggingapi", endpoint_url=endpoint)
        list(
            tagging.get_paginator("get_resources").paginate(ResourceTypeFilters=["iam:policy", "iam:instance-profile"])
        )
    return (time.process_time() - started) / READS


def planned(count: int, runs: int = 1) -> tuple[Spent, float, float]:
    """A plan without changes of so many accounts, and the CPU seconds of one account's read, and of the floor."""
    with tempfile.TemporaryDirectory(prefix="iamsync-bench-") as temporary:
        folder = Path(temporary)
        project(folder, count)
        # Not in this process: a child's memory is reckoned from its parent's.
        script = (sys.executable, __file__)
        subprocess.run([*script, "--fill", temporary, str(count)], env=surroundings(), check=True)
        with served("--state", str(folder / "sandbox.json")) as account:
            environment = surroundings(account.url)
            command = (*IAMSYNC, "plan", "--detailed-exitcode", "--quiet")
            whole = least(runs, lambda: spent(command, account=account, folder=folder, environment=environment))
            reader = {**environment, "AWS_ACCESS_KEY_ID": number(0)}

            def least_of(what: str) -> float:
                return min(
                    float(subprocess.check_output([*script, what, account.url], env=reader)) for _ in range(runs)
                )

            return whole, least_of("--read"), least_of("--floor") if count > READS else 0.0


def overhead() -> dict[str, float]:
    """Milliseconds of CPU of one more account, of its read, and the difference."""
    (one, *_), (many, read, least_of_all) = planned(1, RUNS), planned(MANY, RUNS)
    each = (many.cpu - one.cpu) / (MANY - 1) * 1000
    told = {
        "accounts": MANY,
        "each": each,
        "read": read * 1000,
        "overhead": each - read * 1000,
        "floor": least_of_all * 1000,
        "beyond": each - least_of_all * 1000,
        "first": one.cpu * 1000,
    }
    return {name: round(value, 1) for name, value in told.items()} | {"memory": round(many.memory)}


def main(arguments: list[str]) -> int:
    if arguments[:1] == ["--fill"]:
        return fill(Path(arguments[1]), int(arguments[2]))
    if arguments[:1] in (["--read"], ["--floor"]):
        print((own_read if arguments[0] == "--read" else floor)(arguments[1]))
        return 0
    if "--json" in arguments:
        print(json.dumps(overhead()))
        return 0
    print("| Accounts | Calls | Calls an account | CPU s | CPU ms an account | Memory MB |\n|---|---|---|---|---|---|")
    for count in [int(text) for text in arguments] or SIZES:
        whole, *_ = planned(count)
        row = (count, whole.total, f"{whole.total / count:.0f}", f"{whole.cpu:.1f}", f"{whole.cpu / count * 1000:.0f}")
        print("| " + " | ".join(map(str, row)) + f" | {whole.memory:.0f} |", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
