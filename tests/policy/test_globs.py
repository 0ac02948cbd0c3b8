"""Patterns as languages: what meets, what contains, what tells them apart, and the cells they cut out."""

from __future__ import annotations

import re
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from iamsync.policy.globs import TooComplex, contains, disjoint, of_arn, of_template, of_text, witness
from iamsync.policy.match import resources
from iamsync.policy.regions import cells, example, inhabited, worded
from iamsync.policy.request import Context, Principal, Request

ALL = of_text("*")
WORDS = ["".join(letters) for length in range(6) for letters in product("abz", repeat=length)]
PATTERNS = st.text(alphabet="ab*?", max_size=4)
NOBODY = Context(Request(Principal.of("arn:aws:iam::111122223333:user/alice"), "s3:GetObject"))


def regex(pattern: str) -> re.Pattern[str]:
    return re.compile("".join({"*": ".*", "?": "."}.get(char, char) for char in pattern), re.DOTALL)


def mask(patterns: list[str], word: str) -> int:
    return sum(1 << at for at, pattern in enumerate(patterns) if regex(pattern).fullmatch(word))


@settings(deadline=None)
@given(inside=st.lists(PATTERNS, min_size=1, max_size=2), outside=st.lists(PATTERNS, max_size=2))
def test_a_witness_is_a_shortest_text_and_none_means_that_there_is_none(inside: list[str], outside: list[str]) -> None:
    def fits(word: str) -> bool:
        return all(regex(one).fullmatch(word) for one in inside) and not any(
            regex(one).fullmatch(word) for one in outside
        )

    found = witness([of_text(one) for one in inside], [of_text(one) for one in outside])
    there = next((word for word in WORDS if fits(word)), None)
    if found is None:
        assert there is None
    else:
        assert fits(found)
        assert there is None or len(found) <= len(there)


@settings(deadline=None)
@given(patterns=st.lists(PATTERNS, min_size=1, max_size=4, unique_by=lambda one: of_text(one).code), data=st.data())
def test_cells_are_all_there_are_and_their_words_mean_just_them(patterns: list[str], data: st.DataObject) -> None:
    globs = tuple(map(of_text, patterns))
    found = cells(globs, ALL)
    assert {mask(patterns, word) for word in WORDS} <= set(found)
    for cell in found:
        assert inhabited(globs, ALL, cell)
        text = example(globs, ALL, cell)
        assert text is not None
        assert mask(patterns, text) == cell
    chosen = frozenset(data.draw(st.lists(st.sampled_from(found), min_size=1)))
    told = [pieces for pieces, _ in worded(globs, found, chosen, "*")]

    def means(text: str, word: str) -> bool:
        return all(regex(one).fullmatch(word) for one in text.split(" that match "))

    for word in WORDS:
        inside = any(
            any(means(one, word) for one in pieces.within) and not any(means(one, word) for one in pieces.without)
            for pieces in told
        )
        assert inside is (mask(patterns, word) in chosen)


ARNS = (
    "arn:aws:s3:::site",
    "arn:aws:s3:::site/a:b",
    "arn:aws:sqs:eu:1:jobs",
    "arn:aws:iam::1:role/x/y",
    "arn:aws:s3:::",
)


@pytest.mark.parametrize("arn", ARNS)
@pytest.mark.parametrize(
    "pattern",
    ["*", "arn:aws:s3:::*", "arn:aws:*:*:*:*", "arn:*:s3:::site", "arn:aws:s3:::sit?", "arn:aws:sqs:*", "arn:*:jobs"],
)
def test_arn_patterns_match_what_the_evaluator_says(pattern: str, arn: str) -> None:
    answer = resources((pattern,), False, True).cover(arn, NOBODY)
    assert of_arn(pattern).matches(arn) is (answer is True or getattr(answer, "holds", False))


def test_what_a_pattern_with_a_variable_holds_is_told_by_name() -> None:
    own, all_, alice = (of_arn(f"arn:aws:s3:::home/{one}/*") for one in ("${aws:username}", "*", "alice"))
    other = of_arn("arn:aws:s3:::home/${aws:PrincipalTag/team}/*")
    assert contains(all_, own)
    assert contains(own, of_arn("arn:aws:s3:::home/${aws:UserName}/x"))
    assert not contains(own, alice)
    assert not contains(alice, own)
    assert not contains(own, other)
    assert not disjoint(own, alice)
    assert disjoint(own, of_arn("arn:aws:s3:::site/*"))


def test_letters_and_escapes() -> None:
    assert contains(of_text("ab", fold=True), of_text("aB"))
    assert not contains(of_text("ab"), of_text("aB"))
    assert of_text("a*", wild=False).matches("a*")
    assert not of_text("a*", wild=False).matches("ab")
    assert of_arn("arn:aws:s3:::x${*}").matches("arn:aws:s3:::x*")
    assert not of_arn("arn:aws:s3:::x${*}").matches("arn:aws:s3:::xy")


def test_a_bucket_is_no_object() -> None:
    bucket = of_template("arn:${Partition}:s3:::${BucketName}", "aws", "*", "*")
    inside = of_template("arn:${Partition}:s3:::${BucketName}/${ObjectName}", "aws", "*", "*")
    assert disjoint(bucket, inside)
    assert bucket.matches("arn:aws:s3:::site")
    assert not bucket.matches("arn:aws:s3:::")
    assert inside.matches("arn:aws:s3:::site/a/b:c")
    assert not bucket.matches("arn:aws-cn:s3:::site")


def test_too_many_states_are_no_answer() -> None:
    patterns = [of_text(f"*{letter}?????????????*") for letter in "abc"]
    with pytest.raises(TooComplex):
        witness([ALL, of_text("*a???????????b*")], [of_text("*a??????????*b*"), *patterns[1:]], limit=3)
