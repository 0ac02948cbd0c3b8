"""Errors as a person reads them: what, where with the line and a caret, how to mend it."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from iamsync.errors import AwsError, IamsyncError, InputErrors, Place, StalePlan
from iamsync.render.inert import characters, safe
from iamsync.render.words import cells, count, paint, wrap

_MOST: Final = 50
_LONGEST: Final = 2000
_LINES: Final = 200
_WIDE: Final = 4000
_WIDTH: Final = 100
_TAB: Final = "    "


def error_text(error: IamsyncError, *, color: bool = False) -> str:
    """The error in a few lines; of several, the first fifty and how many are left."""
    if not isinstance(error, InputErrors):
        return _one(error, color)
    shown = [_one(item, color) for item in error.errors[:_MOST]]
    if len(error.errors) > _MOST:
        shown.append(f"... and {len(error.errors) - _MOST} more")
    files = {item.place.file for item in error.errors if item.place is not None}
    total = count(len(error.errors), "error") + (f" in {count(len(files), 'file')}" if files else "")
    return "\n\n".join([*shown, total])


def _one(error: IamsyncError, color: bool) -> str:
    gutter = len(str(error.place.line)) if error.place is not None and error.place.line else 1
    margin = " " * (gutter + 1)
    first, *more = _lines(error.message)
    out = [paint(f"error[{safe(error.code)}]", "error", on=color) + paint(f": {first}", "bold", on=color)]
    out += [f"{margin}  {line}" for line in more]
    if error.place is not None:
        out += place_lines(error.place, gutter, color=color)
    if isinstance(error, StalePlan):
        out += _difference(error.difference, margin, color)
    for word, text in _notes(error):
        label = f"{margin}= {word}: "
        first, *more = [piece for line in _lines(text) for piece in wrap(line, _WIDTH - len(label))]
        out.append(margin + paint("=", "blue", on=color) + f" {word}: {first}")
        out += [" " * len(label) + line for line in more]
    return "\n".join(out)


def _lines(text: str) -> list[str]:
    return [safe(_clipped(line)) for line in text.split("\n")[:_LINES]]


def _clipped(line: str) -> str:
    """The line without the middle of what nobody reads: a name in it may have a million characters."""
    if len(line) <= _LONGEST:
        return line
    return f"{line[: _LONGEST // 2]} ... ({len(line) - _LONGEST:,} characters) ... {line[-_LONGEST // 2 :]}"


def _notes(error: IamsyncError) -> list[tuple[str, str]]:
    notes: list[tuple[str, str]] = []
    if isinstance(error, AwsError):
        if error.operation:
            request = f" (request id {error.request_id})" if error.request_id else ""
            notes.append(("call", f"{error.operation}{request}"))
        if error.doubtful and not error.operation.startswith(("Get", "List")):
            notes.append(("note", "AWS may have carried it out all the same"))
    if error.hint:
        notes.append(("help", error.hint))
    return notes


def place_lines(place: Place, gutter: int, *, style: str = "error", color: bool = False) -> list[str]:
    """Where something stands: the place, its line and a caret under it; `gutter` is as wide as the line's number."""
    bar = paint("|", "blue", on=color)
    out = [" " * gutter + paint("-->", "blue", on=color) + f" {safe(place)}"]
    if not place.line or not place.source.strip():
        return out
    line, at, length = _window(place, _WIDTH - gutter - 3)
    out += [f"{' ' * gutter} {bar}", f"{paint(str(place.line), 'blue', on=color)} {bar} {line}".rstrip()]
    if place.column:
        out.append(f"{' ' * gutter} {bar} {' ' * at}{paint('^' * length, style, on=color)}")
    return out


def _window(place: Place, room: int) -> tuple[str, int, int]:
    """The part of the source line around the caret that fits, and the caret's column and length in it."""
    source = place.source.rstrip("\r\n")
    if len(source) > _WIDE:  # of a line of megabytes only what is near the mistake
        first = max(place.column - 1 - _WIDE // 2, 0)
        near = replace(place, source=source[first : first + _WIDE], column=max(place.column - first, 1))
        line, at, length = _window(near, room - 6)
        return f"...{line.removeprefix('...')}", at + (0 if line.startswith("...") else 3), length
    marks = [_TAB if mark == "\t" else shown for mark, shown in zip(source, characters(source), strict=True)]
    start = min(max(place.column - 1, 0), len(marks))
    end = min(start + max(place.length, 1), len(marks))
    left, right = 0, len(marks)
    sizes = [cells(mark) for mark in marks]
    total = sum(sizes)
    before = sum(sizes[:start])
    if total > room:
        room -= 6  # for the dots at both ends
        # Two thirds of the room go to what follows the caret, where the mistake is.
        while left < start and before > room // 3 and total > room:
            before, total, left = before - sizes[left], total - sizes[left], left + 1
        while right > left + 1 and total > room:
            right -= 1
            total -= sizes[right]
    head, tail = "..." if left else "", "..." if right < len(marks) else ""
    length = sum(sizes[start : min(end, right)]) or 1
    return head + "".join(marks[left:right]) + tail, len(head) + before, length


def _difference(lines: tuple[str, ...], margin: str, color: bool) -> list[str]:
    out = []
    for line in lines[:_MOST]:
        text = safe(line)
        style = {"+": "green", "-": "red"}.get(text[:1], "yellow")
        first, *more = wrap(text, _WIDTH - len(margin) - 2)
        out.append(f"{margin}{paint('|', 'blue', on=color)} {paint(first, style, on=color)}")
        out += [f"{margin}{paint('|', 'blue', on=color)}   {piece}" for piece in more]
    if len(lines) > _MOST:
        out.append(f"{margin}... and {len(lines) - _MOST} more")
    return out
