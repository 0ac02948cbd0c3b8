"""Nobody's resources but ours: what is neither declared nor to be removed is as it was."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import assume, event, given
from hypothesis import strategies as st

from iamsync import arn
from iamsync.kinds import KINDS
from iamsync.kinds.group import Group
from iamsync.kinds.instance_profile import InstanceProfile
from iamsync.kinds.owners import owner_of
from iamsync.kinds.policy import Policy
from iamsync.kinds.role import Role
from iamsync.kinds.user import User
from iamsync.model import Address, Finding, Plan, Removal, Resource, State
from iamsync.planner.guards import acknowledgement
from iamsync.policy.document import Document, principals
from iamsync.selector import select
from tests.behaviour.account import load
from tests.laws.law import law
from tests.strategies import ACCOUNT, FIELDS, drawn, sketches
from tests.world import World, scope, settings

EXCLUDED = (
    (),
    ("role/web*", "policy/bound*"),
    ("user:/people/**", "role:/ci/**", "policy:/ci/**"),
    ("tag:team=data", "tag:no"),
    ("*", "!user/*"),
)
# What cannot be done at all, or names what is not there: the plan says so and nothing is applied.
REFUSALS = {"held-out-of-scope", "boundary-replace", "unknown-reference"}
TRUST = Document.of(
    {
        "Version": "2012-10-17",
        "Statement": {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"},
    }
)
STACK = (("aws:cloudformation:stack-name", "network"),)


@dataclass(frozen=True)
class Scene:
    """An account, what is declared of it, what is to go, and how the rest is treated."""

    live: State
    desired: State
    exclude: tuple[str, ...]
    unmanaged: str

    def ours(self, resource: Resource) -> bool:
        """Whether a plan may change this live resource."""
        named = {address.folded for address in self.desired.resources}
        named |= {removal.address.folded for removal in self.desired.removed}
        if resource.address.folded in named:
            return True
        path, tags = getattr(resource.spec, "path", "/"), dict(getattr(resource.spec, "tags", ()))
        out = select(self.exclude, KINDS)(resource.address, path, tags)
        if KINDS[resource.address.kind].setting:
            return False  # a setting of the account that is left out is left alone
        return self.unmanaged == "delete" and not out and owner_of(resource) is None


@st.composite
def scenes(draw: st.DrawFn) -> Scene:
    """Some resources declared, edited or not, some removed, the others somebody else's or nobody's."""
    before = draw(sketches())
    exclude = draw(st.sampled_from(EXCLUDED))
    named = select([text for text in exclude if not text.startswith("tag:")], KINDS)
    after: dict[str, dict[str, Any]] = {}
    declared: set[Address] = set()
    removed: list[Address] = []
    for kind, table in before.items():
        after[kind] = {}
        for name, fields in table.items():
            fate = draw(st.sampled_from(("same", "edit", "removed", "undeclared", "undeclared")))
            address = Address(kind, name)
            if named(address, fields.get("path", "/"), {}):
                fate = "undeclared"  # to declare what is excluded by name is refused when it is loaded
            edited = []
            if fate == "edit":
                edited = draw(st.lists(st.sampled_from(tuple(FIELDS[kind])), min_size=1, max_size=2, unique=True))
            if fate == "removed":
                removed.append(address)
                continue
            after[kind][name] = {**fields, **{field: draw(FIELDS[kind][field]) for field in edited}}
            if fate != "undeclared":
                declared.add(address)
    live = drawn(before)
    wanted = [resource for resource in drawn(after) if resource.address in declared]
    desired = State.of(
        ACCOUNT, wanted, complete=frozenset(KINDS), removed=tuple(Removal(address) for address in removed)
    )
    unmanaged = draw(st.sampled_from(("report", "ignore", "delete")))
    resources = [*live, *foreign(live, draw(st.booleans()))]
    return Scene(State.of(ACCOUNT, resources, complete=frozenset(KINDS)), desired, exclude, unmanaged)


def foreign(live: State, holding: bool) -> list[Resource]:
    """Resources with other owners; some of them hold what the account's own declare or remove."""
    policies = tuple(arn.build("aws", ACCOUNT, r.address, r.spec.path) for r in live if r.address.kind == "policy")
    groups = tuple(r.address.name for r in live if r.address.kind == "group")
    held, members = (policies[:1], groups[:1]) if holding else ((), ())
    boundary = policies[-1] if holding and policies else None
    return [
        Resource(
            Address("role", "AWSServiceRoleForSupport"),
            Role(TRUST, path="/aws-service-role/support.amazonaws.com/"),
        ),
        Resource(
            Address("role", "AWSReservedSSO_Admin_0123456789abcdef"),
            Role(TRUST, path="/aws-reserved/sso.amazonaws.com/", managed_policies=held),
        ),
        Resource(Address("role", "stack-role"), Role(TRUST, managed_policies=held, tags=STACK)),
        Resource(Address("role", "stacksets-exec-0123"), Role(TRUST, permissions_boundary=boundary)),
        Resource(Address("user", "stack-user"), User(groups=members, managed_policies=held, tags=STACK)),
        Resource(
            Address("policy", "stack-policy"),
            Policy(Document.of({"Version": "2012-10-17", "Statement": []}), tags=STACK),
        ),
    ]


def made(world: World, scene: Scene) -> Plan:
    options = settings(scope=scope(exclude=scene.exclude), unmanaged=scene.unmanaged)
    return world.plan(scene.desired, options)


def compared(resource: Resource, moved: set[str]) -> tuple[Any, ...]:
    """All that must stay: the fields, the id (nothing was made anew), each policy's versions."""
    spec = resource.spec
    if isinstance(spec, Role) and principals(spec.trust_policy) & moved:
        # AWS itself rewrites who is trusted when that principal is deleted or moved.
        spec = replace(spec, trust_policy=TRUST)
    if isinstance(spec, InstanceProfile) and spec.role and spec.role.rpartition("/")[2] in _names(moved):
        spec = replace(spec, role=None)  # a role that goes is taken out, and one that is made anew comes back in
    return spec, resource.facts.get("id"), resource.facts.get("versions")


def _names(arns: set[str]) -> set[str]:
    return {text.rpartition("/")[2] for text in arns if ":role/" in text}


@law(35)
@given(scenes())
def test_no_step_changes_what_is_not_declared_and_not_to_be_removed(scene: Scene) -> None:
    world = World().holds(scene.live)
    before = world.read()
    plan = made(world, scene)
    refused = {guard.id for guard in plan.refusals}
    assert refused <= REFUSALS, plan.refusals
    for guard in plan.refusals:
        if guard.id == "held-out-of-scope":
            check_holders(scene, guard)
    event(f"unmanaged {scene.unmanaged}, {'refused' if refused else 'applied'}")
    for change in plan.changes:
        held = before.get(change.address)
        assert held is None or scene.ours(held), change
    assume(not refused)
    moved = {
        arn.build("aws", ACCOUNT, change.address, held.spec.path)
        for change in plan.changes
        if change.address.kind in ("user", "role") and (held := before.get(change.address)) is not None
    }
    ended = world.apply(plan)
    assert (ended.failed, ended.skipped) == (0, 0)
    after = world.read()
    for resource in before:
        if not scene.ours(resource):
            now = after.get(resource.address)
            assert now is not None, resource.address
            assert compared(now, moved) == compared(resource, moved) or rewritten(now, resource, moved)
    for resource in scene.desired:
        assert after.get(resource.address) is not None
    assert not made(world, scene).changes


def rewritten(now: Resource, before: Resource, moved: set[str]) -> bool:
    """Whether nothing but a trust policy that names a moved principal differs."""
    if not isinstance(before.spec, Role) or not principals(before.spec.trust_policy) & moved:
        return False
    same = replace(now.spec, trust_policy=before.spec.trust_policy)
    return bool(same == before.spec and now.facts.get("id") == before.facts.get("id"))


def check_holders(scene: Scene, guard: Finding) -> None:
    """A refusal names the holders, and they are not ours to change, or are to keep it."""
    names = guard.evidence.split(" and ")[0].split(", ")
    assert names
    for name in names:
        holder = scene.live.get(Address.parse(name))
        assert holder is not None
        declared = scene.desired.get(holder.address)  # perhaps to keep what nobody declares
        assert declared is not None or not scene.ours(holder), guard


# Single cases that the generated ones meet only now and then.

MANIFEST = """\
policies:
  deploy:
    document: &any {Version: 2012-10-17, Statement: {Effect: Allow, Action: "s3:*", Resource: "*"}}
groups:
  developers: {}
"""
GONE = """\
policies:
  other: {document: {Version: 2012-10-17, Statement: {Effect: Allow, Action: "s3:*", Resource: "*"}}}
removed: [policy/deploy, group/developers]
"""


@pytest.mark.parametrize("unmanaged", ["report", "ignore", "delete"])
@pytest.mark.parametrize(
    ("holder", "address"),
    [
        (
            lambda policy: Resource(Address("role", "stack"), Role(TRUST, managed_policies=(policy,), tags=STACK)),
            "role/stack",
        ),
        (
            lambda policy: Resource(
                Address("role", "x"), Role(TRUST, path="/aws-reserved/sso.amazonaws.com/", managed_policies=(policy,))
            ),
            "role/x",
        ),
        (
            lambda policy: Resource(Address("role", "stacksets-exec-1"), Role(TRUST, permissions_boundary=policy)),
            "role/stacksets-exec-1",
        ),
        (lambda policy: Resource(Address("user", "stack"), User(groups=("developers",), tags=STACK)), "user/stack"),
        (
            lambda policy: Resource(Address("group", "elsewhere"), Group(path="/team-x/", managed_policies=(policy,))),
            "group/elsewhere",
        ),
    ],
    ids=["attached to a stack's", "attached to Identity Center's", "a boundary", "a member", "out of scope"],
)
def test_a_deletion_that_others_stand_in_the_way_of_is_refused_and_names_them(
    unmanaged: str, holder: Callable[[str], Resource], address: str
) -> None:
    live = load(MANIFEST)
    policy = f"arn:aws:iam::{ACCOUNT}:policy/deploy"
    world = World().holds(State.of(ACCOUNT, [*live, holder(policy)]))
    options = settings(scope=scope(exclude=["group:/team-x/**"]), unmanaged=unmanaged)
    plan = world.plan(load(GONE), options)
    (guard,) = plan.refusals
    assert guard.id == "held-out-of-scope"
    assert guard.evidence == address
    assert "(1 in all)" in guard.title
    assert not acknowledgement(guard)


def test_an_undeclared_holder_that_is_in_scope_is_deleted_with_what_it_holds() -> None:
    live = load(MANIFEST)
    policy = f"arn:aws:iam::{ACCOUNT}:policy/deploy"
    holder = Resource(Address("role", "left"), Role(TRUST, managed_policies=(policy,)))
    world = World().holds(State.of(ACCOUNT, [*live, holder]))
    options = settings(unmanaged="delete")
    plan = world.plan(load(GONE), options)
    assert not plan.refusals
    assert not world.apply(plan).failed
    assert [str(resource.address) for resource in world.read()] == ["policy/other"]


def test_what_others_own_is_reported_with_its_owner_and_never_deleted() -> None:
    live = load(MANIFEST)
    world = World().holds(State.of(ACCOUNT, [*live, *foreign(live, holding=False)]))
    plan = world.plan(live, settings(unmanaged="delete"))
    assert not plan.changes
    assert {str(item.address): item.owner for item in plan.reported} == {
        "policy/stack-policy": "CloudFormation",
        "role/AWSReservedSSO_Admin_0123456789abcdef": "Identity Center",
        "role/AWSServiceRoleForSupport": "AWS service",
        "role/stack-role": "CloudFormation",
        "role/stacksets-exec-0123": "CloudFormation StackSets",
        "user/stack-user": "CloudFormation",
    }


def test_a_declared_resource_of_a_stack_is_handed_over_and_a_service_role_never() -> None:
    live = load(MANIFEST)
    world = World().holds(State.of(ACCOUNT, [*live, *foreign(live, holding=False)]))
    removed = (Removal(Address("role", "stack-role")), Removal(Address("role", "AWSServiceRoleForSupport")))
    plan = world.plan(replace(live, removed=removed), settings())
    assert [f"{change.action} {change.address}" for change in plan.changes] == [
        "delete role/AWSServiceRoleForSupport",
        "delete role/stack-role",
    ]
    assert [(guard.id, str(guard.address)) for guard in plan.refusals] == [
        ("out-of-reach", "role/AWSServiceRoleForSupport")
    ]
