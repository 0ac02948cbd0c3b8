"""In every order a plan allows, a principal is given before it is taken from, and there is time in between."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from itertools import product

from hypothesis import assume, given

from iamsync.model import Address, Plan, Step
from iamsync.planner.plan import plan
from tests.laws.law import law
from tests.planner.dense import RESIDUAL
from tests.planner.upheaval import Upheaval, upheavals
from tests.world import NOW, settings


def ancestors(made: Plan) -> dict[str, set[str]]:
    """All that must have ended before a step starts."""
    found: dict[str, set[str]] = {}
    for step in made.steps:
        found[step.id] = set(step.after).union(*(found[before] for before in step.after))
    return found


def own(step: Step, case: Upheaval) -> str:
    """Whether a step gives or takes what a user or role holds itself: policies that deny nothing."""
    if step.address is None or step.address.kind not in ("user", "role") or not step.operation.endswith("Policy"):
        return ""
    documents = []
    declared = case.desired.get(step.address)
    before = Address(step.address.kind, declared.renamed_from) if declared and declared.renamed_from else step.address
    for state in (case.live, case.desired):
        for resource in state:
            if resource.address.kind == "policy" and str(step.params.get("PolicyArn")).endswith(
                f"/{resource.address.name}"
            ):
                documents.append(resource.spec.document)
            if resource.address in (step.address, before):
                documents += [
                    held for name, held in resource.spec.inline_policies if name == step.params.get("PolicyName")
                ]
    if any(document.bears_deny for document in documents):
        return ""
    if step.effect == "grant":
        return "gives"
    return "takes" if step.effect == "revoke" else ""


@law(80)
@given(upheavals())
def test_a_principal_is_given_to_before_it_is_taken_from_with_a_pause(case: Upheaval) -> None:
    case = replace(case, live=replace(case.live, quotas=dict.fromkeys(case.live.quotas, 10**6)))
    made = plan(case.desired, case.live, settings(settle=10), account_name="t", caller="c", now=NOW, access=False)
    assume(not made.refusals and not any(change.action == "replace" for change in made.changes))
    assume(not any(finding.id in RESIDUAL for finding in made.findings))
    before = ancestors(made)
    of: dict[Address, dict[str, list[Step]]] = defaultdict(lambda: defaultdict(list))
    for step in made.steps:
        if (turn := own(step, case)) and step.address is not None:
            of[step.address][turn].append(step)
    pauses = [step.id for step in made.steps if step.operation == "wait"]
    for turns in of.values():
        for one, other in product(turns["gives"], turns["takes"]):
            assert any(pause in before[other.id] and one.id in before[pause] for pause in pauses), (one, other)


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
