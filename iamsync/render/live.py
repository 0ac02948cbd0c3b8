"""What runs now, on a terminal: a list that redraws itself on stderr and leaves nothing but failures behind.

It is imported where a terminal is watched alone: it brings rich.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from typing import Final

from rich.console import Console, RenderableType
from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
)
from rich.text import Text

from iamsync.events import Called, Event, RunStarted, Seen, Slowed, StepEnded, StepStarted, Watched
from iamsync.model import Step
from iamsync.render.inert import safe
from iamsync.render.progress import STYLES, outcome_text, step_text
from iamsync.render.words import count

# Rows of what is under way; more are counted.
_MOST: Final = 8
# Of so few, no time that is left can be told.
_FEW: Final = 3
# Seconds until reading is worth a picture.
PATIENCE: Final = 0.7


class Terminal(Console):
    """The terminal that stderr is; its cursor is never hidden, so that nothing can leave it so."""

    def __init__(self, *, color: bool = True) -> None:
        super().__init__(stderr=True, no_color=not color)

    def show_cursor(self, show: bool = True) -> bool:
        """Leave it as it is: a run that is killed could not show it again."""
        return False


class _Bar(BarColumn):
    """A bar where it is known how much there is; else nothing, rather than something that only moves."""

    def render(self, task: Task) -> RenderableType:  # type: ignore[override]
        return Text("") if task.total is None else super().render(task)


class _Left(ProgressColumn):
    """`about 0:02:10 left`, by what was done in the time so far."""

    def render(self, task: Task) -> Text:
        if task.total is None or task.completed < _FEW or task.finished or not task.elapsed:
            return Text("")
        seconds = task.elapsed / task.completed * (task.total - task.completed)
        return Text(f"about {timedelta(seconds=round(seconds))} left")


class _Screen(Progress):
    """rich's progress with our rows below."""

    def __init__(self, *columns: ProgressColumn, console: Console, rows: Callable[[], Iterable[Text]]) -> None:
        self._rows = rows
        super().__init__(*columns, console=console, transient=True, redirect_stdout=False, refresh_per_second=4)

    def get_renderables(self) -> Iterable[RenderableType]:
        """The bar, then what is under way."""
        yield self.make_tasks_table(self.tasks)
        yield from self._rows()


class Live:
    """A bar with what is under way below it, for reading accounts and for a run; failures stay as lines above it.

    A context manager: inside it the list is on the screen, after `patience` seconds. Events may come from any thread.
    `title` stands before the bar.
    """

    def __init__(self, console: Console, title: str = "", *, patience: float = 0.0) -> None:
        self._console = console
        self._patience = patience
        self._timer: threading.Timer | None = None
        self._over = False
        self._lock = threading.RLock()
        self._running: dict[str, tuple[Step, float]] = {}
        self._calls = 0
        self._last = ""
        self._slowed = 0
        self._writes = False
        # Names may hold square brackets, which rich would take for its own markup.
        self.screen = _Screen(
            TextColumn("{task.description}", markup=False),
            _Bar(bar_width=24),
            TextColumn("{task.fields[told]}", markup=False),
            TimeElapsedColumn(),
            _Left(),
            console=console,
            rows=self._rows,
        )
        self._task = self.screen.add_task(safe(title), total=None, told="")

    def __enter__(self) -> Live:
        if self._patience:
            self._timer = threading.Timer(self._patience, self._begin)
            self._timer.daemon = True
            self._timer.start()
        else:
            self._begin()
        return self

    def __exit__(self, *_: object) -> None:
        self.pause()

    def pause(self) -> None:
        """Take the list off the screen, for a question that is asked there."""
        with self._lock:
            self._over = True
        if self._timer is not None:
            self._timer.cancel()
        self.screen.stop()

    def resume(self) -> None:
        """Show it again."""
        self._over = False
        self._begin()

    def _begin(self) -> None:
        with self._lock:
            if not self._over:
                self.screen.start()

    def __call__(self, event: Event | Watched) -> None:
        if isinstance(event, StepEnded) and event.outcome in ("failed", "skipped"):
            line = f"{step_text(event.step)}  {outcome_text(event)}"
            self._console.print(line, style=STYLES[event.outcome], markup=False, highlight=False)
        with self._lock:
            if isinstance(event, RunStarted):
                self._writes = True
                self.screen.update(self._task, total=event.total, told=f"0/{event.total}")
            elif isinstance(event, StepStarted):
                self._running[event.step.id] = (event.step, time.monotonic())
            elif isinstance(event, StepEnded):
                self._running.pop(event.step.id, None)
                self._advance(None, "")
            elif isinstance(event, Seen):
                self._advance(event.of, " accounts")
            elif isinstance(event, Slowed):
                self._slowed += 1
            elif isinstance(event, Called):
                self._calls, self._last = self._calls + 1, event.operation

    def _advance(self, total: int | None, unit: str) -> None:
        task = self.screen.tasks[0]
        total = task.total if total is None else total  # type: ignore[assignment]
        self.screen.update(self._task, total=total, advance=1)
        self.screen.update(self._task, told=f"{task.completed:.0f}/{total or 0:.0f}{unit}")

    def _rows(self) -> Iterator[Text]:
        """What is under way, then what AWS has against it."""
        # No lock: rich draws under its own, and an event may hold ours while it waits for rich's.
        running, slowed, calls, last = list(self._running.values()), self._slowed, self._calls, self._last
        now = time.monotonic()
        for step, since in running[:_MOST]:
            yield _row(f"  {step_text(step)}  {now - since:.0f} s")
        if len(running) > _MOST:
            yield _row(f"  and {len(running) - _MOST} more")
        if calls and not self._writes:
            yield _row(f"  {count(calls, 'call')}, the last one {safe(last)}")
        if slowed:
            times = "1 retry" if slowed == 1 else f"{slowed} retries"
            yield _row(f"  AWS asks to slow down: {times}", "yellow")


def _row(text: str, style: str = "") -> Text:
    """A row that never takes two: names may be longer than the terminal is wide."""
    return Text(text, style=style, no_wrap=True, overflow="ellipsis")
