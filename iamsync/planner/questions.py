"""Questions about permissions: who may do something, what somebody may do, who is in what and may become whom."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Literal

from iamsync.model import EMPTY, Address
from iamsync.planner.areas import aimed, areas, classes, elements, wording
from iamsync.planner.permissions import Permissions, is_blind
from iamsync.policy import actionset
from iamsync.policy.access import difference
from iamsync.policy.actionset import wild
from iamsync.policy.evaluate import Source, evaluate
from iamsync.policy.explanation import Decision, Match, Miss, told
from iamsync.policy.holdings import Holdings, Unknown
from iamsync.policy.match import Reach
from iamsync.policy.request import Request, Values
from iamsync.policy.statement import compiled
from iamsync.policy.vocabulary import Phrase, Phrases, covers, spelled

_ASSUME: Final = "sts:AssumeRole"
_EVERYONE: Final = "*"
# How the kinds of a Principal element are called in a graph.
_OUTSIDERS: Final = {"Service": "service", "Federated": "provider", "CanonicalUser": "account", "AWS": "outside"}


@dataclass(frozen=True, slots=True)
class Grant:
    """What a principal may do: `actions` on resources (`where`), less `without`, as the policies write them.

    `condition` says under what, where that is known; `certain` that nothing else is left open. `because`
    are the statements it comes from, each with its place, and what it hangs on.
    """

    principal: Address
    actions: tuple[str, ...]
    where: tuple[str, ...]
    without: tuple[str, ...] = ()
    condition: str = ""
    certain: bool = True
    because: tuple[str, ...] = ()
    example: str = ""


@dataclass(frozen=True, slots=True)
class Blind:
    """A principal of whose policies some are not known."""

    principal: Address
    unknown: tuple[str, ...]


def who_can(
    permissions: Permissions, action: str, resource: str | None = None, context: Mapping[str, Values] = EMPTY
) -> tuple[Grant, ...]:
    """Every grant of an action (or pattern) to anyone, on a resource (or pattern) or anywhere."""
    people = permissions.principals()
    return tuple(grant for who in people for grant in _grants(permissions, who, action, resource, context))


def what_can(permissions: Permissions, who: Address) -> tuple[Grant, ...]:
    """Everything that a principal's policies grant, and the roles it may assume."""
    state = permissions.state
    access = difference(
        Holdings(),
        permissions.holdings(who),
        principal=permissions.principal(who),
        account_id=state.account_id,
        partition=state.partition,
    )
    places = _places(permissions, who)
    found = [
        Grant(
            who,
            region.actions,
            region.resources,
            tuple(" on ".join(filter(None, map(", ".join, (one.actions, one.resources)))) for one in region.excepted),
            region.condition or "",
            because=tuple(places.get(label, label) for label in region.via),
            example=region.witness.resource,
        )
        for region in access.gained
    ]
    assumed = areas(permissions, who, _ASSUME)
    for area in assumed.areas:
        if permissions.named(area.example) is not None and (_surely(area.decision) or _perhaps(area.decision)):
            certain = _surely(area.decision)
            found.append(Grant(who, (_ASSUME,), (area.example,), certain=certain, because=told(area.decision)))
    return tuple(found)


def _places(permissions: Permissions, who: Address) -> dict[str, str]:
    """The statements of a principal's policies as `difference` names them, with the places where they are written."""
    found: dict[str, str] = {}
    for source in (*permissions.sources(who), *permissions.limits()):
        for statement in compiled(source.document.text):
            label = f"{source.label}, statement {statement.sid or statement.position}"
            known = len(source.places) >= statement.position
            origin = source.places[statement.position - 1] if known else source.origin
            found[label] = f"{label} at {origin}" if origin else label
    return found


def blind_spots(permissions: Permissions) -> tuple[Blind, ...]:
    """The principals of whom not every policy is known: they may be able to do more, or less."""
    found = []
    for who in permissions.principals():
        held = permissions.holdings(who)
        boundary = () if held.boundary is None else (held.boundary,)
        unknown = tuple(one.label for one in (*held.identity, *boundary) if isinstance(one, Unknown))
        if unknown:
            found.append(Blind(who, unknown))
    return tuple(found)


def _grants(
    permissions: Permissions, who: Address, action: str, resource: str | None, context: Mapping[str, Values]
) -> Iterator[Grant]:
    """What a principal may do of some actions: what is certain, and apart from it what hangs on conditions."""
    merged: dict[tuple[tuple[str, ...], object], _Merged] = {}
    aimless: list[str] = []  # actions that are never asked about such a resource
    for held in classes(permissions, who, (action,), resource):
        about = aimed(permissions, held, (action,), resource)
        if not about:
            aimless += held.actions
            continue
        aimless += set(held.actions).difference(about)
        found = areas(permissions, who, about[0], context, resource)
        if not found.areas:
            aimless += about
        for counts in (_surely, _perhaps):
            if hit := found.which(counts):
                decision = hit[0].decision
                # What is granted for certain is one grant, whichever statements it comes from.
                alike = None if counts is _surely else (decision.reasons, _conditions(decision))
                where = tuple(map(wording, found.worded(counts)))
                entry = merged.setdefault((where, alike), _Merged(decision, hit[0].example))
                entry.actions.extend(about)
                entry.deciding.update(dict.fromkeys(decision.deciding))
    words = _Words(permissions, who, action) if wild(action) else None
    for (where, _), entry in merged.items():
        phrased = (
            words.told(entry.actions, aimless) if words else Phrase(tuple(spelled(one, {}) for one in entry.actions))
        )
        decision = replace(entry.decision, deciding=tuple(entry.deciding), near=_conditions(entry.decision))
        certain = decision.allowed and decision.certain
        yield Grant(who, phrased.patterns, where, phrased.without, "", certain, told(decision), entry.example)


@dataclass(slots=True)
class _Merged:
    """Several classes of actions that come to one grant."""

    decision: Decision
    example: str
    actions: list[str] = field(default_factory=list)
    deciding: dict[Match, None] = field(default_factory=dict)


class _Words:
    """Puts actions into few words: what was asked where one allows nearly all, the patterns of a principal's own."""

    def __init__(self, permissions: Permissions, who: Address, asked: str) -> None:
        self.asked = asked.lower()
        self.spelling = {self.asked: asked}
        self.allowed: set[str] = set()
        self.all: set[str] = set()
        for source in permissions.sources(who):
            for element in elements(source.document.text):
                self.spelling.update((text.lower(), text) for text in element.written)
                wide = {text for text in element.actions if wild(text)}
                self.all |= wide
                if element.allows:
                    self.allowed |= {"*"} if element.not_actions else wide

    def told(self, actions: Iterable[str], indifferent: Iterable[str]) -> Phrase:
        chosen = actionset.some(actions)
        wide = {one for one in self.allowed if covers((one,), False, self.asked)}
        usable = frozenset(one for one in self.allowed - wide if actionset.known(one) & chosen)
        if wide:
            usable |= {self.asked}
        phrases = Phrases((actionset.element(tuple(sorted((self.all - wide) | usable))),), self.spelling)
        return phrases.phrase(chosen, usable, actionset.some(indifferent))


def _surely(decision: Decision) -> bool:
    return decision.allowed and decision.certain


def _perhaps(decision: Decision) -> bool:
    """Allowed if something holds that is not known; what a policy says that nobody knows is no question here."""
    return not decision.certain and (decision.allowed or not all(map(is_blind, decision.reasons)))


def _conditions(decision: Decision) -> tuple[Miss, ...]:
    """The near misses that lack nothing but what a condition asks for."""
    return tuple(miss for miss in decision.near if miss.failed == ("condition",))


EdgeKind = Literal["member", "assume"]


@dataclass(frozen=True, slots=True, order=True)
class Node:
    """A user, group or role by its ARN, or somebody outside: a service, a provider, an account, everyone."""

    id: str
    kind: str
    name: str
    account: str = ""


@dataclass(frozen=True, slots=True, order=True)
class Edge:
    """`source` is a member of, or may assume `target`; `certain` is False where conditions decide."""

    source: str
    target: str
    kind: EdgeKind
    certain: bool = True
    note: str = ""


@dataclass(frozen=True, slots=True)
class Graph:
    """Who is in what and who may become whom."""

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]


def graph(known: Iterable[Permissions]) -> Graph:
    """The graph of one or several accounts; between accounts both sides must allow."""
    held = tuple(known)
    nodes: dict[str, Node] = {}
    edges: dict[tuple[str, str, EdgeKind], Edge] = {}
    for permissions in held:
        for resource in permissions.state:
            if resource.address.kind in ("user", "group", "role"):
                text = permissions.arn(resource)
                nodes[text] = Node(text, *_name(resource.address), permissions.state.account_id)
        for resource in permissions.state:
            for name in getattr(resource.spec, "groups", ()):
                group = permissions.resource(Address("group", name))
                if group is not None:
                    edge = Edge(permissions.arn(resource), permissions.arn(group), "member")
                    edges[edge.source, edge.target, edge.kind] = edge
    asking = [frozenset(who for who in one.principals() if _may_ask(one, who)) for one in held]
    for permissions in held:
        for resource in permissions.state:
            if resource.address.kind == "role":
                for node, edge in _assuming(permissions, resource.address, held, asking):
                    nodes.setdefault(node.id, node)
                    edges.setdefault((edge.source, edge.target, edge.kind), edge)
    return Graph(tuple(sorted(nodes.values())), tuple(sorted(edges.values())))


def _name(address: Address) -> tuple[str, str]:
    return address.kind, address.name


def _may_ask(permissions: Permissions, who: Address) -> bool:
    """Whether any policy of a principal may allow it to assume some role."""
    held = permissions.holdings(who)
    if any(isinstance(one, Unknown) for one in held.identity):
        return True
    documents = (one.document.text for one in held.identity if isinstance(one, Source))
    return any(held.allows and held.covers(_ASSUME.lower()) for text in documents for held in elements(text))


def _let_in(permissions: Permissions, trust: Source, asking: frozenset[Address]) -> Collection[Address]:
    """The principals whom a trust policy may let in: to decide on everybody for each role would take hours.

    Those it names; where it names their account, those of `asking`, whose own policies may allow it.
    """
    account, found, by_account, otherwise = permissions.state.account_id, set[Address](), False, False
    allowing = [one for one in compiled(trust.document.text) if one.allows and one.principals is not None]
    for statement in allowing:
        assert statement.principals is not None
        otherwise |= statement.principals.negated
        for kind, name in statement.principals.names:
            named = permissions.named(name)
            if kind not in ("AWS", _EVERYONE):
                continue
            if named is not None:
                found.add(named.address)
            elif _account_of(name) == account and (name == account or name.endswith(":root")):
                by_account = True
            elif _account_of(name) in ("", account):
                otherwise = True  # everybody, a unique id, a session
    if otherwise:
        for who in permissions.principals():
            principal, bounded = permissions.principal(who), permissions.holdings(who).boundary is not None
            for statement in allowing:
                assert statement.principals is not None
                reach, doubts = statement.principals.reach(principal, denies=False, bounded=bounded)
                if doubts or reach > Reach.ACCOUNT:
                    found.add(who)
    if by_account or otherwise:
        found |= asking
    return sorted(who for who in found if who.kind in ("user", "role"))


def _assuming(
    permissions: Permissions, role: Address, known: Sequence[Permissions], asking: Sequence[frozenset[Address]]
) -> Iterator[tuple[Node, Edge]]:
    """Whoever may assume a role: the principals of the known accounts, and outsiders whom it trusts."""
    target = permissions.arn(permissions.state.resources[role])
    trust = permissions.trust(role)
    named = permissions.trusts(role)
    accounts = {held.state.account_id for held in known}
    for held, own in zip(known, asking, strict=True):
        if not any(name == _EVERYONE or held.state.account_id in name or _is_id(name) for name in named):
            continue
        for who in _let_in(held, trust, own):
            if (decision := _assumes(held, who, target, trust)) is not None:
                text = held.arn(held.state.resources[who])
                node = Node(text, *_name(who), held.state.account_id)
                yield node, Edge(text, target, "assume", decision.certain and decision.allowed, _note(decision))
    for statement in compiled(trust.document.text):
        if not statement.allows or statement.principals is None:
            continue
        names = (("*", _EVERYONE),) if statement.principals.negated else statement.principals.names
        for kind, name in names:
            if _account_of(name) not in accounts and not (kind == "AWS" and _is_id(name)):
                note = "under conditions" if statement.clauses else ""
                node = _outsider(kind, name)
                yield node, Edge(node.id, target, "assume", not statement.clauses, note)


def _assumes(held: Permissions, who: Address, target: str, trust: Source) -> Decision | None:
    """The decision on a principal that may assume the role, or might under conditions."""
    if held.named(target) is not None:
        decision = held.decide(who, _ASSUME, target)
    else:
        layers = replace(held.layers(who), resource=trust, is_trust=True)
        decision = evaluate(Request(held.principal(who), _ASSUME, target), layers)
    return decision if _surely(decision) or _perhaps(decision) else None


def _note(decision: Decision) -> str:
    conditions = [miss.told for miss in _conditions(decision)]
    return "" if decision.allowed and decision.certain else "; ".join([*conditions[:1]] or decision.reasons[:1])


def _outsider(kind: str, name: str) -> Node:
    if name == _EVERYONE:
        return Node(_EVERYONE, "everyone", "everyone")
    account = _account_of(name)
    if kind == "AWS" and (name == account or name.endswith(":root")):
        return Node(name, "account", account, account)
    return Node(name, _OUTSIDERS.get(kind, "outside"), name, account)


def _account_of(name: str) -> str:
    """The account that a principal of a trust policy belongs to, empty for services and the like."""
    if name.isdigit():
        return name
    parts = name.split(":")
    return parts[4] if len(parts) > 5 and ":oidc-provider/" not in name and ":saml-provider/" not in name else ""


def _is_id(name: str) -> bool:
    """Whether this is a unique id (AROA...), which stands where the principal of an ARN was deleted."""
    return name.isalnum() and not name.isdigit()
