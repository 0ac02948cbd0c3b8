"""What a YAML parser complains about, in words a person can act on.

The two parsers word their complaints differently, so what counts is the part they share and the character they
stopped at. `error` is any exception with the attributes of yaml.MarkedYAMLError.
"""

from __future__ import annotations

import re
from typing import Any

from iamsync.errors import InputError
from iamsync.manifest.jsontext import MAX_DEPTH
from iamsync.manifest.nodes import Source

_WORD = re.compile(r"[^\s,\[\]{}]+")
_CLOSES = {"[": "]", "{": "}"}
_MISFITS = ("did not find expected key", "<block end>", "'-' indicator", "<document start>")


def syntax_error(error: Any, source: Source, brackets: list[int]) -> InputError:
    """The complaint as an InputError; `brackets` are the offsets of those open at that moment, innermost last."""
    text = source.text
    context, problem = error.context or "", error.problem or ""
    at = min((error.problem_mark or error.context_mark).index, len(text))
    opened = error.context_mark.index if error.context_mark else at
    char = text[at : at + 1]
    ended = at >= len(text.rstrip())
    if ended and char != "\t":
        at = max(len(text.rstrip()) - 1, 0)

    if "maximum nesting depth" in problem:  # the parser's own bound, in newer versions of it
        message = f"nested deeper than {MAX_DEPTH} levels"
        return InputError(message, code="too-deep", place=source.place(at, at + 1))

    def wrong(message: str, hint: str, start: int, end: int = 0, code: str = "yaml-syntax") -> InputError:
        return InputError(message, code=code, place=source.place(start, end), hint=hint)

    def word(start: int) -> str:
        found = _WORD.match(text, start)
        return found[0] if found else text[start : start + 1]

    if "scanning an alias" in context:
        star = word(opened)
        return wrong(
            'a value that begins with "*" must be quoted',
            f'write "{star}"',
            opened,
            opened + len(star),
            "unquoted-star",
        )
    if "scanning an anchor" in context or "scanning a tag" in context or "parsing a tag" in context:
        return _unquoted(source, opened, word(opened))
    if "tag handle" in problem and "duplicate" not in problem:
        start = text.find("!", opened)
        return wrong(
            f'the tag "{word(start)}" is not supported',
            "remove it; if it is meant as text, put the whole value in quotes",
            start,
            start + len(word(start)),
            "unknown-tag",
        )
    if "start any token" in problem or "tab character" in problem:
        if char == "\t":
            return wrong("a tab stands where only spaces may", "use spaces", at, at + 1, "tab-indentation")
        return _unquoted(source, at, word(at))
    if "quoted scalar" in context and ("end of stream" in problem or "document" in problem):
        return wrong(f"this {text[opened]} is never closed", "close the quotes", opened, opened + 1, "unclosed-quote")
    if "quoted scalar" in context:
        start = max(text.rfind("\\", opened, at + 1), opened)
        return wrong(
            f'"{text[start : start + 2]}" is no escape of double quotes',
            "use single quotes, or write the backslash twice",
            start,
            start + 2,
        )
    if brackets and ("flow" in context or ended):
        opener = text[brackets[-1]]
        closer = _CLOSES.get(opener, "]")
        line = source.place(at).line
        if ended or line != source.place(brackets[-1]).line:
            hint = f'add "{closer}"' + ("" if ended else f', or the "," that is missing before line {line}')
            return wrong(f'this "{opener}" is never closed', hint, brackets[-1], brackets[-1] + 1, "unclosed-bracket")
        return wrong(f'a "," or "{closer}" is missing here', 'quote a text that holds "," or brackets', at, at + 1)
    if "directive" in context + problem or "incompatible YAML" in problem:
        return wrong(
            "this line is no directive that is known here",
            'remove it; quote a text that begins with "%"',
            opened,
            opened + len(word(opened)),
        )
    if "mapping values are not allowed" in problem or "mapping keys are not allowed" in problem:
        return wrong(
            f'a "{char}" cannot stand here',
            'quote a text that holds ": " or begins with "? ", or mend the indentation',
            at,
            at + 1,
        )
    if "sequence entries are not allowed" in problem:
        return wrong("a list item cannot start here", 'put the "-" on a line of its own below the key', at, at + 1)
    if "expected ':'" in problem:
        return wrong('a ":" is missing after this key', "write KEY: VALUE", opened, opened + len(word(opened)))
    if any(part in problem for part in _MISFITS):
        return wrong(
            "this does not fit what stands above it",
            'check the indentation, and quote texts that hold quotes, brackets or ": "',
            at,
            at + len(word(at)),
        )
    if "node content" in problem:
        return wrong("a value is missing here", "quote a text that begins with one of , [ ] { }", at, at + 1)
    if "block scalar" in context:
        return wrong('no text may follow "|" or ">" on its line', "start the text on the next line", at, at + 1)
    return wrong(f"this is not valid YAML: {problem}", "", at, at + 1)


def _unquoted(source: Source, at: int, written: str) -> InputError:
    return InputError(
        f'a value that begins with "{written[0]}" must be quoted',
        code="unquoted-character",
        place=source.place(at, at + len(written)),
        hint=f'write "{written}"',
    )
