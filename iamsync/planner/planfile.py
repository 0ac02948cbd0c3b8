"""Plans as the JSON document that is saved, rendered and checked."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from iamsync.kinds import codec
from iamsync.kinds.operations import WAIT
from iamsync.model import Address, Call, Change, Expiry, Finding, Origin, Plan, Step
from iamsync.planner.awsdrift import Drifted
from iamsync.planner.guards import acknowledgement
from iamsync.policy.access import Access, Region, lines

FORMAT_VERSION: Final = "1.0"


def document(
    plans: Sequence[Plan],
    *,
    version: str,
    created_at: str,
    failed: Sequence[Mapping[str, Any]] = (),
    waits: Sequence[Mapping[str, Any]] = (),
) -> dict[str, Any]:
    """The plan document; every other format is rendered from it.

    `failed` are the accounts of several that could not be planned, each with what happened; `waits` the steps that
    wait for another account of the run (`across.rows`).
    """
    now = plans[0].now if plans else created_at
    rows = [plan_json(plan) for plan in plans]
    return document_of(rows, version=version, created_at=created_at, now=now, failed=failed, waits=waits)


def document_of(
    rows: Iterable[Mapping[str, Any]],
    *,
    version: str,
    created_at: str,
    now: str,
    failed: Sequence[Mapping[str, Any]] = (),
    waits: Sequence[Mapping[str, Any]] = (),
) -> dict[str, Any]:
    """The same of plans that are JSON values already (`plan_json`)."""
    return {
        "format_version": FORMAT_VERSION,
        "iamsync_version": version,
        "created_at": created_at,
        "now": now,
        "plans": list(rows),
        **({"waits": list(waits)} if waits else {}),
        **({"failed": list(failed)} if failed else {}),
    }


def outline(row: Mapping[str, Any]) -> Plan:
    """Of a plan that is JSON values: whose it is, and its steps; the rest is empty."""
    account = row["account"]
    steps = tuple(
        Step(
            step["id"],
            Address.parse(step["address"]) if "address" in step else None,
            Call(step["operation"], step["params"]),
            step["effect"],
            tuple(step["after"]),
        )
        for step in row["steps"]
    )
    return Plan(
        account["id"],
        account["partition"],
        account["name"],
        account["alias"],
        caller="",
        now="",
        changes=(),
        steps=steps,
        guards=(),
        findings=(),
        reported=(),
        unchanged=0,
        desired_digest="",
        read_set_digest="",
        approval="",
    )


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
        **({"narrowed": True} if plan.narrowed else {}),
        "changes": [_change(change) for change in plan.changes],
        "steps": [step_json(step) for step in plan.steps],
        "guards": [finding_json(finding) for finding in plan.guards],
        "findings": [finding_json(finding) for finding in plan.findings],
        "reported": [
            {"address": str(item.address), "reason": item.reason, "owner": item.owner or None} for item in plan.reported
        ],
        "expiring": [expiry_json(item) for item in plan.expiring],
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


def expiry_json(expiry: Expiry, *, placed: bool = True) -> dict[str, Any]:
    """An end: what is over then, and where that is written unless it does not matter (`placed`)."""
    out: dict[str, Any] = {
        "address": str(expiry.address),
        "field": expiry.member_of or None,
        "item": expiry.item or None,
        "at": expiry.at,
    }
    return {**out, "origin": origin_json(expiry.origin)} if placed else out


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


def to_text(value: Mapping[str, Any]) -> str:
    """The document as it is saved: readable, stable, ending in a newline."""
    return json.dumps(value, indent=1, ensure_ascii=False) + "\n"
