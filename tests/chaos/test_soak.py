"""Plan and apply over and over, with somebody else at work in the account: no drift in the end, and no memory lost."""

from __future__ import annotations

import tracemalloc

import pytest

from tests.chaos.soak import soaked

CYCLES = 5


def test_a_quiet_run_after_many_disturbed_ones_leaves_exactly_what_is_declared() -> None:
    made = soaked(CYCLES, 2, look=lambda: 0.0)
    assert not made.wrong, made
    assert made.theirs > CYCLES
    assert made.endings["done"] + made.endings["in part"] > CYCLES / 2, made


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
