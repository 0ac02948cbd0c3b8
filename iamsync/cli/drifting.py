"""`iamsync drift`."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import Annotated, Final

import typer

from iamsync.cli.context import engine_options, known_format, note, replace_file, reports
from iamsync.cli.metering import Metered, Metrics
from iamsync.cli.options import Base, Common, Executor, Live, Paths, Report, Target, shared
from iamsync.cli.paging import NoPager
from iamsync.cli.reporting import About, drift_text, publish, undrawn
from iamsync.cli.telling import Notify, Telling
from iamsync.cli.watching import reading

FORMATS: Final = ("text", "json", "markdown", "html", "sarif", "junit", "gitlab", "gitlab-codequality", "github")


def add(app: typer.Typer) -> None:
    """Put the commands of this family on the application."""
    app.command(
        epilog="Example: iamsync drift --base git:origin/main --fail-on medium --attribute",
    )(drift)


@shared
def drift(
    common: Common,
    paths: Paths = None,
    target: Target = None,
    base: Base = None,
    live: Live = None,
    fail_on: Annotated[
        str | None,
        typer.Option(
            "--fail-on",
            help="Exit 2 only for drift of this severity or over it: critical, high, medium, low, info.",
            envvar="IAMSYNC_FAIL_ON",
        ),
    ] = None,
    since_last: Annotated[
        Path | None,
        typer.Option(
            "--since-last",
            help="Tell what is new since the run that wrote this file, and write it anew.",
            envvar="IAMSYNC_SINCE_LAST",
        ),
    ] = None,
    attribute: Annotated[
        bool,
        typer.Option("--attribute", help="Ask CloudTrail who did it, when and from where.", envvar="IAMSYNC_ATTRIBUTE"),
    ] = False,
    executor: Executor = None,
    form: Annotated[str, typer.Option("--format", help=f"{', '.join(FORMATS)}.", envvar="IAMSYNC_FORMAT")] = "text",
    report: Report = None,
    no_pager: NoPager = False,
    notify: Notify = False,
    metrics: Metrics = None,
) -> None:
    """Show what is otherwise in the account than the manifests say, by severity, and change nothing."""
    from iamsync.engine import drifting, records
    from iamsync.engine.fleets import complete
    from iamsync.engine.planning import plans
    from iamsync.engine.reach import Ways, opened
    from iamsync.render.brief import brief_of_drift
    from iamsync.render.drift import drift_markdown
    from iamsync.render.metrics import of_drift

    known_format(form, FORMATS)
    also = reports(report or [], FORMATS)
    floor = drifting.known_floor(fail_on)
    options = engine_options(
        common,
        paths=tuple(paths or ()),
        target=tuple(target or ()),
        base=base,
        live=live.absolute() if live else None,
    )
    metered = Metered(metrics, "drift", of_drift)
    with metered.failing():
        project = opened(options)
        last = drifting.last(since_last, options) if since_last is not None else None
    graph, drawn = None, "html" in (form, *(kind for kind, _ in also))
    with metered, Telling(project, "drift", notify, common, brief_of_drift) as told:
        if executor is not None:
            from iamsync.engine import distributing

            undrawn(drawn, common)
            with distributing.at(project, executor, code=common.mfa_token is not None) as workers:
                answers = distributing.drifts(project, workers, attribute=attribute, last=last)
            made, failed = distributing.drift_document(project, answers, floor), answers.failed
        else:
            with Ways(project) as ways:
                with reading(project):
                    planned = plans(project, ways)
                    found = drifting.seen(planned, records.left(project), attribute=attribute, before=last)
                if drawn:
                    from iamsync.engine.picture import picture

                    graph = picture(project, planned, reality=True)
            made, failed = drifting.document(found, options, floor, ways.failed), tuple(ways.failed)
        if since_last is not None:
            made = drifting.since(made, last)
        told.document = metered.document = made
        about = About(made, project.root, graph, common.verbose)
        summary = partial(drift_markdown, made)
        publish(form, also, partial(drift_text, about), common, summary, pager=not no_pager)
        if since_last is not None:
            # What nobody could be told of is new again the next time.
            told.then = partial(replace_file, since_last, drifting.remembered(made, last), mode=0o600)
        if target and not common.quiet:
            note("only a part was looked at: --target left the rest out")
        sys.stdout.flush()
        complete(failed, len(made["accounts"]) + len(failed))
        if drifting.failing(made):
            raise typer.Exit(2)
