"""A long time in one account: plan and apply, again and again, while somebody else changes the same account.

    python -m tests.chaos.soak --cycles 500 --seed 1

Each cycle declares another state and applies it, and the somebody makes changes before some of the calls. The last run
has the account for itself and must leave exactly what is declared. Memory is looked at on the way: what is kept from
cycle to cycle must not grow.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import random
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from iamsync.apply import apply
from iamsync.aws.execute import Executor
from iamsync.aws.read import confirm, read
from iamsync.errors import IamsyncError
from iamsync.kinds import KINDS
from iamsync.model import State
from iamsync.planner.confirming import questions
from iamsync.planner.plan import plan
from iamsync.planner.scope import looked_at
from tests.chaos import trial
from tests.chaos.faults import Chaos, Faulty
from tests.chaos.meddling import meddling
from tests.chaos.scenes import OPTIONS, SCENES, marks, ours, server_of, told, untouched
from tests.chaos.trial import RUNS, embedded_connection, ruled
from tests.chaos.wires import sandbox
from tests.laws.upheaval import AFTER, BEFORE
from tests.world import NOW, bare, changed, towards

RESULTS: Final = Path(__file__).resolve().parent / "results" / "soak.json"
PAGE: Final = Path(__file__).resolve().parents[2] / "docs" / "reliability.md"
BEGIN, END = "<!-- soak: written by make soak -->", "<!-- end of soak -->"
# Without renames: where somebody makes the old name again, only a person can tell which of the two is meant.
A, B = (
    State.of(one.account_id, [replace(each, renamed_from=None) for each in one], complete=frozenset(KINDS))
    for one in (BEFORE, AFTER)
)
GROWTH: Final = 5.0  # MB that the second half may take more than the first
QUIET: Final = 0.3  # how many of the cycles nobody disturbs


@dataclass
class Soaked:
    """What came of it: `rss` in MB at each tenth, `wrong` is empty where everything held."""

    cycles: int
    seed: int
    calls: int = 0
    theirs: int = 0
    endings: Counter[str] = field(default_factory=Counter)
    rss: list[float] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    @property
    def grown(self) -> float:
        """MB between the middle of the way, when all is loaded and warm, and the end."""
        return self.rss[-1] - self.rss[len(self.rss) // 2] if self.rss else 0.0


def soaked(cycles: int, seed: int, look: Callable[[], float] | None = None) -> Soaked:
    """So many cycles; `look` tells the memory in MB, ten times on the way."""
    made, chance = Soaked(cycles, seed), random.Random(seed)
    look = look or resident
    server = server_of(SCENES["update"])
    before = marks(server)
    meddle = meddling(server)
    chaos = Chaos("writer", 0.15, seed, trial._CLOCK, meddle=meddle)
    wanted = A
    with ruled():
        for cycle in range(cycles):
            wanted = declared(chance)
            chaos.seed = seed * 1_000_000 + cycle
            chaos.quiet = chance.random() < QUIET
            made.endings[once(server, wanted, chaos)] += 1
            if (cycle + 1) % max(1, cycles // 10) == 0:
                forget(chaos, made)
                gc.collect()
                made.rss.append(look())
        chaos.quiet = True
        for _ in range(RUNS):
            if once(server, wanted, chaos) == "nothing to do":
                break
        else:
            made.wrong.append("the quiet runs in the end did not get there")
    forget(chaos, made)
    left = told(server)
    if ours(left, replace(SCENES["update"], after=wanted)) != bare(wanted):
        made.wrong.append("drift is left after the last quiet run")
    if marks(server) != before or not untouched(left):
        made.wrong.append("somebody else's resources were touched")
    if any(len(each.facts["versions"]) > 5 for each in left if each.address.kind == "policy"):
        made.wrong.append("versions of a policy pile up")
    if made.grown > GROWTH:
        made.wrong.append(f"memory grew by {made.grown:.1f} MB in the second half")
    return made


def declared(chance: random.Random) -> State:
    """The next state to want: one of the two, with some tags of its own; what only the other has is removed."""
    wanted, other = (A, B) if chance.random() < 0.5 else (B, A)
    for address in wanted.resources:
        if address.kind in ("user", "role", "policy") and chance.random() < 0.3:
            wanted = changed(wanted, address, tags=(("round", str(chance.randrange(5))),))
    return towards(wanted, other)


def once(server: Any, wanted: State, chaos: Chaos) -> str:
    """One command; how it ended."""
    connection = embedded_connection(Faulty(sandbox(server), chaos), sandbox(server))
    try:
        live = read(connection, kinds=looked_at((wanted,), OPTIONS.scope), parallel=False, sleep=chaos.clock.sleep)
        live = confirm(connection, live, questions(wanted, live, OPTIONS), workers=1)
        made = plan(wanted, replace(live, unread=frozenset()), OPTIONS, account_name="test", caller=connection.caller,
                    now=NOW, access=False)  # fmt: skip
        if made.refusals:
            return f"refused: {made.refusals[0].id}"
        if not made.changes:
            return "nothing to do"
        execute = Executor(connection, sleep=chaos.clock.sleep, jitter=lambda: 0.5)
        ended = apply(made, execute, parallelism=1, report=lambda event: None)
    except IamsyncError as error:
        return error.code
    return "done" if not (ended.failed or ended.skipped) else "in part"


def forget(chaos: Chaos, made: Soaked) -> None:
    """Count what the harness kept of the calls, and keep it no longer: it is not the product's memory."""
    made.calls += chaos.calls
    made.theirs += chaos.struck.total()
    chaos.calls = 0
    for held in (chaos.log, chaos.writes, chaos.struck, chaos._asked):
        held.clear()


def resident() -> float:
    """This process's memory in MB."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def told_in_words() -> str:
    """The result on file as the page tells it."""
    if not RESULTS.exists():
        return "`make soak` writes what came of it here."
    held = json.loads(RESULTS.read_text(encoding="utf-8"))
    ended = ", ".join(f"{number} {words}" for words, number in held["endings"].items())
    wrong = "; ".join(held["wrong"]) or "No drift was left, and nothing else was wrong"
    memory = ", ".join(f"{each:g}" for each in held["rss_mb"])
    return (
        f"{held['cycles']} cycles from seed {held['seed']}: {held['calls']:,} calls, "
        f"{held['changes by somebody else']:,} changes by somebody else; runs that ended: {ended}. Memory at each "
        f"tenth of the way, in MB: {memory}. {wrong}."
    )


def written() -> None:
    """Put the result into the page, between its markers."""
    text = PAGE.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    PAGE.write_text(f"{before}{BEGIN}\n\n{told_in_words()}\n\n{END}{after}", encoding="utf-8")


def main() -> int:
    """A soak, and its result on file; 1 where something did not hold."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cycles", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    begun = time.process_time()
    made = soaked(given.cycles, given.seed)
    content = {"cycles": made.cycles, "seed": made.seed, "calls": made.calls, "changes by somebody else": made.theirs,
               "endings": dict(made.endings.most_common()), "rss_mb": [round(each, 1) for each in made.rss],
               "wrong": made.wrong}  # fmt: skip
    print(json.dumps(content, indent=1))
    print(f"{time.process_time() - begun:.0f} s of CPU", file=sys.stderr)
    if given.cycles >= 100:
        RESULTS.parent.mkdir(exist_ok=True)
        RESULTS.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
        written()
    return 1 if made.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
