"""The policy for a plan allows its calls and no other: each action on its resource, with what it may attach."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given

from iamsync.kinds.kind import Context
from iamsync.kinds.operations import OPERATIONS, WAIT
from iamsync.model import Address, Call, Plan, State, Step
from iamsync.planner import required
from iamsync.planner.required import SESSION, Need, Whereabouts
from iamsync.policy.catalog import load
from iamsync.policy.document import Document
from iamsync.policy.evaluate import Layers, Source, evaluate
from iamsync.policy.request import ABSENT, Principal, Request
from tests.laws.law import law
from tests.strategies import two_states
from tests.world import ACCOUNT, World, towards

AWS = Path(required.__file__).resolve().parents[1] / "aws"
CX = Context(ACCOUNT)
CALLER = Principal.of(f"arn:aws:iam::{ACCOUNT}:role/iamsync")


def where(plan: Plan) -> Whereabouts:
    return Whereabouts.of(CX, plan.steps, plan.prior)


def allowed(document: dict[str, Any], need: Need) -> bool:
    context = {"iam:PolicyARN": ABSENT, "iam:PermissionsBoundary": ABSENT}
    if need.key:
        context[need.key] = need.value  # type: ignore[assignment]
    # A resource with a wildcard is one whose path nobody knows: any path will do.
    resource = need.resource.replace("/*/", "/some/path/")
    asked = Request(CALLER, need.action, resource, context=context)
    layers = Layers(identity=(Source("required", Document.of(document)),))
    decision = evaluate(asked, layers, explain=False)
    assert decision.certain, decision.reasons
    return decision.allowed


def wanted(plan: Plan) -> set[Need]:
    return {need for step in plan.steps for need in required.needs(step, where(plan))}


@law(12)
@given(two_states())
def test_every_call_of_a_plan_is_allowed_and_no_action_meets_another_ones_resource(pair: tuple[State, State]) -> None:
    before, after = pair
    plan = World().holds(before).plan(towards(after, before))
    document = required.applying(plan.steps, where(plan))
    needs = wanted(plan)
    assert all(allowed(document, need) for need in needs)
    values = {(need.key, need.value) for need in needs}
    # An action without a type of resource is about the account as a whole.
    everywhere = {need.action for need in needs if need.resource == "*"}
    for action in sorted({need.action for need in needs} - everywhere):
        for resource in sorted({need.resource for need in needs}):
            mine = {(need.key, need.value) for need in needs if (need.action, need.resource) == (action, resource)}
            for key, value in values:
                # What is needed without a condition is allowed with whatever context.
                expected = ("", "") in mine or (key, value) in mine
                assert allowed(document, Need(resource, key, value, action)) is expected


@law(12)
@given(two_states())
def test_the_parts_for_session_policies_fit_and_are_the_plan_together(pair: tuple[State, State]) -> None:
    before, after = pair
    plan = World().holds(before).plan(towards(after, before))
    parts = required.parts(plan.steps, where(plan))
    assert all(len(part.text) <= SESSION for part in parts)
    held = [step for part in parts for step in part.steps]
    assert sorted(held) == sorted(step.id for step in plan.steps if step.operation != WAIT)
    by_id = {step.id: step for step in plan.steps}
    for part in parts:
        needs = {need for step in part.steps for need in required.needs(by_id[step], where(plan))}
        assert all(allowed(dict(part.document), need) for need in needs)
        for other in wanted(plan) - needs:
            assert not allowed(dict(part.document), other) or Need(other.resource, "", "", other.action) in needs


def sample(operation: str) -> Iterator[Step]:
    """A step of each operation, with the parameters that name its resource."""
    names = {
        "UserName": "alice", "GroupName": "devs", "RoleName": "app", "InstanceProfileName": "web",
        "PolicyArn": f"arn:aws:iam::{ACCOUNT}:policy/deploy", "PolicyName": "deploy",
        "OpenIDConnectProviderArn": f"arn:aws:iam::{ACCOUNT}:oidc-provider/idp.example.com",
        "Url": "https://idp.example.com", "Name": "okta",
        "SAMLProviderArn": f"arn:aws:iam::{ACCOUNT}:saml-provider/okta",
        "SerialNumber": f"arn:aws:iam::{ACCOUNT}:mfa/alice",
    }  # fmt: skip
    from botocore.session import Session

    shape = Session().get_service_model("iam").operation_model(operation).input_shape
    members = shape.members if shape is not None else {}
    params = {name: names[name] for name in members if name in names}
    yield Step("s1", Address("user", "alice"), Call(operation, params), "mixed")


@pytest.mark.parametrize("operation", sorted(OPERATIONS))
def test_every_operation_a_plan_may_have_is_about_the_type_of_resource_that_the_catalogue_says(operation: str) -> None:
    action = load().action(f"iam:{operation}")
    assert action is not None
    types = load().types(action)
    for step in sample(operation):
        for need in required.needs(step, Whereabouts(CX)):
            if need.action != f"iam:{operation}":
                continue
            resource = need.resource.replace("/*/", "/")
            assert any(kind.fits(resource) for kind in types) if types else resource == "*"


def test_a_resource_whose_path_is_not_known_is_found_at_any() -> None:
    step = Step("s1", Address("role", "app"), Call("RemoveRoleFromInstanceProfile", {
        "InstanceProfileName": "web", "RoleName": "app"}), "revoke")  # fmt: skip
    found = {need.resource for need in required.needs(step, Whereabouts(CX))}
    assert found == {
        f"arn:aws:iam::{ACCOUNT}:instance-profile/web",
        f"arn:aws:iam::{ACCOUNT}:instance-profile/*/web",
    }


def test_to_put_a_role_into_a_profile_is_to_pass_it() -> None:
    step = Step("s1", Address("role", "app"), Call("AddRoleToInstanceProfile", {
        "InstanceProfileName": "web", "RoleName": "app"}), "grant")  # fmt: skip
    place = Whereabouts(CX, {Address("role", "app"): ("/x/",), Address("instance_profile", "web"): ("/",)})
    assert {(need.action, need.resource) for need in required.needs(step, place)} == {
        ("iam:AddRoleToInstanceProfile", f"arn:aws:iam::{ACCOUNT}:instance-profile/web"),
        ("iam:PassRole", f"arn:aws:iam::{ACCOUNT}:role/x/app"),
    }


def test_tags_and_a_boundary_in_a_creation_are_needed_too() -> None:
    boundary = f"arn:aws:iam::{ACCOUNT}:policy/base"
    params = {"RoleName": "app", "Path": "/ci/", "PermissionsBoundary": boundary, "Tags": [{"Key": "a", "Value": "b"}]}
    step = Step("s1", Address("role", "app"), Call("CreateRole", params), "grant")
    role = f"arn:aws:iam::{ACCOUNT}:role/ci/app"
    assert set(required.needs(step, Whereabouts(CX))) == {
        Need(role, "iam:PermissionsBoundary", boundary, "iam:CreateRole"),
        Need(role, "", "", "iam:TagRole"),
    }


def test_a_step_that_fits_no_session_policy_is_told() -> None:
    step = Step("s7", Address("user", "alice"), Call("DeleteUser", {"UserName": "alice"}), "revoke")
    with pytest.raises(ValueError, match="s7 alone needs"):
        required.parts([step], Whereabouts(CX), limit=50)


def test_the_reading_policy_has_every_read_that_the_code_makes() -> None:
    said = {
        node.value
        for file in AWS.glob("*.py")
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    model = {f"iam:{name}" for name in _operations() if name in said and name.startswith(("Get", "List", "Generate"))}
    granted = set(required.reading()["Statement"][0]["Action"])
    assert model <= granted, sorted(model - granted)


def _operations() -> list[str]:
    from botocore.session import Session

    return list(Session().get_service_model("iam").operation_names)
