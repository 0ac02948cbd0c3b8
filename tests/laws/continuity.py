"""What stays allowed at every moment of an apply, measured: `python -m tests.laws.continuity --plans 2000`.

Over generated plans, in the plan's own order, the most awkward one its edges allow and one drawn by lot: after every
call each request of a small alphabet is asked of the offline evaluator. One that both sides allow must be allowed, one
that neither allows must not be. `--write` puts the table into docs/reliability.md.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from iamsync.model import Address
from tests.planner.dense import ACTIONS, RESIDUAL, RESOURCES, _behind, allowed, dense
from tests.planner.iam import Iam
from tests.planner.test_every_moment import planned
from tests.planner.upheaval import Upheaval, sequences

PAGE = Path(__file__).parent.parent.parent / "docs" / "reliability.md"
BEGIN, END = "<!-- continuity: make continuity -->", "<!-- end of continuity -->"
# Why no order of calls keeps these up.
REASONS = {
    "access-gap": "a resource is replaced in its own name: between deletion and creation nobody has what it grants",
    "boundary-swap": "one call puts a boundary in the place of another; policies wait for it, or it for them",
    "crossed-moves": "a membership or attachment brings what the same plan still changes elsewhere",
    "mixed-edit": "one document gives and takes at once, and others give and take the same the other way round",
    "quota-swap": "at the quota something must come off before the new can go on",
    "tag-edit": "one call changes a tag that policies ask for, and with it what all of them say",
}


@dataclass
class Tally:
    """What was counted; `told` are the broken requests by the finding that said so, and how they were broken."""

    plans: int = 0
    with_finding: int = 0
    orders: int = 0
    prefixes: int = 0
    asked: int = 0
    kept: int = 0
    told: Counter[tuple[str, str]] = field(default_factory=Counter)
    untold: list[str] = field(default_factory=list)

    def take(self, case: Upheaval, dice: int) -> None:
        """Count one plan: every prefix of three of its orders."""
        made = planned(case)
        old, new = allowed(case.live), allowed(case.desired)
        who = {
            one.address for state in (case.live, case.desired) for one in state if one.address.kind in ("user", "role")
        }
        size = len(who) * len(ACTIONS) * len(RESOURCES) * 2
        blamed: dict[Address, set[str]] = {}
        for one in made.findings:
            if one.id in RESIDUAL and one.address is not None:
                for principal in _behind(one.address, case):
                    blamed.setdefault(principal, set()).add(one.id)
        self.plans += 1
        self.with_finding += bool(blamed)
        for sequence in sequences(made, 1, dice):
            iam = Iam(case.live)
            self.orders += 1
            for step in sequence:
                if step.operation == "wait":
                    continue
                iam.call(step.operation, step.params)
                now = allowed(iam.state())
                self.prefixes += 1
                self.asked += size
                broken = [("taken for a moment", one) for one in (old & new) - now]
                broken += [("given for a moment", one) for one in now - old - new]
                self.kept += size - len(broken)
                for how, one in broken:
                    for name in sorted(blamed.get(one[0], ()))[:1]:
                        self.told[name, how] += 1
                    if one[0] not in blamed:
                        self.untold.append(f"{how}: {one}, after {step.operation} {dict(step.params)}")

    @property
    def broken(self) -> int:
        return sum(self.told.values())

    def table(self) -> str:
        rows = [
            ("plans generated", f"{self.plans:,}"),
            ("of them with a finding that something cannot be kept up", f"{self.with_finding:,}"),
            ("orders of their calls tried", f"{self.orders:,}"),
            ("prefixes checked", f"{self.prefixes:,}"),
            ("requests asked", f"{self.asked:,}"),
            ("kept: as both sides say, or on its way from one to the other", f"{self.kept:,}"),
            ("broken, with a finding that said so", f"{self.broken:,}"),
            ("**broken without a finding**", f"**{len(self.untold):,}**"),
        ]
        lines = ["| What | Count |", "|---|---:|", *(f"| {name} | {count} |" for name, count in rows), ""]
        lines += [
            "| Finding | Taken for a moment | Given for a moment | Why no order of calls avoids it |",
            "|---|---:|---:|---|",
        ]
        for name in RESIDUAL:
            taken, lent = self.told[name, "taken for a moment"], self.told[name, "given for a moment"]
            lines.append(f"| `{name}` | {taken:,} | {lent:,} | {REASONS[name]} |")
        return "\n".join(lines) + "\n"


def measured(plans: int, first: int = 0) -> Tally:
    """The tally of so many plans, half of them between accounts that differ in much, half in little."""
    tally = Tally()
    for number, strategy in enumerate((dense(), dense(8))):

        @seed(first + number)
        @settings(
            max_examples=max(plans // 2, 1),
            database=None,
            deadline=None,
            derandomize=False,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(strategy, st.integers(0, 10**6))
        def one(case: Upheaval, dice: int) -> None:
            tally.take(case, dice)

        one()
    return tally


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--plans", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--write", action="store_true")
    given_ = parser.parse_args()
    tally = measured(given_.plans, given_.seed)
    print(tally.table())
    for line in tally.untold[:20]:
        print(line)
    if given_.write:
        before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
        after = rest.partition(END)[2]
        PAGE.write_text(f"{before}{BEGIN}\n{tally.table()}{END}{after}", encoding="utf-8")
    return 1 if tally.untold else 0


if __name__ == "__main__":
    sys.exit(main())
