"""`iamsync lock`: who holds the team lock of an account, and how it is released when its holder is gone."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from iamsync.cli.commands import Commands
from iamsync.cli.context import columns, engine_options, known_format
from iamsync.cli.options import Common, shared

_Form = Annotated[str, typer.Option("--format", help="text or json.", envvar="IAMSYNC_FORMAT")]


def add(app: typer.Typer) -> None:
    """Put the commands of this family on the application."""
    lock = Commands(no_args_is_help=True, rich_markup_mode=None, help="The team lock on S3.")
    lock.command("status", epilog="Example: iamsync lock status --account prod")(lock_status)
    lock.command("release", epilog="Example: iamsync lock release --account prod")(lock_release)
    app.add_typer(lock, name="lock")


@shared
def lock_status(common: Common, form: _Form = "text") -> None:
    """Tell who holds each account's lock, and since when.

    Also whether its lease ran out.
    """
    from iamsync.engine.locking import status
    from iamsync.engine.reach import Ways, opened
    from iamsync.render.listing import locks_text

    known_format(form, ("text", "json"))
    project = opened(engine_options(common))
    with Ways(project) as ways:
        rows = status(project, ways)
    print(json.dumps(rows, indent=1, ensure_ascii=False) if form == "json" else locks_text(rows, columns()))


@shared
def lock_release(
    common: Common,
    force: Annotated[
        bool, typer.Option("--force", help="Also where its run seems to be alive.", envvar="IAMSYNC_FORCE")
    ] = False,
) -> None:
    """Release a lock whose holder is gone: its lease ran out. With --force, any."""
    from iamsync.engine.locking import released
    from iamsync.engine.reach import Ways, opened

    project = opened(engine_options(common))
    with Ways(project) as ways:
        rows = released(project, ways, force=force)
    for row in rows:
        print(f"released account {row['account']} ({row['account_id']}): it was held by {row['caller']}")
    if not rows:
        print("nothing is locked")
