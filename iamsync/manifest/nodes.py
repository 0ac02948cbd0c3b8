"""What a YAML or JSON text says, each part knowing where it stands.

A node is a `Scalar`, a `Table` or a `Listing`. Nodes hold offsets into their `Source`; lines and columns are
worked out only when somebody asks for a `place`, which is when there is something to complain about.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from iamsync.errors import Place

Value: TypeAlias = "str | int | bool | None"

_LINE_BREAK = re.compile(r"\r\n?|\n")


class Source:
    """A file's name and text; turns offsets into places.

    A source with no text (an option of the command line, a default) has places without a line.
    """

    __slots__ = ("_starts", "file", "text")

    def __init__(self, file: str, text: str = "") -> None:
        self.file = file
        self.text = text
        self._starts: list[int] | None = None

    def place(self, start: int, end: int = 0) -> Place:
        """The place of the characters from `start` to `end`, cut at the end of its first line."""
        if not self.text:
            return Place(self.file)
        if self._starts is None:
            self._starts = [0, *(found.end() for found in _LINE_BREAK.finditer(self.text))]
        start = min(start, len(self.text))
        number = bisect_right(self._starts, start)
        begin = self._starts[number - 1]
        stop = self._starts[number] if number < len(self._starts) else len(self.text)
        line = self.text[begin:stop].rstrip("\r\n")
        written = self.text[start : min(end, begin + len(line))].rstrip()
        return Place(self.file, number, start - begin + 1, max(len(written), 1), line)


@dataclass(frozen=True, slots=True)
class Span:
    """Where one part of a YAML text is written; its meaning is a node's.

    `sort` is table, list, scalar or alias; `parts` are the items, or keys and values in turn. `anchored`: with an
    anchor or tag, which `start` counts in, or an alias; `marks`: something inside is. The end of a block text is that
    of the breaks behind it.
    """

    sort: str
    start: int
    end: int
    flow: bool
    style: str
    anchored: bool
    parts: tuple[Span, ...] = ()
    marks: bool = False


# The classes below are not frozen: a frozen dataclass takes four times as long to make, and a directory of
# 5,000 documents has half a million nodes. Nothing changes a node after it is made.


@dataclass(slots=True, eq=False)
class Scalar:
    """One value. `text` is what is written, without quotes and escapes; a quoted one is always text.

    Where a text is expected (account ids, policy versions, tag values) read `text`: `001234567012` and
    `2012-10-17` stand there as they were written.
    """

    value: Value
    text: str
    quoted: bool
    source: Source = field(repr=False)
    start: int = field(default=0, repr=False)
    end: int = field(default=0, repr=False)

    @property
    def place(self) -> Place:
        return self.source.place(self.start, self.end)

    def find(self, part: str) -> dict[int, int]:
        """Offsets of `part` in `text` -> offsets in the source; empty where escapes or folds hide the relation."""
        here = [found.start() for found in re.finditer(re.escape(part), self.text)]
        there = [found.start() for found in re.finditer(re.escape(part), self.source.text[self.start : self.end])]
        if len(here) != len(there):
            return {}
        return {offset: self.start + found for offset, found in zip(here, there, strict=True)}


@dataclass(slots=True, eq=False)
class Table:
    """A mapping: keys are scalars whose `value` is their text; no key stands twice."""

    entries: tuple[tuple[Scalar, Node], ...]
    source: Source = field(repr=False)
    start: int = field(default=0, repr=False)
    end: int = field(default=0, repr=False)

    @property
    def place(self) -> Place:
        if self.entries and self.entries[0][0].source is self.source and self.entries[0][0].start == self.start:
            return self.entries[0][0].place
        return self.source.place(self.start, self.end)

    def get(self, key: str) -> Node | None:
        """The value of a key, or None. It walks the entries: use `index` for many keys of a long table."""
        for name, node in self.entries:
            if name.text == key:
                return node
        return None

    def key_place(self, key: str) -> Place:
        """Where the key is written, or the table's own place."""
        for name, _ in self.entries:
            if name.text == key:
                return name.place
        return self.place

    def keys(self) -> tuple[str, ...]:
        return tuple(name.text for name, _ in self.entries)

    def index(self) -> dict[str, Node]:
        """The entries as a dict."""
        return {name.text: node for name, node in self.entries}

    def __contains__(self, key: str) -> bool:
        return any(name.text == key for name, _ in self.entries)

    def __iter__(self) -> Iterator[tuple[Scalar, Node]]:
        return iter(self.entries)


@dataclass(slots=True, eq=False)
class Listing:
    """A sequence."""

    items: tuple[Node, ...]
    source: Source = field(repr=False)
    start: int = field(default=0, repr=False)
    end: int = field(default=0, repr=False)

    @property
    def place(self) -> Place:
        return self.source.place(self.start, self.end)

    def __iter__(self) -> Iterator[Node]:
        return iter(self.items)


Node: TypeAlias = "Scalar | Table | Listing"
Path: TypeAlias = tuple[str | int, ...]


def plain(node: Node) -> Any:
    """The node as a dict, list, str, int, bool or None."""
    if isinstance(node, Scalar):
        return node.value
    if isinstance(node, Table):
        return {key.text: plain(value) for key, value in node.entries}
    return [plain(item) for item in node.items]


def place_in(node: Node, path: Path) -> Place:
    """Where the value of a path stands; where there is none, the nearest that holds it."""
    place = node.place
    for part in path:
        if isinstance(node, Table) and isinstance(part, str) and (held := node.get(part)) is not None:
            place, node = node.key_place(part), held
        elif isinstance(node, Listing) and isinstance(part, int) and part < len(node.items):
            node = node.items[part]
            place = node.place
        else:
            break
    return place


def made(value: Any, at: Node) -> Node:
    """A node for a value nobody wrote there (a default, a variable's value), standing where `at` stands."""
    if isinstance(value, dict):
        entries = tuple((_scalar(str(key), at), made(item, at)) for key, item in value.items())
        return Table(entries, at.source, at.start, at.end)
    if isinstance(value, (list, tuple)):
        return Listing(tuple(made(item, at) for item in value), at.source, at.start, at.end)
    return _scalar(value, at)


def _scalar(value: Value, at: Node) -> Scalar:
    if isinstance(value, str):
        return Scalar(value, value, True, at.source, at.start, at.end)
    text = "null" if value is None else str(value).lower()
    return Scalar(value, text, False, at.source, at.start, at.end)
