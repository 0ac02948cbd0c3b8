"""What nobody uses: roles, users, groups, policies, services; what is young, kept or AWS's own is left out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from iamsync.audit.evidence import HOLDERS, PRINCIPALS, Evidence, Observed, day, observed
from iamsync.audit.granted import listed
from iamsync.kinds.reports import ServiceUse
from iamsync.model import Address, Resource

# How many versions of a policy AWS keeps, and for how many days it remembers that somebody called a service.
_VERSIONS: Final = 5
REMEMBERED: Final = 400


def unused(evidence: Evidence) -> Iterator[Observed]:
    """Findings about what nobody used, holds or is in."""
    for role in evidence.of("role"):
        yield from _role(role, evidence)
    yield from _users(evidence)
    yield from _groups(evidence)
    yield from _policies(evidence)
    for principal in evidence.of(*PRINCIPALS):
        never = never_used(principal, evidence)
        if never:
            yield observed(
                *("IAM-A025", principal.address, f"{principal.address} never called {len(never)} services it may call"),
                listed(list(never)),
                "leave them out of its policies: iamsync audit --suggest",
            )


def _role(role: Resource, evidence: Evidence) -> Iterator[Observed]:
    limit, made, used = evidence.limits.unused, role.facts.get("created", ""), role.facts.get("last_used")
    if used is None or evidence.is_aws(role) or evidence.is_kept(role):
        return
    # Where AWS remembers no use, the role may be so young that it waits for its first day.
    since = used or made
    if since and evidence.days_since(since) >= limit:
        yield observed(
            *("IAM-A020", role.address, f"{role.address} was not used for {limit} days"),
            (f"last used on {day(used)}" if used else f"never used in the {REMEMBERED} days that AWS remembers")
            + (f"; made on {day(made)}" if made else ""),
            f"removed: [{role.address}], once its owner agrees",
        )


def _users(evidence: Evidence) -> Iterator[Observed]:
    limit = evidence.limits.unused
    for row in evidence.report.rows.values() if evidence.report is not None else ():
        who = Address("user", row.user)
        held = evidence.state.get(who)
        if row.is_root or (held is not None and evidence.is_kept(held)):
            continue
        active = [key for key in row.keys if key.active]
        if not row.password and not active and not row.certificates:
            yield observed(
                *("IAM-A022", who, f"nothing can sign in as {who}"),
                "no password, no active access key" + (f"; last used on {day(row.last_used)}" if row.last_used else ""),
                f"removed: [{who}], or leave it to whoever it waits for",
            )
            continue
        since = row.last_used or row.created
        if (
            since
            and evidence.days_since(since) >= limit
            and (not row.created or evidence.days_since(row.created) >= limit)
        ):
            yield observed(
                *("IAM-A021", who, f"{who} was not used for {limit} days"),
                f"last used on {day(row.last_used)}" if row.last_used else f"never used; made on {day(row.created)}",
                f"removed: [{who}], once its owner agrees",
            )


def _groups(evidence: Evidence) -> Iterator[Observed]:
    if not evidence.whole("user"):
        return
    members = {name for user in evidence.of("user") for name in user.spec.groups}
    for group in evidence.of("group"):
        if group.address.name not in members:
            yield observed(
                *("IAM-A023", group.address, f"{group.address} has no members"),
                remedy=f"removed: [{group.address}]",
            )


def _policies(evidence: Evidence) -> Iterator[Observed]:
    used: set[str] = set()
    for holder in evidence.of(*HOLDERS):
        used |= {*holder.spec.managed_policies, getattr(holder.spec, "permissions_boundary", None) or ""}
    whole = evidence.whole(*HOLDERS)
    for policy in evidence.of("policy"):
        if whole and evidence.arn(policy) not in used:
            yield observed(
                *("IAM-A024", policy.address, f"nobody holds {policy.address}"),
                remedy=f"removed: [{policy.address}]",
            )
        if len(policy.facts.get("versions", ())) >= _VERSIONS:
            yield observed(
                *(
                    "IAM-A026",
                    policy.address,
                    f"{policy.address} has {_VERSIONS} versions, which is all that AWS keeps",
                ),
                remedy="delete those that nobody will go back to",
            )


def uses(principal: Resource, evidence: Evidence) -> tuple[ServiceUse, ...]:
    """What AWS recorded of a principal's calls; nothing where it was not asked, or is too young to tell."""
    made = principal.facts.get("created", "")
    if evidence.accessed is None or evidence.is_aws(principal) or evidence.is_kept(principal):
        return ()
    if made and evidence.days_since(made) < evidence.limits.unused:
        return ()
    return evidence.accessed.get(evidence.arn(principal), ())


def never_used(principal: Resource, evidence: Evidence) -> tuple[str, ...]:
    """The services that a principal may call and never called; none where it called nothing at all, which is told as
    its being unused."""
    found = uses(principal, evidence)
    if not any(one.used for one in found):
        return ()
    return tuple(one.service for one in found if not one.used)
