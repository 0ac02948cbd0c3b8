"""Long results on a terminal go through a pager: IAMSYNC_PAGER, else PAGER, else `less -FRX`."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Annotated, Any, Final

import typer

from iamsync.cli.context import in_automation, note

NoPager = Annotated[
    bool,
    typer.Option("--no-pager", help="Print long results at once, without a pager.", envvar="IAMSYNC_NO_PAGER"),
]
_DEFAULT: Final = "less -FRX"
# For a `less` that is named without options: leave at the end of a short text, keep colours and the screen.
_LESS: Final = "FRX"


def printed(text: str, *, pager: bool) -> None:
    """Print a result on stdout, through a pager where a person looks at a terminal that it is too long for."""
    command = _command() if pager and _long(text) else []
    if not command or not _paged(text, command):
        print(text, end="", flush=True)


def _long(text: str) -> bool:
    """Whether this is for a person at a terminal that does not hold it."""
    if in_automation() or os.environ.get("TERM") == "dumb" or not (sys.stdout.isatty() and sys.stdin.isatty()):
        return False
    return text.count("\n") >= shutil.get_terminal_size().lines


def _command() -> list[str]:
    """The pager with its arguments; nothing where none is wanted. The environment names it, never the project."""
    for name in ("IAMSYNC_PAGER", "PAGER"):
        if (told := os.environ.get(name)) is None:
            continue
        try:
            command = shlex.split(told)
        except ValueError as error:
            note(f"{name} is no command: {error}; printing without a pager")
            return []
        return [] if command == ["cat"] else command
    return shlex.split(_DEFAULT)


def _paged(text: str, command: list[str]) -> bool:
    """Whether the pager took the text; where there is none, it is still to be printed."""
    sys.stdout.flush()
    environment = {"LESS": _LESS, **os.environ}
    try:
        pager = subprocess.Popen(command, stdin=subprocess.PIPE, env=environment)
    except OSError:
        return False
    with _its_own_signals():
        # Whoever leaves the pager early has seen enough.
        with suppress(OSError):
            pager.communicate(text.encode("utf-8"))
        code = pager.wait()
    # What a shell says for a command that it did not find.
    return code not in (126, 127)


@contextmanager
def _its_own_signals() -> Iterator[None]:
    """Ctrl-C is the pager's while it is on the screen: `less` stops its search and stays."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before: Any = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
