"""`iamsync validate`."""

from __future__ import annotations

from typing import Annotated

import typer

from iamsync.cli.context import engine_options, known_format
from iamsync.cli.options import Common, Paths, shared


def add(app: typer.Typer) -> None:
    """Put the commands of this family on the application."""
    app.command(epilog="Example: iamsync validate iam/")(validate)


@shared
def validate(
    common: Common,
    paths: Paths = None,
    expand: Annotated[bool, typer.Option("--expand", help="Print what the manifests resolve to, per account.")] = False,
    form: Annotated[str, typer.Option("--format", help="text or json.", envvar="IAMSYNC_FORMAT")] = "text",
) -> None:
    """Check everything that can be known offline: YAML, fields, references, names, documents, sizes."""
    import json

    from iamsync.engine.project import Project
    from iamsync.engine.validating import validate as check

    known_format(form, ("text", "json"))
    found = check(Project.open(engine_options(common, paths=tuple(paths or ()))))
    if expand:
        if form == "json":
            print(json.dumps([item.expanded() for item in found], indent=1, ensure_ascii=False))
        else:
            from iamsync.engine.writing import yaml_text

            print("---\n".join(yaml_text(item.expanded()) for item in found), end="")
        return
    if form == "json":
        rows = [{"account": i.account_name, "id": i.state.account_id, "resources": dict(i.counts)} for i in found]
        print(json.dumps({"valid": True, "accounts": rows}, indent=1))
        return
    from iamsync.render.listing import validate_text

    for item in found:
        files = len({resource.origin.file for resource in item.state if resource.origin})
        print(f"account {item.account_name} ({item.state.account_id}): {validate_text(item.counts, files, 1)}")
