"""`iamsync plan`, `show`, `apply`."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from iamsync.cli import running, waves
from iamsync.cli.context import (
    FORMATS,
    colored,
    columns,
    engine_options,
    known_format,
    note,
    reports,
    waited,
    within,
    write_file,
)
from iamsync.cli.metering import Metered, Metrics
from iamsync.cli.options import Common, Executor, Paths, completed, shared
from iamsync.cli.paging import NoPager
from iamsync.cli.reporting import plan_text, publish
from iamsync.cli.telling import Notify, Telling
from iamsync.cli.watching import reading
from iamsync.cli.waves import MaxFailed
from iamsync.errors import InputError

TERRAFORM = "terraform"
Format = Annotated[str, typer.Option("--format", help=f"{', '.join(FORMATS)}.", envvar="IAMSYNC_FORMAT")]
Report = Annotated[
    list[str] | None, typer.Option("--report", help="Also write FORMAT=FILE (repeatable).", envvar="IAMSYNC_REPORT")
]
_CAUSES: Final = ("declared", "drift", "expired", "removed", "unmanaged")
Target = Annotated[
    list[str] | None,
    typer.Option(
        "--target",
        help="Look at these resources only, by selector (repeatable).",
        envvar="IAMSYNC_TARGET",
        autocompletion=completed("addresses"),
    ),
]
Base = Annotated[
    str | None, typer.Option("--base", help="git:REV to tell this change from drift.", envvar="IAMSYNC_BASE")
]
Acknowledge = Annotated[
    list[str] | None,
    typer.Option(
        "--acknowledge",
        help="Consent to GUARD or GUARD:ADDRESS (repeatable).",
        envvar="IAMSYNC_ACKNOWLEDGE",
        autocompletion=completed("guards"),
    ),
]
AutoApprove = Annotated[bool, typer.Option("--auto-approve", help="Do not ask.", envvar="IAMSYNC_AUTO_APPROVE")]
Approved = Annotated[
    str | None,
    typer.Option("--approved", help="Go on only if the plan is the one of this digest.", envvar="IAMSYNC_APPROVED"),
]
Approvals = Annotated[
    list[str] | None,
    typer.Option(
        "--approved",
        help="Go on only if the plan is the one of this digest (repeatable: one for each account that changes).",
        envvar="IAMSYNC_APPROVED",
    ),
]
Parallelism = Annotated[
    int, typer.Option("--parallelism", help="Calls at once.", min=1, max=64, envvar="IAMSYNC_PARALLELISM")
]
Restrict = Annotated[
    bool,
    typer.Option(
        "--restrict",
        help="Make the calls in sessions of the assumed role that may do nothing but the plan.",
        envvar="IAMSYNC_RESTRICT",
    ),
]
LockTimeout = Annotated[
    str,
    typer.Option("--lock-timeout", help="How long to wait for the team lock, as 5m.", envvar="IAMSYNC_LOCK_TIMEOUT"),
]
Timeout = Annotated[
    str | None,
    typer.Option(
        "--timeout",
        help="Begin no call after this time, as 30m: calls under way are finished, and the next run does the rest.",
        envvar="IAMSYNC_TIMEOUT",
    ),
]
TextOrJson = Annotated[str, typer.Option("--format", help="text or json.", envvar="IAMSYNC_FORMAT")]


def add(app: typer.Typer) -> None:
    """Put the commands of this family on the application."""
    app.command(epilog="Example: iamsync plan --out plan.json --detailed-exitcode")(plan)
    app.command(
        epilog="Example: iamsync show plan.json --format aws-cli",
    )(show)
    app.command(
        epilog="Example: iamsync apply --approved sha256:5b1e... --account prod",
    )(apply)


@shared
def plan(
    common: Common,
    paths: Paths = None,
    out: Annotated[Path | None, typer.Option("--out", help="Save the plan here.", envvar="IAMSYNC_OUT")] = None,
    detailed_exitcode: Annotated[
        bool, typer.Option("--detailed-exitcode", help="Exit 2 where something would change.")
    ] = False,
    target: Target = None,
    base: Base = None,
    live: Annotated[
        Path | None, typer.Option("--live", help="A snapshot or dump instead of the account.", envvar="IAMSYNC_LIVE")
    ] = None,
    expiring: Annotated[
        str | None,
        typer.Option("--expiring", help="Also list what expires within 14d, 8h...", envvar="IAMSYNC_EXPIRING"),
    ] = None,
    acknowledge: Acknowledge = None,
    fail_on_gain: Annotated[
        list[str] | None,
        typer.Option(
            "--fail-on-gain",
            help="Exit 2 where a principal gains such an action, for example 'iam:*' (repeatable).",
            envvar="IAMSYNC_FAIL_ON_GAIN",
        ),
    ] = None,
    access_analyzer: Annotated[
        bool,
        typer.Option(
            "--access-analyzer",
            help="Also ask AWS's Access Analyzer about the access that the plan gives. AWS charges for each call: one "
            "or two for each user and role that changes, one for each changed trust policy.",
        ),
    ] = False,
    executor: Executor = None,
    form: Format = "text",
    report: Report = None,
    no_pager: NoPager = False,
    notify: Notify = False,
    metrics: Metrics = None,
) -> None:
    """Show what would change, in order, and change nothing."""
    from iamsync.engine.analyzing import analyzed, askable
    from iamsync.engine.applying import refuse_told
    from iamsync.engine.fleets import complete
    from iamsync.engine.planning import document, gained, plans, to_text
    from iamsync.engine.reach import Ways, opened
    from iamsync.render.brief import brief_of_plan
    from iamsync.render.metrics import of_plan

    known_format(form)
    also = reports(report or [])
    options = engine_options(
        common,
        paths=tuple(paths or ()),
        target=tuple(target or ()),
        base=base,
        live=live.absolute() if live else None,
        acknowledge=tuple(acknowledge or ()),
    )
    if expiring is not None:
        options = replace(options, expiring=within(expiring, options.now))
    metered = Metered(metrics, "plan", of_plan)
    with metered.failing():
        project = opened(options)
        if access_analyzer:
            askable(project)
    graph, drawn = None, "html" in (form, *(kind for kind, _ in also))
    with metered, Telling(project, "plan", notify, common, brief_of_plan) as told:
        if executor is not None:
            from iamsync.engine import distributing

            undrawn(drawn, common)
            with distributing.at(project, executor, code=common.mfa_token is not None) as workers:
                answers = distributing.plans(project, workers, patterns=fail_on_gain or (), analyze=access_analyzer)
            made, failed = distributing.plan_document(project, answers), answers.failed
            gains = [text for one in answers.made for text in one["gained"]]
        else:
            with Ways(project) as ways:
                with reading(project):
                    planned = plans(project, ways, light=not (drawn or access_analyzer))
                    if access_analyzer:
                        planned = analyzed(project, planned, fail_on_gain or ())
                if drawn:
                    from iamsync.engine.picture import picture

                    graph = picture(project, planned)
            made, failed = document(planned, options, ways.failed), tuple(ways.failed)
            gains = gained(planned, fail_on_gain or ())
        told.document = metered.document = made
        _publish(made, form, also, common, project.root, graph, pager=not no_pager)
        if out is not None:
            write_file(out, to_text(made), mode=0o600)
        if target and not common.quiet:
            note("the plan is partial: --target left the rest out")
        sys.stdout.flush()
        complete(failed, len(made["plans"]) + len(failed))
        refuse_told(made)
        for text in gains:
            print(text, file=sys.stderr)
        if gains or (detailed_exitcode and any(item["changes"] for item in made["plans"])):
            raise typer.Exit(2)


@shared
def show(
    common: Common,
    file: Annotated[
        str | None,
        typer.Argument(
            help="A saved plan; with --format terraform a state: a path, live, snapshot:FILE or git:REV "
            "(default: the manifests).",
            show_default=False,
        ),
    ] = None,
    form: Annotated[
        str, typer.Option("--format", help=f"{', '.join((*FORMATS, TERRAFORM))}.", envvar="IAMSYNC_FORMAT")
    ] = "text",
    report: Report = None,
    target: Target = None,
    no_pager: NoPager = False,
) -> None:
    """Show a saved plan in any format; `aws-cli` prints the commands, `terraform` a whole state as configuration."""
    from iamsync.engine.showing import saved_document

    known_format(form, (*FORMATS, TERRAFORM))
    also = reports(report or [])
    if form == TERRAFORM:
        if also:
            raise InputError("--report is about a plan", code="bad-option", hint="leave it out, or the format")
        _show_terraform(common, file, tuple(target or ()))
        return
    if file is None:
        raise InputError("there is no plan to show", code="bad-option", hint="for example: iamsync show plan.json")
    if target:
        raise InputError("--target goes with --format terraform", code="bad-option", hint="leave it out")
    made = saved_document(Path(file))
    root = common.config.absolute().parent if common.config else Path.cwd()
    _publish(made, form, also, common, root, pager=not no_pager)


def _show_terraform(common: Common, file: str | None, target: tuple[str, ...]) -> None:
    """Print a state as Terraform configuration."""
    from iamsync.engine.leaving import configuration
    from iamsync.engine.reach import Ways, opened

    project = opened(engine_options(common, target=target))
    with Ways(project) as ways, reading(project):
        text = configuration(project, ways, file)
    print(text, end="")


def undrawn(drawn: bool, common: Common) -> None:
    """Say that html is without its graph where accounts are looked at elsewhere."""
    if drawn and not common.quiet:
        note("html is without its graph: what the accounts hold stays with the workers of --executor")


def _publish(
    made: Any,
    form: str,
    also: list[tuple[str, Path]],
    common: Common,
    root: Path,
    graph: Any = None,
    *,
    pager: bool,
) -> None:
    from iamsync.render.markdown import plan_markdown

    def text(kind: str, color: bool, width: int | None) -> str:
        return plan_text(made, kind, common, root, color=color, width=width, graph=graph)

    publish(form, also, text, common, lambda limit: plan_markdown(made, limit), pager=pager)


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
        typer.Option("--only", help="Changes of one cause: declared, drift, expired, removed.", envvar="IAMSYNC_ONLY"),
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
    from iamsync.engine.choosing import unknown
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
    if only is not None and only not in _CAUSES:
        raise unknown(f"--only {only!r} is no cause", only, _CAUSES)
    if expired and only not in (None, "expired"):
        raise InputError(
            f"--expired and --only {only} contradict each other", code="bad-option", hint="leave one of them out"
        )
    only = "expired" if expired else only
    if only == "drift" and base is None:
        raise InputError(
            "--only drift: without --base nothing tells what was changed by hand from what was declared since",
            code="bad-option",
            hint="give --base git:REV, the revision that was applied last, or leave out --only to take all back",
        )
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
                how: dict[str, Any] = {"color": colored(common), "width": columns(stream)}
                print(plan_text(told.document, "text", common, project.root, **how), end="", file=stream, flush=True)
            left_out = "--target" if target else f"--only {only}" if only not in (None, "expired") else ""
            if left_out and not common.quiet:
                note(f"only a part was looked at: {left_out} left the rest out")
            if form == "json" and any(item.plan.refusals for item in planned):
                print(to_text({**told.document, "applied": []}), end="", flush=True)
            if any(item.plan.refusals for item in planned):
                complete(ways.failed, of)
            _refuse(planned)
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


def _saved_plan(paths: list[str]) -> tuple[Path | None, list[str]]:
    """A PATH that ends in .json is a saved plan; everything else narrows."""
    saved = [path for path in paths if path.endswith(".json")]
    if not saved:
        return None, paths
    if len(saved) > 1:
        raise InputError("one saved plan at a time", code="bad-option", hint="give one plan.json")
    return Path(saved[0]), [path for path in paths if path not in saved]


def _refuse(planned: Any) -> None:
    from iamsync.engine.applying import refuse

    refuse(planned)
