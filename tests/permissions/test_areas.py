"""Areas leave no resource out: what is allowed on any resource lies in an area that is."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from iamsync.errors import Place
from iamsync.expectations import Entry, PermissionTest
from iamsync.kinds.policy import Policy
from iamsync.kinds.user import User
from iamsync.model import Address, Resource, State
from iamsync.planner import simulated
from iamsync.planner.areas import areas, classes
from iamsync.planner.permissions import Permissions
from iamsync.planner.questions import Grant, who_can
from iamsync.policy.actionset import known as known_of
from iamsync.policy.actionset import names
from iamsync.policy.document import Document
from iamsync.policy.globs import of_arn
from iamsync.policy.match import actions
from iamsync.policy.match import resources as covering
from iamsync.policy.request import Context, Request
from iamsync.policy.vocabulary import uncounted
from iamsync.selector import select
from tests.laws.law import law

WHO = Address("user", "alice")
PATTERNS = (
    *(
        "*",
        "arn:aws:s3:::*",
        "arn:aws:s3:::site/*",
        "arn:aws:s3:::site/a*",
        "arn:aws:s3:::site/*/b",
        "arn:aws:s3:::s?te/x",
    ),
    *("arn:aws:s3:::*/${aws:username}/*", "arn:aws:s3:::site"),
)
ACTIONS = ("s3:*", "s3:Get*", "s3:GetObject", "s3:DeleteObject", "*", "iam:*")
RESOURCES = tuple(
    f"arn:aws:s3:::{name}"
    for name in ("site/a", "site/x", "site/a/b", "other/x", "other/alice/x", "site/alice/b", "other/b", "state/x")
)
statements = st.fixed_dictionaries(
    {"Effect": st.sampled_from(("Allow", "Allow", "Deny"))},
).flatmap(
    lambda base: st.tuples(
        st.sampled_from(("Action", "NotAction")),
        st.lists(st.sampled_from(ACTIONS), min_size=1, max_size=2),
        st.sampled_from(("Resource", "Resource", "NotResource")),
        st.lists(st.sampled_from(PATTERNS), min_size=1, max_size=3),
    ).map(lambda parts: {**base, parts[0]: parts[1], parts[2]: parts[3]})
)
documents = st.lists(statements, min_size=1, max_size=4).map(
    lambda held: Document.of({"Version": "2012-10-17", "Statement": held})
)


def permissions(own: Document, boundary: Document | None) -> Permissions:
    limit = "arn:aws:iam::111122223333:policy/limit" if boundary else None
    user = Resource(WHO, User(inline_policies=(("own", own),), permissions_boundary=limit))
    held: list[Any] = [user]
    if boundary:
        held.append(Resource(Address("policy", "limit"), Policy(boundary)))
    return Permissions(State.of("111122223333", held))


@settings(max_examples=60, deadline=None)
@given(documents, st.none() | documents, st.sampled_from(("s3:GetObject", "s3:DeleteObject")))
def test_whatever_is_allowed_somewhere_is_allowed_in_an_area(
    own: Document, limit: Document | None, action: str
) -> None:
    held = permissions(own, limit)
    anywhere = areas(held, WHO, action)
    for resource in RESOURCES:
        if held.decide(WHO, action, resource).allowed:
            assert anywhere.which(lambda decision: decision.allowed)
            assert any(action.lower() in one.actions for one in classes(held, WHO, ["s3:*"]))
            within = areas(held, WHO, action, within="arn:aws:s3:::*")
            assert within.which(lambda decision: decision.allowed)
        else:
            everything = areas(held, WHO, action, within=resource[:-1] + "?")
            assert everything.which(lambda decision: not decision.allowed)


@settings(max_examples=40, deadline=None)
@given(documents, st.none() | documents)
def test_actions_of_a_class_fare_alike(own: Document, limit: Document | None) -> None:
    held = permissions(own, limit)
    for one in classes(held, WHO, ["s3:*Object", "iam:*User"]):
        for resource in (*RESOURCES[:3], "arn:aws:iam::111122223333:user/x"):
            verdicts = {held.decide(WHO, action, resource, explain=False).verdict for action in one.actions}
            assert len(verdicts) == 1, (one.actions, resource)


# Requests of three services, and the patterns that somebody may ask by.
ASKED = {
    "s3": (*RESOURCES[:4], "arn:aws:s3:::site", "*"),
    "iam": tuple(f"arn:aws:iam::111122223333:{name}" for name in ("role/app-web", "role/admin", "user/alice")),
    "sqs": ("arn:aws:sqs:us-east-1:111122223333:jobs", "arn:aws:sqs:eu-west-1:111122223333:jobs"),
}
WITHIN = (
    *(None, "*", "arn:aws:s3:::site/*", "arn:aws:s3:::s*", "arn:aws:s3:::site", "arn:aws:s3:::site/a"),
    *("arn:aws:iam::111122223333:role/*", "arn:aws:iam::111122223333:user/*", "arn:aws:iam::111122223333:role/admin"),
    *("arn:aws:sqs:*:*:*",),
)
ROLES = ("arn:aws:iam::111122223333:role/*", "arn:aws:iam::111122223333:role/app-*", "arn:aws:sqs:us-*:*:j*")


def wider(words: tuple[str, ...], places: tuple[str, ...]) -> st.SearchStrategy[dict[str, Any]]:
    def statement(effect: str, action: str, resource: str) -> st.SearchStrategy[dict[str, Any]]:
        some = st.lists(st.sampled_from(words), min_size=1, max_size=2)
        where = st.lists(st.sampled_from(places), min_size=1, max_size=2)
        return st.tuples(some, where).map(lambda held: {"Effect": effect, action: held[0], resource: held[1]})

    parts = (("Allow", "Allow", "Deny"), ("Action", "Action", "NotAction"), ("Resource", "Resource", "NotResource"))
    return st.tuples(*map(st.sampled_from, parts)).flatmap(lambda chosen: statement(*chosen))


WIDER = st.lists(wider((*ACTIONS, "sqs:*", "iam:*Role*"), (*PATTERNS, *ROLES)), min_size=1, max_size=3).map(
    lambda held: Document.of({"Version": "2012-10-17", "Statement": held})
)
QUESTIONS = ("*", "s3:*", "iam:*", "s3:Get*", "iam:*Role*", "s3:GetObject", "iam:PassRole", "sqs:*")


def told(grants: Iterable[Grant], action: str, resource: str, held: Permissions) -> bool:
    """Whether the words of some grants mean this action on this resource."""
    context = Context(Request(held.principal(WHO), action, resource))

    def on(text: str) -> bool:
        parts = text.split(" that match ")
        return all(covering((part,), False, True).cover(resource, context) is True for part in parts)

    def where(text: str) -> bool:
        inside, _, without = text.partition(" except ")
        return any(map(on, inside.split(", "))) and not (without and any(map(on, without.split(", "))))

    def does(texts: Iterable[str]) -> bool:
        known = tuple(uncounted(text) for text in texts if "yet to come" not in text and "no known" not in text)
        return actions(known, False).cover(action)

    return any(does(one.actions) and not does(one.without) and any(map(where, one.where)) for one in grants)


@law(8)
@given(WIDER, st.none() | WIDER, st.sampled_from(QUESTIONS), st.sampled_from(WITHIN), st.integers(0, 6))
def test_who_can_tells_of_each_action_on_each_resource_what_the_evaluator_decides(
    own: Document, limit: Document | None, asked: str, within: str | None, first: int
) -> None:
    held = permissions(own, limit)
    grants = who_can(held, asked, within)
    for service, places in ASKED.items():
        known = [name for name in names(known_of(f"{service}:*")) if actions((asked,), False).cover(name)]
        for action in known[first::7] if len(known) > 7 else known:
            for resource in places:
                inside = within in (None, "*") or of_arn(str(within)).matches(resource)
                if not inside or held.catalog.applies(action, resource) is False:
                    continue
                expected = held.decide(WHO, action, resource, explain=False).allowed
                assert told(grants, action, resource, held) is expected, (action, resource, grants)


@pytest.mark.parametrize("within", ["arn:aws:iam::111122223333:role/*", "arn:aws:iam::111122223333:user/x", "*"])
def test_the_first_action_of_many_does_not_decide_whether_any_is_about_a_resource(within: str) -> None:
    held = permissions(Document.of({"Version": "2012-10-17", "Statement": anything("iam:*")}), None)
    (grant,) = who_can(held, "iam:*", within)
    assert grant.where == (within,)
    assert len(grant.actions) == 1
    assert grant.actions[0].startswith("iam:* (")


def anything(action: str) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": "*"}


def test_kinds_of_resources_that_fare_otherwise_are_told_by_patterns_of_their_own() -> None:
    deny = {"Effect": "Deny", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::site/*"}
    held = permissions(Document.of({"Version": "2012-10-17", "Statement": [anything("s3:GetObject"), deny]}), None)
    (grant,) = who_can(held, "s3:GetObject")
    assert set(grant.where) == {
        "arn:aws:s3:*:111122223333:accesspoint/*/object/*",
        "arn:aws:s3:::*/* except arn:aws:s3:::site/*",
    }


def test_of_too_many_actions_the_simulator_is_asked_of_those_about_the_resource(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(simulated, "MOST_ACTIONS", 1)
    held = permissions(Document.of({"Version": "2012-10-17", "Statement": [anything("s3:*")]}), None)
    place = Place("tests.yaml", 1, 1)
    entry = Entry("deny", ("s3:*",), ("arn:aws:s3:::site/a",), place)
    test = PermissionTest("t", select(["user/*"], ("user",)), (entry,), place, ())
    (question,) = simulated.questions([test], held, "2026-11-24T00:00:00Z")
    assert question.untold
    asked = {ask.action for ask in question.asks}
    assert asked
    assert all(held.catalog.applies(action, "arn:aws:s3:::site/a") for action in asked)
