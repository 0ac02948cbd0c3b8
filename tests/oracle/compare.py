"""Both evaluators on the same cases, and what they differ in."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from tests.oracle.cases import Draw, Json
from tests.oracle.divergences import explains
from tests.oracle.judge import judged
from tests.oracle.ours import decided


@dataclass(slots=True)
class Comparison:
    """`explained` counts the differences by the rows of the table; `open` are those no row explains."""

    cases: int = 0
    certain: int = 0
    verdicts: Counter[str] = field(default_factory=Counter)
    explained: Counter[str] = field(default_factory=Counter)
    open: list[tuple[Json, str, str]] = field(default_factory=list)

    def add(self, cases: list[Json]) -> None:
        """Compare these cases too."""
        for case, theirs in zip(cases, judged(cases), strict=True):
            decision = decided(case)
            self.cases += 1
            self.certain += decision.certain
            self.verdicts[decision.verdict] += 1
            if decision.verdict == theirs:
                continue
            rows = explains(case, theirs, lambda asked: decided(asked).verdict)
            if rows:
                self.explained["+".join(rows)] += 1
            else:
                self.open.append((case, decision.verdict, theirs))


def drawn(seed: int, count: int) -> list[Json]:
    """The first cases of a seed."""
    draw = Draw(seed)
    return [draw.case(number) for number in range(count)]
