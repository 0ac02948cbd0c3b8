"""The worst that can be given ends within seconds, and what is refused is refused in one clear error."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import pytest

from tests.fuzz.worst import WORST, Worst, took

QUICK = [one for one in WORST if one.quick]


@pytest.mark.parametrize("one", QUICK, ids=lambda one: one.name)
def test_the_worst_ends_within_its_time(one: Worst, tmp_path: Path) -> None:
    def late(*_: Any) -> None:
        raise AssertionError(f"{one.name} took over {one.seconds} seconds of CPU")

    before = signal.signal(signal.SIGPROF, late)
    signal.setitimer(signal.ITIMER_PROF, one.seconds)
    try:
        one.do(tmp_path)
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


@pytest.mark.slow
@pytest.mark.parametrize("one", WORST, ids=lambda one: one.name)
def test_the_worst_fits_in_its_memory(one: Worst) -> None:
    spent, memory = took(one)
    assert spent <= one.seconds
    assert memory <= one.megabytes
