"""Whatever goes wrong between a run and AWS, running the same command again gets there: nothing lost, nothing twice.

One seed of each fault here; `make chaos` tries twenty at three rates on three plans, and writes docs/reliability.md.
"""

from __future__ import annotations

import pytest

from iamsync.events import RunStarted
from tests.chaos import grid, soak
from tests.chaos.faults import FAULTS
from tests.chaos.trial import Trial, tried
from tests.chaos.wires import endpoint

# The longest plan for the faults that have most to do with its edits, renames and replacements.
LONG = ("lost", "busy")
TURNS = [
    (fault, "update" if fault in LONG else ("create", "delete")[number % 2], number)
    for number, fault in enumerate(FAULTS)
]


def held(trial: Trial) -> Trial:
    """The trial, in which everything held, or all about it."""
    assert not trial.wrong, str(trial)
    return trial


@pytest.mark.parametrize(("fault", "scene", "seed"), TURNS)
def test_a_run_that_meets_a_fault_gets_there(fault: str, scene: str, seed: int) -> None:
    made = held(tried(fault, 0.3, seed, scene))
    assert made.struck, str(made)


def test_over_real_http_with_eight_calls_at_once_it_gets_there_too() -> None:
    with endpoint() as reached:
        made = held(tried("lost", 0.3, 1, "create", endpoint=reached, parallelism=8))
    assert made.struck, str(made)


def test_a_seed_meets_the_same_faults_each_time() -> None:
    first, second = (tried("throttled", 0.3, 5, "create") for _ in range(2))
    assert first.log == second.log
    assert first.seconds == pytest.approx(second.seconds)
    assert first.again == ".venv/bin/python -m tests.chaos.run --fault throttled --rate 0.3 --seed 5 --scene create"


def test_what_would_go_wrong_is_seen_and_told_with_how_to_repeat_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("iamsync.aws.execute.ONCE", frozenset())  # the SDK repeats what makes another thing each time
    made = next(one for seed in range(9) if (one := tried("lost", 0.5, seed, "update")).wrong)
    assert any("CreatePolicyVersion was carried out" in text for text in made.wrong)
    assert made.again in str(made)


def test_the_table_is_the_one_of_the_results_on_file() -> None:
    text = grid.PAGE.read_text(encoding="utf-8")
    assert f"{grid.BEGIN}\n\n{grid.table()}\n\n{grid.END}" in text
    assert f"{soak.BEGIN}\n\n{soak.told_in_words()}\n\n{soak.END}" in text


def test_a_call_that_is_not_on_record_before_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("iamsync.apply.StepStarted", lambda step: RunStarted("", 0))  # a record of something else
    made = tried("slow", 0.05, 0, "delete")
    assert any(text.endswith("was called before it was on record") for text in made.wrong)
