"""Who comes to assume a role by a plan, and who no longer can: each role whose trust policy changes, both sides asked.

Principals of the account are asked with all that they hold before and after. Of anybody outside it the
own policies are not known: they are taken to allow it, and what is told is what the role's side decides.
An identity provider that comes, goes or takes other audiences opens or shuts the roles that trust it already.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from iamsync.kinds.kind import Context
from iamsync.model import Address, Finding, Origin
from iamsync.planner.compare import Difference
from iamsync.planner.named import Named
from iamsync.planner.permissions import Permissions
from iamsync.policy.access import Access, lines
from iamsync.policy.assume import ENTRIES, Door, admission
from iamsync.policy.document import Document, statements
from iamsync.policy.evaluate import Source
from iamsync.policy.formula import ALWAYS
from iamsync.policy.gained import Region
from iamsync.policy.holdings import Holdings
from iamsync.policy.request import Principal
from iamsync.policy.statement import Statement, compiled

# Each takes some tenths of a millisecond.
MOST_ASKED: Final = 5000
ANYONE: Final = "anyone in any account"
_ACCOUNT: Final = re.compile(r"(?:arn:[^:]*:iam::)?(\d{12})(?::root)?", re.ASCII)
_ENTITY: Final = re.compile(r"arn:[^:]*:(?:iam|sts)::(\d{12}):(?:user|role|assumed-role|federated-user)/.+", re.ASCII)
_UNIQUE_ID: Final = re.compile(r"A[A-Z]{3}[A-Z0-9]{12,}(?::.+)?", re.ASCII)
_OIDC: Final = re.compile(r"arn:[^:]*:iam::\d{12}:oidc-provider/(.+)", re.ASCII)
_MOST_SUBJECTS: Final = 3


@dataclass(frozen=True, slots=True)
class Outsider:
    """What somebody outside the account, in words, gains and loses at a role; `subjects` of a provider newly let in.

    `through` is the change that it comes by: the role's own, or that of a provider which the role trusts all along.
    """

    name: str
    role: Address
    access: Access
    through: Address
    subjects: tuple[str, ...] = ()
    is_service: bool = False


@dataclass(frozen=True, slots=True)
class Insider:
    """What a principal of the account gains and loses at a role."""

    principal: Address
    role: Address
    access: Access


@dataclass(frozen=True, slots=True)
class Admissions:
    """Everybody whom the changed trust policies let in or shut out, and how many were not asked about."""

    inside: tuple[Insider, ...] = ()
    outside: tuple[Outsider, ...] = ()
    untold: int = 0


@dataclass(frozen=True, slots=True)
class _Role:
    """One ARN of a role whose trust changes; a side without the role has no trust policy."""

    address: Address
    arn: str
    before: Source | None
    after: Source | None

    @property
    def statements(self) -> Iterator[Statement]:
        for source in (self.before, self.after):
            yield from compiled(source.document.text) if source is not None else ()


def retrusted(differences: Iterable[Difference]) -> tuple[Difference, ...]:
    """The differences that change, make or end a role's trust policy, in what it says."""
    found = []
    for d in differences:
        if d.address.kind != "role":
            continue
        old, new = (side.spec.trust_policy if side is not None else None for side in (d.have, d.want))
        if d.action != "update" or (old is not None and new is not None and old.permissions_key != new.permissions_key):
            found.append(d)
    return tuple(found)


def asked(
    before: Permissions, after: Permissions, differences: Iterable[Difference], cx: Context
) -> frozenset[Address]:
    """The principals of the account that a changed trust policy is about, whose documents decide what it means."""
    roles = _roles(before, after, retrusted(differences))
    people = Named(_principals(before, after) if roles else ())
    return frozenset(address for role in roles for address, _ in people.about(role.statements))


def admissions(before: Permissions, after: Permissions, differences: Iterable[Difference], cx: Context) -> Admissions:
    """Whom the changed trust policies of a plan let in and shut out, sorted; a role's access to itself is none."""
    differences = tuple(differences)
    roles = _roles(before, after, retrusted(differences))
    providers = {cx.arn(d.address, "/"): d for d in differences if _admits(d)}
    inside: list[Insider] = []
    outside: list[Outsider] = []
    left, untold = MOST_ASKED, 0
    people = Named(_principals(before, after) if roles else ())
    ids = {who.unique_id for _, who in people.people}
    trusting = _trusting(before, after, providers, {role.address for role in roles}) if providers else ()
    for role in (*roles, *trusting):
        for name, who in sorted(_outsiders(role, cx, ids).items()):
            provider = providers.get(who.arn)
            if provider is None and role in trusting:
                continue
            sides = _doors(role, who.arn, provider)
            told = admission(who, role.arn, *sides, partition=cx.partition, key=_subject_key(who))
            if told.access:
                through = provider.address if provider is not None and role in trusting else role.address
                found = Outsider(name, role.address, told.access, through, told.subjects, who.kind == "service")
                outside.append(found)
    for role in roles:
        for address, who in people.about(role.statements):
            if address == role.address:
                continue
            if not left:
                untold += 1
                continue
            left -= 1
            doors = (
                Door(trust if permissions.resource(address) is not None else None, _holdings(permissions, address))
                for permissions, trust in ((before, role.before), (after, role.after))
            )
            access = admission(who, role.arn, *doors, partition=cx.partition).access
            if access:
                inside.append(Insider(address, role.address, access))
    return Admissions(tuple(inside), tuple(outside), untold)


def findings(admitted: Admissions, origins: Mapping[Address, Origin | None]) -> tuple[Finding, ...]:
    """What a reviewer must not miss: who outside the account comes in, or comes in more easily."""
    return tuple(
        finding
        for one in admitted.outside
        if not one.is_service
        for region in one.access.gained
        if set(region.actions) & set(ENTRIES)
        for finding in (_finding(one, region, origins.get(one.through)),)
    )


def _finding(one: Outsider, region: Region, origin: Origin | None) -> Finding:
    evidence = "; ".join(lines(Access(gained=(region,))))
    if region.kind == "gain":
        return Finding(
            "external-trust",
            "high" if region.now == ALWAYS or one.name == ANYONE else "medium",
            f"{one.role} would come to trust {one.name}",
            one.role,
            evidence=evidence,
            remedy="be sure that you know whose it is, and that it needs this role",
            origin=origin,
        )
    if one.subjects:
        more = len(one.subjects) - _MOST_SUBJECTS
        shown = ", ".join(one.subjects[:_MOST_SUBJECTS]) + (f" and {more} more" if more > 0 else "")
        return Finding(
            "oidc-subjects-widened",
            "high",
            f"{one.role} would let in more subjects of {one.name}, for example {shown}",
            one.role,
            evidence=evidence,
            remedy="name the repositories and branches, or whatever else may come in, one by one",
            origin=origin,
        )
    return Finding(
        "external-trust",
        "medium",
        f"{one.role} would trust {one.name} under weaker conditions",
        one.role,
        evidence=evidence,
        remedy="be sure that the conditions left are enough",
        origin=origin,
    )


def _roles(before: Permissions, after: Permissions, found: Iterable[Difference]) -> tuple[_Role, ...]:
    roles = []
    for d in found:
        old = None if d.have is None else (before.arn(d.have), before.trust(d.address))
        new = None if d.want is None else (after.arn(d.want), after.trust(d.address))
        if old is not None and new is not None and old[0] == new[0]:
            roles.append(_Role(d.address, old[0], old[1], new[1]))
            continue
        # Moved to another path: who may assume the one ARN is asked apart from who may assume the other.
        if old is not None:
            roles.append(_Role(d.address, old[0], old[1], None))
        if new is not None:
            roles.append(_Role(d.address, new[0], None, new[1]))
    return tuple(roles)


def _admits(d: Difference) -> bool:
    """Whether an identity provider comes or goes, or takes tokens for other audiences."""
    if d.address.kind not in ("oidc_provider", "saml_provider"):
        return False
    return d.action != "update" or any(change.field == "client_ids" for change in d.fields)


def _trusting(
    before: Permissions, after: Permissions, providers: Iterable[str], told: Collection[Address]
) -> tuple[_Role, ...]:
    """The roles that trust some of these providers all along, but for those told of already."""
    named = frozenset(providers)
    return tuple(
        _Role(one.address, after.arn(one), before.trust(one.address), after.trust(one.address))
        for one in after.state
        if one.address.kind == "role"
        and one.address not in told
        and named.intersection(after.trusts(one.address))
        and before.resource(one.address) is not None
    )


def _doors(role: _Role, provider: str, d: Difference | None) -> tuple[Door, Door]:
    """Both sides of a role for the people of a provider, where `d` is what becomes of the provider."""
    sides = []
    known = (None, None) if d is None else (d.have, d.want)
    for trust, resource in zip((role.before, role.after), known, strict=True):
        if d is not None and resource is None:
            trust = None  # nobody comes in through a provider that there is none of
        elif trust is not None and resource is not None and resource.address.kind == "oidc_provider":
            only = _for_audiences(trust.document, provider, resource.address.name, resource.spec)
            trust = replace(trust, document=only)
        sides.append(Door(trust))
    return sides[0], sides[1]


def _for_audiences(document: Document, provider: str, issuer: str, spec: Any) -> Document:
    """A trust policy that takes a provider's tokens for its audiences alone, as AWS does whatever the policy says."""
    value = document.value
    only = {
        "Sid": "client_ids of the provider",
        "Effect": "Deny",
        "Principal": {"Federated": provider},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {"StringNotEquals": {f"{issuer}:aud": list(spec.client_ids)}},
    }
    return Document.of({**value, "Statement": [*statements(value), only]})


def _principals(before: Permissions, after: Permissions) -> Iterator[tuple[Address, Principal]]:
    """Every principal that is there before or after, as it is after where it is."""
    for address in sorted({*before.principals(), *after.principals()}):
        yield address, (after if after.resource(address) is not None else before).principal(address)


def _holdings(permissions: Permissions, address: Address) -> Holdings:
    return Holdings() if permissions.resource(address) is None else permissions.holdings(address)


def _outsiders(role: _Role, cx: Context, ids: Iterable[str | None]) -> dict[str, Principal]:
    """Who outside the account a role's trust policies name, by what they are called."""
    known = frozenset(ids)
    found: dict[str, Principal] = {}
    for statement in role.statements:
        if statement.principals is None:
            continue
        if statement.principals.negated:
            found[ANYONE] = _anyone(cx)
        for kind, name in statement.principals.names:
            if told := _outsider(kind, name, cx, known):
                found[told[0]] = told[1]
    named = {who.account for name, who in found.items() if name == who.arn}
    return {
        f"others of {name}" if name.startswith("account ") and who.account in named else name: who
        for name, who in found.items()
    }


def _outsider(kind: str, name: str, cx: Context, known: frozenset[str | None]) -> tuple[str, Principal] | None:
    if kind == "Service":
        return f"service {name}", Principal(name, None, "service")
    if kind == "Federated":
        try:
            return name, Principal.of(name)
        except ValueError:
            return name, Principal(name, None, "federated")
    if name == "*":
        return ANYONE, _anyone(cx)
    if account := _ACCOUNT.fullmatch(name):
        if account[1] == cx.account_id:
            return None
        return f"account {account[1]}", _member(account[1], cx)
    if entity := _ENTITY.fullmatch(name):
        return None if entity[1] == cx.account_id else (name, Principal.of(name))
    if _UNIQUE_ID.fullmatch(name) and name.partition(":")[0] not in known:
        return f"the principal with id {name}", Principal(name, None, "role", unique_id=name.partition(":")[0])
    return None


def _member(account: str, cx: Context) -> Principal:
    """Some principal of an account whose ARN is open: conditions may ask for any."""
    return Principal(f"arn:{cx.partition}:sts::{account}:assumed-role/whoever/session", account, "session")


def _anyone(cx: Context) -> Principal:
    return Principal(f"arn:{cx.partition}:sts::000000000000:assumed-role/whoever/session", None, "session")


def _subject_key(who: Principal) -> str:
    """The condition key that holds the subject of an OIDC provider's token."""
    if who.kind != "federated" or ":saml-provider/" in who.arn:
        return ""
    named = _OIDC.fullmatch(who.arn)
    return f"{named[1] if named else who.arn}:sub".lower()
