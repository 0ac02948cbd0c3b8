"""`iamsync init`."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from iamsync.cli.context import answer, engine_options, laid_out, note
from iamsync.cli.options import Common, shared
from iamsync.errors import InputError


def add(app: typer.Typer) -> None:
    """Put the command on the application."""
    app.command(
        epilog="Example: iamsync init acme-iam --account-id 111122223333 --from-account --ci github",
    )(init)


@shared
def init(
    common: Common,
    folder: Annotated[Path, typer.Argument(metavar="[DIR]", help="Where to.", show_default=False)] = Path(),
    ci: Annotated[
        str | None,
        typer.Option("--ci", help="Also a pipeline: github, gitlab, kubernetes, lambda or none.", envvar="IAMSYNC_CI"),
    ] = None,
    repository: Annotated[
        str | None,
        typer.Option("--repository", help="OWNER/NAME, whose jobs the pipeline's roles trust.", show_default=False),
    ] = None,
    name: Annotated[str, typer.Option("--name", help="What to call the account.")] = "main",
    from_account: Annotated[
        bool, typer.Option("--from-account", help="Begin with what the account holds, as import writes it.")
    ] = False,
    live: Annotated[
        Path | None, typer.Option("--live", help="With --from-account: a snapshot or dump instead of the account.")
    ] = None,
) -> None:
    """Write a starter project: project file, manifests, pipeline, schemas for the editor."""
    from iamsync.engine.starting import PIPELINES, SANDBOX, Starter, begun, files, samples, written
    from iamsync.engine.starting import from_account as taken_from

    account = SANDBOX if common.sandbox else common.account_id
    asking = sys.stdin.isatty() and account is None and ci is None and not from_account
    if asking:
        account = _asked(
            "Account: its id, or sandbox for the embedded one", SANDBOX, lambda said: Starter(account=said)
        )
        ci = _asked(f"Pipeline: {', '.join(PIPELINES)}", "none", lambda said: Starter(pipeline=said))
        if ci in ("github", "gitlab"):
            question = "Repository whose jobs it trusts, OWNER/NAME"
            repository = _asked(question, "acme/iam", lambda said: Starter(repository=said))
    # Where manifests lie already the samples would be in the way, and a tag on everything a change to all of it.
    there = not from_account and begun(folder)
    tags = not (from_account or there)
    starter = Starter(account or SANDBOX, name, ci or "none", repository or "acme/iam", common.profile, tags)
    if starter.pipeline in ("github", "gitlab") and repository is None:
        raise InputError(
            f"whose jobs is the {starter.pipeline} pipeline to trust?",
            code="bad-option",
            hint="give --repository OWNER/NAME",
        )
    if from_account:
        if starter.account == SANDBOX:
            raise InputError("which account is --from-account?", code="needs-account-id", hint="give --account-id ID")
        options = engine_options(common, live=live.absolute() if live else None)
        manifests, held, found = taken_from(starter, options)
        texts = files(starter, manifests, held)
    else:
        texts = files(starter, {} if there else samples())
    made = written(folder, texts)
    print("".join(f"wrote {folder / path}\n" for path in made), end="")
    if from_account:
        from iamsync.render.listing import owners_text

        rows = [(owner, len(names), names) for owner, names in found.owners()]
        print(laid_out(owners_text(rows, verbose=common.verbose)))
    if not common.quiet:
        if there:
            note("iam holds manifests already: the samples are left out")
        if not made:
            note("nothing was written: all of it is there already")
        where = "" if folder == Path() else f"cd {shlex.quote(str(folder))} && "
        note(f"next: {where}iamsync plan")
        if starter.pipeline != "none":
            note(
                "the pipeline's roles and what to protect: docs/ci.md of iamsync; names to replace hold acme or example"
            )


def _asked(question: str, default: str, takes: Callable[[str], object]) -> str:
    """The answer of the person at the terminal, asked again until `takes` raises no InputError of it.

    InputError where the input ends: that is no answer.
    """
    while True:
        print(f"{question} [{default}]: ", end="", file=sys.stderr, flush=True)
        line = answer()
        if line is None:
            raise InputError(
                "no project was begun: the input ended before the questions did",
                code="declined",
                hint="nothing was written; Enter takes what is in brackets; --sandbox or --account-id ID asks nothing",
            )
        said = line or default
        try:
            takes(said)
        except InputError as error:
            print(f"{error.message}: {error.hint}", file=sys.stderr)
        else:
            return said
