"""At every moment of an apply what is allowed before and after stays allowed, and nothing else is allowed."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from iamsync.model import Plan
from iamsync.planner.plan import plan
from tests.laws.law import law
from tests.planner.dense import allowed, dense, excused
from tests.planner.iam import Iam
from tests.planner.upheaval import Upheaval, sequences
from tests.world import NOW, settings


def planned(case: Upheaval) -> Plan:
    return plan(case.desired, case.live, settings(), account_name="t", caller="c", now=NOW, access=False)


def check(case: Upheaval, seed: int, orders: int) -> None:
    made = planned(case)
    old, new = allowed(case.live), allowed(case.desired)
    spared = excused(made, case)
    for sequence in sequences(made, orders, seed):
        iam = Iam(case.live)
        for step in sequence:
            iam.call(step.operation, step.params)
            now = allowed(iam.state())
            lacking = [one for one in sorted((old & new) - now) if one[0] not in spared]
            beyond = [one for one in sorted(now - old - new) if one[0] not in spared]
            assert not lacking, ("lacking", step, lacking)
            assert not beyond, ("beyond", step, beyond)


@law(60)
@given(dense(), st.integers(0, 10**6))
def test_no_prefix_of_any_order_takes_or_gives_what_both_sides_do_not(case: Upheaval, seed: int) -> None:
    check(case, seed, 1)


@law(60)
@given(dense(8), st.integers(0, 10**6))
def test_so_it_is_where_little_changes(case: Upheaval, seed: int) -> None:
    check(case, seed, 1)
