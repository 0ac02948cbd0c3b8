"""A YAML text in one canonical layout: indentation, spaces, quotes and the order of keys; what says nothing else stays.

Two columns a level, the dash of a list's item under the first letter of its key's value, one space behind ":" and
inside "{a: b, c}" on one line, double quotes where single ones are not needed, at most one empty line. Comments stay
with the line below them, or at the end of the block whose column they stand in. Texts of several lines and brackets
over several lines keep their inside and move as a whole. It knows nothing of manifests: which tables have an order
is the caller's.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from iamsync.errors import InputError, Place
from iamsync.manifest.keyorder import arranged
from iamsync.manifest.nodes import Node, Scalar, Span, Table
from iamsync.manifest.source import parse, spans

Path: TypeAlias = tuple[str, ...]
# The keys of a table in their order, given where it stands (keys; "" for the items of a list) and the keys it has.
Order: TypeAlias = Callable[[Path, tuple[str, ...]], Sequence[str]]

STEP: Final = 2
_BREAK: Final = re.compile(r"\r\n?|\n")
_BEFORE_DASH: Final = re.compile(r"(?:[ \t\r\n]+|#[^\r\n]*)*")
_COLON: Final = re.compile(r"[ \t]*:")
_INDICATOR: Final = re.compile(r"(?:&\S+[ \t]+)?[|>][-+]?[0-9]")
_LAYOUT: Final = re.compile(r"[\s'\",]+")
_QUOTED: Final = re.compile(r"'([^'\\\"\r\n]*)'")


def tidy(text: str, file: str, order: Order) -> str:
    """The text laid out canonically; the same values, the same comments.

    Raises InputError(s) where the text cannot be read, or holds a form that cannot be laid out without a change of
    what it says: then it is left to its writer.
    """
    before = parse(text, file)
    found = _BREAK.search(text)
    newline = found[0] if found else "\n"
    made = newline.join(_Page(_BREAK.sub("\n", text), order).lines())
    if made:
        made += newline
    try:
        same = _signs(text) == _signs(made) and _same(before, parse(made, file))
    except InputError:
        same = False
    if not same:
        raise InputError(
            "this file holds a form that fmt does not lay out",
            code="not-formatted",
            place=Place(file),
            hint="it is left as it is; write out keys with a question mark and texts that depend on their indentation",
        )
    return made


def _signs(text: str) -> Counter[str]:
    """How often each sign stands in a text, comments too: but for spaces, quotes and a list's commas, all stay."""
    return Counter(_LAYOUT.sub("", text))


def _same(before: tuple[Node, ...], after: tuple[Node, ...]) -> bool:
    """Whether both say the same, whatever the order of keys."""
    pairs = list(zip(before, after, strict=False))
    if len(before) != len(after):
        return False
    while pairs:
        one, other = pairs.pop()
        if type(one) is not type(other):
            return False
        if isinstance(one, Scalar) and isinstance(other, Scalar):
            if (one.value, one.text, type(one.value)) != (other.value, other.text, type(other.value)):
                return False
        elif isinstance(one, Table) and isinstance(other, Table):
            held, has = one.index(), other.index()
            if held.keys() != has.keys():
                return False
            pairs += [(held[key], has[key]) for key in held]
        else:
            items, others = one.items, other.items  # type: ignore[union-attr]
            if len(items) != len(others):
                return False
            pairs += zip(items, others, strict=True)
    return True


@dataclass(slots=True)
class _Entry:
    """An entry of a table or item of a list, laid out; `chain` are the blocks open at its end, old column to new."""

    lead: list[str]
    lines: list[str]
    chain: list[tuple[int, int]] = field(default_factory=list)
    end: int = 0  # where its last character stands in the old text


class _Page:
    """One text; `at` and `end` are always offsets into it."""

    def __init__(self, text: str, order: Order) -> None:
        self.text = text
        self.order = order

    def lines(self) -> list[str]:
        out: list[str] = []
        done = 0
        for root in spans(self.text):
            if root.sort == "scalar" and root.start == root.end:
                continue  # an empty document: what is around it is comments and markers
            begin, entries = self.root(root)
            between = self.text[done:begin].split("\n")[:-1]
            self.between(out, between)
            for entry in entries:
                out += entry.lead + entry.lines
            done = self.next_line(entries[-1].end)
        self.between(out, self.text[done:].split("\n"))
        while out and not out[-1]:
            out.pop()
        return out

    def between(self, out: list[str], lines: list[str]) -> None:
        """What stands between documents: comments, markers, directives."""
        made = [line.strip() if line.lstrip().startswith("#") else line.rstrip() for line in lines]
        out += _single(made if out else _stripped(made))

    def root(self, span: Span) -> tuple[int, list[_Entry]]:
        """Where the first line of a document's content begins, and its entries, comments at its end with them."""
        begin = self.line_start(span.start)
        on_marker = bool(self.text[begin : span.start].strip())
        if span.flow or span.anchored or on_marker:
            end = self.content_end(span)
            last = self.line_end(end)
            return begin, [_Entry([], self.text[begin:last].rstrip().split("\n"), [], end)]
        entries, _ = self.block(span, 0, ())
        last_entry = entries[-1]
        last_entry.chain.insert(0, (self.column(span.start), 0))
        behind = self.next_line(last_entry.end)
        tail = self.text[behind:]
        marker = re.search(r"^(?:---|\.\.\.)(?:\s|$)", tail, re.MULTILINE)
        comments = (tail[: marker.start()] if marker else tail).split("\n")
        if marker:
            comments.pop()
        rest = self.tail(last_entry, comments, -1)
        taken = comments[: len(comments) - len(rest)]
        if taken:  # the last of them is a comment: its end is the end of its line
            last_entry.end = behind + len("\n".join(taken))
        return begin, entries

    # Blocks

    def block(
        self, span: Span, column: int, path: Path, above: Sequence[str] = ()
    ) -> tuple[list[_Entry], list[tuple[int, int]]]:
        """The entries of a table or the items of a list over several lines, and the blocks open at its end.

        `above` are the comments between its key and its first line.
        """
        lead = _stripped(_single([_comment(text, column) for text in above]))
        entries = (self.table if span.sort == "table" else self.listing)(span, column, path, lead)
        return entries, [(self.column(span.start), column), *entries[-1].chain]

    def table(self, span: Span, column: int, path: Path, lead: list[str]) -> list[_Entry]:
        old = self.column(span.start)
        names: list[str] = []
        entries: list[_Entry] = []
        for key, value in zip(span.parts[::2], span.parts[1::2], strict=True):
            name = self.text[key.start : key.end]
            names.append(_unquoted(name))
            entry = self.entry(key, value, column, (*path, names[-1]))
            self.lead(entries, entry, key.start, column, old)
            entries.append(entry)
        entries[0].lead = lead
        if span.marks:
            return entries  # an alias must stay behind its anchor
        places = arranged(names, self.order(path, tuple(names)))
        if places == sorted(places):
            return entries
        last = entries[-1]
        made = [entries[at] for at in places]
        made[0].lead = _stripped(made[0].lead)
        if made[-1] is not last:  # what follows in the text goes to the end of the table
            made[-1].end, made[-1].chain = last.end, []
        return made

    def listing(self, span: Span, column: int, path: Path, lead: list[str]) -> list[_Entry]:
        old = self.column(span.start)
        entries: list[_Entry] = []
        dash = span.start
        for item in span.parts:
            if entries:
                found = _BEFORE_DASH.match(self.text, entries[-1].end)
                dash = found.end() if found else dash
            entry = self.item(dash, item, column, (*path, ""))
            self.lead(entries, entry, dash, column, old)
            entries.append(entry)
        entries[0].lead = lead + entries[0].lead
        return entries

    def entry(self, key: Span, value: Span, column: int, path: Path) -> _Entry:
        indent = " " * column
        head = indent + self.scalar(key)
        colon = _COLON.match(self.text, key.end)
        if colon is None or self.text[self.line_start(key.start) : key.start].strip(" -"):
            # A key behind a question mark, or one with an anchor.
            return self.verbatim(key.start, max(key.end, self.content_end(value)), column)
        return self.valued(head + ":", colon.end(), value, column, path, self.column(key.start))

    def item(self, dash: int, value: Span, column: int, path: Path) -> _Entry:
        at = dash + 1
        if not value.flow and not value.anchored and value.start <= self.line_end(at):
            entries, chain = self.block(value, column + STEP, path)
            first = entries[0]
            lead = [line[STEP:] for line in first.lead]
            mark = " " * column + "- "
            lines = [mark + first.lines[0][column + STEP :], *first.lines[1:]]
            for entry in entries[1:]:
                lines += entry.lead + entry.lines
            return _Entry(lead, lines, chain, entries[-1].end)
        return self.valued(" " * column + "-", at, value, column, path, self.column(dash))

    def valued(self, head: str, at: int, value: Span, column: int, path: Path, old: int) -> _Entry:
        """What follows a colon or a dash at `at`; `column` and `old` are where its line begins, new and old."""
        line = self.line_end(at)
        if value.sort == "scalar" and value.start == value.end:
            return _Entry([], [(head + self.remark(at, line)).rstrip()], [], at)
        if value.flow or value.start <= line:
            return self.inline(head, at, value, column, old)
        inner = column + STEP
        above = self.text[line + 1 : self.line_start(value.start)].split("\n")[:-1]
        entries, chain = self.block(value, inner, path, above)
        lines = [(head + self.remark(at, line)).rstrip()]
        for entry in entries:
            lines += entry.lead + entry.lines
        return _Entry([], lines, chain, entries[-1].end)

    def inline(self, head: str, at: int, value: Span, column: int, old: int) -> _Entry:
        """A value that begins on the line of its colon or dash, or can."""
        end = self.content_end(value)
        written = self.text[value.start : end]
        between = self.text[at : value.start]
        body = written if "\n" in written or value.anchored else self.flow(value)
        above: list[str] = []
        if "#" in between:
            first, *comments = between.split("\n")
            above = [(head + first).rstrip(), *(_comment(line, column + STEP) for line in comments[:-1])]
            head, old = " " * (column + STEP), self.column(value.start) - STEP
        else:
            head += " "
        rest = "" if written.endswith("\n") else self.text[end : self.line_end(end)].rstrip()
        first, *more = (head + body + rest).removesuffix("\n").split("\n")
        if value.style in ("|", ">") and not _INDICATOR.match(self.text, value.start):
            more = _indented(more, " " * (column + STEP))
        else:
            more = [_shifted(line, column - old) for line in more]
        return _Entry([], [*above, first if more else first.rstrip(), *more], [], end)

    def verbatim(self, start: int, end: int, column: int) -> _Entry:
        begin = self.line_start(start)
        lines = self.text[begin : self.line_end(end)].split("\n")
        moved = column - (len(lines[0]) - len(lines[0].lstrip(" -")))
        return _Entry([], [_shifted(line, moved) for line in lines], [], end)

    # Comments

    def lead(self, entries: list[_Entry], entry: _Entry, start: int, column: int, old: int) -> None:
        """The comments and empty lines between the entry before and this one go to where they belong."""
        if not entries:
            return
        first = self.next_line(entries[-1].end)
        gap = self.text[first : self.line_start(start)].split("\n")[:-1]
        rest = self.tail(entries[-1], gap, old)
        entry.lead = _single([_comment(line, column) for line in rest]) + entry.lead

    def tail(self, entry: _Entry, gap: list[str], old: int) -> list[str]:
        """Put what stands further in than `old` at the end of the open block in whose column it stands; the rest."""
        rest = list(gap)
        while True:
            at = next((at for at, line in enumerate(rest) if line.strip()), None)
            if at is None:
                return rest
            here = len(rest[at]) - len(rest[at].lstrip())
            into = [new for was, new in entry.chain if was <= here]
            if here <= old or not into:
                return rest
            entry.lines += ["" for _ in rest[: min(at, 1)]] + [_comment(rest[at], into[-1])]
            entry.chain = [pair for pair in entry.chain if pair[0] <= here]
            rest = rest[at + 1 :]

    def remark(self, at: int, line: int) -> str:
        return self.text[at:line].rstrip()

    # Values on one line

    def scalar(self, span: Span) -> str:
        text = self.text[span.start : self.content_end(span)]
        found = _QUOTED.fullmatch(text) if span.style == "'" and not span.anchored else None
        return f'"{found[1]}"' if found and found[1].isprintable() else text

    def flow(self, span: Span) -> str:
        """A value on one line; brackets with one space behind each comma and colon."""
        if span.sort in ("scalar", "alias"):
            return self.scalar(span)
        if span.marks or any(part.sort == "scalar" and part.start == part.end for part in span.parts):
            return self.text[span.start : span.end]
        if span.sort == "list":
            return f"[{', '.join(self.flow(part) for part in span.parts)}]"
        pairs = zip(span.parts[::2], span.parts[1::2], strict=True)
        return "{" + ", ".join(f"{self.scalar(key)}: {self.flow(value)}" for key, value in pairs) + "}"

    # Places

    def line_start(self, at: int) -> int:
        return self.text.rfind("\n", 0, at) + 1

    def line_end(self, at: int) -> int:
        found = self.text.find("\n", at)
        return found if found >= 0 else len(self.text)

    def next_line(self, end: int) -> int:
        """Where the line behind the one of an old end starts; a kept break belongs to the text before it."""
        if end and self.text[end - 1 : end] == "\n":
            return end
        return min(self.line_end(end) + 1, len(self.text))

    def column(self, at: int) -> int:
        return at - self.line_start(at)

    def content_end(self, span: Span) -> int:
        """The end of a value without the breaks behind it, which count only where a block text keeps them."""
        written = self.text[span.start : span.end]
        if span.style in ("|", ">") and "+" in written.split("\n", 1)[0].split("#")[0]:
            return span.end
        end = span.start + len(written.rstrip())
        if span.style in ("|", ">"):
            return min(self.line_end(end), span.end)  # spaces at the end of a line of such a text belong to it
        return end if span.style == "" else span.end


def _unquoted(name: str) -> str:
    return name[1:-1] if name[:1] in "\"'" and name[:1] == name[-1:] else name


def _comment(line: str, column: int) -> str:
    line = line.strip()
    return " " * column + line if line else ""


def _shifted(line: str, by: int) -> str:
    if by >= 0:
        return " " * by + line if line.strip() else line
    blank = len(line) - len(line.lstrip(" "))
    return line[min(-by, blank) :]


def _indented(lines: list[str], indent: str) -> list[str]:
    """The lines of a block text with this indentation in the place of the one that its first line shows."""
    first = next((line for line in lines if line.strip(" ")), "")
    old = len(first) - len(first.lstrip(" "))
    return [indent + line[old:] if line[old:] else "" for line in lines]


def _stripped(lead: list[str]) -> list[str]:
    while lead and not lead[0]:
        lead = lead[1:]
    return lead


def _single(lines: list[str]) -> list[str]:
    """Comments and empty lines with one empty line where several stood."""
    return [line for at, line in enumerate(lines) if line or at == 0 or lines[at - 1]]
