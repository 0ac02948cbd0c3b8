"""--metrics FILE: how a run went and what it found, for Prometheus; written in one step when the run ends.

A run that fails writes too: its exit code and its duration are its own; when it last went well, and what was found in
accounts that it could not look at, are an earlier run's, so that no alert ends or begins because nobody could look.
"""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Annotated, Any, Final

import typer

from iamsync.cli.context import replace_file
from iamsync.errors import InputError

Metrics = Annotated[
    Path | None,
    typer.Option("--metrics", help="Write figures of the run here, for Prometheus (*.prom).", envvar="IAMSYNC_METRICS"),
]
# Codes of runs that looked at everything: done, something found, a guard refused.
_CAME_THROUGH: Final = (0, 2, 3)


class Metered:
    """A run whose figures are written when it ends, where a file was named for them.

    `samples` makes them (`render.metrics`) of the document, once the command has set it. InputError where the file
    cannot be written and all else went well; a warning where the run failed already.
    """

    def __init__(self, file: Path | None, command: str, samples: Callable[[Any], Iterable[Any]]) -> None:
        self.file, self.command, self.samples = file, command, samples
        self.document: Any = None
        self.begun = time.monotonic()

    @contextlib.contextmanager
    def failing(self) -> Iterator[None]:
        """What comes before the run proper: whatever fails in it is a failed run."""
        try:
            yield
        except BaseException as error:
            self._end(error)
            raise

    def __enter__(self) -> Metered:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._end(error)

    def _end(self, error: BaseException | None) -> None:
        if self.file is None:
            return
        try:
            replace_file(self.file, self._text(_code(error)))
        except InputError as unwritable:
            if error is None:
                raise
            print(f"warning: {unwritable.place or self.file}: {unwritable.message}", file=sys.stderr)

    def _text(self, code: int) -> str:
        from iamsync.render import metrics

        assert self.file is not None
        ended = time.time()
        before = []
        with contextlib.suppress(OSError, UnicodeDecodeError):
            if self.file.is_file():  # a pipe would be waited for
                before = metrics.earlier(self.file.read_text(encoding="utf-8"), self.command)
        through = code in _CAME_THROUGH and self.document is not None
        last = [sample.value for sample in before if sample.name == metrics.SUCCESS]
        success = ended if through else last[0] if last else None
        run = metrics.of_run(ended, time.monotonic() - self.begun, code, success)
        own = (metrics.RUN, metrics.SUCCESS, metrics.DURATION, metrics.EXIT)
        found = list(self.samples(self.document)) if self.document is not None else []
        if not through:
            seen = {dict(sample.labels)["account_id"] for sample in found}
            kept = (one for one in before if one.name not in own and dict(one.labels).get("account_id") not in seen)
            found += kept
        return metrics.metrics_text(self.command, [*run, *found])


def _code(error: BaseException | None) -> int:
    """The exit code that a run comes to, as `cli.app` gives it."""
    if error is None or isinstance(error, BrokenPipeError):
        return 0
    return 130 if isinstance(error, (KeyboardInterrupt, typer.Abort)) else int(getattr(error, "exit_code", 1))
