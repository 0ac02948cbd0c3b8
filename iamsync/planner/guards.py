"""What a finished plan must not do unasked: each guard looks at the differences and answers in figures.

A guard never changes the plan. `refuse` stops it until an operator acknowledges that guard, at that
address; guards marked final cannot be acknowledged at all, since no consent would make them work.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Final

from iamsync import arn
from iamsync.kinds.credentials import counted
from iamsync.kinds.fields import REPLACED
from iamsync.kinds.owners import out_of_reach
from iamsync.model import Address, Finding, Resource
from iamsync.planner.compare import Difference
from iamsync.planner.concern import denies_by_name
from iamsync.planner.expiry import Lapsed, lapse
from iamsync.planner.lockout import self_lockout
from iamsync.planner.losing import (
    boundary_removed,
    foreign_owned,
    password_policy,
    provider_deleted,
    recently_used,
    unassigned_devices,
    whole_kind_deleted,
)
from iamsync.planner.quotas import quotas
from iamsync.planner.reachguards import administrators
from iamsync.planner.sessions import sessions_go_on
from iamsync.planner.situation import Situation, names_of
from iamsync.planner.ties import boundary_use, held_elsewhere, references, unknown_principals, unknown_providers
from iamsync.planner.trustguards import orphan_principal, trust_anyone, trust_unknown_account
from iamsync.policy.document import Document, principals
from iamsync.settings import Settings

# No acknowledgement could make these work: the way out is to change the manifests.
FINAL: Final = frozenset(
    {
        "outside-guardrails",
        "held-out-of-scope",
        "boundary-replace",
        "incomplete-read",
        "out-of-reach",
        "unknown-reference",
    }
    | {"rename-conflict", "over-quota"}
)
_PERCENT_FROM: Final = 10
# Who may hold a resource of this kind and would have to let go of it.
_HOLDERS: Final = {"policy": ("user", "group", "role"), "group": ("user",)}


def guard(situation: Situation, found: Iterable[Finding] = ()) -> tuple[Finding, ...]:
    """Every guard's answers, with `found` from earlier stages, acknowledged where an operator did."""
    findings = [*found]
    for rule in RULES:
        findings.extend(rule(situation))
    return answered(findings, situation.settings, situation.now)


def answered(findings: Iterable[Finding], settings: Settings, now: str) -> tuple[Finding, ...]:
    """These findings in their order, acknowledged where an operator did (`now` as in plans)."""
    return tuple(sorted((_acknowledged(finding, settings, now) for finding in findings), key=_turn))


def _turn(finding: Finding) -> tuple[bool, bool, str, str, str]:
    """What refuses comes first, and of the rest what weakens a guard."""
    refuses, first = finding.severity == "refuse", finding.id == "weakened-guardrail"
    return not refuses, not first, finding.id, str(finding.address or ""), finding.title


def acknowledgement(finding: Finding) -> str:
    """The option by which an operator consents to this guard, or nothing where none would help."""
    if finding.id in FINAL or finding.severity != "refuse":
        return ""
    return f"--acknowledge {finding.id}" + (f":{finding.address}" if finding.address else "")


def _acknowledged(finding: Finding, settings: Settings, now: str) -> Finding:
    if finding.id in FINAL:
        return finding
    for consent in settings.acknowledge:
        if consent.covers(finding.id, finding.address, now):
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
            f"{len(gone)} {'resource' if len(gone) == 1 else 'resources'} would be deleted or replaced; "
            f"the limit is {limit}",
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
        f"({_percent(len(changed), situation.managed, limit)} %); the limit is {limit} %",
        evidence=_some(changed),
        remedy="apply in smaller parts, or raise safety.max_change_percent",
    )


def _percent(part: int, whole: int, limit: int) -> str:
    """A share as whole percent; with a decimal where it would pass for the limit that it is over."""
    if part * 100 // whole > limit:
        return str(part * 100 // whole)
    told = f"{part * 100 / whole:.1f}"
    return told if told != f"{limit}.0" else f"over {limit}"


def protected(situation: Situation) -> Iterator[Finding]:
    """Resources the operator wants no change of at all, under the old name and place as under the new."""
    selector = situation.settings.safety.protected
    for difference in situation.differences:
        names = {difference.address}
        if difference.renamed_from is not None:
            names.add(Address(difference.address.kind, difference.renamed_from))
        sides = [resource for resource in (difference.have, difference.want) if resource is not None]
        if any(
            selector(address, getattr(side.spec, "path", "/"), dict(getattr(side.spec, "tags", ())))
            for address in names
            for side in sides
        ):
            called = f" (now {difference.renamed_from})" if difference.renamed_from is not None else ""
            yield Finding(
                "protected",
                "refuse",
                f"{difference.address}{called} is protected, and the plan would {difference.action} it",
                difference.address,
                remedy="take the change out of the manifests",
                origin=difference.origin,
            )


def outside(situation: Situation) -> Iterator[Finding]:
    """What an operator's guardrails leave to others, whoever declares it."""
    bounds = situation.settings.bounds
    for difference in situation.differences if bounds is not None else ():
        sides = [resource for resource in (difference.have, difference.want) if resource is not None]
        # By the tags of what is there, if it is: those that are declared could be chosen to fit.
        tags = dict(getattr(sides[0].spec, "tags", ()))
        if bounds is not None and not all(
            bounds.include(difference.address, getattr(side.spec, "path", "/"), tags)
            and not bounds.exclude(difference.address, getattr(side.spec, "path", "/"), tags)
            for side in sides
        ):
            yield Finding(
                "outside-guardrails",
                "refuse",
                f"{difference.address} lies outside of what the guardrails let this project change",
                difference.address,
                remedy="take it out of the manifests, or have the guardrails' scope changed",
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
            evidence=_holding_on(difference, situation),
            remedy="keep the value, or give the new one another name with renamed_from",
            origin=difference.origin,
        )
        if difference.address.kind == "policy":
            yield from boundary_use(difference, situation)


def _holding_on(difference: Difference, situation: Situation) -> str:
    """What breaks when a resource gets a new id, the roles of this account by name."""
    general = "it gets a new id; sessions end, and services or accounts that hold the old one lose it"
    if difference.address.kind != "role" or difference.have is None:
        return general
    held = situation.cx.arn(difference.have.address, difference.have.spec.path)
    roles = [r for r in situation.live if r.address.kind == "role" and r.address not in situation.desired.resources]
    trusting = [r.address for r in roles if held in principals(r.spec.trust_policy)]
    return f"{general}; {names_of(trusting)} trust it and are not declared" if trusting else general


def deny_removed(situation: Situation) -> Iterator[Finding]:
    """A denial on a live principal may be an incident being handled: it is not drift to revert."""
    lapsed = Lapsed.agreed(situation.desired)
    for difference in situation.differences:
        if difference.action not in ("update", "replace") or difference.have is None or difference.want is None:
            continue
        # A denial with an end was agreed to be over by now.
        have = lapse(difference.have, lapsed)
        lost = sorted(set(_denials(have, situation)) - _kept_denials(difference.want, situation))
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


def _kept_denials(want: Resource, situation: Situation) -> set[str]:
    """The parts that deny afterwards; a policy created under a new name stands for the one it comes from."""
    kept = set(_denials(want, situation))
    for held in getattr(want.spec, "managed_policies", ()):
        parsed = arn.parse(held)
        found = situation.desired.get(parsed.address) if parsed is not None else None
        if found is not None and found.renamed_from and _policy_denies(held, situation):
            kept.add(found.renamed_from)
    return kept


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
    for name in getattr(spec, "groups", ()):
        group = situation.live.get(Address("group", name))
        if group is not None and any(_denials(group, situation)):
            yield f"group {name}"
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
    """Nothing is deleted in a kind of which not everything was read, nor what such a kind may hold."""
    for difference in situation.differences:
        if difference.action not in ("delete", "replace"):
            continue
        kinds = (difference.address.kind, *_HOLDERS.get(difference.address.kind, ()))
        unseen = [kind for kind in kinds if kind not in situation.live.complete]
        if unseen:
            yield Finding(
                "incomplete-read",
                "refuse",
                f"{difference.address} would be deleted, but not every {unseen[0]} was read",
                difference.address,
                remedy="plan against the account itself",
            )


def reach(situation: Situation) -> Iterator[Finding]:
    """Resources that AWS lets nobody but their owner change."""
    for difference in situation.differences:
        resource = difference.have or difference.want
        owner = out_of_reach(resource) if resource is not None else None
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
            # An end was agreed to when it was written: an hourly run must not stop at a key made since.
            yield Finding(
                "delete-credentials",
                "warn" if difference.cause == "expired" else "refuse",
                f"{difference.address} still has credentials, which deleting it would destroy: "
                + ", ".join(counted(held)),
                difference.address,
                evidence="; ".join(str(credential) for credential in held),
                remedy="make sure that nobody signs in with them any more; they cannot be brought back",
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
        elif any(change.field == "role" and change.before and change.after for change in difference.fields):
            yield Finding(
                "access-gap",
                "medium",
                f"while {difference.address} changes its role, instances get credentials of neither",
                difference.address,
                evidence="a profile holds one role, so the old one leaves before the new one joins",
                origin=difference.origin,
            )


def _some(differences: Sequence[Difference]) -> str:
    return names_of([difference.address for difference in differences])


RULES: Final = (
    *(max_deletes, max_change_percent, protected, outside, replacement, held_elsewhere, deny_removed),
    *(incomplete_read, reach, credentials, references, unknown_principals, unknown_providers, quotas, access_gap),
    *(recently_used, boundary_removed, whole_kind_deleted, foreign_owned, provider_deleted, password_policy),
    *(unassigned_devices, sessions_go_on, self_lockout, administrators),
    *(trust_anyone, trust_unknown_account, orphan_principal),
)
