"""Guards that ask the evaluator: who is locked out, who must stay administrator, who becomes one, who is let in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from iamsync.kinds import KINDS
from iamsync.kinds.credentials import Credential
from iamsync.model import Address, Finding, Plan, Removal, State
from iamsync.planner.permissions import Permissions
from iamsync.planner.plan import plan
from iamsync.planner.reachguards import Withdrawal
from iamsync.policy.document import Document
from iamsync.selector import select
from iamsync.settings import Acknowledgement, Safety, Settings
from tests.planner.casefile import ACCOUNT, NOW, OTHER, state
from tests.world import scope

OPS = f"arn:aws:iam::{ACCOUNT}:user/ops"
SYNC = f"arn:aws:sts::{ACCOUNT}:assumed-role/iamsync"
ALL = {"all": "allow *"}
Sections = Mapping[str, Any]


def planned(
    live: Sections,
    desired: Sections,
    *,
    removed: tuple[str, ...] = (),
    caller: str = f"arn:aws:iam::{ACCOUNT}:root",
    ways: tuple[str, ...] = (),
    break_glass: tuple[str, ...] = (),
    acknowledge: tuple[str, ...] = (),
    accounts: tuple[str, ...] = (),
    trust: Mapping[str, Any] | None = None,
    sign_ins: Mapping[str, bool | None] | None = None,
) -> Plan:
    """The plan between two sides in short words; `trust` are statements of roles of the desired side.

    Every user can sign in, unless `sign_ins` says who can and who cannot.
    """
    paths: dict[str, str] = {}
    have, want = (state(side, paths, {}) for side in (live, desired))
    if trust is not None:
        want = State.of(ACCOUNT, (_trusting(r, trust) for r in want), complete=want.complete)
    users = {resource.address.name: True for resource in have if resource.address.kind == "user"}
    have = replace(have, sign_ins=users if sign_ins is None else sign_ins)
    want = replace(want, removed=tuple(Removal(Address.parse(item)) for item in removed))
    consents = tuple(Acknowledgement(*item.split(":", 1)) for item in acknowledge)
    safety = Safety(break_glass=select(break_glass, KINDS))
    settings = Settings(scope(), safety=safety, acknowledge=consents, ways=ways, accounts=accounts)
    return plan(want, have, settings, account_name="prod", caller=caller, now=NOW)


def _trusting(resource: Any, trust: Mapping[str, Any]) -> Any:
    if resource.address.name not in trust or resource.address.kind != "role":
        return resource
    held = Document.of({"Version": "2012-10-17", "Statement": trust[resource.address.name]})
    return replace(resource, spec=replace(resource.spec, trust_policy=held))


def told(made: Plan, guard: str) -> list[Finding]:
    return [finding for finding in made.guards if finding.id == guard]


def refused(made: Plan, guard: str) -> list[str]:
    return [finding.title for finding in told(made, guard) if finding.severity == "refuse" and not finding.acknowledged]


# -- self-lockout ------------------------------------------------------------------------------------------------------

HANDS = {"ops": {"inline_policies": {"iam": "allow iam:*"}}}
GROUPED = {"users": {"ops": {"groups": ["admins"]}}, "groups": {"admins": {"inline_policies": {"iam": "allow iam:*"}}}}


@pytest.mark.parametrize(
    ("live", "desired", "removed", "says"),
    [
        ({"users": HANDS}, {"users": {"ops": {"inline_policies": {"iam": "allow s3:*"}}}}, (), "could no longer"),
        ({"users": HANDS}, {}, ("user/ops",), "it deletes user/ops"),
        ({"users": HANDS}, {"users": {"ops": {**HANDS["ops"], "tags": {"a": "b"}}}}, (), "own way into this account"),
        (GROUPED, {"users": {"ops": {}}}, (), "could no longer iam:GetAccountAuthorizationDetails"),
        (GROUPED, {"groups": {"admins": {"inline_policies": {"iam": "allow iam:Get*"}}}}, (), "iam:ListRoles"),
        (
            {"users": HANDS, "policies": {"fence": {"document": "allow s3:*"}}},
            {"users": {"ops": {**HANDS["ops"], "permissions_boundary": "fence"}}},
            (),
            "could no longer iam:GetAccountAuthorizationDetails",
        ),
        (
            {"users": HANDS, "policies": {"fence": {"document": "allow s3:*"}}},
            {
                "users": {
                    "ops": {**HANDS["ops"], "inline_policies": {**HANDS["ops"]["inline_policies"], "no": "deny *"}}
                }
            },
            (),
            "could no longer iam:GetAccountAuthorizationDetails",
        ),
    ],
)
def test_a_plan_that_takes_from_its_caller_what_it_needs_is_refused(
    live: Sections, desired: Sections, removed: tuple[str, ...], says: str
) -> None:
    made = planned(live, desired, removed=removed, caller=OPS)
    (title,) = refused(made, "self-lockout")
    assert says in title
    assert not refused(
        planned(live, desired, removed=removed, caller=OPS, acknowledge=("self-lockout:user/ops",)), "self-lockout"
    )
    assert not told(planned(live, desired, removed=removed), "self-lockout")


def test_what_reaches_the_caller_may_change_as_long_as_nothing_is_lost() -> None:
    desired = {"groups": {"admins": {"inline_policies": {"iam": "allow iam:*", "more": "allow s3:*"}}}}
    assert not told(planned(GROUPED, desired, caller=OPS), "self-lockout")
    assert not told(planned(GROUPED, {"users": {"bob": {}}}, caller=OPS), "self-lockout")


def test_a_renamed_caller_is_found_under_its_old_name() -> None:
    made = planned({"users": HANDS}, {"users": {"boss": {**HANDS["ops"], "renamed_from": "ops"}}}, caller=OPS)
    assert len(refused(made, "self-lockout")) == 1


def test_a_boundary_whose_document_narrows_locks_out_too() -> None:
    live = {
        "users": {"ops": {**HANDS["ops"], "permissions_boundary": "fence"}},
        "policies": {"fence": {"document": "allow *"}},
    }
    made = planned(live, {"policies": {"fence": {"document": "allow s3:*"}}}, caller=OPS)
    (finding,) = told(made, "self-lockout")
    assert finding.address == Address("user", "ops")
    assert "could no longer" in finding.title


ROLE = {"iamsync": {"trust_policy": ["user/ci"], "inline_policies": {"iam": "allow iam:*"}}}
WAY = (f"arn:aws:iam::{ACCOUNT}:role/iamsync",)
CI = {"ci": {"inline_policies": {"go": "allow sts:AssumeRole"}}}


@pytest.mark.parametrize(
    ("desired", "removed", "says"),
    [
        ({"roles": {"iamsync": {**ROLE["iamsync"], "trust_policy": ["user/bob"]}}}, (), "way in through"),
        ({"roles": {"iamsync": {**ROLE["iamsync"], "description": "x"}}}, (), "own way into this account"),
        ({}, ("user/ci",), "way in through role/iamsync"),
        ({"users": {"ci": {"inline_policies": {"go": "deny sts:AssumeRole"}}}}, (), "way in through role/iamsync"),
    ],
)
@pytest.mark.parametrize("how", ["caller", "configured"])
def test_every_role_of_the_way_in_is_watched_with_whoever_assumes_it(
    how: str, desired: Sections, removed: tuple[str, ...], says: str
) -> None:
    live = {"users": {**CI, "bob": {}}, "roles": ROLE}
    given: Any = {"caller": SYNC} if how == "caller" else {"ways": WAY}
    (title,) = refused(planned(live, desired, removed=removed, **given), "self-lockout")
    assert says in title


def test_creating_a_role_of_the_way_in_is_no_change_of_it() -> None:
    assert not told(planned({"users": CI}, {"roles": ROLE}, ways=WAY), "self-lockout")


# -- break-glass and last-admin ----------------------------------------------------------------------------------------

BOSS = {"boss": {"inline_policies": ALL}}
SAFE = {"safe": {"trust_policy": [OTHER], "inline_policies": ALL}}


@pytest.mark.parametrize(
    ("desired", "removed", "says"),
    [
        ({}, ("user/boss",), "the plan would delete it"),
        ({"users": {"boss": {"inline_policies": {"all": "allow s3:*"}}}}, (), "would no longer be administrator"),
        ({"users": {"boss": {"inline_policies": {"all": ["allow *", "deny iam:*"]}}}}, (), "would no longer be"),
        ({"users": {"boss": {"inline_policies": ALL, "permissions_boundary": "aws/Unknown"}}}, (), "cannot be decided"),
    ],
)
def test_an_emergency_user_must_stay_administrator(desired: Sections, removed: tuple[str, ...], says: str) -> None:
    live = {"users": BOSS, "roles": SAFE}
    made = planned(live, desired, removed=removed, break_glass=("user/boss",))
    (title,) = refused(made, "break-glass")
    assert says in title
    assert not refused(
        planned(live, desired, removed=removed, break_glass=("user/boss",), acknowledge=("break-glass",)), "break-glass"
    )
    assert not told(planned(live, desired, removed=removed, break_glass=("role/safe",)), "break-glass")


def test_an_emergency_user_may_get_there_through_a_role() -> None:
    live = {"users": BOSS, "roles": {"safe": {"trust_policy": ["user/boss"], "inline_policies": ALL}}}
    desired = {"users": {"boss": {"inline_policies": {"go": "allow sts:AssumeRole"}}}}
    assert not told(planned(live, desired, break_glass=("user/boss",)), "break-glass")


def test_an_emergency_selector_that_selects_nobody_is_told() -> None:
    made = planned({"users": BOSS}, {"users": {"new": {}}}, break_glass=("user/bos",))
    (finding,) = told(made, "break-glass")
    assert finding.severity == "warn"
    assert "user/bos" in finding.title


@pytest.mark.parametrize(
    ("rest", "left"),
    [
        ({}, False),
        ({"roles": {"run": {"trust_policy": ["ec2.amazonaws.com"], "inline_policies": ALL}}}, False),
        ({"roles": SAFE}, True),
        ({"users": {"other": {"inline_policies": {"iam": "allow iam:*"}}}}, True),
    ],
)
def test_the_last_administrator_that_a_person_can_enter_stays(rest: Sections, left: bool) -> None:
    live = {**rest, "users": {**BOSS, **rest.get("users", {})}}
    made = planned(live, {}, removed=("user/boss",))
    assert bool(refused(made, "last-admin")) is not left
    assert not refused(planned(live, {}, removed=("user/boss",), acknowledge=("last-admin",)), "last-admin")


def test_a_new_user_has_nothing_to_sign_in_with_and_is_no_administrator_left() -> None:
    made = planned({"users": BOSS}, {"users": {"new": {"inline_policies": ALL}}}, removed=("user/boss",))
    assert refused(made, "last-admin")


def test_an_account_without_an_administrator_loses_none() -> None:
    assert not told(planned({"users": {"a": {}}}, {}, removed=("user/a",)), "last-admin")


TWO = {"users": {**BOSS, "other": {"inline_policies": ALL}}}


@pytest.mark.parametrize(
    ("sign_ins", "title", "says"),
    [
        ({"boss": True, "other": True}, "", ""),
        ({"other": True}, "", ""),
        ({"boss": False, "other": False}, "", ""),
        (
            {"boss": True, "other": False},
            "no administrator would be left",
            "until now: user/boss; user/other is administrator and has neither a password nor an access key that is on",
        ),
        (
            {"boss": True, "other": None},
            "cannot be decided",
            "whether user/other has a password or an access key that is on is not known: whoever plans may not read it",
        ),
        (
            {},
            "cannot be decided",
            "user/boss, user/other have a password or an access key that is on is not known: nothing that was read",
        ),
        ({"boss": None, "other": False}, "no administrator would be left", "whether user/boss has a password"),
    ],
)
def test_only_who_can_sign_in_is_an_administrator_left(
    sign_ins: Mapping[str, bool | None], title: str, says: str
) -> None:
    for desired, removed in ({}, ("user/boss",)), ({"users": {"boss": {}}}, ()):
        found = told(planned(TWO, desired, removed=removed, sign_ins=sign_ins), "last-admin")
        assert [title in one.title and says in one.evidence for one in found] == ([True] if title else [])


def test_a_plan_that_takes_nothing_from_an_administrator_asks_nothing() -> None:
    more = {"users": {"boss": {"inline_policies": {**ALL, "more": "allow s3:*"}}}}
    assert not told(planned(TWO, more, sign_ins={}), "last-admin")
    assert not told(planned({**TWO, "roles": SAFE}, {}, removed=("user/boss",), sign_ins={}), "last-admin")


def asked(live: Sections, removed: tuple[str, ...], sign_ins: Mapping[str, bool | None]) -> list[str]:
    found = told(planned(live, {}, removed=removed, sign_ins=sign_ins), "last-admin")
    return [question.subject for one in found for question in one.asks]


def test_those_who_are_left_are_asked_about_before_those_who_lose_and_few_at_most() -> None:
    removed = ("user/boss",)
    assert asked(TWO, removed, {}) == ["user/other"]
    assert asked(TWO, removed, {"other": False}) == ["user/boss"]
    assert asked(TWO, removed, {"other": None}) == ["user/boss"]
    assert asked(TWO, removed, {"other": False, "boss": True}) == []
    nearer = {"users": {**TWO["users"], "a": {"inline_policies": {"in": "allow iam:CreateAccessKey"}}}}
    assert asked(nearer, removed, {}) == ["user/other", "user/a"]
    many = {"users": {**BOSS, **{f"u{n:02}": {"inline_policies": ALL} for n in range(30)}}}
    first = asked(many, removed, {})
    assert first == [f"user/u{n:02}" for n in range(25)]
    nobody = {name.removeprefix("user/"): False for name in first}
    (finding,) = told(planned(many, {}, removed=removed, sign_ins=nobody), "last-admin")
    assert not finding.asks
    assert "a password or an access key that is on is not known: no more than 25 users are asked" in finding.evidence


def test_a_user_that_is_renamed_is_asked_about_by_the_name_it_has() -> None:
    desired = {"users": {"next": {"inline_policies": ALL, "renamed_from": "other"}}}
    found = told(planned(TWO, desired, removed=("user/boss",), sign_ins={}), "last-admin")
    assert [question.subject for question in found[0].asks] == ["user/other"]
    assert not told(planned(TWO, desired, removed=("user/boss",), sign_ins={"other": True}), "last-admin")


@pytest.mark.parametrize(
    ("held", "refuses"),
    [
        ((), False),
        ((Credential("access-key", "AKIAEXAMPLE", "Inactive"), Credential("ssh-key", "APKAEXAMPLE", "Active")), False),
        ((Credential("access-key", "AKIAEXAMPLE", "Active"),), True),
        ((Credential("login-profile"),), True),
    ],
)
def test_of_a_user_to_be_deleted_what_is_known_counts(held: tuple[Credential, ...], refuses: bool) -> None:
    have = state({"users": BOSS}, {}, {})
    (boss,) = have
    have = replace(have, resources={boss.address: replace(boss, facts={"credentials": held})})
    want = State.of(ACCOUNT, (), complete=have.complete, removed=(Removal(boss.address),))
    made = plan(want, have, Settings(scope()), account_name="prod", caller="", now=NOW)
    assert bool(told(made, "last-admin")) is refuses


MANY = {"users": {f"u{n:02}": {"inline_policies": ALL} for n in range(40)}}


def withdrawn(
    live: Sections, bereft: Mapping[str, bool | None], sign_ins: Mapping[str, bool | None] | None = None
) -> list[Finding]:
    return list(Withdrawal(Permissions(state(live, {}, {})), bereft).findings(sign_ins or {}))


@pytest.mark.parametrize(
    ("live", "bereft", "asks"),
    [
        ({"users": BOSS}, {"boss": False}, [[]]),
        ({"users": BOSS}, {"boss": None}, [[("password", "user/boss")]]),
        (TWO, {"boss": None}, [[("password", "user/boss"), ("sign-in", "user/other")]]),
        (TWO, {"boss": False}, [[("sign-in", "user/other")]]),
        ({**TWO, "roles": SAFE}, {"boss": False, "other": False}, []),
        ({"users": {**BOSS, "plain": {}}}, {"plain": False}, []),
        # Whoever comes to be administrator through a role counts like one.
        (
            {"users": {"dev": {}}, "roles": {"far": {"trust_policy": ["user/dev"], "inline_policies": ALL}}},
            {"dev": False},
            [[]],
        ),
    ],
)
def test_who_loses_its_last_key_or_password_is_an_administrator_lost(
    live: Sections, bereft: Mapping[str, bool | None], asks: list[list[tuple[str, str]]]
) -> None:
    found = withdrawn(live, bereft)
    assert [[(one.about, one.subject) for one in finding.asks] for finding in found] == asks
    assert all((finding.id, finding.severity) == ("last-admin", "refuse") for finding in found)


@pytest.mark.parametrize("has", [True, False, None])
def test_what_was_answered_decides_whether_keys_may_go(has: bool | None) -> None:
    for name in ("boss", "other"):
        found = withdrawn(TWO, {"boss": None}, {"boss": False, "other": False, name: has})
        assert [finding.asks for finding in found] == ([] if has else [()])
        assert all(("cannot be decided" in finding.title) is (has is None) for finding in found)


def test_those_whose_keys_go_take_nobody_elses_place_among_those_who_are_asked_about() -> None:
    bereft = dict.fromkeys([f"u{n:02}" for n in range(30)], False)
    (finding,) = withdrawn(MANY, bereft)
    assert [one.subject for one in finding.asks] == [f"user/u{n}" for n in range(30, 40)]
    assert not withdrawn(MANY, bereft, {"u39": True})


# -- escalation --------------------------------------------------------------------------------------------------------


def test_a_role_that_becomes_powerful_is_told_at_everybody_who_can_assume_it() -> None:
    roles = {"deploy": {"trust_policy": ["user/dev"]}, "far": {"trust_policy": ["role/deploy"]}}
    live = {"users": {"dev": {}, "other": {}}, "roles": roles}
    desired = {"roles": {"far": {**roles["far"], "inline_policies": ALL}}}
    made = planned(live, desired)
    assert refused(made, "escalation") == [
        "role/deploy would gain a path to administrator in 1 step",
        "role/far would become administrator",
        "user/dev would gain a path to administrator in 2 steps",
    ]
    finding = told(made, "escalation")[-1]
    assert finding.evidence == (
        "1. assume the role (role/deploy): sts:AssumeRole, by role/deploy trust policy, statement 1 [IAM-E020]; "
        "2. assume the role (role/far): sts:AssumeRole, by role/far trust policy, statement 1 [IAM-E020]; "
        "role/far is administrator by role/far inline all, statement 1"
    )
    assert not refused(planned(live, desired, acknowledge=("escalation",)), "escalation")


@pytest.mark.parametrize(
    "desired",
    [
        {"users": {"dev": {"inline_policies": {"all": "allow s3:*"}}}},
        {"users": {"dev": {"inline_policies": {"all": ["allow *", "deny iam:*", "deny sts:*"]}}}},
        {"users": {"boss": {"inline_policies": {**ALL, "more": "allow s3:*"}}}},
        {"policies": {"unused": {"document": "allow *"}}},
    ],
)
def test_who_gains_less_than_administrator_or_is_one_already_is_not_told(desired: Sections) -> None:
    assert not told(planned({"users": {"dev": {}, **BOSS}}, desired), "escalation")


def test_what_the_plan_creates_is_told_in_one_warning() -> None:
    desired = {"users": BOSS, "roles": {"admin": {"trust_policy": ["user/boss"], "inline_policies": ALL}}}
    made = planned({}, desired)
    (finding,) = told(made, "escalation")
    assert finding.severity == "warn"
    assert finding.title.endswith("or can become it: role/admin, user/boss")
    assert not made.refusals


def test_an_unknown_document_is_undecided_and_not_passed_over() -> None:
    made = planned({"users": {"dev": {}, **BOSS}}, {"users": {"dev": {"managed_policies": ["aws/Unknown"]}}})
    (finding,) = told(made, "escalation")
    assert (finding.severity, finding.title) == ("warn", "user/dev perhaps would become administrator")
    assert "the document of aws/Unknown is not known" in finding.evidence


# -- who is let in -----------------------------------------------------------------------------------------------------

GITHUB = f"arn:aws:iam::{ACCOUNT}:oidc-provider/token.actions.githubusercontent.com"
AUDIENCE = {"token.actions.githubusercontent.com:aud": "sts.amazonaws.com"}
SUBJECT = {"token.actions.githubusercontent.com:sub": "repo:acme/site:ref:refs/heads/main"}
SAML = f"arn:aws:iam::{ACCOUNT}:saml-provider/idp"


def letting(principal: Any, action: str = "sts:AssumeRole", condition: Any = None) -> dict[str, Any]:
    held = {"Effect": "Allow", "Principal": principal, "Action": action}
    return {**held, "Condition": condition} if condition else held


@pytest.mark.parametrize(
    ("statement", "anyone"),
    [
        (letting("*"), True),
        (letting({"AWS": "*"}, condition={"StringEquals": {"sts:ExternalId": "x"}}), True),
        (letting({"AWS": "*"}, condition={"StringEquals": {"aws:PrincipalOrgID": "o-1234567890"}}), False),
        (letting({"Federated": GITHUB}, "sts:AssumeRoleWithWebIdentity", {"StringEquals": AUDIENCE}), True),
        (
            letting({"Federated": GITHUB}, "sts:AssumeRoleWithWebIdentity", {"StringEquals": AUDIENCE | SUBJECT}),
            False,
        ),
        (letting({"Federated": SAML}, "sts:AssumeRoleWithSAML"), True),
        (
            letting(
                *({"Federated": SAML}, "sts:AssumeRoleWithSAML"),
                {"StringEquals": {"SAML:aud": "https://signin.aws.amazon.com/saml"}},
            ),
            False,
        ),
        ({"Effect": "Allow", "NotPrincipal": {"AWS": OPS}, "Action": "sts:AssumeRole"}, True),
        ({"Effect": "Deny", "NotPrincipal": {"AWS": OPS}, "Action": "sts:AssumeRole"}, False),
    ],
)
@pytest.mark.parametrize("live", [{}, {"roles": {"app": {}}}], ids=["new", "changed"])
def test_a_trust_that_newly_lets_in_whoever_likes_is_refused(
    live: Sections, statement: dict[str, Any], anyone: bool
) -> None:
    desired = {"roles": {"app": {}}}
    made = planned(live, desired, trust={"app": statement})
    assert bool(refused(made, "trust-anyone")) is anyone
    consent = planned(live, desired, trust={"app": statement}, acknowledge=("trust-anyone:role/app",))
    assert not refused(consent, "trust-anyone")


def test_a_trust_that_lets_in_whoever_likes_already_is_not_told_again() -> None:
    live = {"roles": {"app": {"trust_policy": ["*"]}}}
    desired = {"roles": {"app": {"trust_policy": ["*", "ec2.amazonaws.com"]}}}
    made = planned(live, desired)
    assert made.changes
    assert not told(made, "trust-anyone")


@pytest.mark.parametrize("name", [OTHER, f"arn:aws:iam::{OTHER}:root", f"arn:aws:iam::{OTHER}:role/x"])
def test_an_account_that_nobody_knows_is_not_trusted_unasked(name: str) -> None:
    live, desired = {"roles": {"app": {}}}, {"roles": {"app": {"trust_policy": [name]}}}
    (title,) = refused(planned(live, desired), "trust-unknown-account")
    assert title == f"role/app would trust account {OTHER}, which is none of this project's"
    assert not told(planned(live, desired, accounts=(OTHER,)), "trust-unknown-account")
    assert not refused(planned(live, desired, acknowledge=("trust-unknown-account",)), "trust-unknown-account")
    more = {"roles": {"app": {"trust_policy": [name, "ec2.amazonaws.com"]}}}
    assert not told(planned(desired, more), "trust-unknown-account")


def test_everyone_narrowed_to_an_account_is_that_account() -> None:
    statement = letting("*", condition={"StringEquals": {"aws:PrincipalAccount": OTHER}})
    made = planned({}, {"roles": {"app": {}}}, trust={"app": statement})
    assert refused(made, "trust-unknown-account")
    assert not told(made, "trust-anyone")


def test_a_trust_that_nobody_declares_is_told_of_whom_the_plan_deletes() -> None:
    live = {"users": {"bob": {}}, "roles": {"app": {"trust_policy": ["user/bob"]}}}
    (finding,) = told(planned(live, {}, removed=("user/bob",)), "orphan-principal")
    assert (finding.severity, finding.title) == (
        "warn",
        "role/app would be left trusting user/bob, which the plan deletes",
    )
    gone = planned(live, {"roles": {"app": {}}}, removed=("user/bob",))
    assert not told(gone, "orphan-principal")


def test_a_policy_that_names_a_role_there_is_none_of_is_told() -> None:
    passing = {"Effect": "Allow", "Action": "iam:PassRole", "Resource": f"arn:aws:iam::{ACCOUNT}:role/app"}
    desired = state({"users": {"dev": {}}}, {}, {})
    held = replace(
        desired.resources[Address("user", "dev")].spec,
        inline_policies=(("pass", Document.of({"Version": "2012-10-17", "Statement": passing})),),
    )
    (dev,) = desired
    want = State.of(ACCOUNT, [replace(dev, spec=held)], complete=desired.complete)
    for live, expected in (({}, 1), ({"roles": {"app": {}}}, 0)):
        made = plan(want, state(live, {}, {}), Settings(scope()), account_name="a", caller="c", now=NOW)
        assert len(told(made, "orphan-principal")) == expected


def test_whoever_may_change_more_than_is_looked_at_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    groups = {f"g{n}": {"inline_policies": {"p": ["allow sts:AssumeRole", f"allow s3:Get{n}"]}} for n in range(3)}
    live = {"users": {"dev": {}}, "groups": groups}
    desired = {"users": {"dev": {"inline_policies": {"join": "allow iam:AddUserToGroup"}}}}

    def untold() -> list[str]:
        return [one.title for one in planned(live, desired).findings if one.id == "escalation-untold"]

    assert untold() == []
    monkeypatch.setattr("iamsync.planner.paths.MOST", 3)
    assert untold() == ["not every path to administrator was followed of user/dev"]
    desired["users"]["dev"] = {"inline_policies": ALL}
    assert untold() == []
