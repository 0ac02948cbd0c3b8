"""Strict JSON text -> nodes that know their places."""

from __future__ import annotations

import json
import re

from iamsync.errors import InputError, raise_all
from iamsync.manifest.nodes import Listing, Node, Scalar, Source, Table, Value

MAX_DEPTH = 100
MAX_ERRORS = 100

_SPACE = re.compile(r"[ \t\n\r]*")
# Possessive, so that a text that never ends is given up in one pass.
_STRING = re.compile(r'"[^"\\\x00-\x1f]*+(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})[^"\\\x00-\x1f]*+)*+')
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?(?![0-9A-Za-z_.])")
_SURROGATE = re.compile("[\ud800-\udfff]")
_WORD = re.compile(r"[\w.+-]+")
_WORDS: dict[str, Value] = {"true": True, "false": False, "null": None}
_HINTS = {
    "'": "JSON texts stand in double quotes",
    "/": "JSON has no comments; the same document may be written as YAML",
    "#": "JSON has no comments; the same document may be written as YAML",
}


def parse_json(text: str, file: str) -> Node:
    """The value of a JSON text. Numbers that are not integers stay text, as in YAML.

    Raises InputError, or InputErrors where several keys stand twice.
    """
    source = Source(file, text)
    found = _SURROGATE.search(text)
    if found:
        raise _wrong(source, "half of a surrogate pair, which is no character", found.start(), hint="remove it")
    if text.startswith("\ufeff"):
        raise _wrong(
            source, "this file starts with a byte order mark", 0, code="byte-order-mark", hint="save it without BOM"
        )
    reader = _Reader(source)
    node = reader.node(1)
    at = reader.skip()
    if at < len(text):
        raise _wrong(source, "more text after the end of the JSON value", at, hint="a file holds one value")
    raise_all(reader.errors)
    return node


def _wrong(
    source: Source, message: str, at: int, end: int = 0, code: str = "json-syntax", hint: str = ""
) -> InputError:
    return InputError(message, code=code, place=source.place(at, end), hint=hint)


class _Reader:
    """Reads one value after another from where it stands."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.text = source.text
        self.at = 0
        self.errors: list[InputError] = []

    def skip(self) -> int:
        found = _SPACE.match(self.text, self.at)
        self.at = found.end() if found else self.at
        return self.at

    def node(self, depth: int, opened: int | None = None) -> Node:
        at = self.skip()
        char = self.text[at : at + 1]
        if char == '"':
            return self.string()
        if char in ("{", "["):
            if depth > MAX_DEPTH:
                raise _wrong(self.source, f"nested deeper than {MAX_DEPTH} levels", at, code="too-deep")
            return self.table(depth) if char == "{" else self.listing(depth)
        found = _NUMBER.match(self.text, at)
        if found:
            self.at = found.end()
            whole = found[1] is None and found[2] is None and len(found[0]) < 4000
            return Scalar(int(found[0]) if whole else found[0], found[0], False, self.source, at, self.at)
        word = _WORD.match(self.text, at)
        if word and word[0] in _WORDS:
            self.at = word.end()
            return Scalar(_WORDS[word[0]], word[0], False, self.source, at, self.at)
        if not char:
            raise self.ended(opened)
        end = word.end() if word else at + 1
        hint = _HINTS.get(char, "texts stand in double quotes; the others are a number, true, false, null, [ and {")
        raise _wrong(self.source, "a JSON value must stand here", at, end, hint=hint)

    def ended(self, opened: int | None) -> InputError:
        if opened is None:
            return _wrong(self.source, "there is no JSON value here", 0)
        return _wrong(self.source, f'this "{self.text[opened]}" is never closed', opened, code="unclosed-bracket")

    def string(self) -> Scalar:
        start = self.at
        found = _STRING.match(self.text, start)
        end = found.end() if found else start
        stopped = self.text[end : end + 1]
        if stopped == "\\":
            raise _wrong(
                self.source,
                f'"{self.text[end : end + 2]}" is no escape of JSON',
                end,
                end + 2,
                hint="write the backslash twice",
            )
        if stopped in ("", "\n", "\r"):
            raise _wrong(
                self.source, 'this " is never closed', start, code="unclosed-quote", hint="a line break is written \\n"
            )
        if stopped != '"':
            raise _wrong(
                self.source,
                f"a control character in a text: U+{ord(stopped):04X}",
                end,
                code="control-character",
                hint=f"write \\u{ord(stopped):04x}",
            )
        self.at = end + 1
        text = self.text[start + 1 : end]
        if "\\" in text:
            text = json.loads(self.text[start : self.at])
            if _SURROGATE.search(text):
                raise _wrong(self.source, "half of a surrogate pair, which is no character", start, self.at)
        return Scalar(text, text, True, self.source, start, self.at)

    def table(self, depth: int) -> Table:
        start = self.at
        self.at += 1
        entries: list[tuple[Scalar, Node]] = []
        seen: dict[str, Scalar] = {}
        while not self.closes("}", start, bool(entries or seen)):
            at = self.skip()
            if self.text[at : at + 1] != '"':
                raise _wrong(self.source, "a key in double quotes must stand here", at, hint='{"KEY": VALUE}')
            key = self.string()
            if self.text[self.skip() : self.at + 1] != ":":
                if self.at >= len(self.text):
                    raise self.ended(start)
                raise _wrong(self.source, 'a ":" is missing after the key', self.at)
            self.at += 1
            value = self.node(depth + 1, start)
            first = seen.setdefault(key.text, key)
            if first is key:
                entries.append((key, value))
                continue
            self.errors.append(
                _wrong(
                    self.source,
                    f'the key "{key.text}" stands here twice; the first one is on line {first.place.line}',
                    key.start,
                    key.end,
                    "duplicate-key",
                    "remove or rename one of the two",
                )
            )
            if len(self.errors) >= MAX_ERRORS:
                raise_all(self.errors, stopped=True)
        return Table(tuple(entries), self.source, start, self.at)

    def listing(self, depth: int) -> Listing:
        start = self.at
        self.at += 1
        items: list[Node] = []
        while not self.closes("]", start, bool(items)):
            items.append(self.node(depth + 1, start))
        return Listing(tuple(items), self.source, start, self.at)

    def closes(self, closer: str, start: int, some: bool) -> bool:
        """Step over the closing bracket, or over the comma where there is `some` before it."""
        at = self.skip()
        char = self.text[at : at + 1]
        if char == closer:
            self.at += 1
            return True
        if not char:
            raise self.ended(start)
        if some:
            if char != ",":
                raise _wrong(self.source, f'a "," or "{closer}" is missing here', at)
            self.at += 1
            if self.text[self.skip() : self.at + 1] == closer:
                raise _wrong(self.source, f'a "," cannot stand before "{closer}"', at, hint="remove it")
        return False
