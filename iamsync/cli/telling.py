"""--notify: whoever `notify:` names is told how a run ended, and the run says so where that failed."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import TracebackType
from typing import Annotated, Any

import typer

from iamsync.cli.context import note
from iamsync.cli.options import Common
from iamsync.errors import IamsyncError, NotTold

Notify = Annotated[
    bool,
    typer.Option("--notify", help="Tell those of notify: in the project file how it ended.", envvar="IAMSYNC_NOTIFY"),
]


class Telling:
    """A run that is told about when it ends, well or badly, where that was asked for.

    `brief` makes the summary (`render.brief`) of the document as far as there is one, an ending and the rest.
    InputError before anything is done where nobody can be told; NotTold where the run ended well and somebody was
    not told. An exit code that says something already stays what it is. `then` is done once everybody was told, as
    far as anybody was to be: what remembers that they were.
    """

    def __init__(self, project: Any, command: str, asked: bool, common: Common, brief: Callable[..., Any]) -> None:
        from iamsync.engine.notifying import Notifier

        self.notifier = Notifier.of(project) if asked else None
        self.command = command
        self.common = common
        self.brief = brief
        self.document: Any = None
        self.then: Callable[[], None] | None = None

    def __enter__(self) -> Telling:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        nobody = isinstance(error, (KeyboardInterrupt, BrokenPipeError, typer.Abort))
        if nobody or getattr(error, "code", "") == "declined":
            return
        failed = self._told(_code(error), _words(error)) if self.notifier is not None else []
        if not failed and self.then is not None:
            self.then()
        if failed and _code(error) == 0:
            raise NotTold(
                "; ".join(failed), code="not-notified", hint="all else went well; see to the places of notify:"
            )
        for text in failed:
            # Whatever else is quiet: somebody relies on being told.
            print(f"warning: {text}", file=sys.stderr)

    def _told(self, code: int, error: str) -> list[str]:
        """Tell everybody; who was not told, and why."""
        from iamsync.render.brief import Ending, message

        assert self.notifier is not None
        brief = self.brief(self.document, Ending(code, error), self.command, **self.notifier.about())
        if brief is None:
            return []
        sys.stdout.flush()
        failed = self.notifier.send(message(brief))
        missed = {item.target for item in failed}
        reached = [str(target) for target in self.notifier.real if target not in missed]
        if reached and not self.common.quiet:
            note(f"told: {', '.join(reached)}")
        return [str(item) for item in failed]


def _code(error: BaseException | None) -> int:
    if error is None:
        return 0
    return int(getattr(error, "exit_code", 1))


def _words(error: BaseException | None) -> str:
    """What an error says to people; a defect's own words may hold anything."""
    if isinstance(error, IamsyncError):
        return f"{str(error).splitlines()[0]}{f' ({error.hint})' if error.hint else ''}"
    if error is None or isinstance(error, typer.Exit):
        return ""
    return f"iamsync itself failed: {type(error).__name__}"
