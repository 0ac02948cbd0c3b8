"""Two texts of a file as a unified diff."""

from __future__ import annotations

import difflib
from collections.abc import Iterator


def unified(before: str, after: str, name: str) -> Iterator[str]:
    """The lines of the diff, each with its break; nothing where both are the same."""
    old, new = before.splitlines(keepends=True), after.splitlines(keepends=True)
    for line in difflib.unified_diff(old, new, f"a/{name}", f"b/{name}"):
        text = line.rstrip("\r\n")
        yield f"{text}\n" if line.endswith(("\n", "\r")) else f"{text}\n\\ No newline at end of file\n"
