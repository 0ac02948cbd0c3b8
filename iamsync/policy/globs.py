"""Glob languages, exactly: whether patterns meet, contain one another, and a shortest text that tells them apart.

A pattern is a small automaton whose states are the bits of an integer. `*` and `?` of the first five
parts of an ARN do not cross a colon; a policy variable stands for any text when languages are compared
(`widened`) and for itself when two patterns are (`contains`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import chain, count
from typing import Final

from iamsync.policy.pattern import Part, Variable, Wildcard, pattern

# Letters for "any other character": readable ones first, then some that no policy is likely to name.
_OTHERS: Final = "".join(
    ("xabcdefghijklmnopqrstuvwyz0123456789", "XABCDEFGHIJKLMNOPQRSTUVWYZ", *map(chr, range(0xC0, 0x1000)))
)
_COLONS: Final = 5
_PRIVATE: Final = 0xE000
_BLANK: Final = re.compile(r"\$\{([^}]*)\}|<[^>]*>")
_ANY, _ANY_IN_PART, _STAR, _STAR_IN_PART = "any", "any in part", "star", "star in part"
_ANY_IN_NAME, _STAR_IN_NAME = "any in name", "star in name"
_LIMIT: Final = 20_000

# A token: a tuple of the characters it takes, one of the six words below, or the name of a variable.
_Token = tuple[str, ...] | str | int


class TooComplex(Exception):
    """More states than are worth looking at."""


@dataclass(slots=True)
class Effort:
    """How many states searches may still look at; counted, not timed, so that equal inputs end alike."""

    left: int

    def spend(self) -> None:
        """One state more; TooComplex where none is left."""
        self.left -= 1
        if self.left < 0:
            raise TooComplex


_effort: ContextVar[Effort | None] = ContextVar("effort", default=None)


@contextmanager
def bounded(effort: Effort) -> Iterator[None]:
    """Searches inside spend this effort, and raise TooComplex when it is used up."""
    token = _effort.set(effort)
    try:
        yield
    finally:
        _effort.reset(token)


@dataclass(frozen=True, slots=True, eq=False)
class Glob:
    """A compiled pattern; two are the same when their `key`s are. `widened`: variables in it take any text."""

    text: str
    key: tuple[_Token, ...]
    code: int
    prefix: str
    widened: bool
    start: int
    final: int
    literal: dict[str, int] = field(repr=False)
    chars: tuple[tuple[str, ...], ...] = field(repr=False)
    any_one: int
    any_in_part: int
    star: int
    star_in_part: int
    free: int
    in_name: int

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Glob) and self.code == other.code

    def __hash__(self) -> int:
        return self.code

    def step(self, state: int, char: str) -> int:
        """The states after one more character."""
        take, stay = self.literal.get(char, 0), self.star
        if char != ":" and char < "\ue000":
            take |= self.any_in_part
            stay |= self.star_in_part
        if char < "\ue000":
            take |= self.any_one
        if char == "/" and self.in_name:
            take &= ~self.in_name
            stay &= ~self.in_name
        moved = ((state & take) << 1) | (state & stay)
        return moved | ((moved & (self.star | self.star_in_part)) << 1)

    def matches(self, text: str) -> bool:
        """Whether the pattern takes the whole text (variables as any text)."""
        state = self.start
        for char in text:
            if not (state := self.step(state, char)):
                return False
        return bool(state & self.final)


def of_text(text: str, *, wild: bool = True, fold: bool = False, variables: bool = False) -> Glob:
    """The glob of a plain text: `*` and `?` take any character where `wild`; `fold` ignores case."""
    return of_text_parts(text, pattern(text, variables).parts, wild, fold)


@lru_cache(maxsize=65536)
def of_text_parts(text: str, parts: tuple[Part, ...], wild: bool = True, fold: bool = False) -> Glob:
    """The glob of a plain text that is already taken apart."""
    tokens: list[_Token] = []
    for part in parts:
        if isinstance(part, Variable):
            tokens.append(_symbol(part))
        elif isinstance(part, Wildcard):
            tokens.append((_STAR if part.mark == "*" else _ANY) if wild else (part.mark,))
        else:
            tokens += [(c.lower(), c.upper()) if fold and c.lower() != c.upper() else (c,) for c in part]
    return _compiled(text, tuple(tokens))


@lru_cache(maxsize=65536)
def of_arn(text: str, *, variables: bool = True) -> Glob:
    """The glob of a Resource: `*`, or six parts of an ARN (an ARN that ends early is filled up with `*`)."""
    return of_arn_parts(text, pattern(text, variables).parts)


@lru_cache(maxsize=65536)
def of_arn_parts(text: str, parts: tuple[Part, ...]) -> Glob:
    """The glob of a Resource that is already taken apart; `text` is what it is called."""
    tokens: list[_Token] = []
    colons = 0
    if text.strip("*") == "":
        parts = ()
        tokens.append(_STAR_IN_PART)
    for part in parts:
        if isinstance(part, Variable):
            tokens.append(_symbol(part))
        elif isinstance(part, Wildcard):
            here = (_STAR_IN_PART, _ANY_IN_PART) if colons < _COLONS else (_STAR, _ANY)
            tokens.append(here[part.mark == "?"])
        else:
            tokens += [(char,) for char in part]
            colons += part.count(":")
    while colons < _COLONS:
        colons += 1
        tokens += [(":",), _STAR if colons == _COLONS else _STAR_IN_PART]
    return _compiled(text, tuple(tokens))


@lru_cache(maxsize=8192)
def of_template(template: str, partition: str, region: str, account: str) -> Glob:
    """The glob of the ARNs that a template of the catalogue (`arn:${Partition}:s3:::${BucketName}`) stands for.

    Region and account are patterns; any other blank is filled with at least one character, and a
    bucket's name, the only last part of which that is known, holds no slash.
    """
    tokens: list[_Token] = []
    colons = end = 0
    filled = {"Partition": partition, "Region": region, "Account": account}
    for match in _BLANK.finditer(template):
        literal = template[end : match.start()]
        tokens += _literally(literal, colons)
        colons += literal.count(":")
        end = match.end()
        if colons < _COLONS and match[1] in filled:
            tokens += _literally(filled[match[1]], colons)
        elif colons < _COLONS:
            tokens.append(_STAR_IN_PART)
        elif match[1] == "BucketName":
            tokens += [_ANY_IN_NAME, _STAR_IN_NAME]
        else:
            tokens += [_ANY, _STAR]
    return _compiled(template, (*tokens, *_literally(template[end:], colons)))


def _literally(text: str, colons: int) -> list[_Token]:
    star = _STAR_IN_PART if colons < _COLONS else _STAR
    return [star if char == "*" else (char,) for char in text]


# A number for each language: keys are long, and compared often. Accounts are planned side by side, and `next` gives
# no two threads the same number, as the length of a dictionary would.
_NUMBERS: Final = count()
_CODES: Final[dict[tuple[tuple[_Token, ...], bool], int]] = {}
_NUMBERS_OF_SYMBOLS: Final = count()
_SYMBOLS: Final[dict[tuple[str, str | None], int]] = {}


def _symbol(variable: Variable) -> int:
    """A variable as a character of its own."""
    key = (variable.key, variable.default)
    return _SYMBOLS[key] if key in _SYMBOLS else _SYMBOLS.setdefault(key, _PRIVATE + next(_NUMBERS_OF_SYMBOLS))


@lru_cache(maxsize=65536)
def _compiled(text: str, key: tuple[_Token, ...], symbolic: bool = False) -> Glob:
    tokens: list[_Token] = []
    for token in key:
        if isinstance(token, int):
            token = (chr(token),) if symbolic else _STAR
        if token in (_STAR, _STAR_IN_PART) and tokens and tokens[-1] == token:
            continue
        tokens.append(token)
    literal: dict[str, int] = {}
    masks = {_ANY: 0, _ANY_IN_PART: 0, _STAR: 0, _STAR_IN_PART: 0}
    in_name = 0
    chars: list[tuple[str, ...]] = []
    prefix, fixed = "", True
    for index, token in enumerate(tokens):
        if isinstance(token, tuple):
            for char in token:
                literal[char] = literal.get(char, 0) | 1 << index
            chars.append(token)
            fixed = fixed and len(token) == 1
            prefix += token[0] if fixed else ""
        elif isinstance(token, str):
            if token in (_ANY_IN_NAME, _STAR_IN_NAME):
                in_name |= 1 << index
                token = _ANY_IN_PART if token == _ANY_IN_NAME else _STAR_IN_PART
            masks[token] |= 1 << index
            chars.append(())
            fixed = False
    stars = masks[_STAR] | masks[_STAR_IN_PART]
    return Glob(
        text=text,
        key=key,
        code=_CODES.setdefault((key, symbolic), next(_NUMBERS)),
        prefix=prefix,
        widened=not symbolic and any(isinstance(token, int) for token in key),
        start=1 | (stars & 1) << 1,
        final=1 << len(tokens),
        literal=literal,
        chars=(*chars, ()),
        any_one=masks[_ANY],
        any_in_part=masks[_ANY_IN_PART],
        star=masks[_STAR],
        star_in_part=masks[_STAR_IN_PART],
        free=sum(masks.values()),
        in_name=in_name,
    )


def apart(one: Glob, other: Glob) -> bool:
    """Whether two patterns begin differently: then they are disjoint, and no search has to tell."""
    return not (one.prefix.startswith(other.prefix) or other.prefix.startswith(one.prefix))


@lru_cache(maxsize=262144)
def disjoint(one: Glob, other: Glob) -> bool:
    """Whether no text can match both, whatever their variables hold."""
    return apart(one, other) or witness((one, other), ()) is None


@lru_cache(maxsize=262144)
def contains(wide: Glob, narrow: Glob) -> bool:
    """Whether every text of `narrow` is one of `wide`, whatever their variables hold.

    Exact but for variables: those are compared by name.
    """
    if wide.code == narrow.code:
        return True
    if not narrow.prefix.startswith(wide.prefix):
        return False
    if wide.widened or narrow.widened:
        wide, narrow = _compiled(wide.text, wide.key, True), _compiled(narrow.text, narrow.key, True)
    return witness((narrow,), (wide,)) is None


def witness(inside: Sequence[Glob], outside: Sequence[Glob], limit: int = _LIMIT) -> str | None:
    """A shortest text that all of `inside` take and none of `outside`; None where there is none.

    Variables count as any text. Raises TooComplex beyond `limit` states.
    """
    # Every text of `inside` begins with its longest literal prefix: no choice is made before its end.
    prefix = max((glob.prefix for glob in inside), key=len)
    start = (
        tuple(_after(glob, prefix) for glob in inside),
        tuple((at, state) for at, glob in enumerate(outside) if (state := _after(glob, prefix))),
    )
    if not all(start[0]):
        return None
    if _ends(inside, outside, start):
        return prefix
    effort = _effort.get()
    seen = {start}
    level = [(start, prefix)]
    while level:
        following = []
        for (held, against), text in level:
            for char in _letters(inside, outside, held, against):
                if effort is not None:
                    effort.spend()
                moved = tuple(glob.step(state, char) for glob, state in zip(inside, held, strict=True))
                if not all(moved):
                    continue
                rest = tuple((at, state) for at, old in against if (state := outside[at].step(old, char)))
                if (moved, rest) in seen:
                    continue
                if _ends(inside, outside, (moved, rest)):
                    return text + char
                seen.add((moved, rest))
                if len(seen) > limit:
                    raise TooComplex
                following.append(((moved, rest), text + char))
        level = following
    return None


@lru_cache(maxsize=262144)
def _after(glob: Glob, text: str) -> int:
    """The states of a pattern after the beginning of a text; 0 where it does not begin so."""
    if not (text.startswith(glob.prefix) or glob.prefix.startswith(text)):
        return 0
    state = glob.start
    for char in text:
        if not (state := glob.step(state, char)):
            return 0
    return state


_State = tuple[tuple[int, ...], tuple[tuple[int, int], ...]]


def _ends(inside: Sequence[Glob], outside: Sequence[Glob], state: _State) -> bool:
    held, against = state
    return all(bits & glob.final for glob, bits in zip(inside, held, strict=True)) and not any(
        bits & outside[at].final for at, bits in against
    )


def _letters(
    inside: Sequence[Glob], outside: Sequence[Glob], held: tuple[int, ...], against: tuple[tuple[int, int], ...]
) -> Iterator[str]:
    """The characters worth trying: those that `inside` names here, and one that nobody names.

    A character that only `outside` names cannot help: one that nobody names leaves `outside` fewer states.
    """
    named = {char for glob, state in zip(inside, held, strict=True) for char in _named(glob, state)}
    # When one pattern can go on by its next literal alone, no other character leads anywhere.
    if all(state & glob.free for glob, state in zip(inside, held, strict=True)):
        shunned = named | {char for at, state in against for char in _named(outside[at], state)}
        other = next(char for char in _OTHERS if char not in shunned)
        return chain((other,), sorted(named))
    return iter(sorted(named))


def _named(glob: Glob, state: int) -> Iterator[str]:
    chars = glob.chars
    while state:
        low = state & -state
        yield from chars[low.bit_length() - 1]
        state ^= low
