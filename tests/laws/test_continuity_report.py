"""The report on what stays allowed meanwhile: a few plans of the many, and the page that holds its last table."""

from __future__ import annotations

from tests.laws.continuity import BEGIN, END, PAGE, REASONS, measured
from tests.planner.dense import RESIDUAL


def test_every_request_is_kept_or_told() -> None:
    tally = measured(6)
    assert tally.plans >= 6
    assert not tally.untold
    assert tally.asked == tally.kept + tally.broken
    assert tally.prefixes > tally.plans


def test_the_page_holds_a_table_with_nothing_broken_untold_and_every_residual_case() -> None:
    text = PAGE.read_text(encoding="utf-8").partition(BEGIN)[2].partition(END)[0]
    assert "| **broken without a finding** | **0** |" in text
    assert tuple(REASONS) == RESIDUAL
    for name in RESIDUAL:
        assert f"| `{name}` |" in text
