"""`iamsync respond revoke-sessions|quarantine`: incident response through the same plan, guards and journal."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from iamsync.cli import running
from iamsync.cli.commands import Commands
from iamsync.cli.options import (
    Acknowledge,
    AutoApprove,
    Common,
    LockTimeout,
    PlanOnly,
    Restrict,
    TextOrJson,
    completed,
    shared,
)
from iamsync.cli.reporting import on_terminal
from iamsync.cli.watching import reading


def add(app: typer.Typer) -> None:
    """Put the commands of this family on the application."""
    respond = Commands(
        no_args_is_help=True, rich_markup_mode=None, help="Incident response: end sessions, shut a user out."
    )
    app.add_typer(respond, name="respond")
    respond.command("revoke-sessions", epilog="Example: iamsync respond revoke-sessions deploy --account prod")(
        revoke_sessions
    )
    respond.command("quarantine", epilog="Example: iamsync respond quarantine alice --account prod")(quarantine)


@shared
def revoke_sessions(
    common: Common,
    role: Annotated[
        str,
        typer.Argument(
            help="The role, by name or as role/NAME.", show_default=False, autocompletion=completed("roles")
        ),
    ],
    plan_only: PlanOnly = False,
    auto_approve: AutoApprove = False,
    acknowledge: Acknowledge = None,
    lock_timeout: LockTimeout = "0",
    restrict: Restrict = False,
    form: TextOrJson = "text",
) -> None:
    """End the sessions of a role; new ones may begin.

    Whatever began before now is denied everything.
    """
    how = running.How(form, plan_only, auto_approve, acknowledge, lock_timeout, restrict=restrict, digests=False)
    _responded(common, "revoke-sessions", role, how)


@shared
def quarantine(
    common: Common,
    user: Annotated[
        str,
        typer.Argument(
            help="The user, by name or as user/NAME.", show_default=False, autocompletion=completed("users")
        ),
    ],
    plan_only: PlanOnly = False,
    auto_approve: AutoApprove = False,
    acknowledge: Acknowledge = None,
    lock_timeout: LockTimeout = "0",
    restrict: Restrict = False,
    form: TextOrJson = "text",
) -> None:
    """Shut a user out: all denied, keys off, no password.

    Its keys and what else it signs with go off, its password is deleted.
    """
    how = running.How(form, plan_only, auto_approve, acknowledge, lock_timeout, restrict=restrict, digests=False)
    _responded(common, "quarantine", user, how)


def _responded(common: Common, what: str, whom: str, how: running.How) -> None:
    from iamsync.engine import responding
    from iamsync.engine.reach import Ways

    project, how = running.begun(common, how, f"respond {what} {whom}")
    respond_to = responding.revoke_sessions if what == "revoke-sessions" else responding.quarantine

    def shown(made: Any) -> str:
        if found.item.plan.changes or found.unseen:
            return on_terminal(made, common)
        return f"nothing to do: {whom} is as it would be\n"

    with running.interruptible() as stop, Ways(project) as ways:
        with reading(project):
            found = respond_to(project, ways, whom, write=not how.plan_only)
        results, _ = running.agreed_and_done(ways, (found,), how, common, stop, shown)
    if results:
        running.ended(results, how.form, common)
    if not how.plan_only:
        found.complete()
