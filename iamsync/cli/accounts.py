"""`iamsync accounts`: which there are, whether they can be reached, and their credentials for other programs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from typing import Annotated

import typer

from iamsync.cli.commands import Commands
from iamsync.cli.context import columns, engine_options, known_format, laid_out
from iamsync.cli.options import Common, TextOrJson, completed, shared
from iamsync.cli.watching import reading
from iamsync.errors import InputError

Name = Annotated[str, typer.Argument(help="An account.", show_default=False, autocompletion=completed("accounts"))]
Write = Annotated[bool, typer.Option("--write", help="By the roles for writing (default: those for reading).")]


def add(app: typer.Typer) -> None:
    """Put the commands of this family on the application."""
    accounts = Commands(help="The accounts of the project, and ways into them.", no_args_is_help=True)
    accounts.command("list", epilog="Example: iamsync accounts list --account 'label:tier=prod'")(list_)
    accounts.command(epilog="Example: iamsync accounts check --account prod")(check)
    accounts.command(epilog="Example: iamsync accounts matrix --shards 10")(matrix)
    accounts.command("exec", epilog="Example: iamsync accounts exec prod -- aws sts get-caller-identity")(exec_)
    accounts.command(epilog="Example: credential_process = iamsync accounts credentials prod")(credentials)
    app.add_typer(accounts, name="accounts")


@shared
def list_(common: Common, form: TextOrJson = "text") -> None:
    """The accounts, with their waves, roles and manifests.

    Asks nobody but for what discover: needs.
    """
    from iamsync.engine.entering import rows
    from iamsync.engine.reach import opened
    from iamsync.render.listing import accounts_text

    known_format(form, ("text", "json"))
    found = rows(opened(engine_options(common)))
    print(json.dumps(found, indent=1) if form == "json" else accounts_text(found, columns()))


@shared
def check(common: Common, form: TextOrJson = "text") -> None:
    """Assume each role of each chain, and name what is missing.

    That is a permission or a trust; exits with 2 where one is missing.
    """
    from iamsync.engine.entering import checked, document
    from iamsync.engine.reach import Ways, opened
    from iamsync.render.listing import chains_text

    known_format(form, ("text", "json"))
    project = opened(engine_options(common))
    with Ways(project) as ways, reading(project):
        made = document(checked(project, ways), ways)
    print(json.dumps(made, indent=1) if form == "json" else laid_out(chains_text(made)))
    if not all(chain["ok"] for chain in made["chains"]):
        sys.stdout.flush()
        raise typer.Exit(2)


@shared
def matrix(
    common: Common,
    shards: Annotated[
        int | None, typer.Option("--shards", help="A job for each of so many shards.", min=1, max=10_000)
    ] = None,
) -> None:
    """The accounts as the matrix of a CI system.

    JSON in one line, a job an account, or a shard.
    """
    from iamsync.engine import entering
    from iamsync.engine.reach import opened

    print(json.dumps(entering.matrix(opened(engine_options(common)), shards), separators=(",", ":")))


@shared
def exec_(
    common: Common,
    name: Name,
    command: Annotated[list[str], typer.Argument(help="The command, after --.", show_default=False)],
    write: Write = False,
) -> None:
    """Run a command with credentials of an account.

    They are in its environment; exits as the command does.
    """
    from iamsync.engine.entering import entered
    from iamsync.engine.reach import Ways, opened

    project = opened(replace(engine_options(common), accounts=(name,)))
    sys.stdout.flush()
    try:
        with Ways(project) as ways, entered(project, ways, dict(os.environ), write=write) as environment:
            done = subprocess.run(command, env=environment, check=False)
    except OSError as error:
        raise InputError(
            f"cannot run {command[0]}: {error.strerror}", code="bad-option", hint="write the command after --"
        ) from error
    raise typer.Exit(done.returncode if done.returncode >= 0 else 128 - done.returncode)


@shared
def credentials(
    common: Common,
    name: Name,
    write: Write = False,
    show: Annotated[bool, typer.Option("--show", help="Print them though this is a terminal.")] = False,
) -> None:
    """Print credentials of an account, for credential_process.

    To a terminal only with --show.
    """
    if sys.stdout.isatty() and not show:
        raise InputError(
            "this is a terminal, and credentials are secrets",
            code="bad-option",
            hint="let the SDK call it (credential_process), use accounts exec, or add --show",
        )
    from iamsync.engine.entering import handed
    from iamsync.engine.reach import Ways, opened

    project = opened(replace(engine_options(common), accounts=(name,)))
    with Ways(project) as ways:
        print(json.dumps(handed(project, ways, write=write).process()))
