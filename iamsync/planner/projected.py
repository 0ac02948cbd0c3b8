"""The account as a plan will leave it: what is live, with each difference made."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from iamsync import arn
from iamsync.model import Resource, State
from iamsync.planner.compare import Difference

if TYPE_CHECKING:
    from iamsync.planner.contrast import Compared

# The fields that end with the resource they name.
_HELD = ("managed_policies", "groups")
_LIMIT = "permissions_boundary"


def projected(compared: Compared) -> State:
    """The state after everything that differs was done; what nobody declares stays as it is."""
    return replace(made(compared.settled.live, compared.differences), lapsed=compared.settled.desired.lapsed)


def made(live: State, differences: Iterable[Difference]) -> State:
    """A live state, as settled for comparison, after these differences were made."""
    after = dict(live.resources)
    gone: set[str] = set()
    for difference in differences:
        if difference.want is None:
            old = after.pop(difference.address, None)
            if old is not None and old.address.kind in ("policy", "group"):
                path = arn.build(live.partition, live.account_id, old.address, old.spec.path)
                gone.add(path if old.address.kind == "policy" else old.address.name)
        else:
            facts = difference.have.facts if difference.have is not None and difference.action == "update" else {}
            after[difference.address] = replace(difference.want, facts=facts)
    left = [_without(resource, gone) for resource in after.values()] if gone else after.values()
    return State.of(live.account_id, left, partition=live.partition, aws_policies=live.aws_policies)


def _without(resource: Resource, gone: Collection[str]) -> Resource:
    """A resource without what it held of others that are gone."""
    changed: dict[str, Any] = {}
    for name in _HELD:
        held = getattr(resource.spec, name, ())
        if any(item in gone for item in held):
            changed[name] = tuple(item for item in held if item not in gone)
    if getattr(resource.spec, _LIMIT, None) in gone:
        changed[_LIMIT] = None
    return replace(resource, spec=replace(resource.spec, **changed)) if changed else resource
