"""Who decides about colour: the option, the two variables that everybody knows, the terminal."""

import io
from pathlib import Path

import pytest

from iamsync.cli.app import run
from iamsync.cli.context import colored, takes_color
from iamsync.cli.options import Common
from iamsync.errors import InputError, Place
from iamsync.render.errors import error_text
from tests.behaviour.conftest import Site


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "IAMSYNC_COLOR"):
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


def test_clicolor_switches_off_on_a_terminal_and_its_force_loses_to_no_color(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLICOLOR", "0")
    assert not takes_color(Terminal())
    monkeypatch.setenv("CLICOLOR_FORCE", "1")
    assert takes_color(io.StringIO())
    monkeypatch.setenv("NO_COLOR", "1")
    assert not takes_color(Terminal())
    for name in ("NO_COLOR", "CLICOLOR"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("CLICOLOR_FORCE", "0")
    assert not takes_color(io.StringIO())
    assert takes_color(Terminal())


@pytest.mark.parametrize(
    ("arguments", "environment", "painted"),
    [
        (["validate", "nowhere"], {}, False),
        (["validate", "nowhere", "--color", "always"], {}, True),
        (["validate", "nowhere", "--color", "always"], {"NO_COLOR": "1"}, True),
        (["validate", "nowhere"], {"IAMSYNC_COLOR": "always"}, True),
        (["validate", "nowhere", "--color", "never"], {"FORCE_COLOR": "1"}, False),
        (["explain", "nothing"], {"IAMSYNC_COLOR": "always"}, True),
        (["explain", "nothing"], {"IAMSYNC_COLOR": "never", "FORCE_COLOR": "1"}, False),
        (["explain", "nothing"], {"FORCE_COLOR": "1"}, True),
    ],
)
def test_what_decides_about_results_decides_about_errors(
    arguments: list[str],
    environment: dict[str, str],
    painted: bool,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert run(arguments) == 1
    told = capsys.readouterr().err
    assert "error[" in told
    assert ("\x1b[" in told) is painted


def test_an_error_says_the_same_without_colour() -> None:
    error = InputError("no such thing", code="bad-option", place=Place("iam/site.yaml", 3, 1), hint="write another")
    painted, bare = error_text(error, color=True), error_text(error, color=False)
    assert painted != bare
    for code in ("\x1b[0m", "\x1b[1m", "\x1b[2m", "\x1b[31m", "\x1b[1;31m", "\x1b[33m", "\x1b[34m", "\x1b[32m"):
        painted = painted.replace(code, "")
    assert painted == bare


@pytest.mark.parametrize(("color", "painted"), [("always", True), ("never", False)])
def test_what_decides_about_results_decides_about_the_lines_of_a_run(site: Site, color: str, painted: bool) -> None:
    site.write("users: {alice: {}}\n")
    told = site.fine("apply", "--auto-approve", "--color", color)
    (line,) = (line for line in told.err.splitlines() if "CreateUser" in line)
    assert ("\x1b[" in line) is painted
