"""`iamsync apply`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Final

import typer

from iamsync.cli import running, waves
from iamsync.cli.context import engine_options, known_format, note, waited
from iamsync.cli.options import (
    Acknowledge,
    Approvals,
    AutoApprove,
    Base,
    Common,
    LockTimeout,
    Parallelism,
    Restrict,
    Target,
    TextOrJson,
    Timeout,
    shared,
)
from iamsync.cli.reporting import on_terminal
from iamsync.cli.telling import Notify, Telling
from iamsync.cli.watching import reading
from iamsync.cli.waves import MaxFailed
from iamsync.errors import InputError

_CAUSES: Final = ("declared", "drift", "expired", "removed", "unmanaged")


def add(app: typer.Typer) -> None:
    """Put the command on the application."""
    app.command(epilog="Example: iamsync apply --approved sha256:5b1e... --account prod")(apply)


@shared
def apply(
    common: Common,
    paths: Annotated[
        list[str] | None, typer.Argument(help="A saved plan.json, or manifest files or folders.", show_default=False)
    ] = None,
    auto_approve: AutoApprove = False,
    approved: Approvals = None,
    only: Annotated[
        str | None,
        typer.Option("--only", help=f"Changes of one cause: {', '.join(_CAUSES)}.", envvar="IAMSYNC_ONLY"),
    ] = None,
    expired: Annotated[
        bool,
        typer.Option("--expired", help="Only take away what has expired: --only expired.", envvar="IAMSYNC_EXPIRED"),
    ] = False,
    target: Target = None,
    base: Base = None,
    acknowledge: Acknowledge = None,
    parallelism: Parallelism = 8,
    lock_timeout: LockTimeout = "0",
    restrict: Restrict = False,
    max_failed: MaxFailed = 0,
    timeout: Timeout = None,
    executor: Annotated[str | None, typer.Option("--executor", envvar="IAMSYNC_EXECUTOR", hidden=True)] = None,
    form: TextOrJson = "text",
    notify: Notify = False,
) -> None:
    """Plan, ask, and apply; or apply a plan that was saved or approved."""
    from iamsync.engine import applying
    from iamsync.engine.fleets import complete
    from iamsync.engine.foreseeing import settled
    from iamsync.engine.planning import document, plans, to_text
    from iamsync.engine.reach import Ways, opened
    from iamsync.render.brief import brief_of_plan

    known_format(form, ("text", "json"))
    if executor is not None:
        raise InputError(
            "--executor is for looking: apply goes account after account, from this machine alone",
            code="bad-option",
            hint="plan with --executor and --out plan.json, then apply plan.json without it (and IAMSYNC_EXECUTOR)",
        )
    seconds = waited(timeout, "--timeout") if timeout is not None else None
    saved, narrowing = _saved_plan(paths or [])
    only = _cause(only, expired=expired, based=base is not None)
    if saved is not None and (approved or target or only or narrowing):
        raise InputError(
            "a saved plan is applied as it is",
            code="bad-option",
            hint="leave out --approved, --target, --only, --expired and paths",
        )
    agreed = auto_approve or bool(approved) or saved is not None
    running.agreement(agreed, "--auto-approve, --approved sha256:... or a saved plan")
    digests = list(dict.fromkeys(map(applying.approval, approved or ())))
    if saved is not None and not common.account:
        common.account = applying.accounts_of(saved)
    options = engine_options(
        common,
        paths=tuple(narrowing),
        target=tuple(target or ()),
        base=base,
        only=only,
        acknowledge=tuple(acknowledge or ()),
        lock_timeout=waited(lock_timeout),
    )
    project = opened(options)
    running.ids_known(project, saved is not None)
    if restrict:
        from iamsync.engine.restricting import restrictable

        restrictable(project)
    with Telling(project, "apply", notify, common, brief_of_plan) as told:
        with running.interruptible(seconds) as stop, Ways(project) as ways:
            with reading(project):
                planned = plans(project, ways, write=True)
            of, approvals = len(planned) + len(ways.failed), dict[str, str]()
            if saved is not None:
                planned = applying.as_saved(saved, planned, [failure.account_id for failure in ways.failed])
            elif digests:
                planned, approvals = applying.as_all_approved(project, digests, planned, len(ways.failed))
            planned = tuple(settled(item) for item in planned)
            told.document = document(planned, options, ways.failed)
            if form == "text" or not agreed:
                # Whoever is asked sees what about, also where a machine reads the result.
                stream = sys.stdout if form == "text" else sys.stderr
                print(on_terminal(told.document, common, stream), end="", file=stream, flush=True)
            left_out = "--target" if target else f"--only {only}" if only not in (None, "expired") else ""
            if left_out and not common.quiet:
                note(f"only a part was looked at: {left_out} left the rest out")
            if form == "json" and any(item.plan.refusals for item in planned):
                print(to_text({**told.document, "applied": []}), end="", flush=True)
            if any(item.plan.refusals for item in planned):
                complete(ways.failed, of)
            applying.refuse(planned)
            writers = [
                running.restricted(ways, item, common) if restrict and item.plan.changes else None for item in planned
            ]
            made = waves.apply_all(
                project,
                planned,
                common,
                stop,
                agreed=agreed,
                parallelism=parallelism,
                approved=approvals,
                writers=writers,
                before=ways.failed,
                max_failed=max_failed,
            )
        waves.ended(made, form, common, ways.failed, of)
        if only == "expired":
            applying.still_held(planned)


def _cause(only: str | None, *, expired: bool, based: bool) -> str | None:
    """The one cause whose changes are asked for; `based` where --base tells drift from what was declared since."""
    from iamsync.engine.choosing import unknown

    if only is not None and only not in _CAUSES:
        raise unknown(f"--only {only!r} is no cause", only, _CAUSES)
    if expired and only not in (None, "expired"):
        raise InputError(
            f"--expired and --only {only} contradict each other", code="bad-option", hint="leave one of them out"
        )
    if only == "drift" and not based:
        raise InputError(
            "--only drift: without --base nothing tells what was changed by hand from what was declared since",
            code="bad-option",
            hint="give --base git:REV, the revision that was applied last, or leave out --only to take all back",
        )
    return "expired" if expired else only


def _saved_plan(paths: list[str]) -> tuple[Path | None, list[str]]:
    """A PATH that ends in .json is a saved plan; everything else narrows."""
    saved = [path for path in paths if path.endswith(".json")]
    if not saved:
        return None, paths
    if len(saved) > 1:
        raise InputError("one saved plan at a time", code="bad-option", hint="give one plan.json")
    return Path(saved[0]), [path for path in paths if path not in saved]
