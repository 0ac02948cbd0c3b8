"""Tags as permissions: what a changed tag moves, and tags that policies ask for and that others may set."""

from __future__ import annotations

from typing import Any

import pytest

from iamsync.kinds import KINDS
from iamsync.kinds.policy import Policy
from iamsync.kinds.role import Role
from iamsync.kinds.user import User
from iamsync.model import Address, Plan, Resource, State
from iamsync.planner import effects
from iamsync.planner.gate import gains
from iamsync.planner.plan import plan
from iamsync.policy.abac import renamed
from iamsync.policy.access import lines
from iamsync.policy.document import Document
from tests.world import ACCOUNT, NOW, settings

ALICE, APP = Address("user", "alice"), Address("role", "app")
ARN = f"arn:aws:iam::{ACCOUNT}:role/app"


def document(action: str, resource: str = "*", **condition: Any) -> Document:
    statement = {"Effect": "Allow", "Action": action, "Resource": resource}
    held = {**statement, "Condition": condition} if condition else statement
    return Document.of({"Version": "2012-10-17", "Statement": held})


TRUST = Document.of(
    {
        "Version": "2012-10-17",
        "Statement": {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"},
    }
)


def state(policy: Document, mine: dict[str, str], its: dict[str, str]) -> State:
    held = [
        Resource(ALICE, User(inline_policies=(("own", policy),), tags=tuple(sorted(mine.items())))),
        Resource(APP, Role(TRUST, tags=tuple(sorted(its.items())))),
    ]
    return State.of(ACCOUNT, held, complete=frozenset(KINDS))


def planned(desired: State, live: State, ignore: tuple[str, ...] = ()) -> Plan:
    return plan(desired, live, settings(ignore_changes=ignore), account_name="t", caller="c", now=NOW)


def told(made: Plan) -> list[tuple[str, str, str]]:
    return [
        (str(one.principal), str(one.through), line)
        for change in made.changes
        for one in change.affected
        for line in lines(one.access)
    ]


WEB = {"StringEquals": {"aws:PrincipalTag/Team": "web"}}
NO_TEAM = {"Null": {"aws:PrincipalTag/team": "true"}}
MINE = {"StringEquals": {"aws:ResourceTag/team": "${aws:PrincipalTag/team}"}}


@pytest.mark.parametrize(
    ("policy", "before", "after", "said"),
    [
        (document("s3:GetObject", **WEB), {}, {"team": "web"}, "GAIN  s3:GetObject on *"),
        (document("s3:GetObject", **WEB), {"team": "web"}, {"team": "app"}, "LOSS  s3:GetObject on *"),
        (document("s3:GetObject", **WEB), {"team": "app"}, {"team": "ops"}, None),
        (document("s3:GetObject", **WEB), {"team": "web"}, {"team": "web", "cost": "1"}, None),
        (document("s3:GetObject"), {"team": "web"}, {"team": "app"}, None),
        (document("s3:GetObject", **NO_TEAM), {}, {"team": "x"}, "LOSS  s3:GetObject on *"),
    ],
)
def test_a_changed_tag_of_a_principal_moves_what_its_policies_make_of_it(
    policy: Document, before: dict[str, str], after: dict[str, str], said: str | None
) -> None:
    made = planned(state(policy, after, {}), state(policy, before, {}))
    assert len(made.changes) == 1
    assert told(made) == ([("user/alice", "user/alice", said)] if said else [])


def test_a_tag_in_a_resource_moves_from_one_place_to_the_other() -> None:
    policy = document("s3:GetObject", "arn:aws:s3:::site/${aws:PrincipalTag/team}/*")
    found = told(planned(state(policy, {"team": "app"}, {}), state(policy, {"team": "web"}, {})))
    assert sorted(line.split()[0] for *_, line in found) == ["GAIN", "LOSS"]


@pytest.mark.parametrize("key", ["aws:ResourceTag/team", "iam:ResourceTag/Team"])
def test_a_changed_tag_of_a_resource_moves_those_who_may_do_something_to_it(key: str) -> None:
    policy = document("iam:DeleteRole", StringEquals={key: "web"})
    made = planned(state(policy, {}, {"team": "web"}), state(policy, {}, {"team": "app"}))
    assert told(made) == [("user/alice", "role/app", f"GAIN  iam:DeleteRole on {ARN}")]
    back = planned(state(policy, {}, {}), state(policy, {}, {"team": "web"}))
    assert told(back) == [("user/alice", "role/app", f"LOSS  iam:DeleteRole on {ARN}")]
    assert told(planned(state(policy, {}, {"cost": "1"}), state(policy, {}, {}))) == []


def test_a_tag_of_a_resource_is_compared_with_that_of_who_asks() -> None:
    policy = document("iam:DeleteRole", **MINE)
    made = planned(state(policy, {"team": "web"}, {"team": "web"}), state(policy, {"team": "web"}, {"team": "app"}))
    assert told(made) == [("user/alice", "role/app", f"GAIN  iam:DeleteRole on {ARN}")]


@pytest.mark.parametrize(
    ("ignore", "policy", "said"),
    [
        (("tags/team",), document("s3:GetObject", **WEB), True),
        (("tags",), document("s3:GetObject", **WEB), True),
        (("tags/cost*",), document("s3:GetObject", **WEB), False),
        (("description",), document("s3:GetObject", **WEB), False),
        (("tags/team",), document("s3:GetObject"), False),
        (("tags/team",), document("iam:DeleteRole", **MINE), True),
    ],
)
def test_a_tag_that_policies_ask_for_and_that_is_left_to_others_is_told(
    ignore: tuple[str, ...], policy: Document, said: bool
) -> None:
    held = state(policy, {"team": "web"}, {})
    found = [one for one in planned(held, held, ignore).findings if one.id == "abac-tag-ignored"]
    assert bool(found) is said
    if found:
        assert found[0].title.startswith("tag team of role/app, user/alice is left to others")
        assert found[0].evidence == "user/alice now has team=web"


def test_condition_keys_are_renamed_in_conditions_and_variables_alone() -> None:
    held = Document.of(
        {
            "Version": "2012-10-17",
            "Statement": {
                "Sid": "teamA",
                "Effect": "Allow",
                "Action": "s3:GetObject",
                "Resource": ["arn:aws:s3:::${aws:PrincipalTag/Team, 'none'}", "arn:aws:s3:::${aws:username}"],
                "Condition": {"StringEquals": {"AWS:principaltag/team": "${aws:principaltag/team}"}},
            },
        }
    )
    found = renamed(held, {"aws:principaltag/team": "aws:PrincipalTag/x"}).value["Statement"]
    assert found["Resource"] == ["arn:aws:s3:::${aws:PrincipalTag/x, 'none'}", "arn:aws:s3:::${aws:username}"]
    assert found["Condition"] == {"StringEquals": {"aws:PrincipalTag/x": "${aws:PrincipalTag/x}"}}
    assert found["Sid"] == "teamA"
    assert renamed(held, {"aws:principaltag/other": "x"}) is held


def test_a_tag_of_a_policy_that_opens_a_path_to_administrator_is_an_escalation() -> None:
    """Whoever may rewrite policies of its team is given one that an administrator holds."""
    deploy = Address("policy", "deploy")
    everything = Document.of(
        {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}
    )
    mine = document("iam:CreatePolicyVersion", StringEquals={"aws:resourcetag/team": "web"})
    boss = Resource(Address("user", "boss"), User(inline_policies=(("all", everything),)))
    arn = f"arn:aws:iam::{ACCOUNT}:policy/deploy"
    held = [Resource(ALICE, User(inline_policies=(("own", mine),), managed_policies=(arn,))), boss]

    def account(**tags: str) -> State:
        policy = Policy(document("s3:GetObject"), tags=tuple(tags.items()))
        return State.of(ACCOUNT, [*held, Resource(deploy, policy)], complete=frozenset(KINDS))

    made = planned(account(team="web"), account(team="db"))
    assert [(f.severity, f.address) for f in made.guards if f.id == "escalation"] == [("refuse", ALICE)]
    assert not [f for f in planned(account(team="db2"), account(team="db")).guards if f.id == "escalation"]


def test_those_who_ask_for_a_tag_are_counted_where_they_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(effects, "MOST", 1)
    asks = document("iam:PassRole", StringEquals={"aws:ResourceTag/team": "web"})

    def account(team: str) -> State:
        users = [Resource(Address("user", name), User(inline_policies=(("own", asks),))) for name in ("a", "b")]
        silent = Resource(Address("user", "c"), User(inline_policies=(("own", document("s3:GetObject")),)))
        return State.of(
            ACCOUNT, [*users, silent, Resource(APP, Role(TRUST, tags=(("team", team),)))], complete=frozenset(KINDS)
        )

    made = planned(account("web"), account("db"))
    assert [finding.title for finding in made.findings if finding.id == "access-untold"] == [
        "gains and losses of 1 more principals were not computed; 1 are the most in one plan"
    ]
    assert gains(made, ["ec2:*"])  # a gate cannot vouch for whom it did not see


def homes(**condition: Any) -> Document:
    return document("s3:GetObject", "arn:aws:s3:::home/${aws:username}/*", **condition)


def renaming(policy: Document, old: User, new: User) -> list[str]:
    have, want = (User(path=one.path, inline_policies=(("own", policy),), tags=one.tags) for one in (old, new))
    live = State.of(ACCOUNT, [Resource(Address("user", "al"), have)], complete=frozenset(KINDS))
    desired = State.of(ACCOUNT, [Resource(ALICE, want, renamed_from="al")])
    return [line for _, _, line in told(planned(desired, live))]


def test_a_user_that_is_renamed_gains_what_policies_give_to_its_new_name_and_loses_what_they_gave_to_the_old() -> None:
    assert renaming(homes(), User(), User()) == [
        "GAIN  s3:GetObject on arn:aws:s3:::home/alice/*",
        "LOSS  s3:GetObject on arn:aws:s3:::home/al/*",
    ]
    by_name = document("s3:GetObject", StringEquals={"aws:username": "al"})
    assert renaming(by_name, User(), User()) == ["LOSS  s3:GetObject on *"]
    plain = document("s3:GetObject", "arn:aws:s3:::home/al/*")
    assert not renaming(plain, User(), User())


def test_a_user_that_is_renamed_and_moved_is_asked_for_by_its_arn_on_both_sides() -> None:
    by_arn = document("s3:GetObject", ArnLike={"aws:PrincipalArn": f"arn:aws:iam::{ACCOUNT}:user/ops/*"})
    assert renaming(by_arn, User(), User(path="/ops/")) == ["GAIN  s3:GetObject on *"]
    assert renaming(by_arn, User(path="/ops/"), User()) == ["LOSS  s3:GetObject on *"]
    tagged = (("team", "a"),)
    assert not renaming(by_arn, User(path="/ops/", tags=tagged), User(path="/ops/a/", tags=tagged))
