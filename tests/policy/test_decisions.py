"""Every case of tests/policy/decisions, by the page of the IAM User Guide it follows."""

from __future__ import annotations

from collections import Counter

import pytest

from iamsync.policy.explanation import told
from tests.policy.decision_cases import KEYS, Case, cases

CASES = tuple(cases())


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_decision_is_the_documented_one(case: Case) -> None:
    decision = case.decide()
    assert (decision.verdict, decision.certain) == (case.verdict, case.certain), told(decision)
    assert bool(decision.reasons) is not decision.certain
    assert case.held.get("because", "") in "; ".join(decision.reasons)
    if "blocked" in case.held:
        assert decision.blocked_by == case.held["blocked"]
    if "near" in case.held:
        assert case.held["near"] in str(decision.near[0])
    if "decides" in case.held:
        decides = case.held["decides"]
        assert [str(match) for match in decision.deciding] == (decides if isinstance(decides, list) else [decides])


def test_the_cases_are_many_and_each_names_its_source() -> None:
    assert len(CASES) >= 300
    assert all(case.held["source"] for case in CASES)
    assert [str(case) for case in CASES if not set(case.held) <= KEYS] == []
    assert [name for name, count in Counter(str(case) for case in CASES).items() if count > 1] == []
