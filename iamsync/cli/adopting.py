"""`iamsync adopt`."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from iamsync.cli import running
from iamsync.cli.context import answer, columns, engine_options, note
from iamsync.cli.options import AutoApprove, Base, Common, Live, Paths, Target, shared
from iamsync.cli.watching import reading
from iamsync.errors import InputError


def add(app: typer.Typer) -> None:
    """Put the command on the application."""
    app.command(
        epilog="Example: iamsync adopt --target role/deploy-site --diff",
    )(adopt)


@shared
def adopt(
    common: Common,
    paths: Paths = None,
    diff: Annotated[
        bool,
        typer.Option(
            "--diff", "--dry-run", help="Show the change of the files and write nothing; exit 2 where there is one."
        ),
    ] = False,
    auto_approve: AutoApprove = False,
    deleted: Annotated[
        bool,
        typer.Option("--deleted", help="Take out the declarations of what does not exist.", envvar="IAMSYNC_DELETED"),
    ] = False,
    target: Target = None,
    base: Base = None,
    live: Live = None,
) -> None:
    """Write drift of declared resources back into the manifests, in place, comments kept."""
    from iamsync.engine.adopting import adoption, document
    from iamsync.engine.reach import Ways, opened
    from iamsync.engine.replacing import replace_files
    from iamsync.render.adoption import adoption_text

    if not diff:
        running.agreement(auto_approve, "--auto-approve, or --diff to look only")
    options = engine_options(
        common,
        paths=tuple(paths or ()),
        target=tuple(target or ()),
        base=base,
        live=live.absolute() if live else None,
    )
    project = opened(options)
    with Ways(project) as ways, reading(project):
        found = adoption(project, ways, deleted=deleted)
    print(adoption_text(document(found), found.diff(), width=columns()), end="", flush=True)
    if found.after and not diff:
        if not auto_approve:
            _ask(len(found.after))
        replace_files(found.before, found.after)
        if not common.quiet:
            counted = "1 file" if len(found.after) == 1 else f"{len(found.after)} files"
            note(f"wrote {counted}; nothing in the account was changed")
    _refuse(found.refused)
    if diff and found.after:
        raise typer.Exit(2)


def _ask(count: int) -> None:
    files = "this file" if count == 1 else f"these {count} files"
    print(f"\nChange {files}? Only 'yes' is accepted: ", end="", file=sys.stderr, flush=True)
    if answer() != "yes":
        raise InputError("not adopted: the answer was not 'yes'", code="declined", hint="nothing was changed")


def _refuse(refused: Any) -> None:
    if refused:
        counted = "1 value is" if len(refused) == 1 else f"{len(refused)} values are"
        raise InputError(
            f"{counted} not adopted",
            code="not-adopted",
            hint="each is named above, with where it comes from; change it by hand, or take it back with apply",
        )
