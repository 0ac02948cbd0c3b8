"""Results of measurements as the tables of benchmarks/README.md: pure, so that the page is what the figures say.

Results are by group (`run.py`), as they stand in benchmarks/results/. A row whose figures are not there is left out.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from math import ceil
from pathlib import Path
from typing import Any, Final

from benchmarks.fleet import Fleet
from benchmarks.server import READS

Results = dict[str, Any]

_BEGIN: Final = "<!-- made by benchmarks/run.py: {} -->"
_END: Final = "<!-- end -->"
_PAGE, _TAG_PAGE = 1000, 100
_TITLES: Final = {
    "iamsync plan": "iamsync: plan, no changes",
    "floor with tags": "floor: the same read in plain boto3",
    "floor": "floor without tags",
    "terraform plan": "Terraform: plan, no changes",
    "iamsync apply": "iamsync: apply from empty",
    "terraform apply": "Terraform: apply from empty",
    "terraform plan after its apply": "Terraform: plan after its own apply",
}


def numbers(fleet: Fleet) -> dict[str, int]:
    """What makes a fleet, for another process."""
    return {name: getattr(fleet, name) for name in ("roles", "users", "groups", "policies", "profiles", "seed")}


def kept(folder: Path) -> dict[str, Results]:
    """All results of a folder by group."""
    return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))}


def made(results: Mapping[str, Results]) -> dict[str, str]:
    """Title to table, of whatever there are results for."""
    tables = {
        "targets": _table(("What", "Must reach", "Measured", "Reached"), targets(results)),
        "side by side": _table(
            ("N", "Entities", "What", "Calls", "of them writes", "CPU s", "Wall s", "Memory MB"), _fleets(results)
        ),
        "by operation": _table(("N", "What", "Calls by operation"), _operations(results)),
        "start-up": _table(
            ("Command", "CPU ms", "Memory MB", "Libraries for work that were loaded"), _startup(results)
        ),
        "under load": _table(("What", "Calls", "throttled", "CPU s", "Wall s"), _under_load(results)),
    }
    return {title: table for title, table in tables.items() if table}


def write(page: Path, results: Mapping[str, Results]) -> None:
    """Put the tables between their marks in a page; ValueError where a mark is missing."""
    page.write_text(filled(page.read_text(encoding="utf-8"), results), encoding="utf-8")


def filled(text: str, results: Mapping[str, Results]) -> str:
    """A page with the tables between their marks."""
    for title, table in made(results).items():
        begin = _BEGIN.format(title)
        before, found, rest = text.partition(begin)
        _, ended, after = rest.partition(_END)
        if not (found and ended):
            raise ValueError(f"the page has no place for {title}: {begin} ... {_END}")
        text = f"{before}{begin}\n\n{table}\n\n{_END}{after}"
    return text


def read_calls(result: Results) -> int:
    """How many calls a plan without changes needs where every page is full: they grow with pages alone."""
    full: list[float] = [result["entities"] / _PAGE, result["roles"] / _PAGE, result["profiles"] / _PAGE]
    full.append((result["policies"] + result["profiles"]) / _TAG_PAGE)
    return sum(map(ceil, full)) + len(("GetCallerIdentity", "GetAccountSummary", "ListAccountAliases"))


def targets(results: Mapping[str, Results]) -> Iterator[tuple[str, ...]]:
    """What must be reached, what was measured, whether it is."""
    for group in _sizes(results):
        result = results[group]
        calls, wanted = _calls(result["rows"]["iamsync plan"]), read_calls(result)
        what = f"Read of a whole account, N={result['size']}"
        yield _row(what, f"a call a page and 3 more: {wanted}", f"{calls} calls", calls <= wanted)
    if found := results.get("fleet-1000"):
        yield _bounded("Plan, no changes, N=1000 (2,050 entities)", found["rows"]["iamsync plan"], 15, 3, 200)
    if found := results.get("crowd"):
        what = "Plan, no changes, 5,000 roles + 5,000 users + 5,000 policies"
        yield _bounded(what, found["rows"]["iamsync plan"], None, 15, 600)
    if found := results.get("fleet-200"):
        row, wanted = found["rows"]["iamsync apply"], found["writes"]
        writes, calls = _writes(row), _calls(row)
        limit = f"{wanted} writes, at most {wanted + 10} calls"
        fine = writes == wanted and calls <= wanted + 10
        yield _row("Apply from empty, N=200", limit, f"{writes} writes, {calls} calls", fine)
    if found := results.get("latency"):
        yield _delayed(found)
    if found := results.get("startup"):
        for name in ("--help", "validate --help", "completion"):
            cpu, loaded = found["rows"][name]["cpu"] * 1000, found["loaded"][name]
            told = f"{cpu:.0f} ms; {', '.join(loaded) or 'none'} loaded"
            yield _row(f"`{name}`", "100 ms CPU; no library for work", told, cpu <= 100 and not loaded)
    if found := results.get("validate"):
        cpu = found["rows"]["validate"]["cpu"]
        yield _row(f"`validate` of {found['resources']:,} resources", "4 CPU s", f"{cpu:.1f} CPU s", cpu <= 4)
    if found := results.get("deciding"):
        yield from _decisions(found)
    if found := results.get("accounts"):
        over = found["overhead"]
        told = f"{over:.0f} ms ({found['each']:.0f} ms with its read)"
        yield _row(f"{found['accounts']} accounts in one run", "30 ms CPU an account beyond its read", told, over <= 30)


def _delayed(found: Results) -> tuple[str, ...]:
    row = found["rows"]["apply"]
    ideal = _writes(row) * found["latency"] / 1000 / found["parallelism"]
    what = f"Apply from empty, N={found['size']}, {found['latency']} ms an answer, {found['parallelism']} at once"
    limit = f"{1.5 * ideal:.1f} s for {_writes(row):,} writes, beside start-up, read and plan"
    return _row(what, limit, f"{row['writing']:.1f} s ({row['writing'] / ideal:.2f} x)", row["writing"] <= 1.5 * ideal)


def _decisions(found: Results) -> Iterator[tuple[str, ...]]:
    slowest = min(found["evaluate"]["per_second"].values())
    told = ", ".join(f"{number:,.0f}/s {name}" for name, number in found["evaluate"]["per_second"].items())
    yield _row("Decisions of the offline evaluator", "5,000 a second", told, slowest >= 5000)
    name, worst = max(found["access"]["milliseconds"].items(), key=lambda one: one[1])
    what = "Permission difference of a principal with ten policies"
    yield _row(what, "50 ms", f"{worst:.0f} ms at most ({name})", worst < 50)
    took = found["lint"]["seconds"]
    yield _row(f"Findings about {found['lint']['documents']:,} documents", "2 CPU s", f"{took:.1f} CPU s", took < 2)


def _bounded(what: str, row: Mapping[str, Any], calls: int | None, cpu: float, memory: float) -> tuple[str, ...]:
    made = _calls(row)
    limit = (f"{calls} calls, " if calls else "") + f"{cpu} CPU s, {memory} MB"
    fine = made <= (calls or made) and row["cpu"] <= cpu and row["memory"] <= memory
    return _row(what, limit, f"{made} calls, {row['cpu']:.1f} CPU s, {row['memory']} MB", fine)


def _row(what: str, limit: str, measured: str, fine: bool) -> tuple[str, ...]:
    return what, limit, measured, "yes" if fine else "**no**"


def _fleets(results: Mapping[str, Results]) -> Iterator[tuple[str, ...]]:
    for group in _sizes(results):
        for each in (group, *_terraform(group)):
            if each in results:
                yield from _compared(str(results[group]["size"]), results[each])
    if found := results.get("crowd"):
        yield from _compared("5000 of each", found)


def _compared(name: str, result: Results) -> Iterator[tuple[str, ...]]:
    for key, title in _TITLES.items():
        if row := result["rows"].get(key):
            figures = (_calls(row), _writes(row), f"{row['cpu']:.1f}", f"{row['wall']:.1f}", row["memory"])
            yield name, f"{result['entities']:,}", title, *map(str, figures)


def _operations(results: Mapping[str, Results]) -> Iterator[tuple[str, ...]]:
    for group in _sizes(results):
        for each, key in ((group, "iamsync plan"), (_terraform(group)[0], "terraform plan")):
            if row := results.get(each, {"rows": {}})["rows"].get(key):
                told = ", ".join(f"{name} {number}" for name, number in sorted(row["calls"].items()))
                yield str(results[group]["size"]), _TITLES[key], told


def _startup(results: Mapping[str, Results]) -> Iterator[tuple[str, ...]]:
    found = results.get("startup", {"rows": {}})
    for name, row in found["rows"].items():
        loaded = ", ".join(found["loaded"].get(name, ())) or "none"
        yield f"`{name}`", f"{row['cpu'] * 1000:.0f}", str(row["memory"]), loaded


def _under_load(results: Mapping[str, Results]) -> Iterator[tuple[str, ...]]:
    for group, words in (
        ("latency", "N={size}, {latency} ms an answer"),
        ("throttle", "N={size}, {rate} calls a second"),
    ):
        found = results.get(group)
        for name, row in found["rows"].items() if found else ():
            told = (_calls(row), row.get("throttled", 0), f"{row['cpu']:.1f}", f"{row['wall']:.1f}")
            yield f"{name.removeprefix('iamsync ')}, {words.format(**found)}", *map(str, told)  # type: ignore[arg-type]


def _terraform(group: str) -> tuple[str, str]:
    """The groups in which Terraform was measured on the same fleet."""
    number = group.rpartition("-")[2]
    return f"terraform-{number}", f"terraform-apply-{number}"


def _sizes(results: Mapping[str, Results]) -> list[str]:
    return sorted((group for group in results if group.startswith("fleet-")), key=lambda group: int(group[6:]))


def _calls(row: Mapping[str, Any]) -> int:
    return sum(row["calls"].values())


def _writes(row: Mapping[str, Any]) -> int:
    return sum(number for name, number in row["calls"].items() if not name.startswith(READS))


def _table(head: Sequence[str], rows: Iterator[tuple[str, ...]]) -> str:
    lines = [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join([f"| {' | '.join(head)} |", "|---" * len(head) + "|", *lines]) if lines else ""
