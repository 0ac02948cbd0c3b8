"""What a principal has the means for: one rule of `policy.escalation` at a time, over effective permissions.

Everything is asked of the evaluator: denials, boundaries, resources and conditions count. What hangs on a
condition is told with it; what an unknown document might say is left to `policy.administrator`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Final

from iamsync import arn
from iamsync.model import EMPTY, Address, Resource
from iamsync.planner.areas import areas
from iamsync.planner.permissions import Permissions, is_blind
from iamsync.policy.administrator import (
    CONTEXT,
    EVERYTHING,
    SURE,
    UNKNOWN,
    Standing,
    administrator,
    standing,
)
from iamsync.policy.document import Document
from iamsync.policy.escalation import RULES, Effect, Need, Rule
from iamsync.policy.evaluate import Layers, Source, evaluate
from iamsync.policy.explanation import Decision
from iamsync.policy.holdings import Holdings, Unknown
from iamsync.policy.request import ABSENT, Principal, Request, Values
from iamsync.policy.statement import compiled, concerning

SELF: Final = ("granted", "reverted", "joined")
_ASSUME: Final = "sts:AssumeRole"
_ADMINISTRATOR: Final = "arn:{}:iam::aws:policy/AdministratorAccess"


@dataclass(frozen=True, slots=True)
class Gained:
    """One way in which a rule about the principal itself holds: on what, how surely, and which policies it leads to.

    `changed`, where there is one, is the resource as that step leaves it: with all that it lets the principal do next.
    """

    at: str
    held: Standing
    more: tuple[Source, ...] = (EVERYTHING,)
    changed: Resource | None = None


class Means:
    """Whether the rules of these effects hold for the principals of one state."""

    def __init__(self, permissions: Permissions, effects: Collection[Effect]) -> None:
        self.permissions = permissions
        self.account, self.partition = permissions.state.account_id, permissions.state.partition
        rules = [rule for rule in RULES if rule.effect in effects]
        self.own_rules = [rule for rule in rules if rule.effect in (*SELF, "unbound", "creates")]
        self._target_rules = [rule for rule in rules if rule.effect in ("becomes", "makes", "passes", "uses")]
        self._asked: dict[tuple[Address, str, str, str], Standing | None] = {}
        self._anywhere: dict[tuple[Address, str], Standing | None] = {}
        self._open: dict[tuple[Address, str, bool], tuple[Rule, ...]] = {}

    # -- rules about the principal itself ------------------------------------------------------------------------

    def steps(self, who: Address, rule: Rule) -> Iterator[Gained]:
        """The ways in which a rule about the principal itself holds, each with what it leads to."""
        if who.kind not in rule.by or not all(self._may_do(who, need.action) for need in rule.needs):
            return
        if rule.effect == "creates":
            if (held := self._creates(who, rule)) is not None:
                yield Gained("", held)
            return
        (need,) = rule.needs
        spec = self.spec(who)
        if rule.effect == "unbound" and spec.permissions_boundary is None:
            return
        for resource in self._own_resources(who, need, rule):
            held = self._ask(who, need.action, resource, self._about(need.action, who))
            if held is None:
                continue
            named = self._named(resource, who)
            if rule.effect == "joined":
                group = self.permissions.named(resource)
                assert group is not None
                groups = (*spec.groups, group.address.name)
                yield Gained(named, held, tuple(self._group(group)), self._with(who, groups=groups))
            elif rule.effect == "reverted":
                policy = self.permissions.named(resource)
                for version, document, default in policy.facts.get("versions", ()) if policy is not None else ():
                    if policy is not None and not default and document is not None:
                        older = Source(f"{named} {version}", document)
                        yield Gained(
                            f"{named} {version}", held, (older,), self._with(policy.address, document=document)
                        )
            elif rule.effect == "unbound":
                yield Gained(named, held, (), self._with(who, permissions_boundary=None))
            else:
                yield Gained(named, held)

    def _with(self, address: Address, **fields: Any) -> Resource:
        """A resource as it is once these fields of it have changed."""
        found = self.permissions.resource(address)
        assert found is not None
        return replace(found, spec=replace(found.spec, **fields))

    def _own_resources(self, who: Address, need: Need, rule: Rule) -> Iterator[str]:
        spec = self.spec(who)
        build = self._arn_of
        if need.on == "self":
            yield build(who)
        elif need.on == "own-group":
            yield from (build(Address("group", name)) for name in getattr(spec, "groups", ()))
        elif need.on == "own-policy":
            yield from self._customer_policies(who)
        elif need.on == "own-boundary":
            boundary = spec.permissions_boundary
            if boundary is not None and self.permissions.named(boundary) is not None:
                yield boundary
        elif need.on == "group":
            held = set(getattr(spec, "groups", ()))
            for resource in self.permissions.state:
                if resource.address.kind == "group" and resource.address.name not in held:
                    yield self.permissions.arn(resource)

    def _creates(self, who: Address, rule: Rule) -> Standing | None:
        """Whether all that a rule about a new principal needs is allowed on one and the same name."""
        assert rule.target is not None
        names = dict.fromkeys([f"arn:{self.partition}:iam::{self.account}:{rule.target}/iamsync-sample"])
        for need in rule.needs:
            found = areas(self.permissions, who, need.action, self._about(need.action, None))
            # The shortest text that a pattern takes may end with its path.
            texts = (area.example for area in found.areas)
            names.update(dict.fromkeys(f"{text}iamsync-sample" if text.endswith("/") else text for text in texts))
        best: Standing | None = None
        for name in names:
            parsed = arn.parse(name)
            if parsed is None or parsed.kind != rule.target or self.permissions.named(name) is not None:
                continue
            parts = [self._ask(who, need.action, name, self._about(need.action, None)) for need in rule.needs]
            if rule.target == "role":
                parts.append(self._enters(who, name))
            best = _surer(best, _together(parts))
        return best

    # -- rules about another principal ---------------------------------------------------------------------------

    def open_to(self, who: Address, kind: str, *, makes: bool) -> tuple[Rule, ...]:
        """The rules about targets of a kind of which a principal's policies grant every action somewhere.

        A trust policy may let it assume a role whatever its own policies say.
        """
        key = (who, kind, makes)
        if key not in self._open:
            self._open[key] = tuple(
                rule
                for rule in self._target_rules
                if rule.target == kind
                and (rule.effect == "makes") is makes
                and all(need.action == _ASSUME or self._may_do(who, need.action) for need in rule.needs)
            )
        return self._open[key]

    def holds(self, who: Address, rule: Rule, target: Address) -> Standing | None:
        """Whether a principal has all that a rule about this target needs."""
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
        if any(need.action == "iam:UpdateAssumeRolePolicy" for need in rule.needs):
            parts.append(self._enters(who, self._arn_of(target)))
        found = _together(parts)
        if found is not None and rule.doubt:
            return Standing(UNKNOWN, found.via, (*found.doubts, rule.doubt))
        return found

    def _need(self, who: Address, need: Need, rule: Rule, target: Address) -> Standing | None:
        if need.on == "any":
            return self._somewhere(who, need.action)
        context = self._about(need.action, target)
        if need.action == "iam:PassRole":
            context = {**context, "iam:PassedToService": rule.service}
        if need.on == "target":
            if need.action == _ASSUME and not self._lets_in(who, target):
                return None
            return self._ask(who, need.action, self._arn_of(target), context)
        if need.on == "target-policy":
            resources = tuple(self._customer_policies(target))
        else:
            word = ":saml-provider/" if rule.id == "IAM-E025" else ":oidc-provider/"
            resources = tuple(name for name in self.permissions.trusts(target) if word in name)
        best: Standing | None = None
        for resource in resources:
            best = _surer(best, self._ask(who, need.action, resource, context))
        return best

    def _lets_in(self, who: Address, role: Address) -> bool:
        """Whether asking at all is worth it: the role's trust names the principal, its account or everyone."""
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
        where = self._arn_of(role)
        layers = Layers(resource=self.permissions.trust(role), is_trust=True)
        context = {"aws:SourceAccount": self.account, **CONTEXT}
        asked = Request(Principal.of(service), _ASSUME, where, resource_account=self.account, context=context)
        return standing(evaluate(asked, layers, explain=False))

    def _enters(self, who: Address, role: str) -> Standing | None:
        """Whether a principal could assume a role that trusts it by name."""
        principal = self.permissions.principal(who)
        trust = Source("a trust policy of its own making", _trusting_only(principal.arn))
        layers = replace(self.permissions.layers(who, _ASSUME, role), resource=trust, is_trust=True)
        found = evaluate(Request(principal, _ASSUME, role, context=CONTEXT), layers, explain=False)
        held = standing(found)
        return None if held is None else replace(held, via=())

    # -- asking --------------------------------------------------------------------------------------------------

    def _ask(self, who: Address, action: str, resource: str, context: Mapping[str, Values]) -> Standing | None:
        key = (who, action, resource, str(context.get("iam:PassedToService", "")))
        if key not in self._asked:
            self._asked[key] = self._bounded(who, self._decided(who, action, resource, context))
        return self._asked[key]

    def _decided(self, who: Address, action: str, resource: str, context: Mapping[str, Values]) -> Standing | None:
        held = _seen(self.permissions.decide(who, action, resource, {**CONTEXT, **context}, explain=False))
        if "iam:PolicyARN" not in context or (held is not None and held.certainty == SURE):
            return held
        for policy in self._all_powerful:
            other = {**CONTEXT, **context, "iam:PolicyARN": policy}
            held = _surer(held, _seen(self.permissions.decide(who, action, resource, other, explain=False)))
        return held

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
                    held = _surer(held, _seen(area.decision))
            self._anywhere[key] = self._bounded(who, held)
        return self._anywhere[key]

    def _may_do(self, who: Address, action: str) -> bool:
        """Whether any policy of a principal grants an action somewhere, whatever takes it away again."""
        held = self.permissions.holdings(who).identity
        return any(_grants(one.document.text, action.lower()) for one in held if isinstance(one, Source))

    def _about(self, action: str, target: Address | None) -> Mapping[str, Values]:
        """The condition keys that come with what is done to a principal; a new one has no boundary."""
        verb = action.removeprefix("iam:")
        if action == verb or verb in ("PassRole", "CreatePolicyVersion", "SetDefaultPolicyVersion"):
            return EMPTY
        about: dict[str, Values] = {}
        boundary = getattr(self.spec(target), "permissions_boundary", None) if target is not None else None
        about["iam:PermissionsBoundary"] = boundary or ABSENT
        if verb.startswith("Attach"):
            about["iam:PolicyARN"] = _ADMINISTRATOR.format(self.partition)
        elif verb.startswith("Put") and verb.endswith("Boundary"):
            about["iam:PermissionsBoundary"] = _ADMINISTRATOR.format(self.partition)
        return about

    @property
    def _all_powerful(self) -> Iterator[str]:
        """Customer policies that grant everything: attaching one is as good as AdministratorAccess."""
        for resource in self.permissions.state:
            if resource.address.kind == "policy" and _grants_all(resource.spec.document.text):
                yield self.permissions.arn(resource)

    def ends(self, who: Address, holdings: Holdings, *more: Source) -> Standing | None:
        principal = self.permissions.principal(who)
        known = replace(holdings, identity=tuple(one for one in holdings.identity if isinstance(one, Source)))
        return administrator(principal, known, self.account, self.partition, *more)

    def _customer_policies(self, who: Address) -> Iterator[str]:
        spec = self.spec(who)
        holders = [spec]
        for name in getattr(spec, "groups", ()):
            group = self.permissions.resource(Address("group", name))
            holders += [group.spec] if group is not None else []
        for holder in holders:
            yield from (text for text in holder.managed_policies if self.permissions.named(text) is not None)

    def _group(self, group: Resource) -> Iterator[Source]:
        for name, document in group.spec.inline_policies:
            yield Source(f"{group.address} inline {name}", document)
        for attached in group.spec.managed_policies:
            if (document := self.permissions.document(attached)) is not None:
                yield Source(arn.short(attached, self.account), document)

    def spec(self, who: Address) -> Any:
        found = self.permissions.resource(who)
        return None if found is None else found.spec

    def _arn_of(self, address: Address) -> str:
        found = self.permissions.resource(address)
        return self.permissions.arn(found) if found is not None else ""

    def _named(self, resource: str, who: Address) -> str:
        found = self.permissions.named(resource)
        return str(found.address) if found is not None and found.address != who else ""


def _seen(decision: Decision) -> Standing | None:
    """A decision over the documents that are known: an unknown one is the principal's own doubt, told once."""
    reasons = tuple(reason for reason in decision.reasons if not is_blind(reason))
    return standing(replace(decision, certain=not reasons, reasons=reasons))


def _together(parts: list[Standing | None]) -> Standing | None:
    """All of these together, as sure as the least sure of them; None where one is missing."""
    held = [part for part in parts if part is not None]
    if len(held) < len(parts) or not held:
        return None
    via = tuple(dict.fromkeys(text for part in held for text in part.via))
    doubts = tuple(dict.fromkeys(text for part in held for text in part.doubts))
    return Standing(min(part.certainty for part in held), via, doubts)


def _surer(one: Standing | None, other: Standing | None) -> Standing | None:
    if one is None or other is None:
        return one or other
    return other if other.certainty > one.certainty else one


@lru_cache(maxsize=65536)
def _grants(text: str, action: str) -> bool:
    return any(statement.allows for statement in concerning(text, action))


@lru_cache(maxsize=4096)
def _grants_all(text: str) -> bool:
    sample = Principal.of("arn:aws:iam::000000000000:user/sample")
    return administrator(sample, Holdings((Source("it", Document.parse(text)),)), "000000000000", "aws") is not None


@lru_cache(maxsize=4096)
def _trusting_only(name: str) -> Document:
    statement = {"Effect": "Allow", "Principal": {"AWS": name}, "Action": _ASSUME}
    return Document.of({"Version": "2012-10-17", "Statement": statement})
