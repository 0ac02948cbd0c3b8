"""`iamsync respond revoke-sessions|quarantine`: incident response through the same plan, guards and journal."""

from __future__ import annotations

import json
import sys
from typing import Annotated, Any

import typer

from iamsync.cli import running
from iamsync.cli.context import colored, engine_options, known_format, waited
from iamsync.cli.keys import PlanOnly
from iamsync.cli.options import Common, shared
from iamsync.cli.planning import Acknowledge, AutoApprove, LockTimeout, TextOrJson
from iamsync.cli.reporting import plan_text
from iamsync.errors import StalePlan

respond = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="Incident response: end sessions, shut a user out."
)


def add(app: typer.Typer) -> None:
    """Put the commands of this family on the application."""
    app.add_typer(respond, name="respond")
    respond.command("revoke-sessions", epilog="Example: iamsync respond revoke-sessions deploy --account prod")(
        revoke_sessions
    )
    respond.command("quarantine", epilog="Example: iamsync respond quarantine alice --account prod")(quarantine)


@shared
def revoke_sessions(
    common: Common,
    role: Annotated[str, typer.Argument(help="The role, by name or as role/NAME.", show_default=False)],
    plan_only: PlanOnly = False,
    auto_approve: AutoApprove = False,
    acknowledge: Acknowledge = None,
    lock_timeout: LockTimeout = "0",
    form: TextOrJson = "text",
) -> None:
    """End all sessions of a role that began before now, by a denial; new ones may begin."""
    _responded(common, "revoke-sessions", role, (plan_only, auto_approve, acknowledge, lock_timeout, form))


@shared
def quarantine(
    common: Common,
    user: Annotated[str, typer.Argument(help="The user, by name or as user/NAME.", show_default=False)],
    plan_only: PlanOnly = False,
    auto_approve: AutoApprove = False,
    acknowledge: Acknowledge = None,
    lock_timeout: LockTimeout = "0",
    form: TextOrJson = "text",
) -> None:
    """Shut a user out: everything denied, its keys off, its password deleted."""
    _responded(common, "quarantine", user, (plan_only, auto_approve, acknowledge, lock_timeout, form))


def _responded(common: Common, what: str, whom: str, how: tuple[Any, ...]) -> None:
    from iamsync.engine import applying, responding
    from iamsync.engine.planning import document
    from iamsync.engine.reach import Ways, opened

    plan_only, auto_approve, acknowledge, lock_timeout, form = how
    known_format(form, ("text", "json"))
    agreed = plan_only or auto_approve
    running.agreement(agreed, "--auto-approve")
    options = engine_options(
        common,
        acknowledge=tuple(acknowledge or ()),
        command=f"respond {what} {whom}",
        lock_timeout=waited(lock_timeout),
    )
    project = opened(options)
    if not plan_only:
        running.ids_known(project, saved=False)
    respond_to = responding.revoke_sessions if what == "revoke-sessions" else responding.quarantine
    with Ways(project) as ways, running.interruptible() as stop:
        found = respond_to(project, ways, whom, write=not plan_only)
        item = found.item
        made = document((item,), options)
        if form == "text" or not agreed:
            if item.plan.changes:
                shown = plan_text(made, "text", common, project.root, color=colored(common))
            else:
                shown = f"nothing to do: {whom} is as it would be\n"
            print(shown, end="", file=sys.stdout if form == "text" else sys.stderr, flush=True)
        if form == "json" and (plan_only or item.plan.refusals or not item.plan.changes):
            print(json.dumps({**made, "applied": []}, indent=1, ensure_ascii=False), flush=True)
        applying.refuse((item,))
        if plan_only or not item.plan.changes:
            return
        if not agreed:
            running.ask(item)
            if found.again().approval != item.plan.approval:
                raise StalePlan("the account changed while you were looking at the plan", hint="run the command again")
        done, steps = running.carried_out(project, item, common, 1, stop, "", executor=found.executor)
    running.ended([(item, done, steps)], form, common)
