"""Where in a YAML or JSON text a value begins and ends: its lines, its brackets or dash, its anchor and its colon."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from iamsync.errors import InputError
from iamsync.manifest.nodes import Listing, Node, Scalar, Table

_COLON: Final = re.compile(r"[ \t]*:")
_ALIAS: Final = re.compile(r"[ \t]*\*([^\s,\[\]{}]+)")
_ANCHOR: Final = re.compile(r"&([^\s,\[\]{}]+)")
BREAK: Final = re.compile(r"\r\n?|\n")


class Layout:
    """One text, and where in it its values stand."""

    def __init__(self, text: str, file: str, documents: tuple[Node, ...] = ()) -> None:
        self.text = text
        self.documents = documents
        self.json = file.lower().endswith(".json")
        found = BREAK.search(text)
        self.newline = found[0] if found else "\n"

    def wrong(self, node: Node, message: str, code: str = "not-editable", hint: str = "") -> InputError:
        """What is in the way, at its place."""
        return InputError(message, code=code, place=node.place, hint=hint or "make the change by hand")

    # Anchors

    def alias(self, node: Node, parent: Node | None) -> str:
        """The anchor that a value stands for from elsewhere, or nothing."""
        if parent is None or parent.start <= node.start <= node.end <= max(parent.end, node.start):
            return ""
        found = _ANCHOR.match(self.text, node.start)
        return found[1] if found else "?"

    def anchor(self, node: Node) -> str:
        """The anchor at a value that others stand for, or nothing."""
        found = _ANCHOR.match(self.text, node.start)
        return found[1] if found and f"*{found[1]}" in self.text else ""

    # Lines

    def line_start(self, at: int) -> int:
        return max(self.text.rfind("\n", 0, at), self.text.rfind("\r", 0, at)) + 1

    def line_end(self, at: int) -> int:
        found = BREAK.search(self.text, at)
        return found.start() if found else len(self.text)

    def next_line(self, at: int) -> int:
        found = BREAK.search(self.text, at)
        return found.end() if found else len(self.text)

    def column(self, at: int) -> int:
        return at - self.line_start(at)

    def starts_line(self, at: int) -> bool:
        return not self.text[self.line_start(at) : at].strip()

    def line_before(self, start: int) -> tuple[int, str]:
        """Where the line before the one that starts here starts, and its text without break."""
        begin = self.line_start(start - 1) if start else 0
        return begin, self.text[begin:start].strip()

    def content_end(self, node: Node) -> int:
        """Where the last character of a value stands; block texts count the breaks behind them too."""
        return max(node.start, len(self.text[: node.end].rstrip()))

    def in_brackets(self, node: Node) -> bool:
        """Whether what is in a table or list stands between brackets."""
        return self.json or self.text[self.bracket(node) : self.bracket(node) + 1] in ("[", "{")

    def bracket(self, node: Node) -> int:
        """Where a value begins behind its anchor: the bracket, or the first key or dash."""
        found = _ANCHOR.match(self.text, node.start)
        at = found.end() if found else node.start
        while at < node.end and self.text[at] in " \t\r\n":
            at += 1
        return at

    def after_colon(self, key: Scalar) -> int:
        """The place right after the colon of a key."""
        found = _COLON.match(self.text, key.end)
        if found is None:
            raise self.wrong(key, f'the value of "{key.text}" is written in a form that is not edited')
        return found.end()

    def value_end(self, parent: Node, position: int) -> int:
        """Where an entry or item ends."""
        node = value_at(parent, position)
        key_end = parent.entries[position][0].end if isinstance(parent, Table) else parent.start
        if isinstance(parent, Table) and (colon := _COLON.match(self.text, key_end)):
            key_end = colon.end()
        if self.alias(node, parent):
            if not isinstance(parent, Table):
                raise self.wrong(parent, "a list with aliases is not edited", "shared-value")
            found = _ALIAS.match(self.text, key_end)
            return found.end() if found else key_end
        if isinstance(node, Scalar) and node.value is None and not node.text:
            return key_end if isinstance(parent, Table) else max(self.content_end(node), node.start)
        return max(key_end, self.content_end(node))

    def start_of(self, parent: Node, position: int) -> int:
        """Where an entry begins: its key, or the dash or first character of an item."""
        if isinstance(parent, Table):
            return parent.entries[position][0].start
        node = items(parent)[position]
        if self.in_brackets(parent):
            return node.start
        if position == 0:
            return self.bracket(parent)
        column = self.column(self.bracket(parent))
        at = self.next_line(self.value_end(parent, position - 1))
        while at < len(self.text):
            if self.text[at + column : at + column + 1] == "-" and not self.text[at : at + column].strip():
                return at + column
            at = self.next_line(at)
        raise self.wrong(node, "this item is written in a form that is not edited")

    def step(self, parent: Node) -> str:
        """How far in the values below this table stand, as their neighbours do."""
        if not (here := self._step_at(parent)):
            here = next(filter(None, map(self._step_at, _tables((parent, *self.documents)))), 2)
        return " " * here

    def _step_at(self, node: Node) -> int:
        for key, value in node.entries if isinstance(node, Table) else ():
            if isinstance(value, Table) and value.entries and value.start > self.line_end(key.end):
                return max(self.column(value.start) - self.column(key.start), 0)
        return 0

    def spans(self, parent: Node) -> list[tuple[int, int]]:
        """Where each entry or item begins and ends."""
        return [(self.start_of(parent, at), self.value_end(parent, at)) for at in range(count(parent))]


def items(node: Node) -> Sequence[Node]:
    """The items of what is a list."""
    assert isinstance(node, Listing)
    return node.items


def value_at(parent: Node, position: int) -> Node:
    """The value of an entry of a table, or an item of a list."""
    return parent.entries[position][1] if isinstance(parent, Table) else items(parent)[position]


def count(parent: Node) -> int:
    """How many entries or items there are."""
    return len(parent.entries) if isinstance(parent, Table) else len(items(parent))


def _tables(nodes: Iterable[Node]) -> Iterator[Node]:
    """The tables among and below these nodes, the nearest first."""
    level = list(nodes)
    yield from (node for node in level if isinstance(node, Table))
    while level:
        below: list[Node] = []
        for held in level:
            if isinstance(held, Table):
                below += [value for _, value in held.entries]
            elif isinstance(held, Listing):
                below += held.items
        yield from (held for held in below if isinstance(held, Table))
        level = below
