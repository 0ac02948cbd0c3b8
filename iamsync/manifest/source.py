"""YAML and JSON text -> nodes that know their places; the only module that imports yaml.

YAML is read as a subset of the YAML 1.2 core schema: `true`, `false`, `null` and decimal integers are what they
say, everything else is text, so that `2012-10-17`, `on` and `001234567012` stay as they were written. It knows
nothing of manifests.
"""

from __future__ import annotations

import re
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from iamsync.errors import InputError, Place, raise_all
from iamsync.manifest.jsontext import parse_json
from iamsync.manifest.nodes import Listing, Node, Scalar, Source, Span, Table, Value, made, plain
from iamsync.manifest.yamlwords import syntax_error
from iamsync.nearness import closest

__all__ = [
    "Listing",
    "Node",
    "Scalar",
    "Source",
    "Table",
    "Value",
    "made",
    "parse",
    "parse_json",
    "plain",
    "read",
    "spans",
]

MAX_BYTES = 5_000_000
MAX_DEPTH = 100
MAX_ALIASED = 100_000
MAX_ERRORS = 100

# libyaml is fifteen times as fast; both are held to the same nodes, places and messages by the tests.
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_WORDS: dict[str, Value] = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True,
    "false": False, "False": False, "FALSE": False,
}  # fmt: skip
# Python refuses to read numbers of more than 4,300 digits; such a one stays text.
_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,3999})")
_NUMBER_STARTS = frozenset("+-0123456789")

# What neither parser reads, and the line breaks of YAML 1.1 alone (U+0085, U+2028, U+2029), which would be folded.
_UNREADABLE = re.compile(r"[^\t\n\r\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_TAG_DIRECTIVE = re.compile(r"^%TAG\b", re.MULTILINE)
_WORD = re.compile(r"[^\s,\[\]{}]+")
_BRACES = re.compile(r"\{\{[^\r\n]*?\}\}")

_STR_TAGS = ("tag:yaml.org,2002:str", "!!str")


def read(path: Path, file: str) -> tuple[Node, ...]:
    """The documents of a file; `file` is its name in messages. `.json` is read as JSON.

    Raises InputError(s): also where the file is missing, unreadable, not UTF-8 or over 5 MB.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            hint = "give a file or a folder of files"
            raise InputError(f'"{file}" is not a file', code="unreadable-file", place=Place(file), hint=hint)
        with path.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = (error.strerror if isinstance(error, OSError) else "") or str(error)
        hint = "check where it leads and who may read it, or take it away"
        if isinstance(error, FileNotFoundError) and not path.is_symlink() and path.parent.is_dir():
            near = closest(path.name, (entry.name for entry in path.parent.iterdir()))
            hint = f'did you mean "{near}"?' if near else hint
        message = f"this file cannot be read: {reason}"
        raise InputError(message, code="unreadable-file", place=Place(file), hint=hint) from None
    if len(data) > MAX_BYTES:
        raise InputError(
            "this file is over 5 MB", code="too-large", place=Place(file), hint="split it into several files"
        )
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        before = len(data[: error.start].decode("utf-8"))
        raise InputError(
            f"this is not UTF-8 text: byte 0x{data[error.start]:02x}",
            code="not-utf8",
            place=Source(file, data.decode("utf-8", "replace")).place(before),
            hint="save the file as UTF-8",
        ) from None
    return documents_of(text, file)


def documents_of(text: str, file: str) -> tuple[Node, ...]:
    """The documents of a text, which is JSON where its file's name ends so; InputError(s) as `parse`."""
    return (parse_json(text, file),) if file.lower().endswith(".json") else parse(text, file)


def parse(text: str, file: str) -> tuple[Node, ...]:
    """The documents of a YAML text; empty ones are left out.

    Raises InputError, or InputErrors where several things are wrong.
    """
    source = Source(file, text)
    _check_characters(source)
    errors: list[InputError] = []
    builder = _Builder(source, errors)
    documents: tuple[Node, ...] = ()
    loader = _LOADER(text)
    builder.next = loader.get_event
    try:
        documents = builder.documents()
    except yaml.MarkedYAMLError as error:
        wrong = syntax_error(error, source, builder.brackets)
        # What confuses the parser has often been told already, in better words.
        if not any(known.place and wrong.place and known.place.line == wrong.place.line for known in errors):
            errors.append(wrong)
    except (yaml.YAMLError, ValueError, OverflowError):
        # The parser in Python reads "\UFFFFFFFF" without a look at the limit of Unicode.
        at = loader.get_mark().index
        errors.append(InputError("this escape names no character", code="yaml-syntax", place=source.place(at)))
    except InputError as error:
        errors.append(error)
    finally:
        loader.dispose()
    raise_all(errors)
    return documents


def spans(text: str) -> tuple[Span, ...]:
    """Where each part of each document of a YAML text is written, aliases and empty documents too.

    The text must be one that `parse` takes.
    """
    loader = _LOADER(text)
    roots: list[Span] = []
    open_spans: list[tuple[Span, list[Span]]] = []
    try:
        while not isinstance(event := loader.get_event(), yaml.StreamEndEvent):
            start, end = event.start_mark.index, event.end_mark.index
            if isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent)):
                begun, inside = open_spans.pop()
                last = end if begun.flow else max([begun.end, *(span.end for span in inside)])
                marks = any(part.anchored or part.marks for part in inside)
                span = Span(begun.sort, begun.start, last, begun.flow, "", begun.anchored, tuple(inside), marks)
            elif isinstance(event, (yaml.MappingStartEvent, yaml.SequenceStartEvent)):
                sort = "table" if isinstance(event, yaml.MappingStartEvent) else "list"
                marked = event.anchor is not None or event.tag is not None
                open_spans.append((Span(sort, start, end, bool(event.flow_style), "", marked), []))
                continue
            elif isinstance(event, yaml.AliasEvent):
                span = Span("alias", start, end, True, "", True)
            elif isinstance(event, yaml.ScalarEvent):
                marked = event.anchor is not None or event.tag is not None
                span = Span("scalar", start, end, True, event.style or "", marked)
            else:
                continue
            (open_spans[-1][1] if open_spans else roots).append(span)
    finally:
        loader.dispose()
    return tuple(roots)


def _check_characters(source: Source) -> None:
    found = _UNREADABLE.search(source.text)
    if found:
        code, at = ord(found[0]), found.start()
        if code == 0xFEFF and at == 0:
            raise InputError(
                "this file starts with a byte order mark",
                code="byte-order-mark",
                place=source.place(0),
                hint='save the file as UTF-8 "without BOM"',
            )
        escape = f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"
        raise InputError(
            f"a character that YAML does not allow: U+{code:04X}",
            code="control-character",
            place=source.place(at),
            hint="remove it" if 0xD800 <= code < 0xE000 else f'remove it, or write it as "{escape}" in double quotes',
        )
    # Without this, a file of such lines keeps libyaml busy for minutes: it compares each with all before it.
    found = _TAG_DIRECTIVE.search(source.text)
    if found:
        raise InputError(
            "%TAG is not supported: there are no tags",
            code="unknown-tag",
            place=source.place(found.start(), found.end()),
            hint="remove the line",
        )


class _Builder:
    """Builds nodes from the parser's events; notes what is wrong and goes on where it can."""

    def __init__(self, source: Source, errors: list[InputError]) -> None:
        self.source = source
        self.errors = errors
        self.next: Callable[[], Any]
        self.anchors: dict[str, tuple[Node, int] | None] = {}
        self.brackets: list[int] = []  # where the brackets that are open now were opened
        self.count = 0  # nodes so far, those behind aliases included
        self.aliased = 0  # of those, the ones behind aliases
        self.last = 0  # where the last node ended

    def documents(self) -> tuple[Node, ...]:
        documents = []
        while not isinstance(event := self.next(), yaml.StreamEndEvent):
            if isinstance(event, yaml.DocumentStartEvent):
                self.anchors = {}
                root = self.node(self.next(), 1)
                if not isinstance(root, Scalar) or root.text or root.quoted:
                    documents.append(root)
        return tuple(documents)

    def node(self, event: Any, depth: int) -> Node:
        kind = type(event)
        if kind is yaml.ScalarEvent:
            return self.scalar(event)
        if kind is yaml.AliasEvent:
            return self.alias(event)
        start = event.start_mark.index
        if depth > MAX_DEPTH:
            raise InputError(
                f"nested deeper than {MAX_DEPTH} levels", code="too-deep", place=self.source.place(start, start + 1)
            )
        if event.tag is not None:
            self.unknown_tag(event)
        before = self.count
        self.count += 1
        if event.anchor is not None:
            self.anchors[event.anchor] = None
        if event.flow_style:
            self.brackets.append(start)
        node: Table | Listing
        if kind is yaml.MappingStartEvent:
            entries, end_event = self.entries(event, depth)
            node = Table(entries, self.source, start)
        else:
            items = []
            while type(end_event := self.next()) is not yaml.SequenceEndEvent:
                items.append(self.node(end_event, depth + 1))
            node = Listing(tuple(items), self.source, start)
        if event.flow_style:
            self.brackets.pop()
            self.last = end_event.end_mark.index
        node.end = self.last
        if event.anchor is not None:
            self.anchors[event.anchor] = (node, self.count - before)
        return node

    def entries(self, event: Any, depth: int) -> tuple[tuple[tuple[Scalar, Node], ...], Any]:
        entries = []
        seen: dict[str, Scalar] = {}
        while type(key_event := self.next()) is not yaml.MappingEndEvent:
            key = self.key(key_event, event, depth)
            value = self.node(self.next(), depth + 1)
            if key is None:
                continue
            first = seen.setdefault(key.text, key)
            if first is key:
                entries.append((key, value))
                continue
            self.wrong(
                f'the key "{key.text}" stands here twice; the first one is on line {first.place.line}',
                "duplicate-key",
                key.place,
                "remove or rename one of the two",
            )
        return tuple(entries), key_event

    def key(self, event: Any, table: Any, depth: int) -> Scalar | None:
        """A key as text; None where it can be none, which is noted."""
        start = event.start_mark.index
        node = self.node(event, depth + 1)
        if not isinstance(node, Scalar):
            braces = _BRACES.match(self.source.text, start - 1)
            if table.flow_style and braces and isinstance(node, Table):
                self.wrong(
                    '"{{" opens two YAML tables here; it is not text',
                    "unquoted-braces",
                    self.source.place(start - 1, braces.end()),
                    f'quote the value: "{braces[0]}"; iamsync\'s own variables are written $(NAME)',
                )
            else:
                self.wrong(
                    "a key must be a text, not a list or a table", "key-not-text", self.source.place(start, self.last)
                )
            return None
        if not node.quoted and node.text in ("", "<<"):
            if node.text:
                self.wrong(
                    'merge keys ("<<") are not supported',
                    "merge-key",
                    node.place,
                    'put what is shared under templates: and say "use: NAME"',
                )
            else:
                self.wrong('a key is missing before this ":"', "key-not-text", node.place, 'quote an empty key: ""')
            return None
        if isinstance(event, yaml.AliasEvent):
            return Scalar(node.text, node.text, node.quoted, self.source, start, self.last)
        if node.value is not node.text:
            return Scalar(node.text, node.text, node.quoted, self.source, node.start, node.end)
        return node

    def scalar(self, event: Any) -> Scalar:
        self.count += 1
        text: str = event.value
        start, end = event.start_mark.index, event.end_mark.index
        self.last = end
        quoted = bool(event.style)
        if event.style == '"' and not text.isascii() and _SURROGATE.search(text):
            # Only the parser in Python lets these through.
            self.wrong("half of a surrogate pair, which is no character", "yaml-syntax", self.source.place(start, end))
        if event.tag is not None:
            if event.tag in _STR_TAGS:
                quoted = True
            else:
                self.unknown_tag(event)
        value: Value = text
        if not quoted:
            if text in _WORDS:
                value = _WORDS[text]
                if not text and start == end:
                    # libyaml places a missing value at what follows it, the other parser after its ":".
                    while start and self.source.text[start - 1] in " \t\r\n":
                        start -= 1
                    end = start
            elif text[0] in _NUMBER_STARTS and _INTEGER.fullmatch(text):
                value = int(text)
        node = Scalar(value, text, quoted, self.source, start, end)
        if event.anchor is not None:
            self.anchors[event.anchor] = (node, 1)
        return node

    def alias(self, event: Any) -> Node:
        start, end = event.start_mark.index, event.end_mark.index
        self.last = end
        name: str = event.anchor
        if name in self.anchors:
            known = self.anchors[name]
            if known is not None:
                node, size = known
                self.count += size
                self.aliased += size
                if self.aliased > MAX_ALIASED:
                    raise InputError(
                        f"the aliases of this file stand for more than {MAX_ALIASED:,} values",
                        code="alias-bomb",
                        place=self.source.place(start, end),
                        hint="write the values out, or use templates:",
                    )
                return node
            self.wrong(
                f'the alias "*{name}" stands inside the value that it names',
                "recursive-alias",
                self.source.place(start, end),
                "write out what is meant",
            )
        else:
            word = _WORD.match(self.source.text, start)
            written = word[0] if word else f"*{name}"
            self.wrong(
                f'"*{name}" is an alias, but no anchor "&{name}" stands before it in this document',
                "undefined-alias",
                self.source.place(start, end),
                f'if it is meant as text, quote it: "{written}"',
            )
        return Scalar(f"*{name}", f"*{name}", True, self.source, start, end)

    def unknown_tag(self, event: Any) -> None:
        start = event.start_mark.index
        at = self.source.text.find("!", start, max(event.end_mark.index, start + 1000))
        word = _WORD.match(self.source.text, at)
        written = word[0] if word else "!"
        self.wrong(
            f'the tag "{written}" is not supported',
            "unknown-tag",
            self.source.place(at, at + len(written)),
            "remove it; if it is meant as text, put the whole value in quotes",
        )

    def wrong(self, message: str, code: str, place: Place, hint: str = "") -> None:
        self.errors.append(InputError(message, code=code, place=place, hint=hint))
        if len(self.errors) >= MAX_ERRORS:
            raise self.errors.pop()
