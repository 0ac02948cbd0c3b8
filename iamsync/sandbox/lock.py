"""A lock file beside a file, so that two commands never work on one state."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from iamsync.errors import IamsyncError
from iamsync.files import room

WAIT_SECONDS: Final = 30.0
_PAUSE: Final = 0.05


@contextmanager
def on_disk(path: Path) -> Iterator[None]:
    """Turn what the system refuses about a file into IamsyncError "sandbox-state"."""
    try:
        yield
    except OSError as error:
        message = f"cannot use the sandbox's file {path}: {error.strerror or error}"
        raise IamsyncError(
            message, code="sandbox-state", hint=room(error, "check the directory, its owner and free space")
        ) from error


class FileLock:
    """An exclusive lock that the system takes back when its process ends."""

    def __init__(self, path: Path) -> None:
        self._path = path.with_name(path.name + ".lock")
        self._descriptor: int | None = None

    @property
    def held(self) -> bool:
        """Whether this object holds the lock."""
        return self._descriptor is not None

    def acquire(self, wait: float | None = None) -> None:
        """Take the lock; IamsyncError "sandbox-busy" after `wait` seconds (30)."""
        with on_disk(self._path):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            # Through a link that came with somebody's change a file would be made anywhere.
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        until = time.monotonic() + (WAIT_SECONDS if wait is None else wait)
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() < until:
                    time.sleep(_PAUSE)
                    continue
                os.close(descriptor)
                raise IamsyncError(
                    f"another process is using the sandbox ({self._path})",
                    code="sandbox-busy",
                    hint="wait for the other iamsync command, or stop `iamsync sandbox serve`",
                ) from None
            self._descriptor = descriptor
            return

    def release(self) -> None:
        """Give the lock back; the file stays, since removing it would race with who waits for it."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
