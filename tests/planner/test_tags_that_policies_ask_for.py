"""A tag that a policy asks for is a permission: its step comes when its turn is."""

from __future__ import annotations

from typing import Any

import pytest

from iamsync.kinds import KINDS
from iamsync.kinds.role import Role
from iamsync.kinds.user import User
from iamsync.model import Address, Plan, Resource, State
from iamsync.planner import bearers
from iamsync.planner.bearers import Retagged
from iamsync.planner.plan import plan
from iamsync.policy.document import Document
from iamsync.policy.edits import Moves
from iamsync.policy.request import Principal
from tests.world import ACCOUNT, NOW, settings

READ_ONLY = "arn:aws:iam::aws:policy/ReadOnlyAccess"
ALICE, APP = Address("user", "alice"), Address("role", "app")
TRUST = {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}


def document(effect: str, condition: dict[str, Any]) -> Document:
    return Document.of(
        {
            "Version": "2012-10-17",
            "Statement": [{"Effect": effect, "Action": "iam:*", "Resource": "*", "Condition": condition}],
        }
    )


def account(tags: dict[str, str], held: Document, *attached: str, on_role: bool = False) -> State:
    trust = Document.of({"Version": "2012-10-17", "Statement": [TRUST]})
    user_tags, role_tags = ({}, tags) if on_role else (tags, {})
    alice = User("/", (), attached, (("i", held),), None, tuple(user_tags.items()))
    app = Role(trust, tags=tuple(role_tags.items()))
    return State.of(ACCOUNT, [Resource(ALICE, alice), Resource(APP, app)], complete=frozenset(KINDS))


def planned(live: State, desired: State) -> Plan:
    return plan(desired, live, settings(settle=10), account_name="t", caller="c", now=NOW, access=False)


def team(value: str) -> dict[str, Any]:
    return {"StringEquals": {"aws:PrincipalTag/Team": value}}


@pytest.mark.parametrize(
    ("effect", "before", "after", "told"),
    [
        ("Allow", {"team": "a"}, {"team": "b"}, "revoke"),
        ("Allow", {}, {"TEAM": "a"}, "grant"),
        ("Deny", {"team": "b"}, {"team": "a"}, "revoke"),
        ("Deny", {"team": "a"}, {}, "grant"),
        ("Allow", {"team": "b"}, {"team": "c"}, "neutral"),
        ("Allow", {"team": "a", "color": "red"}, {"team": "a", "color": "blue"}, "neutral"),
    ],
)
def test_a_tag_gives_and_takes_what_policies_make_of_it(
    effect: str, before: dict[str, str], after: dict[str, str], told: str
) -> None:
    held = document(effect, team("a"))
    (step,) = planned(account(before, held), account(after, held)).steps
    assert step.effect == told


def test_a_tag_that_revokes_waits_for_the_grants_and_a_pause() -> None:
    held = document("Allow", team("a"))
    made = planned(account({"team": "a"}, held), account({}, held, READ_ONLY))
    assert [step.operation for step in made.steps] == ["AttachUserPolicy", "wait", "UntagUser"]
    assert made.steps[2].after == (made.steps[1].id,)
    assert not made.findings


@pytest.mark.parametrize("key", ["aws:ResourceTag/team", "iam:ResourceTag/TEAM"])
def test_a_tag_of_a_resource_moves_those_who_are_asked_for_it(key: str) -> None:
    held = document("Allow", {"StringEquals": {key: "a"}})
    made = planned(account({"team": "a"}, held, on_role=True), account({"team": "b"}, held, READ_ONLY, on_role=True))
    assert [(step.operation, step.effect) for step in made.steps if step.operation != "wait"] == [
        ("AttachUserPolicy", "grant"),
        ("TagRole", "mixed"),
    ]
    assert [finding.id for finding in made.findings] == ["tag-edit"]


def entered(tags: dict[str, str], *conditions: dict[str, Any]) -> State:
    """An account in which alice may assume any role that lets her account in."""
    root = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": "sts:AssumeRole"}
    trust = Document.of({"Version": "2012-10-17", "Statement": [{**root, "Condition": one} for one in conditions]})
    assume = {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"}
    own = Document.of({"Version": "2012-10-17", "Statement": [assume]})
    app = Role(trust, tags=tuple(tags.items()))
    alice = User(inline_policies=(("i", own),))
    return State.of(ACCOUNT, [Resource(ALICE, alice), Resource(APP, app)], complete=frozenset(KINDS))


@pytest.mark.parametrize("key", ["aws:ResourceTag/team", "iam:ResourceTag/Team"])
@pytest.mark.parametrize(
    ("old", "new", "tags", "order"),
    [
        # The tag is gone before the trust policy comes to ask for it: in the other order the role stood open.
        ("z", "a", ({"team": "a"}, {}), ["UntagRole", "UpdateAssumeRolePolicy"]),
        # And it is set when no statement asks for it any more.
        ("a", "z", ({}, {"team": "a"}), ["UpdateAssumeRolePolicy", "TagRole"]),
        # A role that stays open is open all along: the trust policy takes the new tag before it is there.
        (("a",), ("a", "b"), ({"team": "a"}, {"team": "b"}), ["UpdateAssumeRolePolicy", "TagRole"]),
    ],
)
def test_a_roles_own_tag_and_its_trust_policy_that_asks_for_it_take_turns(
    key: str, old: str, new: str, tags: tuple[dict[str, str], dict[str, str]], order: list[str]
) -> None:
    sides = ([{"StringEquals": {key: value}} for value in values] for values in (old, new))
    live, desired = (entered(held, *conditions) for held, conditions in zip(tags, sides, strict=True))
    made = planned(live, desired)
    steps = [step for step in made.steps if step.operation != "wait"]
    assert [step.operation for step in steps] == order
    assert made.steps[-1].after
    assert "tag-edit" not in {finding.id for finding in made.findings}


@pytest.mark.parametrize(("action", "crossed"), [("s3:GetObject", False), ("sts:AssumeRole", True), ("*", True)])
def test_a_roles_own_tag_crosses_only_what_is_about_entering_the_role(action: str, crossed: bool) -> None:
    asked = {"StringEquals": {"aws:ResourceTag/team": "${aws:PrincipalTag/team}"}}
    states = []
    for name, team in (("old", "a"), ("new", "b")):
        allow = {"Effect": "Allow", "Action": action, "Resource": "*"}
        held = ((name, Document.of({"Version": "2012-10-17", "Statement": [allow]})),)
        role = entered({"team": team}, asked).resources[APP]
        people = Resource(ALICE, User(inline_policies=held))
        states.append(State.of(ACCOUNT, [people, role], complete=frozenset(KINDS)))
    made = planned(*states)
    assert ("tag-edit" in {finding.id for finding in made.findings}) is crossed
    order = [step.operation for step in made.steps if step.address == ALICE]
    assert order == ["PutUserPolicy", "DeleteUserPolicy"]


def test_a_roles_own_tag_that_no_trust_policy_asks_for_waits_for_nothing() -> None:
    live = entered({"color": "red"}, {"StringEquals": {"aws:ResourceTag/team": "a"}})
    made = planned(live, entered({"color": "blue"}, {"StringEquals": {"aws:ResourceTag/team": "b"}}))
    assert all(not step.after for step in made.steps)


@pytest.mark.parametrize(("value", "looks", "let_in"), [("a", 1, ["alice", "bob"]), ("${aws:username}", 2, ["alice"])])
def test_what_a_roles_own_tag_does_at_its_door_is_looked_at_once_unless_it_hangs_on_who_comes(
    monkeypatch: pytest.MonkeyPatch, value: str, looks: int, let_in: list[str]
) -> None:
    seen = []

    def counted(*given: Any) -> Moves:
        seen.append(given)
        return meant(*given)

    meant = bearers._of_statements
    monkeypatch.setattr(bearers, "_of_statements", counted)
    trust = entered({}, {"StringEquals": {"aws:ResourceTag/team": value}}).resources[APP].spec.trust_policy
    people = {
        Address("user", name): Principal.of(f"arn:aws:iam::{ACCOUNT}:user/{name}", unique_id="-")
        for name in ("alice", "bob")
    }
    change = Retagged({}, {"team": "a" if value == "a" else "alice"}, frozenset({"team"}))
    found = bearers.of_door(change, people, f"arn:aws:iam::{ACCOUNT}:role/app", trust, trust)
    assert [address.name for address, (_, does) in found.items() if does & Moves.GRANTS] == let_in
    assert len(seen) == looks
