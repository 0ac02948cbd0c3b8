"""What applying has in common whatever made the plan: agreement, progress, interruption, how it ended."""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final

from iamsync.cli.context import answer, colored, engine_options, known_format, laid_out, note, waited
from iamsync.cli.options import Common
from iamsync.errors import InputError, Interrupted, JournalError, PartlyApplied, StalePlan

_SIGNALS: Final = tuple(
    getattr(signal, name)
    for name in ("SIGINT", "SIGTERM", "SIGHUP")
    if hasattr(signal, name)  # no SIGHUP on Windows
)


@dataclass(frozen=True, slots=True)
class How:
    """How a command shows what it would do and is agreed to, by its options; with `digests` it takes --approved."""

    form: str
    plan_only: bool
    auto_approve: bool
    acknowledge: list[str] | None
    lock_timeout: str
    approved: str | None = None
    restrict: bool = False
    timeout: str | None = None
    digests: bool = True

    @property
    def agreed(self) -> bool:
        return self.plan_only or self.auto_approve or self.approved is not None

    @property
    def seconds(self) -> float | None:
        """After how many seconds no call is begun any more; InputError where that is no length of time."""
        return waited(self.timeout, "--timeout") if self.timeout is not None else None


def begun(common: Common, how: How, command: str) -> tuple[Any, How]:
    """The project of a command that plans and carries out in one, and its options as they were checked.

    InputError where nobody agrees and nobody is here to be asked, or where it is open which account this is.
    """
    from iamsync.engine import applying
    from iamsync.engine.reach import opened

    known_format(how.form, ("text", "json"))
    agreement(how.agreed, *(() if how.digests else ("--auto-approve",)))
    _ = how.seconds  # a mistake is told before anything is looked at
    if how.approved is not None:
        how = replace(how, approved=applying.approval(how.approved))
    options = engine_options(
        common, acknowledge=tuple(how.acknowledge or ()), command=command, lock_timeout=waited(how.lock_timeout)
    )
    project = opened(options)
    if not how.plan_only:
        ids_known(project, saved=False)
    if how.restrict:
        from iamsync.engine.restricting import restrictable

        restrictable(project)
    return project, how


def agreed_and_done(
    ways: Any, found: Any, how: How, common: Common, stop: Stop, shown: Callable[[Any], str]
) -> tuple[list[Any], list[tuple[Any, str]]]:
    """Show these plans, ask about each, carry them out one after the other.

    What `ended` takes, nothing of a look; and the plans that were not begun, each with the reason.

    Each of `found` has a plan (`item`), how to make it `again` and its `executor`; `shown` makes a text of their
    document. GuardRefused, once all is shown, where a guard says no; StalePlan where a plan is not what was approved.
    """
    import json

    from iamsync.engine import applying
    from iamsync.engine.planning import document

    project = ways.project
    planned = tuple(one.item for one in found)
    if how.approved is not None and (len(planned) != 1 or planned[0].plan.approval != how.approved):
        raise StalePlan(
            f"what would be done now is not what was approved ({how.approved[:19]}...)",
            hint="look at the plan as it is now, and approve that",
        )
    made = document(planned, project.options, ways.failed)
    if how.form == "text" or not how.agreed:
        print(shown(made), end="", file=sys.stdout if how.form == "text" else sys.stderr, flush=True)
    refused, idle = any(one.plan.refusals for one in planned), not any(one.plan.steps for one in planned)
    if how.form == "json" and (how.plan_only or refused or idle):
        print(json.dumps({**made, "applied": []}, indent=1, ensure_ascii=False), flush=True)
    applying.refuse(planned)
    results: list[Any] = []
    left: list[tuple[Any, str]] = []
    todo = [one for one in found if one.item.plan.steps and not how.plan_only]
    for one in todo:
        if why := _not_begun(results, stop, several=len(todo) > 1):
            left.append((one.item, why))
            continue
        if not how.agreed:
            ask(one.item)
            applying.still_as_shown(one.item.plan, one.again())
        execute = partial(one.executor, writer=restricted(ways, one.item, common) if how.restrict else None)
        done, steps = carried_out(project, one.item, common, 1, stop, how.approved or "", executor=execute)
        results.append((one.item, done, steps))
    return results, left


def _not_begun(results: list[Any], stop: Stop, *, several: bool) -> str:
    """Why the next account is not begun; empty where it is."""
    if stop.is_set():
        return "the run was interrupted"
    if several and stop.over:
        return stop.over
    for item, done, _ in results:
        if done.summary.failed or done.summary.skipped or done.summary.interrupted:
            return f"account {item.plan.account_name} did not end well"
    return ""


def restricted(ways: Any, item: Any, common: Common) -> Any:
    """The connections of a plan's steps, each limited to its part of the plan."""
    from iamsync.engine.restricting import Restricted

    made = Restricted(ways, item)
    if not common.quiet:
        counted = "1 session" if made.sessions == 1 else f"{made.sessions} sessions"
        note(f"account {item.plan.account_name}: restricted to the plan's own calls, in {counted}")
    return made


def agreement(agreed: bool, ways: str = "--auto-approve or --approved sha256:...") -> None:
    """InputError where nobody has agreed and nobody is here to be asked."""
    if not agreed and not sys.stdin.isatty():
        raise InputError("nobody is here to agree: this is no terminal", code="needs-approval", hint=f"give {ways}")


def ids_known(project: Any, saved: bool) -> None:
    """Without a person to see which account it is, an apply must be told."""
    if sys.stdin.isatty() or saved or project.options.sandbox:
        return
    for account in project.accounts(writes=True):
        if account.id is None and account.backend != "sandbox":
            raise InputError(
                f"which account is {account.name} to be? Nobody is here to look at it",
                code="needs-account-id",
                hint="give --account-id, or `id:` in iamsync.yaml",
            )


def ask(item: Any) -> None:
    """Ask the person at the terminal; InputError for anything but a yes."""
    plan = item.plan
    calls = sum(step.operation != "wait" for step in plan.steps)
    alias = f", {plan.alias}" if plan.alias else ""
    print(
        f"\nApply these {calls} calls to account {plan.account_name} ({plan.account_id}{alias})?",
        end=" ",
        file=sys.stderr,
    )
    said_yes()


def said_yes() -> None:
    """InputError where the person at the terminal says anything but yes."""
    print("Only 'yes' is accepted: ", end="", file=sys.stderr, flush=True)
    if answer() != "yes":
        raise InputError("not applied: the answer was not 'yes'", code="declined", hint="nothing was changed")


def carried_out(
    project: Any,
    item: Any,
    common: Common,
    parallelism: int,
    stop: Stop,
    approved: str,
    **more: Any,
) -> tuple[Any, list[Any]]:
    """Apply one account's plan under its progress; the result, and how each step ended; `more` goes to the engine."""
    from iamsync.engine import applying
    from iamsync.events import StepEnded, StepStarted

    ended: list[StepEnded] = []
    started = 0
    stop.calling = True
    name = item.plan.account_name if len(project.accounts(writes=True)) > 1 else ""
    with _progress(project, common, name) as show:

        def report(event: Any) -> None:
            nonlocal started
            if isinstance(event, StepEnded):
                ended.append(event)
            started += isinstance(event, StepStarted)
            with suppress(OSError):  # whoever was watching has gone; the run has not
                show(event)

        try:
            done = applying.run(
                project,
                item,
                parallelism=parallelism,
                report=report,
                stop=stop,
                over=lambda: stop.over,
                approved=approved,
                **more,
            )
        except (JournalError, KeyboardInterrupt):
            if started:
                _broken_off(item, started, ended)
            raise
    return done, ended


def _broken_off(item: Any, started: int, ended: list[Any]) -> None:
    """Say how far a run came that has no end of its own."""
    calls = sum(step.operation != "wait" for step in item.plan.steps)
    found = [event.outcome for event in ended if event.step.operation != "wait"]
    under_way = started - sum(event.outcome != "skipped" for event in ended)
    done = found.count("done") + found.count("already")
    open_ = f", {under_way} under way whose end is not known" if under_way else ""
    failed = f", {found.count('failed')} failed" if "failed" in found else ""
    with suppress(OSError):
        note(
            f"account {item.plan.account_name}: broken off; {done} of {calls} calls done{failed}{open_}; "
            "the same command again looks first and does the rest"
        )


@contextmanager
def _progress(project: Any, common: Common, account: str) -> Iterator[Callable[[Any], None]]:
    """Whatever shows a run as it goes, on stderr: nothing, lines, or a live list."""
    if common.quiet:
        yield lambda _: None
    elif project.options.watch is not None:
        with project.options.watch.showing(account, soon=True) as show:
            yield show
    else:
        from iamsync.render.progress import Lines

        yield Lines(sys.stderr, account=account, color=colored(common, sys.stderr))


class Stop(threading.Event):
    """Set when a run is to end; `calling` from its first call on, before which nothing needs to be finished.

    `limit`, in seconds from now, is when no call is begun any more.
    """

    calling = False

    def __init__(self, limit: float | None = None) -> None:
        super().__init__()
        self._limit = limit
        self._until = time.monotonic() + limit if limit is not None else None

    @property
    def over(self) -> str:
        """Why nothing more is begun, where the time is over; empty before."""
        if self._until is None or time.monotonic() < self._until:
            return ""
        return f"the time limit of {self._limit:g} s was reached"

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for this to be set, not beyond the limit; True where nothing more is to be begun."""
        if self._until is not None:
            left = max(0.0, self._until - time.monotonic())
            timeout = left if timeout is None else min(timeout, left)
        return super().wait(timeout) or bool(self.over)


@contextmanager
def interruptible(limit: float | None = None) -> Iterator[Stop]:
    """The first Ctrl-C, or whoever ends the process, lets the calls under way finish; the second ends everything.

    Before the first call there is nothing to finish, and one is enough. A CI system's SIGTERM and a closed terminal's
    SIGHUP count as Ctrl-C: unheeded they would leave the team lock behind. What whoever began the command has it ignore
    (`nohup`) stays ignored.
    """
    asked = Stop(limit)

    def interrupt(number: int, frame: object) -> None:
        if asked.is_set() or not asked.calling:
            raise KeyboardInterrupt
        asked.set()
        with suppress(OSError):  # the terminal may be what has gone
            print("\ninterrupted: finishing the calls under way (again to stop at once)", file=sys.stderr, flush=True)

    heeded = [number for number in _SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, interrupt) for number in heeded}
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def ended(
    results: list[Any],
    form: str,
    common: Common,
    extra: Mapping[str, Any] | None = None,
    more: Callable[[], None] = lambda: None,
) -> None:
    """Say how the runs went (`extra` joins the JSON, `more` says what else there is).

    PartlyApplied or Interrupted where one did not end well, JournalError where a record is not whole.
    """
    import json

    from iamsync.render.progress import run_summary

    if form == "json":
        rows = [
            {
                "account": done.account_name,
                "id": done.account_id,
                "run": done.run,
                "done": done.summary.done,
                "failed": done.summary.failed,
                "skipped": done.summary.skipped,
                "interrupted": done.summary.interrupted,
            }
            for _, done, _ in results
        ]
        print(json.dumps({**(extra or {}), "applied": rows}, indent=1))
    for item, done, steps in results if form == "text" else ():
        calls = sum(step.operation != "wait" for step in item.plan.steps)
        text = run_summary(
            f"{done.account_name} ({done.account_id})",
            steps,
            calls,
            again="run the same command again",
            interrupted=done.summary.interrupted,
            color=colored(common),
        )
        print(laid_out(f"{text}\nrecorded as run {done.run}"))
    more()
    sys.stdout.flush()
    behind = [f"run {done.run}: {done.behind}" for _, done, _ in results if done.behind]
    for text in behind:
        note(f"the journal's copy in the bucket is not complete, the one on this machine is; {text}")
    _raise_the_worst([done.summary for _, done, _ in results], whole=not behind)


def interrupted() -> Interrupted:
    """The error of a run that somebody ended."""
    return Interrupted(
        "interrupted; what was done is done", code="interrupted", hint="run the same command again to go on"
    )


def _raise_the_worst(summaries: list[Any], *, whole: bool) -> None:
    """Interrupted, PartlyApplied, or JournalError where all was done and its record is not `whole`."""
    if any(summary.interrupted for summary in summaries):
        raise interrupted()
    if any(summary.failed or summary.skipped for summary in summaries):
        raise PartlyApplied(
            "applied in part; each failure is named above",
            code="applied-in-part",
            hint="mend the cause and run the same command again: what is done is not done twice",
        )
    if not whole:
        raise JournalError(
            "applied, but the bucket does not have the whole record",
            code="journal-behind",
            hint="copy the file from .iamsync/runs/ there before this machine goes away",
        )
