"""What a principal has the means for: each rule of `policy.escalation` about somebody else, over effective permissions.

Everything is asked of the evaluator: denials, boundaries, resources and conditions count. What hangs on a
condition is told with it; what an unknown document might say is left to `policy.administrator`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any, Final

from iamsync.model import Address, Resource
from iamsync.planner.areas import areas
from iamsync.planner.permissions import Permissions, is_blind
from iamsync.policy.administrator import CONTEXT, SURE, UNKNOWN, Standing, administrator, standing
from iamsync.policy.document import Document
from iamsync.policy.escalation import ACTIONS, RULES, Effect, Need, Rule
from iamsync.policy.evaluate import Layers, Source, evaluate
from iamsync.policy.explanation import Decision
from iamsync.policy.holdings import Unknown
from iamsync.policy.request import ABSENT, Principal, Request, Values
from iamsync.policy.statement import compiled, concerning

_ASSUME: Final = "sts:AssumeRole"
_ABOUT_OTHERS: Final = ("becomes", "passes", "uses")
_ASKED_FOR: Final = frozenset(action.lower() for action in ACTIONS)
_NEEDED: Final = {
    rule.id: frozenset(need.action.lower() for need in rule.needs if need.action != _ASSUME) for rule in RULES
}
# The actions that tell policies which boundary there is (iam:PermissionsBoundary); the Put ones, which there will be.
BOUNDED: Final = frozenset(
    (
        *("iam:CreateUser", "iam:CreateRole"),
        *(f"iam:{verb}{noun}Policy" for verb in ("Attach", "Detach", "Put", "Delete") for noun in ("User", "Role")),
        *(f"iam:{verb}{noun}PermissionsBoundary" for verb in ("Put", "Delete") for noun in ("User", "Role")),
    )
)


class Means:
    """Whether the rules of these effects hold for the principals of one state."""

    def __init__(self, permissions: Permissions, effects: Collection[Effect]) -> None:
        self.permissions = permissions
        self.account, self.partition = permissions.state.account_id, permissions.state.partition
        self.effects = effects
        self._rules = tuple(rule for rule in RULES if rule.effect in effects and rule.effect in _ABOUT_OTHERS)
        self._asked: dict[tuple[Address, str, str, tuple[tuple[str, Values], ...]], Standing | None] = {}
        self._anywhere: dict[tuple[Address, str], Standing | None] = {}
        self._open: dict[tuple[Address, str], tuple[Rule, ...]] = {}
        self._let_in: dict[tuple[Address, Address], bool] = {}
        self._granted: dict[Address, frozenset[str]] = {}

    def changed(self, resource: Resource) -> Means:
        """The same after a resource changed or came, in anything but the trust policy of a role."""
        other = Means(self.permissions.changed(resource), self.effects)
        other._let_in = self._let_in
        return other

    # -- rules about another principal ---------------------------------------------------------------------------

    def open_to(self, who: Address, kind: str) -> tuple[Rule, ...]:
        """The rules about acting as targets of a kind of which a principal's policies grant every action somewhere."""
        key = (who, kind)
        if key not in self._open:
            self._open[key] = tuple(rule for rule in self._rules if rule.target == kind and self.may_all(who, rule))
        return self._open[key]

    def holds(self, who: Address, rule: Rule, target: Address) -> Standing | None:
        """Whether a principal has all that a rule about acting as this target needs."""
        if rule.service and not self._serves(target, rule.service):
            return None
        parts: list[Standing | None] = []
        for need in rule.needs:
            held = self._need(who, need, rule, target)
            if held is None:
                return None
            parts.append(held)
        if rule.effect == "passes":
            parts.append(self._trusting(target, rule.service))
        found = together(parts)
        if found is not None and rule.doubt:
            return Standing(UNKNOWN, found.via, (*found.doubts, rule.doubt))
        return found

    def enters(self, who: Address, need: Need, target: Address) -> Standing | None:
        """Whether a principal gets in by this action on the target: with a key, as an assumed role, by a new trust."""
        if need.action == _ASSUME and not self._may_let_in(who, target):
            return None
        where = self.arn_of(target)
        held = self.ask(who, need.action, where, about(need.action, self.spec(target)))
        if need.action == "iam:UpdateAssumeRolePolicy" and held is not None:
            return together([held, self.assumes(who, where)])
        return held

    def _need(self, who: Address, need: Need, rule: Rule, target: Address) -> Standing | None:
        if need.on == "any":
            return self._somewhere(who, need.action)
        if need.on == "target" and rule.service:
            return self.ask(who, need.action, self.arn_of(target), {"iam:PassedToService": rule.service})
        if need.on == "target":
            return self.enters(who, need, target)
        word = ":saml-provider/" if rule.id == "IAM-E025" else ":oidc-provider/"
        best: Standing | None = None
        for resource in self.permissions.trusts(target):
            if word in resource:
                best = surer(best, self.ask(who, need.action, resource, about(need.action, None)))
        return best

    def _may_let_in(self, who: Address, role: Address) -> bool:
        """Whether asking at all is worth it: the role's trust names the principal, its account or everyone."""
        key = (who, role)
        if key not in self._let_in:
            self._let_in[key] = self._named_by(who, role)
        return self._let_in[key]

    def _named_by(self, who: Address, role: Address) -> bool:
        principal = self.permissions.principal(who)
        for statement in compiled(self.permissions.trust(role).document.text):
            if statement.allows and statement.principals is not None:
                reach, doubts = statement.principals.reach(principal, denies=False, bounded=False)
                if reach or doubts:
                    return True
        return False

    def _serves(self, role: Address, service: str) -> bool:
        names = self.permissions.trusts(role)
        return (service in names or "*" in names) and self._trusting(role, service) is not None

    def _trusting(self, role: Address, service: str) -> Standing | None:
        """Whether a role lets this service in, on behalf of its own account."""
        where = self.arn_of(role)
        layers = Layers(resource=self.permissions.trust(role), is_trust=True)
        context = {"aws:SourceAccount": self.account, **CONTEXT}
        asked = Request(Principal.of(service), _ASSUME, where, resource_account=self.account, context=context)
        return standing(evaluate(asked, layers, explain=False))

    def assumes(self, who: Address, role: str) -> Standing | None:
        """Whether a principal could assume a role that trusts it by name."""
        principal = self.permissions.principal(who)
        trust = Source("a trust policy of its own making", trusting_only(principal.arn))
        layers = replace(self.permissions.layers(who, _ASSUME, role), resource=trust, is_trust=True)
        found = evaluate(Request(principal, _ASSUME, role, context=CONTEXT), layers, explain=False)
        held = standing(found)
        return None if held is None else replace(held, via=())

    # -- asking --------------------------------------------------------------------------------------------------

    def ask(self, who: Address, action: str, resource: str, context: Mapping[str, Values]) -> Standing | None:
        """Whether a principal may do this, policies that nobody knows left out; None where it may not for certain."""
        key = (who, action, resource, tuple(context.items()))
        if key not in self._asked:
            found = _seen(self.permissions.decide(who, action, resource, {**CONTEXT, **context}, explain=False))
            self._asked[key] = self._bounded(who, found)
        return self._asked[key]

    def ends(self, who: Address) -> Standing | None:
        """Whether a principal is administrator, policies that nobody knows left out."""
        holdings = self.permissions.holdings(who)
        known = replace(holdings, identity=tuple(one for one in holdings.identity if isinstance(one, Source)))
        return administrator(self.permissions.principal(who), known, self.account, self.partition)

    def may_all(self, who: Address, rule: Rule) -> bool:
        """Whether policies of a principal grant all that a rule asks for, whatever takes it away again.

        A trust policy may let it assume a role whatever its own policies say.
        """
        return _NEEDED[rule.id] <= self.granted_to(who)

    def may_any(self, who: Address, actions: Iterable[str]) -> bool:
        """Whether policies of a principal grant one of these actions somewhere, whatever takes it away again."""
        wanted = {action.lower() for action in actions}
        if not wanted.isdisjoint(self.granted_to(who)):
            return True
        others = wanted - _ASKED_FOR
        return any(grants(text, action) for action in others for text in self._texts(who))

    def granted_to(self, who: Address) -> frozenset[str]:
        """Of the actions that any rule asks for, those that policies of a principal grant somewhere."""
        if who not in self._granted:
            self._granted[who] = frozenset[str]().union(*map(granted, self._texts(who)))
        return self._granted[who]

    def _texts(self, who: Address) -> Iterator[str]:
        return (one.document.text for one in self.permissions.holdings(who).identity if isinstance(one, Source))

    def spec(self, who: Address) -> Any:
        """What a resource of the state is declared to be; None where there is no such resource."""
        found = self.permissions.resource(who)
        return None if found is None else found.spec

    def arn_of(self, address: Address) -> str:
        """The ARN of a resource of the state, empty where there is no such resource."""
        found = self.permissions.resource(address)
        return self.permissions.arn(found) if found is not None else ""

    def _bounded(self, who: Address, held: Standing | None) -> Standing | None:
        boundary = self.permissions.holdings(who).boundary
        if held is None or not isinstance(boundary, Unknown):
            return held
        return Standing(UNKNOWN, held.via, (f"the document of the boundary {boundary.label} is not known",))

    def _somewhere(self, who: Address, action: str) -> Standing | None:
        """Whether an action is allowed on any resource."""
        key = (who, action)
        if key not in self._anywhere:
            held = _seen(self.permissions.decide(who, action, "*", CONTEXT, explain=False))
            if held is None or held.certainty < SURE:
                for area in areas(self.permissions, who, action, CONTEXT).areas:
                    held = surer(held, _seen(area.decision))
            self._anywhere[key] = self._bounded(who, held)
        return self._anywhere[key]


def about(action: str, spec: Any) -> dict[str, Values]:
    """What comes with an action of IAM on a user, role or group of this kind: its boundary, where there is one."""
    if not action.startswith("iam:"):
        return {}
    boundary = getattr(spec, "permissions_boundary", None) if action in BOUNDED else None
    return {"iam:PermissionsBoundary": boundary or ABSENT}


def _seen(decision: Decision) -> Standing | None:
    """A decision over the documents that are known: an unknown one is the principal's own doubt, told once."""
    reasons = tuple(reason for reason in decision.reasons if not is_blind(reason))
    return standing(replace(decision, certain=not reasons, reasons=reasons))


def together(parts: Collection[Standing | None]) -> Standing | None:
    """All of these together, as sure as the least sure of them; None where one is missing."""
    held = [part for part in parts if part is not None]
    if len(held) < len(parts) or not held:
        return None
    via = tuple(dict.fromkeys(text for part in held for text in part.via))
    doubts = tuple(dict.fromkeys(text for part in held for text in part.doubts))
    return Standing(min(part.certainty for part in held), via, doubts)


def surer(one: Standing | None, other: Standing | None) -> Standing | None:
    """The surer of two, the first where they are alike."""
    if one is None or other is None:
        return one or other
    return other if other.certainty > one.certainty else one


@lru_cache(maxsize=65536)
def grants(text: str, action: str) -> bool:
    """Whether any statement of a document allows an action, in lower case, on anything."""
    return any(statement.allows for statement in concerning(text, action))


@lru_cache(maxsize=65536)
def granted(text: str) -> frozenset[str]:
    """Of the actions that any rule asks for, in lower case, those that a document allows on anything."""
    allowing = [statement.actions for statement in compiled(text) if statement.allows]
    return frozenset(action for action in _ASKED_FOR if any(one.cover(action) for one in allowing))


@lru_cache(maxsize=4096)
def trusting_only(name: str) -> Document:
    """A trust policy that lets in one principal."""
    statement = {"Effect": "Allow", "Principal": {"AWS": name}, "Action": _ASSUME}
    return Document.of({"Version": "2012-10-17", "Statement": statement})


def customer_policies(permissions: Permissions, who: Address) -> Iterator[Resource]:
    """The account's own policies that a principal holds, those of its groups included."""
    found = permissions.resource(who)
    holders = [] if found is None else [found.spec]
    for name in getattr(holders[0], "groups", ()) if holders else ():
        group = permissions.resource(Address("group", name))
        holders += [group.spec] if group is not None else []
    for holder in holders:
        for attached in holder.managed_policies:
            if (policy := permissions.named(attached)) is not None:
                yield policy
