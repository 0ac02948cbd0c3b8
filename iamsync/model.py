"""The nouns of iamsync: frozen values that every other module passes on.

Manifests, a live account, a snapshot and a git revision all become a `State`; the planner compares
two of them and answers with a `Plan`, which is data. Nothing here knows YAML, boto3 or a clock.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final, Literal

Action = Literal["create", "update", "replace", "delete"]
Cause = Literal["declared", "drift", "expired", "removed", "unmanaged"]
Effect = Literal["grant", "revoke", "mixed", "neutral"]
Severity = Literal["refuse", "warn", "info", "low", "medium", "high", "critical"]

# Kinds of which two may differ in the case of their names alone: of the others AWS says that they may not.
CASED: Final = frozenset({"oidc_provider", "saml_provider"})
EMPTY: Final[Mapping[str, Any]] = MappingProxyType({})


@dataclass(frozen=True, slots=True, order=True)
class Address:
    """What a resource is called in text: its kind and its name, `role/deployer`."""

    kind: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind}/{self.name}"

    @classmethod
    def parse(cls, text: str) -> Address:
        """`role/deployer` as an address; ValueError where there is no kind or no name."""
        kind, slash, name = text.partition("/")
        if not (kind and slash and name):
            raise ValueError(f"not an address: {text!r}")
        return cls(kind, name)

    @property
    def folded(self) -> Address:
        """The address as IAM tells names apart: ignoring case, but for providers, whose URL counts as written."""
        name = self.name if self.kind in CASED else self.name.casefold()
        return self if name == self.name else Address(self.kind, name)


@dataclass(frozen=True, slots=True, order=True)
class Origin:
    """Where a resource was written; `template` is where the template it uses stands."""

    file: str
    line: int = 0
    column: int = 0
    template: Origin | None = None

    def __str__(self) -> str:
        return f"{self.file}:{self.line}" if self.line else self.file


@dataclass(frozen=True, slots=True)
class Resource:
    """One IAM entity; only `address` and `spec` are compared.

    `spec` is the kind's frozen dataclass. `ignore` (patterns of fields left to others) and
    `renamed_from` are declared wishes. `facts` is what only a live account knows: unique id,
    policy versions, attachment counts, credentials a doomed user still holds. `credentials` is what a user's
    manifest says of its keys and password (`kinds.keyrules.Wishes`), which no plan touches.
    """

    address: Address
    spec: Any
    ignore: tuple[str, ...] = field(default=(), compare=False)
    renamed_from: str | None = field(default=None, compare=False)
    credentials: Any = field(default=None, compare=False)
    facts: Mapping[str, Any] = field(default_factory=lambda: EMPTY, compare=False, repr=False)
    origin: Origin | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True, order=True)
class Question:
    """Something a bulk read left open; `subject` is an address as text, or for `aws-policy` an ARN."""

    about: Literal[
        "policy-tags",
        "policy-description",
        "profile-tags",
        "user-credentials",
        "last-used",
        "aws-policy",
        "passwords",
        "password",
        "sign-in",
    ]
    subject: str


@dataclass(frozen=True, slots=True, order=True)
class Expiry:
    """When something is over: from `at` on (RFC 3339, UTC) it is as if nobody declared it.

    `member_of` and `item` are empty where the resource as a whole is meant, else a field and what
    stands in it: the ARN or name that a list holds, the name of an inline policy.
    """

    at: str
    address: Address
    member_of: str = ""
    item: str = ""
    origin: Origin | None = field(default=None, compare=False)

    def __str__(self) -> str:
        return f"{self.item} in {self.member_of} of {self.address}" if self.member_of else str(self.address)


@dataclass(frozen=True, slots=True)
class Removal:
    """A line of `removed:`, or a resource whose time is over (`end`): delete this wherever it still exists."""

    address: Address
    reason: str = ""
    origin: Origin | None = field(default=None, compare=False)
    cause: Cause = "removed"
    end: Expiry | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class State:
    """The IAM of one account, from whatever source.

    `resources` is sorted by address. `unread` names the (kind, field) pairs this source cannot
    tell: never compared, never applied. `complete` names the kinds of which everything is here:
    in any other kind nothing is ever deleted. `quotas` are AWS's own figures by their
    GetAccountSummary names. `missing` are ARNs that were asked for and do not exist. `removed` is
    what manifests want gone. `expiries` are the ends that manifests set and that are still to come, `lapsed`
    those that have come; `late` are those of them that nothing shows to have been agreed to in advance.
    `aws_policies` are AWS's own policies as far as they were read: version
    and document by ARN. `passwords` is when each user's password was set (RFC 3339), by name; None where not told.
    `sign_ins` is whether a user has a password or an active access key, by name, of those who were asked about (a
    password alone where only that was asked); None where that may not be read.
    """

    account_id: str
    partition: str = "aws"
    resources: Mapping[Address, Resource] = field(default_factory=lambda: MappingProxyType({}))
    unread: frozenset[tuple[str, str]] = frozenset()
    complete: frozenset[str] = frozenset()
    removed: tuple[Removal, ...] = ()
    expiries: tuple[Expiry, ...] = ()
    lapsed: tuple[Expiry, ...] = ()
    late: tuple[Expiry, ...] = ()
    missing: frozenset[str] = field(default=frozenset(), compare=False)
    alias: str | None = None
    quotas: Mapping[str, int] = field(default_factory=lambda: EMPTY, compare=False, repr=False)
    aws_policies: Mapping[str, tuple[str, Any]] = field(default_factory=lambda: EMPTY, compare=False, repr=False)
    passwords: Mapping[str, str] | None = field(default=None, compare=False, repr=False)
    sign_ins: Mapping[str, bool | None] = field(default_factory=lambda: EMPTY, compare=False, repr=False)

    @classmethod
    def of(cls, account_id: str, resources: Iterable[Resource], **rest: Any) -> State:
        """A state of these resources, sorted; a second one of the same address is a ValueError."""
        ordered = sorted(resources, key=lambda resource: resource.address)
        table = {resource.address: resource for resource in ordered}
        if len(table) != len(ordered):
            raise ValueError("two resources of one address")
        return cls(account_id, resources=MappingProxyType(table), **rest)

    def __iter__(self) -> Iterator[Resource]:
        return iter(self.resources.values())

    def __len__(self) -> int:
        return len(self.resources)

    def get(self, address: Address) -> Resource | None:
        """The resource of exactly this address."""
        return self.resources.get(address)

    def folded(self) -> dict[Address, Resource]:
        """All resources by their address as IAM tells names apart (`Address.folded`)."""
        return {address.folded: resource for address, resource in self.resources.items()}


@dataclass(frozen=True, slots=True)
class Call:
    """One API call as data: boto3's operation name and parameters."""

    operation: str
    params: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Step:
    """A call of a plan: what it does to permissions, what it waits for, whom it touches.

    `after` holds true dependencies only (ids of steps that must have ended well). `touches` are
    the entities AWS would answer ConcurrentModification about if two steps wrote them at once.
    """

    id: str
    address: Address | None  # a wait belongs to nobody
    call: Call
    effect: Effect
    after: tuple[str, ...] = ()
    touches: tuple[Address, ...] = ()

    @property
    def operation(self) -> str:
        return self.call.operation

    @property
    def params(self) -> Mapping[str, Any]:
        return self.call.params


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field of a resource, before and after, in JSON values as manifests spell them.

    For fields that are sets, `added` and `removed` name the members that differ; `expired` are those
    of the removed whose time is over, `drifted` those of both that an older revision declared alike, where
    the plan was made against one.
    """

    field: str
    cause: Cause
    before: Any
    after: Any
    added: tuple[Any, ...] = ()
    removed: tuple[Any, ...] = ()
    expired: tuple[Any, ...] = ()
    drifted: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True)
class Change:
    """What happens to one resource, field by field; `note` says why it cannot be done in place.

    `affected` are the principals whose permissions move through this change, itself included
    (`planner.effects.Affected`), `outside` those of no principal of the account that a changed trust
    policy lets in or shuts out (`planner.trust.Outsider`).
    """

    address: Address
    action: Action
    cause: Cause
    fields: tuple[FieldChange, ...] = ()
    steps: tuple[str, ...] = ()
    origin: Origin | None = None
    renamed_from: str | None = None
    note: str = ""
    affected: tuple[Any, ...] = ()
    outside: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True)
class Finding:
    """Something a person should know; as a guard, `refuse` stops the plan unless acknowledged.

    `asks` is what would decide it and was not asked yet, in the order of asking.
    """

    id: str
    severity: Severity
    title: str
    address: Address | None = None
    evidence: str = ""
    remedy: str = ""
    origin: Origin | None = None
    acknowledged: str | None = None
    references: tuple[str, ...] = ()
    asks: tuple[Question, ...] = field(default=(), compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Reported:
    """A live resource that is left alone, and why: nobody declares it, or it has another owner."""

    address: Address
    reason: str
    owner: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that would be done to one account, in order, and everything a reviewer needs.

    `valid_until` is the next moment at which something the plan is about is over; `expiring` is what
    ends soon, where that was asked for. `narrowed`: only a part of what differs was looked at.
    """

    account_id: str
    partition: str
    account_name: str
    alias: str | None
    caller: str
    now: str
    changes: tuple[Change, ...]
    steps: tuple[Step, ...]
    guards: tuple[Finding, ...]
    findings: tuple[Finding, ...]
    reported: tuple[Reported, ...]
    unchanged: int
    desired_digest: str
    read_set_digest: str
    approval: str
    prior: Mapping[Address, Any] = field(default_factory=lambda: MappingProxyType({}), repr=False)
    valid_until: str | None = None
    expiring: tuple[Expiry, ...] = ()
    unread: tuple[tuple[str, str], ...] = ()
    aws_policies: tuple[Any, ...] = ()  # those that AWS changed since they were reviewed (`planner.awsdrift.Drifted`)
    narrowed: bool = False

    @property
    def refusals(self) -> tuple[Finding, ...]:
        """The guards that say no and that nobody acknowledged."""
        return tuple(guard for guard in self.guards if guard.severity == "refuse" and guard.acknowledged is None)

    def count(self, action: Action) -> int:
        """How many changes are of this action."""
        return sum(change.action == action for change in self.changes)
