"""Conditions side by side: every way they can come out together is found, and no other."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest

from iamsync.policy.atoms import Guard, Open, Weighing
from iamsync.policy.conditions import Clause, clause
from iamsync.policy.doubt import holds
from iamsync.policy.globs import TooComplex
from iamsync.policy.request import ABSENT, Context, Principal, Request, Values

ALICE = Principal.of("arn:aws:iam::111122223333:user/alice")

# Clauses, and values of their keys among which each way they can come out occurs.
CASES: dict[str, tuple[list[tuple[str, str, list[str]]], dict[str, list[Values]]]] = {
    "equal, like and missing": (
        [("StringEquals", "k", ["x", "y"]), ("StringLike", "k", ["x*"]), ("Null", "k", ["true"])],
        {"k": ["x", "y", "xx", "z", ABSENT]},
    ),
    "in any case": (
        [("StringEquals", "k", ["Ab"]), ("StringEqualsIgnoreCase", "k", ["aB"]), ("StringNotLike", "k", ["A*"])],
        {"k": ["Ab", "ab", "AB", "Az", "z", ABSENT]},
    ),
    "numbers": (
        [("NumericLessThan", "n", ["10"]), ("NumericLessThanEquals", "n", ["10"]), ("NumericEquals", "n", ["7.5"])],
        {"n": ["9", "10", "11", "7.5", ABSENT]},
    ),
    "dates": (
        [("DateLessThan", "d", ["2026-01-01T00:00:00Z"]), ("DateGreaterThan", "d", ["2025-01-01"])],
        {"d": ["2024-01-01", "2025-06-01", "2026-01-01", "2027-01-01", ABSENT]},
    ),
    "networks": (
        [("IpAddress", "a", ["10.0.0.0/8"]), ("NotIpAddress", "a", ["10.1.0.0/16"]), ("IpAddress", "a", ["::1"])],
        {"a": ["10.1.0.1", "10.2.0.1", "192.0.2.1", "::1", "::2", ABSENT]},
    ),
    "flags": (
        [("Bool", "b", ["true"]), ("BoolIfExists", "b", ["true"]), ("Null", "b", ["false"])],
        {"b": ["true", "false", ABSENT]},
    ),
    "several values": (
        [
            ("ForAllValues:StringEquals", "t", ["a", "b"]),
            ("ForAnyValue:StringEquals", "t", ["a"]),
            ("ForAnyValue:StringNotEquals", "t", ["b"]),
        ],
        {"t": ["a", "b", "c", ("a", "b"), ("a", "c"), ("b", "c"), ("a", "b", "c"), ABSENT]},
    ),
    "arns": (
        [("ArnLike", "s", ["arn:aws:s3:::a*"]), ("ArnNotLike", "s", ["arn:aws:s3:::ab"]), ("StringLike", "s", ["*b"])],
        {
            "s": [
                *("arn:aws:s3:::ab", "arn:aws:s3:::ac", "arn:aws:s3:::acb", "arn:aws:s3:::x", "arn:aws:s3:::b"),
                *("b", "c", ABSENT),
            ]
        },
    ),
    "a variable that is known": (
        [("StringEquals", "o", ["${aws:username}"]), ("StringEquals", "o", ["bob"])],
        {"o": ["alice", "bob", "carol", ABSENT]},
    ),
    "a variable that is not": (
        [("StringEquals", "o", ["${aws:PrincipalTag/team}"]), ("StringEquals", "aws:PrincipalTag/team", ["red"])],
        {"o": ["red", "blue", ABSENT], "aws:PrincipalTag/team": ["red", "blue", ABSENT]},
    ),
    "two keys": (
        [("StringEquals", "k", ["x"]), ("Bool", "b", ["true"])],
        {"k": ["x", "z", ABSENT], "b": ["true", "false", ABSENT]},
    ),
}


def truth(clauses: list[Clause], context: dict[str, Any]) -> tuple[bool, ...]:
    asked = Context(Request(ALICE, "s3:GetObject", context=context))
    return tuple(holds(one.answer(asked)) for one in clauses)


@pytest.mark.parametrize("name", CASES)
def test_all_ways_that_occur_are_found_each_with_a_context_that_shows_it(name: str) -> None:
    written, values = CASES[name]
    clauses = [clause(operator, key, tuple(texts), True) for operator, key, texts in written]
    found = Weighing(ALICE).valuations(frozenset(clauses))
    ways = set()
    for number in range(found.everything.bit_length()):
        way = tuple(bool(found.masks[one] >> number & 1) for one in clauses)
        assert truth(clauses, found.context(number)) == way
        ways.add(way)
    assert {truth(clauses, dict(zip(values, row, strict=True))) for row in product(*values.values())} == ways


def test_what_the_principal_is_decides_its_conditions() -> None:
    own = clause("ArnLike", "aws:PrincipalArn", ("arn:aws:iam::*:user/al*",), True)
    found = Weighing(ALICE).valuations(frozenset((own,)))
    assert found.masks[own] == found.everything == 1


def test_what_nobody_knows_may_be_either() -> None:
    flag, unknown = clause("Bool", "b", ("true",), True), Open("p allows it", "p is not known")
    found = Weighing(ALICE).valuations(frozenset((flag, unknown)))
    assert found.differs(unknown, found.masks[unknown] & found.masks[flag])
    assert not found.differs(unknown, found.masks[flag])


def test_too_many_ways_are_no_answer() -> None:
    guard: Guard = frozenset(clause("StringEquals", f"k{number}", ("x",), True) for number in range(20))
    with pytest.raises(TooComplex):
        Weighing(ALICE).valuations(guard)
    mixed: Guard = frozenset(
        (clause("StringEquals", "k", ("10",), True), clause("NumericLessThan", "k", ("20",), True))
    )
    with pytest.raises(TooComplex):
        Weighing(ALICE).valuations(mixed)
