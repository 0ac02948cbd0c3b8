"""The `iamsync` command, and the one place where errors become words and exit codes."""

from __future__ import annotations

import errno
import gc
import os
import sys
import threading
from contextlib import suppress
from typing import Any, Final

from iamsync.errors import IamsyncError, Interrupted

INTERRUPTED: Final = Interrupted.exit_code
_UNLOOKED: Final = 200_000  # objects that may be made before the garbage collector looks at them


def main() -> None:
    """Run the command line and exit with its code."""
    # In this order: what was closed by whoever began the command has the lowest number, which no other file may get.
    sys.stdin = sys.stdin or _nowhere("r")
    sys.stdout = Lasting(sys.stdout or _nowhere("w"))
    sys.stderr = Lasting(sys.stderr or _nowhere("w"))
    try:
        code = run(sys.argv[1:])
    except KeyboardInterrupt:  # while the first modules are imported, or for a second time while one is told
        _interrupted()
        code = INTERRUPTED
    finally:
        gc.freeze()  # what is left goes with the process: Python would look through all of it for cycles once more
    if code == INTERRUPTED and threading.active_count() > 1:
        # Python would wait for calls that nobody waits for any more.
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError):
                stream.flush()
        os._exit(code)
    sys.exit(code)


def _nowhere(mode: str) -> Any:
    return os.fdopen(os.open(os.devnull, os.O_RDONLY if mode == "r" else os.O_WRONLY), mode, encoding="utf-8")


class Unwritten(OSError):
    """What was to be said cannot be written."""


class Lasting:
    """A stream whose reader may go (`| head`, a closed terminal): a run that is under way goes on to its own end."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write a text, or throw it away where nobody can read it any more."""
        try:
            return int(self._stream.write(text))
        except OSError as error:
            self._unread(error)
            return len(text)

    def flush(self) -> None:
        """Have what was written on its way."""
        try:
            self._stream.flush()
        except OSError as error:
            self._unread(error)

    def _unread(self, error: OSError) -> None:
        if error.errno not in (errno.EPIPE, errno.EIO):
            raise Unwritten(*error.args) from error  # a full disk loses what somebody wanted
        os.dup2(os.open(os.devnull, os.O_WRONLY), self._stream.fileno())

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def run(arguments: list[str]) -> int:
    """The exit code of these arguments; everything a person must know has been said by then."""
    # Next to nothing of what a command makes lies in cycles; looking for them took a third of a large plan.
    gc.set_threshold(max(_UNLOOKED, gc.get_threshold()[0]))
    import typer

    from iamsync.cli.tree import command_tree

    if options := sys.modules.get("iamsync.cli.options"):  # not loaded for the help alone
        options.forget()
    try:
        result = command_tree()(arguments, prog_name="iamsync", standalone_mode=False)
        if result == INTERRUPTED:  # what typer makes of a KeyboardInterrupt
            _interrupted()
        sys.stdout.flush()
    except IamsyncError as error:
        _say(error)
        return error.exit_code
    except typer.Exit as error:
        return int(error.exit_code)
    except (typer.Abort, KeyboardInterrupt):
        _interrupted()
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has gone (`| head`); Python must not complain about it at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Unwritten as error:
        with suppress(OSError):
            _say(_lost(error))
        return 1
    except Exception as error:  # noqa: BLE001 - the last line of defence: never a traceback
        return _unforeseen(error)
    return int(result or 0)


def _lost(error: Unwritten) -> IamsyncError:
    return IamsyncError(
        f"the output cannot be written: {error.strerror or error}",
        code="unwritable",
        hint="make room where it goes; of an apply, iamsync runs list tells what was done",
    )


def _interrupted() -> None:
    with suppress(OSError):
        print("interrupted", file=sys.stderr)


def _unforeseen(error: Exception) -> int:
    """A parser's complaint in its own words, anything else as the defect it is."""
    show = getattr(error, "show", None)
    if near := getattr(error, "possibilities", None):
        from difflib import get_close_matches

        # The parser offers whatever shares some letters: --var for --target.
        word = str(getattr(error, "option_name", ""))
        error.possibilities = get_close_matches(word, near, 3, 0.72)  # type: ignore[attr-defined]
    if callable(show) and hasattr(error, "exit_code"):
        show(file=sys.stderr)
        return 1
    if os.environ.get("IAMSYNC_TRACEBACK"):
        raise error
    print(
        f"error[defect]: iamsync itself failed: {type(error).__name__}: {error}\n"
        "  = help: this is a defect; set IAMSYNC_TRACEBACK=1 to see where, and please report it",
        file=sys.stderr,
    )
    return 1


def _say(error: IamsyncError) -> None:
    from iamsync.cli.context import colored, columns
    from iamsync.cli.options import given, takes_common
    from iamsync.render.errors import error_text

    common = given()
    color, width = colored(common, sys.stderr), columns(sys.stderr)
    more = "--verbose shows all" if takes_common() else ""
    print(error_text(error, color=color, width=width, verbose=common.verbose, more=more), file=sys.stderr)
