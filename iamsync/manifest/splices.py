"""Which characters put a value into a YAML or JSON text, over another, or take one out.

Every answer is a `Splice`: characters from `start` to `end` give way to a text. Indentation, dashes, brackets, quotes
and line breaks are those of the neighbours. It knows neither what is wanted nor why.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from iamsync.manifest import writer
from iamsync.manifest.layout import BREAK, Layout, count, items, value_at
from iamsync.manifest.nodes import Node, Scalar, Table

_COMMA: Final = re.compile(r"\s*,")
_WIDTH: Final = 80


@dataclass(frozen=True, slots=True, order=True)
class Splice:
    """Characters from `start` to `end` give way to `text`."""

    start: int
    end: int
    text: str


class Page(Layout):
    """One text, and the splices that change its values."""

    def spliced(self, splices: Iterable[Splice]) -> str:
        """The text with these splices made, but for those that meet an earlier one."""
        out: list[str] = []
        done = 0
        for splice in sorted(set(splices)):
            if splice.start < done or (out and splice.start == done and splice.start == splice.end):
                continue
            out += (self.text[done : splice.start], splice.text)
            done = splice.end
        return "".join((*out, self.text[done:]))

    # Values in place of others

    def replaced(self, parent: Node | None, position: int, value: Any, *, root: Node | None = None) -> Splice:
        """The value at a position of a table or list, or a whole document, written anew."""
        if parent is None:
            assert root is not None
            text = self._pretty(value, "") if self.json else writer.dump(value).rstrip("\n")
            return Splice(root.start, self.content_end(root), text.replace("\n", self.newline))
        key = parent.entries[position][0] if isinstance(parent, Table) else None
        node = value_at(parent, position)
        if (list_of := self._list_of(node, value)) is not None:
            return Splice(node.start, node.end, list_of)
        if self.in_brackets(parent):
            at = self._value_start(key, node)
            gap = "" if at < node.end or key is None or self.json else " "
            return Splice(at, max(at, self.content_end(node)), gap + self._inline(value, node, parent))
        if _is_scalar(value) and isinstance(node, Scalar) and self._on_one_line(node):
            return Splice(node.start, node.end, self._scalar(value, node))
        if key is None:
            raise self.wrong(node, "an item of a list is not rewritten in place")
        return self._below(key, node, value, self.step(parent))

    def _list_of(self, node: Node, value: Any) -> str | None:
        """A value as the first of a short list, as it is written; None where it does not become that."""
        if not isinstance(node, Scalar) or not self._on_one_line(node) or node.value is None:
            return None
        if not isinstance(value, list) or len(value) < 2 or not _flat(value) or value[0] != node.value:
            return None
        rest = [self._scalar(item, node, flow=True) for item in value[1:]]
        text = f"[{', '.join((self.text[node.start : node.end], *rest))}]"
        fits = len(value) <= writer.FLOW_ITEMS and self.column(node.start) + len(text) <= writer.WIDTH
        plain = self.json or self.text[node.start] in "\"'" or writer.flow(node.value) == node.text
        return text if plain and (self.json or fits) else None

    def _on_one_line(self, node: Scalar) -> bool:
        text = self.text[node.start : node.end]
        return bool(text) and "\n" not in text and "\r" not in text

    def _value_start(self, key: Scalar | None, node: Node) -> int:
        if key is not None and isinstance(node, Scalar) and node.value is None and not node.text:
            return self.after_colon(key)
        return node.start

    def _below(self, key: Scalar, node: Node, value: Any, step: str) -> Splice:
        """Whatever follows a key of a block, written anew."""
        indent = " " * self.column(key.start)
        first, *rest = writer.entry("k", value, indent, step)
        head = first[len(indent) + 2 :]
        colon = self.after_colon(key)
        line = self.line_end(colon)
        nothing = isinstance(node, Scalar) and node.value is None and not node.text
        end = colon if nothing else self.content_end(node)
        if not nothing and node.start < line and end <= line:  # on the line of its key
            remark = self.text[end:line]
        elif not nothing and node.start < line:  # begins there
            remark, line = "", end
        else:
            remark = self.text[colon:line].rstrip()
            if not nothing:
                rest += self._remarks(line, node)
                line = end
        return Splice(colon, max(line, colon), self.newline.join((head + remark, *rest)))

    def _remarks(self, start: int, node: Node) -> list[str]:
        """The comment lines between a key and the value below it."""
        return [text.rstrip() for text in BREAK.split(self.text[start : node.start]) if text.strip().startswith("#")]

    # Values among others

    def inserted(self, parent: Node, position: int, value: Any, key: str | None = None) -> Splice:
        """A new entry (or item) before the one at a position, or at the end."""
        if self.in_brackets(parent):
            return self._in_brackets(parent, position, value, key)
        if not count(parent):
            raise self.wrong(parent, "there is no place for it here")
        start = self.start_of(parent, 0)
        indent = " " * self.column(start)
        if position == 0 and (not self.starts_line(start) or self.line_before(self.line_start(start))[1][:1] == "#"):
            position = 1  # what stands above the first one stays with it
        step = self.step(parent)
        if key is not None:
            lines = writer.entry(key, value, indent, step)
        elif isinstance(value, str) and _is_scalar(value) and (mark := self._quotes(parent)):
            lines = [f"{indent}- {writer.quoted(value, mark)}"]
        else:
            lines = writer.item(value, indent, step)
        text = self.newline.join(lines)
        if position == 0:
            at = self.line_start(start)
            return Splice(at, at, text + self.newline)
        at = self.line_end(self.value_end(parent, position - 1))
        return Splice(at, at, self.newline + text)

    def _quotes(self, parent: Node) -> str:
        """The quotes that all the texts of a list stand in, if they do."""
        marks = {self.text[item.start : item.start + 1] for item in items(parent) if isinstance(item, Scalar)}
        return marks.pop() if len(marks) == 1 and marks <= {'"', "'"} else ""

    def _in_brackets(self, parent: Node, position: int, value: Any, key: str | None) -> Splice:
        spans = self.spans(parent)
        opening, closing = self.bracket(parent), parent.end - 1
        lined = bool(spans) and not self.text[opening + 1 : spans[0][0]].strip(" \t")[:1].strip()
        lined = lined and self.line_start(spans[0][0]) > opening
        if not spans and self.json and ("\n" in self.text or "\r" in self.text) and not _is_scalar(value):
            return self._opened(parent, opening, closing, value, key)
        indent = self.text[self.line_start(spans[0][0]) : spans[0][0]] if lined else ""
        piece = self._member(parent, value, key, indent if lined else None)
        if not spans:
            inside = self.text[opening + 1 : closing]
            return Splice(opening + 1, opening + 1 if inside.strip() else closing, piece)
        if not lined:
            if position < len(spans):
                return Splice(spans[position][0], spans[position][0], f"{piece}, ")
            return Splice(spans[-1][1], spans[-1][1], f", {piece}")
        new = self.newline + indent + piece
        if position == 0 and self.line_before(self.line_start(spans[0][0]))[1][:1] != "#":
            at = self.line_start(spans[0][0])
            return Splice(at, at, f"{indent}{piece},{self.newline}")
        position = max(position, 1)
        end = spans[position - 1][1]
        comma = _COMMA.match(self.text, end)
        if comma is not None:  # the one before is followed by a comma, and perhaps by a remark
            after = comma.end()
            line = self.line_end(after)
            if position < len(spans) and spans[position][0] < line:
                return Splice(spans[position][0], spans[position][0], f"{piece}, ")
            return Splice(min(line, closing), min(line, closing), f"{new},")
        line = min(self.line_end(end), closing)
        return Splice(end, line, f",{self.text[end:line].rstrip()}{new}")

    def _opened(self, parent: Node, opening: int, closing: int, value: Any, key: str | None) -> Splice:
        """The first member of an empty JSON collection whose text is laid out in lines."""
        base = re.match(r"[ \t]*", self.text[self.line_start(opening) :])
        outer = base[0] if base else ""
        indent = outer + self._json_step()
        piece = self._member(parent, value, key, indent)
        return Splice(opening + 1, closing, f"{self.newline}{indent}{piece}{self.newline}{outer}")

    def _member(self, parent: Node, value: Any, key: str | None, indent: str | None) -> str:
        """An entry or item between brackets; `indent` is that of its line where it has one of its own."""
        if self.json:
            text = self._pretty(value, indent) if indent is not None else self._json_line(value)
            return text if key is None else f"{json.dumps(key, ensure_ascii=False)}: {text}"
        if key is not None:
            return writer.flow({key: value})[1:-1]
        if isinstance(value, str) and (mark := self._quotes(parent)):
            return writer.quoted(value, mark)
        return writer.flow(value)

    # Values taken out

    def removed(self, parent: Node, position: int, *, whole: bool = False) -> Splice:
        """The entry or item at a position taken out; `whole`: with the comment lines right above it.

        Of a block it is never the last one left: what is empty is written in brackets, by `replaced`.
        """
        if self.in_brackets(parent):
            return self._out_of_brackets(parent, position)
        start, end = self.start_of(parent, position), self.value_end(parent, position)
        assert count(parent) > 1
        if not self.starts_line(start):  # on the line of an outer dash or key
            return Splice(start, self.start_of(parent, position + 1), "")
        first = self.line_start(start)
        while whole and first:
            begin, before = self.line_before(first)
            if not before.startswith("#") or self.text[begin : begin + self.column(start)].strip():
                break
            first = begin
        remark = self.text[end : self.line_end(end)].strip()
        last = self.next_line(end)
        if remark and not whole and self.line_start(end) == self.line_start(start):
            return Splice(start, self.line_end(end), remark)
        above = self.line_before(first)[1] if first else ""
        if whole and (not above or above.endswith(":")) and not self.text[last : self.line_end(last)].strip():
            last = self.next_line(last)  # one empty line between two is enough
        if last == len(self.text) and first and not self.text.endswith(("\n", "\r")):
            break_ = BREAK.search(self.text, self.line_end(self.line_start(first - 1)))
            first = break_.start() if break_ else first
        return Splice(first, last, "")

    def _out_of_brackets(self, parent: Node, position: int) -> Splice:
        spans = self.spans(parent)
        start, end = spans[position]
        opening, closing = self.bracket(parent), parent.end - 1
        if len(spans) == 1:
            inside = self.text[opening + 1 : start] + self.text[end:closing]
            if not inside.replace(",", "").strip():
                return Splice(opening + 1, closing, "")
            comma = _COMMA.match(self.text, end)
            return Splice(start, comma.end() if comma else end, "")
        if position < len(spans) - 1:
            following = spans[position + 1][0]
            between = self.text[end:following]
            if "#" not in between:
                if self.starts_line(start) and self.starts_line(following):
                    return Splice(self.line_start(start), self.line_start(following), "")
                return Splice(start, following, "")
            comma = _COMMA.match(self.text, end)
            after = comma.end() if comma else end
            while self.text[after : after + 1] in (" ", "\t"):
                after += 1
            return Splice(start, after, "")
        previous = spans[position - 1][1]
        between = self.text[previous:start]
        trailing = _COMMA.match(self.text, end)
        remark = self.text[trailing.end() if trailing else end : min(self.line_end(end), closing)].strip()
        if "#" not in between and not remark:
            return Splice(previous, end, "")
        kept = between if trailing else between.replace(",", "", 1)
        if not remark:
            kept = kept.rstrip()
        return Splice(previous, trailing.end() if trailing and remark else end, kept)

    # Values as text

    def _inline(self, value: Any, node: Node, parent: Node) -> str:
        if _is_scalar(value):
            return self._scalar(value, node if isinstance(node, Scalar) else None, flow=True)
        if self.json:
            line = re.match(r"[ \t]*", self.text[self.line_start(node.start) :])
            lined = "\n" in self.text or "\r" in self.text
            return self._pretty(value, line[0] if line else "") if lined else self._json_line(value)
        return writer.flow(value)

    def _scalar(self, value: Any, like: Scalar | None, *, flow: bool = False) -> str:
        if self.json:
            return json.dumps(value, ensure_ascii=False)
        mark = self.text[like.start : like.start + 1] if like is not None else ""
        if isinstance(value, str) and mark in ('"', "'"):
            return writer.quoted(value, mark)
        return writer.flow(value) if flow else writer.line(value)

    def _json_line(self, value: Any) -> str:
        return json.dumps(value, ensure_ascii=False)

    def _json_step(self) -> str:
        found = re.search(r"^([ \t]+)\S", self.text, re.MULTILINE)
        return found[1] if found else "  "

    def _pretty(self, value: Any, indent: str) -> str:
        """JSON in lines, short lists of scalars on one."""
        line = self._json_line(value)
        if _is_scalar(value) or not value or (_flat(value) and len(indent) + len(line) <= _WIDTH):
            return line
        inner = indent + self._json_step()
        if isinstance(value, dict):
            pairs = value.items()
            parts = [f"{json.dumps(key, ensure_ascii=False)}: {self._pretty(held, inner)}" for key, held in pairs]
            opening, closing = "{", "}"
        else:
            parts = [self._pretty(held, inner) for held in value]
            opening, closing = "[", "]"
        body = f",{self.newline}".join(inner + part for part in parts)
        return f"{opening}{self.newline}{body}{self.newline}{indent}{closing}"


def _is_scalar(value: Any) -> bool:
    return not isinstance(value, (dict, list, tuple)) and not (isinstance(value, str) and "\n" in value)


def _flat(value: Any) -> bool:
    return isinstance(value, (list, tuple)) and all(_is_scalar(held) for held in value)
