"""What validate found in documents, as a person reads it: like errors, with the line and a caret."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from iamsync.errors import Place
from iamsync.render.errors import place_lines
from iamsync.render.inert import safe
from iamsync.render.words import NARROWEST, WIDTH, count, paint, some, wrap

Row = Mapping[str, Any]

_MOST: Final = 50
_ORDER: Final = ("high", "medium", "low", "info")
_STYLES: Final = {"high": "red", "medium": "yellow", "low": "yellow", "info": "blue"}


def findings_text(found: Sequence[Row], *, color: bool = False, verbose: bool = False, width: int | None = None) -> str:
    """Rows of findings (id, severity, message, remedy, place, addresses) and their count; all of them if `verbose`.

    `width` is what a terminal has, None where there is none.
    """
    if not found:
        return ""
    most = len(found) if verbose else _MOST
    # Of too many the grave ones are shown, in the order of places all the same.
    ranked = sorted(range(len(found)), key=lambda at: (_ORDER.index(found[at]["severity"]), at))[:most]
    room = WIDTH if width is None else max(width, NARROWEST)
    shown = [_one(found[at], color, verbose, room) for at in sorted(ranked)]
    if len(found) > most:
        shown.append(f"... and {len(found) - most} more; --verbose shows all")
    return "\n\n".join([*shown, _total(found)])


def _one(row: Row, color: bool, verbose: bool, width: int) -> str:
    place = Place(**row["place"])
    gutter = len(str(place.line)) if place.line else 1
    margin = " " * (gutter + 1)
    style = _STYLES[row["severity"]]
    word = "note" if row["severity"] == "info" else "warning"
    out = [paint(f"{word}[{safe(row['id'])}]", style, on=color) + paint(f": {safe(row['message'])}", "bold", on=color)]
    out += place_lines(place, gutter, style=style, color=color, width=width)
    notes = [("in", some(row["addresses"], None if verbose else 5))] if row["addresses"] else []
    notes += [("help", row["remedy"])] if row["remedy"] else []
    for label, text in (("severity", row["severity"]), *notes):
        head = f"{margin}= {label}: "
        first, *more = wrap(safe(text), width - len(head))
        out.append(margin + paint("=", "blue", on=color) + f" {label}: {first}")
        out += [" " * len(head) + line for line in more]
    return "\n".join(out)


def _total(found: Sequence[Row]) -> str:
    held = {severity: sum(row["severity"] == severity for row in found) for severity in _ORDER}
    files = {row["place"]["file"] for row in found}
    parts = ", ".join(f"{number} {severity}" for severity, number in held.items() if number)
    return f"{count(len(found), 'finding')} in {count(len(files), 'file')}: {parts}"
