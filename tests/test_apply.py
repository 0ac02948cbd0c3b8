"""Executing a plan: order, parallelism, failures, interruption; AWS is a function here."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from iamsync.apply import apply
from iamsync.errors import AwsError, CredentialsError, JournalError
from iamsync.events import Event, Result, RunEnded, RunStarted, StepEnded, StepStarted
from iamsync.model import Address, Call, Plan, Step

ALICE, BOB, CAROL = Address("user", "alice"), Address("user", "bob"), Address("user", "carol")


def step(number: int, *after: int, address: Address = ALICE, touches: tuple[Address, ...] = (), call: str = "") -> Step:
    made = Call("wait", {"seconds": 1}) if call == "wait" else Call(call or "PutUserPolicy", {"UserName": address.name})
    return Step(f"s{number}", address, made, "neutral", tuple(f"s{other}" for other in after), touches)


def plan(*steps: Step) -> Plan:
    return Plan(
        account_id="111122223333", partition="aws", account_name="prod", alias=None, caller="", now="", changes=(),
        steps=steps, guards=(), findings=(), reported=(), unchanged=0, desired_digest="", read_set_digest="",
        approval="",
    )  # fmt: skip


class World:
    """An `execute` that remembers what it was asked, in which order, and what ran at the same time."""

    def __init__(self, failing: frozenset[str] = frozenset(), error: BaseException | None = None) -> None:
        self.failing, self.error = failing, error
        self.lock = threading.Lock()
        self.began: list[str] = []
        self.ended: list[str] = []
        self.running: dict[str, Step] = {}
        self.created: dict[str, frozenset[Address]] = {}
        self.clashes: list[str] = []
        self.most = 0
        self.before: Callable[[Step], None] = lambda step: None

    def __call__(self, step: Step, created: frozenset[Address]) -> Result:
        with self.lock:
            self.began.append(step.id)
            self.created[step.id] = created
            self.clashes += [s.id for s in self.running.values() if set(s.touches) & set(step.touches)]
            self.clashes += [other for other in step.after if other not in self.ended]
            self.running[step.id] = step
            self.most = max(self.most, sum(s.operation != "wait" for s in self.running.values()))
        self.before(step)
        with self.lock:
            del self.running[step.id]
            self.ended.append(step.id)
        if step.id in self.failing:
            raise self.error or AwsError("refused", code="limit-exceeded", request_id="r-1", hint="use less")
        return Result("done", f"request-{step.id}")


def run(steps: tuple[Step, ...], world: World, **given: Any) -> tuple[RunEnded, list[Event]]:
    events: list[Event] = []
    summary = apply(plan(*steps), world, report=events.append, **given)
    return summary, events


def outcomes(events: list[Event]) -> dict[str, str]:
    return {event.step.id: event.outcome for event in events if isinstance(event, StepEnded)}


@st.composite
def graphs(draw: st.DrawFn) -> tuple[Step, ...]:
    people = [ALICE, BOB, CAROL]
    steps: list[Step] = []
    for number in range(draw(st.integers(0, 14))):
        after = draw(st.sets(st.integers(0, number - 1), max_size=3)) if number else set()
        touches = draw(st.sets(st.sampled_from(people), max_size=2))
        call = draw(st.sampled_from(["", "", "", "wait"]))
        steps.append(step(number, *sorted(after), touches=tuple(sorted(touches)), call=call))
    return tuple(steps)


def descendants(steps: tuple[Step, ...], failing: frozenset[str]) -> set[str]:
    fallen: set[str] = set()
    for each in steps:
        if (failing | fallen).intersection(each.after):
            fallen.add(each.id)
    return fallen


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(graphs(), st.integers(1, 4), st.data())
def test_any_plan_runs_whole_in_its_order_and_a_failure_fells_exactly_what_depends_on_it(
    steps: tuple[Step, ...], parallelism: int, data: st.DataObject
) -> None:
    failing = frozenset(s.id for s in steps if data.draw(st.integers(0, 5)) == 0)
    world = World(failing)
    recorded: list[Event] = []
    unrecorded: list[Step] = []
    world.before = lambda step: None if StepStarted(step) in recorded else unrecorded.append(step)
    record = lambda *events: recorded.extend(events)  # noqa: E731 - it is handed on
    summary, events = run(steps, world, parallelism=parallelism, record=record)

    assert unrecorded == []
    assert recorded == events
    skipped = descendants(steps, failing)
    assert world.clashes == []
    assert world.most <= parallelism
    assert sorted(world.began) == sorted({s.id for s in steps} - skipped)
    told = outcomes(events)
    assert set(told) == {s.id for s in steps}
    assert {name for name, outcome in told.items() if outcome == "skipped"} == skipped
    assert {name for name, outcome in told.items() if outcome == "failed"} == failing - skipped
    done = len(steps) - len(skipped) - len(failing - skipped)
    assert summary == RunEnded(done, len(failing - skipped), len(skipped)) == events[-1]
    assert events[0] == RunStarted("111122223333", len(steps))
    if parallelism == 1:
        calls = [s.id for s in steps if s.operation != "wait" and s.id not in skipped]
        assert [name for name in world.began if name in calls] == calls


def test_a_step_is_reported_before_its_call_and_its_answer_after() -> None:
    world, seen = World(), []
    world.before = lambda step: seen.append(("call", step.id))
    apply(plan(step(1), step(2)), world, parallelism=1, report=lambda e: seen.append((type(e).__name__, step_of(e))))
    assert seen == [
        ("RunStarted", ""),
        *[(what, f"s{number}") for number in (1, 2) for what in ("StepStarted", "call", "StepEnded")],
        ("RunEnded", ""),
    ]


def test_what_ended_is_on_record_with_what_begins_next_at_one_go() -> None:
    world, together, recorded = World(), threading.Barrier(2), list[list[tuple[str, str]]]()
    world.before = lambda step: None if step.id == "s3" else together.wait(10) and None
    steps = (step(1), step(2, address=BOB), step(3, 1, 2, address=CAROL))

    def record(*events: Event) -> None:
        recorded.append([(type(event).__name__, step_of(event)) for event in events])

    run(steps, world, parallelism=2, record=record)
    assert recorded[:2] == [[("RunStarted", "")], [("StepStarted", "s1"), ("StepStarted", "s2")]]
    # The two may have ended both before it was looked, or one after the other.
    assert recorded[-3][-1] == ("StepStarted", "s3")
    assert recorded[-3][-2] in (("StepEnded", "s1"), ("StepEnded", "s2"))
    assert recorded[-2:] == [[("StepEnded", "s3")], [("RunEnded", "")]]


def test_nothing_is_called_whose_record_failed_and_what_was_under_way_is_told() -> None:
    world, late, told, recorded = World(), threading.Event(), list[Event](), list[Event]()
    world.before = lambda step: late.wait(10) and None if step.id == "s1" else None

    def record(*events: Event) -> None:
        if any(isinstance(event, StepStarted) and event.step.id == "s3" for event in events):
            late.set()
            raise JournalError("disk full", code="journal-unwritable")
        recorded.extend(events)

    steps = (step(1), step(2, address=BOB), step(3, 2, address=CAROL))
    with pytest.raises(JournalError):
        apply(plan(*steps), world, parallelism=3, report=told.append, record=record)
    assert "s3" not in world.began
    assert outcomes(told) == {"s1": "done", "s2": "done"}
    assert not any(isinstance(event, StepStarted) and event.step.id == "s3" for event in told)
    # Of s2 the record failed along with that of s3, and was tried again at the end.
    assert [step_of(event) for event in recorded if isinstance(event, StepEnded)] == ["s2", "s1"]


@pytest.mark.parametrize("parallelism", [1, 2])
def test_what_ended_is_recorded_although_what_begins_next_could_not_be_written(parallelism: int) -> None:
    world, recorded = World(), list[Event]()

    def record(*events: Event) -> None:
        if any(isinstance(event, StepStarted) and event.step.id == "s2" for event in events):
            raise Crash
        recorded.extend(events)

    with pytest.raises(Crash):
        apply(plan(step(1), step(2, 1)), world, parallelism=parallelism, report=lambda _: None, record=record)
    assert world.began == ["s1"]
    assert [step_of(event) for event in recorded if isinstance(event, StepEnded)] == ["s1"]


def test_a_crash_leaves_what_ended_before_it_on_record() -> None:
    recorded: list[Event] = []

    def report(event: Event) -> None:
        if isinstance(event, StepEnded):
            raise Crash

    with pytest.raises(Crash):
        apply(plan(step(1), step(2, 1)), World(), report=report, record=lambda *events: recorded.extend(events))
    assert outcomes(recorded) == {"s1": "done"}


def step_of(event: Event) -> str:
    return event.step.id if isinstance(event, (StepStarted, StepEnded)) else ""


def test_independent_steps_run_at_the_same_time() -> None:
    world, together = World(), threading.Barrier(3, timeout=10)
    world.before = lambda step: together.wait() and None
    summary, _ = run((step(1, address=ALICE), step(2, address=BOB), step(3, address=CAROL)), world, parallelism=3)
    assert (summary.done, world.most) == (3, 3)


def test_a_step_whose_entity_is_busy_is_passed_over() -> None:
    world, other_ran = World(), threading.Event()

    def before(step: Step) -> None:
        if step.id == "s1":
            assert other_ran.wait(10)
        elif step.id == "s3":
            other_ran.set()

    world.before = before
    steps = (step(1, touches=(ALICE,)), step(2, touches=(ALICE, BOB)), step(3, touches=(CAROL,)))
    run(steps, world, parallelism=2)
    assert world.began == ["s1", "s3", "s2"]


def test_names_that_differ_in_case_are_one_entity() -> None:
    world, upper = World(), Address("user", "ALICE")
    world.before = lambda step: threading.Event().wait(0.01) and None
    run((step(1, touches=(ALICE,)), step(2, touches=(upper,))), world)
    assert world.most == 1


def test_a_pause_takes_no_worker() -> None:
    world, worked = World(), threading.Event()

    def before(step: Step) -> None:
        if step.operation == "wait":
            assert worked.wait(10)
        elif step.id == "s4":
            worked.set()

    world.before = before
    steps = (step(1, call="wait"), step(2, call="wait"), step(3), step(4, 3))
    assert run(steps, world, parallelism=2)[0].done == 4


def test_pauses_are_waited_out_together_even_one_call_at_a_time() -> None:
    world, both = World(), threading.Barrier(2)
    world.before = lambda step: both.wait(10) if step.operation == "wait" else None  # type: ignore[func-returns-value]
    steps = (step(1), step(2), step(3, 1, call="wait"), step(4, 2, call="wait"), step(5, 3), step(6, 4), step(7))
    assert run(steps, world, parallelism=1)[0].done == 7
    assert [name for name in world.began if name not in ("s3", "s4")] == ["s1", "s2", "s5", "s6", "s7"]


def test_a_skipped_step_says_which_failure_it_fell_with() -> None:
    steps = (step(1), step(2, 1), step(3, 2), step(4))
    summary, events = run(steps, World(frozenset({"s1"})), parallelism=1)
    ended = {event.step.id: event for event in events if isinstance(event, StepEnded)}
    assert (ended["s1"].reason, ended["s1"].request_id) == ("refused; use less", "r-1")
    assert ended["s2"].reason == ended["s3"].reason == "step s1 failed: PutUserPolicy user/alice"
    assert (ended["s4"].outcome, ended["s4"].request_id) == ("done", "request-s4")
    assert summary == RunEnded(1, 1, 2)


def test_a_step_is_told_what_this_run_made_that_it_depends_on() -> None:
    role = Address("role", "app")
    steps = (
        step(1, address=role, call="CreateRole"),
        step(2, 1, call="wait"),
        step(3, 2),
        Step("s4", BOB, Call("UpdateUser", {"UserName": "rob", "NewUserName": "bob"}), "neutral", ("s1",)),
        step(5, 3, 4),
        step(6, address=Address("policy", "p"), call="CreatePolicyVersion"),
        step(7, 6),
    )
    world = World()
    run(steps, world, parallelism=1)
    assert world.created == {
        "s1": frozenset(), "s2": {role}, "s3": {role}, "s4": {role}, "s5": {role, BOB},
        "s6": frozenset(), "s7": frozenset(),
    }  # fmt: skip


def test_a_stop_finishes_what_runs_and_starts_nothing_more() -> None:
    world, asked = World(), []
    steps = (step(1), step(2), step(3))
    summary, events = run(steps, world, parallelism=1, stop=lambda: asked.append(1) or len(asked) > 2)
    assert world.began == ["s1", "s2"]
    assert summary == RunEnded(2, 0, 1, interrupted=True)
    assert outcomes(events)["s3"] == "skipped"


def test_a_stop_that_comes_when_all_is_begun_interrupts_nothing() -> None:
    world = World()
    summary, _ = run((step(1), step(2)), world, parallelism=1, stop=lambda: len(world.began) == 2)
    assert summary == RunEnded(2, 0, 0)


def test_a_stop_with_a_reason_is_no_interruption_and_is_told_of_each_step() -> None:
    world = World()
    summary, events = run((step(1), step(2)), world, parallelism=1, stop=lambda: world.began and "the time is over")
    assert world.began == ["s1"]
    assert summary == RunEnded(1, 0, 1)
    assert [e.reason for e in events if isinstance(e, StepEnded) and e.outcome == "skipped"] == ["the time is over"]


def test_lost_credentials_stop_the_run() -> None:
    error = CredentialsError("the token has expired", code="expired-credentials")
    summary, events = run((step(1), step(2), step(3)), World(frozenset({"s1"}), error), parallelism=1)
    assert summary == RunEnded(0, 1, 2)
    assert [e.reason for e in events if isinstance(e, StepEnded) and e.outcome == "skipped"] == [
        "the credentials failed at step s1"
    ] * 2


class Crash(BaseException):
    """What no code may swallow."""


@pytest.mark.parametrize("parallelism", [1, 4])
def test_a_crash_goes_through_at_once(parallelism: int) -> None:
    events: list[Event] = []
    with pytest.raises(Crash):
        apply(
            plan(step(1), step(2, 1)),
            World(frozenset({"s1"}), Crash()),
            report=events.append,
            parallelism=parallelism,
        )
    assert not any(isinstance(event, (StepEnded, RunEnded)) for event in events)


def test_nothing_is_called_that_could_not_be_recorded() -> None:
    def report(event: Event) -> None:
        if isinstance(event, StepStarted) and event.step.id == "s2":
            raise JournalError("disk full", code="journal-unwritable")

    world = World()
    with pytest.raises(JournalError):
        apply(plan(step(1), step(2), step(3)), world, parallelism=1, report=report)
    assert world.began == ["s1"]


def test_what_was_under_way_when_the_record_failed_is_waited_for_and_told() -> None:
    world, late, told = World(), threading.Event(), list[Event]()
    world.before = lambda step: late.wait(10) and None if step.id == "s1" else None

    def report(event: Event) -> None:
        told.append(event)
        if isinstance(event, StepStarted) and event.step.id == "s3":
            late.set()
            raise JournalError("disk full", code="journal-unwritable")

    steps = (step(1), step(2, address=BOB), step(3, address=CAROL))
    with pytest.raises(JournalError):
        apply(plan(*steps), world, parallelism=3, report=report)
    assert outcomes(told) == {"s1": "done", "s2": "done"}
    assert "s3" not in world.began


@pytest.mark.parametrize("steps", [(step(2, 3), step(3)), (step(1, 9),), (step(1), step(1))])
def test_steps_out_of_order_are_refused_before_the_first_call(steps: tuple[Step, ...]) -> None:
    world = World()
    with pytest.raises(ValueError, match="step"):
        run(steps, world)
    assert world.began == []
