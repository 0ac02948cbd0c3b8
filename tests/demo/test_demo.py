"""The demo says today what its golden says."""

from __future__ import annotations

from pathlib import Path

import pytest

from demo import run


# `make demo` is this very comparison, and CI runs it before the tests.
@pytest.mark.slow
def test_the_demo_says_what_its_golden_says(tmp_path: Path) -> None:
    assert run.tour(tmp_path.resolve()) == run.GOLDEN.read_text(encoding="utf-8")
