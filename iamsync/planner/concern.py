"""Whom an act concerns: the principals whose permissions it moves, before or after the plan."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace

from iamsync import arn
from iamsync.kinds.fields import REPLACED
from iamsync.kinds.kind import Act, Context, Phase
from iamsync.model import Address, Resource, State
from iamsync.policy.document import Document


class Concern:
    """Group members and policy holders over two states, looked up once for a whole plan."""

    def __init__(self, states: Iterable[State], cx: Context) -> None:
        self._cx = cx
        self._members: dict[str, set[Address]] = defaultdict(set)
        self._holders: dict[str, set[Address]] = defaultdict(set)
        self._documents: dict[str, Document] = {}
        self._arns: dict[Address, set[str]] = defaultdict(set)
        for state in states:
            for resource in state:
                self._add(resource)

    def _add(self, resource: Resource) -> None:
        spec = resource.spec
        for group in getattr(spec, "groups", ()):
            self._members[group].add(resource.address)
        for held in getattr(spec, "managed_policies", ()):
            self._holders[held.removesuffix(REPLACED)].add(resource.address)
        if boundary := getattr(spec, "permissions_boundary", None):
            self._holders[boundary].add(resource.address)
        if resource.address.kind == "policy":
            policy_arn = self._cx.arn(resource.address, spec.path)
            self._arns[resource.address].add(policy_arn)
            self._documents.setdefault(policy_arn, spec.document)

    def of(self, act: Act) -> frozenset[Address]:
        """The principals whose permissions this act moves."""
        if act.address.kind == "policy":
            holders = {holder for held in self._arns[act.address] for holder in self._holders[held]}
            return frozenset(one for holder in holders for one in self._with_members(holder))
        return frozenset(self._with_members(act.address))

    def _with_members(self, address: Address) -> Iterable[Address]:
        yield address
        if address.kind == "group":
            yield from self._members[address.name]

    def refined(self, act: Act) -> Act:
        """The act in its true phase: attaching a policy that only denies takes permission away."""
        if act.field != "managed_policies" or not self.only_denies(act.item.removesuffix(REPLACED)):
            return act
        if act.phase is Phase.GRANT:
            return replace(act, phase=Phase.DENY_ON, effect="revoke")
        return replace(act, phase=Phase.DENY_OFF, effect="grant")

    def only_denies(self, policy: str) -> bool:
        """Whether nothing but denials stands in this policy, as far as its document is known."""
        document = self._documents.get(policy)
        if document is not None:
            return document.only_denies
        parsed = arn.parse(policy)
        return parsed is not None and parsed.account == "aws" and denies_by_name(parsed.name)


def denies_by_name(name: str) -> bool:
    """AWS's own policies that exist to take permission away."""
    return name.startswith(("AWSCompromisedKeyQuarantine", "AWSDenyAll"))
