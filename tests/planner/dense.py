"""Pairs of small accounts in which everything overlaps: few actions, many policies that grant and deny them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from hypothesis import strategies as st

from iamsync.kinds import KINDS
from iamsync.kinds.group import Group
from iamsync.kinds.policy import Policy
from iamsync.kinds.user import User
from iamsync.model import Address, Plan, Resource, State
from iamsync.planner.permissions import Permissions
from iamsync.policy.document import Document
from tests.planner.upheaval import Upheaval
from tests.world import ACCOUNT, towards

ACTIONS = ("s3:GetObject", "s3:PutObject", "s3:DeleteObject")
RESOURCES = ("arn:aws:s3:::b/x", "arn:aws:s3:::c/x")
_PATTERNS = ("*", "arn:aws:s3:::b/*", "arn:aws:s3:::c/*")
_CONDITIONS: tuple[Any, ...] = (
    {"Bool": {"aws:MultiFactorAuthPresent": "true"}},
    {"StringEquals": {"aws:PrincipalTag/team": "a"}},
)
_NAMES = ("p1", "p2", "p3")
ROLE = f"arn:aws:iam::{ACCOUNT}:role/r1"
# What a plan says that cannot keep up what everybody has while it is carried out.
RESIDUAL = ("access-gap", "boundary-swap", "crossed-moves", "mixed-edit", "quota-swap", "tag-edit")


def _arn(name: str) -> str:
    return f"arn:aws:iam::{ACCOUNT}:policy/{name}"


def _statements() -> st.SearchStrategy[dict[str, Any]]:
    return st.builds(
        lambda effect, actions, on, condition: {
            "Effect": effect,
            "Action": sorted(actions),
            "Resource": on,
            **({"Condition": condition} if condition else {}),
        },
        st.sampled_from(("Allow", "Allow", "Deny")),
        st.sets(st.sampled_from(ACTIONS), min_size=1),
        st.sampled_from(_PATTERNS),
        st.sampled_from((None, None, None, *_CONDITIONS)),
    )


def _documents() -> st.SearchStrategy[Document]:
    return st.lists(_statements(), min_size=1, max_size=2).map(
        lambda held: Document.of({"Version": "2012-10-17", "Statement": held})
    )


_ATTACHED = st.sets(st.sampled_from(_NAMES), max_size=2)
_INLINE = st.dictionaries(st.sampled_from(("i1", "i2")), _documents(), max_size=2)
_FIELDS: Mapping[str, Mapping[str, st.SearchStrategy[Any]]] = {
    "policy": {"document": _documents()},
    "group": {"managed": _ATTACHED, "inline": _INLINE},
    "user": {
        "groups": st.sets(st.sampled_from(("g1", "g2"))),
        "managed": _ATTACHED,
        "inline": _INLINE,
        "boundary": st.none() | st.sampled_from(_NAMES),
        "tags": st.sampled_from(((), (("team", "a"),), (("Team", "b"),))),
    },
}
_ALL = {"policy": _NAMES, "group": ("g1", "g2"), "user": ("u1", "u2")}


@st.composite
def dense(draw: st.DrawFn, edited: int = 3) -> Upheaval:
    """An account and what it becomes: one field in `edited` differs, a user may come or go."""
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
    fate = draw(st.sampled_from(("stays", "stays", "stays", "comes", "goes")))
    if fate != "stays":
        del (before if fate == "comes" else after)[Address("user", "u2")]
    live, desired = _state(before), _state(after)
    return Upheaval(live, towards(desired, live))


def _state(sketch: Mapping[Address, Mapping[str, Any]]) -> State:
    return State.of(ACCOUNT, [_resource(*one) for one in sketch.items()], complete=frozenset(KINDS))


def _resource(address: Address, fields: Mapping[str, Any]) -> Resource:
    if address.kind == "policy":
        facts = {"versions": (("v1", fields["document"], True),), "tags": "confirmed"}
        return Resource(address, Policy(fields["document"], description=""), facts=facts)
    held = tuple(sorted(map(_arn, fields["managed"]))), tuple(sorted(fields["inline"].items()))
    if address.kind == "group":
        return Resource(address, Group("/", *held))
    limit = fields["boundary"]
    groups = tuple(sorted(fields["groups"]))
    return Resource(address, User("/", groups, *held, _arn(limit) if limit else None, fields["tags"]))


def allowed(state: State) -> frozenset[tuple[Address, str, str, str]]:
    """Every request of the small alphabet that is allowed: who, what, on what, with a second factor or not."""
    permissions = Permissions(state)
    return frozenset(
        (who, action, resource, mfa)
        for who in permissions.principals()
        for action in ACTIONS
        for resource in RESOURCES
        for mfa in ("true", "false")
        if permissions.decide(who, action, resource, {"aws:MultiFactorAuthPresent": mfa}, explain=False).allowed
    )


def excused(made: Plan, case: Upheaval) -> set[Address]:
    """The users and roles that a residual finding is about: the changed resource, its members, its holders."""
    told = {one.address for one in made.findings if one.id in RESIDUAL and one.address is not None}
    return {principal for address in told for principal in _behind(address, case)}


def _behind(address: Address, case: Upheaval) -> Iterator[Address]:
    yield address
    for state in (case.live, case.desired):
        for resource in state:
            spec = resource.spec
            held = (*getattr(spec, "managed_policies", ()), getattr(spec, "permissions_boundary", None))
            if address.kind == "policy" and _arn(address.name) in held:
                yield from _behind(resource.address, case)
            if address.kind == "group" and address.name in getattr(spec, "groups", ()):
                yield resource.address
