"""Pairs of small accounts of users and roles that may become each other: trust policies, tags, own policies overlap."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hypothesis import strategies as st

from iamsync.kinds import KINDS
from iamsync.kinds.group import Group
from iamsync.kinds.role import Role
from iamsync.kinds.user import User
from iamsync.model import Address, Resource, State
from iamsync.planner.permissions import Permissions
from iamsync.policy.document import Document
from tests.planner.upheaval import Upheaval
from tests.world import ACCOUNT, towards

ROLES = ("r1", "r2")
_ALL_ROLES = (*ROLES, "r3")
ACTIONS = ("sts:AssumeRole", "iam:GetRole")


def _arn(kind: str, name: str) -> str:
    return f"arn:aws:iam::{ACCOUNT}:{kind}/{name}"


_OWN_CONDITIONS: tuple[Any, ...] = (
    None,
    None,
    None,
    {"StringEquals": {"aws:PrincipalTag/team": "a"}},
    {"StringEquals": {"aws:ResourceTag/team": "a"}},
    {"StringEquals": {"aws:ResourceTag/team": "${aws:PrincipalTag/team}"}},
)
_TRUSTED: tuple[Any, ...] = (
    {"Service": "ec2.amazonaws.com"},
    {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
    {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
    {"AWS": _arn("user", "u1")},
    {"AWS": [_arn("user", "u1"), _arn("user", "u2")]},
    {"AWS": _arn("role", "r1")},
)
_TRUST_CONDITIONS = (
    None,
    None,
    None,
    {"StringEquals": {"aws:PrincipalTag/team": "a"}},
    {"StringEquals": {"aws:ResourceTag/team": "a"}},  # the role's own
)


def _document(statements: list[dict[str, Any]]) -> Document:
    return Document.of({"Version": "2012-10-17", "Statement": statements})


def _statement(held: dict[str, Any], condition: Any) -> dict[str, Any]:
    return {**held, "Condition": condition} if condition else held


def _own() -> st.SearchStrategy[Document]:
    one = st.builds(
        lambda effect, actions, on, condition: _statement(
            {"Effect": effect, "Action": sorted(actions), "Resource": on}, condition
        ),
        st.sampled_from(("Allow", "Allow", "Deny")),
        st.sets(st.sampled_from(ACTIONS), min_size=1),
        st.sampled_from(("*", "*", *(_arn("role", name) for name in ROLES))),
        st.sampled_from(_OWN_CONDITIONS),
    )
    return st.lists(one, min_size=1, max_size=2).map(_document)


def _trust() -> st.SearchStrategy[Document]:
    one = st.builds(
        lambda effect, who, condition: _statement(
            {"Effect": effect, "Principal": who, "Action": "sts:AssumeRole"}, condition
        ),
        st.sampled_from(("Allow", "Allow", "Allow", "Deny")),
        st.sampled_from(_TRUSTED),
        st.sampled_from(_TRUST_CONDITIONS),
    )
    return st.lists(one, min_size=1, max_size=2).map(_document)


_INLINE = st.dictionaries(st.sampled_from(("i1", "i2")), _own(), max_size=2)
_TAGS = st.sampled_from(((), (("team", "a"),), (("team", "b"),)))
_FIELDS: Mapping[str, Mapping[str, st.SearchStrategy[Any]]] = {
    "group": {"inline_policies": _INLINE},
    "user": {"groups": st.sampled_from(((), ("g1",))), "inline_policies": _INLINE, "tags": _TAGS},
    "role": {"trust_policy": _trust(), "inline_policies": _INLINE, "tags": _TAGS},
}
_SPECS: Mapping[str, Any] = {"group": Group, "user": User, "role": Role}
_ALL = {"group": ("g1",), "user": ("u1", "u2"), "role": _ALL_ROLES}


@st.composite
def doors(draw: st.DrawFn, edited: int = 3) -> Upheaval:
    """An account and what it becomes: one field in `edited` differs, a role that nobody trusts comes or goes."""
    before = {
        Address(kind, name): {field: draw(values) for field, values in _FIELDS[kind].items()}
        for kind, names in _ALL.items()
        for name in names
    }
    after = {
        address: {
            field: draw(_FIELDS[address.kind][field]) if draw(st.integers(1, edited)) == 1 else value
            for field, value in fields.items()
        }
        for address, fields in before.items()
    }
    fate = draw(st.sampled_from(("stays", "comes", "goes")))
    if fate != "stays":
        del (before if fate == "comes" else after)[Address("role", "r3")]
    live, desired = _state(before), _state(after)
    return Upheaval(live, towards(desired, live))


def _state(sketch: Mapping[Address, Mapping[str, Any]]) -> State:
    made = []
    for address, fields in sketch.items():
        fields = {**fields, "inline_policies": tuple(sorted(fields["inline_policies"].items()))}
        made.append(Resource(address, _SPECS[address.kind](**fields)))
    return State.of(ACCOUNT, made, complete=frozenset(KINDS))


def entered(state: State) -> frozenset[tuple[Address, str, Address]]:
    """Every request of the small alphabet that is allowed: who, what, at which role."""
    permissions = Permissions(state)
    return frozenset(
        (who, action, Address("role", name))
        for who in permissions.principals()
        for action in ACTIONS
        for name in (ROLES if action == "iam:GetRole" else _ALL_ROLES)  # what is not there cannot be read
        if who != Address("role", name)
        and permissions.resource(Address("role", name)) is not None
        and permissions.decide(who, action, _arn("role", name), explain=False).allowed
    )


def in_group(case: Upheaval) -> set[Address]:
    """The members of the group, before or after."""
    return {one.address for state in (case.live, case.desired) for one in state if getattr(one.spec, "groups", ())}
