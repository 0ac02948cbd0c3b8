"""Values -> canonical YAML text, quoted so that every reader of YAML 1.1 and 1.2 reads back the same values.

It knows nothing of manifests; it writes what it is given in the order it is given.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

WIDTH = 100
FLOW_ITEMS = 4
STEP = "  "
# Both parsers give up looking for the ":" of a plain "KEY: VALUE" after 1,024 characters.
LONGEST_KEY = 1000

_PLAIN = re.compile(r"[A-Za-z_/$(\u00a1-\U0010ffff0-9][^\x00-\x1f\x7f]*")
_BREAKS_PLAIN = re.compile(r": | #|:$| $")
_NOT_IN_FLOW = re.compile(r"[,\[\]{}:#?&*!]")
_READ_AS_ELSE = re.compile(
    r"y|n|yes|no|on|off|true|false|null"  # YAML 1.1 and 1.2 words, in any case
    r"|[0-9][0-9_.,:eExXoObB+-]*"  # integers, floats, octal, binary, sexagesimal, account ids, dates
    r"|0[xX][0-9a-fA-F_]+"
    r"|[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:[Tt\s].*)?",  # times
    re.IGNORECASE,
)
_DASH = object()  # stands for the key of a listing's item
_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r", "\0": "\\0"}
_COMMENT_BREAK = re.compile(r"\r\n?|[\n\x85\u2028\u2029]")


@dataclass(frozen=True, slots=True)
class Commented:
    """A value with comment lines to stand before it."""

    value: Any
    comment: str


def dump(value: Any, *, header: str = "", spaced: bool = False) -> str:
    """The YAML text of nested dict, list, str, int, bool, None and Commented; ends with a line break.

    `header` is a comment at the top (its lines get their "#" here); `spaced` puts an empty line between the entries
    of the first two levels, but not between two of one line each. Raises TypeError for other values and for keys
    that are not str, ValueError for text that is not Unicode (half surrogate pairs).
    """
    lines = list(_comment(header, ""))
    value, comment = _bare(value)
    lines += _comment(comment, "")
    lines += _block(value, "", 2 if spaced else 0) if _is_block(value, 0) else _inline_lines("", value, "  ")
    return "\n".join(lines) + "\n"


def _bare(value: Any) -> tuple[Any, str]:
    comments = []
    while isinstance(value, Commented):
        if value.comment:
            comments.append(value.comment)
        value = value.value
    return value, "\n".join(comments)


def _comment(text: str, indent: str) -> Iterator[str]:
    if not text:
        return
    for line in _COMMENT_BREAK.split(text.rstrip("\n")):
        line = "".join(char if char.isprintable() else "\ufffd" for char in line.rstrip())
        yield indent + (line if line.startswith("#") else f"# {line}".rstrip())


def _is_block(value: Any, used: int) -> bool:
    """Whether a value takes lines of its own; `used` are the columns taken before it."""
    if isinstance(value, dict):
        return bool(value) and _flow_table(value, used) is None
    if isinstance(value, (list, tuple)):
        return bool(value) and _flow_list(value, used) is None
    return False


def entry(key: str, value: Any, indent: str = "", step: str = STEP) -> list[str]:
    """The lines of one entry of a table whose keys stand behind `indent`; what is below it is `step` further in."""
    return _entry(key, value, indent, 0, step)


def item(value: Any, indent: str = "", step: str = STEP) -> list[str]:
    """The lines of one item of a listing, dash included."""
    return _entry(_DASH, value, indent, 0, step)


def flow(value: Any) -> str:
    """The value on one line, in brackets where it has parts."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_text(key, flow=True)}: {flow(held)}" for key, held in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(flow(held) for held in value)}]"
    return _scalar(value, flow=True)


def line(value: Any) -> str:
    """A text, number, truth or null as it stands on a line of its own."""
    return _scalar(value)


def quoted(text: str, mark: str) -> str:
    """A text in the quotes of this mark, or in others where these cannot hold it."""
    if mark == "'" and text.isprintable():
        return "'" + text.replace("'", "''") + "'"
    return '"' + "".join(_escaped(char) for char in text) + '"'


def _block(value: Any, indent: str, spaced: int = 0, step: str = STEP) -> list[str]:
    """The lines of a table or listing that is not empty."""
    lines: list[str] = []
    previous = 1
    for entry in value.items() if isinstance(value, dict) else ((_DASH, item) for item in value):
        key, (item, comment) = entry[0], _bare(entry[1])
        block = [*_comment(comment, indent), *_entry(key, item, indent, spaced, step)]
        if spaced and lines and (len(block) > 1 or previous > 1):
            lines.append("")
        previous = len(block)
        lines += block
    return lines


def _entry(key: Any, item: Any, indent: str, spaced: int, step: str = STEP) -> list[str]:
    inner = indent + STEP
    if key is _DASH:
        if not _is_block(item, len(inner)):
            return _inline_lines(f"{indent}- ", item, inner)
        return _compact(f"{indent}- ", item, inner, step)
    name = _key(key)
    if len(name) > LONGEST_KEY:
        if not _is_block(item, len(inner)):
            return [f"{indent}? {name}", *_inline_lines(f"{indent}: ", item, inner)]
        return [f"{indent}? {name}", *_compact(f"{indent}: ", item, inner, step)]
    inner = indent + step
    if not _is_block(item, len(indent) + len(name) + 2):
        return _inline_lines(f"{indent}{name}: ", item, inner)
    return [f"{indent}{name}:", *_block(item, inner, max(spaced - 1, 0), step)]


def _compact(start: str, item: Any, inner: str, step: str) -> list[str]:
    """A block that begins on the line of its dash; below it, where a comment comes first."""
    lines = _block(item, inner, 0, step)
    if lines[0].lstrip().startswith("#"):
        return [start.rstrip(), *lines]
    return [start + lines[0][len(inner) :], *lines[1:]]


def _inline_lines(start: str, value: Any, inner: str) -> list[str]:
    if isinstance(value, str) and "\n" in value and _fits_literal(value):
        body = value.split("\n")
        sign = "|-"
        if not body[-1]:
            sign = "|"
            body.pop()
        return [start + sign, *(inner + line if line else "" for line in body)]
    return [start + _inline(value, len(start))]


def _inline(value: Any, used: int) -> str:
    if isinstance(value, dict):
        return (_flow_table(value, used) or "{}") if value else "{}"
    if isinstance(value, (list, tuple)):
        return (_flow_list(value, used) or "[]") if value else "[]"
    return _scalar(value)


def _flow_list(value: Any, used: int) -> str | None:
    """A short listing of short scalars on one line, or None."""
    if len(value) > FLOW_ITEMS:
        return None
    parts = []
    for item in value:
        if isinstance(item, (Commented, dict, list, tuple)) or (isinstance(item, str) and "\n" in item):
            return None
        parts.append(_scalar(item, flow=True))
    text = f"[{', '.join(parts)}]"
    return text if used + len(text) <= WIDTH else None


def _flow_table(value: dict[Any, Any], used: int) -> str | None:
    """`{$file: PATH}` and its like, tables of one "$" key with a scalar, on one line; else None."""
    if len(value) != 1:
        return None
    [(key, item)] = value.items()
    if not isinstance(key, str) or not key.startswith("$") or isinstance(item, (Commented, dict, list, tuple)):
        return None
    if isinstance(item, str) and "\n" in item:
        return None
    text = f"{{{_text(key, flow=True)}: {_scalar(item, flow=True)}}}"
    return text if used + len(text) <= WIDTH else None


def _key(key: Any) -> str:
    if not isinstance(key, str):
        raise TypeError(f"a key must be a str, not {type(key).__name__}")
    return _text(key)


def _scalar(value: Any, *, flow: bool = False) -> str:
    if isinstance(value, str):
        return _text(value, flow=flow)
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(int(value))
    raise TypeError(f"YAML is written of dict, list, str, int, bool and None, not {type(value).__name__}")


def _text(text: str, *, flow: bool = False) -> str:
    if (
        _PLAIN.fullmatch(text)
        and not _BREAKS_PLAIN.search(text)
        and not _READ_AS_ELSE.fullmatch(text)
        and (text.isascii() or text.isprintable())
        and not (flow and _NOT_IN_FLOW.search(text))
    ):
        return str(text)
    if text.isprintable():
        if ('"' in text or "\\" in text) and "'" not in text:
            return f"'{text}'"
        return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return '"' + "".join(_escaped(char) for char in text) + '"'


def _escaped(char: str) -> str:
    if char in _ESCAPES:
        return _ESCAPES[char]
    if char.isprintable():
        return char
    code = ord(char)
    if 0xD800 <= code < 0xE000:
        raise ValueError(f"U+{code:04X} is half a surrogate pair and cannot be written as UTF-8")
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _fits_literal(text: str) -> bool:
    """Whether a text of several lines comes back unchanged, and visibly so, from a "|" block."""
    body = text.split("\n")
    if text.endswith("\n\n") or not body[0] or body[0][0].isspace():
        return False
    return all((not line or not line[-1].isspace()) and line.replace("\t", " ").isprintable() for line in body)
