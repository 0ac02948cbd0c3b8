"""Every order that a plan allows works: against an IAM of the tests' own, that refuses what AWS refuses."""

from __future__ import annotations

from hypothesis import assume, given
from hypothesis import strategies as st

from iamsync.kinds.codec import canonical_bytes
from iamsync.model import Plan
from iamsync.planner.plan import plan
from tests.laws.law import law
from tests.planner.iam import Iam
from tests.planner.upheaval import Upheaval, sequences, upheavals
from tests.world import NOW, bare, settings

# What no order of calls can do; the plan says so instead of trying.
IMPOSSIBLE = {"boundary-replace"}


def planned(case: Upheaval, settle: int = 0) -> Plan:
    made = plan(case.desired, case.live, settings(settle=settle), account_name="t", caller="c", now=NOW, access=False)
    refused = {guard.id for guard in made.refusals}
    assert refused <= IMPOSSIBLE, made.refusals
    assume(not refused)
    return made


@law(150)
@given(upheavals(), st.integers(0, 10**6))
def test_every_order_that_the_steps_allow_ends_in_what_was_declared(case: Upheaval, seed: int) -> None:
    made = planned(case)
    for sequence in sequences(made, 3, seed):
        iam = Iam(case.live, case.live.quotas)
        for step in sequence:
            iam.call(step.operation, step.params)
        assert bare(iam.state(), case.desired) == bare(case.desired, case.desired)
        again = plan(case.desired, iam.state(), settings(), account_name="t", caller="c", now=NOW, access=False)
        assert not again.changes


@law(60)
@given(upheavals())
def test_steps_are_numbered_in_order_and_no_call_is_made_twice(case: Upheaval) -> None:
    made = planned(case, settle=10)
    numbers = {step.id: number for number, step in enumerate(made.steps, 1)}
    assert [f"s{number}" for number in range(1, len(made.steps) + 1)] == list(numbers)
    for step in made.steps:
        assert all(numbers[before] < numbers[step.id] for before in step.after), step
    calls = [(s.operation, canonical_bytes(dict(s.params))) for s in made.steps if s.operation != "wait"]
    assert len(set(calls)) == len(calls)
