"""Calls that the policies alone leave open are put to AWS's simulator before the first write."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.session import Session
from botocore.stub import ANY, Stubber

from iamsync.engine.foreseeing import settled
from iamsync.engine.planning import Planned
from iamsync.kinds import KINDS
from iamsync.kinds.group import Group
from iamsync.kinds.role import Role
from iamsync.model import Address, Plan, Resource, State
from iamsync.planner.contrast import contrast
from iamsync.planner.plan import plan
from iamsync.policy.document import Document
from tests.world import ACCOUNT, NOW, settings

CI = f"arn:aws:iam::{ACCOUNT}:role/ops/ci"
TRUST = Document.of(
    {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole"}}
)
CAREFUL = Document.of(
    {
        "Version": "2012-10-17",
        "Statement": {
            "Effect": "Allow", "Action": "iam:*", "Resource": "*",
            "Condition": {"Bool": {"aws:MultiFactorAuthPresent": "true"}},
        },
    }
)  # fmt: skip

Make = Callable[..., Planned]


@pytest.fixture
def asked() -> Iterator[Stubber]:
    session = Session()
    session.set_credentials("x", "x")
    with Stubber(session.create_client("iam", region_name="us-east-1")) as stub:
        yield stub
        stub.assert_no_pending_responses()


@pytest.fixture
def planned(asked: Stubber) -> Make:
    """A plan that creates a group, by a role that may do so with a second factor only."""

    def make(*acknowledged: str) -> Planned:
        role = Resource(Address("role", "ci"), Role(TRUST, path="/ops/", inline_policies=(("own", CAREFUL),)))
        live = State.of(ACCOUNT, [role], complete=frozenset(KINDS))
        desired = State.of(ACCOUNT, [Resource(Address("group", "developers"), Group())])
        chosen = settings(acknowledge=acknowledged)
        caller = f"arn:aws:sts::{ACCOUNT}:assumed-role/ci"
        made = plan(desired, live, chosen, account_name="prod", caller=caller, now=NOW, applier=caller)
        connection = SimpleNamespace(iam=asked.client, account_id=ACCOUNT, partition="aws")
        reached = SimpleNamespace(connection=connection, applier=caller)
        return Planned(reached, desired, live, chosen, made, contrast(desired, live, chosen))  # type: ignore[arg-type]

    return make


def ids(made: Plan) -> dict[str, list[str]]:
    return {
        "guards": [one.id for one in made.guards if one.id.startswith("call-")],
        "findings": [one.id for one in made.findings if one.id.startswith("call-")],
    }


def answer(decision: str, **more: Any) -> dict[str, Any]:
    result = {
        "EvalActionName": "iam:CreateGroup",
        "EvalResourceName": f"arn:aws:iam::{ACCOUNT}:group/developers",
        "EvalDecision": decision,
        **more,
    }
    return {"EvaluationResults": [result]}


def test_what_hangs_on_a_second_factor_is_open_at_first(planned: Make) -> None:
    assert ids(planned().plan) == {"guards": [], "findings": ["call-undecided"]}


def test_what_the_simulator_allows_is_not_told(planned: Make, asked: Stubber) -> None:
    expected = {
        "PolicySourceArn": CI,
        "ActionNames": ["iam:CreateGroup"],
        "ResourceArns": [f"arn:aws:iam::{ACCOUNT}:group/developers"],
        "MaxItems": ANY,
    }
    asked.add_response("simulate_principal_policy", answer("allowed"), expected)
    assert ids(settled(planned()).plan) == {"guards": [], "findings": []}


def test_what_the_simulator_denies_is_refused_and_can_be_acknowledged(planned: Make, asked: Stubber) -> None:
    for acknowledged in ((), ("call-denied",)):
        organization = {"OrganizationsDecisionDetail": {"AllowedByOrganizations": False}}
        asked.add_response("simulate_principal_policy", answer("implicitDeny", **organization))
        made = settled(planned(*acknowledged)).plan
        (guard,) = (one for one in made.guards if one.id == "call-denied")
        assert "denied by the organization's policies, says AWS's simulator" in guard.evidence
        assert "may not make 1 of the plan's 1 calls" in guard.title
        assert bool(made.refusals) is not bool(acknowledged)


def test_an_answer_that_hangs_on_a_missing_key_decides_nothing(planned: Make, asked: Stubber) -> None:
    missing = answer("implicitDeny", MissingContextValues=["aws:MultiFactorAuthPresent"])
    asked.add_response("simulate_principal_policy", missing)
    assert ids(settled(planned()).plan) == {"guards": [], "findings": ["call-undecided"]}


def test_who_may_not_ask_is_no_worse_off(planned: Make, asked: Stubber) -> None:
    asked.add_client_error("simulate_principal_policy", "AccessDenied", "no", 403)
    before = planned()
    assert settled(before) is before
