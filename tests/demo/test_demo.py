"""The demo says today what its golden says."""

from __future__ import annotations

from pathlib import Path

from demo import run


def test_the_demo_says_what_its_golden_says(tmp_path: Path) -> None:
    assert run.tour(tmp_path.resolve()) == run.GOLDEN.read_text(encoding="utf-8")
