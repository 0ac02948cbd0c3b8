"""The laws every plan obeys, over generated states of all kinds and fields."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import assume, given

from iamsync.kinds import KINDS
from iamsync.model import State
from tests.laws.law import LAW
from tests.strategies import states, two_states
from tests.world import World, bare, towards

# What no order of calls can do; the plan says so instead of trying.
IMPOSSIBLE = {"boundary-replace"}


@LAW
@given(states())
def test_a_state_put_into_the_account_is_read_back_as_it_was(state: State) -> None:
    assert bare(World().holds(state).read(), state) == bare(state)


@LAW
@given(two_states())
def test_applying_the_plan_from_one_state_to_another_leaves_exactly_the_other(pair: tuple[State, State]) -> None:
    before, after = pair
    world = World().holds(before)
    desired = towards(after, before)
    made = world.plan(desired)
    refused = {guard.id for guard in made.refusals}
    assert refused <= IMPOSSIBLE, made.refusals
    assume(not refused)
    summary = world.apply(made)
    assert not summary.failed
    assert not summary.skipped
    assert bare(world.read(), after) == bare(after)
    assert not world.plan(desired).changes


@LAW
@given(two_states())
def test_the_same_input_in_any_order_gives_the_same_plan(pair: tuple[State, State]) -> None:
    before, after = pair
    one = World().holds(before).plan(towards(after, before))
    turned = replace(after, resources=dict(reversed(after.resources.items())))
    other = (
        World()
        .holds(replace(before, resources=dict(reversed(before.resources.items()))))
        .plan(towards(State.of(after.account_id, turned.resources.values(), complete=frozenset(KINDS)), before))
    )
    assert one.steps == other.steps
    assert one.approval == other.approval
    assert one.read_set_digest == other.read_set_digest
