"""Areas leave no resource out: what is allowed on any resource lies in an area that is."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from iamsync.kinds.policy import Policy
from iamsync.kinds.user import User
from iamsync.model import Address, Resource, State
from iamsync.planner.areas import areas, classes
from iamsync.planner.permissions import Permissions
from iamsync.policy.document import Document

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
