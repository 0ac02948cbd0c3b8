"""Undoing what was applied leaves what was there before, but for what it says is lost."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from hypothesis import assume, given

from iamsync.aws.read import confirm, read
from iamsync.events import Event, StepEnded
from iamsync.kinds import FURTHER
from iamsync.model import Plan, State
from iamsync.planner import planfile
from iamsync.planner.confirming import questions
from iamsync.planner.rollback import Past, back, found, past
from iamsync.settings import Settings
from tests.behaviour.account import living
from tests.laws.law import FULL, law
from tests.laws.test_crash import SimulatedCrash, Wire, crash, reached
from tests.laws.test_laws import IMPOSSIBLE
from tests.laws.upheaval import AFTER, BEFORE
from tests.strategies import two_states
from tests.world import ACCOUNT, GUARDS, World, bare, settings, towards

ROLLBACK = settings(acknowledge=(*GUARDS, "changed-since"), unmanaged="ignore")


@dataclass
class Recorded:
    """A plan that was applied, and what its journal would hold, through JSON and back."""

    plan: Plan
    live: State
    outcomes: dict[str, str] = field(default_factory=dict)

    def __call__(self, event: Event) -> None:
        if isinstance(event, StepEnded):
            self.outcomes[event.step.id] = event.outcome

    @property
    def past(self) -> Past:
        header: dict[str, Any] = {"account_id": ACCOUNT, "partition": "aws", "plan": planfile.plan_json(self.plan)}
        header["found"] = found(self.plan, self.live)
        return past("r1", json.loads(json.dumps(header)), self.outcomes)


def planned(world: World, desired: State, options: Settings | None = None) -> Recorded:
    options = options or settings()
    live = read(world.connection, kinds=FURTHER)
    live = confirm(world.connection, live, questions(desired, live, options))
    return Recorded(world.plan(desired, options), replace(live, unread=frozenset()))


def undoing(world: World, then: Past) -> Recorded:
    """The rollback's own plan; nothing may have been changed by others."""
    undo = back(then, world.read())
    assert [f.title for f in undo.findings if f.severity == "refuse"] == []
    return planned(world, undo.desired, ROLLBACK)


def whole(world: World, like: State) -> dict[Any, Any]:
    return bare(world.read(), like)


@law(12)
@given(two_states())
def test_undoing_an_apply_restores_what_was_and_undoing_that_brings_it_back(pair: tuple[State, State]) -> None:
    before, after = pair
    world = World().holds(before)
    was = whole(world, before)
    run = planned(world, towards(after, before))
    assume(not run.plan.refusals)
    assert not world.apply(run.plan, report=run).failed
    made = whole(world, after)

    undo = undoing(world, run.past)
    refused = {guard.id for guard in undo.plan.refusals}
    assert refused <= IMPOSSIBLE, undo.plan.refusals
    assume(not refused)
    ended = world.apply(undo.plan, report=undo)
    assert (ended.failed, ended.skipped) == (0, 0)
    assert whole(world, before) == was
    assert not undoing(world, run.past).plan.changes

    again = undoing(world, undo.past)
    assert {guard.id for guard in again.plan.refusals} <= IMPOSSIBLE
    assume(not again.plan.refusals)
    ended = world.apply(again.plan, report=again)
    assert (ended.failed, ended.skipped) == (0, 0)
    assert whole(world, after) == made


def upheaval() -> tuple[World, Recorded, dict[Any, Any]]:
    world = living(BEFORE)
    was = whole(world, BEFORE)
    run = planned(world, AFTER)
    return world, run, was


def test_a_long_run_is_undone_exactly_and_tells_what_stays_lost() -> None:
    world, run, was = upheaval()
    assert len([step for step in run.plan.steps if step.operation != "wait"]) >= 30
    assert not world.apply(run.plan, report=run).failed
    undo = back(run.past, world.read())
    told = [finding.title for finding in undo.findings]
    assert all(finding.severity == "warn" for finding in undo.findings), told
    assert any(title.startswith("user/bob: its unique id AIDA") for title in told), told
    assert any(title.startswith("role/moving: its unique id AROA") for title in told), told
    assert not any("alice" in title for title in told), "a rename loses nothing"
    mine = undoing(world, run.past)
    assert "SetDefaultPolicyVersion" in {step.operation for step in mine.plan.steps}
    assert "CreatePolicyVersion" not in {step.operation for step in mine.plan.steps}
    assert not world.apply(mine.plan, report=mine).failed
    assert whole(world, BEFORE) == was


WRITES = 63
STOPS = range(WRITES) if FULL else (9, 28, 47)


@pytest.mark.parametrize("k", STOPS)
def test_a_run_that_died_half_way_is_undone_as_far_as_it_came(k: int) -> None:
    server = living(BEFORE).server
    was = whole(World(server=server), BEFORE)
    world = reached(server, Wire(server, k, "after", die=crash))
    run = planned(world, AFTER)
    with pytest.raises(SimulatedCrash):
        world.apply(run.plan, report=run)
    assert whole(World(server=server), BEFORE) != was
    rest = World(server=server)
    undo = undoing(rest, run.past)
    assert not rest.apply(undo.plan).failed
    assert whole(rest, BEFORE) == was


@pytest.mark.parametrize("k", STOPS)
def test_a_rollback_that_died_is_finished_by_the_next(k: int) -> None:
    world, run, was = upheaval()
    assert not world.apply(run.plan, report=run).failed
    died = reached(world.server, Wire(world.server, k, "after", die=crash))
    undo = undoing(died, run.past)
    if k >= sum(step.operation != "wait" for step in undo.plan.steps):
        pytest.skip("the rollback has fewer calls")
    with pytest.raises(SimulatedCrash):
        died.apply(undo.plan, report=undo)
    rest = World(server=world.server)
    again = undoing(rest, run.past)
    assert not rest.apply(again.plan).failed
    assert whole(rest, BEFORE) == was
