"""What is over: who lets go of it, what keeps it, and that nothing else moves."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from iamsync.kinds import KINDS
from iamsync.model import Address, Expiry, State
from iamsync.planner.expiry import Lapsed, expire, lapse
from iamsync.planner.plan import plan
from iamsync.policy.document import Document
from iamsync.policy.ending import NOBODY
from iamsync.selector import select
from iamsync.settings import Acknowledgement, Safety, Scope, Settings
from tests.planner.casefile import state
from tests.strategies import states

NOW = "2027-01-31T18:00:00Z"
LATER = "2027-01-31T18:00:01Z"


def account(expiries: list[tuple[str, str]], **sections: Any) -> State:
    """A declared state; an expiry is an address, or `ADDRESS FIELD ITEM`, and a time."""
    made = []
    for what, at in expiries:
        name, *member = what.split(" ")
        made.append(Expiry(at, Address.parse(name), *member))
    return replace(state(sections, {}, {}), expiries=tuple(made))


def planned(desired: State, live: State, **more: Any) -> Any:
    settings = Settings(
        Scope(select(["*"], KINDS), select([], KINDS)), unmanaged="delete", safety=Safety(max_deletes=0), **more
    )
    options = {"account_name": "a", "caller": "me", "now": NOW, "access": False}
    return lambda **rest: plan(expire(desired, NOW), live, settings, **options, **rest)


def did(made: Any) -> list[str]:
    return [f"{change.action} {change.address} {change.cause}" for change in made.changes]


def test_a_time_that_is_still_to_come_changes_nothing() -> None:
    desired = account([("user/a", LATER)], users={"a": {}})
    assert expire(desired, NOW) is desired


def test_from_its_moment_on_a_resource_is_removed_by_every_name_it_may_have() -> None:
    made = expire(account([("user/a", NOW)], users={"a": {"renamed_from": "b"}}), NOW)
    assert not made.resources
    assert [(str(r.address), r.cause) for r in made.removed] == [("user/a", "expired"), ("user/b", "expired")]
    assert (made.expiries, len(made.lapsed)) == ((), 1)
    assert expire(made, NOW) == made


def test_whoever_refers_to_what_is_over_lets_go_of_it() -> None:
    sections = {
        "users": {"a": {"groups": ["g", "h"], "managed_policies": ["p", "q", "aws/X"]}, "b": {}},
        "groups": {"g": {"managed_policies": ["p"]}, "h": {}},
        "roles": {"r": {"trust_policy": ["user/a", "user/b"]}, "s": {"trust_policy": "user/b"}},
        "policies": {"p": {"path": "/x/", "document": "allow a:B"}, "q": {"document": "allow a:C"}},
    }
    desired = account([("policy/p", NOW), ("group/g", NOW), ("user/b", NOW)], **sections)
    made = expire(desired, NOW)
    assert [str(address) for address in made.resources] == ["group/h", "policy/q", "role/r", "role/s", "user/a"]
    held = {str(resource.address): resource.spec for resource in made}
    assert held["user/a"].groups == ("h",)
    assert [text.rpartition("/")[2] for text in held["user/a"].managed_policies] == ["q", "X"]
    assert "user/b" not in held["role/r"].trust_policy.text
    assert held["role/s"].trust_policy == Document.parse(NOBODY)
    live = state(sections, {}, {})
    done = planned(desired, live)()
    assert done.guards == ()
    assert {change.cause for change in done.changes} == {"expired"}
    assert did(planned(desired, live)(only="expired")) == did(done)


def test_a_member_is_let_go_of_by_its_own_name_in_any_case_or_as_a_live_one() -> None:
    desired = account(
        [("user/a groups Admins", NOW), ("user/a managed_policies live/audit", NOW), ("user/a inline_policies i", NOW)],
        users={
            "a": {
                "groups": ["Admins", "dev"],
                "managed_policies": ["live/audit"],
                "inline_policies": {"i": "allow a:B"},
            }
        },
        groups={"Admins": {}, "dev": {}},
    )
    live = state(
        {
            "users": {
                "a": {"groups": ["admins", "dev"], "managed_policies": ["audit"], "inline_policies": {"i": "allow a:B"}}
            },
            "groups": {"admins": {}, "dev": {}},
            "policies": {"audit": {"document": "allow a:B", "path": "/x/"}},
        },
        {},
        {},
    )
    made = planned(desired, live)(only="expired")
    assert did(made) == ["update user/a expired"]
    calls = sorted(step.operation for step in made.steps)
    assert calls == ["DeleteUserPolicy", "DetachUserPolicy", "RemoveUserFromGroup"]


def test_only_what_ended_is_done_of_a_resource_that_differs_otherwise() -> None:
    desired = account(
        [("user/a managed_policies arn:aws:iam::aws:policy/X", NOW)],
        users={"a": {"managed_policies": ["aws/X", "aws/Y"], "path": "/new/", "tags": {"k": "v"}}},
    )
    live = state({"users": {"a": {"managed_policies": ["aws/X", "aws/Z"]}}}, {}, {})
    made = planned(desired, live)(only="expired")
    assert [(step.operation, step.params.get("PolicyArn")) for step in made.steps] == [
        ("DetachUserPolicy", "arn:aws:iam::aws:policy/X")
    ]
    (change,) = planned(desired, live)().changes
    attached = next(field for field in change.fields if field.field == "managed_policies")
    assert (change.cause, attached.cause) == ("declared", "declared")
    assert [text.rpartition("/")[2] for text in attached.removed] == ["X", "Z"]
    assert [text.rpartition("/")[2] for text in attached.expired] == ["X"]


def test_what_stands_in_the_way_of_other_changes_does_not_stop_an_end() -> None:
    desired = account(
        [("user/gone", NOW)], users={"gone": {}, "a": {"managed_policies": ["live/nowhere"]}}, groups={"g": {}}
    )
    live = state({"users": {"gone": {}, "a": {}, "stranger": {}}}, {}, {})
    assert any(guard.severity == "refuse" for guard in planned(desired, live)().guards)
    made = planned(desired, live)(only="expired")
    assert (did(made), made.guards) == (["delete user/gone expired"], ())


def test_a_denial_with_an_end_may_go_and_another_may_not() -> None:
    denials = {"freeze": "deny *", "stays": "deny a:B"}
    desired = account([("user/a inline_policies freeze", NOW)], users={"a": {"inline_policies": denials}})
    live = state({"users": {"a": {"inline_policies": denials}}}, {}, {})
    assert planned(desired, live)().guards == ()
    hand = state({"users": {"a": {"inline_policies": {**denials, "quarantine": "deny *"}}}}, {}, {})
    assert [guard.id for guard in planned(desired, hand)().guards] == ["deny-removed"]
    assert planned(desired, hand)(only="expired").guards == ()


def test_protection_holds_for_what_ends_too() -> None:
    desired = account([("user/a", NOW)], users={"a": {}})
    live = state({"users": {"a": {}}}, {}, {})
    settings = Settings(
        Scope(select(["*"], KINDS), select([], KINDS)), safety=Safety(protected=select(["user/a"], KINDS))
    )
    options: Any = {"account_name": "a", "caller": "me", "now": NOW, "access": False, "only": "expired"}
    made = plan(expire(desired, NOW), live, settings, **options)
    assert [guard.id for guard in made.refusals] == ["protected"]
    consent = replace(settings, acknowledge=(Acknowledgement("protected"),))
    assert plan(expire(desired, NOW), live, consent, **options).refusals == ()


def test_a_plan_is_valid_until_the_next_end_of_what_it_is_about() -> None:
    sections = {"users": {"a": {"managed_policies": ["p"]}, "b": {}}, "policies": {"p": {"document": "allow a:B"}}}
    live = state({"users": {"b": {}}, "policies": sections["policies"]}, {}, {"policy/p": {}})
    desired = account([("user/b", LATER), ("policy/p", "2028-01-01T00:00:00Z")], **sections)
    assert planned(desired, live)().valid_until == "2028-01-01T00:00:00Z"
    assert planned(desired, live)(expiring=LATER).expiring == desired.expiries[:1]
    assert planned(desired, state(sections, {}, {}))().valid_until is None


def test_who_deletes_the_lines_before_it_is_gone_is_told() -> None:
    base = expire(account([("user/a", NOW)], users={"a": {}, "b": {}}), NOW)
    live = state({"users": {"a": {}, "b": {}}}, {}, {})
    made = planned(account([], users={"b": {}}), live)(base=base)
    assert "forgotten" in {guard.id for guard in made.guards}


@given(states(), st.data())
def test_what_is_left_refers_to_nothing_that_is_over_and_is_otherwise_as_it_was(
    desired: State, data: st.DataObject
) -> None:
    over = data.draw(st.sets(st.sampled_from(sorted(desired.resources)))) if desired.resources else set()
    made = expire(replace(desired, expiries=tuple(Expiry(NOW, address) for address in sorted(over))), NOW)
    assert set(made.resources) == set(desired.resources) - over
    lapsed = Lapsed.of(made)
    for resource in made:
        assert lapse(resource, lapsed) == resource
        before = desired.resources[resource.address].spec
        for name in ("groups", "managed_policies"):
            assert set(getattr(resource.spec, name, ())) <= set(getattr(before, name, ()))
        assert getattr(resource.spec, "permissions_boundary", None) == getattr(before, "permissions_boundary", None)
        for name in getattr(resource.spec, "groups", ()):
            assert Address("group", name) not in over
