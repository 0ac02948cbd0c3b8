"""What an audit looks at, and what it comes to: values, nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Final, Literal

from iamsync import arn
from iamsync.controls import RULES_BY_ID, Grade, references
from iamsync.kinds.owners import out_of_reach
from iamsync.kinds.reports import CredentialReport, ServiceUse
from iamsync.model import EMPTY, Address, Resource, State
from iamsync.policy.administrator import SURE
from iamsync.policy.document import Document
from iamsync.selector import Selector

HOLDERS: Final = ("user", "group", "role")
PRINCIPALS: Final = ("user", "role")
Subject = Literal["live", "file", "manifests"]


@dataclass(frozen=True, slots=True)
class Stage:
    """One step of a way to administrator: the rule's id and words, at whom, by which actions and statements."""

    rule: str
    title: str
    at: str
    actions: tuple[str, ...]
    via: tuple[str, ...]
    references: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Route:
    """How a principal comes to be administrator: no stage where it is one; `end` is who is one in the end.

    `certainty` as in `policy.administrator`; `lines` tell it to a person.
    """

    stages: tuple[Stage, ...]
    end: str
    certainty: int
    doubts: tuple[str, ...] = ()
    lines: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Reach:
    """Everybody who is administrator or can become one, by principal; None where that was not looked at.

    `cut` are those of whom not every way was followed, since they may change too much.
    """

    routes: Mapping[Address, Route] = field(default_factory=dict)
    cut: frozenset[Address] = frozenset()

    def of(self, who: Address) -> Route | None:
        return self.routes.get(who)

    def surely(self, who: Address) -> bool:
        """Whether this principal is, or can make itself, administrator for certain."""
        route = self.routes.get(who)
        return route is not None and route.certainty == SURE


@dataclass(frozen=True, slots=True)
class Limits:
    """From how many days on something is too old or unused, as the standards have it."""

    credential_unused: int = 45
    unused: int = 90
    key_age: int = 90
    root_use: int = 30
    password_length: int = 14
    password_reuse: int = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """One account as an audit sees it.

    `now` is RFC 3339 in UTC. `documents` are AWS's own policies as far as they are known, by ARN. `report`,
    `certificates` (name and end), `root_devices` (virtual MFA devices of the root user) and `accessed` (by ARN) are
    None where they were not read; `untold` says why, by their names. `accounts` are the ids of the project's own
    accounts, `kept` whoever is kept for emergencies, `boundaries` the boundary that is expected of users and roles.
    """

    state: State
    now: str
    subject: Subject = "live"
    documents: Mapping[str, Document] = field(default_factory=lambda: EMPTY)
    report: CredentialReport | None = None
    certificates: tuple[tuple[str, str], ...] | None = None
    root_devices: tuple[str, ...] | None = None
    accessed: Mapping[str, tuple[ServiceUse, ...]] | None = None
    reach: Reach = field(default_factory=Reach)
    accounts: frozenset[str] = frozenset()
    kept: Selector = field(default_factory=lambda: Selector(()))
    boundaries: Mapping[str, str] = field(default_factory=lambda: EMPTY)
    limits: Limits = field(default_factory=Limits)
    untold: Mapping[str, str] = field(default_factory=lambda: EMPTY)

    def of(self, *kinds: str) -> Iterator[Resource]:
        """The resources of these kinds."""
        return (resource for resource in self.state if resource.address.kind in kinds)

    def arn(self, resource: Resource) -> str:
        path = getattr(resource.spec, "path", "/")
        return arn.build(self.state.partition, self.state.account_id, resource.address, path)

    def whole(self, *kinds: str) -> bool:
        """Whether everything of these kinds is here, so that what is not here is not there; manifests are all there
        is of what they declare."""
        return self.subject == "manifests" or all(kind in self.state.complete for kind in kinds)

    def days_since(self, moment: str) -> int:
        """Whole days from a time (RFC 3339, UTC) to now."""
        return (_time(self.now) - _time(moment)) // timedelta(days=1)

    def is_kept(self, resource: Resource) -> bool:
        """Whether somebody is kept for emergencies: all-powerful and unused on purpose."""
        return bool(self.kept) and self.kept(
            resource.address, getattr(resource.spec, "path", None), dict(getattr(resource.spec, "tags", ()))
        )

    def is_aws(self, resource: Resource) -> bool:
        """Whether AWS alone can change it."""
        return out_of_reach(resource) is not None

    def document(self, attached: str) -> Document | None:
        """The document of a managed policy by its ARN, None where it is not known."""
        parsed = arn.parse(attached)
        if parsed is not None and parsed.account == self.state.account_id:
            held = self.state.get(parsed.address)
            return held.spec.document if held is not None else None
        return self.documents.get(attached)


def _time(moment: str) -> datetime:
    then = datetime.fromisoformat(moment)
    return then if then.tzinfo is not None else then.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Observed:
    """One thing that was found. `mark` tells it from others of its id and address, from one run to the next."""

    id: str
    severity: Grade
    title: str
    address: Address
    evidence: str = ""
    remedy: str = ""
    mark: str = ""
    more: tuple[str, ...] = ()
    route: Route | None = None

    @cached_property
    def references(self) -> tuple[str, ...]:
        return (*references(self.id), *self.more)


def observed(
    rule: str,
    address: Address,
    title: str,
    evidence: str = "",
    remedy: str = "",
    *,
    mark: str = "",
    severity: Grade | None = None,
    more: tuple[str, ...] = (),
    route: Route | None = None,
) -> Observed:
    """A finding of a rule, of its usual severity unless another is given."""
    return Observed(rule, severity or RULES_BY_ID[rule].severity, title, address, evidence, remedy, mark, more, route)


def day(moment: str) -> str:
    """A time as its date, for a person."""
    return moment[:10]
