"""Other people's text made harmless: nothing that a terminal, a CI system, a browser or a reader of XML obeys.

Names, tags, descriptions and messages in AWS and in files are other people's to choose; whatever a
format shows of them goes through here.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final

# GitHub's runner takes `::error ...::` at the start of a line, blanks before it or not, for a command,
# and `##[...]` anywhere in it (actions/runner, ActionCommand.cs); Azure Pipelines and TeamCity have theirs.
_COMMAND: Final = re.compile(r"(?<!\S)::(?=[A-Za-z][A-Za-z-]*(?:\s|::))")
_MARKED: Final = re.compile(r"##(?=\[|vso\[|teamcity\[)", re.IGNORECASE)
# Words that markdown, HTML and GitHub's own links (@name, #1, www.) leave alone.
_PLAIN: Final = re.compile(r"[A-Za-z0-9,;.'()%/+=-]*:?", re.ASCII)
# What no XML 1.0 text may hold.
_UNFIT: Final = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_INVISIBLE: Final = re.compile(r"[^\x20-\x7e\n]")


def safe(value: object) -> str:
    """The text with everything that a terminal or a CI log would obey, or nobody would see, spelled out.

    Control characters, bidirectional overrides, zero-width and odd blanks become `\\x1b`, `\\u202e`;
    the first mark of a CI system's command becomes `\\x3a` or `\\x23`.
    """
    text = str(value)
    if not text.isprintable():
        text = "".join(mark if mark.isprintable() else _spelled(mark) for mark in text)
    if "::" in text:
        text = _COMMAND.sub(r"\\x3a:", text)
    return _MARKED.sub(r"#\\x23", text) if "##" in text else text


def characters(text: str) -> list[str]:
    """What `safe` makes of each character, for those who count columns; no line of a log may begin with it."""
    marks = [mark if mark.isprintable() else _spelled(mark) for mark in text]
    for found in _MARKED.finditer(text):
        marks[found.start() + 1] = "\\x23"
    return marks


def _spelled(mark: str) -> str:
    short = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}.get(mark)
    if short is not None:
        return short
    point = ord(mark)
    if point < 0x100:
        return f"\\x{point:02x}"
    return f"\\u{point:04x}" if point < 0x10000 else f"\\U{point:08x}"


def json_text(value: Any, *, indent: int | None = 1) -> str:
    """The value as JSON that means the same to a program and nothing to a terminal or a CI log."""
    return json_inert(json.dumps(value, indent=indent, ensure_ascii=False))


def json_inert(text: str) -> str:
    """JSON whose strings hold nothing to obey: such marks stand as `\\uXXXX`, which is the same text."""
    if "##" in text:
        text = _MARKED.sub(r"#\\u0023", text)
    if text.isascii() and "\x7f" not in text:
        return text
    return _INVISIBLE.sub(lambda found: _escaped(found[0]), text)


def _escaped(mark: str) -> str:
    if mark.isprintable():
        return mark
    units = mark.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))


def xml_fit(text: str) -> str:
    """The text without what no XML may hold; what is markup is for whoever writes the element to quote."""
    return _UNFIT.sub("\ufffd", text)


def inline(text: str) -> str:
    """Text as markdown words; whatever could be markup, a mention or a link stands in a code span."""
    return " ".join(_word(word) for word in safe(text).split(" "))


def _word(word: str) -> str:
    if not word or (_PLAIN.fullmatch(word) and not word.startswith("www.")):
        return word
    return code(word)


def code(text: str) -> str:
    """Text as a markdown code span, whatever backticks it holds."""
    text = safe(text)
    fence = "`" * (longest_run(text) + 1)
    edge = " " if text.startswith("`") or text.endswith("`") or not text.strip() else ""
    return f"{fence}{edge}{text}{edge}{fence}"


def longest_run(text: str) -> int:
    """How many backticks stand in a row at most."""
    return max((len(run) for run in re.findall("`+", text)), default=0)


def github_data(text: str) -> str:
    """Text as the message of a workflow command of GitHub."""
    return safe(text).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def github_property(text: str) -> str:
    """Text as the value of a property of a workflow command of GitHub."""
    return github_data(text).replace(":", "%3A").replace(",", "%2C")
