"""Applying to several accounts: account after account, wave after wave, and what is not begun after a failure."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any

import typer

from iamsync.cli import running
from iamsync.cli.options import Common
from iamsync.errors import IamsyncError, InputError, PartlyApplied

MaxFailed = Annotated[
    int,
    typer.Option(
        "--max-failed",
        help="Begin the next wave though so many accounts failed.",
        min=0,
        envvar="IAMSYNC_MAX_FAILED",
    ),
]


@dataclass(slots=True)
class Applied:
    """How an apply went: runs that were made, accounts that failed beside them, and those that were not begun.

    `interrupted` and `over`: whether accounts were left out since somebody pressed Ctrl-C, or the time was over.
    """

    results: list[tuple[Any, Any, list[Any]]] = field(default_factory=list)
    failed: list[tuple[Any, IamsyncError]] = field(default_factory=list)
    left: list[tuple[Any, str]] = field(default_factory=list)
    interrupted: bool = False
    over: bool = False

    @property
    def bad(self) -> int:
        """How many accounts did not end well."""
        return len(self.failed) + sum(not _well(done) for _, done, _ in self.results)


def apply_all(
    project: Any,
    planned: Sequence[Any],
    common: Common,
    stop: running.Stop,
    *,
    agreed: bool,
    parallelism: int,
    approved: Mapping[str, str],
    writers: Sequence[Any],
    before: Sequence[Any],
    max_failed: int,
) -> Applied:
    """Apply these plans; `approved` are their digests by account name, `writers` stand beside the plans.

    `before` are the accounts that failed already (`ways.failed`), each in its wave. A wave begins only while no more
    than `max_failed` accounts of the waves before it failed; within a wave the others go on. Of a single account,
    errors are raised.
    """
    from iamsync.engine import applying
    from iamsync.engine.fleets import waves
    from iamsync.engine.planning import turns

    made = Applied()
    todo = [item for item in planned if item.plan.changes]
    several = len(planned) + len(before) > 1
    if not agreed and len(todo) > 1:
        _ask(todo)
    lost = {account.name: account.wave for account in project.accounts(writes=True)}
    writer_of = {item.plan.account_name: writer for item, writer in zip(planned, writers, strict=True)}
    for wave, items in waves([(turn.wave, turn) for turn in turns(todo)]):
        bad = made.bad + sum(lost.get(failure.account, 1) < wave for failure in before)
        for turn in items:
            item, writer = turn.item, writer_of[turn.item.plan.account_name]
            if stop.is_set():
                made.interrupted = True
                made.left.append((item, "the run was interrupted"))
                continue
            if several and stop.over:
                made.over = True
                made.left.append((item, stop.over))
                continue
            if bad > max_failed:
                told = "1 account failed" if bad == 1 else f"{bad} accounts failed"
                made.left.append((item, f"wave {wave} was not begun: {told} in the waves before it"))
                continue
            try:
                if not agreed and not turn.again:
                    if len(todo) == 1:
                        running.ask(item)
                    item = applying.unmoved(project, item)
                stop.wait(turn.pause)
                done, steps = running.carried_out(
                    project, item, common, parallelism, stop, approved.get(item.plan.account_name, ""), writer=writer
                )
            except IamsyncError as error:
                if not several or isinstance(error, InputError):
                    raise
                made.failed.append((item, error))
                continue
            made.results.append((item, done, steps))
    return made


def ended(made: Applied, form: str, common: Common, before: Sequence[Any], of: int) -> None:
    """Say how all went; the error of the worst ending is raised: interrupted, in part, failed, then the rest."""
    from iamsync.engine.fleets import Failure, complete

    failed = [*before, *(Failure(item.plan.account_name, item.plan.account_id, error) for item, error in made.failed)]
    rows = [
        {"account": item.plan.account_name, "id": item.plan.account_id, "reason": reason} for item, reason in made.left
    ]
    extra: dict[str, Any] = {}
    if failed:
        extra["failed"] = [failure.json() for failure in failed]
    if rows:
        extra["not_begun"] = rows
    try:
        running.ended(made.results, form, common, extra=extra or None, more=lambda: _say(made, form, common))
    except PartlyApplied as error:
        raise _with(error, failed, rows) from error
    if rows and made.interrupted:
        raise running.interrupted()
    if rows and made.over:
        late = PartlyApplied(
            "the time was over", code="applied-in-part", hint="run the same command again: it does the rest"
        )
        raise _with(late, failed, rows)
    complete(failed, of, len(rows))


def _say(made: Applied, form: str, common: Common) -> None:
    if form != "text":
        return
    from iamsync.cli.context import colored, columns
    from iamsync.render.errors import error_text

    for item, error in made.failed:
        print(f"{item.plan.account_name} ({item.plan.account_id}): failed")
        print(error_text(error, color=colored(common), width=columns(), verbose=common.verbose))
    for item, reason in made.left:
        print(f"{item.plan.account_name} ({item.plan.account_id}): not begun: {reason}")


def _with(error: PartlyApplied, failed: Sequence[Any], rows: Sequence[Any]) -> PartlyApplied:
    told = error.message
    if failed:
        told += f"; accounts that failed: {', '.join(failure.account for failure in failed)}"
    if rows:
        told += f"; accounts not begun: {', '.join(row['account'] for row in rows)}"
    return PartlyApplied(told, code=error.code, hint=error.hint)


def _well(done: Any) -> bool:
    return not (done.summary.failed or done.summary.skipped or done.summary.interrupted)


def _ask(items: Sequence[Any]) -> None:
    """Ask once for all accounts; InputError for anything but a yes."""
    print(f"\nApply to these {len(items)} accounts, wave by wave?", file=sys.stderr)
    for item in items:
        plan = item.plan
        calls = sum(step.operation != "wait" for step in plan.steps)
        alias = f", {plan.alias}" if plan.alias else ""
        wave = item.reached.account.wave
        print(f"  wave {wave}: {plan.account_name} ({plan.account_id}{alias}), {calls} calls", file=sys.stderr)
    running.said_yes()
