"""`iamsync import`, `snapshot`, `diff`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from iamsync.cli.context import WIDTH, colored, columns, engine_options, known_format, laid_out, write_file
from iamsync.cli.options import Common, Format, Live, Target, shared
from iamsync.cli.paging import NoPager, printed
from iamsync.cli.reporting import About, plan_text
from iamsync.cli.watching import reading
from iamsync.errors import InputError


def add(app: typer.Typer) -> None:
    """Put the commands of this family on the application."""
    app.command(
        "import",
        epilog="Example: iamsync import --out iam --target 'role:/ci/**'. "
        "From another tool, without AWS: iamsync import --from terraform terraform.tfstate",
    )(import_)
    app.command(epilog="Example: iamsync snapshot --out prod.json")(snapshot)
    app.command(epilog="Example: iamsync diff snapshot:monday.json live")(diff)


@shared
def import_(
    common: Common,
    source: Annotated[
        Path | None,
        typer.Argument(
            metavar="[FILE]", help="With --from: the Terraform state, or the folder of templates.", show_default=False
        ),
    ] = None,
    from_: Annotated[
        str | None,
        typer.Option(
            "--from",
            help="Another tool's files instead of an account: terraform FILE, iambic DIR or iamy DIR.",
            envvar="IAMSYNC_FROM",
        ),
    ] = None,
    out: Annotated[Path, typer.Option("--out", help="Folder to write manifests to.", envvar="IAMSYNC_OUT")] = Path(
        "iam"
    ),
    layout: Annotated[
        str, typer.Option("--layout", help="file-per-kind or file-per-resource.", envvar="IAMSYNC_LAYOUT")
    ] = "file-per-kind",
    take_over: Annotated[
        Path | None,
        typer.Option(
            "--take-over",
            help="A Terraform state: import what it lists, and write the blocks by which Terraform lets go of it.",
            envvar="IAMSYNC_TAKE_OVER",
        ),
    ] = None,
    target: Target = None,
    live: Live = None,
) -> None:
    """Write undeclared live resources as manifests; says first who owns what."""
    from iamsync.engine.choosing import unknown
    from iamsync.engine.fleets import complete
    from iamsync.engine.importing import REMOVED, imports, write
    from iamsync.engine.reach import Ways, opened
    from iamsync.render.listing import handover_text, import_text, owners_text

    if layout not in ("file-per-kind", "file-per-resource"):
        raise unknown(f"unknown layout {layout!r}", layout, ("file-per-kind", "file-per-resource"))
    if from_ is not None or source is not None:
        if live is not None or take_over is not None:
            raise InputError("--from reads no account", code="bad-option", hint="leave --live and --take-over out")
        _carry_over(common, from_, source, out, layout, tuple(target or ()))
        return
    options = engine_options(common, target=tuple(target or ()), live=live.absolute() if live else None)
    project = opened(options)
    with Ways(project) as ways:
        with reading(project):
            taken = imports(project, ways, out, layout, take_over)  # type: ignore[arg-type]
        if len(taken) + len(ways.failed) > 1:
            _write_together(project, taken, out, layout, common)
            complete(ways.failed, len(taken) + len(ways.failed))
            return
        for found in taken:
            print(f"account {found.account_name} ({found.account_id})")
            rows = [(owner, len(names), names) for owner, names in found.owners()]
            print(laid_out(owners_text(rows, verbose=common.verbose)), flush=True)
            try:
                written = write(found.files, out)
                blocks = write({REMOVED: found.blocks}, Path()) if found.blocks else {}
            except OSError as error:
                raise InputError(f"cannot write {error.filename}: {error.strerror}", code="unwritable") from error
            print(import_text([(str(path), found.counts[name]) for name, path in written.items()], len(found.left)))
            if take_over is not None:
                print("\n" + handover_text(blocks.get(REMOVED), found.commands))


def _carry_over(
    common: Common, tool: str | None, source: Path | None, out: Path, layout: str, target: tuple[str, ...]
) -> None:
    """Write what another tool's files say as manifests, and tell what stays behind and how the tool lets go."""
    from iamsync.engine.choosing import unknown
    from iamsync.engine.importing import REMOVED, write
    from iamsync.engine.incoming import CONFIG, SOURCES, carried_over
    from iamsync.engine.project import Project
    from iamsync.render.listing import behind_text, carried_text, handed_text, import_text

    if tool not in SOURCES or source is None:
        message = "--from and what it reads go together" if None in (tool, source) else f"{tool!r} is no tool"
        example = "for example: iamsync import --from terraform terraform.tfstate; known are"
        raise unknown(message, tool if tool and tool not in SOURCES else "", SOURCES, are=example)
    project = Project.open(engine_options(common, target=target))
    found = carried_over(project, tool, source, out, layout)  # type: ignore[arg-type]
    for one in found.accounts:
        print(carried_text(one.account_name, one.account_id, source, len(one.taken), len(one.declared), len(one.left)))
    try:
        written = write(found.files, out)
        removed = write({REMOVED: found.blocks}, Path()).get(REMOVED) if found.blocks else None
        config = write({CONFIG: found.config}, Path()).get(CONFIG) if found.config else None
    except OSError as error:
        raise InputError(f"cannot write {error.filename}: {error.strerror}", code="unwritable") from error
    print(import_text([(str(path), found.counts[name]) for name, path in written.items()]))
    print(laid_out(behind_text([(item.what, item.why, item.remedy, item.accounts) for item in found.behind])))
    told = found.accounts[0].account_id if not project.configured and len(found.accounts) == 1 else ""
    print("\n" + handed_text(tool, removed, found.commands, config, told), flush=True)


def _write_together(project: Any, taken: Any, out: Path, layout: str, common: Common) -> None:
    """Write what several accounts were imported as into one folder, and tell account by account who owns what."""
    from iamsync.engine.importing import write
    from iamsync.engine.together import together
    from iamsync.render.listing import import_text, owners_text

    for found in taken:
        print(f"account {found.account_name} ({found.account_id})")
        rows = [(owner, len(names), names) for owner, names in found.owners()]
        print(laid_out(owners_text(rows, verbose=common.verbose)) + "\n", flush=True)
    made = together(project, taken, out, layout)  # type: ignore[arg-type]
    try:
        written = write(made.files, out)
    except OSError as error:
        raise InputError(f"cannot write {error.filename}: {error.strerror}", code="unwritable") from error
    left = sum(len(found.left) for found in taken)
    print(import_text([(str(path), made.counts[name]) for name, path in written.items()], left), flush=True)


@shared
def snapshot(
    common: Common,
    out: Annotated[Path | None, typer.Option("--out", help="File to write (default: stdout).")] = None,
    live: Live = None,
) -> None:
    """Save the whole live state as one JSON file."""
    from iamsync.engine.importing import snapshot_text
    from iamsync.engine.reach import Ways, opened

    project = opened(engine_options(common, live=live.absolute() if live else None))
    with Ways(project) as ways, reading(project):
        text = snapshot_text(project, ways)
    if out is None:
        print(text, end="")
    else:
        write_file(out, text, mode=0o600)
        print(f"wrote {out}")


@shared
def diff(
    common: Common,
    before: Annotated[str, typer.Argument(help="A path, live, snapshot:FILE or git:REV.")],
    after: Annotated[str, typer.Argument(help="The same; what BEFORE would have to become.")],
    form: Format = "text",
    no_pager: NoPager = False,
) -> None:
    """Compare any two states; exits 2 where they differ."""
    from iamsync.engine.comparing import difference
    from iamsync.engine.planning import document_of
    from iamsync.engine.reach import Ways, opened

    known_format(form, ("text", "json", "markdown"))
    project = opened(engine_options(common))
    with Ways(project) as ways, reading(project):
        made = difference(project, ways, before, after)
    if form == "text":
        from iamsync.render.text import states_text

        text = states_text(document_of(made), before, after, color=colored(common), width=columns() or WIDTH)
        printed(f"{text}\n", pager=not no_pager)
    else:
        print(plan_text(About(document_of(made), project.root), form), end="")
    if made.changes:
        raise typer.Exit(2)
