"""What a plan stands on: the live specs whose change by others makes it stale."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from iamsync import arn
from iamsync.kinds import codec
from iamsync.kinds.fields import REPLACED
from iamsync.kinds.kind import Context
from iamsync.model import Address, Resource
from iamsync.planner.compare import Difference
from iamsync.planner.contrast import Compared
from iamsync.planner.order import TRUSTED
from iamsync.policy.document import principals


def read_set(differences: Iterable[Difference], found: Compared, cx: Context) -> dict[Address, Any]:
    """The live specs that the plan stands on: what changes, who holds it, what it refers to and trusts."""
    live = found.settled.live
    addresses: set[Address] = set()
    policies: set[str] = set()
    groups: set[str] = set()
    roles: set[str] = set()
    for difference in differences:
        addresses.add(difference.address)
        for resource in (difference.have, difference.want):
            if resource is None:
                continue
            addresses.update(_referred(resource, cx))
            if resource.address.kind == "policy":
                policies.add(cx.arn(resource.address, resource.spec.path))
            elif resource.address.kind == "group":
                groups.add(resource.address.name)
            elif resource.address.kind == "role":
                roles.add(cx.arn(resource.address, resource.spec.path))
    if policies or groups or roles:
        for resource in live:
            if getattr(resource.spec, "role", None) in roles:
                addresses.add(resource.address)
            if policies & set(policies_of(resource)) or groups & set(getattr(resource.spec, "groups", ())):
                addresses.add(resource.address)
    prior: dict[Address, Any] = {}
    for address in sorted(addresses):
        held = live.get(address)
        prior[address] = codec.canonical(held) if held is not None else None
    return prior


def policies_of(resource: Resource) -> tuple[str, ...]:
    """The managed policies that a resource holds, its boundary too, by ARN."""
    boundary = getattr(resource.spec, "permissions_boundary", None)
    return (*getattr(resource.spec, "managed_policies", ()), *((boundary,) if boundary else ()))


def _referred(resource: Resource, cx: Context) -> Iterable[Address]:
    for item in policies_of(resource):
        parsed = arn.parse(item.removesuffix(REPLACED))
        if parsed is not None and parsed.account == cx.account_id:
            yield parsed.address
    role = arn.parse(getattr(resource.spec, "role", None) or "")
    if role is not None and role.account == cx.account_id:
        yield role.address
    for group in getattr(resource.spec, "groups", ()):
        yield Address("group", group)
    trust = getattr(resource.spec, "trust_policy", None)
    for name in principals(trust) if trust is not None else ():
        parsed = arn.parse(name)
        if parsed is not None and parsed.account == cx.account_id and parsed.kind in TRUSTED:
            yield parsed.address
