"""`iamsync fmt`."""

from __future__ import annotations

from typing import Annotated

import typer

from iamsync.cli.context import engine_options, note
from iamsync.cli.options import Common, Paths, shared


def add(app: typer.Typer) -> None:
    """Put the command on the application."""
    app.command(
        "fmt",
        epilog="Example: iamsync fmt --diff iam/roles.yaml",
    )(fmt)


@shared
def fmt(
    common: Common,
    paths: Paths = None,
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; exit 2 where a file would change.", envvar="IAMSYNC_CHECK")
    ] = False,
    diff: Annotated[
        bool, typer.Option("--diff", help="Show the changes and write nothing; exit 2 where there are any.")
    ] = False,
) -> None:
    """Lay out manifests canonically: indentation, spaces, quotes, order of fields; comments and all else stay."""
    from iamsync.engine.formatting import formatted
    from iamsync.engine.project import Project
    from iamsync.engine.replacing import replace_files
    from iamsync.render.inert import safe

    found = formatted(Project.open(engine_options(common, paths=tuple(paths or ()))))
    looking = check or diff
    if found.after and not looking:
        replace_files(found.before, found.after)
    if diff:
        print("".join(f"{safe(line)}\n" for line in found.diff().splitlines()), end="")
    else:
        for name in found.names:
            print(f"{'would change' if looking else 'changed'} {safe(name)}")
    if not common.quiet:
        files = "1 file" if found.looked_at == 1 else f"{found.looked_at} files"
        changed = len(found.after)
        note(f"{files} looked at; {changed or 'none'} {'to change' if looking else 'changed'}")
    if looking and found.after:
        raise typer.Exit(2)
