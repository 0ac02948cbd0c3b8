"""`iamsync validate`."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from iamsync.cli.context import WIDTH, engine_options, known_format, reports, write_file
from iamsync.cli.options import Common, Paths, Report, shared
from iamsync.cli.reporting import CHECK_FORMATS, check_text, publish, unsaid


def add(app: typer.Typer) -> None:
    """Put the commands of this family on the application."""
    app.command(
        epilog="Example: iamsync validate iam/ --fail-on medium",
    )(validate)


@shared
def validate(
    common: Common,
    paths: Paths = None,
    expand: Annotated[bool, typer.Option("--expand", help="Print what the manifests resolve to, per account.")] = False,
    access_analyzer: Annotated[
        bool,
        typer.Option(
            "--access-analyzer",
            help="Also ask AWS's Access Analyzer about each document (needs credentials; costs nothing).",
            envvar="IAMSYNC_ACCESS_ANALYZER",
        ),
    ] = False,
    fail_on: Annotated[
        str | None,
        typer.Option(
            "--fail-on", help="Exit 2 for findings of info, low, medium or high, or over it.", envvar="IAMSYNC_FAIL_ON"
        ),
    ] = None,
    form: Annotated[
        str, typer.Option("--format", help=f"{', '.join(CHECK_FORMATS)}.", envvar="IAMSYNC_FORMAT")
    ] = "text",
    report: Report = None,
) -> None:
    """Check everything that can be known offline: YAML, fields, references, sizes, documents, permission tests."""
    from iamsync.engine import findings, testing
    from iamsync.engine.fleets import Failure, complete
    from iamsync.engine.project import Project
    from iamsync.engine.reach import opened
    from iamsync.engine.validating import analyzed
    from iamsync.engine.validating import validate as check
    from iamsync.errors import InputError, InputErrors
    from iamsync.render.checked import check_markdown

    known_format(form, ("text", "json") if expand else CHECK_FORMATS)
    also = reports(report or [], CHECK_FORMATS)
    options = engine_options(common, paths=tuple(paths or ()))
    # Accounts that `discover:` finds cost a question, and without Access Analyzer nobody is asked any.
    project = opened(options) if access_analyzer else Project.open(options)
    if fail_on is not None:
        findings.reaching((), fail_on)
    made: dict[str, Any] = {}
    failed: list[Failure] = []

    def text(kind: str, color: bool, width: int | None) -> str:
        if kind == "text":
            return _text(made, common, color, width)
        return check_text(made, kind, project.root)

    try:
        found = analyzed(project, failed) if access_analyzer else check(project)
    except (InputError, InputErrors) as wrong:
        made = findings.refused(wrong, fail_on)
        unsaid("text" if expand else form, also, text, lambda limit: check_markdown(made, limit))
        raise
    told = findings.rows(project, found)
    tests = [item.tested for item in found if item.tested is not None and item.tested.rows]
    made = findings.document(found, told, testing.document(tests)["accounts"], fail_on, failed)
    if expand:
        _expanded(found, form)
        for kind, file in also:
            write_file(file, text(kind, False, None))
    else:
        publish(form, also, text, common, lambda limit: check_markdown(made, limit))
    complete(failed, len(found))
    failing = any(item.wrong for item in tests)
    if failing or (fail_on is not None and findings.reaching(told, fail_on)):
        raise typer.Exit(2)


def _expanded(found: Any, form: str) -> None:
    if form == "json":
        import json

        print(json.dumps([item.expanded() for item in found], indent=1, ensure_ascii=False))
    else:
        from iamsync.engine.writing import yaml_text

        print("---\n".join(yaml_text(item.expanded()) for item in found), end="")


def _text(made: Any, common: Common, color: bool, width: int | None) -> str:
    from iamsync.render.decisions import results_text
    from iamsync.render.findings import findings_text
    from iamsync.render.listing import checked_text
    from iamsync.render.merged import failed_texts

    parts = []
    if made["findings"]:
        parts.append(findings_text(made["findings"], color=color, verbose=common.verbose, width=width) + "\n")
    if made["tests"]:
        parts.append(results_text({"accounts": made["tests"]}, color=color, verbose=common.verbose) + "\n")
    parts += [f"{told}\n" for told in failed_texts(made, color=color, width=width or WIDTH)]
    return "\n".join([*parts, *checked_text(made)]) + "\n"
