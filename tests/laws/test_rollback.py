"""Undoing what was applied leaves what was there before, but for what it says is lost."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from hypothesis import assume, given

from iamsync.aws.read import confirm, read
from iamsync.events import Event, StepEnded
from iamsync.kinds import FURTHER, KINDS
from iamsync.kinds.instance_profile import InstanceProfile
from iamsync.kinds.role import Role
from iamsync.kinds.user import User
from iamsync.model import Address, Plan, Removal, Resource, State
from iamsync.planner import planfile
from iamsync.planner.confirming import questions
from iamsync.planner.rollback import Past, back, found, past
from iamsync.policy.document import Document, principals
from iamsync.settings import Acknowledgement, Settings
from tests.behaviour.account import living
from tests.laden import BOT, laden
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


# What a deletion takes with it --------------------------------------------------------------------


def undone(world: World, desired: State, options: Settings | None = None) -> list[str]:
    """What stays lost, as a rollback tells it, after a run to this goal was made and undone."""
    run = planned(world, desired, options)
    assert not run.plan.refusals, run.plan.refusals
    assert not world.apply(run.plan, report=run).failed
    told = [finding.title for finding in back(run.past, world.read()).findings]
    undo = undoing(world, run.past)
    assert not undo.plan.refusals, undo.plan.refusals
    ended = world.apply(undo.plan, report=undo)
    assert (ended.failed, ended.skipped) == (0, 0), undo.outcomes
    return told


def without(*addresses: str) -> State:
    return State.of(
        ACCOUNT, (), removed=tuple(Removal(Address.parse(name)) for name in addresses), complete=frozenset(KINDS)
    )


def test_a_deleted_user_comes_back_and_each_credential_that_it_lost_is_named() -> None:
    world = World()
    secrets = laden(world.connection.iam)
    was = world.read().resources[Address("user", BOT)]
    consent = Acknowledgement("delete-credentials", f"user/{BOT}")
    told = undone(world, without(f"user/{BOT}"), replace(settings(), acknowledge=(*settings().acknowledge, consent)))
    assert world.read().resources[Address("user", BOT)] == was
    lost = [title.removeprefix(f"user/{BOT}: ") for title in told]
    assert lost[0].startswith("its unique id AIDA")
    assert [" ".join(title.split()[:2]) for title in lost[1:]] == [
        *("access key", "access key", "login profile", "service-specific credential", "SSH public"),
        *("signing certificate", "MFA device", "virtual MFA"),
    ]
    assert not any(secret in title for title in told for secret in secrets)


@pytest.mark.parametrize("declared", [True, False])
def test_a_role_that_was_deleted_is_put_back_into_the_profiles_that_held_it(declared: bool) -> None:
    role = Resource(Address("role", "app"), Role(EC2))
    profile = Resource(Address("instance_profile", "web"), InstanceProfile(role=f"arn:aws:iam::{ACCOUNT}:role/app"))
    before = State.of(ACCOUNT, [role, profile], complete=frozenset(KINDS))
    world = World().holds(before)
    goal = without("role/app")
    if declared:
        goal = replace(goal, resources={profile.address: replace(profile, spec=InstanceProfile())})
    told = undone(world, goal)
    assert whole(world, before) == bare(before)
    assert [title.partition(" AROA")[0] for title in told] == ["role/app: its unique id"]


def test_a_trust_in_somebody_who_was_gone_before_is_told_and_the_rest_of_it_comes_back() -> None:
    """AWS shows a deleted user by its bare id, and takes no trust policy that names one."""
    trust = trusting("dead", "bob")
    users = [Resource(Address("user", name), User()) for name in ("dead", "bob")]
    roles = [Resource(Address("role", name), Role(trust)) for name in ("changed", "gone")]
    world = World().holds(State.of(ACCOUNT, [*users, *roles], complete=frozenset(KINDS)))
    world.connection.iam.delete_user(UserName="dead")
    (dead,) = [
        name for name in principals(world.read().resources[roles[0].address].spec.trust_policy) if "AIDA" in name
    ]
    changed = Resource(Address("role", "changed"), Role(EC2))
    goal = replace(without("role/gone"), resources={changed.address: changed, users[1].address: users[1]})
    told = undone(world, goal)
    lost = [title for title in told if "its trust in" in title]
    assert lost == [f"role/{name}: its trust in {dead}, who is gone" for name in ("changed", "gone")]
    for role in roles:
        assert world.read().resources[role.address].spec.trust_policy == trusting("bob")


def test_whoever_a_run_deleted_is_trusted_again_when_it_comes_back() -> None:
    bob, role = Resource(Address("user", "bob"), User()), Resource(Address("role", "app"), Role(trusting("bob")))
    before = State.of(ACCOUNT, [bob, role], complete=frozenset(KINDS))
    world = World().holds(before)
    told = undone(world, without("user/bob"))
    assert whole(world, before) == bare(before)
    assert not any("its trust in" in title for title in told)


def trusting(*names: str) -> Document:
    who = [f"arn:aws:iam::{ACCOUNT}:user/{name}" for name in names]
    return Document.of(
        {"Statement": [{"Effect": "Allow", "Principal": {"AWS": who}, "Action": "sts:AssumeRole"}]}, "aws"
    )


EC2 = Document.of(
    {"Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}]},
    "aws",
)
