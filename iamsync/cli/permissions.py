"""`iamsync test`, `simulate`, `who-can`, `what-can`, `graph`, `refresh`: what is permitted, and what must be."""

from __future__ import annotations

import json
import sys
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from iamsync.cli.commands import LateCommand
from iamsync.cli.context import colored, engine_options, known_format, laid_out, reports, write_file
from iamsync.cli.options import Common, Paths, Report, completed, shared
from iamsync.cli.reporting import CHECK_FORMATS, publish, results_text, unsaid
from iamsync.cli.watching import reading
from iamsync.errors import InputError

_LIVE: Final = "--live"

Live = Annotated[
    str | None,
    typer.Option(
        _LIVE,
        metavar="[FILE]",
        help="Ask about the account as it is, or about a snapshot or dump, instead of the manifests.",
        envvar="IAMSYNC_LIVE",
        show_default=False,
    ),
]
Context = Annotated[
    list[str] | None,
    typer.Option("--context", metavar="KEY=VALUE", help="A condition key and its value (repeatable)."),
]
Form = Annotated[str, typer.Option("--format", help="text or json.", envvar="IAMSYNC_FORMAT")]


class LiveCommand(LateCommand):
    """A command whose --live may stand without a file: then it means the account."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """The arguments parsed, an empty value put in where no file follows."""
        filled: list[str] = []
        for at, word in enumerate(args):
            filled.append(word)
            if word == _LIVE and not (at + 1 < len(args) and Path(args[at + 1]).is_file()):
                filled.append("")
        return super().parse_args(ctx, filled)


def add(app: typer.Typer) -> None:
    """Put the commands of this family on the application."""
    app.command(
        "test",
        cls=LiveCommand,
        epilog="Example: iamsync test --planned --report junit=tests.xml",
    )(run_tests)
    app.command(
        cls=LiveCommand,
        epilog="Example: iamsync simulate role/deploy s3:PutObject --resource arn:aws:s3:::site/index.html",
    )(simulate)
    app.command("who-can", cls=LiveCommand, epilog="Example: iamsync who-can 'iam:Create*' --live")(who_can)
    app.command(
        "what-can",
        cls=LiveCommand,
        epilog="Example: iamsync what-can user/alice",
    )(what_can)
    app.command(cls=LiveCommand, epilog="Example: iamsync graph --format mermaid")(graph)
    app.command(
        epilog="Example: iamsync refresh",
    )(refresh)


@shared
def run_tests(
    common: Common,
    paths: Paths = None,
    live: Live = None,
    planned: Annotated[
        bool, typer.Option("--planned", help="Test the account as it will be after the plan, undeclared ones included.")
    ] = False,
    aws: Annotated[
        bool,
        typer.Option(
            "--aws", help="Let AWS's policy simulator decide; both answers are shown, and a contradiction fails."
        ),
    ] = False,
    form: Annotated[
        str, typer.Option("--format", help=f"{', '.join(CHECK_FORMATS)}.", envvar="IAMSYNC_FORMAT")
    ] = "text",
    report: Report = None,
) -> None:
    """Run the permission tests of the manifests; exits 2 where one fails."""
    from iamsync.engine import testing
    from iamsync.engine.findings import told_mistakes
    from iamsync.engine.fleets import Failure, complete
    from iamsync.engine.simulating import simulated
    from iamsync.errors import InputErrors
    from iamsync.render.checked import results_markdown
    from iamsync.render.decisions import results_text as as_text

    known_format(form, CHECK_FORMATS)
    also = reports(report or [], CHECK_FORMATS)
    project = _project(common, live, paths, asks=planned or aws)
    made: dict[str, Any] = {}
    failed: list[Failure] = []

    def text(kind: str, color: bool, _: int | None) -> str:
        if kind == "text":
            return as_text(made, color=color, verbose=common.verbose).rstrip("\n") + "\n"
        return results_text(made, kind, project.root)

    try:
        subject: Any = "planned" if planned else "manifests" if live is None else "live"
        with _reading(project, asks=live == "" or planned or aws):
            tested = simulated(project, subject, failed) if aws else testing.test(project, subject, failed)
    except (InputError, InputErrors) as wrong:
        made = {"accounts": [], **told_mistakes(wrong)}
        unsaid(form, also, text, lambda limit: results_markdown(made, limit))
        raise
    made = testing.document(tested, failed)
    publish(form, also, text, common, lambda limit: results_markdown(made, limit))
    complete(failed, len(tested) + len(failed))
    if any(held.wrong for held in tested):
        raise typer.Exit(2)


@shared
def simulate(
    common: Common,
    principal: Annotated[
        str,
        typer.Argument(
            help="user/NAME, role/NAME or an ARN.",
            autocompletion=completed("principals"),
        ),
    ],
    actions: Annotated[
        list[str],
        typer.Argument(
            metavar="ACTION...",
            help="For example s3:GetObject.",
            autocompletion=completed("actions"),
        ),
    ],
    resource: Annotated[list[str] | None, typer.Option("--resource", help="An ARN (repeatable).")] = None,
    context: Context = None,
    live: Live = None,
    form: Form = "text",
) -> None:
    """Decide a request, and say which statements decided; exits 2 where any is denied."""
    from iamsync.engine import asking
    from iamsync.render.decisions import decisions_text

    known_format(form, ("text", "json"))
    project = _project(common, live)
    failed = list[Any]()
    given = _context(context or [])
    with _reading(project, asks=live == ""):
        made = asking.simulate(project, _subject(live), principal, actions, resource or (), given, failed)
    print(_json(made) if form == "json" else laid_out(decisions_text(made, color=colored(common))))
    _complete(project, failed)
    if any(row["decision"] != "allowed" for row in made["decisions"]):
        raise typer.Exit(2)


@shared
def who_can(
    common: Common,
    action: Annotated[
        str,
        typer.Argument(
            help="An action or pattern: s3:GetObject, iam:Create*.",
            autocompletion=completed("actions"),
        ),
    ],
    resource: Annotated[
        str | None, typer.Argument(help="An ARN or pattern; without one, on any resource.", show_default=False)
    ] = None,
    context: Context = None,
    live: Live = None,
    form: Form = "text",
) -> None:
    """List who may do something, on what and through what."""
    from iamsync.engine import asking
    from iamsync.render.decisions import grants_text

    known_format(form, ("text", "json"))
    project, failed = _project(common, live), list[Any]()
    given = _context(context or [])
    with _reading(project, asks=live == ""):
        made = asking.who_can(project, _subject(live), action, resource, given, failed)
    print(_json(made) if form == "json" else laid_out(grants_text(made, verbose=common.verbose)))
    _complete(project, failed)


@shared
def what_can(
    common: Common,
    principal: Annotated[
        str,
        typer.Argument(
            help="user/NAME, role/NAME or an ARN.",
            autocompletion=completed("principals"),
        ),
    ],
    live: Live = None,
    form: Form = "text",
) -> None:
    """List what a principal may do, and where each permission comes from."""
    from iamsync.engine import asking
    from iamsync.render.decisions import grants_text

    known_format(form, ("text", "json"))
    project, failed = _project(common, live), list[Any]()
    with _reading(project, asks=live == ""):
        made = asking.what_can(project, _subject(live), principal, failed)
    print(_json(made) if form == "json" else laid_out(grants_text(made, verbose=common.verbose)))
    _complete(project, failed)


@shared
def graph(
    common: Common,
    live: Live = None,
    form: Annotated[str, typer.Option("--format", help="mermaid, dot or json.", envvar="IAMSYNC_FORMAT")] = "mermaid",
) -> None:
    """Draw who is in which group and who may assume which role."""
    from iamsync.engine import asking
    from iamsync.render.decisions import graph_text

    known_format(form, ("mermaid", "dot", "json"))
    project, failed = _project(common, live), list[Any]()
    with _reading(project, asks=live == ""):
        made = asking.graph(project, _subject(live), failed)
    print(_json(made) if form == "json" else graph_text(made, form))
    _complete(project, failed)


@shared
def refresh(common: Common) -> None:
    """Write iamsync.lock.json: the documents of the AWS managed policies in use."""
    from iamsync.engine.reach import Ways, opened
    from iamsync.engine.refreshing import refresh as refreshed
    from iamsync.engine.versions import catalogue

    project = opened(engine_options(common))
    with Ways(project) as ways, reading(project):
        made = refreshed(project, ways, catalogue())
    for sign, names in (("+", made.added), ("-", made.dropped)):
        for name in names:
            print(f"{sign} {name}")
    for name, before, after in made.changed:
        print(f"~ {name}  {before} -> {after}")
    write_file(made.path, made.text)
    policies = "policy" if made.count == 1 else "policies"
    changes = "" if made.added or made.dropped or made.changed else ", as before"
    print(f"wrote {made.path.name}: {made.count} AWS managed {policies}{changes}")


def _project(common: Common, live: str | None, paths: list[str] | None = None, *, asks: bool = False) -> Any:
    """The project, with the accounts that `discover:` finds where accounts are asked anyway: by --live, or `asks`."""
    from iamsync.engine.project import Project
    from iamsync.engine.reach import opened

    file = Path(live).absolute() if live else None
    options = engine_options(common, paths=tuple(paths or ()), live=file)
    return opened(options) if asks or live == "" else Project.open(options)


def _reading(project: Any, *, asks: bool) -> AbstractContextManager[None]:
    """The list of calls, where an account is asked."""
    return reading(project) if asks else nullcontext()


def _complete(project: Any, failed: list[Any]) -> None:
    """AccountsFailed where accounts could not be asked, once the answer of the others is out."""
    from iamsync.engine.fleets import complete

    sys.stdout.flush()
    complete(failed, len(project.accounts()))


def _subject(live: str | None) -> Any:
    return "manifests" if live is None else "live"


def _context(texts: list[str]) -> dict[str, str | tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals or ":" not in key:
            raise InputError(
                f"--context {text!r} is not KEY=VALUE", code="bad-option", hint="for example aws:SourceIp=203.0.113.7"
            )
        found[key] = (*found.get(key, ()), value)
    return {key: values[0] if len(values) == 1 else values for key, values in found.items()}


def _json(value: Any) -> str:
    return json.dumps(value, indent=1, ensure_ascii=False)
