"""Plans as the JSON document that is saved, rendered and checked; and steps back from a saved one.

A saved plan is never trusted by itself: `saved` only takes it apart, `verify` compares it with a
plan made afresh from the manifests at hand and the account as it is now.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from iamsync.errors import InputError, Place, StalePlan
from iamsync.kinds import KINDS, codec
from iamsync.kinds.codec import value_from_json
from iamsync.kinds.operations import OPERATIONS, WAIT
from iamsync.kinds.wire import loads_object
from iamsync.model import Address, Change, Finding, Origin, Plan, State, Step
from iamsync.planner.awsdrift import Drifted
from iamsync.planner.guards import acknowledgement
from iamsync.planner.settle import Settled, settle
from iamsync.planner.strayed import lost_ours
from iamsync.policy.access import Access, Region, lines

FORMAT_VERSION: Final = "1.0"


def document(plans: Sequence[Plan], *, version: str, created_at: str) -> dict[str, Any]:
    """The plan document of cli.md; every other format is rendered from it."""
    return {
        "format_version": FORMAT_VERSION,
        "iamsync_version": version,
        "created_at": created_at,
        "now": plans[0].now if plans else created_at,
        "plans": [plan_json(plan) for plan in plans],
    }


def plan_json(plan: Plan) -> dict[str, Any]:
    """One account's plan."""
    return {
        "account": {"name": plan.account_name, "id": plan.account_id, "partition": plan.partition, "alias": plan.alias},
        "caller": plan.caller,
        "digests": {
            "desired": plan.desired_digest,
            "read_set": plan.read_set_digest,
            "approval": plan.approval,
        },
        "valid_until": plan.valid_until,
        "summary": {
            "create": plan.count("create"),
            "update": plan.count("update"),
            "replace": plan.count("replace"),
            "delete": plan.count("delete"),
            "unchanged": plan.unchanged,
            "reported": len(plan.reported),
            "steps": sum(step.operation != WAIT for step in plan.steps),
        },
        "changes": [_change(change) for change in plan.changes],
        "steps": [step_json(step) for step in plan.steps],
        "guards": [finding_json(finding) for finding in plan.guards],
        "findings": [finding_json(finding) for finding in plan.findings],
        "reported": [
            {"address": str(item.address), "reason": item.reason, "owner": item.owner or None} for item in plan.reported
        ],
        "expiring": [
            {
                "address": str(item.address),
                "field": item.member_of or None,
                "item": item.item or None,
                "at": item.at,
                "origin": origin_json(item.origin),
            }
            for item in plan.expiring
        ],
        "aws_policies": [_drifted(one) for one in plan.aws_policies],
        "unread": [f"{kind}.{field}" for kind, field in plan.unread],
        "prior": {str(address): value for address, value in plan.prior.items()},
    }


def step_json(step: Step) -> dict[str, Any]:
    """One step, its operation and parameters literally as boto3 takes them."""
    out: dict[str, Any] = {"id": step.id}
    if step.address is not None:
        out["address"] = str(step.address)
    params = dict(step.params)
    return {**out, "operation": step.operation, "params": params, "effect": step.effect, "after": list(step.after)}


def finding_json(finding: Finding) -> dict[str, Any]:
    """A guard's answer or a finding, with how to acknowledge it where that is possible."""
    return {
        "id": finding.id,
        "severity": finding.severity,
        "address": str(finding.address) if finding.address else None,
        "message": finding.title,
        "evidence": finding.evidence,
        "remedy": finding.remedy,
        "origin": origin_json(finding.origin),
        "acknowledge": acknowledgement(finding) or None,
        "acknowledged": finding.acknowledged,
        "references": list(finding.references),
    }


def origin_json(origin: Origin | None) -> dict[str, Any] | None:
    """Where something was written, and where its template stands."""
    if origin is None:
        return None
    out: dict[str, Any] = {"file": origin.file, "line": origin.line}
    if origin.template is not None:
        out["template"] = {"file": origin.template.file, "line": origin.template.line}
    return out


def _change(change: Change) -> dict[str, Any]:
    return {
        "address": str(change.address),
        "kind": change.address.kind,
        "name": change.address.name,
        "action": change.action,
        "cause": change.cause,
        "renamed_from": change.renamed_from,
        "note": change.note or None,
        "origin": origin_json(change.origin),
        "fields": [
            {
                "field": item.field,
                "cause": item.cause,
                "before": item.before,
                "after": item.after,
                "added": list(item.added),
                "removed": list(item.removed),
                "expired": list(item.expired),
            }
            for item in change.fields
        ],
        "access": _own_access(change),
        "affects": _others_access(change),
        "outside": _outside_access(change),
        "steps": list(change.steps),
    }


def _own_access(change: Change) -> dict[str, Any] | None:
    """What the changed principal itself gains and loses; None for a resource that is none."""
    if change.address.kind not in ("user", "role"):
        return None
    own = next((one.access for one in change.affected if one.principal == change.address), Access())
    return access_json(own)


def _others_access(change: Change) -> list[dict[str, Any]]:
    """The principals that gain or lose through this change of a policy, group or trust, alike ones together."""
    return alike((str(one.principal), one.access) for one in change.affected if one.principal != change.address)


def _outside_access(change: Change) -> list[dict[str, Any]]:
    """Who outside the account a changed trust policy lets in or shuts out, alike ones together."""
    return alike((one.name, one.access) for one in change.outside)


def _drifted(one: Drifted) -> dict[str, Any]:
    """A policy that AWS changed since it was reviewed, and whom that moves, alike ones together."""
    told = alike((str(address), access) for address, access in one.affected)
    return {"policy": one.policy, "reviewed": one.reviewed, "current": one.current, "affects": told}


def alike(who: Iterable[tuple[str, Access]]) -> list[dict[str, Any]]:
    """What principals gain and lose, those together for whom it is the same."""
    found: dict[str, dict[str, Any]] = {}
    for name, access in who:
        told = access_json(access)
        key = codec.canonical_bytes([told["text"], told["undecided"]]).decode()
        found.setdefault(key, {"principals": [], **told})["principals"].append(name)
    return list(found.values())


def access_json(access: Access) -> dict[str, Any]:
    """Gains and losses as data, and in words (`text`)."""
    return {
        "gained": [_region(region) for region in access.gained],
        "lost": [_region(region) for region in access.lost],
        "undecided": [{"what": one.text, "reason": one.reason, "via": list(one.via)} for one in access.undecided],
        "text": list(lines(access)) if access else [],
    }


def _region(region: Region) -> dict[str, Any]:
    return {
        "kind": region.kind,
        "actions": list(region.actions),
        "resources": list(region.resources),
        "except": [{"actions": list(one.actions), "resources": list(one.resources)} for one in region.excepted],
        "was": region.was,
        "now": region.now,
        "count": region.count,
        "via": list(region.via),
        "witness": {"action": region.witness.action, "resource": region.witness.resource},
    }


@dataclass(frozen=True, slots=True)
class Saved:
    """What a saved plan says of one account: enough to tell whether it is still the plan."""

    account_id: str
    account_name: str
    approval: str
    steps: tuple[tuple[str, str], ...]  # operation and canonical parameters; no waits
    addresses: frozenset[Address]
    prior: Mapping[Address, Any]
    goals: Mapping[Address, Mapping[str, Any] | None]  # the fields it changes, as they are to be; None: deleted
    valid_until: str | None = None


def saved(text: str, file: str) -> tuple[Saved, ...]:
    """The plans in a plan file; InputError where it is none, or of a format this version cannot read."""
    try:
        value = loads_object(text)
    except ValueError as error:
        raise InputError(
            f"this is no plan file: {error}",
            code="bad-plan-file",
            place=Place(file),
            hint="make one with: iamsync plan --out plan.json",
        ) from error
    major = str(value.get("format_version", "")).partition(".")[0]
    if major != FORMAT_VERSION.partition(".")[0]:
        raise InputError(
            f"this plan file is of format {value.get('format_version')!r}; this iamsync reads {FORMAT_VERSION}",
            code="bad-plan-file",
            place=Place(file),
            hint="make a new plan with this version",
        )
    try:
        return tuple(read_saved(item) for item in value["plans"])
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(
            f"this plan file is damaged: {error!r} is missing or not what it should be",
            code="bad-plan-file",
            place=Place(file),
            hint="make a new plan; a plan file is not meant to be edited",
        ) from error


def read_saved(item: Mapping[str, Any]) -> Saved:
    """One account's part of a plan document; KeyError, TypeError or ValueError where it is damaged."""
    strange = sorted({str(step["operation"]) for step in item["steps"]} - OPERATIONS - {WAIT})
    if strange:
        raise ValueError(f"{strange[0]} (an operation that no change needs)")
    listed = sorted(str(step) for change in item["changes"] for step in change["steps"])
    if listed != sorted(str(step["id"]) for step in item["steps"] if step["operation"] != WAIT):
        raise ValueError("steps (they are not those of its changes)")
    return Saved(
        account_id=str(item["account"]["id"]),
        account_name=str(item["account"]["name"]),
        approval=str(item["digests"]["approval"]),
        steps=tuple(
            (str(step["operation"]), _params(step["params"])) for step in item["steps"] if step["operation"] != WAIT
        ),
        addresses=frozenset(Address.parse(change["address"]) for change in item["changes"]),
        prior={Address.parse(name): spec for name, spec in item["prior"].items()},
        goals={Address.parse(change["address"]): _goal(change) for change in item["changes"]},
        valid_until=item.get("valid_until"),
    )


def _goal(change: Mapping[str, Any]) -> Mapping[str, Any] | None:
    if change["action"] == "delete":
        return None
    kind = KINDS[Address.parse(change["address"]).kind]
    return {kind.field(item["field"]).name: item["after"] for item in change["fields"]}


def _params(params: Mapping[str, Any]) -> str:
    if not isinstance(params, Mapping):
        raise TypeError("params")
    return codec.canonical_bytes(dict(params)).decode()


def _key(step: Step) -> tuple[str, str]:
    return step.operation, _params(step.params)


def verify(old: Saved, fresh: Plan, live: State, desired: State, ignore: Iterable[str] = ()) -> Plan:
    """The part of the fresh plan that the saved one covers, if that is still what was reviewed.

    The fresh plan may lack steps whose effect is live by now. Everything else must be as it was: no
    step that the saved plan does not hold, the same goal, and nothing in its read set changed by
    others. `ignore` is what the settings leave to others. StalePlan lists what differs; InputError
    where the saved plan's own digest is of other steps.
    """
    if old.valid_until is not None and fresh.now >= old.valid_until:
        raise StalePlan(
            f"the plan was valid until {old.valid_until}, when something it is about was over",
            hint="make a new plan, have it reviewed, apply that",
            difference=(f"now: {fresh.now}",),
        )
    known = set(old.steps)
    mine, loose = _restricted(fresh, old.addresses)
    calls = [step for step in mine.steps if step.operation != WAIT]
    difference = [f"+ {step.operation} {_params(step.params)}" for step in calls if _key(step) not in known]
    difference += loose
    foreseen = fresh.approval == old.approval
    if foreseen and sorted(old.steps) != sorted(_key(step) for step in fresh.steps if step.operation != WAIT):
        raise InputError(
            "this plan was edited: its steps are not those that its digest was made of",
            code="bad-plan-file",
            hint="make a new plan; a plan file is not meant to be edited",
        )
    # Compared as the plan compared: under new names, with what follows a rename, ignored fields taken over.
    settled = settle(desired, live, ignore)
    if not foreseen and not difference:
        difference += _other_goals(old, fresh, settled)
    if not difference:
        for address, before in old.prior.items():
            ours = address in old.addresses
            if foreseen and ours:
                continue  # the digest says so
            have, want = settled.live.get(address), settled.desired.get(address)
            current = codec.canonical(have) if have is not None else None
            goal = codec.canonical(want) if want is not None else None
            strayed = _strayed(before, current, goal, old.addresses if ours else None)
            difference += [f"~ {address} {name}".rstrip() for name in strayed]
    if difference:
        raise StalePlan(
            "the plan is no longer what would be done now",
            hint="make a new plan, have it reviewed, apply that",
            difference=tuple(sorted(difference)),
        )
    return mine


def _other_goals(old: Saved, fresh: Plan, settled: Settled) -> Iterable[str]:
    """What the manifests no longer want as it was reviewed: a step may be missing only because it was done."""
    deleted = {change.address for change in fresh.changes if change.action == "delete"}
    for address, goal in old.goals.items():
        want = settled.desired.get(address)
        if goal is None:
            if address not in deleted and settled.live.get(address) is not None:
                yield f"- delete {address}"
            continue
        if want is None:
            yield f"- {address} is no longer declared"
            continue
        for name, value in goal.items():
            field = KINDS[address.kind].field(name)
            now = getattr(want.spec, name)
            then = value_from_json(field, value, fresh.partition) if value is not None else None
            if now != then:
                yield f"~ {address} {name} is declared otherwise now"


def _restricted(plan: Plan, addresses: frozenset[Address]) -> tuple[Plan, list[str]]:
    """The plan's changes at these addresses alone, and in words the steps that would wait for others."""
    keep = {step.id for step in plan.steps if step.address in addresses}
    waits = {s.id: s for s in plan.steps if s.address is None}
    needed = {before for s in plan.steps if s.id in keep for before in s.after if before in waits}
    keep |= {wait for wait in needed if any(before in keep for before in waits[wait].after)}
    awaited = {before for s in plan.steps if s.id in keep for before in s.after} - keep
    loose = sorted({f"+ {s.address} would have to change first" for s in plan.steps if s.id in awaited and s.address})
    steps = tuple(
        replace(step, after=tuple(before for before in step.after if before in keep))
        for step in plan.steps
        if step.id in keep
    )
    changes = tuple(change for change in plan.changes if change.address in addresses)
    # What a guard says of another resource is no business of this plan.
    guards = tuple(found for found in plan.guards if found.address is None or found.address in addresses)
    return replace(plan, steps=steps, changes=changes, guards=guards), loose


def _strayed(before: Any, current: Any, goal: Any, ours: frozenset[Address] | None) -> Iterable[str]:
    """The fields whose live value is neither what the plan saw nor, where it is ours, on the way to its goal.

    `ours` are all addresses the plan changes, or None for a resource that is none of them.
    """
    if current == before:
        return
    if ours is None:
        yield "was changed since the plan was made"
        return
    if current is None:
        return  # taken away by the plan's own deletion, or not there yet
    for name in current:
        old = before.get(name) if before else None
        new = goal.get(name) if goal else None
        if name == "trust_policy" and old is not None and lost_ours(old, current[name], ours):
            continue
        if not _between(old, current[name], new, before is None):
            yield name


def _between(old: Any, current: Any, new: Any, created: bool) -> bool:
    if current in (old, new):
        return True
    # What is missing may be on its way back (a replacement takes all off first); where it was not ours to
    # take off, the fresh plan has a step that the saved one lacks.
    if current is None:
        return True
    if isinstance(current, list):
        return set(current) <= {*(old or ()), *(new or ())}
    if isinstance(current, dict):
        return all(value in ((old or {}).get(key), (new or {}).get(key)) for key, value in current.items())
    return created and isinstance(current, str)  # a placeholder trust, before the real one is saved


def to_text(value: Mapping[str, Any]) -> str:
    """The document as it is saved: readable, stable, ending in a newline."""
    return json.dumps(value, indent=1, ensure_ascii=False) + "\n"
