"""A difference that is told of several principals is the one that each of them has alone."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from iamsync.policy import shared
from iamsync.policy.access import difference
from iamsync.policy.document import Document
from iamsync.policy.evaluate import Source
from iamsync.policy.holdings import Held, Holdings, Unknown
from iamsync.policy.request import Principal
from iamsync.policy.shared import Shared
from tests.policy.policysets import ACCOUNT, changes, source

FULL = os.environ.get("IAMSYNC_LAWS") == "full"


def who(kind: str, name: str, **more: Any) -> Principal:
    return Principal.of(f"arn:aws:iam::{ACCOUNT}:{kind}/{name}", **more)


# Names, ids and tags that some of the generated policies ask for, and some do not.
CROWD = (
    *(who("user", "alice"), who("user", "bob"), who("user", "alina", unique_id="AIDAALINA1234567890AB")),
    *(who("user", "alice", tags={"team": "red"}), who("user", "bob", tags={"team": "red"})),
    *(who("user", "bob", tags={"Team": "blue", "cost": "1"}), who("user", "dave", tags={})),
    *(who("role", "deploy"), who("role", "run", tags={"team": "red"}), who("role", "jump", tags={"team": "red"})),
    who("role", "aws-service-role/x.amazonaws.com/linked"),
)


def own(held: Holdings, holder: str) -> Holdings:
    """The same, with an inline policy of its own that is called after its holder as `Permissions` calls it."""

    def named(one: Held) -> Held:
        return replace(one, label=f"{holder} inline own") if one.label == "own" else one

    return replace(held, identity=tuple(map(named, held.identity)))


@settings(
    max_examples=1000 if FULL else 8,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(sides=changes(), new=st.booleans(), people=st.lists(st.sampled_from(CROWD), min_size=2, max_size=3))
def test_what_is_shared_is_what_each_has_alone(
    sides: tuple[Holdings, Holdings], new: bool, people: list[Principal]
) -> None:
    told = Shared(ACCOUNT)
    old = Holdings() if new else sides[0]
    for principal in people:
        holder = f"{principal.kind}/{principal.name}"
        before, after = own(old, holder), own(sides[1], holder)
        alone = difference(before, after, principal=principal, account_id=ACCOUNT)
        assert told.difference(before, after, principal=principal, holder=f"{holder} inline ") == alone


@pytest.fixture
def computed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The principals whose differences were computed."""
    found: list[str] = []

    def counted(before: Holdings, after: Holdings, *, principal: Principal, **more: Any) -> Any:
        found.append(principal.name)
        return difference(before, after, principal=principal, **more)

    monkeypatch.setattr(shared, "difference", counted)
    return found


def of(*principals: Principal, document: list[dict[str, Any]], rcps: tuple[tuple[Source, ...], ...] = ()) -> None:
    told = Shared(ACCOUNT)
    for principal in principals:
        holder = f"{principal.kind}/{principal.name} inline "
        after = Holdings((source(f"{holder}own", document),), rcps=rcps)
        access = told.difference(Holdings(rcps=rcps), after, principal=principal, holder=holder)
        alone = difference(Holdings(rcps=rcps), after, principal=principal, account_id=ACCOUNT)
        assert access == alone
        assert all(label.startswith(holder) for region in access.gained for label in region.via)


def allow(resource: str = "*", **condition: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": ["s3:GetObject"], "Resource": [resource], **condition}


ROLES = (who("role", "first"), who("role", "second"), who("role", "third"))


def test_roles_that_hold_the_same_are_computed_once(computed: list[str]) -> None:
    of(*ROLES, document=[allow("arn:aws:s3:::site/*")])
    assert computed == ["first"]


def test_who_is_asked_for_by_name_by_arn_or_by_tag_is_computed_alone(computed: list[str]) -> None:
    users = (who("user", "alice"), who("user", "bob"))
    of(*users, document=[allow("arn:aws:s3:::home/${aws:UserName}/*")])
    of(*users, document=[allow(Condition={"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:user/a*"}})])
    tagged = (who("user", "red", tags={"team": "red"}), who("user", "blue", tags={"team": "blue"}))
    of(*tagged, document=[allow(Condition={"StringEquals": {"aws:PrincipalTag/Team": "red"}})])
    assert computed == ["alice", "bob", "alice", "bob", "red", "blue"]


def test_those_of_one_team_share_what_asks_for_the_team(computed: list[str]) -> None:
    team = tuple(who("role", name, tags={"team": "red", "owner": name}) for name in ("one", "two"))
    of(*team, document=[allow(Condition={"StringEquals": {"aws:PrincipalTag/team": "red"}})])
    assert computed == ["one"]


def test_a_limit_of_the_organization_that_names_somebody_is_weighed_for_each(computed: list[str]) -> None:
    deny = {"Effect": "Deny", "Principal": {"AWS": ROLES[1].arn}, "Action": "s3:*", "Resource": "*"}
    limit = Source("rcp fence", Document.of({"Version": "2012-10-17", "Statement": [deny]}))
    told = Shared(ACCOUNT)
    held = Holdings((source("policy one", [allow()]),), rcps=((limit,),))
    for role in ROLES:
        told.difference(Holdings(), held, principal=role)
    assert computed == ["first", "second", "third"]


def test_a_user_shares_nothing_with_a_role_nor_a_service_linked_role_with_another(computed: list[str]) -> None:
    linked = who("role", "aws-service-role/x.amazonaws.com/linked")
    of(who("user", "first"), who("role", "second"), linked, document=[allow()])
    assert computed == ["first", "second", "linked"]


def test_documents_that_nobody_knows_are_told_apart_by_their_names(computed: list[str]) -> None:
    told = Shared(ACCOUNT)
    for name in ("policy aws/One", "policy aws/One", "policy aws/Two"):
        access = told.difference(Holdings(), Holdings((Unknown(name),)), principal=ROLES[0])
        assert any(name in one.text for one in access.undecided)
    assert computed == ["first", "first"]
