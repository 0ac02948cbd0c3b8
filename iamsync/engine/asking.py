"""Answers about permissions: one decision, who can, what can, who may become whom; for manifests or an account."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from iamsync.engine.fleets import Failure, complete
from iamsync.engine.permitted import Permitted, Subject, permitted
from iamsync.engine.project import Project
from iamsync.engine.testing import ABOUT, told_failed
from iamsync.errors import InputError
from iamsync.model import Address
from iamsync.nearness import closest
from iamsync.planner import questions
from iamsync.planner.permissions import Permissions
from iamsync.planner.questions import Grant
from iamsync.policy.catalog import Catalog
from iamsync.policy.explanation import told
from iamsync.policy.request import Values

_ACTION: Final = re.compile(r"[A-Za-z0-9-]+:[A-Za-z0-9]+")
_PATTERN: Final = re.compile(r"\*|[A-Za-z0-9*?-]+:[A-Za-z0-9*?]+")


def simulate(
    project: Project,
    subject: Subject,
    principal: str,
    actions: Iterable[str],
    resources: Iterable[str],
    context: Mapping[str, Values],
    failed: list[Failure],
) -> dict[str, Any]:
    """The decision on each action on each resource, with its reasons, as JSON values.

    Accounts that cannot be read join `failed`. Without resources an action is asked about `*`, if it knows no others.
    InputError for an unknown principal, an action with wildcards, an action that is never about a resource.
    """
    held, who = _found(permitted(project, subject, failed), principal, failed)
    permissions = held.permissions
    given = tuple(resources)
    rows = []
    for action in actions:
        if not _ACTION.fullmatch(action):
            raise InputError(f"{action!r} is no action", code="bad-action", hint="for example s3:GetObject")
        known = permissions.catalog.action(action)
        if known is not None and known.resources and not given:
            # Those that say least of where they are first: a bucket's before an access point's.
            forms = sorted((kind.arn for kind in permissions.catalog.types(known)), key=lambda form: form.count("${"))
            kinds = ", ".join(form.replace("${Partition}", "aws") for form in forms[:2])
            raise InputError(
                f"{known} is about a resource", code="missing-resource", hint=f"give --resource ARN: {kinds}"
            )
        for resource in given or ("*",):
            if permissions.catalog.applies(action, resource) is False:
                raise InputError(
                    f"{known} is never about {resource}",
                    code="aimless-test",
                    hint="look at the resource, or the action",
                )
            decision = permissions.decide(who, str(known or action), resource, context)
            rows.append(
                {
                    "action": str(known or action),
                    "resource": resource,
                    "decision": decision.verdict,
                    "certain": decision.certain,
                    "because": [*told(decision), *_slip(permissions.catalog, action)],
                }
            )
    return {**_about(held), "principal": str(who), "decisions": rows, **told_failed(failed)}


def _slip(catalog: Catalog, action: str) -> Iterator[str]:
    """Which action was meant, perhaps, where the catalogue does not know this one."""
    if catalog.available and catalog.action(action) is None and (near := catalog.similar(action)):
        yield f"did you mean {near[0]}?"


def who_can(
    project: Project,
    subject: Subject,
    action: str,
    resource: str | None,
    context: Mapping[str, Values],
    failed: list[Failure],
) -> dict[str, Any]:
    """Everyone who may do an action (or pattern), on a resource (or pattern) or anywhere; InputError for no action."""
    if not _PATTERN.fullmatch(action):
        raise InputError(f"{action!r} is no action", code="bad-action", hint="for example s3:GetObject or s3:Get*")
    accounts = []
    for held in permitted(project, subject, failed):
        catalog = held.permissions.catalog
        if catalog.available and not catalog.expand(action):
            near = catalog.similar(action)
            hint = f"did you mean {near[0]}?" if near else f"the catalogue is of {catalog.updated}"
            raise InputError(f"there is no action {action}", code="unknown-action", hint=hint)
        found = questions.who_can(held.permissions, action, resource, context)
        accounts.append(_granted(held, found, None))
    on = f" on {resource}" if resource else ""
    return {"question": f"who can {action}{on}", "who": True, "accounts": accounts, **told_failed(failed)}


def what_can(project: Project, subject: Subject, principal: str, failed: list[Failure]) -> dict[str, Any]:
    """Everything a principal may do, and where each permission comes from; InputError for an unknown principal."""
    held, who = _found(permitted(project, subject, failed), principal, failed)
    found = questions.what_can(held.permissions, who)
    told = [_granted(held, found, who)]
    return {"question": f"what can {who} do", "who": False, "accounts": told, **told_failed(failed)}


def graph(project: Project, subject: Subject, failed: list[Failure]) -> dict[str, Any]:
    """Who is in what and who may assume whom, over all accounts of this run."""
    held = permitted(project, subject, failed)
    made = questions.graph(one.permissions for one in held)
    return {
        "accounts": [_about(one) for one in held],
        "nodes": [
            {"id": node.id, "kind": node.kind, "name": node.name, "account": node.account or None}
            for node in made.nodes
        ],
        "edges": [
            {
                "source": edge.source,
                "target": edge.target,
                "kind": edge.kind,
                "certain": edge.certain,
                "note": edge.note or None,
            }
            for edge in made.edges
        ],
        **told_failed(failed),
    }


def _about(held: Permitted) -> dict[str, Any]:
    return {
        "account": held.account.name,
        "id": held.account_id,
        "subject": held.subject,
        "about": ABOUT[held.subject],
        "unseen": list(_unseen(held)),
    }


def _unseen(held: Permitted) -> Iterator[str]:
    """Kinds of policies that nobody gave, so that they have no say in the answer."""
    above = held.account.organization
    yield "resource policies"
    if not above.scps:
        yield "SCPs"
    if not above.rcps:
        yield "RCPs"


def _granted(held: Permitted, found: Iterable[Grant], who: Address | None) -> dict[str, Any]:
    blind = questions.blind_spots(held.permissions)
    return {
        **_about(held),
        "grants": [_grant(grant) for grant in found],
        "unknown": [
            {"principal": str(one.principal), "policies": list(one.unknown)}
            for one in blind
            if who is None or one.principal == who
        ],
    }


def _grant(grant: Grant) -> dict[str, Any]:
    return {
        "principal": str(grant.principal),
        "actions": list(grant.actions),
        "without": list(grant.without),
        "where": list(grant.where),
        "condition": grant.condition or None,
        "certain": grant.certain,
        "because": list(grant.because),
        "example": grant.example or None,
    }


def _found(accounts: tuple[Permitted, ...], principal: str, failed: list[Failure]) -> tuple[Permitted, Address]:
    """The one account that has this principal, an address or an ARN; it may be one of those that failed."""
    matching = [(held, who) for held in accounts if (who := _who(held.permissions, principal)) is not None]
    if len(matching) > 1:
        raise InputError(
            f"{principal} is in {len(matching)} accounts: {', '.join(held.account.name for held, _ in matching)}",
            code="which-account",
            hint="add --account NAME",
        )
    if not matching:
        complete(failed, len(accounts) + len(failed))
        known = [str(who) for held in accounts for who in held.permissions.principals()]
        near = closest(principal, known)
        if near is None and "/" not in principal:
            bare = closest(principal, (one.partition("/")[2] for one in known))
            near = next((one for one in known if bare and one.endswith(f"/{bare}")), None)
        raise InputError(
            f"{principal} is no user or role here",
            code="unknown-principal",
            hint=f"did you mean {near}?" if near else "write user/NAME, role/NAME or an ARN",
        )
    return matching[0]


def _who(permissions: Permissions, principal: str) -> Address | None:
    found = permissions.named(principal)
    if found is None:
        try:
            found = permissions.resource(Address.parse(principal))
        except ValueError:
            return None
    return found.address if found is not None and found.address.kind in ("user", "role") else None
