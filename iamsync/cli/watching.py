"""Who watches a run on a terminal: where its events go, and what shows them while it reads and while it writes."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from iamsync.cli.options import Common


class Watch:
    """Hands events on to whatever is on the screen at the moment, and to nothing else."""

    def __init__(self, *, color: bool) -> None:
        self._color = color
        self._shown: Any = None

    def __call__(self, event: Any) -> None:
        if (shown := self._shown) is not None:
            shown(event)

    @contextmanager
    def showing(self, title: str, *, soon: bool) -> Iterator[Callable[[Any], None]]:
        """A live list, at once where it is `soon`, else once it takes long."""
        from iamsync.render.live import PATIENCE, Live, Terminal

        with Live(Terminal(color=self._color), title, patience=0.0 if soon else PATIENCE) as live:
            self._shown = live
            try:
                yield self
            finally:
                self._shown = None

    def aside(self, ask: Callable[[str], str]) -> Callable[[str], str]:
        """A question to the person at the terminal, with nothing else on the screen."""

        def asked(text: str) -> str:
            if (shown := self._shown) is None:
                return ask(text)
            shown.pause()
            try:
                return ask(text)
            finally:
                shown.resume()

        return asked


def watch(common: Common, *, automated: bool, color: bool) -> Watch | None:
    """Who watches this run; None in CI, under --quiet, and where stderr is no terminal that can be drawn on."""
    if common.quiet or automated or not sys.stderr.isatty() or os.environ.get("TERM") == "dumb":
        return None
    return Watch(color=color)


@contextmanager
def reading(project: Any) -> Iterator[None]:
    """While accounts are read: a list of how far that is, on a terminal, if it takes long."""
    found = project.options.watch
    if found is None or project.options.live is not None:
        yield
    else:
        with found.showing("reading", soon=False):
            yield
