"""Whether a request is allowed by layers of policies, and why: IAM's evaluation logic, offline and pure.

A Deny anywhere decides. Else every layer that limits must allow (service control policies, resource
control policies, the permissions boundary, the session policy), and somebody must grant: an identity
policy, or inside one account the resource's own policy alone; between accounts both.
Source: Policy evaluation logic; Cross-account policy evaluation logic; Permissions boundaries.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, Literal

from iamsync.model import Origin
from iamsync.policy.document import Document
from iamsync.policy.doubt import Answer, Doubt, every, holds, reasons
from iamsync.policy.explanation import Decision, Layer, Match, Miss, Part, Verdict
from iamsync.policy.match import Reach
from iamsync.policy.request import Context, Request
from iamsync.policy.statement import Statement, beside, concerning

# How doubts are settled: as assumed, each in favour of allowing, each against it.
_View = Literal["assumed", "generous", "strict"]

_MOST_MISSES: Final = 5
# Of these, the role's trust policy must say something in every case: it is the only policy a role cannot lack.
_TRUSTED: Final = frozenset({"sts:assumerole", "sts:tagsession", "sts:setsourceidentity"})
# AWS asks nobody's permission for this one, and not even a Deny forbids it.
_FREE: Final = frozenset({"sts:getcalleridentity"})
_POLICY_WRITES: Final = frozenset(
    {"iam:createpolicyversion", "iam:deletepolicy", "iam:deletepolicyversion", "iam:setdefaultpolicyversion"}
    | {"iam:tagpolicy", "iam:untagpolicy"}
)


@dataclass(frozen=True, slots=True)
class Source:
    """One policy and whose it is; `places`, where known, say where each of its statements is written."""

    label: str
    document: Document
    origin: Origin | None = None
    places: tuple[Origin, ...] = ()


@dataclass(frozen=True, slots=True)
class Layers:
    """All policies that have a say in a request.

    `identity` are the principal's own and its groups'. `scps` and `rcps` are levels, from the root
    of the organization down to the account: an SCP level must allow, while an RCP level allows by
    itself (AWS attaches RCPFullAWSAccess everywhere) and can only deny. `resource` is the
    resource's policy, `is_trust` says that it is a role's trust policy.
    """

    identity: tuple[Source, ...] = ()
    boundary: Source | None = None
    session: tuple[Source, ...] | None = None
    scps: tuple[tuple[Source, ...], ...] = ()
    rcps: tuple[tuple[Source, ...], ...] = ()
    resource: Source | None = None
    is_trust: bool = False


@dataclass(slots=True)
class _Hit:
    """A statement that covers the request, perhaps."""

    match: Match
    answer: Answer
    reach: Reach


@dataclass(slots=True)
class _Tally:
    """What the statements of one layer say."""

    layer: Layer
    sources: tuple[Source, ...]
    hits: list[_Hit] = field(default_factory=list)

    def reach(self, view: _View) -> Reach:
        """The closest grant, NONE without one."""
        return max((hit.reach for hit in self.hits if hit.match.allows and _counts(hit, view)), default=Reach.NONE)

    def allows(self, view: _View) -> bool:
        return any(hit.match.allows and _counts(hit, view) for hit in self.hits)

    def denies(self, view: _View) -> bool:
        return any(not hit.match.allows and _counts(hit, view) for hit in self.hits)


def _counts(hit: _Hit, view: _View) -> bool:
    if isinstance(hit.answer, bool):
        return hit.answer
    if view == "assumed":
        return hit.answer.holds
    return (view == "generous") is hit.match.allows


def evaluate(request: Request, layers: Layers, *, explain: bool = True) -> Decision:
    """The decision on one request; without `explain` a denial names no near misses, which is faster."""
    action = request.action.lower()
    if action in _FREE:
        return Decision("allowed", not request.doubts, request.doubts)
    if action in _POLICY_WRITES and request.resource.split(":")[4:5] == ["aws"]:
        return Decision("implicit_deny", not request.doubts, request.doubts, blocked_by="aws")
    case = _Case(request, layers, action)
    verdict, blocker = case.verdict("assumed")
    doubts = [*request.doubts, *case.doubts(verdict)]
    near: tuple[Miss, ...] = ()
    if explain and verdict == "implicit_deny":
        near = case.misses(blocker)
    return Decision(
        verdict,
        not doubts,
        tuple(dict.fromkeys(doubts)),
        case.deciding(verdict),
        blocker.layer if blocker else None,
        near,
    )


class _Case:
    """One request before its layers: each is tallied once, the verdict follows under any view."""

    def __init__(self, request: Request, layers: Layers, action: str) -> None:
        self.request = request
        self.layers = layers
        self.action = action
        self.context = Context(request)
        self.bounded = layers.boundary is not None
        principal = request.principal
        self.by_policy = principal.kind in ("user", "role", "session")
        self.same_account = request.owner == principal.account
        self.identity = self._tally("identity", layers.identity if self.by_policy else ())
        boundary = (layers.boundary,) if layers.boundary is not None and self.by_policy else None
        self.boundary = None if boundary is None else self._tally("boundary", boundary)
        session = layers.session if principal.kind != "root" else None
        self.session = None if session is None else self._tally("session", session)
        # Service control policies limit the principals of the member accounts, except service-linked roles.
        limited = (self.by_policy or principal.kind == "root") and not principal.service_linked
        self.scps = [self._tally("scp", level) for level in layers.scps] if limited else []
        self.rcps = [] if principal.service_linked else [self._tally("rcp", level) for level in layers.rcps]
        resource = () if layers.resource is None else (layers.resource,)
        self.resource = self._tally("trust" if layers.is_trust else "resource", resource)
        self.tallies = [
            tally
            for tally in (*self.scps, *self.rcps, self.resource, self.identity, self.boundary, self.session)
            if tally is not None
        ]

    def _tally(self, layer: Layer, sources: tuple[Source, ...]) -> _Tally:
        tally = _Tally(layer, sources)
        for source in sources:
            for statement in concerning(source.document.text, self.action):
                tally.hits += self._hits(layer, source, statement)
        return tally

    def _hits(self, layer: Layer, source: Source, statement: Statement) -> Iterator[_Hit]:
        reach, doubts = self._reach(layer, statement)
        if reach is Reach.NONE and not doubts:
            return
        covers = self._covers(statement)
        if covers is False:
            return
        match = _match(layer, source, statement)
        if not doubts:
            yield _Hit(match, covers, reach)
        elif reach is Reach.ACCOUNT:
            yield _Hit(match, covers, reach)
            yield _Hit(match, every((covers, Doubt(False, doubts))), Reach.DIRECT)
        else:
            yield _Hit(match, every((covers, Doubt(reach is not Reach.NONE, doubts))), reach or Reach.DIRECT)

    def _reach(self, layer: Layer, statement: Statement) -> tuple[Reach, tuple[str, ...]]:
        if layer not in ("resource", "trust", "rcp"):
            return Reach.DIRECT, ()
        if statement.principals is None:
            return Reach.NONE, ()
        return statement.principals.reach(
            self.request.principal, denies=not statement.allows, bounded=self.bounded and layer != "rcp"
        )

    def _covers(self, statement: Statement) -> Answer:
        held = statement.resources
        on: Answer = True if held is None else held.cover(self.request.resource, self.context)
        if on is False or not statement.clauses:
            return on
        if on is True and len(statement.clauses) == 1:
            return statement.clauses[0].answer(self.context)
        return every((on, *(clause.answer(self.context) for clause in statement.clauses)))

    def verdict(self, view: _View) -> tuple[Verdict, _Tally | None]:
        """The verdict, and the tally that denies or that lacks a grant."""
        for tally in self.tallies:
            if tally.denies(view):
                return "explicit_deny", tally
        for level in self.scps:
            if not level.allows(view):
                return "implicit_deny", level
        missing = self._missing(view)
        return ("allowed", None) if missing is None else ("implicit_deny", missing)

    def _missing(self, view: _View) -> _Tally | None:
        """The layer that lacks a grant, None if enough of them grant."""
        reach = self.resource.reach(view)
        kind = self.request.principal.kind
        if kind == "federated" and self.request.principal.account is not None and not self.same_account:
            return self.resource  # a role is assumed through a provider of its own account only
        if kind in ("service", "federated", "anonymous"):
            return None if reach > Reach.ACCOUNT else self.resource
        own = self._own_path(view)
        if not self.same_account:
            return own or (None if reach else self.resource)
        if self._resource_alone(reach, view) is None:
            return None
        if self._resource_must_speak() and not reach:
            return self.resource
        return own if own is None or reach <= Reach.ACCOUNT else self._resource_alone(reach, view)

    def _own_path(self, view: _View) -> _Tally | None:
        """What keeps the principal's own policies from granting."""
        if self.request.principal.kind == "root":
            return None
        for tally in (self.identity, self.boundary, self.session):
            if tally is not None and not tally.allows(view):
                return tally
        return None

    def _resource_alone(self, reach: Reach, view: _View) -> _Tally | None:
        """What keeps the resource's policy from granting by itself inside one account.

        A session named by its own ARN, or a user, is granted directly; a role's ARN means the
        role, whose boundary and session policies still limit its sessions. `*` is documented for
        neither: it is taken to pass by a boundary and not by a session policy.
        """
        if reach <= Reach.ACCOUNT:
            return self.resource
        limits = {Reach.ISSUER: (self.boundary, self.session), Reach.EVERYONE: (self.session,)}.get(reach, ())
        return next((tally for tally in limits if tally is not None and not tally.allows(view)), None)

    def _resource_must_speak(self) -> bool:
        """Whether identity policies count only where the resource's policy lets them (roles and KMS keys)."""
        if self.action in _TRUSTED and ":role/" in self.request.resource:
            return True
        return self.action.startswith("kms:") and ":key/" in self.request.resource

    def doubts(self, verdict: Verdict) -> Iterator[str]:
        """What could turn allowed into denied or back; nothing where it would not."""
        allowed = verdict == "allowed"
        hung = [hit for tally in self.tallies for hit in tally.hits if not isinstance(hit.answer, bool)]
        views: tuple[_View, ...] = ("generous", "strict") if hung else ("assumed",)
        found = [self.verdict(view) for view in views]
        # With every doubt settled for it, only the policy that nobody gave is missing.
        unread = self.layers.resource is None and found[0][1] is self.resource
        if unread or any((other == "allowed") is not allowed for other, _ in found):
            for hit in hung:
                yield from reasons(hit.answer)
        if unread:
            yield f"the {self._unread()} is not given"
        by_everyone = allowed and self.same_account and self.resource.reach("assumed") is Reach.EVERYONE
        if by_everyone and self.boundary is not None and not self.boundary.allows("assumed"):
            yield "whether a grant to everyone passes by a permissions boundary is not documented"

    def _unread(self) -> str:
        """What a policy that decides and is not given is called."""
        if self.action.startswith("sts:"):
            return "role's trust policy"
        return "key's policy" if self.action.startswith("kms:") else "resource's policy"

    def deciding(self, verdict: Verdict) -> tuple[Match, ...]:
        """The statements that grant, or that deny; none on an implicit denial."""
        if verdict == "implicit_deny":
            return ()
        granting = verdict == "allowed"
        looked_at = self._granting() if granting else self.tallies
        hits = (hit for tally in looked_at for hit in tally.hits if holds(hit.answer))
        return tuple(dict.fromkeys(hit.match for hit in hits if hit.match.allows is granting))

    def _granting(self) -> Iterator[_Tally]:
        """The layers whose grants made it allowed."""
        if self._own_path("assumed") is None:
            yield self.identity
        reach = self.resource.reach("assumed")
        needed = not self.same_account or self._resource_must_speak()
        if needed or self._resource_alone(reach, "assumed") is None:
            yield self.resource

    def misses(self, blocker: _Tally | None) -> tuple[Miss, ...]:
        """The Allow statements of the layer that lacks a grant, nearest first."""
        if blocker is None:
            return ()
        looked_at = [blocker]
        if blocker is self.identity and self.same_account and self.layers.resource is not None:
            looked_at.append(self.resource)
        found = [
            (len(failed), _FAR[failed[0]], tally.layer, source, statement, failed)
            for tally in looked_at
            for source in tally.sources
            for covered, statements in (
                (True, concerning(source.document.text, self.action)),
                (False, beside(source.document.text, self.action)),
            )
            for statement in statements
            if statement.allows and (failed := self._failed(tally.layer, statement, covered=covered))
        ]
        found.sort(key=lambda one: one[:2])
        return tuple(
            Miss(_match(layer, source, statement), failed, "; ".join(self._words(statement, failed)))
            for _, _, layer, source, statement, failed in found[:_MOST_MISSES]
        )

    def _failed(self, layer: Layer, statement: Statement, *, covered: bool) -> tuple[Part, ...]:
        """The parts of an Allow statement that the request fails; none where it fails too many to be near."""
        failed: list[Part] = [] if covered else ["action"]
        held = statement.resources
        if held is not None and not holds(held.cover(self.request.resource, self.context)):
            failed.append("resource")
        if self._reach(layer, statement)[0] is Reach.NONE:
            failed.append("principal")
        if len(failed) > (2 if covered else 1):
            return ()
        if any(not holds(clause.answer(self.context)) for clause in statement.clauses):
            failed.append("condition")
        return () if len(failed) > (2 if covered else 1) else tuple(failed)

    def _words(self, statement: Statement, failed: tuple[Part, ...]) -> Iterator[str]:
        """What a statement lacks, part by part."""
        if "action" in failed:
            yield f"it does not cover {self.request.action}"
        if "resource" in failed:
            yield f"it does not cover {self.request.resource}"
        if "principal" in failed:
            yield f"it does not name {self.request.principal.arn}"
        if "condition" in failed:
            unmet = (clause for clause in statement.clauses if not holds(clause.answer(self.context)))
            yield from (clause.told(self.context) for clause in unmet)


# With one part missing: a condition is nearer than a resource, and another action is the farthest.
_FAR: Final[dict[Part, int]] = {"condition": 0, "principal": 1, "resource": 2, "action": 3}


def _match(layer: Layer, source: Source, statement: Statement) -> Match:
    known = len(source.places) >= statement.position
    origin = source.places[statement.position - 1] if known else source.origin
    return Match(layer, source.label, statement.sid, statement.position, statement.allows, origin)
