"""The graph of who may become whom: looking only at those whom a trust may let in leaves nobody out."""

from __future__ import annotations

from typing import Any
from unittest import mock

from hypothesis import given, settings

from iamsync.planner import questions
from iamsync.planner.permissions import Permissions
from tests.planner.casefile import ACCOUNT, state
from tests.strategies import states


def whole(held: Permissions) -> questions.Graph:
    """The graph by a decision on everybody for each role."""
    with mock.patch.object(questions, "_let_in", lambda permissions, trust, asking: permissions.principals()):
        return questions.graph([held])


@settings(max_examples=25)
@given(states())
def test_of_any_account_the_graph_is_that_of_a_decision_on_everybody(given: Any) -> None:
    held = Permissions(given)
    assert questions.graph([held]) == whole(held)


def test_names_accounts_everybody_and_who_is_left_out_are_each_let_in() -> None:
    trusts = (
        "user/al",
        f"arn:aws:iam::{ACCOUNT}:root",
        ACCOUNT,
        "'*'",
        "arn:aws:iam::444455556666:root",
        f"arn:aws:sts::{ACCOUNT}:assumed-role/r0/session",
        f"arn:aws:iam::{ACCOUNT}:user/gone",
        "AROAEXAMPLEEXAMPLE123",
        "ec2.amazonaws.com",
    )
    policies = {
        "al": {},
        "bo": {"inline_policies": {"a": "allow sts:Assume*"}},
        "cy": {"inline_policies": {"a": "allow *"}},
    }
    policies |= {"di": {"inline_policies": {"a": "deny sts:*"}}, "ed": {"managed_policies": ["aws/ReadOnlyAccess"]}}
    roles = {f"r{n}": {"trust_policy": text.strip("'")} for n, text in enumerate(trusts)}
    roles["both"] = {"trust_policy": ["user/al", f"arn:aws:iam::{ACCOUNT}:root"]}
    held = Permissions(state({"users": policies, "roles": roles}, {}, {}))
    found = questions.graph([held])
    assert found == whole(held)
    assuming = {(e.source.rpartition("/")[2], e.target.rpartition("/")[2]) for e in found.edges if e.kind == "assume"}
    assert ("al", "r0") in assuming
    assert {who for who, role in assuming if role == "r1"} == {"bo", "cy"}  # what ed may do nobody knows
    assert {"al", "bo", "cy"} <= {who for who, role in assuming if role == "r3"}
