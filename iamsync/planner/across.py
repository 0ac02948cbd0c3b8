"""Trust between the accounts of one run: who is written to first, and what waits for another account.

AWS refuses a trust policy that names a user or role which does not exist, in whatever account. So an account whose
plan creates a principal goes before those that trust it. Where that is not possible, since they trust each other or
the other's wave is later, a role is created with a placeholder and its trust policy is saved when the other is there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from iamsync import arn
from iamsync.model import Address, Plan, Step
from iamsync.policy.document import Document, principals
from iamsync.strictjson import loads

_TRUSTS = {"CreateRole": "AssumeRolePolicyDocument", "UpdateAssumeRolePolicy": "PolicyDocument"}


@dataclass(frozen=True, slots=True)
class Arranged:
    """The accounts in their order, by id; `late`: account -> the steps that wait for accounts after it.

    `opened`: account -> the roles that are created with a placeholder, since what they trust comes later.
    `waits`: account, step -> the ARNs, of principals that other accounts create, that it waits for.
    """

    turns: tuple[str, ...]
    late: Mapping[str, frozenset[str]]
    opened: Mapping[str, frozenset[Address]]
    waits: Mapping[tuple[str, str], tuple[str, ...]]


def arrange(plans: Sequence[tuple[int, Plan]]) -> Arranged:
    """The order of these plans, each with its wave; within a wave as given, but for whom another waits."""
    made = {name: plan.account_id for _, plan in plans for name in _created(plan)}
    waits: dict[tuple[str, str], tuple[str, ...]] = {}
    needs: dict[str, set[str]] = {plan.account_id: set() for _, plan in plans}
    for _, plan in plans:
        for step in plan.steps:
            named = sorted(name for name in trusted(step) if made.get(name, plan.account_id) != plan.account_id)
            if named:
                waits[plan.account_id, step.id] = tuple(named)
                needs[plan.account_id] |= {made[name] for name in named}
    turns: list[str] = []
    for _, ids in _waves(plans):
        todo = list(ids)
        while todo:
            ready = next((one for one in todo if not needs[one] & set(todo) - {one}), todo[0])
            turns.append(ready)
            todo.remove(ready)
    place = {account: at for at, account in enumerate(turns)}
    late: dict[str, set[str]] = {}
    opened: dict[str, set[Address]] = {}
    steps = {(plan.account_id, step.id): step for _, plan in plans for step in plan.steps}
    for (account, step_id), names in waits.items():
        if any(place[made[name]] > place[account] for name in names):
            step = steps[account, step_id]
            if step.operation == "CreateRole":
                assert step.address is not None
                opened.setdefault(account, set()).add(step.address)
            else:
                late.setdefault(account, set()).add(step_id)
    closed = {plan.account_id: _after(plan, late.get(plan.account_id, set())) for _, plan in plans}
    return Arranged(
        tuple(turns),
        {account: frozenset(ids) for account, ids in closed.items() if ids},
        {account: frozenset(addresses) for account, addresses in opened.items()},
        waits,
    )


def trusted(step: Step) -> frozenset[str]:
    """The ARNs in the trust policy that a step saves."""
    text = step.params.get(_TRUSTS.get(step.operation, ""))
    return principals(Document.of(loads(text))) if isinstance(text, str) else frozenset()


def parts(plan: Plan, late: frozenset[str]) -> tuple[Plan, Plan]:
    """A plan without these steps, and these steps alone; each still has the whole plan's approval."""
    return _only(plan, {step.id for step in plan.steps} - late), _only(plan, late)


def rows(plans: Iterable[Plan], arranged: Arranged) -> list[dict[str, Any]]:
    """What waits for other accounts, as JSON values: account, step, address, and the ARNs it waits for."""
    found = []
    for plan in plans:
        for step in plan.steps:
            if names := arranged.waits.get((plan.account_id, step.id)):
                found.append(
                    {
                        "account": plan.account_name,
                        "step": step.id,
                        "address": str(step.address),
                        "waits_for": list(names),
                        "late": step.id in arranged.late.get(plan.account_id, ()),
                    }
                )
    return found


def _created(plan: Plan) -> Iterable[str]:
    """The ARNs of the users and roles that a plan creates, as the calls say them."""
    for step in plan.steps:
        kind = {"CreateUser": "user", "CreateRole": "role"}.get(step.operation)
        if kind is not None:
            name = str(step.params[f"{kind.capitalize()}Name"])
            address = Address(kind, name)
            yield arn.build(plan.partition, plan.account_id, address, str(step.params.get("Path", "/")))


def _after(plan: Plan, late: set[str]) -> set[str]:
    """These steps and all that wait for them; steps are in an order that is right to follow."""
    found = set(late)
    for step in plan.steps:
        if found & set(step.after):
            found.add(step.id)
    return found


def _only(plan: Plan, keep: Iterable[str]) -> Plan:
    ids = set(keep)
    steps = tuple(
        replace(step, after=tuple(before for before in step.after if before in ids))
        for step in plan.steps
        if step.id in ids
    )
    changes = (replace(one, steps=tuple(step for step in one.steps if step in ids)) for one in plan.changes)
    return replace(plan, steps=steps, changes=tuple(one for one in changes if one.steps))


def _waves(plans: Sequence[tuple[int, Plan]]) -> list[tuple[int, list[str]]]:
    held: dict[int, list[str]] = {}
    for wave, plan in plans:
        held.setdefault(wave, []).append(plan.account_id)
    return sorted(held.items())
