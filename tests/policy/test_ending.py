"""Grants with an end: what is put into a document, what is combined, and what is left of a trust policy."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given

from iamsync.policy.document import Document, statements
from iamsync.policy.ending import NOBODY, bounded, without_principals
from tests.strategies import documents

END = "2027-01-31T18:00:00Z"
TIME = "aws:CurrentTime"


def allow(condition: Any = None, effect: str = "Allow") -> dict[str, Any]:
    held = {"Effect": effect, "Action": "s3:GetObject", "Resource": "*"}
    return held if condition is None else {**held, "Condition": condition}


def conditions(held: Any) -> list[Any]:
    made = bounded(Document.of({"Version": "2012-10-17", "Statement": held}), END, "aws")
    return [statement.get("Condition") for statement in statements(made.value)]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (None, {"DateLessThan": {TIME: END}}),
        ({}, {"DateLessThan": {TIME: END}}),
        (
            {"Bool": {"aws:MultiFactorAuthPresent": "true"}},
            {"Bool": {"aws:MultiFactorAuthPresent": "true"}, "DateLessThan": {TIME: END}},
        ),
        # The earlier of two ends counts.
        ({"DateLessThan": {TIME: "2027-01-01T00:00:00Z"}}, {"DateLessThan": {TIME: "2027-01-01T00:00:00Z"}}),
        ({"DateLessThan": {TIME: "2028-01-01T00:00:00Z"}}, {"DateLessThan": {TIME: END}}),
        # Several values are alternatives: the latest of them is the end.
        (
            {"DateLessThan": {TIME: ["2026-01-01T00:00:00Z", "2028-01-01T00:00:00Z"]}},
            {"DateLessThan": {TIME: END}},
        ),
        (
            {"DateLessThan": {TIME: ["2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z"]}},
            {"DateLessThan": {TIME: ["2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z"]}},
        ),
        # Other spellings of the same: case, zone, seconds since 1970.
        ({"datelessthan": {"AWS:currenttime": "2027-01-31T19:00:00+01:00"}}, None),
        ({"DateLessThan": {TIME: 1800000000}}, {"DateLessThan": {TIME: 1800000000}}),
        ({"DateLessThan": {TIME: "1900000000"}}, {"DateLessThan": {TIME: END}}),
        ({"DateLessThan": {TIME: "2027-01-01"}}, {"DateLessThan": {TIME: "2027-01-01"}}),
        # Another key beside it must hold too, and another operator.
        (
            {"DateLessThan": {"aws:TokenIssueTime": "2027-01-01T00:00:00Z"}},
            {"DateLessThan": {"aws:TokenIssueTime": "2027-01-01T00:00:00Z", TIME: END}},
        ),
        (
            {"DateLessThanEquals": {TIME: "2026-01-01T00:00:00Z"}},
            {"DateLessThanEquals": {TIME: "2026-01-01T00:00:00Z"}, "DateLessThan": {TIME: END}},
        ),
        (
            {"DateGreaterThan": {TIME: "2026-01-01T00:00:00Z"}},
            {"DateGreaterThan": {TIME: "2026-01-01T00:00:00Z"}, "DateLessThan": {TIME: END}},
        ),
        # What cannot be read as a time is not replaced: both must hold.
        ({"DateLessThan": {TIME: "soon"}}, {"DateLessThan": {TIME: "soon"}, "DateLessThanIfExists": {TIME: END}}),
    ],
)
def test_a_grant_ends_with_the_earliest_time_that_is_said(before: Any, after: Any) -> None:
    before_text = json.dumps(before)
    made = conditions([allow(before)])[0]
    assert made == (after if after is not None else before)
    assert json.dumps(before) == before_text
    assert conditions([allow(made)])[0] == made


def test_a_denial_has_no_end() -> None:
    assert conditions([allow(effect="Deny"), allow()]) == [None, {"DateLessThan": {TIME: END}}]
    only = Document.of({"Statement": allow(effect="Deny")})
    assert bounded(only, END, "aws") is only


def test_a_statement_alone_stays_alone() -> None:
    made = bounded(Document.of({"Statement": allow()}), END, "aws")
    assert made.value == {"Statement": allow({"DateLessThan": {TIME: END}})}


@given(documents())
def test_bounding_twice_is_bounding_once_and_changes_nothing_but_conditions_of_grants(value: Any) -> None:
    document = Document.of(value)
    once = bounded(document, END, "aws")
    assert bounded(once, END, "aws").text == once.text
    for before, after in zip(statements(document.value), statements(once.value), strict=True):
        assert {**before, "Condition": 0} == {**after, "Condition": 0}
        if before["Effect"] == "Deny":
            assert before == after
        else:
            kept = {op: keys for op, keys in before.get("Condition", {}).items() if op != "DateLessThan"}
            assert kept.items() <= after["Condition"].items()
            assert after["Condition"]["DateLessThan"][TIME] <= END


def trust(*principals: Any, form: str = "Principal") -> Document:
    held = [{"Effect": "Allow", form: principal, "Action": "sts:AssumeRole"} for principal in principals]
    return Document.of({"Version": "2012-10-17", "Statement": held})


def left(document: Document) -> Any:
    return without_principals(document, lambda name: name.startswith("old"), "aws")


def test_a_trust_lets_go_of_one_principal_among_others() -> None:
    assert left(trust({"AWS": ["a", "old-b"], "Service": "ec2.amazonaws.com"})) == trust(
        {"AWS": ["a"], "Service": "ec2.amazonaws.com"}
    )
    assert left(trust({"AWS": "old", "Service": "ec2.amazonaws.com"})) == trust({"Service": "ec2.amazonaws.com"})


def test_a_statement_that_trusted_nobody_else_goes() -> None:
    assert left(trust({"AWS": ["old", "old-b"]}, {"AWS": "a"})) == trust({"AWS": "a"})


def test_a_trust_of_nobody_denies_everybody() -> None:
    assert left(trust({"AWS": "old"})) == Document.parse(NOBODY)


def test_what_names_nobody_that_is_gone_is_the_same_document() -> None:
    for document in (trust({"AWS": "a"}), trust("*"), trust({"AWS": ["old"]}, form="NotPrincipal"), Document.of([])):
        assert left(document) is document
