"""A plan's steps, executed in order and side by side: starts what is ready, records before it calls.

Knows neither AWS nor files: `execute` makes a step's effect live, `report` takes the events, `record` keeps them. All
events come from the thread that called `apply`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from iamsync.delivery import DELIVER
from iamsync.errors import AwsError, CredentialsError, IamsyncError
from iamsync.events import Event, Outcome, Result, RunEnded, RunStarted, StepEnded, StepStarted
from iamsync.kinds.operations import WAIT
from iamsync.model import Address, Plan, Step

Execute = Callable[[Step, frozenset[Address]], Result]
Report = Callable[[Event], None]
# Takes any number of events: to make ten of them last takes as long as to make one last.
Record = Callable[..., None]

# What a new name comes from; a version is no entity of its own.
_RENAMES: Final = {"UpdateUser": ("user", "NewUserName"), "UpdateGroup": ("group", "NewGroupName")}


def apply(
    plan: Plan,
    execute: Execute,
    *,
    parallelism: int = 8,
    report: Report,
    record: Record = lambda *_: None,
    stop: Callable[[], bool | str] = lambda: False,
) -> RunEnded:
    """Execute every step that can be; returns (and reports last) how many were, failed and were skipped.

    Steps start in plan order as soon as all they wait for ended well, at most `parallelism` at a
    time (pauses do not count), and never two that touch one address; with 1, calls strictly in plan
    order. `report` and `record` have returned from StepStarted before the step's call is made; `record`
    is given all at once that begins now and that ended since, as `record(*events)`. After a failure
    only what depends on it is skipped; once `stop()` is true, or gives a reason (which is no
    interruption), or the credentials are gone, nothing new is started but the delivery of a key that was
    made: nobody could get at its secret later. An IamsyncError of `execute`
    is the step's failure. One of `report` or `record` ends the run: the calls under way are finished
    and told, then it is raised. Any other exception is raised at once. ValueError where the plan's
    order is none.
    """
    run = _Run(plan.steps)
    told = _Told(report, record)
    told.now(RunStarted(plan.account_id, len(plan.steps)))
    pauses = sum(step.operation == WAIT for step in plan.steps)
    pool = ThreadPoolExecutor(max_workers=max(1, parallelism) + pauses, thread_name_prefix="step")
    running: dict[Future[Result], Step] = {}
    try:
        while True:
            if run.halted is None and run.waiting and (reason := stop()):  # with nothing left there is nothing to stop
                run.interrupted = reason is True
                run.halted = "the run was interrupted" if reason is True else reason
            steps = run.startable(running.values(), max(1, parallelism))
            for step in told.starting(steps):
                running[pool.submit(execute, step, run.created_for(step))] = step
            if not running:
                break
            finished, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in sorted(finished, key=lambda ended: run.position[running[ended].id]):
                for event in run.ended(running.pop(future), future):
                    told.ended(event)
    except IamsyncError:
        _finish(run, running, told)
        pool.shutdown()
        raise
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        with suppress(IamsyncError):
            told.record()
        raise
    pool.shutdown()
    for event in run.left_out():
        told.ended(event)
    summary = run.summary()
    told.now(summary)
    return summary


def _finish(run: _Run, running: dict[Future[Result], Step], told: _Told) -> None:
    """Wait for the calls under way, and tell how they ended to whoever can still take it."""
    wait(running)
    for future, step in running.items():
        own, *_ = run.ended(step, future)
        with suppress(IamsyncError):
            told.ended(own)
    with suppress(IamsyncError):
        told.record()


@dataclass(slots=True)
class _Told:
    """Who is told of a run: what ended is reported at once, for it has happened, and recorded with what comes next."""

    _report: Report
    _record: Record
    _unrecorded: list[Event] = field(default_factory=list)

    def ended(self, event: Event) -> None:
        """How a step ended."""
        self._unrecorded.append(event)
        self._report(event)

    def now(self, event: Event) -> None:
        """Anything else: on record before it is reported."""
        self.record(event)
        self._report(event)

    def starting(self, steps: Sequence[Step]) -> Iterator[Step]:
        """The steps one by one, each reported, when all of them are on record."""
        events = [StepStarted(step) for step in steps]
        self.record(*events)
        for step, event in zip(steps, events, strict=True):
            self._report(event)
            yield step

    def record(self, *events: Event) -> None:
        """Record these, behind what ended before them; what ended is kept for another go where that fails."""
        if held := [*self._unrecorded, *events]:
            self._record(*held)
        self._unrecorded = []


@dataclass(slots=True)
class _Run:
    """Where a run stands; touched by one thread only."""

    steps: tuple[Step, ...]
    position: dict[str, int] = field(default_factory=dict)
    waiting: dict[str, Step] = field(default_factory=dict)
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    created: dict[str, frozenset[Address]] = field(default_factory=dict)
    halted: str | None = None
    interrupted: bool = False
    pauses: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        self.pauses = frozenset(step.id for step in self.steps if not _counts(step))
        for number, step in enumerate(self.steps):
            if unknown := [other for other in step.after if other not in self.position]:
                raise ValueError(f"step {step.id} waits for {unknown[0]}, which does not come before it")
            if step.id in self.position:
                raise ValueError(f"two steps are called {step.id}")
            self.position[step.id] = number
            self.waiting[step.id] = step

    def startable(self, running: Iterable[Step], parallelism: int) -> list[Step]:
        """The steps to start now, in plan order; they count as started."""
        under_way = list(running)
        busy = {address for step in under_way for address in _touched(step)}
        used = sum(map(_counts, under_way))
        chosen: list[Step] = []
        pausing = not self.pauses.isdisjoint(self.waiting)
        for step in tuple(self.waiting.values()):
            if self.halted is not None and not self._ends_what_began(step):
                continue
            if used >= parallelism and not pausing:
                break  # nothing further could start, and a plan may be long
            ready = all(self.outcomes.get(other) in ("done", "already") for other in step.after)
            if ready and (used < parallelism or not _counts(step)) and _touched(step).isdisjoint(busy):
                busy |= _touched(step)
                used += _counts(step)
                chosen.append(self.waiting.pop(step.id))
            elif parallelism == 1 and _counts(step):
                used = 1  # one at a time is one after the other: no later call overtakes this one
        return chosen

    def _ends_what_began(self, step: Step) -> bool:
        """Whether this delivers a key that was made just now, and that only this process knows the secret of."""
        before = (self.steps[self.position[other]] for other in step.after)
        return step.operation == DELIVER and any(
            other.operation == "CreateAccessKey" and self.outcomes.get(other.id) == "done" for other in before
        )

    def created_for(self, step: Step) -> frozenset[Address]:
        """What this run made that the step depends on, over any number of steps."""
        return frozenset().union(*(self.created[other] for other in step.after))

    def ended(self, step: Step, future: Future[Result]) -> list[Event]:
        """Take note of how a step ended; its own event, then those of the steps that fall with it."""
        made = self.created_for(step)
        try:
            result = future.result()
        except IamsyncError as error:
            self.outcomes[step.id] = "failed"
            request_id = error.request_id if isinstance(error, AwsError) else ""
            reason = f"{error}; {error.hint}" if error.hint else str(error)
            if isinstance(error, CredentialsError) and self.halted is None:
                self.halted = f"the credentials failed at step {step.id}"
            own = StepEnded(step, "failed", request_id, reason)
            return [own, *self._fallen(step)]
        self.outcomes[step.id] = result.outcome
        self.created[step.id] = made | _creates(step)
        return [StepEnded(step, result.outcome, result.request_id, attempts=result.attempts)]

    def left_out(self) -> list[Event]:
        """The events of the steps that were never started because the run was halted."""
        return [self._skipped(step, self.halted or "") for step in tuple(self.waiting.values())]

    def summary(self) -> RunEnded:
        """The figures of the run."""
        found = list(self.outcomes.values())
        done = found.count("done") + found.count("already")
        return RunEnded(done, found.count("failed"), found.count("skipped"), self.interrupted)

    def _fallen(self, failed: Step) -> list[Event]:
        gone = {failed.id}
        events: list[Event] = []
        where = f" {failed.address}" if failed.address else ""
        reason = f"step {failed.id} failed: {failed.operation}{where}"
        for step in tuple(self.waiting.values()):  # in plan order, so whoever waits comes later
            if gone.intersection(step.after):
                gone.add(step.id)
                events.append(self._skipped(step, reason))
        return events

    def _skipped(self, step: Step, reason: str) -> Event:
        del self.waiting[step.id]
        self.outcomes[step.id] = "skipped"
        return StepEnded(step, "skipped", reason=reason, attempts=0)


def _touched(step: Step) -> set[Address]:
    return {address.folded for address in step.touches}


def _counts(step: Step) -> int:
    return 1 if step.operation != WAIT else 0


def _creates(step: Step) -> frozenset[Address]:
    """The entity that exists under its name only since this step."""
    if step.operation in _RENAMES:
        kind, param = _RENAMES[step.operation]
        return frozenset({Address(kind, step.params[param])}) if param in step.params else frozenset()
    made = step.operation.startswith("Create") and step.operation != "CreatePolicyVersion"
    return frozenset({step.address}) if made and step.address else frozenset()
