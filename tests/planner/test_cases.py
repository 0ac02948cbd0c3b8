"""Every case is two sides in short words and the plan between them; UPDATE_GOLDENS=1 writes the plans anew."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from iamsync.planner import planfile
from tests.planner.casefile import plan_of, text_of

CASES = Path(__file__).parent / "cases"
NAMES = sorted(path.name for path in CASES.iterdir() if path.is_dir())


@pytest.mark.parametrize("name", NAMES)
def test_the_plan_is_what_it_was(name: str) -> None:
    made = plan_of((CASES / name / "case.yaml").read_text(encoding="utf-8"))
    text = text_of(made)
    golden = CASES / name / "plan.txt"
    if os.environ.get("UPDATE_GOLDENS"):
        golden.write_text(text, encoding="utf-8")
    assert text == golden.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", NAMES)
def test_the_same_case_gives_the_same_bytes(name: str) -> None:
    text = (CASES / name / "case.yaml").read_text(encoding="utf-8")
    one, other = (planfile.document([plan_of(text)], version="0", created_at="now") for _ in range(2))
    assert planfile.to_text(one) == planfile.to_text(other)
