"""In every order a plan allows, a principal is given before it is taken from, and there is time in between."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace

from hypothesis import assume, given

from iamsync.model import Address, Plan, Step
from iamsync.planner.plan import plan
from tests.laws.law import law
from tests.planner.upheaval import Upheaval, upheavals
from tests.world import NOW, settings


def ancestors(made: Plan) -> dict[str, set[str]]:
    """All that must have ended before a step starts."""
    found: dict[str, set[str]] = {}
    for step in made.steps:
        found[step.id] = set(step.after).union(*(found[before] for before in step.after))
    return found


def turn(step: Step) -> str:
    """What a step does, told from its name alone."""
    on = step.operation.startswith(("Attach", "Add")) or (
        step.operation.startswith("Put") and step.operation.endswith("Policy")
    )
    off = step.operation.startswith(("Detach", "Remove")) or step.operation in (
        *("DeleteUserPolicy", "DeleteGroupPolicy", "DeleteRolePolicy"),
        *("DeleteUserPermissionsBoundary", "DeleteRolePermissionsBoundary"),
    )
    if step.operation.endswith("PermissionsBoundary") and step.operation.startswith("Put"):
        on = step.effect == "revoke"  # the first one; another in its place is mixed
    if on and step.effect != "mixed":
        return {"revoke": "denies", "grant": "gives"}.get(step.effect, "")
    if off:
        return {"revoke": "takes", "grant": "allows again"}.get(step.effect, "")
    return "mixes" if step.effect == "mixed" else ""


def concerned(step: Step, case: Upheaval) -> set[Address]:
    """The users and roles whose permissions a step moves, before or after."""
    assert step.address is not None
    found: set[Address] = set()
    for state in (case.live, case.desired):
        renames = {r.renamed_from: r.address.name for r in case.desired if r.address.kind == "group" and r.renamed_from}
        users = {r.renamed_from: r.address.name for r in case.desired if r.address.kind == "user" and r.renamed_from}
        holders = {step.address}
        if step.address.kind == "policy":
            mine = str(step.params["PolicyArn"])
            holders = {
                r.address
                for r in state
                if mine in (*getattr(r.spec, "managed_policies", ()), getattr(r.spec, "permissions_boundary", None))
            }
        for holder in holders:
            name = renames.get(holder.name, holder.name) if holder.kind == "group" else holder.name
            if holder.kind != "group":
                found.add(Address(holder.kind, users.get(name, name) if holder.kind == "user" else name))
                continue
            for r in state:
                if name in {renames.get(held, held) for held in getattr(r.spec, "groups", ())}:
                    found.add(Address("user", users.get(r.address.name, r.address.name)))
    return found


@law(80)
@given(upheavals())
def test_what_gives_comes_before_what_takes_with_a_pause(case: Upheaval) -> None:
    case = replace(case, live=replace(case.live, quotas=dict.fromkeys(case.live.quotas, 10**6)))
    made = plan(case.desired, case.live, settings(settle=10), account_name="t", caller="c", now=NOW, access=False)
    assume(not made.refusals and not any(change.action == "replace" for change in made.changes))
    before = ancestors(made)
    of: dict[Address, dict[str, list[Step]]] = defaultdict(lambda: defaultdict(list))
    for step in made.steps:
        if step.address is not None and turn(step):
            for principal in concerned(step, case):
                of[principal][turn(step)].append(step)
    pauses = [step.id for step in made.steps if step.operation == "wait"]
    order = ("denies", "gives", "mixes", "takes", "allows again")
    for principal, turns in of.items():
        for first, later in ((a, b) for n, a in enumerate(order) for b in order[n + 1 :]):
            for one in turns[first]:
                for other in turns[later]:
                    assert one.id in before[other.id], (principal, one, other)
                    if (first, later) in (("gives", "takes"), ("gives", "mixes"), ("mixes", "takes")):
                        between = [p for p in pauses if p in before[other.id] and one.id in before[p]]
                        assert between, (principal, one, other)


@law(60)
@given(upheavals())
def test_no_pause_without_something_given_before_and_something_taken_after(case: Upheaval) -> None:
    made = plan(case.desired, case.live, settings(settle=10), account_name="t", caller="c", now=NOW, access=False)
    effects = {step.id: step.effect for step in made.steps}
    for pause in (step for step in made.steps if step.operation == "wait"):
        assert {effects[before] for before in pause.after} <= {"grant", "mixed"}
        following = [step for step in made.steps if pause.id in step.after]
        assert following
        assert {step.effect for step in following} <= {"revoke", "mixed"}
