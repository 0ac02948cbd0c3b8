"""`iamsync runs rollback`: back to what a run found, through the same question, guards and journal as apply."""

from __future__ import annotations

import json
import sys
from typing import Annotated, Any

import typer

from iamsync.cli.context import engine_options, known_format, waited
from iamsync.cli.options import (
    Acknowledge,
    Approved,
    AutoApprove,
    Common,
    LockTimeout,
    Parallelism,
    TextOrJson,
    Timeout,
    completed,
    shared,
)
from iamsync.cli.reporting import on_terminal
from iamsync.cli.running import agreement, ask, carried_out, ended, ids_known, interruptible
from iamsync.cli.watching import reading


@shared
def runs_rollback(
    common: Common,
    run: Annotated[
        str,
        typer.Argument(
            help="A run's id, its beginning, or latest.", show_default=False, autocompletion=completed("runs")
        ),
    ],
    plan_only: Annotated[
        bool, typer.Option("--plan-only", help="Show the way back and change nothing.", envvar="IAMSYNC_PLAN_ONLY")
    ] = False,
    auto_approve: AutoApprove = False,
    approved: Approved = None,
    acknowledge: Acknowledge = None,
    parallelism: Parallelism = 8,
    lock_timeout: LockTimeout = "0",
    timeout: Timeout = None,
    form: TextOrJson = "text",
) -> None:
    """Bring back what a run found, where it changed something.

    Tells first what stays lost.
    """
    from iamsync.engine import applying, recorded, rollback
    from iamsync.engine.planning import document
    from iamsync.engine.reach import Ways, opened

    known_format(form, ("text", "json"))
    seconds = waited(timeout, "--timeout") if timeout is not None else None
    agreed = plan_only or auto_approve or approved is not None
    agreement(agreed)
    if approved is not None:
        approved = applying.approval(approved)
    options = engine_options(
        common,
        acknowledge=tuple(acknowledge or ()),
        command=f"runs rollback {run}",
        lock_timeout=waited(lock_timeout),
    )
    project = opened(options)
    if not plan_only:
        ids_known(project, saved=False)
    record = recorded.read(project, run)
    with interruptible(seconds) as stop, Ways(project) as ways:
        with reading(project):
            found = rollback.rollback(project, ways, record, write=not plan_only)
        item = found.item
        if approved is not None:
            (item,) = applying.as_approved(project, approved, (item,))
        told = {"run": found.run, "account_id": item.plan.account_id, "not_restored": list(found.lost)}
        if form == "text":
            _show(found.run, item, on_terminal(document((item,), options), common))
        elif plan_only or item.plan.refusals:
            print(json.dumps({"rollback": told, **document((item,), options)}, indent=1, ensure_ascii=False))
        sys.stdout.flush()
        rollback.refuse(item)
        if plan_only or not item.plan.changes:
            if form == "json" and not plan_only:
                print(json.dumps({"rollback": told, "applied": []}, indent=1, ensure_ascii=False))
            return
        if not agreed:
            ask(item)
            applying.still_as_shown(item.plan, found.again().plan)
        done, steps = carried_out(project, item, common, parallelism, stop, approved or "", rollback_of=found.run)
    ended([(item, done, steps)], form, common, extra={"rollback": told})


def _show(run: str, item: Any, text: str) -> None:
    if item.plan.changes:
        print(f"back to what run {run} found\n{text}", end="")
    else:
        print(f"nothing to do: what run {run} changed is as the run found it")
