"""Least privilege as proposals: what declarations could say instead, from what was used and from what was found.

A proposal takes away what nobody used or closes what was found open; none grants anything. It is for a person to judge:
AWS remembers 400 days, and a yearly job may be younger than its next run.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, TypeAlias

from iamsync import arn
from iamsync.audit.credentials import PASSWORDS
from iamsync.audit.evidence import HOLDERS, Evidence, Observed, day
from iamsync.audit.granted import CLOUDSHELL, holds
from iamsync.audit.holding import remarks
from iamsync.audit.trusted import missing
from iamsync.audit.unused import uses
from iamsync.kinds.reports import ServiceUse
from iamsync.model import Address, Resource, State
from iamsync.policy.catalog import load
from iamsync.policy.document import Document, statements
from iamsync.policy.lint import Lint

_UNIQUE: Final = ("AIDA", "AROA")
_Wanted: TypeAlias = set[tuple[str, Address]]


@dataclass(frozen=True, slots=True)
class Proposal:
    """What a field of a declaration could say, and why, in lines."""

    address: Address
    field: str
    old: Any
    new: Any
    why: tuple[str, ...]


@dataclass(slots=True)
class _Draft:
    """A declaration being rewritten."""

    spec: Any
    why: dict[str, list[str]] = field(default_factory=dict)

    def put(self, name: str, value: Any, why: str) -> None:
        if value != getattr(self.spec, name):
            self.spec = replace(self.spec, **{name: value})
            self.why.setdefault(name, []).append(why)


def proposals(evidence: Evidence, found: tuple[Observed, ...], declared: State) -> tuple[Proposal, ...]:
    """What the declarations of an account could say; `found` are the findings that nobody suppressed."""
    wanted = {(one.id, one.address) for one in found}
    whole = _Used(evidence)
    out = []
    for resource in declared:
        draft = _Draft(resource.spec)
        for write in _WRITERS:
            write(resource, draft, evidence, wanted, whole)
        for name, lines in draft.why.items():
            out.append(
                Proposal(
                    resource.address,
                    name,
                    getattr(resource.spec, name),
                    getattr(draft.spec, name),
                    tuple(dict.fromkeys(lines)),
                )
            )
    return tuple(out)


def undeclared(evidence: Evidence, declared: State | None) -> tuple[Address, ...]:
    """Principals with services they never called that no manifest declares: nothing can be proposed for them."""
    held = declared.folded() if declared is not None else {}
    return tuple(
        principal.address
        for principal in evidence.of("user", "role")
        if principal.address.folded not in held and any(not one.used for one in uses(principal, evidence))
    )


# -- what was used -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Known:
    """Services by their last use, empty for never; of the `actions` that AWS tracks, in small letters, the same."""

    services: Mapping[str, str]
    actions: Mapping[str, str]

    def called(self, text: str) -> list[str] | None:
        """Which of the actions that a text of a policy names were called; None where one of them is not tracked."""
        service, _, name = text.partition(":")
        if "*" not in name and "?" not in name:
            moment = self.actions.get(text.lower())
            return None if moment is None else [text] if moment else []
        if not any(action.startswith(f"{service.lower()}:") for action in self.actions):
            return None
        named = [str(action) for action in load().expand(text)]
        if not named or any(action.lower() not in self.actions for action in named):
            return None
        return [action for action in named if self.actions[action.lower()]]


class _Used:
    """Which services the holders of something used, all of them together; not known where one is not known of."""

    def __init__(self, evidence: Evidence) -> None:
        self.evidence = evidence
        self._members: dict[str, list[Resource]] = {}
        self._holders: dict[str, list[Resource]] = {}
        for user in evidence.of("user"):
            for name in user.spec.groups:
                self._members.setdefault(name, []).append(user)
        for holder in evidence.of(*HOLDERS):
            for attached in holder.spec.managed_policies:
                self._holders.setdefault(attached, []).append(holder)

    def by_holder(self, address: Address) -> _Known | None:
        """Services and their last use by a user, a role, or all members of a group; None where not known."""
        held = self.evidence.state.get(address)
        return None if held is None else self._together([held])

    def by_policy(self, policy: str) -> _Known | None:
        """The same of everybody who holds a managed policy."""
        return self._together(self._holders.get(policy, []))

    def _together(self, holders: list[Resource]) -> _Known | None:
        principals: list[Resource] = []
        for holder in holders:
            principals += self._members.get(holder.address.name, []) if holder.address.kind == "group" else [holder]
        if not principals:
            return None
        found: dict[str, str] = {}
        tracked: list[dict[str, dict[str, str]]] = []
        for principal in principals:
            told: tuple[ServiceUse, ...] = uses(principal, self.evidence)
            if not any(one.used for one in told):
                return None  # it called nothing, or AWS did not say: that is another finding
            for one in told:
                found[one.service] = max(found.get(one.service, ""), one.used)
            tracked.append({one.service: _by_name(one) for one in told if one.used})
        return _Known(found, _tracked(tracked))


def _by_name(use: ServiceUse) -> dict[str, str]:
    return {f"{use.service}:{name}".lower(): at for name, at in use.actions}


def _tracked(principals: list[dict[str, dict[str, str]]]) -> dict[str, str]:
    """The actions of which it is known of every one of these when it last called them, with the latest time.

    Each is told by the services it called at all: of the others it called no action.
    """
    services = {service for told in principals for service in told}
    found: dict[str, str] = {}
    for service in services:
        told = [one[service] for one in principals if service in one]
        for action in set.intersection(*(set(one) for one in told)):
            found[action] = max(one[action] for one in told)
    return found


def _inline(resource: Resource, draft: _Draft, evidence: Evidence, wanted: _Wanted, used: _Used) -> None:
    """Inline policies without services that the holder never called."""
    if resource.address.kind not in HOLDERS or not resource.spec.inline_policies:
        return
    known = used.by_holder(resource.address)
    if known is None:
        return
    kept = []
    for name, document in draft.spec.inline_policies:
        narrower, why = _narrower(document, known, evidence.state.partition)
        if narrower is not None:
            kept.append((name, narrower))
        if why:
            draft.why.setdefault("inline_policies", []).append(f"{name}: {why}")
    if tuple(kept) != draft.spec.inline_policies:
        draft.spec = replace(draft.spec, inline_policies=tuple(kept))


def _policy(resource: Resource, draft: _Draft, evidence: Evidence, wanted: _Wanted, used: _Used) -> None:
    """A customer policy without services that none of its holders ever called."""
    if resource.address.kind != "policy":
        return
    known = used.by_policy(evidence.arn(resource))
    if known is None:
        return
    narrower, why = _narrower(resource.spec.document, known, evidence.state.partition)
    if narrower is not None and why:
        draft.put("document", narrower, why)


def _attached(resource: Resource, draft: _Draft, evidence: Evidence, wanted: _Wanted, used: _Used) -> None:
    """Managed policies of which the holder never called a single service."""
    if resource.address.kind not in HOLDERS or not resource.spec.managed_policies:
        return
    known = used.by_holder(resource.address)
    if known is None:
        return
    for attached in resource.spec.managed_policies:
        document = evidence.document(attached)
        services = _services(document) if document is not None else None
        # Services that AWS did not list are reached by no policy of the holder, or not recorded at all.
        if services and all(known.services.get(service) == "" for service in services):
            left = tuple(text for text in draft.spec.managed_policies if text != attached)
            short = arn.short(attached, evidence.state.account_id)
            draft.put("managed_policies", left, f"{short}: none of {', '.join(sorted(services))} was ever called")


def _services(document: Document) -> frozenset[str] | None:
    """The services that a document allows; None where it does not name them, or denies something."""
    found: set[str] = set()
    for statement in statements(document.value):
        if statement.get("Effect") != "Allow" or "Action" not in statement:
            return None
        for text in _texts(statement["Action"]):
            service = text.partition(":")[0].lower()
            if "*" in service or "?" in service:
                return None
            found.add(service)
    return frozenset(found)


def _narrower(document: Document, known: _Known, partition: str) -> tuple[Document | None, str]:
    """A document without services, and tracked actions, that were never called, and what went, in words.

    None where nothing is left.
    """
    value, used = document.value, known.services
    kept, gone, idle, narrowed = [], set[str](), set[str](), False
    for statement in statements(value):
        if statement.get("Effect") != "Allow" or "Action" not in statement:
            kept.append(statement)
            continue
        actions = []
        for text in _texts(statement["Action"]):
            service = text.partition(":")[0].lower()
            if not text.strip("*"):
                actions += [f"{name}:*" for name, moment in sorted(used.items()) if moment]
                narrowed = True
            elif used.get(service) == "":
                gone.add(service)
            elif (left := known.called(text)) is not None and left != [text]:
                actions += [action for action in left if action not in actions]
                idle.add(text)
            else:
                actions.append(text)
        if actions == _texts(statement["Action"]):
            kept.append(statement)
        elif actions:
            single = isinstance(statement["Action"], str) and len(actions) == 1
            kept.append({**statement, "Action": actions[0] if single else actions})
    if not gone and not narrowed and not idle:
        return document, ""
    words = [f"{', '.join(sorted(gone))} never called"] if gone else []
    if idle:
        words.append(f"of {', '.join(sorted(idle))} what AWS says was never called, action by action")
    if narrowed:
        called = ", ".join(f"{name} ({day(moment)})" for name, moment in sorted(used.items()) if moment)
        words.append(f"of everything only these were called: {called}")
    if not any(statement.get("Effect") == "Allow" for statement in kept):
        return None, "; ".join(words)
    return Document.of({**value, "Statement": kept}, partition), "; ".join(words)


# -- what was found ----------------------------------------------------------------------------------------------------


def _passwords(resource: Resource, draft: _Draft, evidence: Evidence, wanted: _Wanted, used: _Used) -> None:
    """A password policy as the standards have it."""
    if resource.address != PASSWORDS or resource.spec.password_policy is None:
        return
    rules, limits = draft.spec.password_policy, evidence.limits
    if ("IAM-A005", PASSWORDS) in wanted and rules.minimum_password_length < limits.password_length:
        rules = replace(rules, minimum_password_length=limits.password_length)
        draft.put("password_policy", rules, f"IAM-A005: at least {limits.password_length} characters")
    if ("IAM-A006", PASSWORDS) in wanted and (rules.password_reuse_prevention or 0) < limits.password_reuse:
        rules = replace(rules, password_reuse_prevention=limits.password_reuse)
        draft.put("password_policy", rules, f"IAM-A006: {limits.password_reuse} passwords are remembered")


def _cloudshell(resource: Resource, draft: _Draft, evidence: Evidence, wanted: _Wanted, used: _Used) -> None:
    """No AWSCloudShellFullAccess."""
    if ("IAM-A019", resource.address) in wanted and holds(CLOUDSHELL, resource):
        left = tuple(text for text in draft.spec.managed_policies if not text.endswith(f"/{CLOUDSHELL}"))
        draft.put("managed_policies", left, f"IAM-A019: {CLOUDSHELL} moves files out")


def _source(resource: Resource, draft: _Draft, evidence: Evidence, wanted: _Wanted, used: _Used) -> None:
    """Trust in services on behalf of this account alone."""
    if ("IAM-A044", resource.address) not in wanted:
        return
    value = draft.spec.trust_policy.value
    changed = []
    for position, statement in enumerate(statements(value), start=1):
        principal = statement.get("Principal")
        services = _texts(principal["Service"]) if isinstance(principal, dict) and set(principal) == {"Service"} else []
        open_ones = [item for item in _remarks(resource, evidence, "IAM-P069") if _position(item) == position]
        if not services or len(open_ones) < len(services):
            changed.append(statement)  # others that come by it do not send the key, and would be locked out
            continue
        condition = dict(statement.get("Condition") or {})
        equals = {**(condition.get("StringEquals") or {}), "aws:SourceAccount": evidence.state.account_id}
        changed.append({**statement, "Condition": {**condition, "StringEquals": equals}})
    document = Document.of({**value, "Statement": changed}, evidence.state.partition)
    draft.put("trust_policy", document, "IAM-A044: on behalf of this account alone (aws:SourceAccount)")


def _orphans(resource: Resource, draft: _Draft, evidence: Evidence, wanted: _Wanted, used: _Used) -> None:
    """Trust in nobody that is not there."""
    if ("IAM-A045", resource.address) not in wanted:
        return
    gone = set(missing(resource, evidence))
    value = draft.spec.trust_policy.value
    kept, left_out = [], list[str]()
    for statement in statements(value):
        principal = statement.get("Principal")
        if statement.get("Effect") != "Allow" or not isinstance(principal, dict):
            kept.append(statement)
            continue
        those: dict[str, Any] = {}
        for kind, names in principal.items():
            stay = [name for name in _texts(names) if name not in gone and not _deleted(name)]
            left_out += [name for name in _texts(names) if name not in stay]
            if stay:
                those[kind] = names if stay == _texts(names) else stay[0] if len(stay) == 1 else stay
        if those:
            kept.append({**statement, "Principal": those})
    # A role must have a trust policy; one that trusts nobody else is for removed:, which is for a person to say.
    if left_out and any(statement.get("Effect") == "Allow" for statement in kept):
        document = Document.of({**value, "Statement": kept}, evidence.state.partition)
        draft.put("trust_policy", document, f"IAM-A045: there is no {', '.join(left_out)}")


def _boundary(resource: Resource, draft: _Draft, evidence: Evidence, wanted: _Wanted, used: _Used) -> None:
    """The boundary that is expected."""
    expected = evidence.boundaries.get(resource.address.kind)
    if ("IAM-A046", resource.address) in wanted and expected is not None:
        short = arn.short(expected, evidence.state.account_id)
        draft.put("permissions_boundary", expected, f"IAM-A046: {short} is expected of every {resource.address.kind}")


def _remarks(resource: Resource, evidence: Evidence, rule: str) -> list[Lint]:
    account, partition = evidence.state.account_id, evidence.state.partition
    found = remarks(resource.spec.trust_policy, "trust", account, partition, evidence.accounts)
    return [item for item in found if item.id == rule]


def _position(item: Lint) -> int:
    at = item.path[1] if len(item.path) > 1 else 0
    return at + 1 if isinstance(at, int) else 1


def _deleted(name: str) -> bool:
    return name.startswith(_UNIQUE) and ":" not in name and name.isalnum()


def _texts(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else [text for text in value if isinstance(text, str)]


_Writer = Callable[[Resource, _Draft, Evidence, _Wanted, _Used], None]
_WRITERS: Final[tuple[_Writer, ...]] = (
    _inline,
    _policy,
    _attached,
    _passwords,
    _cloudshell,
    _source,
    _orphans,
    _boundary,
)
