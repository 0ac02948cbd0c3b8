"""A call that AWS will certainly refuse is foreseen; what hangs on something unknown stays open."""

from __future__ import annotations

from typing import Any

from iamsync.kinds.kind import Context
from iamsync.kinds.role import Role
from iamsync.kinds.user import User
from iamsync.model import Address, Call, Resource, State, Step
from iamsync.planner.permissions import Permissions
from iamsync.planner.preflight import Forecast, acting, findings, forecasts
from iamsync.planner.required import Whereabouts
from iamsync.policy.document import Document

ACCOUNT = "111122223333"
CI = Address("role", "ci")
TRUST = Document.of(
    {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole"}}
)
DEPLOY = f"arn:aws:iam::{ACCOUNT}:policy/deploy"
BASE = f"arn:aws:iam::{ACCOUNT}:policy/base"


def statement(action: str | list[str], effect: str = "Allow", **more: Any) -> dict[str, Any]:
    return {"Effect": effect, "Action": action, "Resource": more.pop("resource", "*"), **more}


def account(*statements: dict[str, Any], boundary: str | None = None, attached: tuple[str, ...] = ()) -> Permissions:
    document = Document.of({"Version": "2012-10-17", "Statement": list(statements)})
    role = Role(TRUST, inline_policies=(("own", document),), permissions_boundary=boundary, managed_policies=attached)
    return Permissions(State.of(ACCOUNT, [Resource(CI, role), Resource(Address("user", "alice"), User())]))


def attach(user: str = "alice") -> Step:
    return Step("s1", Address("user", user), Call("AttachUserPolicy", {"UserName": user, "PolicyArn": DEPLOY}), "grant")


def foreseen(permissions: Permissions, *steps: Step) -> list[Forecast]:
    where = Whereabouts(Context(ACCOUNT), {Address("user", "alice"): ("/",), Address("user", "bob"): ("/people/",)})
    return list(forecasts(steps, where, permissions, CI))


def test_what_is_allowed_is_not_told() -> None:
    assert foreseen(account(statement("iam:*")), attach()) == []


def test_what_nothing_grants_is_denied() -> None:
    (one,) = foreseen(account(statement("iam:Get*")), attach())
    assert one.denied


def test_a_grant_for_another_path_is_none() -> None:
    people = statement("iam:*", resource=f"arn:aws:iam::{ACCOUNT}:user/people/*")
    assert foreseen(account(people), attach("bob")) == []
    (one,) = foreseen(account(people), attach("alice"))
    assert one.denied


def test_a_grant_for_another_policy_is_none() -> None:
    narrow = statement("iam:AttachUserPolicy", Condition={"ArnEquals": {"iam:PolicyARN": BASE}})
    (one,) = foreseen(account(narrow), attach())
    assert one.denied


def test_a_boundary_that_a_condition_asks_for_is_the_users_own() -> None:
    bounded = statement("iam:*", Condition={"StringEquals": {"iam:PermissionsBoundary": BASE}})
    (one,) = foreseen(account(bounded), attach())
    assert one.denied
    first = Step(
        "s0",
        Address("user", "alice"),
        Call("PutUserPermissionsBoundary", {"UserName": "alice", "PermissionsBoundary": BASE}),
        "revoke",
    )
    (later,) = foreseen(account(bounded), first, attach())
    assert later.step.id == "s1"
    assert not later.denied  # on its way it may have the boundary already


def test_a_caller_with_an_unknown_policy_may_be_allowed() -> None:
    (one,) = foreseen(account(attached=("arn:aws:iam::aws:policy/IAMFullAccess",)), attach())
    assert not one.denied


def test_a_second_factor_is_not_known_beforehand() -> None:
    careful = statement("iam:*", Condition={"Bool": {"aws:MultiFactorAuthPresent": "true"}})
    (one,) = foreseen(account(careful), attach())
    assert not one.denied


def test_denied_calls_are_refused_with_figures_and_open_ones_noted() -> None:
    permissions = account(statement("iam:*"), statement("iam:Attach*", "Deny"))
    told = list(findings(foreseen(permissions, attach()), CI, 4))
    assert [(one.id, one.severity) for one in told] == [("call-denied", "refuse")]
    assert "may not make 1 of the plan's 4 calls" in told[0].title
    assert (
        f"iam:AttachUserPolicy on arn:aws:iam::{ACCOUNT}:user/alice (denied by role/ci inline own" in told[0].evidence
    )


def test_the_caller_is_the_role_of_its_session() -> None:
    permissions = account(statement("iam:*"))
    assert acting(f"arn:aws:sts::{ACCOUNT}:assumed-role/ci", permissions) == CI
    assert acting(f"arn:aws:sts::{ACCOUNT}:assumed-role/ci/run-7", permissions) == CI
    assert acting(f"arn:aws:iam::{ACCOUNT}:user/alice", permissions) == Address("user", "alice")
    assert acting(f"arn:aws:iam::{ACCOUNT}:root", permissions) is None
    assert acting("arn:aws:sts::444455556666:assumed-role/ci", permissions) is None
    assert acting("file:dump.json", permissions) is None
