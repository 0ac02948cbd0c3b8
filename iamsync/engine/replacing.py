"""Files replaced together: each whole or not at all, and none that somebody else changed meanwhile."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from pathlib import Path

from iamsync.errors import InputError, Place
from iamsync.files import beside, room


def replace_files(before: Mapping[Path, str], after: Mapping[Path, str]) -> None:
    """Put these texts in the place of what the files hold, which must be what was read of them.

    Each is written beside its file and renamed over it; where one cannot be, those before it get their old text back.
    Raises InputError: nothing is changed then, or it says which file could not be put back.
    """
    ready: list[tuple[Path, Path]] = []
    done: list[Path] = []
    path = Path()
    try:
        for path, text in after.items():
            target = Path(os.path.realpath(path))
            _check(path, before[path])
            ready.append((_beside(target, text), target))
        for path in after:
            _check(path, before[path])
        for (new, target), path in zip(ready, after, strict=True):
            os.replace(new, target)
            done.append(path)
    except OSError as error:
        _put_back(done, before)
        raise InputError(
            f"cannot write: {error.strerror or error}",
            code="unwritable",
            place=Place(str(path)),
            hint=f"{room(error, 'check the folder and who may write there')}; no file was changed",
        ) from error
    finally:
        for new, _ in ready:
            with contextlib.suppress(OSError):
                new.unlink(missing_ok=True)


def _check(path: Path, text: str) -> None:
    try:
        same = path.read_bytes() == text.encode("utf-8")
    except FileNotFoundError:
        same = False
    if not same:
        raise InputError(
            "the file was changed since it was read",
            code="file-changed",
            place=Place(str(path)),
            hint="nothing was written; run the command again",
        )


def _beside(target: Path, text: str) -> Path:
    """The text in a file of its own, with the rights of the file that it is to replace."""
    return beside(target, text.encode("utf-8"), target.stat().st_mode & 0o7777)


def _put_back(done: list[Path], before: Mapping[Path, str]) -> None:
    for path in done:
        target = Path(os.path.realpath(path))
        try:
            os.replace(_beside(target, before[path]), target)
        except OSError as error:
            raise InputError(
                f"the file was changed and cannot be put back: {error.strerror or error}",
                code="unwritable",
                place=Place(str(path)),
                hint="take it from git",
            ) from error
