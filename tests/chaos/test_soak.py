"""Plan and apply over and over, with somebody else at work in the account: no drift in the end, and no memory lost."""

from __future__ import annotations

import tracemalloc

import pytest

from tests.chaos.soak import Soaked, soaked

CYCLES = 5


def test_a_quiet_run_after_many_disturbed_ones_leaves_exactly_what_is_declared() -> None:
    made = soaked(CYCLES, 2, look=lambda: 0.0)
    assert not made.wrong, made
    assert made.theirs > CYCLES
    assert made.endings["done"] + made.endings["in part"] > CYCLES / 2, made


def test_memory_that_grows_to_the_end_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Soaked(10, 1, rss=[0.0, 90.0, 90.0, *[100.0] * 7]).grown == 0.0
    monkeypatch.setattr("tests.chaos.soak.once", lambda *_: "nothing to do")
    memory = iter((1.0, 2.0, 50.0))
    assert "memory grew by 48.0 MB in the second half" in soaked(3, 2, look=lambda: next(memory)).wrong


@pytest.mark.slow
def test_what_is_kept_from_cycle_to_cycle_does_not_grow() -> None:
    soaked(2, 3, look=lambda: 0.0)  # whatever is loaded and cached once
    tracemalloc.start()
    try:
        made = soaked(6, 3, look=lambda: tracemalloc.get_traced_memory()[0] / 1e6)
    finally:
        tracemalloc.stop()
    assert not made.wrong, made
    assert made.rss[-1] - made.rss[1] < 1.0, made.rss
