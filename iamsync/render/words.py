"""Text that is measured and counted: columns are terminal cells, nouns have their plurals."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Final

from iamsync.render.inert import safe

# The columns of text that no terminal shows, and the fewest that one is laid out for.
WIDTH: Final = 100
NARROWEST: Final = 60
_PAINTED: Final = re.compile(r"\x1b\[[0-9;]*m")
# So many columns at least are for what follows a label.
_ROOM: Final = 30
_GAP: Final = re.compile(r"(?<=\S)  +(?=\S)")
# A kind in the plural, where adding an s is not enough.
_PLURALS: Final = {"policy": "policies"}
_CODES: Final = {
    "bold": "1",
    "dim": "2",
    "red": "31",
    "green": "32",
    "yellow": "33",
    "blue": "34",
    "magenta": "35",
    "error": "1;31",
}


def cells(text: str) -> int:
    """How many terminal columns the text takes: two for wide characters, none for combining ones."""
    if text.isascii():
        return len(text)
    return sum(_cell(mark) for mark in text)


def _cell(mark: str) -> int:
    if unicodedata.category(mark) in ("Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(mark) in ("W", "F") else 1


def pad(text: str, width: int) -> str:
    """The text filled up with blanks to this many columns."""
    return text + " " * (width - cells(text))


def wrap(text: str, width: int) -> list[str]:
    """Lines of at most this many columns, broken at blanks alone: an ARN stays in one piece."""
    lines: list[str] = []
    line = ""
    for word in text.split(" "):
        if line and cells(line) + 1 + cells(word) > width:
            lines.append(line)
            line = word
        else:
            line = f"{line} {word}" if line else word
    return [*lines, line]


def fold(text: str, width: int) -> str:
    """The text with each line that is too wide broken at blanks, the rest of it a little further in.

    Where a label or columns begin the line, the rest stands under what follows them.
    """
    width = max(width, NARROWEST)
    return "\n".join(line for whole in text.split("\n") for line in _folded(whole, width))


def _folded(line: str, width: int) -> list[str]:
    if len(line) <= width or cells(_PAINTED.sub("", line)) <= width:
        return [line]
    bare = line.lstrip(" ")
    indent = " " * (len(line) - len(bare))
    shown = _PAINTED.sub("", line)
    labels = [cells(shown[: gap.end()]) for gap in _GAP.finditer(shown) if gap.end() <= width - _ROOM]
    hang = " " * (labels[-1] if labels else len(indent) + 2)
    lines: list[str] = []
    held, used = indent, len(indent)
    for at, word in enumerate(bare.split(" ")):
        size = cells(_PAINTED.sub("", word))
        if at and used + 1 + size > width and used > len(hang) and held.strip():
            lines.append(held.rstrip())
            held, used = hang + word, len(hang) + size
        elif at and (held.strip() or word):
            held, used = f"{held} {word}", used + 1 + size
        else:
            held, used = held + word, used + size
    return [*lines, held.rstrip()]


def count(number: int, noun: str) -> str:
    """`1 role`, `3 policies`."""
    return f"{number} {noun if number == 1 else plural(noun)}"


def kind_word(kind: str) -> str:
    """What one resource of a kind is called: `instance profile`, `account setting`."""
    return "account setting" if kind == "account" else kind.replace("_", " ")


def plural(noun: str) -> str:
    """The noun for several: `policies`, `instance profiles`."""
    noun = noun.replace("_", " ")
    return _PLURALS.get(noun, f"{noun}s")


def some(names: Sequence[str], most: int | None = 10) -> str:
    """The names in a row, all or the first ones and how many are left."""
    if most is None or len(names) <= most:
        return ", ".join(names)
    return f"{', '.join(names[:most])} and {len(names) - most} more"


def paint(text: str, *styles: str, on: bool) -> str:
    """The text in these styles where colour is wanted; measured before, since codes take no column."""
    if not on or not text or not styles:
        return text
    codes = ";".join(_CODES[style] for style in styles)
    return f"\x1b[{codes}m{text}\x1b[0m"


def columns(rows: Iterable[Sequence[str]], gap: int = 2) -> list[str]:
    """Rows as aligned lines; the last column is left ragged."""
    table = [[safe(cell) for cell in row] for row in rows]
    if not table:
        return []
    widths = [max(cells(row[at]) for row in table) for at in range(len(table[0]))]
    return [
        (" " * gap).join(pad(cell, width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in table
    ]
