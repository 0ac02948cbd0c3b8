"""The long comparison and the golden file, by hand: `python -m tests.oracle.run --cases 200000`."""

from __future__ import annotations

import argparse
import json
import secrets
import sys
import time
from pathlib import Path

from tests.oracle.cases import Json
from tests.oracle.compare import Comparison, drawn
from tests.oracle.judge import judged, missing
from tests.oracle.ours import decided

GOLDEN = Path(__file__).with_name("golden.jsonl")
_BATCH = 5000
_GOLDEN_SEED = 20261124
_GOLDEN_EACH = 110
_GOLDEN_LONGEST = 1300


def compare(cases: int, seed: int) -> int:
    """Compare batch by batch, each with a seed of its own from this one on."""
    found = Comparison()
    started = time.monotonic()
    for batch in range(-(-cases // _BATCH)):
        found.add(drawn(seed + batch, min(_BATCH, cases - batch * _BATCH)))
        print(f"{found.cases} cases, {len(found.open)} open", flush=True)
    took = time.monotonic() - started
    print(f"seeds {seed}.., {found.cases} cases in {took:.0f} s, {found.certain / found.cases:.1%} certain")
    print(", ".join(f"{count} {verdict}" for verdict, count in found.verdicts.most_common()))
    print(f"{sum(found.explained.values())} known differences:")
    for row, count in found.explained.most_common():
        print(f"  {count:6} {row}")
    print(f"{len(found.open)} differences without an explanation")
    for case, ours, theirs in found.open[:10]:
        print(f"  iamsync {ours}, the other {theirs}: {json.dumps(case)}")
    return 1 if found.open else 0


def golden() -> int:
    """Write the golden file: short cases on which both agree, as many of each verdict."""
    cases = [case for case in drawn(_GOLDEN_SEED, 4000) if len(json.dumps(case)) <= _GOLDEN_LONGEST]
    kept: dict[str, list[Json]] = {}
    for case, verdict in zip(cases, judged(cases), strict=True):
        held = kept.setdefault(verdict, [])
        if decided(case).verdict == verdict and len(held) < _GOLDEN_EACH:
            held.append({**case, "verdict": verdict})
    chosen = sorted((case for held in kept.values() for case in held), key=lambda case: int(case["id"]))
    text = "".join(json.dumps(case, separators=(",", ":")) + "\n" for case in chosen)
    GOLDEN.write_text(text, encoding="utf-8")
    print(f"{len(chosen)} cases in {GOLDEN.name}")
    return 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**9))
    parser.add_argument("--golden", action="store_true", help="write the golden file instead")
    asked = parser.parse_args()
    if reason := missing():
        print(f"the independent evaluator cannot be asked: {reason}", file=sys.stderr)
        return 2
    return golden() if asked.golden else compare(asked.cases, asked.seed)


if __name__ == "__main__":
    sys.exit(main())
