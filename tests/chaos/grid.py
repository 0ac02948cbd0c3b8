"""The grid: each fault at each rate on many seeds and every scene; its results, and the table that is made of them.

python -m tests.chaos.grid                      # all of it, then the table of docs/reliability.md
python -m tests.chaos.grid --only lost stale    # some faults; their rows replace those of before
python -m tests.chaos.grid --table              # only the table, from the results on file
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

from tests.chaos.faults import FAULTS
from tests.chaos.scenes import SCENES
from tests.chaos.trial import Trial, tried
from tests.chaos.wires import endpoint

ROOT: Final = Path(__file__).resolve().parents[2]
RESULTS: Final = ROOT / "tests" / "chaos" / "results"
PAGE: Final = ROOT / "docs" / "reliability.md"
BEGIN, END = "<!-- grid: written by make chaos -->", "<!-- end of grid -->"
RATES: Final = (0.05, 0.15, 0.3)
SEEDS: Final = {"embedded": 20, "http": 2}
BLOCK: Final = 2  # seeds at a time


def trials(fault: str, transport: str, rate: float, seeds: Iterable[int]) -> Iterator[Trial]:
    """Every scene on every seed; over HTTP with eight calls at once."""
    if transport == "embedded":
        yield from (tried(fault, rate, seed, scene) for seed in seeds for scene in SCENES)
        return
    with endpoint() as reached:
        for seed in seeds:
            for scene in SCENES:
                yield tried(fault, rate, seed, scene, endpoint=reached, parallelism=8)


def added(row: dict[str, Any], made: Iterable[Trial]) -> None:
    """Count these trials into a row of the table."""
    for one in made:
        row["trials"] += 1
        row["calls"] += one.calls
        row["struck"] += one.struck
        row["runs"][str(one.runs)] = row["runs"].get(str(one.runs), 0) + 1
        if one.wrong:
            row["failed"].append({"wrong": one.wrong, "again": one.again})
            print(f"    {'; '.join(one.wrong)}\n    {one.again}", flush=True)


def measured(faults: Iterable[str], more: bool) -> int:
    """Make the trials of these faults and keep the results; how many failed. `more` goes on from what is on file.

    A few seeds of every row first, then the next ones: whenever it is stopped, all rows tell about as much.
    """
    RESULTS.mkdir(exist_ok=True)
    held = {fault: _on_file(fault) if more else [] for fault in faults}
    parts = [(way, end) for way, seeds in SEEDS.items() for end in range(BLOCK, seeds + 1, BLOCK)]
    for transport, end in parts:
        for fault, rows in held.items():
            for rate in RATES:
                found = [row for row in rows if (row["transport"], row["rate"]) == (transport, rate)]
                if not found:
                    found = [{"fault": fault, "transport": transport, "rate": rate, "seeds": 0, "trials": 0, "calls": 0,
                              "struck": 0, "runs": {}, "failed": []}]  # fmt: skip
                    rows += found
                (row,) = found
                if row["seeds"] < end:
                    added(row, trials(fault, transport, rate, range(row["seeds"], end)))
                    row["seeds"] = end
                    (RESULTS / f"{fault}.json").write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
                    print(_line(row), flush=True)
    return sum(len(row["failed"]) for rows in held.values() for row in rows)


def _on_file(fault: str) -> list[dict[str, Any]]:
    path = RESULTS / f"{fault}.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else []


def table() -> str:
    """The results on file as the table of the page."""
    order = list(SEEDS)
    rows = [
        row
        for fault in FAULTS
        for row in sorted(_on_file(fault), key=lambda row: (order.index(row["transport"]), row["rate"]))
    ]
    lines = [
        "| Fault | Way | Rate | Trials | Calls | Struck | Runs, median (most) | Failed |",
        "|---|---|---|---|---|---|---|---|",
    ]
    lines += [_line(each) for each in rows]
    lines.append(f"\n{_seeds(rows)}")
    total = sum(each["trials"] for each in rows)
    failed = sum(len(each["failed"]) for each in rows)
    lines.append(f"\n{total:,} trials, {sum(each['calls'] for each in rows):,} calls, "
                 f"{sum(each['struck'] for each in rows):,} of them struck; {failed or 'none'} failed.")  # fmt: skip
    return "\n".join(lines)


def _seeds(rows: list[dict[str, Any]]) -> str:
    """How much of the whole grid the rows are."""
    inside = [row["seeds"] for row in rows if row["transport"] == "embedded"]
    over = sorted({row["fault"] for row in rows if row["transport"] == "http"})
    if min(inside) == SEEDS["embedded"] and len(over) == len(FAULTS):
        return f"This is all of it: {SEEDS['embedded']} seeds in process, and {SEEDS['http']} over HTTP."
    told = f"On file are {min(inside)} to {max(inside)} of {SEEDS['embedded']} seeds in process"
    return f"{told}, and over HTTP {len(over)} of {len(FAULTS)} faults ({', '.join(f'`{one}`' for one in over)})."


def _line(each: dict[str, Any]) -> str:
    way = {"embedded": "in process", "http": "HTTP, 8 at once"}[each["transport"]]
    counted = [int(runs) for runs, times in each["runs"].items() for _ in range(times)]
    runs = f"{statistics.median(counted):g} ({max(counted)})"
    cells = (f"`{each['fault']}`", way, f"{each['rate']:.0%}", each["trials"], f"{each['calls']:,}",
             f"{each['struck']:,}", runs, len(each["failed"]))  # fmt: skip
    return f"| {' | '.join(map(str, cells))} |"


def written() -> None:
    """Put the table into the page, between its markers."""
    text = PAGE.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    PAGE.write_text(f"{before}{BEGIN}\n\n{table()}\n\n{END}{after}", encoding="utf-8")


def main() -> int:
    """The grid; 1 where a trial failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=FAULTS, default=list(FAULTS))
    parser.add_argument("--table", action="store_true")
    parser.add_argument("--more", action="store_true", help="only the rows that are not on file")
    given = parser.parse_args()
    failed = 0 if given.table else measured(given.only, given.more)
    if PAGE.exists():
        written()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
