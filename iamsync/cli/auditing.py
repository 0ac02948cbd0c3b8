"""`iamsync audit`."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from iamsync.cli.context import columns, engine_options, known_format, note, reports
from iamsync.cli.metering import Metered, Metrics
from iamsync.cli.options import Common, Executor, Live, Paths, Report, shared
from iamsync.cli.paging import NoPager, printed
from iamsync.cli.reporting import About, audit_report, publish, undrawn
from iamsync.cli.watching import reading
from iamsync.errors import InputError

SUGGESTED: Final = ("text", "json", "diff")
FORMATS: Final = ("text", "json", "markdown", "html", "sarif", "junit", "github", "gitlab-codequality")


def add(app: typer.Typer) -> None:
    """Put the command on the application."""
    app.command(
        epilog="Example: iamsync audit --live account.json --report sarif=audit.sarif --fail-on high",
    )(audit)


@shared
def audit(
    common: Common,
    paths: Paths = None,
    live: Live = None,
    manifests: Annotated[
        bool, typer.Option("--manifests", help="Audit what the manifests declare; asks nobody.")
    ] = False,
    credential_report: Annotated[
        Path | None,
        typer.Option(
            "--credential-report",
            help="A saved credential report (CSV) instead of the account's.",
            envvar="IAMSYNC_CREDENTIAL_REPORT",
        ),
    ] = None,
    last_accessed: Annotated[
        bool,
        typer.Option(
            "--last-accessed",
            help="Also ask AWS which services each user and role last used (a job each).",
            envvar="IAMSYNC_LAST_ACCESSED",
        ),
    ] = False,
    suggest: Annotated[
        bool,
        typer.Option(
            "--suggest", help="Show what the manifests could say instead, with the reasons, as a diff for review."
        ),
    ] = False,
    write: Annotated[
        bool, typer.Option("--write", help="With --suggest: edit the manifests; nothing is applied.")
    ] = False,
    baseline: Annotated[
        Path | None,
        typer.Option(
            "--baseline",
            help="JSON of an earlier audit: what it found is known, and fails nothing.",
            envvar="IAMSYNC_BASELINE",
        ),
    ] = None,
    fail_on: Annotated[
        str | None,
        typer.Option(
            "--fail-on",
            help="Exit 2 for findings of this severity or over it: critical, high, medium, low, info.",
            envvar="IAMSYNC_FAIL_ON",
        ),
    ] = None,
    executor: Executor = None,
    form: Annotated[str, typer.Option("--format", help=f"{', '.join(FORMATS)}.", envvar="IAMSYNC_FORMAT")] = "text",
    report: Report = None,
    no_pager: NoPager = False,
    metrics: Metrics = None,
) -> None:
    """Look for what is unsafe, unused or an escalation path in an account, a saved one, or the manifests."""
    from iamsync.engine import auditing, drifting
    from iamsync.engine.fleets import complete
    from iamsync.engine.reach import Ways, opened
    from iamsync.render.audited import audit_markdown
    from iamsync.render.metrics import of_audit

    known_format(form, SUGGESTED if suggest else FORMATS)
    also = reports(report or [], FORMATS)
    floor = drifting.known_floor(fail_on)
    if manifests and (live is not None or last_accessed):
        other = "--live" if live is not None else "--last-accessed"
        raise InputError(f"--manifests asks nobody, and {other} does", code="bad-option", hint="leave one of them out")
    if write and not suggest:
        raise InputError("--write goes with --suggest", code="bad-option", hint="leave it out, or add --suggest")
    if suggest and manifests:
        raise InputError(
            "--suggest goes by what an account holds and uses", code="bad-option", hint="leave --manifests out"
        )
    for other, given in (
        ("--manifests", manifests),
        ("--suggest", suggest),
        ("--credential-report", credential_report is not None),
    ):
        if executor is not None and given:
            raise InputError(
                f"{other} is looked at on this machine, and --executor elsewhere",
                code="bad-option",
                hint="leave one of them out",
            )
    options = engine_options(common, paths=tuple(paths or ()), live=live.absolute() if live else None)
    metered = Metered(metrics, "audit", of_audit)
    with metered.failing():
        project = opened(options)
        before = auditing.baseline(baseline) if baseline is not None else None
    made: Any
    graph, drawn = None, "html" in (form, *(kind for kind, _ in also))
    with metered:
        if executor is not None:
            from iamsync.engine import distributing

            undrawn(drawn, common)
            with distributing.at(project, executor, code=common.mfa_token is not None) as workers:
                answers = distributing.audits(project, workers, accessed=last_accessed, before=before)
            made, failed = distributing.audit_document(project, answers, floor, before), answers.failed
        else:
            with Ways(project) as ways, reading(project):
                found = auditing.audited(
                    project,
                    ways,
                    "manifests" if manifests else "live",
                    accessed=last_accessed,
                    report=credential_report,
                )
            made, failed = auditing.document(project, found, floor, before, ways.failed), tuple(ways.failed)
            if drawn:
                graph = auditing.graph(found)
        metered.document = made
        if suggest:
            _suggest(project, found, form, common, write=write, pager=not no_pager)
            form = ""

        about = About(made, project.root, graph, common.verbose)

        def text(kind: str, color: bool, width: int | None) -> str:
            return audit_report(about, kind, color, width) if kind else ""

        publish(form, also, text, common, partial(audit_markdown, made), pager=not no_pager)
        sys.stdout.flush()
        complete(failed, len(made["accounts"]) + len(failed))
        if auditing.failing(made):
            raise typer.Exit(2)


def _suggest(project: Any, found: Any, form: str, common: Common, *, write: bool, pager: bool) -> None:
    """What the manifests could say, in place of the findings; written where that was asked for."""
    from iamsync.engine import suggesting
    from iamsync.engine.replacing import replace_files
    from iamsync.render.inert import json_text
    from iamsync.render.suggested import suggested_text

    made = suggesting.suggested(project, found)
    told = suggesting.document(made)
    if form == "diff":
        printed(told["diff"], pager=pager)
    elif form == "json":
        print(json_text(told))
    else:
        printed(suggested_text(told, verbose=common.verbose, width=columns()), pager=pager)
    sys.stdout.flush()
    if write and made.after:
        replace_files(made.before, made.after)
        if not common.quiet:
            number = len(made.after)
            note(f"wrote {number} file{'s' if number > 1 else ''}; nothing in the account was changed")
