"""Whether `validate` and a plan without changes became dearer since the committed baseline: it reports, never fails.

    python benchmarks/decay.py [--write] [--by instructions|cpu]

Where valgrind is installed instructions are counted, which other work on the machine does not change; else it is CPU
time. Both are told as a multiple of a loop in pure Python measured in the same run, so that a faster machine or another
build of Python is not taken for an improvement. The server of the plan is another process and not counted.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.fleet import Fleet, write
from benchmarks.server import served
from benchmarks.spending import IAMSYNC, ROOT, least, spent, surroundings

BASELINE: Final = ROOT / "benchmarks" / "baseline.json"
# Beyond this share it is worth a look; what is below is the noise of each way of counting.
TOLERANCE: Final = {"instructions": 0.05, "cpu": 0.4}
SIZE: Final = 50
RUNS: Final = 5
_LOOP: Final = """
import json
text = json.dumps([{"Sid": f"s{n}", "Action": ["s3:GetObject", "s3:PutObject"], "Resource": "*"} for n in range(400)])
for _ in range(12):
    words = {}
    for each in json.loads(text):
        for action in each["Action"]:
            words.setdefault(action.partition(":")[2].lower(), []).append((each["Sid"], len(words)))
    sorted(words.items())
"""

Ratios = Mapping[str, float]


def ratios(way: str) -> dict[str, float]:
    """What each command takes as a multiple of the loop; both less what it takes to start Python."""
    count = {"instructions": _instructions, "cpu": _seconds}[way]
    with tempfile.TemporaryDirectory(prefix="iamsync-bench-") as temporary:
        folder = Path(temporary)
        write(folder, Fleet.of(SIZE))
        start = count((sys.executable, "-c", "pass"), folder, surroundings())
        loop = count((sys.executable, "-c", _LOOP), folder, surroundings()) - start
        validated = count((*IAMSYNC, "validate", "--quiet"), folder, surroundings())
        with served("--size", str(SIZE)) as account:
            command = (*IAMSYNC, "plan", "--detailed-exitcode", "--quiet")
            planned = count(command, folder, surroundings(account.url))
    found = {"validate": validated, "plan, no changes": planned}
    return {name: round((taken - start) / loop, 2) for name, taken in found.items()}


def compared(now: Ratios, before: Ratios, tolerance: float) -> Iterator[tuple[str, str]]:
    """For each command a verdict (`dearer`, `cheaper`, `same`, `new`) and a sentence."""
    for name, ratio in now.items():
        if name not in before:
            yield "new", f"{name}: {ratio:.2f} loops; the baseline does not have it"
            continue
        change = ratio / before[name] - 1
        verdict = "same" if abs(change) <= tolerance else "dearer" if change > 0 else "cheaper"
        yield verdict, f"{name}: {ratio:.2f} loops, {change:+.1%} against the baseline's {before[name]:.2f}: {verdict}"


def _instructions(command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> float:
    """Instructions of a command, all its threads; hashing is made the same for each run."""
    out = folder / "cachegrind.out"
    tool = ["valgrind", "--tool=cachegrind", "--cache-sim=no", f"--cachegrind-out-file={out}", "--quiet"]
    again = {**environment, "PYTHONHASHSEED": "0"}
    subprocess.run(command, cwd=folder, env=again, capture_output=True, check=True)  # bytecode is there
    subprocess.run([*tool, *command], cwd=folder, env=again, capture_output=True, check=True)
    found = re.search(r"^summary: (\d+)", out.read_text(encoding="utf-8"), re.MULTILINE)
    assert found is not None
    return float(found[1])


def _seconds(command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> float:
    return least(RUNS, lambda: spent(command, folder=folder, environment=environment)).cpu


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description="Against the committed baseline.")
    parser.add_argument("--write", action="store_true", help="what is measured is the new baseline")
    usual = "instructions" if shutil.which("valgrind") else "cpu"
    parser.add_argument("--by", choices=tuple(TOLERANCE), default=usual, help=f"how to count (here: {usual})")
    chosen = parser.parse_args(arguments)
    known: dict[str, Any] = json.loads(BASELINE.read_text(encoding="utf-8")) if BASELINE.exists() else {}
    now = ratios(chosen.by)
    print(f"counted by {chosen.by}, Python {platform.python_version()}, fleet of {SIZE} roles")
    before = known.get(chosen.by, {})
    for verdict, sentence in compared(now, before.get("loops", {}), TOLERANCE[chosen.by]):
        # An annotation where GitHub runs it; plain words anywhere else.
        mark = "::warning title=benchmark::" if verdict == "dearer" and os.environ.get("GITHUB_ACTIONS") else ""
        print(f"{mark}{sentence}")
    if before and before["python"] != list(platform.python_version_tuple()[:2]):
        print(f"the baseline is of Python {'.'.join(before['python'])}: read the shares with care")
    if chosen.write:
        known[chosen.by] = {"python": platform.python_version_tuple()[:2], "loops": now}
        BASELINE.write_text(json.dumps(known, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
