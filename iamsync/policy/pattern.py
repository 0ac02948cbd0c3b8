"""Texts of the policy language with wildcards and variables in them, and the regular expressions they mean.

`*` stands for any run of characters, `?` for one; nothing else is special. `${key}` is the value of
a context key, `${key, 'text'}` has a default, `${*}`, `${?}` and `${$}` are those characters
themselves. A value put in for a variable is literal: its own `*` is no wildcard.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, TypeAlias

_MARKS: Final = re.compile(r"[*?]")
_MARKS_AND_VARIABLES: Final = re.compile(r"\$\{([^{}]*)\}|[*?]")
_VARIABLE: Final = re.compile(r"\s*([^\s,'][^,']*?)\s*(?:,\s*'([^']*)'\s*)?")
_ESCAPED: Final = ("*", "?", "$")
# How many colons stand before the last part of an ARN, the only one in which a wildcard takes colons too.
_COLONS: Final = 5

Test: TypeAlias = Callable[[str], object]


@dataclass(frozen=True, slots=True)
class Wildcard:
    """`*` or `?` where it is not literal."""

    mark: str


@dataclass(frozen=True, slots=True)
class Variable:
    """`${key}`; `key` is in lower case, as context keys are compared."""

    key: str
    default: str | None
    text: str


Part: TypeAlias = str | Wildcard | Variable


@dataclass(frozen=True, slots=True)
class Pattern:
    """A text taken apart; `variables` is empty in the plain case."""

    text: str
    parts: tuple[Part, ...]
    variables: tuple[Variable, ...]

    def filled(self, values: Mapping[str, str]) -> Pattern:
        """The pattern with the values of its variables (by their text) put in as literal text."""
        parts = tuple(values[part.text] if isinstance(part, Variable) else part for part in self.parts)
        return Pattern(self.text, parts, ())

    def widened(self) -> Pattern:
        """The pattern with a `*` for each variable: whatever their values, it matches no more than this."""
        return Pattern(self.text, tuple(Wildcard("*") if isinstance(p, Variable) else p for p in self.parts), ())

    @property
    def literal(self) -> str:
        """The text without variables, each wildcard being the character itself."""
        return "".join(part if isinstance(part, str) else _shown(part) for part in self.parts)


@lru_cache(maxsize=65536)
def pattern(text: str, variables: bool) -> Pattern:
    """A text taken apart; without `variables` a `${` means nothing, as in documents of 2008-10-17."""
    parts: list[Part] = []
    end = 0
    for match in (_MARKS_AND_VARIABLES if variables else _MARKS).finditer(text):
        part = _part(match, variables)
        parts += [text[end : match.start()], part]
        end = match.end()
    parts.append(text[end:])
    kept = tuple(part for part in parts if part != "")
    return Pattern(text, kept, tuple(part for part in kept if isinstance(part, Variable)))


def _part(match: re.Match[str], variables: bool) -> Part:
    if match[0] in ("*", "?"):
        return Wildcard(match[0])
    held = match[1]
    if held in _ESCAPED:
        return held
    named = _VARIABLE.fullmatch(held)
    return Variable(named[1].lower(), named[2], match[0]) if named and variables else match[0]


def _shown(part: Wildcard | Variable) -> str:
    return part.mark if isinstance(part, Wildcard) else part.text


def glob(parts: tuple[Part, ...]) -> str:
    """The regular expression of a pattern without variables, over the whole text."""
    return _regex(parts, segmented=False)


def arn_glob(parts: tuple[Part, ...]) -> str:
    """The same for an ARN: in its first five parts no wildcard reaches over a colon."""
    return _regex(parts, segmented=True)


def _regex(parts: tuple[Part, ...], *, segmented: bool) -> str:
    """Each `*` takes as little as lets the text after it fit, for good (an atomic group).

    The first fit is as good as any later one, since another `*` follows; without the groups a text
    of many `*` takes time exponential in their number.
    """
    colons = 0
    runs: list[tuple[str, list[str]]] = [("", [])]
    for part in parts:
        one = "." if not segmented or colons >= _COLONS else "[^:]"
        if isinstance(part, Wildcard):
            if part.mark == "?":
                runs[-1][1].append(one)
            elif runs[-1][1] or not runs[-1][0]:
                runs.append((one, []))
        else:
            text = _shown(part) if isinstance(part, Variable) else part
            runs[-1][1].append(re.escape(text))
            colons += text.count(":")
    out = ["".join(runs[0][1])]
    for number, (one, run) in enumerate(runs[1:], start=1):
        text = "".join(run)
        out.append(f"{one}*{text}" if number == len(runs) - 1 else f"(?>{one}*?{text})")
    return "".join(out)


@lru_cache(maxsize=65536)
def text_test(parts: tuple[Part, ...]) -> Test:
    """A test of whole texts against a pattern without variables."""
    return re.compile(glob(parts), re.DOTALL).fullmatch


@lru_cache(maxsize=65536)
def arn_test(parts: tuple[Part, ...]) -> Test:
    """A test of whole ARNs against a pattern without variables."""
    return re.compile(arn_glob(parts), re.DOTALL).fullmatch


def any_of(expressions: list[str]) -> Test:
    """One test for several regular expressions."""
    return re.compile("|".join(f"(?:{one})" for one in expressions), re.DOTALL).fullmatch
