"""The pager: for a person at a terminal and a text that is too long for it, and for nobody else."""

import io
import signal
from pathlib import Path
from types import SimpleNamespace

import pytest

from iamsync.cli import context, paging, reporting
from iamsync.cli.options import Common

TEXT = "".join(f"line {at} \x1b[1mbold\x1b[0m\n" for at in range(100))


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A terminal with a pager that writes what it gets into a file."""
    for name in ("CI", "IAMSYNC_IN_AUTOMATION", "PAGER", "LESS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("LINES", "24")
    monkeypatch.setenv("COLUMNS", "80")
    streams = SimpleNamespace(stdin=io.StringIO(), stdout=io.StringIO())
    for stream in (streams.stdin, streams.stdout):
        monkeypatch.setattr(stream, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(paging, "sys", streams)
    got = tmp_path / "got"
    monkeypatch.setenv("IAMSYNC_PAGER", f"sh -c 'echo $LESS > {got}; cat >> {got}'")
    return got


def test_a_long_text_goes_there_with_its_colours(terminal: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = signal.getsignal(signal.SIGINT)
    paging.printed(TEXT, pager=True)
    assert terminal.read_text() == f"FRX\n{TEXT}"
    assert capsys.readouterr().out == ""
    assert signal.getsignal(signal.SIGINT) is before


def test_iamsyncs_own_variable_comes_first_and_cat_is_none(
    terminal: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PAGER", "false")
    paging.printed(TEXT, pager=True)
    assert terminal.exists()
    terminal.unlink()
    for name in ("cat", ""):
        monkeypatch.setenv("IAMSYNC_PAGER", name)
        paging.printed("x\n" * 50, pager=True)
    assert capsys.readouterr().out == "x\n" * 100


@pytest.mark.parametrize("why", ["short", "asked not to", "CI", "automation", "dumb", "piped", "stdin"])
def test_nobody_else_gets_one(
    terminal: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], why: str
) -> None:
    text = "x\n" * 20 if why == "short" else TEXT
    for name, (variable, value) in {
        "CI": ("CI", "true"),
        "automation": ("IAMSYNC_IN_AUTOMATION", "1"),
        "dumb": ("TERM", "dumb"),
    }.items():
        if why == name:
            monkeypatch.setenv(variable, value)
    if why in ("piped", "stdin"):
        monkeypatch.setattr(paging.sys.stdout if why == "piped" else paging.sys.stdin, "isatty", lambda: False)
    paging.printed(text, pager=why != "asked not to")
    assert capsys.readouterr().out == text
    assert not terminal.exists()


@pytest.mark.parametrize("command", ["no-such-pager-anywhere", "sh -c 'exit 127'", "a 'quote that never ends"])
def test_a_pager_that_is_not_there_is_no_loss(
    terminal: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    monkeypatch.setenv("IAMSYNC_PAGER", command)
    paging.printed(TEXT, pager=True)
    assert capsys.readouterr().out == TEXT


def test_whoever_leaves_it_early_has_seen_enough(
    terminal: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("IAMSYNC_PAGER", "true")
    paging.printed(TEXT * 2000, pager=True)
    assert capsys.readouterr().out == ""


def test_text_is_as_wide_as_the_terminal_and_in_a_file_as_ever(terminal: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    assert context.columns(stream) is None
    monkeypatch.setattr(stream, "isatty", lambda: True)
    assert context.columns(stream) == 80
    given: list[int | None] = []

    def make(kind: str, color: bool, width: int | None) -> str:
        given.append(width)
        return ""

    monkeypatch.setattr(reporting, "columns", lambda: context.columns(stream))
    reporting.publish("text", [("text", terminal.parent / "plan.txt")], make, Common(), lambda limit: "")
    assert given == [80, None]
