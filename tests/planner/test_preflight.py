"""A call that AWS will certainly refuse is foreseen; what hangs on something unknown stays open."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from iamsync.kinds import KINDS
from iamsync.kinds.group import Group
from iamsync.kinds.kind import Context
from iamsync.kinds.role import Role
from iamsync.kinds.user import User
from iamsync.model import Address, Call, Resource, State, Step
from iamsync.planner.permissions import Permissions
from iamsync.planner.plan import plan
from iamsync.planner.preflight import Forecast, acting, findings, forecasts, lost, lost_finding
from iamsync.planner.required import Whereabouts
from iamsync.policy.document import Document
from tests.world import NOW, settings

COMPLETE = frozenset(KINDS)
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


def reduced(*order: tuple[str, Step, tuple[str, ...]]) -> list[str]:
    """The steps that may come too late, of a plan by which the role loses all of IAM."""
    steps = [replace(step, id=name, after=after) for name, step, after in order]
    before, after = account(statement("iam:*")), account(statement("s3:*"))
    where = Whereabouts(Context(ACCOUNT), {Address("user", "alice"): ("/",), CI: ("/",)})
    return [one.step.id for one in lost(steps, where, before, after, CI)]


TAKE = Step("s2", CI, Call("PutRolePolicy", {"RoleName": "ci", "PolicyName": "own", "PolicyDocument": "{}"}), "revoke")


def test_a_call_beside_the_one_that_takes_what_it_needs_may_come_too_late() -> None:
    assert reduced(("s1", attach(), ()), ("s2", TAKE, ())) == ["s1"]
    assert reduced(("s1", TAKE, ()), ("s2", attach(), ("s1",))) == ["s2"]


def test_a_call_that_is_waited_for_is_made_in_time() -> None:
    wait = Step("w", None, Call("wait", {"seconds": 10}), "neutral")
    assert reduced(("s1", attach(), ()), ("w", wait, ("s1",)), ("s2", TAKE, ("w",))) == []


def test_what_takes_nothing_or_from_somebody_else_makes_nobody_late() -> None:
    other = replace(TAKE, address=Address("role", "other"))
    assert reduced(("s1", attach(), ()), ("s2", other, ())) == []
    assert reduced(("s1", attach(), ()), ("s2", replace(TAKE, effect="grant"), ())) == []
    trust = Call("UpdateAssumeRolePolicy", {"RoleName": "ci", "PolicyDocument": "{}"})
    assert reduced(("s1", attach(), ()), ("s2", replace(TAKE, call=trust), ())) == []


def test_of_a_role_that_deletes_itself_whatever_is_left_may_come_too_late() -> None:
    held = account(statement("iam:*"))
    gone = Permissions(State.of(ACCOUNT, [one for one in held.state if one.address != CI]))
    end = Step("s2", CI, Call("DeleteRole", {"RoleName": "ci"}), "revoke")
    where = Whereabouts(Context(ACCOUNT), {Address("user", "alice"): ("/",), CI: ("/",)})
    late = tuple(lost([attach(), end], where, held, gone, CI))
    assert [one.step.id for one in late] == ["s1"]
    (told,) = lost_finding(late, CI, 2)
    assert (told.id, told.severity) == ("call-lost", "high")
    assert "may lose on the way what 1 of the plan's 2 calls need" in told.title
    assert "(role/ci is deleted)" in told.evidence
    assert lost_finding((), CI, 2) == ()


def test_a_plan_tells_of_a_role_that_narrows_itself_beside_the_rest() -> None:
    document = Document.of({"Version": "2012-10-17", "Statement": [statement("iam:*")]})
    narrow = Document.of({"Version": "2012-10-17", "Statement": [statement("iam:Get*"), statement("iam:List*")]})
    live, desired = (
        State.of(ACCOUNT, [Resource(CI, Role(TRUST, inline_policies=(("own", held),))), *more], complete=COMPLETE)
        for held, more in ((document, []), (narrow, [Resource(Address("group", "new"), Group())]))
    )
    caller = f"arn:aws:sts::{ACCOUNT}:assumed-role/ci"
    made = plan(desired, live, settings(), account_name="t", caller=caller, now=NOW, applier=caller)
    (told,) = (one for one in made.findings if one.id == "call-lost")
    assert f"iam:CreateGroup on arn:aws:iam::{ACCOUNT}:group/new" in told.evidence


def test_of_a_role_that_is_replaced_whatever_comes_after_its_end_may_come_too_late() -> None:
    document = Document.of({"Version": "2012-10-17", "Statement": [statement("iam:*")]})
    live, desired = (
        State.of(
            ACCOUNT, [Resource(CI, Role(TRUST, path=path, inline_policies=(("own", document),)))], complete=COMPLETE
        )
        for path in ("/", "/ci/")
    )
    caller = f"arn:aws:sts::{ACCOUNT}:assumed-role/ci"
    made = plan(desired, live, settings(), account_name="t", caller=caller, now=NOW, applier=caller)
    assert [step.operation for step in made.steps][-2:] == ["CreateRole", "PutRolePolicy"]
    (told,) = (one for one in made.findings if one.id == "call-lost")
    assert "iam:CreateRole on" in told.evidence
    assert "(role/ci is deleted)" in told.evidence
