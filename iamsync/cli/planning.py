"""`iamsync plan` and `show`."""

from __future__ import annotations

import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from iamsync.cli.context import engine_options, known_format, note, reports, within, write_file
from iamsync.cli.metering import Metered, Metrics
from iamsync.cli.options import (
    FORMATS,
    Acknowledge,
    Base,
    Common,
    Executor,
    Format,
    Live,
    Paths,
    Report,
    Target,
    shared,
)
from iamsync.cli.paging import NoPager
from iamsync.cli.reporting import About, Also, plan_text, publish, undrawn
from iamsync.cli.telling import Notify, Telling
from iamsync.cli.watching import reading
from iamsync.errors import InputError

TERRAFORM = "terraform"


def add(app: typer.Typer) -> None:
    """Put the commands of this family on the application."""
    app.command(epilog="Example: iamsync plan --out plan.json --detailed-exitcode")(plan)
    app.command(epilog="Example: iamsync show plan.json --format aws-cli")(show)


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
    live: Live = None,
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
    from iamsync.engine.choosing import known_actions
    from iamsync.engine.fleets import complete
    from iamsync.engine.planning import document, gained, plans, to_text
    from iamsync.engine.reach import Ways, opened
    from iamsync.render.brief import brief_of_plan
    from iamsync.render.metrics import of_plan

    known_format(form)
    also = reports(report or [])
    known_actions(fail_on_gain or (), "--fail-on-gain")
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
        _publish(About(made, project.root, graph, common.verbose), form, also, common, pager=not no_pager)
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
    _publish(About(made, root, verbose=common.verbose), form, also, common, pager=not no_pager)


def _show_terraform(common: Common, file: str | None, target: tuple[str, ...]) -> None:
    """Print a state as Terraform configuration."""
    from iamsync.engine.leaving import configuration
    from iamsync.engine.reach import Ways, opened

    project = opened(engine_options(common, target=target))
    with Ways(project) as ways, reading(project):
        text = configuration(project, ways, file)
    print(text, end="")


def _publish(about: About, form: str, also: Also, common: Common, *, pager: bool) -> None:
    from iamsync.render.markdown import plan_markdown

    publish(form, also, partial(plan_text, about), common, partial(plan_markdown, about.document), pager=pager)
