"""Who gains and loses what by a plan, and the gate that stands on it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from iamsync.kinds import KINDS
from iamsync.kinds.group import Group
from iamsync.kinds.policy import Policy
from iamsync.kinds.role import Role
from iamsync.kinds.user import User
from iamsync.model import Address, Plan, Resource, State
from iamsync.planner import effects, planfile
from iamsync.planner.gate import gains
from iamsync.planner.plan import plan
from iamsync.policy.access import lines
from iamsync.policy.document import Document
from tests.world import ACCOUNT, NOW, settings, towards, without

READ_ONLY = "arn:aws:iam::aws:policy/ReadOnlyAccess"
DEPLOY = f"arn:aws:iam::{ACCOUNT}:policy/deploy"
ALICE, APP = Address("user", "alice"), Address("role", "app")
DEVELOPERS, POLICY = Address("group", "developers"), Address("policy", "deploy")


def document(*actions: str, resource: str = "*", effect: str = "Allow") -> Document:
    statement = {"Effect": effect, "Action": list(actions), "Resource": resource}
    return Document.of({"Version": "2012-10-17", "Statement": statement})


TRUST = Document.of(
    {
        "Version": "2012-10-17",
        "Statement": {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"},
    }
)


def state(*resources: tuple[Address, Any], aws: dict[str, Any] | None = None) -> State:
    held = [Resource(address, spec) for address, spec in resources]
    return State.of(ACCOUNT, held, complete=frozenset(KINDS), aws_policies=aws or {})


BEFORE = state(
    (ALICE, User(groups=("developers",))),
    (DEVELOPERS, Group(managed_policies=(DEPLOY,))),
    (POLICY, Policy(document("s3:PutObject", resource="arn:aws:s3:::site/*"))),
    (APP, Role(TRUST, managed_policies=(DEPLOY,))),
)


def planned(after: State, before: State = BEFORE, **more: Any) -> Plan:
    return plan(towards(after, before), before, settings(), account_name="t", caller="c", now=NOW, **more)


def changed(address: Address, spec: Any, base: State = BEFORE) -> State:
    return replace(base, resources={**base.resources, address: Resource(address, spec)})


def told(made: Plan) -> dict[str, tuple[str, ...]]:
    """Every affected principal with the change it comes through, and the words."""
    return {
        f"{one.principal} through {one.through}": lines(one.access)
        for change in made.changes
        for one in change.affected
    }


WIDER = changed(POLICY, Policy(document("s3:PutObject", "s3:DeleteObject", resource="arn:aws:s3:::site/*")))


def test_a_changed_policy_tells_what_each_of_its_holders_gains_members_of_groups_too() -> None:
    gain = ("GAIN  s3:DeleteObject on arn:aws:s3:::site/*",)
    assert told(planned(WIDER)) == {"user/alice through policy/deploy": gain, "role/app through policy/deploy": gain}


def test_a_deleted_principal_loses_everything() -> None:
    assert told(planned(without(BEFORE, APP))) == {
        "role/app through role/app": ("LOSS  s3:PutObject on arn:aws:s3:::site/*",)
    }


def test_what_grants_nothing_new_affects_nobody() -> None:
    same = changed(APP, Role(TRUST, managed_policies=(DEPLOY,), description="another"))
    assert told(planned(same)) == {}


def test_a_policy_of_aws_that_nobody_read_makes_the_answer_undecided_and_its_document_decides_it() -> None:
    after = changed(APP, Role(TRUST, managed_policies=tuple(sorted((DEPLOY, READ_ONLY)))))
    (words,) = told(planned(after)).values()
    assert any("UNDECIDED" in line and "ReadOnlyAccess" in line for line in words)
    known = replace(BEFORE, aws_policies={READ_ONLY: ("v1", document("ec2:DescribeInstances"))})
    assert told(planned(after, known)) == {"role/app through role/app": ("GAIN  ec2:DescribeInstances on *",)}


def test_the_documents_asked_for_are_those_of_principals_that_change() -> None:
    after = changed(APP, Role(TRUST, managed_policies=(READ_ONLY,)))
    from iamsync.kinds.kind import Context
    from iamsync.planner.contrast import contrast

    found = contrast(after, BEFORE, settings())
    assert effects.documents_needed(found.settled.live, found.differences, Context(ACCOUNT)) == (READ_ONLY,)
    nothing = contrast(BEFORE, BEFORE, settings())
    assert effects.documents_needed(nothing.settled.live, nothing.differences, Context(ACCOUNT)) == ()


def test_policies_that_overlap_in_too_many_ways_are_undecided_and_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(effects, "EFFORT_EACH", 0)
    patterns = [f"arn:aws:s3:::*{letter}*" for letter in "abcdef"]
    after = changed(POLICY, Policy(Document.of({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "s3:GetObject", "Resource": one} for one in patterns]})))  # fmt: skip
    words = [line for lines_ in told(planned(after)).values() for line in lines_]
    assert words
    assert any(line.startswith("UNDECIDED") for line in words)


def test_beyond_the_most_principals_the_plan_says_how_many_were_not_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(effects, "MOST", 1)
    made = planned(WIDER)
    assert [finding.title for finding in made.findings if finding.id == "access-untold"] == [
        "gains and losses of 1 more principals were not computed; 1 are the most in one plan"
    ]
    assert gains(made, ["iam:*"])  # a gate cannot vouch for whom it did not see


@pytest.mark.parametrize(
    ("pattern", "stopped"),
    [
        ("s3:DeleteObject", True),
        ("s3:*", True),
        ("S3:delete*", True),
        ("*", True),
        ("iam:*", False),
        ("s3:Get*", False),
    ],
)
def test_the_gate_stops_gains_of_the_actions_it_names(pattern: str, stopped: bool) -> None:
    assert bool(gains(planned(WIDER), [pattern])) is stopped


def test_the_gate_sees_an_action_inside_a_wider_pattern() -> None:
    after = changed(POLICY, Policy(document("*")))
    assert gains(planned(after), ["iam:CreateUser"])


def test_a_gain_that_cannot_be_decided_does_not_pass_the_gate() -> None:
    after = changed(APP, Role(TRUST, managed_policies=tuple(sorted((DEPLOY, READ_ONLY)))))
    assert gains(planned(after), ["iam:*"])


def test_the_plan_document_tells_the_principal_itself_and_the_others_apart() -> None:
    document_ = planfile.document([planned(WIDER)], version="0", created_at=NOW)
    (change,) = document_["plans"][0]["changes"]
    assert change["access"] is None
    (alike,) = change["affects"]
    assert alike["principals"] == ["role/app", "user/alice"]
    assert alike["text"] == ["GAIN  s3:DeleteObject on arn:aws:s3:::site/*"]
    assert alike["gained"][0]["witness"]["action"] == "s3:DeleteObject"
