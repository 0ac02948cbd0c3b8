"""`iamsync keys list|rotate|deactivate|delete`: access keys and passwords by the rules of manifests."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from iamsync.cli import running, waves
from iamsync.cli.commands import Commands
from iamsync.cli.context import colored, engine_options, known_format, laid_out
from iamsync.cli.options import (
    Acknowledge,
    Approved,
    AutoApprove,
    Common,
    LockTimeout,
    PlanOnly,
    Restrict,
    TextOrJson,
    Timeout,
    completed,
    shared,
)
from iamsync.cli.reporting import on_terminal
from iamsync.cli.watching import reading
from iamsync.errors import InputError

Users = Annotated[
    list[str] | None,
    typer.Option(
        "--user",
        help="Of these users only, by name or selector (repeatable).",
        envvar="IAMSYNC_USER",
        autocompletion=completed("users"),
    ),
]
Ids = Annotated[list[str] | None, typer.Option("--key", help="This access key, by its id (repeatable).")]
DeliverTo = Annotated[
    str,
    typer.Option(
        "--deliver-to",
        help="Deliver there, whatever manifests say; also file:PATH or hook:COMMAND. $(name) is the user's.",
        envvar="IAMSYNC_DELIVER_TO",
    ),
]


def add(app: typer.Typer) -> None:
    """Put the commands of this family on the application."""
    keys = Commands(no_args_is_help=True, rich_markup_mode=None, help="Access keys and passwords, by their rules.")
    app.add_typer(keys, name="keys")
    keys.command("list", epilog="Example: iamsync keys list --format json")(keys_list)
    keys.command("rotate", epilog="Example: iamsync keys rotate --account prod --auto-approve")(keys_rotate)
    keys.command("deactivate", epilog="Example: iamsync keys deactivate --user ci-bot --key AKIAIOSFODNN7EXAMPLE")(
        keys_deactivate
    )
    keys.command("delete", epilog="Example: iamsync keys delete --user 'user:/bots/**'")(keys_delete)


@shared
def keys_list(common: Common, user: Users = None, deliver_to: DeliverTo = "", form: TextOrJson = "text") -> None:
    """List keys with their age and last use, and what is due.

    Exits with 2 where something is.
    """
    from iamsync.engine import credentials
    from iamsync.engine.reach import Ways, opened
    from iamsync.render.keys import keys_text

    known_format(form, ("text", "json"))
    project = opened(engine_options(common))
    wanted = credentials.Wanted("list", tuple(user or ()), deliver_to=deliver_to, cwd=Path.cwd())
    with Ways(project) as ways, reading(project):
        found = credentials.plans(project, ways, wanted)
    made = credentials.document(found, project.now, ways.failed)
    text = credentials.to_text(made) if form == "json" else laid_out(keys_text(made, color=colored(common)))
    print(text, end="", flush=True)
    credentials.all_looked_at(found, ways, applied=False)
    if credentials.any_due(found):
        raise typer.Exit(2)


@shared
def keys_rotate(
    common: Common,
    user: Users = None,
    deliver_to: DeliverTo = "",
    plan_only: PlanOnly = False,
    auto_approve: AutoApprove = False,
    approved: Approved = None,
    acknowledge: Acknowledge = None,
    lock_timeout: LockTimeout = "0",
    restrict: Restrict = False,
    timeout: Timeout = None,
    form: TextOrJson = "text",
) -> None:
    """Do whatever is due: new keys, deliveries, old keys, passwords.

    A new key is delivered in the same run; the old one goes off and is deleted when its time has come. Meant for an
    hourly cron.
    """
    how = running.How(form, plan_only, auto_approve, acknowledge, lock_timeout, approved, restrict, timeout)
    _changed(common, how, "rotate", users=tuple(user or ()), deliver_to=deliver_to)


@shared
def keys_deactivate(
    common: Common,
    user: Users = None,
    key: Ids = None,
    deliver_to: DeliverTo = "",
    plan_only: PlanOnly = False,
    auto_approve: AutoApprove = False,
    approved: Approved = None,
    acknowledge: Acknowledge = None,
    lock_timeout: LockTimeout = "0",
    restrict: Restrict = False,
    timeout: Timeout = None,
    form: TextOrJson = "text",
) -> None:
    """Switch keys off at once: those of --key, or the old ones.

    Without --key it is the old one of each user's rotation.
    """
    how = running.How(form, plan_only, auto_approve, acknowledge, lock_timeout, approved, restrict, timeout)
    _changed(common, how, "deactivate", users=_named(user), ids=tuple(key or ()), deliver_to=deliver_to)


@shared
def keys_delete(
    common: Common,
    user: Users = None,
    key: Ids = None,
    plan_only: PlanOnly = False,
    auto_approve: AutoApprove = False,
    approved: Approved = None,
    acknowledge: Acknowledge = None,
    lock_timeout: LockTimeout = "0",
    restrict: Restrict = False,
    timeout: Timeout = None,
    form: TextOrJson = "text",
) -> None:
    """Delete keys for good: those of --key, else all that are off."""
    how = running.How(form, plan_only, auto_approve, acknowledge, lock_timeout, approved, restrict, timeout)
    _changed(common, how, "delete", users=_named(user), ids=tuple(key or ()))


def _named(user: list[str] | None) -> tuple[str, ...]:
    if not user:
        raise InputError("say whose keys", code="bad-option", hint="--user NAME, or a selector: --user 'user:/bots/**'")
    return tuple(user)


def _changed(common: Common, how: running.How, verb: Any, **chosen: Any) -> None:
    from iamsync.engine import credentials
    from iamsync.engine.reach import Ways

    project, how = running.begun(common, how, f"keys {verb}")
    wanted = credentials.Wanted(verb, cwd=Path.cwd(), reads=how.plan_only, **chosen)

    def shown(made: Any) -> str:
        if ways.failed or any(one.item.plan.changes or one.item.plan.guards for one in found):
            return on_terminal(made, common)
        names = ", ".join(one.item.plan.account_name for one in found)
        later = [f"  {finding.title}\n" for one in found for finding in one.item.plan.findings]
        return f"nothing is due about the keys of {names}\n{''.join(later)}"

    with running.interruptible(how.seconds) as stop, Ways(project) as ways:
        with reading(project):
            found = credentials.plans(project, ways, wanted)
        results, left = running.agreed_and_done(ways, found, how, common, stop, shown)
    if results or left:
        made = waves.Applied(results, left=left, interrupted=stop.is_set(), over=bool(stop.over))
        waves.ended(made, how.form, common, (), len(found))
    credentials.all_looked_at(found, ways, applied=not how.plan_only)
    if verb == "rotate":
        credentials.still_held(found)
        if open_ := credentials.waiting(found):
            print(f"a person must look at the keys of {', '.join(open_)}: see above", file=sys.stderr)
            raise typer.Exit(2)
