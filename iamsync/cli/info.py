"""`iamsync schema`, `iamsync explain` and `iamsync version`."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from iamsync.cli.context import known_format, laid_out
from iamsync.cli.options import completed, one_of
from iamsync.errors import InputError


def add(app: typer.Typer) -> None:
    """Put the commands of this family on the application."""
    app.command(epilog="Example: iamsync schema manifest > schemas/manifest.schema.json")(schema)
    app.command(
        epilog="Example: iamsync explain IAM-P034",
    )(explain)
    app.command(
        epilog="Example: iamsync version --format json",
    )(version)


def schema(
    name: Annotated[
        str,
        typer.Argument(
            help="manifest, config, plan, drift, findings, snapshot or guardrails.",
            autocompletion=one_of("manifest", "config", "plan", "drift", "findings", "snapshot", "guardrails"),
        ),
    ] = "manifest",
    actions: Annotated[
        bool,
        typer.Option(
            "--actions", help="Of manifests: with every action of AWS, for completion.", envvar="IAMSYNC_ACTIONS"
        ),
    ] = False,
) -> None:
    """Print a JSON Schema (draft-07), for editors and checks."""
    from iamsync.engine.choosing import unknown
    from iamsync.engine.schemas import NAMES, schema_text, schema_with_actions

    if name not in NAMES:
        raise unknown(f"there is no schema {name!r}", name, NAMES)
    if actions and name != "manifest":
        raise InputError(f"{name} holds no actions", code="bad-option", hint="iamsync schema manifest --actions")
    print(schema_with_actions() if actions else schema_text(name), end="")


def explain(
    code: Annotated[
        str | None,
        typer.Argument(
            help="Id of a finding, guard or error; all are listed without.", autocompletion=completed("codes")
        ),
    ] = None,
) -> None:
    """Tell what a finding, a guard or an error is about, why it matters and how to mend it."""
    from iamsync.engine.explaining import explain as one
    from iamsync.engine.explaining import explanations
    from iamsync.render.listing import explanation_text, table

    if code is None:
        rows = [{"id": item.id, "severity": item.severity, "title": item.title} for item in explanations()]
        print(laid_out(table(("id", "severity", "title"), rows).rstrip("\n")))
    else:
        found = one(code)
        print(laid_out(explanation_text(found.id, found.severity, found.title, found.text)))


def version(
    form: Annotated[str, typer.Option("--format", help="text or json.", envvar="IAMSYNC_FORMAT")] = "text",
) -> None:
    """Print the versions of iamsync, its file formats and its libraries."""
    from iamsync.engine.versions import versions

    known_format(form, ("text", "json"))
    found = versions()
    if form == "json":
        print(json.dumps(found, indent=1))
        return
    for name, value in found.items():
        print(f"{name} {value}")
