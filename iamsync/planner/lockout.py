"""Whether a plan would lock iamsync itself out: every link of the way by which it reads and applies here.

The links are the caller, whoever would apply, and each role that the project file assumes in this account. No
change of a link itself goes through unasked; what reaches it from outside (its groups, policies, boundary,
whoever assumes it) is asked of the evaluator.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from iamsync import arn
from iamsync.kinds.operations import OPERATIONS, WAIT
from iamsync.model import Address, Finding, Origin
from iamsync.planner.areas import areas
from iamsync.planner.compare import Difference
from iamsync.planner.moving import moves
from iamsync.planner.permissions import Permissions, is_blind
from iamsync.planner.preflight import acting
from iamsync.planner.required import reading
from iamsync.planner.situation import Situation
from iamsync.policy.administrator import CONTEXT
from iamsync.policy.explanation import Decision
from iamsync.policy.match import Reach
from iamsync.policy.statement import compiled, concerning

# Without one of these there is no next plan.
_VITAL: Final = ("iam:GetAccountAuthorizationDetails", "iam:GetAccountSummary", "iam:ListRoles")
_ASSUME: Final = "sts:AssumeRole"
_PROVIDERS: Final = ("oidc_provider", "saml_provider")
_MOST: Final = 6


@dataclass(frozen=True, slots=True)
class _Link:
    """A user or role of the way; `why` says in words what iamsync has it for."""

    address: Address
    why: str


def self_lockout(situation: Situation) -> Iterator[Finding]:
    """A plan that changes a link of iamsync's own way, or takes from one what it needs there."""
    before, after = situation.before, situation.after
    if before is None or after is None:
        return
    moving = moves(situation.differences, before.state)
    links = _links(situation, before)
    for link in links:
        own = [d for d in situation.differences if d.address == link.address and d.action != "create"]
        lost = _lost(link.address, before, after) if moving else _Lost()
        doors = list(_doors(link, links, situation, before, after))
        if own or lost or doors:
            yield _finding(link, own, lost, doors, situation)


def _links(situation: Situation, before: Permissions) -> tuple[_Link, ...]:
    """The links that live in this account, each once."""
    found: dict[Address, str] = {}
    for text, why in (
        (situation.caller, "the caller"),
        (situation.applier, "who would apply"),
        *((way, "assumed by the project file") for way in situation.settings.ways),
    ):
        address = _living(text, situation, before)
        if address is not None:
            found.setdefault(address, why)
    return tuple(_Link(address, why) for address, why in found.items())


def _living(text: str, situation: Situation, before: Permissions) -> Address | None:
    if (found := acting(text, before)) is not None:
        return found
    # The account was compared under the names that it will have.
    parsed = arn.parse(text)
    if parsed is None or parsed.account != before.state.account_id:
        return None
    old = parsed.address.folded
    renamed = ((d.address, Address(d.address.kind, d.renamed_from)) for d in situation.differences if d.renamed_from)
    return next((new for new, was in renamed if was.folded == old and before.resource(new) is not None), None)


@dataclass(frozen=True, slots=True)
class _Lost:
    """What a link may do before and not after; `unclear` is what cannot be told, because of `reasons`."""

    actions: tuple[str, ...] = ()
    unclear: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.actions or self.unclear)


@lru_cache(maxsize=1)
def needed() -> tuple[str, ...]:
    """What a later plan may have to do: first what it cannot be made without, then reading, then writing."""
    reads = [f"iam:{name}" for name in sorted(_actions())]
    writes = [f"iam:{name}" for name in sorted(OPERATIONS - {WAIT})]
    return tuple(dict.fromkeys((*_VITAL, *reads, *writes)))


def _actions() -> Iterator[str]:
    for statement in reading()["Statement"]:
        listed = statement["Action"]
        for action in [listed] if isinstance(listed, str) else listed:
            if action.startswith("iam:") and "*" not in action:
                yield action.removeprefix("iam:")


def _lost(who: Address, before: Permissions, after: Permissions) -> _Lost:
    if after.resource(who) is None:
        return _Lost()  # told as what it is
    if before.holdings(who) == after.holdings(who) and before.principal(who) == after.principal(who):
        return _Lost()
    actions: list[str] = []
    unclear: list[str] = []
    reasons: dict[str, None] = {}
    for action in needed():
        if not _granted(who, action, before):
            continue
        old = _somewhere(who, action, before)
        if not old.allowed:
            continue
        new = _somewhere(who, action, after)
        if not new.allowed and new.certain:
            actions.append(action)
        elif (blind := [reason for reason in new.reasons if is_blind(reason)]) and not any(map(is_blind, old.reasons)):
            unclear.append(action)
            reasons.update(dict.fromkeys(blind))
    return _Lost(tuple(actions), tuple(unclear), tuple(reasons))


def _granted(who: Address, action: str, permissions: Permissions) -> bool:
    """Whether a known document of a principal grants an action at all."""
    return any(
        statement.allows
        for source in permissions.sources(who)
        for statement in concerning(source.document.text, action.lower())
    )


def _somewhere(who: Address, action: str, permissions: Permissions) -> Decision:
    """The most favourable decision on an action, on whatever resource."""
    found = permissions.decide(who, action, "*", CONTEXT, explain=False)
    if found.allowed and found.certain:
        return found
    decisions = (area.decision for area in areas(permissions, who, action, CONTEXT).areas)
    return max((found, *decisions), key=lambda one: (one.allowed, one.certain is one.allowed))


def _doors(
    link: _Link, links: tuple[_Link, ...], situation: Situation, before: Permissions, after: Permissions
) -> Iterator[str]:
    """Who could enter a role of the way and no longer can, in words."""
    if link.address.kind != "role" or after.resource(link.address) is None:
        return
    named, will = (set(permissions.trusts(link.address)) for permissions in (before, after))
    gone = (d for d in situation.differences if d.address.kind in _PROVIDERS and d.action in ("delete", "replace"))
    for difference in gone:
        if situation.cx.arn(difference.address, "/") in named:
            yield f"{difference.address}, a provider whose people may assume it, would be gone"
    if not moves(situation.differences, before.state):
        return
    yield from (f"it would no longer trust {name}" for name in sorted(named - will))
    where = _arn(link.address, before)
    replaced = {d.address for d in situation.differences if d.action == "replace"}
    for who in _candidates(link, links, before):
        if not before.decide(who, _ASSUME, where, CONTEXT, explain=False).allowed:
            continue
        if after.resource(who) is None:
            yield f"{who}, which may assume it, would be deleted"
        elif who in replaced:
            yield f"{who}, which may assume it, would be created anew, and what trusted the old one does not trust it"
        else:
            new = after.decide(who, _ASSUME, _arn(link.address, after), CONTEXT, explain=False)
            if not new.allowed and new.certain:
                yield f"{who} could no longer assume it"
            elif not new.allowed:
                yield f"whether {who} could still assume it cannot be told: {new.reasons[0]}"


def _candidates(link: _Link, links: tuple[_Link, ...], before: Permissions) -> tuple[Address, ...]:
    """The principals of the account that may be who comes in: those that the role trusts by name, and other links."""
    found = {other.address: None for other in links if other.address != link.address}
    for who in before.principals():
        for statement in compiled(before.trust(link.address).document.text):
            if statement.allows and statement.principals is not None and who != link.address:
                reach, _ = statement.principals.reach(before.principal(who), denies=False, bounded=False)
                if reach in (Reach.ISSUER, Reach.DIRECT):
                    found[who] = None
    return tuple(found)


def _arn(role: Address, permissions: Permissions) -> str:
    found = permissions.resource(role)
    return permissions.arn(found) if found is not None else ""


def _finding(link: _Link, own: list[Difference], lost: _Lost, doors: list[str], situation: Situation) -> Finding:
    who = f"{link.address} ({link.why})"
    evidence: list[str] = []
    if any(d.action in ("delete", "replace") for d in own):
        (gone,) = (d for d in own if d.action in ("delete", "replace"))
        how = "deletes" if gone.action == "delete" else "deletes, and creates anew,"
        title = f"the plan would lock iamsync out: it {how} {who}"
    elif lost.actions:
        vital = [action for action in lost.actions if action in _VITAL]
        title = f"the plan would lock iamsync out: {who} could no longer {_some(vital or lost.actions)}"
        if vital and len(lost.actions) > len(vital):
            evidence.append(f"{len(lost.actions)} actions in all that a plan may need")
    elif doors:
        title = f"the plan would close iamsync's way in through {who}"
    elif lost.unclear:
        title = f"whether the plan locks iamsync out cannot be told: {who} may lose {_some(lost.unclear)}"
        evidence += lost.reasons
    else:
        title = f"{who} is iamsync's own way into this account, and the plan would {own[0].action} it"
        evidence.append("as far as its policies tell, it keeps what iamsync needs")
    evidence += doors
    changed = ", ".join(field.field for d in own for field in d.fields if d.action == "update")
    if changed:
        evidence.append(f"changed: {changed}")
    return Finding(
        "self-lockout",
        "refuse",
        title,
        link.address,
        evidence="; ".join(evidence),
        remedy="take it out of the manifests, or let somebody else apply it who keeps a way in",
        origin=_origin(own, situation),
    )


def _origin(own: list[Difference], situation: Situation) -> Origin | None:
    if own:
        return own[0].origin
    changed = [d for d in situation.differences if d.action != "create" and d.address.kind in ("policy", "group")]
    return changed[0].origin if len(changed) == 1 else None


def _some(actions: tuple[str, ...] | list[str]) -> str:
    rest = f" and {len(actions) - _MOST} more" if len(actions) > _MOST else ""
    return ", ".join(actions[:_MOST]) + rest
