"""`iamsync required-policy`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from iamsync.cli.context import engine_options, note
from iamsync.cli.options import Common, shared


def add(app: typer.Typer) -> None:
    """Put the commands of this family on the application."""
    app.command(
        "required-policy",
        epilog="Example: iamsync required-policy plan.json > apply-policy.json",
    )(required_policy)


@shared
def required_policy(
    common: Common,
    file: Annotated[
        Path | None, typer.Argument(help="A saved plan; without one, what reading needs.", show_default=False)
    ] = None,
) -> None:
    """Print the least IAM policy that iamsync needs: for reading, or to apply one saved plan."""
    from iamsync.engine import requiring
    from iamsync.engine.project import Project
    from iamsync.errors import InputError

    if common.account and len(common.account) > 1:
        raise InputError("a policy is for one account", code="bad-option", hint="give --account once")
    account = common.account[0] if common.account else None
    project = Project.open(engine_options(common))
    made = requiring.reading(project) if file is None else requiring.applying(project, file, account)
    print(json.dumps(made, indent=2, ensure_ascii=False))
    if common.quiet:
        return
    size = requiring.size(made)
    if size > requiring.SIZE:
        note(f"this takes {size} characters, and a managed policy has {requiring.SIZE}: apply with --restrict instead")
    if file is not None:
        note("it bounds calls and resources, not what the documents say that are written")
        if project.config.lock or project.config.journal:
            note("Lock and Journal are for the credentials that assume_role starts from, if there is one")
    if project.config.discover is not None:
        note("Discover is for whom discover: asks as: the management account, or a delegated administrator of it")
