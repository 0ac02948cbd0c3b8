"""Every command that reads an account says on a terminal how far it is; one that reads files alone does not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from iamsync.events import Called
from tests.behaviour.conftest import Site

READERS = (
    "keys list",
    "respond revoke-sessions site --plan-only",
    "adopt --diff",
    "who-can s3:ListBucket --live",
    "show --format terraform live",
)
OFFLINE = ("who-can s3:ListBucket",)


class Watched:
    """What would be drawn: when it was on the screen, and which calls it was told of."""

    def __init__(self) -> None:
        self.shown = 0
        self.calls: list[str] = []

    def __call__(self, event: Any) -> None:
        if isinstance(event, Called):
            self.calls.append(event.operation)

    @contextmanager
    def showing(self, title: str, *, soon: bool) -> Iterator[Callable[[Any], None]]:
        assert (title, soon) == ("reading", False)
        self.shown += 1
        yield self

    def aside(self, ask: Callable[[str], str]) -> Callable[[str], str]:
        return ask


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> Watched:
    made = Watched()
    monkeypatch.setattr("iamsync.cli.watching.watch", lambda *_, **__: made)
    return made


def test_whatever_reads_an_account_is_watched(applied: Site, watched: Watched) -> None:
    for line in READERS:
        watched.shown, watched.calls = 0, []
        told = applied.run(*line.split())
        assert told.code in (0, 2), (line, told)
        assert watched.shown == 1, line
        assert "GetAccountAuthorizationDetails" in watched.calls, line
    for line in OFFLINE:
        watched.shown, watched.calls = 0, []
        assert applied.run(*line.split()).code == 0, line
        assert (watched.shown, watched.calls) == (0, []), line
