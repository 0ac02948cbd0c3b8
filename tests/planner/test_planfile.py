"""Saved plans: taken apart, held against a fresh plan, refused where anything relevant moved."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from jsonschema import Draft7Validator

from iamsync.errors import StalePlan
from iamsync.kinds import KINDS
from iamsync.kinds.account import PasswordPolicy
from iamsync.kinds.kind import Field
from iamsync.kinds.metadata import Metadata
from iamsync.kinds.policy import Policy
from iamsync.kinds.role import Role
from iamsync.kinds.user import User
from iamsync.model import Address, Plan, Removal, Resource, State
from iamsync.planner import planfile
from iamsync.planner.plan import plan
from iamsync.planner.planschema import plan_schema
from iamsync.planner.savedplan import Saved, saved, verify
from iamsync.planner.strayed import lost_ours
from iamsync.policy.document import Document
from tests.laws.law import law
from tests.planner.iam import Iam
from tests.planner.upheaval import Upheaval, upheavals
from tests.world import ACCOUNT, NOW, settings

VALIDATOR = Draft7Validator(plan_schema())
OTHER = '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"x:Other","Resource":"*"}}'
TRUST = (
    '{"Version":"2012-10-17","Statement":'
    '{"Effect":"Allow","Principal":{"Service":"other.amazonaws.com"},"Action":"sts:AssumeRole"}}'
)


def planned(case: Upheaval, live: State | None = None) -> Plan:
    return plan(
        case.desired,
        case.live if live is None else live,
        settings(settle=10),
        account_name="t",
        caller="c",
        now=NOW,
        access=False,
    )


def round_trip(made: Plan) -> Saved:
    document = planfile.document([made], version="0", created_at=NOW)
    problems = [error.message for error in VALIDATOR.iter_errors(json.loads(json.dumps(document)))]
    assert not problems
    (one,) = saved(planfile.to_text(document), "plan.json")
    return one


@law(40)
@given(upheavals())
def test_a_saved_plan_is_the_plan_while_nothing_moved(case: Upheaval) -> None:
    made = planned(case)
    again = verify(round_trip(made), planned(case), case.live, case.desired)
    assert again == made


def carries_over(made: Plan, case: Upheaval) -> bool:
    """Whether a replacement keeps a description that nobody declares: halfway through, only the plan knows it."""
    replaced = [change.address for change in made.changes if change.action == "replace"]
    return any(
        address.kind == "policy"
        and case.desired.resources[address].spec.description is None
        and case.live.resources[address].spec.description
        for address in replaced
    )


@law(40)
@given(upheavals(), st.integers(0, 10**6))
def test_after_any_part_was_done_the_saved_plan_goes_on_with_the_rest(case: Upheaval, cut: int) -> None:
    made = planned(case)
    assume(made.steps and not made.refusals and not carries_over(made, case))
    old = round_trip(made)
    iam = Iam(case.live, case.live.quotas)
    for step in made.steps[: cut % (len(made.steps) + 1)]:
        if step.operation != "wait":
            iam.call(step.operation, step.params)
    live = iam.state()
    fresh = planned(case, live)
    rest = verify(old, fresh, live, case.desired)
    for step in rest.steps:
        if step.operation != "wait":
            iam.call(step.operation, step.params)
    assert not planned(case, iam.state()).changes


def other_value(field: Field, value: Any) -> Any:
    """A value that somebody else may have put there meanwhile."""
    if field.form == "document":
        return Document.parse(TRUST if field.name == "trust_policy" else OTHER)
    if field.form == "documents":
        return (("other", Document.parse(OTHER)), *value)
    if field.form == "settings":
        return PasswordPolicy(minimum_password_length=33)
    if field.form == "metadata":
        return Metadata.of('<EntityDescriptor entityID="other"/>')
    if field.form == "tags":
        return tuple(sorted((("other", "x"), *value)))
    if field.name == "groups":
        return (*value, "other")
    if field.form == "references":
        return (*value, "arn:aws:iam::aws:policy/Other")
    if field.form == "reference":
        return "arn:aws:iam::aws:policy/Other"
    if field.form == "seconds":
        return 3333
    return "/other/" if field.name == "path" else "other"


@law(80)
@given(upheavals(), st.data())
def test_a_field_of_the_read_set_that_somebody_else_changed_makes_the_plan_stale(
    case: Upheaval, data: st.DataObject
) -> None:
    made = planned(case)
    old_names = {new: Address(new.kind, change.renamed_from or new.name) for change in made.changes
                 for new in [change.address]}  # fmt: skip
    seen = [old_names.get(address, address) for address, value in made.prior.items() if value is not None]
    assume(seen)
    address = data.draw(st.sampled_from(seen))
    have = case.live.resources[address]
    kind = KINDS[address.kind]
    field = data.draw(st.sampled_from(kind.fields))
    want = case.desired.get(address)
    assume(not (address.kind == "policy" and field.name == "description" and want and want.spec.description is None))
    value = other_value(field, getattr(have.spec, field.name))
    moved: Resource = replace(have, spec=replace(have.spec, **{field.name: value}))
    if address.kind == "policy" and field.name == "document":
        moved = replace(moved, facts={**have.facts, "versions": (("v9", value, True),)})
    live = replace(case.live, resources={**case.live.resources, address: moved})
    fresh = planned(case, live)
    with pytest.raises(StalePlan):
        verify(round_trip(made), fresh, live, case.desired)


@law(40)
@given(upheavals(), upheavals())
def test_the_approval_is_of_the_changed_fields_and_the_calls(one: Upheaval, other: Upheaval) -> None:
    first, second = planned(one), planned(replace(one, desired=replace(other.desired, removed=one.desired.removed)))

    def meaning(made: Plan) -> Any:
        return [(s.operation, dict(s.params)) for s in made.steps], [
            (c.address, c.action, [(f.field, str(f.before), str(f.after)) for f in c.fields]) for c in made.changes
        ]

    if meaning(first) == meaning(second):
        assert first.approval == second.approval
    else:
        assert first.approval != second.approval


def user(*policies: str, path: str = "/", **more: Any) -> dict[Address, Resource]:
    spec = User(path=path, managed_policies=tuple(f"arn:aws:iam::aws:policy/{name}" for name in policies), **more)
    return {Address("user", "a"): Resource(Address("user", "a"), spec)}


def account(resources: dict[Address, Resource]) -> State:
    return State.of("111122223333", resources.values(), complete=frozenset(KINDS))


def test_a_step_that_is_missing_because_the_manifests_changed_is_no_step_that_was_done() -> None:
    live = account(user())
    reviewed = Upheaval(live, account(user("P", "Q")))
    at_hand = Upheaval(live, account(user("P")))
    with pytest.raises(StalePlan) as stale:
        verify(round_trip(planned(reviewed)), planned(at_hand), live, at_hand.desired)
    assert stale.value.difference == ("~ user/a managed_policies is declared otherwise now",)


def test_a_deletion_that_nobody_wants_any_more_makes_the_plan_stale() -> None:
    live = account(user())
    reviewed = Upheaval(live, replace(account({}), removed=(Removal(Address("user", "a")),)))
    with pytest.raises(StalePlan) as stale:
        verify(round_trip(planned(reviewed)), planned(Upheaval(live, account({}))), live, account({}))
    assert stale.value.difference == ("- delete user/a",)


def test_drift_elsewhere_is_left_out_and_no_obstacle() -> None:
    other = Address("user", "b")
    live = account({**user(), other: Resource(other, User())})
    desired = account({**user("P"), other: Resource(other, User())})
    made = planned(Upheaval(live, desired))
    drifted = account({**user(), other: Resource(other, User(path="/x/"))})
    rest = verify(round_trip(made), planned(Upheaval(drifted, desired)), drifted, desired)
    assert [(step.operation, step.address) for step in rest.steps] == [("AttachUserPolicy", Address("user", "a"))]


def test_a_plan_whose_steps_now_wait_for_somebody_else_is_stale() -> None:
    policy = Address("policy", "p")
    held = "arn:aws:iam::111122223333:policy/p"
    p = {policy: Resource(policy, Policy(Document.parse(OTHER)))}
    live = account({**user(), **p})
    desired = replace(account(user()), removed=(Removal(policy),))
    made = planned(Upheaval(live, desired))
    attached = {Address("user", "a"): Resource(Address("user", "a"), User(managed_policies=(held,)))}
    drifted = account({**attached, **p})
    with pytest.raises(StalePlan) as stale:
        verify(round_trip(made), planned(Upheaval(drifted, desired)), drifted, desired)
    assert stale.value.difference == ("+ user/a would have to change first",)


@pytest.mark.parametrize(
    ("trusted", "asked", "ours"),
    [
        ("AROAEXAMPLEEXAMPLE00", "AROAEXAMPLEEXAMPLE01:a", True),
        (f"arn:aws:iam::{ACCOUNT}:role/old", "AROAEXAMPLEEXAMPLE01:a", True),
        ("arn:aws:iam::444455556666:role/old", "AROAEXAMPLEEXAMPLE01:a", False),
        (f"arn:aws:iam::{ACCOUNT}:role/other", "AROAEXAMPLEEXAMPLE01:a", False),
        (f"arn:aws:iam::{ACCOUNT}:role/old", "AROAEXAMPLEEXAMPLE02:a", False),
    ],
)
def test_of_a_trust_aws_itself_changes_the_accounts_own_principals_alone(trusted: str, asked: str, ours: bool) -> None:
    def trusting(name: str, session: str) -> str:
        statement = {"Effect": "Allow", "Principal": {"AWS": name}, "Action": "sts:AssumeRole"}
        return Document.of({"Statement": {**statement, "Condition": {"StringEquals": {"aws:userid": session}}}}).key

    before = trusting(f"arn:aws:iam::{ACCOUNT}:role/old", "AROAEXAMPLEEXAMPLE01:a")
    gone = frozenset({Address("role", "old")})
    assert lost_ours(before, trusting(trusted, asked), gone, ACCOUNT) is ours


def test_a_trust_that_lost_a_principal_to_the_plans_own_replacement_is_no_change_by_others() -> None:
    """Between the deletion of a role and the new trust, AWS shows the role's bare id where its ARN stood."""

    def trusting(path: str) -> Document:
        principal = {"AWS": f"arn:aws:iam::{ACCOUNT}:role{path}old"}
        statement = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
        return Document.of({"Version": "2012-10-17", "Statement": statement})

    def state(path: str) -> State:
        roles = {"old": Role(Document.parse(TRUST), path=path), "app": Role(trusting(path))}
        return State.of(ACCOUNT, [Resource(Address("role", n), s) for n, s in roles.items()], complete=frozenset(KINDS))

    case = Upheaval(state("/"), state("/ci/"))
    made = planned(case)
    old = round_trip(made)
    iam = Iam(case.live, case.live.quotas)
    done = [step for step in made.steps if step.address == Address("role", "old")]
    for step in done:
        iam.call(step.operation, step.params)
    live = iam.state()
    assert "AROA" in live.resources[Address("role", "app")].spec.trust_policy.text
    rest = verify(old, planned(case, live), live, case.desired)
    assert [step.operation for step in rest.steps] == ["UpdateAssumeRolePolicy"]
