"""Ways to change what a principal may do, by its own means, and what is so afterwards.

One rule of `policy.escalation` at a time, for the rules that change something: a policy attached or rewritten, a
group joined, a boundary off, another principal given what is then used, a new one made. Which managed policies may
be chosen is asked of the evaluator as well: a condition may allow only some of them to be attached.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

from iamsync import arn
from iamsync.kinds.role import Role
from iamsync.kinds.user import User
from iamsync.model import Address, Resource
from iamsync.planner.choices import ATTACHED, BOUNDARY, REWRITING, SAMPLE, Choice, Choices, leads
from iamsync.planner.means import Means, about, customer_policies, together, trusting_only
from iamsync.policy.administrator import EVERYTHING, SURE, Standing
from iamsync.policy.document import Document
from iamsync.policy.escalation import RULES, Effect, Need, Rule

# A boundary and denials come off first: what is done afterwards is done without them.
_OWN: Final[tuple[Effect, ...]] = ("unbound", "freed", "granted", "reverted", "joined", "creates")
_OWN_RULES: Final = tuple(rule for effect in _OWN for rule in RULES if rule.effect == effect)
_MAKING: Final = tuple(rule for rule in RULES if rule.effect == "makes")
_GROUPS: Final = ("iam:AttachGroupPolicy", "iam:PutGroupPolicy")
# By these a group or policy that somebody holds is changed.
CHANGING: Final = (*REWRITING, *_GROUPS)


@dataclass(frozen=True, slots=True)
class Way:
    """A rule that holds: on what, how surely, by which policy where that is a certain one.

    `changed` is a resource as it is afterwards, `actor` as whom the principal acts then.
    """

    rule: Rule
    at: str
    held: Standing
    changed: Resource
    actor: Address
    by: str = ""


def ways(means: Means, who: Address, others: Collection[Address]) -> Iterator[Way]:
    """Every way of a principal to change what it may do, or what one of these others may, as whom it acts then."""
    return _Ways(means, who).all(others)


class _Ways:
    def __init__(self, means: Means, who: Address) -> None:
        self._means = means
        self._who = who
        self._choices = Choices(means, who)
        self._put: set[Hashable] = set()

    def all(self, others: Collection[Address]) -> Iterator[Way]:
        if not self._means.granted_to(self._who):
            return  # nearly everybody: each rule asks for something that a policy must grant
        for rule in _OWN_RULES:
            if self._open(rule) and self._who.kind in rule.by:
                yield from self._creating(rule) if rule.effect == "creates" else self._own(rule)
        making = tuple(rule for rule in _MAKING if self._open(rule))
        for target in others if making else ():
            if target != self._who:
                for rule in making:
                    if rule.target == target.kind:
                        yield from self._making(rule, target)

    def _open(self, rule: Rule) -> bool:
        return rule.effect in self._means.effects and self._means.may_all(self._who, rule)

    # -- the principal itself ------------------------------------------------------------------------------------

    def _own(self, rule: Rule) -> Iterator[Way]:
        (need,) = rule.needs
        me = self._resource(self._who)
        if rule.effect == "unbound" and me.spec.permissions_boundary is None:
            return
        if rule.effect == "freed":
            yield from self._freed(rule, need, me)
            return
        for resource in self._on(need):
            at = "" if resource.address == self._who else str(resource.address)
            if rule.effect == "joined":
                if not self._leads(resource, self._who):
                    continue
                groups = (*me.spec.groups, resource.address.name)
                yield from self._one(rule, need, resource, _with(me, groups=groups), at)
            elif need.action in REWRITING:
                for version, document in _rewritten(need, resource):
                    told = " ".join(filter(None, (at, version)))
                    yield from self._one(rule, need, resource, _with(resource, document=document), told)
            elif need.action.startswith("iam:Delete"):
                yield from self._one(rule, need, resource, _with(me, permissions_boundary=None), at)
            elif need.action.endswith("PermissionsBoundary"):
                for choice in self._choices.given(need, resource):
                    yield Way(rule, at, choice.held, _bounded(me, choice), self._who, choice.told)
            else:
                for choice in self._choices.given(need, resource):
                    yield Way(rule, at, choice.held, _holding(resource, choice), self._who, choice.told)

    def _freed(self, rule: Rule, need: Need, me: Resource) -> Iterator[Way]:
        """The ways to be without a policy that denies something: it goes with all that it grants."""
        for holder in self._on(need):
            at = "" if holder.address == me.address else str(holder.address)
            context = about(need.action, holder.spec)
            if need.action == "iam:RemoveUserFromGroup":
                if any(document.bears_deny for _, document in self._documents(holder)):
                    groups = tuple(name for name in me.spec.groups if name != holder.address.name)
                    yield from self._one(rule, need, holder, _with(me, groups=groups), at)
                continue
            attached = need.action.startswith("iam:Detach")
            for name, document in self._documents(holder):
                if not document.bears_deny or (name in holder.spec.managed_policies) is not attached:
                    continue
                more = {ATTACHED: name} if attached else {}
                held = self._means.ask(self._who, need.action, self._arn(holder), {**context, **more})
                if held is not None:
                    told = arn.short(name, self._means.account) if attached else f"inline {name}"
                    yield Way(rule, at, held, _without(holder, name), self._who, told)

    def _documents(self, holder: Resource) -> Iterator[tuple[str, Document]]:
        """The policies of a user, role or group whose documents are known: managed by ARN, inline by name."""
        for name in holder.spec.managed_policies:
            if (document := self._means.permissions.document(name)) is not None:
                yield name, document
        yield from holder.spec.inline_policies

    def _one(self, rule: Rule, need: Need, resource: Resource, changed: Resource, at: str) -> Iterator[Way]:
        context = about(need.action, resource.spec)
        held = self._means.ask(self._who, need.action, self._arn(resource), context)
        if held is not None:
            yield Way(rule, at, held, changed, self._who)

    def _on(self, need: Need) -> Iterator[Resource]:
        permissions = self._means.permissions
        me = self._resource(self._who)
        groups = getattr(me.spec, "groups", ())
        if need.on == "self":
            yield me
        elif need.on == "own-policy":
            yield from customer_policies(permissions, self._who)
        elif need.on == "own-boundary":
            boundary = permissions.named(me.spec.permissions_boundary)
            if boundary is not None:
                yield boundary
        elif need.on in ("own-group", "group"):
            for resource in permissions.state:
                if resource.address.kind == "group" and (resource.address.name in groups) is (need.on == "own-group"):
                    yield resource

    def _leads(self, group: Resource, who: Address) -> bool:
        """Whether it may be of use that somebody is in a group: by what it allows, or since they can change that."""
        documents = [document for _, document in self._documents(group)]
        changing = CHANGING if group.spec.managed_policies else _GROUPS
        return any(leads(document.text) for document in documents) or self._means.may_any(who, changing)

    # -- somebody else -------------------------------------------------------------------------------------------

    def _making(self, rule: Rule, target: Address) -> Iterator[Way]:
        """The ways to give another principal permissions and to act as it."""
        giving, entering = rule.needs
        entry = self._means.enters(self._who, entering, target)
        if entry is None:
            return
        if giving.on == "target-policy":
            for policy in customer_policies(self._means.permissions, target):
                held = together(
                    [self._means.ask(self._who, giving.action, self._arn(policy), about(giving.action, None)), entry]
                )
                for version, document in _rewritten(giving, policy) if held is not None else ():
                    assert held is not None
                    by = " ".join(filter(None, (str(policy.address), version)))
                    yield Way(rule, str(target), held, _with(policy, document=document), target, by)
            return
        if giving.on in ("group", "target-group"):
            if (end := self._means.ends(target)) is None or end.certainty < SURE:  # else to act as it is enough
                yield from (self._joining if giving.on == "group" else self._through)(rule, giving, entry, target)
            return
        resource = self._resource(target)
        unbinding = giving.action.endswith("PermissionsBoundary")
        if unbinding and resource.spec.permissions_boundary is None:
            return
        for choice in self._choices.given(giving, resource):
            held = together([choice.held, entry])
            assert held is not None
            changed = _bounded(resource, choice) if unbinding else _holding(resource, choice)
            yield Way(rule, str(target), held, changed, target, choice.told)

    def _joining(self, rule: Rule, giving: Need, entry: Standing, target: Address) -> Iterator[Way]:
        """The ways to put another user into a group and to act as it; users who hold the same are one."""
        user = self._resource(target)
        spec = user.spec
        for group in self._means.permissions.state:
            if group.address.kind != "group" or group.address.name in spec.groups or not self._leads(group, target):
                continue
            held = self._means.ask(self._who, giving.action, self._arn(group), about(giving.action, None))
            both = together([held, entry])
            if both is None or (same := (group.address, both.certainty, _holds(spec))) in self._put:
                continue
            self._put.add(same)
            changed = _with(user, groups=(*spec.groups, group.address.name))
            yield Way(rule, str(target), both, changed, target, str(group.address))

    def _through(self, rule: Rule, giving: Need, entry: Standing, target: Address) -> Iterator[Way]:
        """The ways to give a group of another user more and to act as that user; who holds the same is one."""
        spec = self._resource(target).spec
        for name in spec.groups:
            group = self._means.permissions.resource(Address("group", name))
            for choice in self._choices.given(giving, group) if group is not None else ():
                assert group is not None
                both = together([choice.held, entry])
                assert both is not None
                if (same := (group.address, choice.arn, both.certainty, _holds(spec))) not in self._put:
                    self._put.add(same)
                    by = ", ".join(filter(None, (str(group.address), choice.told)))
                    yield Way(rule, str(target), both, _holding(group, choice), target, by)

    def _creating(self, rule: Rule) -> Iterator[Way]:
        """The ways to a new user or role: all that the rule needs, on one and the same name."""
        making = rule.needs[0].action
        for name in self._new_names(rule):
            sample = _new(name, self._means.permissions.principal(self._who).arn)
            for boundary in self._new_boundaries(making, name):
                bounded = _bounded(sample, boundary)
                # What AWS sees of the boundary is its name, whatever it says.
                seen = _with(sample, permissions_boundary=boundary.arn or None)
                parts: list[Standing | None] = [boundary.held]
                if sample.address.kind == "role":
                    parts.append(self._means.assumes(self._who, name))
                giving = rule.needs[1]
                for need in rule.needs[2:]:
                    parts.append(self._means.ask(self._who, need.action, name, about(need.action, seen.spec)))
                limit = boundary.told or arn.short(boundary.arn, self._means.account)
                limit = limit and f"bounded by {limit}"
                if None in parts:
                    continue
                if giving.on == "group":
                    for group, standing in self._groups(giving):
                        held = together([*parts, standing])
                        assert held is not None
                        told = ", ".join(filter(None, (limit, str(group))))
                        yield Way(rule, "", held, _with(bounded, groups=(group.name,)), sample.address, told)
                    continue
                for choice in self._choices.given(giving, seen, name):
                    held = together([*parts, choice.held])
                    assert held is not None
                    told = ", ".join(filter(None, (limit, choice.told)))
                    yield Way(rule, "", held, _holding(bounded, choice), sample.address, told)

    def _groups(self, giving: Need) -> Iterator[tuple[Address, Standing]]:
        """The groups that lead somewhere and that a new user may be put into."""
        for group in self._means.permissions.state:
            if group.address.kind == "group" and any(leads(one.text) for _, one in self._documents(group)):
                held = self._means.ask(self._who, giving.action, self._arn(group), about(giving.action, None))
                if held is not None:
                    yield group.address, held

    def _new_names(self, rule: Rule) -> Iterator[str]:
        """The ARNs of users or roles that do not exist, one of each form that the principal's policies name."""
        names = dict.fromkeys([f"arn:{self._means.partition}:iam::{self._means.account}:{rule.target}/{SAMPLE}"])
        for need in rule.needs:
            names.update(self._choices.examples(need.action))
        for name in names:
            parsed = arn.parse(name)
            if parsed is not None and parsed.kind == rule.target and self._means.permissions.named(name) is None:
                yield name

    def _new_boundaries(self, making: str, name: str) -> Iterator[Choice]:
        """What a new principal may be bounded by: nothing, which is best, or what policies ask for."""
        held = self._means.ask(self._who, making, name, about(making, None))
        if held is not None:
            yield Choice("", held, free=True)
        if held is None or held.certainty < SURE:
            yield from self._choices.choices(making, name, BOUNDARY, {})

    # -- looking up ----------------------------------------------------------------------------------------------

    def _arn(self, resource: Resource) -> str:
        return self._means.permissions.arn(resource)

    def _resource(self, address: Address) -> Resource:
        found = self._means.permissions.resource(address)
        assert found is not None
        return found


def _with(resource: Resource, **fields: Any) -> Resource:
    """A resource as it is once these fields of it have changed; where it was written is no longer where it is."""
    return replace(resource, spec=replace(resource.spec, **fields), origin=None)


def _rewritten(need: Need, policy: Resource) -> Iterator[tuple[str, Document]]:
    """What a policy may come to say by a new version, or by one of its older ones, which is named."""
    if need.action == "iam:CreatePolicyVersion":
        yield "", EVERYTHING.document
        return
    for version, document, default in policy.facts.get("versions", ()):
        if not default and document is not None:
            yield version, document


def _holds(spec: Any) -> Hashable:
    """What decides all that a user may do, and where: users for whom it is the same are one."""
    return (spec.groups, spec.managed_policies, spec.inline_policies, spec.permissions_boundary, spec.tags)


def _without(holder: Resource, name: str) -> Resource:
    """A user, role or group without one of its policies, managed (by ARN) or inline (by name)."""
    managed = tuple(item for item in holder.spec.managed_policies if item != name)
    inline = tuple(item for item in holder.spec.inline_policies if item[0] != name)
    return _with(holder, managed_policies=managed, inline_policies=inline)


def _holding(holder: Resource, choice: Choice) -> Resource:
    """A user, role or group with one more policy; an inline one is put over those that deny, by their names."""
    if choice.free:
        inline = holder.spec.inline_policies
        if not choice.arn:
            inline = tuple(item for item in inline if not item[1].bears_deny)
        return _with(holder, inline_policies=(*inline, (EVERYTHING.label, EVERYTHING.document)))
    return _with(holder, managed_policies=(*holder.spec.managed_policies, choice.arn))


def _bounded(held: Resource, choice: Choice) -> Resource:
    """A user or role with another boundary, or with one that allows anything, which is none."""
    return _with(held, permissions_boundary=None if choice.free else choice.arn)


def _new(name: str, trusting: str) -> Resource:
    """A user or role of this ARN with nothing; a role trusts the principal that made it."""
    parsed = arn.parse(name)
    assert parsed is not None
    spec = User(path=parsed.path) if parsed.kind == "user" else Role(trusting_only(trusting), path=parsed.path)
    return Resource(Address(parsed.kind, parsed.name), spec)
