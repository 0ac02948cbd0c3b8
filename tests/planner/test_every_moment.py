"""At every moment of an apply what is allowed before and after stays allowed, and nothing else is allowed."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from iamsync.model import Plan
from iamsync.planner.plan import plan
from tests.laws.law import law
from tests.planner.dense import RESIDUAL, allowed, dense, excused
from tests.planner.doors import doors, entered, in_group
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


def check_doors(case: Upheaval, seed: int) -> None:
    """The same of who may assume which role, or read it by its tags: trust policies and tags have a say in it."""
    made = planned(case)
    old, new = entered(case.live), entered(case.desired)
    told = {one.address for one in made.findings if one.id in RESIDUAL and one.address is not None}
    spared = {who for address in told for who in (in_group(case) if address.kind == "group" else {address})}
    for sequence in sequences(made, 1, seed):
        iam = Iam(case.live)
        for step in sequence:
            iam.call(step.operation, step.params)
            now = entered(iam.state())
            wrong = (*sorted((old & new) - now), *sorted(now - old - new))
            assert not [one for one in wrong if not {one[0], one[2]} & spared], step


@law(25)
@given(doors(), st.integers(0, 10**6))
def test_nobody_comes_in_at_a_role_meanwhile_or_stands_before_it_without_a_finding(case: Upheaval, seed: int) -> None:
    check_doors(case, seed)


@law(25)
@given(doors(8), st.integers(0, 10**6))
def test_so_it_is_at_doors_where_little_changes(case: Upheaval, seed: int) -> None:
    check_doors(case, seed)
