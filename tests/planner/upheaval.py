"""Pairs of states that differ in every way a manifest can ask for, renames and tight quotas included."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass, replace

from hypothesis import strategies as st

from iamsync import arn
from iamsync.kinds.codec import from_json, to_json
from iamsync.model import Address, Plan, Resource, State, Step
from tests.planner.iam import ATTACHED, FOUND, SIZES
from tests.strategies import two_states
from tests.world import towards

REFERENCES = ("managed_policies", "permissions_boundary")


@dataclass(frozen=True)
class Upheaval:
    """Where an account comes from and where it is to go."""

    live: State
    desired: State


def renamed(state: State, kind: str, old: str, new: str) -> State:
    """The state with a resource called otherwise, wherever it is named."""
    path = state.resources[Address(kind, old)].spec.path
    was, will = f':{kind}{path}{old}"', f':{kind}{path}{new}"'
    made = []
    for resource in state:
        value = to_json(resource)
        for field in ("trust_policy",):
            if field in value:
                value[field] = json.loads(json.dumps(value[field]).replace(was, will))
        if kind == "policy" and "managed_policies" in value:
            value = {**value, **json.loads(json.dumps({n: value.get(n) for n in REFERENCES}).replace(was, will))}
            value = {name: held for name, held in value.items() if name in to_json(resource)}
        if kind == "role" and value.get("role"):
            value["role"] = json.loads(json.dumps(value["role"]).replace(was, will))
        if kind == "group" and "groups" in value:
            value["groups"] = [new if name == old else name for name in value["groups"]]
        address = Address(kind, new) if resource.address == Address(kind, old) else resource.address
        again = from_json(address, value)
        source = old if address != resource.address else resource.renamed_from
        made.append(replace(again, renamed_from=source))
    return State.of(state.account_id, made, complete=state.complete)


def tight(before: State, after: State) -> dict[str, int]:
    """Quotas that both states just fit in."""
    quotas: dict[str, int] = {"GroupsPerUserQuota": 1}
    for state in (before, after):
        for resource in state:
            kind = resource.address.kind
            if kind not in SIZES:
                continue
            size = sum(document.size for _, document in resource.spec.inline_policies)
            held = len(resource.spec.managed_policies)
            quotas[ATTACHED[kind]] = max(quotas.get(ATTACHED[kind], 1), held)
            quotas[SIZES[kind]] = max(quotas.get(SIZES[kind], 1), size)
            if kind == "user":
                quotas["GroupsPerUserQuota"] = max(quotas["GroupsPerUserQuota"], len(resource.spec.groups))
    return quotas


@st.composite
def upheavals(draw: st.DrawFn) -> Upheaval:
    before, after = draw(two_states())
    quotas = tight(before, after) if draw(st.booleans()) else {}
    olds: list[Address] = []
    for kind in ("user", "group"):
        both = [a.name for a in after.resources if a.kind == kind and a in before.resources]
        for name in both:
            if draw(st.booleans()):
                after = renamed(after, kind, name, f"new-{name}")
                olds.append(Address(kind, name))
    for kind in ("role", "policy"):
        both = [a.name for a in after.resources if a.kind == kind and a in before.resources and len(a.name) < 60]
        if both and draw(st.booleans()):
            name = draw(st.sampled_from(both))
            after = renamed(after, kind, name, f"new-{name}")
            olds.append(Address(kind, name))
    desired = towards(after, before)
    gone = tuple(removal for removal in desired.removed if removal.address not in olds)
    facts = []
    for resource in before:
        facts.append(with_facts(draw, resource, before))
    live = State.of(before.account_id, facts, complete=before.complete, quotas=quotas)
    return Upheaval(live, replace(desired, removed=gone))


def with_facts(draw: st.DrawFn, resource: Resource, state: State) -> Resource:
    """What only a live account has: stored versions of a policy, a role's instance profiles."""
    if resource.address.kind == "policy":
        count = draw(st.sampled_from((1, 1, 2, 5)))
        other = [f'{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Action":"x:V{n}","Resource":"*"}}}}'
                 for n in range(count)]  # fmt: skip
        default = draw(st.integers(0, count - 1))
        document = type(resource.spec.document)
        versions = tuple(
            (f"v{n + 1}", resource.spec.document if n == default else document.parse(other[n]), n == default)
            for n in range(count)
        )
        spec = replace(resource.spec, description=resource.spec.description or "")  # None would be: never asked
        return replace(resource, spec=spec, facts={"versions": versions, "tags": "confirmed"})
    if resource.address.kind == "role":
        own = arn.build("aws", state.account_id, resource.address, resource.spec.path)
        profiles = [one.address.name for one in state if getattr(one.spec, "role", None) == own]
        if draw(st.booleans()):
            profiles.append(f"profile-{resource.address.name}"[:128])  # one that nobody reads or declares
        return replace(resource, facts={"instance_profiles": tuple(sorted(profiles))})
    if resource.address.kind == "oidc_provider" and resource.spec.thumbprints is None:
        return replace(resource, spec=replace(resource.spec, thumbprints=FOUND))
    return resource


def sequences(plan: Plan, count: int, seed: int) -> list[list[Step]]:
    """The plan's own order and some others that its edges allow, adversarial ones among them."""
    made = [list(plan.steps), _sequence(plan, lambda number: -number)]
    for turn in range(count):
        dice = random.Random(seed * 1000 + turn)
        made.append(_sequence(plan, lambda number, dice=dice: dice.random()))
    return made


def _sequence(plan: Plan, weight) -> list[Step]:  # type: ignore[no-untyped-def]
    waiting = {step.id: set(step.after) for step in plan.steps}
    steps = {step.id: (number, step) for number, step in enumerate(plan.steps)}
    out: list[Step] = []
    while waiting:
        ready = [name for name, after in waiting.items() if not after]
        chosen = min(ready, key=lambda name: weight(steps[name][0]))
        out.append(steps[chosen][1])
        del waiting[chosen]
        for after in waiting.values():
            after.discard(chosen)
    return out
