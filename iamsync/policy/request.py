"""One request as the evaluator is asked about it: who does what on which resource, and what else is known.

A context key that is not in `context` and does not follow from the request itself is *not known*:
an answer that hangs on it is doubtful. A key with no values, `()`, is known to be absent.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from types import MappingProxyType
from typing import Final, Literal, TypeAlias

PrincipalKind = Literal["user", "role", "session", "root", "service", "federated", "anonymous"]
# One text for a key with one value, a tuple for a key that can hold several.
Values: TypeAlias = str | tuple[str, ...]

ABSENT: Final[tuple[str, ...]] = ()
_NOTHING: Final[Mapping[str, Values]] = MappingProxyType({})
_TYPES: Final = {"user": "User", "role": "AssumedRole", "root": "Account", "anonymous": "Anonymous"}
_ENTITY: Final = re.compile(r"arn:[^:]*:(iam|sts)::(\d{12}):([a-z-]+)(?:/(.+))?", re.ASCII)
_ACTION: Final = re.compile(r"[A-Za-z0-9-]+:[A-Za-z0-9._-]+", re.ASCII)
_ACCOUNT: Final = re.compile(r"\d{12}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks.

    `kind` role is some session of that role, session is one session: of a role, or of a federated
    user; the role or user behind it is `issuer`. A service has its service principal for an ARN, a
    federated principal its provider. `tags`, where given, are all its tags.
    """

    arn: str
    account: str | None
    kind: PrincipalKind
    unique_id: str | None = None
    issuer: str | None = None
    tags: Mapping[str, str] | None = field(default=None, hash=False)

    @classmethod
    def of(
        cls,
        arn: str,
        *,
        unique_id: str | None = None,
        issuer: str | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> Principal:
        """The principal of an ARN, a service principal, a provider or `*`; ValueError for anything else."""
        kind, account = _form(arn)
        return cls(arn, account, kind, unique_id, issuer, tags)

    @property
    def name(self) -> str:
        """The name of the user, or of the role that this is or is a session of."""
        return _name(self.arn)

    @property
    def of_a_role(self) -> bool:
        """Whether it acts with a role's permissions."""
        return self.kind == "role" or ":assumed-role/" in self.arn

    @property
    def service_linked(self) -> bool:
        """Whether it is a role that only an AWS service may use."""
        return ":role/aws-service-role/" in (self.issuer or self.arn)


@dataclass(frozen=True, slots=True)
class Request:
    """One action on one resource; ValueError for an action with a wildcard or without a service.

    `resource_account` is needed where the ARN names none and another account owns the resource.
    `resource_tags`, where given, are all tags of the resource. `doubts` are what the asker is not
    sure of (an action nobody knows, say): the decision repeats them.
    """

    principal: Principal
    action: str
    resource: str = "*"
    resource_account: str | None = None
    context: Mapping[str, Values] = field(default_factory=lambda: _NOTHING, hash=False)
    resource_tags: Mapping[str, str] | None = field(default=None, hash=False)
    doubts: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not _ACTION.fullmatch(self.action):
            raise ValueError(f"{self.action!r} is not one action: write SERVICE:NAME without wildcards")

    @property
    def owner(self) -> str | None:
        """The account of the resource: as given, as in its ARN, else the principal's own."""
        return self.resource_account or _account(self.resource) or self.principal.account


class Context:
    """The condition keys of a request, those that follow from it included; keys are in lower case."""

    __slots__ = ("_closed", "_held")

    def __init__(self, request: Request) -> None:
        held: dict[str, Values] = dict(_derived(request.principal))
        owner = request.owner
        if owner:
            held["aws:resourceaccount"] = owner
        closed = []
        for prefix, tags in (
            ("aws:principaltag/", request.principal.tags),
            ("aws:resourcetag/", request.resource_tags),
            ("iam:resourcetag/", request.resource_tags),
        ):
            if tags is not None:
                closed.append(prefix)
                held.update({prefix + key.lower(): value for key, value in tags.items()})
        for key, values in request.context.items():
            held[key.lower()] = values
        self._held = held
        self._closed = tuple(closed)

    def find(self, key: str) -> Values | None:
        """The values of a key; `ABSENT` where it is known to be absent, None where nothing is known."""
        found = self._held.get(key)
        if found is None and self._closed and key.startswith(self._closed):
            return ABSENT
        return found


@lru_cache(maxsize=8192)
def _derived(principal: Principal) -> Mapping[str, Values]:
    """What AWS says of a principal by itself (AWS global condition context keys, properties of the principal)."""
    found: dict[str, Values] = {}
    kind = principal.kind
    service = kind == "service"
    found["aws:principalisawsservice"] = "true" if service else "false"
    found["aws:principalservicename"] = principal.arn if service else ABSENT
    if principal.account and kind in ("user", "role", "session", "root"):
        found["aws:principalaccount"] = principal.account
    found["aws:username"] = principal.name if kind == "user" else ABSENT
    if kind in _TYPES:
        found["aws:principaltype"] = _TYPES[kind]
    elif kind == "session":
        found["aws:principaltype"] = "AssumedRole" if principal.of_a_role else "FederatedUser"
    if kind in ("user", "role", "root"):
        found["aws:principalarn"] = principal.arn
    elif kind == "session":
        # The ARN of a session lacks the path of its role, so that the role's must be known.
        held = principal.issuer if principal.of_a_role else principal.arn
        if held:
            found["aws:principalarn"] = held
    else:
        found["aws:principalarn"] = ABSENT
    if principal.unique_id and kind == "user":
        found["aws:userid"] = principal.unique_id
    elif principal.unique_id and kind == "session" and principal.of_a_role:
        found["aws:userid"] = f"{principal.unique_id}:{principal.arn.rpartition('/')[2]}"
    elif kind == "root" and principal.account:
        found["aws:userid"] = principal.account
    return MappingProxyType(found)


@lru_cache(maxsize=8192)
def _name(arn: str) -> str:
    match = _ENTITY.fullmatch(arn)
    if match is None or not match[4]:
        return ""
    return match[4].partition("/")[0] if match[1] == "sts" else match[4].rpartition("/")[2]


@lru_cache(maxsize=8192)
def _account(resource: str) -> str | None:
    parts = resource.split(":", 5)
    return parts[4] if len(parts) == 6 and _ACCOUNT.fullmatch(parts[4]) else None


def _form(arn: str) -> tuple[PrincipalKind, str | None]:
    if arn == "*":
        return "anonymous", None
    match = _ENTITY.fullmatch(arn)
    if match is not None:
        words: dict[str, PrincipalKind] = {
            "user": "user",
            "role": "role",
            "root": "root",
            "assumed-role": "session",
            "federated-user": "session",
            "oidc-provider": "federated",
            "saml-provider": "federated",
        }
        if match[3] in words:
            return words[match[3]], match[2]
    elif re.fullmatch(r"[a-z0-9.-]+\.amazonaws\.com(\.cn)?", arn) and not arn.startswith("cognito-identity."):
        return "service", None
    elif re.fullmatch(r"[a-z0-9-]+(\.[a-z0-9-]+)+", arn):
        return "federated", None
    raise ValueError(f"{arn!r} is no principal: give the ARN of a user, role or session, or a service principal")
