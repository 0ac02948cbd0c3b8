"""A run as it goes, on stderr, a line a finished step (`live` is what terminals show), and how it ended."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import Final, TextIO

from iamsync.events import Event, RunStarted, StepEnded
from iamsync.model import Step
from iamsync.render.inert import safe
from iamsync.render.words import count, paint, wrap

STYLES: Final = {"done": "green", "already": "green", "failed": "red", "skipped": "yellow"}
_WIDTH: Final = 100


class Lines:
    """Writes one line for each step that ended: `[3/9] AttachRolePolicy role/deploy-site  done`.

    Events may come from several threads. `account` stands before each line where several run at once.
    """

    def __init__(self, stream: TextIO, *, account: str = "", color: bool = False) -> None:
        self._stream = stream
        self._prefix = f"{safe(account)}  " if account else ""
        self._color = color
        self._lock = threading.Lock()
        self._total = 0
        self._ended = 0

    def __call__(self, event: Event) -> None:
        with self._lock:
            if isinstance(event, RunStarted):
                self._total = event.total
            elif isinstance(event, StepEnded):
                self._ended += 1
                self._stream.write(self._line(event))
                self._stream.flush()

    def _line(self, event: StepEnded) -> str:
        width = len(str(self._total))
        word = paint(outcome_text(event), STYLES[event.outcome], on=self._color)
        return f"{self._prefix}[{self._ended:>{width}}/{self._total}] {step_text(event.step)}  {word}\n"


def step_text(step: Step) -> str:
    """`AttachRolePolicy role/deploy-site`, `wait 10 s`, `wait for all before`."""
    if step.operation == "wait":
        seconds = step.params.get("seconds", "")
        return f"wait {safe(seconds)} s" if seconds else "wait for all before"
    return f"{safe(step.operation)} {safe(step.address or '')}".rstrip()


def outcome_text(event: StepEnded) -> str:
    """`done`, `done (attempt 3)`, `already so`, `failed: ...`, `skipped: ...`."""
    word = "already so" if event.outcome == "already" else event.outcome
    reason = f": {safe(event.reason)}" if event.reason else ""
    attempts = f" (attempt {event.attempts})" if event.attempts > 1 else ""
    return f"{word}{attempts}{reason}"


def run_summary(
    account: str,
    ended: Iterable[StepEnded],
    total: int,
    *,
    again: str,
    interrupted: bool = False,
    color: bool = False,
) -> str:
    """How a run of `total` steps ended: what was done, what failed, what is left, how to go on.

    `again` is the command that goes on; it shows where anything is left to do. Waits do not count
    as steps of the run, neither in `total` nor here.
    """
    calls = [event for event in ended if event.step.operation != "wait"]
    by = {
        word: [event for event in calls if event.outcome == word] for word in ("done", "already", "failed", "skipped")
    }
    done = len(by["done"]) + len(by["already"])
    left = max(total - done - len(by["failed"]) - len(by["skipped"]), 0)
    parts = [f"{done} of {count(total, 'call')} done"]
    if by["already"]:
        parts.append(f"{len(by['already'])} of them found done already")
    parts += [f"{len(by[word])} {word}" for word in ("failed", "skipped") if by[word]]
    if left:
        parts.append(f"{left} not started")
    head = f"account {safe(account)}: {', '.join(parts)}" + (", interrupted" if interrupted else "")
    good = done == total
    out = [paint(head, "green" if good else "error", on=color)]
    for word in ("failed", "skipped"):
        for event in by[word]:
            out += _ending(event, word, color)
    if not good:
        out.append(f"to go on: {safe(again)}   (what is done is not done twice)")
    return "\n".join(out)


def _ending(event: StepEnded, word: str, color: bool) -> list[str]:
    request = f" (request id {safe(event.request_id)})" if event.request_id else ""
    reason = f": {safe(event.reason)}" if event.reason else ""
    first, *more = wrap(f"{step_text(event.step)}{reason}{request}", _WIDTH - 11)
    return [
        f"  {paint(word, STYLES[word], on=color)}{' ' * (9 - len(word))}{first}",
        *(f"{' ' * 11}{line}" for line in more),
    ]
