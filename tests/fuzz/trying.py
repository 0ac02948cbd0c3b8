"""One input given to one reader, and whether that ended as it must: accepted, or refused in one clear error."""

from __future__ import annotations

import os
import re
import signal
import sys
import tempfile
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from iamsync.errors import IamsyncError, InputError, InputErrors
from iamsync.render.errors import error_text
from tests.fuzz.readers import Reader

LIMIT = 5.0  # seconds of this process's own time for one input
LONGEST = 40_000  # characters of an error; fifty of them may be told
_RAW = re.compile(r"\b(Key|Type|Value|Attribute|Index|Recursion|UnicodeDecode|UnicodeEncode|Overflow)Error\(|Traceback")
_NETWORK = ("socket.connect", "socket.getaddrinfo", "socket.sendto", "socket.bind")
_PROCESS = ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.fork")
_WRITES = ("os.remove", "os.rename", "os.rmdir", "os.symlink", "os.link", "os.truncate", "shutil.rmtree")

_OTHERS = ("/etc/", "/proc/", "/dev/", "/root/", "/home/")
# Modules and data of Python, of what is installed and of this repository, which may be in anybody's home.
_OWN = tuple(f"{Path(folder)}/" for folder in (sys.prefix, sys.base_prefix, Path(__file__).resolve().parents[2]))

_watched: dict[str, Any] = {"folder": None, "seen": []}


class Hang(BaseException):
    """An input that took too long."""


def _audit(event: str, args: tuple[Any, ...]) -> None:
    folder = _watched["folder"]
    if folder is None:
        return
    if args and isinstance(args[0], str) and "__pycache__" in args[0]:
        return  # modules that Python compiles as they are first needed
    if event in _NETWORK or event in _PROCESS:
        _watched["seen"].append((event, repr(args)[:200]))
    elif event == "open" and isinstance(args[0], str):
        flags = args[2] if isinstance(args[2], int) else 0
        path = args[0]
        writes = flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
        if writes or (path.startswith(_OTHERS) and not path.startswith(_OWN) and "/site-packages/" not in path):
            _watched["seen"].append((event, path[:200]))
    elif event in _WRITES:
        _watched["seen"].append((event, repr(args)[:200]))


_installed = False


@contextmanager
def watched(folder: Path) -> Iterator[list[tuple[str, str]]]:
    """What is done inside that a reader must not: writes, connections, processes, files of the system."""
    global _installed
    if not _installed:
        sys.addaudithook(_audit)
        _installed = True
    _watched["seen"] = []
    _watched["folder"] = str(folder)
    try:
        yield _watched["seen"]
    finally:
        _watched["folder"] = None


def _alarm(*_: Any) -> None:
    raise Hang


def tried(reader: Reader, data: bytes, folder: Path) -> tuple[str, str]:
    """`accepted`, `refused` or `wrong`, and what was said."""
    before = signal.signal(signal.SIGPROF, _alarm)
    signal.setitimer(signal.ITIMER_PROF, LIMIT)
    try:
        reader.read(folder, data)
    except IamsyncError as error:
        text = error_text(error)
        wrong = complaint(reader, error, text)
        return ("wrong", f"{wrong}\n{text[:2000]}") if wrong else ("refused", text)
    except Hang:
        return "wrong", "took longer than it may\n" + traceback.format_exc()[-1500:]
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        return "wrong", "".join(traceback.format_exception(error))[-3000:]
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)
    return "accepted", ""


def complaint(reader: Reader, error: IamsyncError, text: str) -> str:
    """What is wrong with an error as a person reads it; empty where nothing is."""
    if len(text) > LONGEST:
        return f"an error of {len(text)} characters"
    if any(not mark.isprintable() and mark != "\n" for mark in text):
        return "an error that a terminal obeys"
    if found := _RAW.search(text):
        return f"an error in Python's words: {found[0]}"
    if not error.hint and not isinstance(error, InputErrors):
        return "no hint" if isinstance(error, InputError) and error.place is None else ""
    if reader.placed and isinstance(error, InputError) and error.place is None:
        return "an error without a place"
    return ""


@contextmanager
def workplace() -> Iterator[Path]:
    """A folder for inputs, in memory where there is such a place."""
    memory = Path("/dev/shm")
    base = memory if memory.is_dir() and os.access(memory, os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="iamsync-fuzz-", dir=base) as folder:
        yield Path(folder)
