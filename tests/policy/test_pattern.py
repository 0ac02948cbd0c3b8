"""Patterns: what they match, told by a slow and plain matcher, and that no pattern is slow itself."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iamsync.policy.pattern import Pattern, Variable, arn_test, pattern, text_test
from tests.laws.law import law

WORDS = st.text(alphabet="ab:*?.", max_size=10)


def matches(wanted: str, text: str, *, colons: int = 0, arn: bool = False) -> bool:
    """Character by character; in an ARN the first five colons stop every wildcard."""
    if not wanted:
        return not text
    mark, rest = wanted[0], wanted[1:]
    if mark == "*":
        if matches(rest, text, colons=colons, arn=arn):
            return True
        return (
            bool(text)
            and not (arn and colons < 5 and text[0] == ":")
            and matches(wanted, text[1:], colons=colons, arn=arn)
        )
    if not text or (mark != "?" and text[0] != mark):
        return False
    if mark == "?" and arn and colons < 5 and text[0] == ":":
        return False
    return matches(rest, text[1:], colons=colons + (mark == ":"), arn=arn)


@given(WORDS, WORDS)
@law(300)
def test_a_pattern_matches_what_it_says(wanted: str, text: str) -> None:
    assert (text_test(pattern(wanted, False).parts)(text) is not None) is matches(wanted, text)


@given(
    st.lists(st.text(alphabet="ab*?", max_size=4), min_size=6, max_size=8),
    st.lists(st.text("ab", max_size=4), min_size=6),
)
@law(300)
def test_wildcards_of_an_arn_stay_in_their_part(wanted: list[str], text: list[str]) -> None:
    held, asked = ":".join(wanted), ":".join(text)
    assert (arn_test(pattern(held, False).parts)(asked) is not None) is matches(held, asked, arn=True)


def test_many_asterisks_do_not_take_long() -> None:
    wanted = "*a" * 30 + "*b"
    started = time.monotonic()
    assert text_test(pattern(wanted, False).parts)("a" * 2000) is None
    assert text_test(pattern(wanted, False).parts)("a" * 2000 + "b") is not None
    assert time.monotonic() - started < 2


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("a${aws:username}b", ("a", Variable("aws:username", None, "${aws:username}"), "b")),
        ("${ AWS:UserName }", (Variable("aws:username", None, "${ AWS:UserName }"),)),
        ("${k, 'no one'}", (Variable("k", "no one", "${k, 'no one'}"),)),
        ("${k, ''}", (Variable("k", "", "${k, ''}"),)),
        ("${a:Tag/Team A}", (Variable("a:tag/team a", None, "${a:Tag/Team A}"),)),
        ("${}", ("${}",)),
        ("${a", ("${a",)),
        ("${$}", ("$",)),
    ],
)
def test_variables_are_taken_out(text: str, parts: tuple[object, ...]) -> None:
    assert pattern(text, True).parts == parts


def test_without_variables_nothing_is_taken_out() -> None:
    assert pattern("a${aws:username}", False).parts == ("a${aws:username}",)
    assert pattern("a${*}", False).literal == "a${*}"


def test_a_value_put_in_is_literal() -> None:
    held = pattern("x/${k}/*", True)
    filled = held.filled({"${k}": "*"})
    assert isinstance(filled, Pattern)
    assert text_test(filled.parts)("x/*/y") is not None
    assert text_test(filled.parts)("x/z/y") is None
    assert text_test(held.widened().parts)("x/z/y") is not None
