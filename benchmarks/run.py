"""Measures iamsync, the floor in plain boto3 and Terraform on the same fleets, and every row of the table of targets.

    python benchmarks/run.py [GROUP ...] [--write]

Groups are fleet-N, terraform-N, terraform-apply-N (any size), crowd, latency, throttle, startup, validate, deciding,
accounts.
With `--write` their results go into benchmarks/results/, and the tables of benchmarks/README.md are made of these.
Nothing fails for being slow: clocks differ from machine to machine.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks import tables, terraform
from benchmarks.fleet import Fleet, write, writes
from benchmarks.server import Account, served
from benchmarks.spending import IAMSYNC, ROOT, Spent, least, spent, surroundings

HERE: Final = ROOT / "benchmarks"
RESULTS: Final = HERE / "results"
QUICK: Final = (
    *("fleet-50", "terraform-50", "terraform-apply-50", "fleet-200", "terraform-200"),
    *("latency", "startup", "validate", "deciding"),
)
RUNS: Final = 3  # of what is short; CROWDED of what is not
CROWDED: Final = 1
LATENCY: Final = 30
PARALLELISM: Final = 8
# Above this an apply is not measured: it costs so much a write, which smaller ones show.
APPLIED: Final = 200
# As the shells ask for completion after `iamsync pl`.
_COMPLETION: Final = {"_IAMSYNC_COMPLETE": "complete_bash", "COMP_WORDS": "iamsync pl", "COMP_CWORD": "1"}

Results = dict[str, Any]


def fleet(size: int) -> Results:
    """A plan without changes and an apply from empty of a fleet, and the floor."""
    wanted = Fleet.of(size)
    rows: dict[str, Spent] = {}
    with _project(wanted) as folder:
        with served("--size", str(size)) as account:
            rows |= _reading(account, Path(folder), RUNS)
        if size <= APPLIED:
            with served() as account:
                environment = surroundings(account.url)
                command = (*IAMSYNC, "apply", "--auto-approve", "--quiet")
                rows["iamsync apply"] = spent(command, account=account, folder=Path(folder), environment=environment)
    told: Results = {"size": size, "entities": wanted.entities, "profiles": wanted.profiles, "writes": writes(wanted)}
    told |= {"roles": wanted.roles, "policies": wanted.policies}
    return told | {"rows": {name: row.data() for name, row in rows.items()}}


def _reading(account: Account, folder: Path, runs: int) -> dict[str, Spent]:
    """A plan without changes and the floor, each the least of some runs."""
    environment = surroundings(account.url)
    floor = (sys.executable, str(HERE / "floor.py"), account.url)

    def run(*command: str) -> Spent:
        return least(runs, lambda: spent(command, account=account, folder=folder, environment=environment))

    return {
        "iamsync plan": run(*IAMSYNC, "plan", "--detailed-exitcode", "--quiet"),
        "floor": run(*floor),
        "floor with tags": run(*floor, "--tags"),
    }


def by_terraform(size: int, *, applied: bool) -> Results:
    """Terraform's plan without changes over a state that was written, or its apply from empty and the plan after it.

    Where it cannot be had, `absent` says why.
    """
    wanted = Fleet.of(size)
    plan = ("terraform", "plan", "-input=false", "-no-color", "-detailed-exitcode")
    apply = ("terraform", "apply", "-input=false", "-no-color", "-auto-approve")
    told: Results = {"size": size, "entities": wanted.entities}
    with tempfile.TemporaryDirectory(prefix="terraform-") as temporary:
        folder = Path(temporary)
        with served(*([] if applied else ["--size", str(size)])) as account:
            try:
                environment = terraform.prepare(folder, account.url, wanted, applied=not applied)
            except terraform.Absent as absent:
                print(f"Terraform is left out: {absent}", file=sys.stderr)
                return told | {"absent": str(absent), "rows": {}}
            how: dict[str, Any] = {"account": account, "folder": folder, "environment": environment, "several": True}
            rows: dict[str, Spent] = {}
            if applied:
                rows["terraform apply"] = spent(apply, **how)
                rows["terraform plan after its apply"] = spent(plan, **how)
            else:
                rows["terraform plan"] = spent(plan, **how)
            told["versions"] = terraform.versions(folder)
    return told | {"rows": {name: row.data() for name, row in rows.items()}}


def crowd() -> Results:
    """A plan without changes over 5,000 roles, users and policies each."""
    wanted = Fleet(5000, 5000, 250, 5000, 200)
    with _project(wanted) as folder, served("--fleet", json.dumps(tables.numbers(wanted))) as account:
        rows = _reading(account, Path(folder), CROWDED)
    told = {
        "entities": wanted.entities,
        "roles": wanted.roles,
        "policies": wanted.policies,
        "profiles": wanted.profiles,
    }
    return told | {"rows": {name: row.data() for name, row in rows.items()}}


def latency() -> Results:
    """An apply from empty with some latency to each answer."""
    wanted = Fleet.of(200)
    with _project(wanted) as folder, served("--latency", str(LATENCY)) as account:
        how: dict[str, Any] = {"account": account, "folder": Path(folder), "environment": surroundings(account.url)}
        apply = (*IAMSYNC, "apply", "--auto-approve", "--quiet", "--parallelism", str(PARALLELISM))
        whole = spent(apply, **how)
    told = {"size": 200, "latency": LATENCY, "parallelism": PARALLELISM, "writes": writes(wanted)}
    return told | {"rows": {"apply": whole.data()}}


def throttle() -> Results:
    """An apply from empty and a plan against twenty calls a second, as IAM throttles."""
    wanted = Fleet.of(50)
    with _project(wanted) as folder, served("--rate", "20", "--burst", "20") as account:
        how: dict[str, Any] = {"account": account, "folder": Path(folder), "environment": surroundings(account.url)}
        applied = spent((*IAMSYNC, "apply", "--auto-approve", "--quiet"), **how)
        planned = spent((*IAMSYNC, "plan", "--detailed-exitcode", "--quiet"), **how)
    told = {"size": 50, "rate": 20, "writes": writes(wanted)}
    return told | {"rows": {"iamsync apply": applied.data(), "iamsync plan": planned.data()}}


def startup() -> Results:
    """What it costs to be told how to use it; `loaded` are libraries for work that came along."""
    cases: dict[str, tuple[tuple[str, ...], dict[str, str]]] = {
        "--help": (("--help",), {}),
        "validate --help": (("validate", "--help"), {}),
        "completion": ((), _COMPLETION),
        "version": (("version",), {}),
    }
    rows, loaded = {}, {}
    for name, (arguments, more) in cases.items():
        environment = surroundings(**more)
        rows[name] = least(7, lambda: spent((*IAMSYNC, *arguments), environment=environment)).data()  # noqa: B023
        loaded[name] = _loaded(arguments, environment)
    rows["python -c pass"] = least(7, lambda: spent((sys.executable, "-c", "pass"))).data()
    return {"rows": rows, "loaded": loaded}


def _loaded(arguments: tuple[str, ...], environment: Mapping[str, str]) -> list[str]:
    late = ("boto3", "botocore", "jsonschema", "deepdiff", "yaml", "rich")
    code = (
        "import atexit, sys\n"
        f"atexit.register(lambda: print('LOADED', *[n for n in {late!r} if n in sys.modules], file=sys.stderr))\n"
        "from iamsync.cli.app import main\n"
        f"sys.argv = ['iamsync', *{list(arguments)!r}]\n"
        "main()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    return next(line for line in done.stderr.splitlines() if line.startswith("LOADED")).split()[1:]


def validate() -> Results:
    """Five thousand resources in manifests, read and checked."""
    wanted = Fleet.of(2400)
    with _project(wanted) as folder:
        measured = least(RUNS, lambda: spent((*IAMSYNC, "validate", "--quiet"), folder=Path(folder)))
    return {"resources": wanted.entities + wanted.profiles, "rows": {"validate": measured.data()}}


def deciding() -> Results:
    """Decisions of the evaluator, permission differences, findings about documents: each in a process of its own."""
    return {name: _script(f"{name}.py") for name in ("evaluate", "access", "lint")}


def accounts() -> Results:
    """A hundred accounts in one run, and what an account's own read costs."""
    return _script("accounts.py")


def _script(name: str) -> Results:
    command = [sys.executable, str(HERE / name), "--json"]
    done = subprocess.run(command, env=surroundings(), stdout=subprocess.PIPE, text=True, check=True)
    told: Results = json.loads(done.stdout)
    return told


class _project(tempfile.TemporaryDirectory[str]):  # noqa: N801 - reads as a word where it is used
    """A folder with the fleet as a project, while it is open."""

    def __init__(self, wanted: Fleet) -> None:
        super().__init__(prefix="iamsync-bench-")
        write(Path(self.name), wanted)


GROUPS: Final[Mapping[str, Callable[[], Results]]] = {
    each.__name__: each for each in (crowd, latency, throttle, startup, validate, deciding, accounts)
}


def measured(group: str) -> Results:
    """The results of a group, with where they were had."""
    kind, _, number = group.rpartition("-")
    size = int(number) if number.isdecimal() else 0
    if kind == "fleet" and size:
        told = fleet(size)
    elif kind in ("terraform", "terraform-apply") and size:
        told = by_terraform(size, applied=kind == "terraform-apply")
    elif group in GROUPS:
        told = GROUPS[group]()
    else:
        raise SystemExit(f"there is no group {group}: fleet-N, terraform-N, terraform-apply-N, {', '.join(GROUPS)}")
    where = {"python": platform.python_version(), "cores": os.cpu_count(), "load": round(os.getloadavg()[0], 1)}
    return told | {"machine": where}


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description="What iamsync costs, beside the floor and Terraform.")
    parser.add_argument("groups", nargs="*", default=QUICK, metavar="GROUP")
    parser.add_argument(
        "--write", action="store_true", help="keep the results, and make the README's tables of all kept"
    )
    chosen = parser.parse_args(arguments)
    fresh: dict[str, Results] = {}
    for group in chosen.groups:
        print(f"{group} ...", file=sys.stderr, flush=True)
        fresh[group] = measured(group)
        if chosen.write:
            RESULTS.mkdir(exist_ok=True)
            text = json.dumps(fresh[group], indent=1, sort_keys=True) + "\n"
            (RESULTS / f"{group}.json").write_text(text, encoding="utf-8")
    if chosen.write:
        tables.write(HERE / "README.md", tables.kept(RESULTS))
        fresh |= tables.kept(RESULTS)
    print("\n\n".join(f"{title}\n\n{table}" for title, table in tables.made(fresh).items()))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
