"""Errors as a person reads them: what, where with the line and a caret, how to mend it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

from iamsync.errors import AwsError, IamsyncError, InputError, InputErrors, Place, StalePlan
from iamsync.render.inert import characters, safe
from iamsync.render.words import NARROWEST, WIDTH, cells, count, fold, paint, some, wrap

# Of so many errors each is read; more are counted, and so are the files they are in.
_MOST: Final = 50
_MOST_FILES: Final = 5
# So many errors that say the same are told once; the other places of it are listed.
_ALIKE: Final = 3
_MOST_PLACES: Final = 10
_LONGEST: Final = 2000
_LINES: Final = 200
_WIDE: Final = 4000
_TAB: Final = "    "


def error_text(
    error: IamsyncError, *, color: bool = False, width: int | None = None, verbose: bool = False, more: str = ""
) -> str:
    """The error in a few lines; of several, equal ones once with their places, fifty at most and how many are left.

    `width` is what a terminal has, None where there is none. `verbose` shows each error by itself; `more` is how to
    ask for that, in words.
    """
    if not isinstance(error, InputErrors):
        return _fitted(_one(error, (), color, width), width)
    groups = [[item] for item in error.errors] if verbose else _alike(error.errors)
    most = len(groups) if verbose else _MOST
    shown = [_one(first, same, color, width) for first, *same in groups[:most]]
    rest = [item for group in groups[most:] for item in group]
    if rest:
        shown.append(f"... and {len(rest)} more{_files(rest, named=True)}{f'; {more}' if more else ''}")
    total = count(len(error.errors), "error") + _files(error.errors)
    if error.stopped:
        total += "; looking ended there, and there may be more"
    return _fitted("\n\n".join([*shown, total]), width)


def _fitted(text: str, width: int | None) -> str:
    return text if width is None else fold(text, width)


def _alike(errors: Iterable[InputError]) -> list[list[InputError]]:
    """The errors in their order, those that say the same in one group, unless they are too few for it."""
    held: dict[tuple[str, ...], list[InputError]] = {}
    for error in errors:
        held.setdefault((error.code, error.message, error.hint), []).append(error)
    groups: list[list[InputError]] = []
    for group in held.values():
        groups += [group] if len(group) >= _ALIKE else [[error] for error in group]
    return sorted(groups, key=lambda group: _where(group[0]))


def _where(error: InputError) -> tuple[str, int, int]:
    place = error.place or Place("")
    return place.file, place.line, place.column


def _files(errors: Iterable[InputError], *, named: bool = False) -> str:
    """` in 2 files`, and if `named` which ones: ` in 2 files (iam/a.yaml 8, iam/b.yaml 1)`."""
    files = Counter(item.place.file for item in errors if item.place is not None)
    if not files:
        return ""
    if len(files) == 1 and named:
        return f" in {safe(next(iter(files)))}"
    told = some([f"{safe(file)} {number}" for file, number in files.items()], _MOST_FILES)
    return f" in {count(len(files), 'file')}" + (f" ({told})" if named else "")


def _one(error: IamsyncError, same: Sequence[InputError], color: bool, width: int | None) -> str:
    """One error; `same` are others that say just this elsewhere."""
    room = WIDTH if width is None else max(width, NARROWEST)
    gutter = len(str(error.place.line)) if error.place is not None and error.place.line else 1
    margin = " " * (gutter + 1)
    first, *more = _lines(error.message)
    out = [paint(f"error[{safe(error.code)}]", "error", on=color) + paint(f": {first}", "bold", on=color)]
    out += [f"{margin}  {line}" for line in more]
    if error.place is not None:
        out += place_lines(error.place, gutter, color=color, width=room)
    if isinstance(error, StalePlan):
        out += _difference(error.difference, margin, color, room)
    for word, text in [*_also(same), *_notes(error)]:
        label = f"{margin}= {word}: "
        first, *more = [piece for line in _lines(text) for piece in wrap(line, room - len(label))]
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


def _also(same: Sequence[InputError]) -> list[tuple[str, str]]:
    places = [str(error.place) for error in same if error.place is not None]
    return [("also", some(places, _MOST_PLACES))] if places else []


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


def place_lines(
    place: Place, gutter: int, *, style: str = "error", color: bool = False, width: int = WIDTH
) -> list[str]:
    """Where something stands: the place, its line and a caret under it; `gutter` is as wide as the line's number.

    Of a line that is longer than `width` allows, what is around the caret.
    """
    bar = paint("|", "blue", on=color)
    out = [" " * gutter + paint("-->", "blue", on=color) + f" {safe(place)}"]
    if not place.line or not place.source.strip():
        return out
    line, at, length = _window(place, width - gutter - 3)
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


def _difference(lines: tuple[str, ...], margin: str, color: bool, width: int) -> list[str]:
    out = []
    for line in lines[:_MOST]:
        text = safe(line)
        style = {"+": "green", "-": "red"}.get(text[:1], "yellow")
        first, *more = wrap(text, width - len(margin) - 2)
        out.append(f"{margin}{paint('|', 'blue', on=color)} {paint(first, style, on=color)}")
        out += [f"{margin}{paint('|', 'blue', on=color)}   {piece}" for piece in more]
    if len(lines) > _MOST:
        out.append(f"{margin}... and {len(lines) - _MOST} more")
    return out
