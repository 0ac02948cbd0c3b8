"""The YAML files of somebody else's folder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from iamsync.errors import InputError, Place
from iamsync.manifest.nodes import Node
from iamsync.manifest.source import read


def yaml_files(folder: Path) -> list[str]:
    """The YAML files below a folder, seen from it, sorted; folders that begin with a dot are passed over."""
    found = []

    def failed(error: OSError) -> None:
        raise InputError(
            f"cannot read {error.filename}: {error.strerror}",
            code="unreadable",
            place=Place(str(folder)),
            hint="check the path and who may read it",
        ) from error

    for here, folders, files in os.walk(folder, onerror=failed):
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += [
            os.path.relpath(os.path.join(here, name), folder) for name in files if name.endswith((".yaml", ".yml"))
        ]
    return sorted(Path(name).as_posix() for name in found)


def mentions(folder: Path, name: str, word: bytes) -> bool:
    """Whether a file holds these bytes; one that cannot be read is taken to, so that reading it tells why."""
    try:
        return word in (folder / name).read_bytes()
    except OSError:
        return True


def documents(folder: Path, name: str) -> Iterator[tuple[str, Node]]:
    """The documents of a file, with its name in messages; InputError(s) where it is no YAML."""
    told = str(folder / name)
    for node in read(folder / name, told):
        yield told, node
