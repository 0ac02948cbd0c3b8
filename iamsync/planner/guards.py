"""What a finished plan must not do unasked: each guard looks at the differences and answers in figures.

A guard never changes the plan. `refuse` stops it until an operator acknowledges that guard, at that
address; guards marked final cannot be acknowledged at all, since no consent would make them work.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from iamsync import arn
from iamsync.kinds import KINDS
from iamsync.kinds.fields import REPLACED, Members
from iamsync.kinds.kind import Context
from iamsync.kinds.owners import out_of_reach
from iamsync.model import Address, Finding, Resource, State
from iamsync.planner.compare import Difference
from iamsync.planner.concern import denies_by_name
from iamsync.policy.document import Document, principals
from iamsync.settings import Settings

# No acknowledgement could make these work: the way out is to change the manifests.
FINAL: Final = frozenset(
    {"held-out-of-scope", "boundary-replace", "incomplete-read", "out-of-reach", "unknown-reference"}
    | {"rename-conflict", "over-quota", "delete-credentials"}
)
# AWS's published defaults (iam-facts 4), for a source that does not tell its own.
DEFAULT_QUOTAS: Final = {
    "AttachedPoliciesPerUserQuota": 10,
    "AttachedPoliciesPerGroupQuota": 10,
    "AttachedPoliciesPerRoleQuota": 10,
    "GroupsPerUserQuota": 10,
    "UserPolicySizeQuota": 2048,
    "GroupPolicySizeQuota": 5120,
    "RolePolicySizeQuota": 10240,
}
_PERCENT_FROM: Final = 10


@dataclass(frozen=True, slots=True)
class Situation:
    """What guards look at: both sides as compared, the differences, the operator's settings."""

    desired: State
    live: State
    differences: Sequence[Difference]
    settings: Settings
    now: str
    cx: Context
    managed: int


def guard(situation: Situation, found: Iterable[Finding] = ()) -> tuple[Finding, ...]:
    """Every guard's answers, with `found` from earlier stages, acknowledged where an operator did."""
    findings = [*found]
    for rule in RULES:
        findings.extend(rule(situation))
    answered = [_acknowledged(finding, situation) for finding in findings]
    return tuple(sorted(answered, key=lambda f: (f.severity != "refuse", f.id, str(f.address or ""), f.title)))


def acknowledgement(finding: Finding) -> str:
    """The option by which an operator consents to this guard, or nothing where none would help."""
    if finding.id in FINAL or finding.severity != "refuse":
        return ""
    return f"--acknowledge {finding.id}" + (f":{finding.address}" if finding.address else "")


def _acknowledged(finding: Finding, situation: Situation) -> Finding:
    if finding.id in FINAL:
        return finding
    for consent in situation.settings.acknowledge:
        if consent.covers(finding.id, finding.address, situation.now):
            return replace(finding, acknowledged=str(consent))
    return finding


def max_deletes(situation: Situation) -> Iterator[Finding]:
    """Too many deletions at once: a mistyped path, an emptied directory."""
    gone = [d for d in situation.differences if d.action in ("delete", "replace") and d.cause != "expired"]
    limit = situation.settings.safety.max_deletes
    if len(gone) > limit:
        yield Finding(
            "max-deletes",
            "refuse",
            f"{len(gone)} resources would be deleted or replaced; the limit is {limit}",
            evidence=_some(gone),
            remedy="apply in smaller parts, or raise safety.max_deletes",
        )


def max_change_percent(situation: Situation) -> Iterator[Finding]:
    """Too large a share of what is managed would change; tag-only changes do not count."""
    changed = [d for d in situation.differences if d.action != "create" and not d.tag_only and d.cause != "expired"]
    limit = situation.settings.safety.max_change_percent
    if situation.managed < _PERCENT_FROM or len(changed) * 100 <= limit * situation.managed:
        return
    yield Finding(
        "max-change-percent",
        "refuse",
        f"{len(changed)} of {situation.managed} managed resources would change "
        f"({len(changed) * 100 // situation.managed} %); the limit is {limit} %",
        evidence=_some(changed),
        remedy="apply in smaller parts, or raise safety.max_change_percent",
    )


def protected(situation: Situation) -> Iterator[Finding]:
    """Resources the operator wants no change of at all."""
    selector = situation.settings.safety.protected
    for difference in situation.differences:
        resource = difference.have or difference.want
        assert resource is not None
        tags = dict(getattr(resource.spec, "tags", ()))
        names = {resource.address, difference.address}
        if any(selector(address, getattr(resource.spec, "path", "/"), tags) for address in names):
            yield Finding(
                "protected",
                "refuse",
                f"{difference.address} is protected, and the plan would {difference.action} it",
                difference.address,
                remedy="take the change out of the manifests",
                origin=difference.origin,
            )


def replacement(situation: Situation) -> Iterator[Finding]:
    """A replacement breaks whatever holds the old ARN or id: sessions, Lambda, KMS, other accounts."""
    for difference in situation.differences:
        if difference.action != "replace":
            continue
        yield Finding(
            "replace",
            "refuse",
            f"{difference.address} would be deleted and created again: {difference.note}",
            difference.address,
            evidence="it gets a new id; sessions end, and services or accounts that hold the old one lose it",
            remedy="keep the value, or give the new one another name with renamed_from",
            origin=difference.origin,
        )
        if difference.address.kind == "policy":
            yield from _boundary_use(difference, situation)


def _boundary_use(difference: Difference, situation: Situation) -> Iterator[Finding]:
    assert difference.have is not None
    held = situation.cx.arn(difference.address, difference.have.spec.path)
    bound = [r.address for r in situation.live if getattr(r.spec, "permissions_boundary", None) == held]
    if bound:
        yield Finding(
            "boundary-replace",
            "refuse",
            f"{difference.address} is the permissions boundary of {len(bound)} principals; "
            "replacing it would leave them unbounded for a moment",
            difference.address,
            evidence=_names(bound),
            remedy=f"declare it under a new name with renamed_from: {difference.address.name}",
            origin=difference.origin,
        )


def held_elsewhere(situation: Situation) -> Iterator[Finding]:
    """What would have to be taken from a resource that is not ours to change."""
    ended = {d.address: d for d in situation.differences if d.action == "delete"}
    wanted = {d.address: d.want for d in situation.differences if d.want is not None}
    for difference in situation.differences:
        if difference.action not in ("delete", "replace") or difference.have is None:
            continue
        if difference.address.kind not in ("policy", "group"):
            continue
        held = _identity(difference.have, situation.cx)
        keep = []
        for resource in situation.live:
            if resource.address in ended or held not in _holds(resource):
                continue  # a marked attachment (of a replaced policy) is let go of by the plan itself
            after = wanted.get(resource.address)
            if after is not None and held not in _holds(after):
                continue
            keep.append(resource.address)
        if keep and not (difference.action == "replace" and _only_boundaries(difference, keep, situation)):
            yield Finding(
                "held-out-of-scope",
                "refuse",
                f"{difference.address} cannot be deleted: {len(keep)} resources that this plan may not change hold it",
                difference.address,
                evidence=_names(keep),
                remedy="declare the holders, or take it off them first",
                origin=difference.origin,
            )


def _only_boundaries(difference: Difference, keep: list[Address], situation: Situation) -> bool:
    """Whether boundary-replace has already named every holder."""
    assert difference.have is not None
    held = _identity(difference.have, situation.cx)
    found = [situation.live.resources[address] for address in keep]
    return all(held not in getattr(resource.spec, "managed_policies", ()) for resource in found)


def _identity(resource: Resource, cx: Context) -> str:
    return resource.address.name if resource.address.kind == "group" else cx.arn(resource.address, resource.spec.path)


def _holds(resource: Resource) -> set[str]:
    held = {*getattr(resource.spec, "managed_policies", ()), *getattr(resource.spec, "groups", ())}
    if boundary := getattr(resource.spec, "permissions_boundary", None):
        held.add(boundary)
    return held


def deny_removed(situation: Situation) -> Iterator[Finding]:
    """A denial on a live principal may be an incident being handled: it is not drift to revert."""
    for difference in situation.differences:
        if difference.action not in ("update", "replace") or difference.have is None or difference.want is None:
            continue
        lost = sorted(set(_denials(difference.have, situation)) - set(_denials(difference.want, situation)))
        if lost:
            yield Finding(
                "deny-removed",
                "refuse",
                f"{difference.address} would lose what denies it something: {', '.join(lost)}",
                difference.address,
                evidence="a denial may have been put there to stop an attacker",
                remedy="declare it too if it should stay, or ask who put it there",
                origin=difference.origin,
            )


def _denials(resource: Resource, situation: Situation) -> Iterator[str]:
    """The parts of a resource that deny: inline policies, attached policies, its own document."""
    spec = resource.spec
    for name, document in getattr(spec, "inline_policies", ()):
        if document.bears_deny:
            yield f"inline policy {name}"
    for held in getattr(spec, "managed_policies", ()):
        policy = held.removesuffix(REPLACED)
        if _policy_denies(policy, situation):
            yield arn.short(policy, situation.cx.account_id)
    document = getattr(spec, "document", None) or getattr(spec, "trust_policy", None)
    if document is not None and document.bears_deny:
        yield "its document's Deny"


def _policy_denies(policy: str, situation: Situation) -> bool:
    parsed = arn.parse(policy)
    if parsed is None:
        return False
    if parsed.account == "aws":
        return denies_by_name(parsed.name)
    held = situation.live.get(parsed.address) or situation.desired.get(parsed.address)
    return held is not None and isinstance(held.spec.document, Document) and held.spec.document.bears_deny


def incomplete_read(situation: Situation) -> Iterator[Finding]:
    """Nothing is deleted in a kind of which not everything was read."""
    for difference in situation.differences:
        if difference.action == "delete" and difference.address.kind not in situation.live.complete:
            yield Finding(
                "incomplete-read",
                "refuse",
                f"{difference.address} would be deleted, but not every {difference.address.kind} was read",
                difference.address,
                remedy="plan against the account itself",
            )


def reach(situation: Situation) -> Iterator[Finding]:
    """Resources that AWS lets nobody but their owner change."""
    for difference in situation.differences:
        owner = out_of_reach(difference.have) if difference.have is not None else None
        if owner is not None:
            yield Finding(
                "out-of-reach",
                "refuse",
                f"{difference.address} belongs to {owner.name} ({owner.evidence}); nobody else can change it",
                difference.address,
                remedy="take it out of the manifests",
                origin=difference.origin,
            )


def credentials(situation: Situation) -> Iterator[Finding]:
    """A user's passwords, keys and devices go with it and cannot be brought back."""
    for difference in situation.differences:
        if difference.action != "delete" or difference.have is None:
            continue
        held = difference.have.facts.get("credentials", ())
        if held:
            yield Finding(
                "delete-credentials",
                "refuse",
                f"{difference.address} still has credentials, which deleting it would destroy",
                difference.address,
                evidence="; ".join(held),
                remedy="remove the credentials first, with the AWS console or `aws iam`",
                origin=difference.origin,
            )


def references(situation: Situation) -> Iterator[Finding]:
    """ARNs and groups of this account that would be used and exist nowhere."""
    cx = situation.cx
    policies = {cx.arn(r.address, r.spec.path) for s in _both(situation) for r in s if r.address.kind == "policy"}
    groups = {r.address.name for s in _both(situation) for r in s if r.address.kind == "group"}
    for difference in situation.differences:
        if difference.want is None:
            continue
        new = _holds(difference.want) - (_holds(difference.have) if difference.have is not None else set())
        for item in sorted(new):
            parsed = arn.parse(item)
            if parsed is None:
                known = item in groups
            elif parsed.account == cx.account_id:
                known = item in policies
            else:
                known = item not in situation.live.missing
            if not known:
                yield Finding(
                    "unknown-reference",
                    "refuse",
                    f"{difference.address} refers to {item}, which does not exist",
                    difference.address,
                    remedy="create it, declare it, or take the reference out",
                    origin=difference.origin,
                )


def unknown_principals(situation: Situation) -> Iterator[Finding]:
    """Users and roles of this account that a trust policy names and nobody knows: AWS refuses to save it."""
    cx = situation.cx
    gone = {d.address for d in situation.differences if d.action == "delete"}
    known = {
        cx.arn(r.address, r.spec.path)
        for s in _both(situation)
        for r in s
        if r.address.kind in ("user", "role") and (r.address not in gone)
    }
    changed = {d.address for d in situation.differences if any(f.field == "trust_policy" for f in d.fields)}
    for resource in situation.desired:
        if resource.address.kind != "role":
            continue
        for name in sorted(principals(resource.spec.trust_policy)):
            parsed = arn.parse(name)
            own = parsed is not None and parsed.account == cx.account_id and parsed.kind in ("user", "role")
            orphan = name.startswith(("AROA", "AIDA")) and ":" not in name
            if (own and name not in known) or orphan:
                sent = resource.address in changed
                yield Finding(
                    "unknown-principal",
                    "refuse" if sent and own else "medium",
                    f"{resource.address} trusts {name}, which "
                    + ("was deleted" if orphan else "is neither declared nor in the account"),
                    resource.address,
                    remedy="take it out of the trust policy, or declare it",
                    origin=resource.origin,
                )


def quotas(situation: Situation) -> Iterator[Finding]:
    """More attachments or memberships than the account allows."""
    limits = {**DEFAULT_QUOTAS, **situation.live.quotas}
    for difference in situation.differences:
        if difference.want is None:
            continue
        for field in KINDS[difference.address.kind].fields:
            if not isinstance(field, Members):
                continue
            count, limit = len(getattr(difference.want.spec, field.name)), limits[field.quota]
            if count > limit:
                yield Finding(
                    "over-quota",
                    "refuse",
                    f"{difference.address} would have {count} {field.name}; the account's quota is {limit}",
                    difference.address,
                    evidence=field.quota,
                    remedy="merge policies, use a group, or ask AWS to raise the quota",
                    origin=difference.origin,
                )


def access_gap(situation: Situation) -> Iterator[Finding]:
    """A replacement takes away before it gives: for a moment the access is gone."""
    for difference in situation.differences:
        if difference.action == "replace":
            yield Finding(
                "access-gap",
                "medium",
                f"while {difference.address} is replaced, nobody has what it grants",
                difference.address,
                origin=difference.origin,
            )


def _both(situation: Situation) -> tuple[State, State]:
    return situation.desired, situation.live


def _some(differences: Sequence[Difference]) -> str:
    return _names([difference.address for difference in differences])


def _names(addresses: Sequence[Address], most: int = 10) -> str:
    names = [str(address) for address in sorted(addresses)]
    rest = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + rest


RULES: Final = (
    *(max_deletes, max_change_percent, protected, replacement, held_elsewhere, deny_removed),
    *(incomplete_read, reach, credentials, references, unknown_principals, quotas, access_gap),
)
