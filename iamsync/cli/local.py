"""`iamsync runs` and `iamsync sandbox`: what is kept on this machine."""

from __future__ import annotations

import json
import signal
import sys
import threading
from pathlib import Path
from typing import Annotated

import typer

from iamsync.cli.commands import Commands
from iamsync.cli.context import columns, engine_options, known_format
from iamsync.cli.options import Common, completed, shared
from iamsync.cli.rollback import runs_rollback

_Form = Annotated[str, typer.Option("--format", help="text or json.", envvar="IAMSYNC_FORMAT")]


def add(app: typer.Typer) -> None:
    """Put the commands of this family on the application."""
    runs = Commands(no_args_is_help=True, rich_markup_mode=None, help="The record of past applies.")
    runs.command("list", epilog="Example: iamsync runs list")(runs_list)
    runs.command("show", epilog="Example: iamsync runs show latest")(runs_show)
    runs.command("rollback", epilog="Example: iamsync runs rollback latest --plan-only")(runs_rollback)
    app.add_typer(runs, name="runs")
    sandbox = Commands(no_args_is_help=True, rich_markup_mode=None, help="The embedded IAM: try everything.")
    sandbox.command(epilog="Example: iamsync sandbox serve --port 4580")(serve)
    sandbox.command(epilog="Example: iamsync sandbox reset")(reset)
    sandbox.command(epilog="Example: iamsync sandbox seed account-dump.json")(seed)
    app.add_typer(sandbox, name="sandbox")


@shared
def runs_list(common: Common, form: _Form = "text") -> None:
    """List the recorded runs, oldest first."""
    from iamsync.engine.project import Project
    from iamsync.engine.recorded import rows
    from iamsync.render.listing import runs_text

    known_format(form, ("text", "json"))
    found = rows(Project.open(engine_options(common)))
    print(json.dumps(found, indent=1) if form == "json" else runs_text(found, columns()))


@shared
def runs_show(
    common: Common,
    run: Annotated[
        str,
        typer.Argument(
            help="A run's id, its beginning, or latest.",
            autocompletion=completed("runs"),
        ),
    ] = "latest",
    form: _Form = "text",
) -> None:
    """Show what one run did, call by call."""
    from iamsync.engine.project import Project
    from iamsync.engine.recorded import show
    from iamsync.render.listing import run_text

    known_format(form, ("text", "json"))
    found = show(Project.open(engine_options(common)), run)
    print(
        json.dumps(found, indent=1, ensure_ascii=False)
        if form == "json"
        else run_text({k: v for k, v in found.items() if k not in ("steps", "found")}, found["steps"], columns())
    )


@shared
def serve(
    common: Common,
    port: Annotated[int, typer.Option("--port", help="Port on 127.0.0.1; 0 takes a free one.", min=0, max=65535)] = 0,
) -> None:
    """Serve the sandbox as an AWS endpoint on 127.0.0.1, until Ctrl-C."""
    from iamsync.engine import sandboxing
    from iamsync.engine.project import Project

    def ready(url: str) -> None:
        print(url, flush=True)
        print("the embedded IAM, not AWS; stop it with Ctrl-C", file=sys.stderr)

    done = threading.Event()
    before = {number: signal.signal(number, lambda *_: done.set()) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        sandboxing.serve(Project.open(engine_options(common)), port, ready, lambda: _wait(done))
    finally:
        for number, held in before.items():
            signal.signal(number, held)


def _wait(done: threading.Event) -> None:
    while not done.wait(0.2):
        pass


@shared
def reset(common: Common) -> None:
    """Empty the sandbox of this project."""
    from iamsync.engine import sandboxing
    from iamsync.engine.project import Project

    sandboxing.reset(Project.open(engine_options(common)))
    print("the sandbox is empty")


@shared
def seed(
    common: Common,
    file: Annotated[Path, typer.Argument(help="A snapshot, or saved get-account-authorization-details.")],
    foreign_only: Annotated[bool, typer.Option("--foreign-only", help="Only what iamsync does not manage.")] = False,
) -> None:
    """Fill the sandbox with an account's content, under its id."""
    from iamsync.cli.context import note
    from iamsync.engine import sandboxing
    from iamsync.engine.project import Project

    seeded = sandboxing.seed(Project.open(engine_options(common)), file, foreign_only=foreign_only)
    if not common.quiet:
        for text in seeded.notes:
            note(text)
    held = ", ".join(f"{number} {kind}" for kind, number in sorted(seeded.counts.items())) or "nothing"
    print(f"seeded account {seeded.account_id}: {held}")
