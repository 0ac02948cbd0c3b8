"""Ways to change what a principal may do, by its own means, and what is so afterwards.

One rule of `policy.escalation` at a time, for the rules that change something: a policy attached or rewritten, a
group joined, a boundary off, another principal given what is then used, a new one made. Which managed policies may
be chosen is asked of the evaluator as well: a condition may allow only some of them to be attached.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Final

from iamsync import arn
from iamsync.kinds.role import Role
from iamsync.kinds.user import User
from iamsync.model import Address, Resource
from iamsync.planner.areas import areas
from iamsync.planner.means import Means, about, customer_policies, grants, together, trusting_only
from iamsync.planner.permissions import not_known
from iamsync.policy.administrator import CONTEXT, EVERYTHING, SURE, UNKNOWN, Standing
from iamsync.policy.escalation import ACTIONS, RULES, Effect, Need, Rule
from iamsync.policy.request import Values
from iamsync.policy.statement import compiled

_ATTACHED: Final = "iam:PolicyARN"
_BOUNDARY: Final = "iam:PermissionsBoundary"
_ADMINISTRATOR: Final = "arn:{}:iam::aws:policy/AdministratorAccess"
# AWS's own policy that gives all of IAM, whether or not anybody holds it today.
ALL_OF_IAM: Final = "arn:{}:iam::aws:policy/IAMFullAccess"
_SAMPLE: Final = "iamsync-sample"
# A boundary comes off first: what is done afterwards is done without it.
_OWN: Final[tuple[Effect, ...]] = ("unbound", "granted", "reverted", "joined", "creates")
_OWN_RULES: Final = tuple(rule for effect in _OWN for rule in RULES if rule.effect == effect)
_MAKING: Final = tuple(rule for rule in RULES if rule.effect == "makes")
_REWRITING: Final = ("iam:CreatePolicyVersion", "iam:SetDefaultPolicyVersion")
_GROUPS: Final = ("iam:AttachGroupPolicy", "iam:PutGroupPolicy")
# By these a group or policy that somebody holds is changed.
CHANGING: Final = (*_REWRITING, *_GROUPS)


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


@dataclass(frozen=True, slots=True)
class _Choice:
    """A managed policy that may be named in a request; `free`: what it says is up to whoever asks."""

    arn: str
    held: Standing
    free: bool
    told: str = ""


def ways(means: Means, who: Address, others: Collection[Address]) -> Iterator[Way]:
    """Every way of a principal to change what it may do, or what one of these others may, as whom it acts then."""
    return _Ways(means, who).all(others)


class _Ways:
    def __init__(self, means: Means, who: Address) -> None:
        self._means = means
        self._who = who
        self._mentioned: dict[str, tuple[str, ...]] = {}
        self._put: set[Hashable] = set()

    def all(self, others: Collection[Address]) -> Iterator[Way]:
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
        for resource in self._on(need):
            at = "" if resource.address == self._who else str(resource.address)
            if rule.effect == "joined":
                if not self._leads(resource, self._who):
                    continue
                groups = (*me.spec.groups, resource.address.name)
                yield from self._one(rule, need, resource, _with(me, groups=groups), at)
            elif rule.effect == "reverted":
                for version, document, default in resource.facts.get("versions", ()):
                    if not default and document is not None:
                        older = _with(resource, document=document)
                        yield from self._one(rule, need, resource, older, f"{at} {version}")
            elif need.action == "iam:CreatePolicyVersion":
                yield from self._one(rule, need, resource, _with(resource, document=EVERYTHING.document), at)
            elif need.action.startswith("iam:Delete"):
                yield from self._one(rule, need, resource, _with(me, permissions_boundary=None), at)
            elif need.action.endswith("PermissionsBoundary"):
                for choice in self._given(need, resource):
                    yield Way(rule, at, choice.held, _bounded(me, choice), self._who, choice.told)
            else:
                for choice in self._given(need, resource):
                    yield Way(rule, at, choice.held, _holding(resource, choice), self._who, choice.told)

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
        permissions = self._means.permissions
        documents = [document for _, document in group.spec.inline_policies]
        documents += filter(None, map(permissions.document, group.spec.managed_policies))
        changing = CHANGING if group.spec.managed_policies else _GROUPS
        return any(_leads(document.text) for document in documents) or self._means.may_any(who, changing)

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
                if held is not None:
                    changed = _with(policy, document=EVERYTHING.document)
                    yield Way(rule, str(target), held, changed, target, str(policy.address))
            return
        if giving.on == "group":
            yield from self._joining(rule, giving, entry, target)
            return
        resource = self._resource(target)
        unbinding = giving.action.endswith("PermissionsBoundary")
        if unbinding and resource.spec.permissions_boundary is None:
            return
        for choice in self._given(giving, resource):
            held = together([choice.held, entry])
            assert held is not None
            changed = _bounded(resource, choice) if unbinding else _holding(resource, choice)
            yield Way(rule, str(target), held, changed, target, choice.told)

    def _joining(self, rule: Rule, giving: Need, entry: Standing, target: Address) -> Iterator[Way]:
        """The ways to put another user into a group and to act as it; users who hold the same are one."""
        if (end := self._means.ends(target)) is not None and end.certainty == SURE:
            return  # to act as it is enough
        user = self._resource(target)
        spec = user.spec
        holds = (spec.groups, spec.managed_policies, spec.inline_policies, spec.permissions_boundary, spec.tags)
        for group in self._means.permissions.state:
            if group.address.kind != "group" or group.address.name in spec.groups or not self._leads(group, target):
                continue
            held = self._means.ask(self._who, giving.action, self._arn(group), about(giving.action, None))
            both = together([held, entry])
            if both is None or (same := (group.address, both.certainty, holds)) in self._put:
                continue
            self._put.add(same)
            changed = _with(user, groups=(*spec.groups, group.address.name))
            yield Way(rule, str(target), both, changed, target, str(group.address))

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
                for choice in self._given(giving, seen, name) if None not in parts else ():
                    held = together([*parts, choice.held])
                    assert held is not None
                    limit = boundary.told or arn.short(boundary.arn, self._means.account)
                    told = ", ".join(filter(None, (limit and f"bounded by {limit}", choice.told)))
                    yield Way(rule, "", held, _holding(bounded, choice), sample.address, told)

    def _new_names(self, rule: Rule) -> Iterator[str]:
        """The ARNs of users or roles that do not exist, one of each form that the principal's policies name."""
        names = dict.fromkeys([f"arn:{self._means.partition}:iam::{self._means.account}:{rule.target}/{_SAMPLE}"])
        for need in rule.needs:
            names.update(self._examples(need.action))
        for name in names:
            parsed = arn.parse(name)
            if parsed is not None and parsed.kind == rule.target and self._means.permissions.named(name) is None:
                yield name

    def _examples(self, action: str) -> dict[str, None]:
        found = areas(self._means.permissions, self._who, action, {**CONTEXT, **about(action, None)})
        # The shortest text that a pattern takes may end with its path.
        texts = (area.example for area in found.areas)
        return dict.fromkeys(f"{text}{_SAMPLE}" if text.endswith("/") else text for text in texts)

    def _new_boundaries(self, making: str, name: str) -> Iterator[_Choice]:
        """What a new principal may be bounded by: nothing, which is best, or what policies ask for."""
        held = self._means.ask(self._who, making, name, about(making, None))
        if held is not None:
            yield _Choice("", held, free=True)
        if held is None or held.certainty < SURE:
            yield from self._choices(making, name, _BOUNDARY, {})

    # -- which policies ------------------------------------------------------------------------------------------

    def _given(self, need: Need, resource: Resource, name: str = "") -> Iterator[_Choice]:
        """The policies that may be given to a user, role or group: attached, as its boundary, or inline with anything.

        Where its boundary is taken off, the one choice is that of none.
        """
        context = about(need.action, resource.spec)
        where = name or self._arn(resource)
        if need.action.startswith("iam:Attach"):
            yield from self._choices(need.action, where, _ATTACHED, context)
        elif need.action.startswith("iam:Put") and need.action.endswith("PermissionsBoundary"):
            yield from self._choices(need.action, where, _BOUNDARY, {})
        elif (held := self._means.ask(self._who, need.action, where, context)) is not None:
            yield _Choice("", held, free=True)

    def _choices(self, action: str, where: str, key: str, context: Mapping[str, Values]) -> Iterator[_Choice]:
        """The managed policies that an action may name, that of administrators first."""
        most = _ADMINISTRATOR.format(self._means.partition)
        best = self._means.ask(self._who, action, where, {**context, key: most})
        if best is not None:
            yield _Choice(most, best, free=True)
        if (best is not None and best.certainty == SURE) or not self._mentions(key):
            return
        if self._means.ask(self._who, action, where, context) is None:
            return  # denied, whichever policy it is
        for choice in (*self._existing(), *self._unread(key), *self._unmade(key)):
            held = self._means.ask(self._who, action, where, {**context, key: choice.arn})
            if held is not None and (best is None or held.certainty > best.certainty):
                both = together([held, choice.held])
                assert both is not None
                yield replace(choice, held=both)

    def _existing(self) -> Iterator[_Choice]:
        """The managed policies whose documents are known and of use, as they are or since they can be rewritten."""
        permissions = self._means.permissions
        for resource in permissions.state:
            if resource.address.kind == "policy":
                text = permissions.arn(resource)
                if _leads(resource.spec.document.text) or any(
                    self._means.ask(self._who, action, text, about(action, None)) for action in _REWRITING
                ):
                    yield _Choice(text, Standing(SURE), free=False, told=str(resource.address))
        for text in permissions.aws_policies():
            document = permissions.document(text)
            if document is not None and _leads(document.text):
                yield _Choice(text, Standing(SURE), free=False, told=arn.short(text, self._means.account))

    def _unread(self, key: str) -> Iterator[_Choice]:
        """AWS's own policies whose documents nobody read: those that conditions name, and one that is well known."""
        known = frozenset(self._means.permissions.aws_policies())
        for text in dict.fromkeys((*self._mentions(key), ALL_OF_IAM.format(self._means.partition))):
            if arn.is_aws_managed(text) and "*" not in text and "?" not in text and text not in known:
                name = arn.short(text, self._means.account)
                yield _Choice(text, Standing(UNKNOWN, (), (not_known(name),)), free=True, told=name)

    def _unmade(self, key: str) -> Iterator[_Choice]:
        """Policies that do not exist and that the principal may make, with whatever it likes."""
        if not self._means.may_any(self._who, ("iam:CreatePolicy",)):
            return
        permissions = self._means.permissions
        names = [text.replace("*", _SAMPLE).replace("?", "x") for text in self._mentions(key)]
        for text in dict.fromkeys((*names, *self._examples("iam:CreatePolicy"))):
            parsed = arn.parse(text)
            if parsed is None or parsed.kind != "policy" or parsed.account != self._means.account:
                continue
            if permissions.named(text) is None and (
                held := self._means.ask(self._who, "iam:CreatePolicy", text, about("iam:CreatePolicy", None))
            ):
                yield _Choice(text, held, free=True, told=f"the new policy/{parsed.name}, by iam:CreatePolicy")

    def _mentions(self, key: str) -> tuple[str, ...]:
        """What the conditions of the principal's policies compare a key with, sorted."""
        if key not in self._mentioned:
            permissions = self._means.permissions
            self._mentioned[key] = tuple(
                sorted(
                    {
                        text
                        for source in (*permissions.sources(self._who), *permissions.limits())
                        for statement in compiled(source.document.text)
                        for clause in statement.clauses
                        if clause.key == key.lower()
                        for text in clause.texts
                    }
                )
            )
        return self._mentioned[key]

    def _arn(self, resource: Resource) -> str:
        return self._means.permissions.arn(resource)

    def _resource(self, address: Address) -> Resource:
        found = self._means.permissions.resource(address)
        assert found is not None
        return found


def _with(resource: Resource, **fields: Any) -> Resource:
    """A resource as it is once these fields of it have changed; where it was written is no longer where it is."""
    return replace(resource, spec=replace(resource.spec, **fields), origin=None)


def _holding(holder: Resource, choice: _Choice) -> Resource:
    """A user, role or group with one more policy."""
    if choice.free:
        return _with(holder, inline_policies=(*holder.spec.inline_policies, (EVERYTHING.label, EVERYTHING.document)))
    return _with(holder, managed_policies=(*holder.spec.managed_policies, choice.arn))


def _bounded(held: Resource, choice: _Choice) -> Resource:
    """A user or role with another boundary, or with one that allows anything, which is none."""
    return _with(held, permissions_boundary=None if choice.free else choice.arn)


def _new(name: str, trusting: str) -> Resource:
    """A user or role of this ARN with nothing; a role trusts the principal that made it."""
    parsed = arn.parse(name)
    assert parsed is not None
    spec = User(path=parsed.path) if parsed.kind == "user" else Role(trusting_only(trusting), path=parsed.path)
    return Resource(Address(parsed.kind, parsed.name), spec)


@lru_cache(maxsize=16384)
def _leads(text: str) -> bool:
    """Whether a document allows anything that any rule asks for."""
    return any(grants(text, action.lower()) for action in ACTIONS)
