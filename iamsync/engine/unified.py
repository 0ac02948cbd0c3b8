"""Texts of files before and after as a unified diff."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from pathlib import Path

from iamsync.manifest.documents import file_name


def unified_files(before: Mapping[Path, str], after: Mapping[Path, str], root: Path) -> str:
    """The diff of all files that change, names relative to the project."""
    return "".join(line for path in sorted(after) for line in unified(before[path], after[path], file_name(path, root)))


def unified(before: str, after: str, name: str) -> Iterator[str]:
    """The lines of the diff, each with its break; nothing where both are the same."""
    old, new = before.splitlines(keepends=True), after.splitlines(keepends=True)
    for line in difflib.unified_diff(old, new, f"a/{name}", f"b/{name}"):
        text = line.rstrip("\r\n")
        yield f"{text}\n" if line.endswith(("\n", "\r")) else f"{text}\n\\ No newline at end of file\n"
