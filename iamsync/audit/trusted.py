"""Whom roles trust: strangers, other parties, services for anybody, those that are gone; and missing boundaries."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from iamsync import arn
from iamsync.audit.evidence import PRINCIPALS, Evidence, Observed, observed
from iamsync.audit.granted import listed
from iamsync.audit.holding import remarks, where
from iamsync.controls import Grade
from iamsync.model import Address, Resource
from iamsync.policy.lint import Lint
from iamsync.policy.statement import compiled
from iamsync.policy.trustees import ENTITY, accounts_let_in

# Rules of lint about trust policies, by what an audit calls what they find.
_STRANGERS: Final = frozenset(("IAM-P060", "IAM-P061", "IAM-P063", "IAM-P065", "IAM-P072"))
_UNASKED: Final = frozenset(("IAM-P062", "IAM-P064", "IAM-P067"))
_THIRD: Final = frozenset(("IAM-P068",))
_SERVICE: Final = frozenset(("IAM-P069",))
_GONE: Final = frozenset(("IAM-P073",))
_PROVIDER: Final = re.compile(r"arn:[^:]*:iam::(\d{12}):(saml|oidc)-provider/.+", re.ASCII)


def trusted(evidence: Evidence) -> Iterator[Observed]:
    """Findings about the trust policies of roles, and about boundaries that are expected."""
    for role in evidence.of("role"):
        if not evidence.is_aws(role):
            yield from _role(role, evidence)
    for principal in evidence.of(*PRINCIPALS):
        yield from _boundary(principal, evidence)


def _role(role: Resource, evidence: Evidence) -> Iterator[Observed]:
    account, partition = evidence.state.account_id, evidence.state.partition
    document = role.spec.trust_policy
    found = remarks(document, "trust", account, partition, evidence.accounts)
    who = role.address
    strangers = [item for item in found if item.id in _STRANGERS and not _denies(item)]
    yield from _told("IAM-A040", who, f"{who} may be assumed by strangers", strangers)
    yield from _told("IAM-A041", who, f"{who} trusts a provider without asking what it says", found, _UNASKED)
    yield from _others(role, evidence)
    yield from _told("IAM-A043", who, f"{who} asks a third party for no external id", found, _THIRD)
    yield from _told("IAM-A044", who, f"{who} serves services on behalf of any account", found, _SERVICE)
    yield from _told("IAM-A045", who, f"{who} trusts a principal that was deleted", found, _GONE, mark="deleted")
    absent = sorted(missing(role, evidence))
    if absent:
        yield observed(
            *("IAM-A045", who, f"{who} trusts what there is none of"),
            listed(absent),
            "take it out of the trust policy, or declare who is meant",
            mark="missing",
        )


def _told(
    rule: str,
    who: Address,
    title: str,
    found: list[Lint] | tuple[Lint, ...],
    ids: frozenset[str] | None = None,
    mark: str = "",
) -> Iterator[Observed]:
    """What lint found of some rules, as one finding about the role."""
    those = [item for item in found if ids is None or item.id in ids]
    if those:
        told = dict.fromkeys(f"{where(item)}: {item.message} [{item.id}]" for item in those)
        remedies = dict.fromkeys(item.remedy for item in those if item.remedy)
        yield observed(rule, who, title, "; ".join(told), "; ".join(remedies), mark=mark)


def _denies(item: Lint) -> bool:
    """Whether this is about whom a Deny leaves out, which lets nobody in."""
    return item.id == "IAM-P072" and "denies" in item.message


def others(role: Resource, evidence: Evidence) -> dict[str, tuple[str, ...]]:
    """The accounts outside the project that a trust policy lets in, and how each is named."""
    own = {evidence.state.account_id, *evidence.accounts}
    found = accounts_let_in(role.spec.trust_policy)
    return {account: names for account, names in found.items() if account not in own}


def _others(role: Resource, evidence: Evidence) -> Iterator[Observed]:
    for account, names in others(role, evidence).items():
        severity: Grade | None = "high" if evidence.reach.surely(role.address) else None
        yield observed(
            *("IAM-A042", role.address, f"account {account} may assume {role.address}"),
            f"named as {listed(names)}"
            + ("; the role is administrator, or can make itself one" if severity is not None else ""),
            "be sure whose it is and what for; accounts of your own stand under accounts: in iamsync.yaml",
            mark=account,
            severity=severity,
        )


def missing(role: Resource, evidence: Evidence) -> Iterator[str]:
    """Users, roles and providers of this account that a trust policy names and that are not there."""
    if evidence.subject == "manifests":
        return  # they name what lives in the account without being declared
    known = {evidence.arn(held).casefold() for held in evidence.of(*PRINCIPALS)}
    providers = {str(held.address) for held in evidence.of("saml_provider", "oidc_provider")}
    for statement in compiled(role.spec.trust_policy.text):
        for _, name in statement.principals.names if statement.allows and statement.principals is not None else ():
            entity, provider = ENTITY.fullmatch(name), _PROVIDER.fullmatch(name)
            if entity is not None and entity[1] == evidence.state.account_id:
                if evidence.whole(entity[2]) and name.casefold() not in known:
                    yield name
            elif provider is not None and provider[1] == evidence.state.account_id:
                parsed = arn.parse(name)
                there = parsed is not None and str(parsed.address) in providers
                if evidence.whole(f"{provider[2]}_provider") and not there:
                    yield name


def _boundary(principal: Resource, evidence: Evidence) -> Iterator[Observed]:
    expected = evidence.boundaries.get(principal.address.kind)
    held = principal.spec.permissions_boundary
    if expected is None or held == expected or evidence.is_aws(principal) or evidence.is_kept(principal):
        return
    short = arn.short(expected, evidence.state.account_id)
    has = f"it has {arn.short(held, evidence.state.account_id)}" if held else "it has none"
    yield observed(
        *("IAM-A046", principal.address, f"{principal.address} lacks the boundary {short}"),
        f"defaults: expect it of every {principal.address.kind}; {has}",
        f"permissions_boundary: {short}",
    )
