"""Who decides about colour: the option, the two variables that everybody knows, the terminal."""

import io

import pytest

from iamsync.cli.context import colored, takes_color
from iamsync.cli.options import Common
from iamsync.errors import InputError, Place
from iamsync.render.errors import error_text


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")


def test_a_terminal_has_colours_and_a_file_none(monkeypatch: pytest.MonkeyPatch) -> None:
    assert takes_color(Terminal())
    assert not takes_color(io.StringIO())
    monkeypatch.setenv("TERM", "dumb")
    assert not takes_color(Terminal())


def test_no_color_goes_before_force_color_and_the_option_before_both(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert takes_color(io.StringIO())
    assert not colored(Common(color="never"), Terminal())
    monkeypatch.setenv("NO_COLOR", "1")
    assert not takes_color(Terminal())
    assert colored(Common(color="always"), io.StringIO())


def test_an_error_says_the_same_without_colour() -> None:
    error = InputError("no such thing", code="bad-option", place=Place("iam/site.yaml", 3, 1), hint="write another")
    painted, bare = error_text(error, color=True), error_text(error, color=False)
    assert painted != bare
    for code in ("\x1b[0m", "\x1b[1m", "\x1b[2m", "\x1b[31m", "\x1b[1;31m", "\x1b[33m", "\x1b[34m", "\x1b[32m"):
        painted = painted.replace(code, "")
    assert painted == bare
