"""Files that are put in place whole: a reader, or a crash, finds the old bytes or the new ones, and nobody's link is
written through.
"""

from __future__ import annotations

import errno
import os
import tempfile
from pathlib import Path

from iamsync.errors import InputError, Place


def put(path: Path, content: bytes, *, mode: int = 0o600) -> None:
    """Put bytes in the place of a file, on disk when this returns; where `path` is a link, it is the link that goes.

    Raises OSError: the file is then what it was, or the new one whole where only its folder could not be synced.
    """
    new = beside(path, content, mode)
    try:
        os.replace(new, path)
    except BaseException:
        new.unlink(missing_ok=True)
        raise
    # The new name lasts when the folder is on disk, which not everybody who may write there can ask for.
    try:
        directory = os.open(path.parent, os.O_RDONLY)
    except PermissionError:
        return
    try:
        os.fsync(directory)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # a file system without it
            raise
    finally:
        os.close(directory)


def beside(path: Path, content: bytes, mode: int) -> Path:
    """The bytes in a new file of the same folder, on disk, that is to be renamed over `path`. Raises OSError."""
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".new", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, mode)
    except BaseException:
        os.unlink(name)
        raise
    return Path(name)


def room(error: OSError, otherwise: str) -> str:
    """What to do about a file that cannot be written, by why; else `otherwise`."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "make room on the disk"
    if error.errno == errno.EFBIG:
        return "lift the limit on the size of files (ulimit -f)"
    if error.errno == errno.EROFS:
        return "the file system is read-only: work in a copy that can be written"
    return otherwise


def own_folder(root: Path, name: str) -> Path:
    """A folder in which iamsync keeps its own things of a project; InputError where it is something
    else, or a link leads out of the project.

    Such a link could come with somebody's change, and have records or the sandbox's state written anywhere.
    """
    folder = root / name
    ring = _is_ring(folder)
    if ring or not folder.resolve().is_relative_to(root.resolve()):
        raise InputError(
            f"{name} {'is a ring of links' if ring else 'leads out of the project, through a link'}",
            code="bad-path",
            place=Place(name),
            hint="take the link away; to keep the records of runs elsewhere, name a bucket: journal: s3://...",
        )
    there = folder
    while there != root and not os.path.lexists(there):
        there = there.parent
    if there != root and not there.is_dir():
        raise InputError(
            f"{there.relative_to(root)} is no folder, and iamsync keeps records and the sandbox's state in one there",
            code="bad-path",
            place=Place(str(there.relative_to(root))),
            hint="move it away",
        )
    return folder


def _is_ring(path: Path) -> bool:
    """Whether links lead back to themselves: `resolve` tells that before Python 3.13 alone, as a RuntimeError."""
    try:
        path.stat()
    except OSError as error:
        return error.errno == errno.ELOOP
    return False
