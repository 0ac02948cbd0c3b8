"""`iamsync validate`."""

from __future__ import annotations

from typing import Annotated

import typer

from iamsync.cli.context import colored, engine_options, known_format
from iamsync.cli.options import Common, Paths, shared


def add(app: typer.Typer) -> None:
    """Put the commands of this family on the application."""
    app.command(epilog="Example: iamsync validate iam/ --fail-on medium")(validate)


@shared
def validate(
    common: Common,
    paths: Paths = None,
    expand: Annotated[bool, typer.Option("--expand", help="Print what the manifests resolve to, per account.")] = False,
    fail_on: Annotated[
        str | None,
        typer.Option(
            "--fail-on", help="Exit 2 for findings of info, low, medium or high, or over it.", envvar="IAMSYNC_FAIL_ON"
        ),
    ] = None,
    form: Annotated[str, typer.Option("--format", help="text or json.", envvar="IAMSYNC_FORMAT")] = "text",
) -> None:
    """Check everything that can be known offline: YAML, fields, references, sizes, documents, permission tests."""
    import json

    from iamsync.engine.findings import reaching, rows
    from iamsync.engine.project import Project
    from iamsync.engine.testing import document
    from iamsync.engine.validating import validate as check

    known_format(form, ("text", "json"))
    project = Project.open(engine_options(common, paths=tuple(paths or ())))
    if fail_on is not None:
        reaching((), fail_on)
    found = check(project)
    told = rows(project, found)
    tests = [item.tested for item in found if item.tested is not None and item.tested.rows]
    held_to = document(tests)
    if expand:
        if form == "json":
            print(json.dumps([item.expanded() for item in found], indent=1, ensure_ascii=False))
        else:
            from iamsync.engine.writing import yaml_text

            print("---\n".join(yaml_text(item.expanded()) for item in found), end="")
    elif form == "json":
        accounts = [
            {
                "account": item.account_name,
                "id": item.state.account_id,
                "resources": dict(item.counts),
                "suppressed": item.findings.suppressed,
            }
            for item in found
        ]
        print(
            json.dumps(
                {"valid": True, "accounts": accounts, "findings": told, "tests": held_to["accounts"]},
                indent=1,
                ensure_ascii=False,
            )
        )
    else:
        from iamsync.render.decisions import results_text
        from iamsync.render.findings import findings_text
        from iamsync.render.listing import validate_text

        if told:
            print(findings_text(told, color=colored(common), verbose=common.verbose) + "\n")
        if tests:
            print(results_text(held_to, color=colored(common), verbose=common.verbose) + "\n")
        for item in found:
            files = len({resource.origin.file for resource in item.state if resource.origin})
            warnings = sum(finding.severity != "info" for finding in item.findings.found)
            ok = validate_text(item.counts, files, 1, warnings)
            print(f"account {item.account_name} ({item.state.account_id}): {ok}")
    failing = any(item.wrong for item in tests)
    if failing or (fail_on is not None and reaching(told, fail_on)):
        raise typer.Exit(2)
