"""Files that a command was given, as text: no device, no more than fits, no other encoding."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Final

from iamsync.engine.choosing import meant_path
from iamsync.errors import InputError, Place

# A snapshot of 50,000 resources has about 100 MB.
MAX_BYTES: Final = 1_000_000_000


def read_text(path: Path, what: str) -> str:
    """A file's text, or what a pipe brings; InputError where it is not there, a device, over 1 GB or not text."""
    hint = "check the path and who may read it"
    try:
        with open(os.open(path, os.O_RDONLY | os.O_NOCTTY), "rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            if stat.S_ISBLK(mode) or (stat.S_ISCHR(mode) and not file.isatty()):
                raise InputError(f"{what} cannot be a device", code="unreadable", place=Place(str(path)), hint=hint)
            data = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = (error.strerror if isinstance(error, OSError) else "") or str(error)
        message = f"cannot read {what}: {reason}"
        if isinstance(error, FileNotFoundError):
            hint = meant_path(path, hint)
        raise InputError(message, code="unreadable", place=Place(str(path)), hint=hint) from error
    if len(data) > MAX_BYTES:
        raise InputError(f"{what} is over 1 GB", code="too-large", place=Place(str(path)), hint="give a smaller file")
    try:
        return data.decode("utf-8").replace("\r\n", "\n").replace("\r", "\n")
    except UnicodeDecodeError as error:
        raise InputError(
            f"{what} must be UTF-8 text", code="unreadable", place=Place(str(path)), hint="give another file"
        ) from error
