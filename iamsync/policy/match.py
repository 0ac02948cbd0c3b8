"""What a statement is about: wildcards over actions and resources, and who its Principal element means.

Source: IAM JSON policy elements: Action, Resource, Principal, NotPrincipal, and policy variables.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache
from typing import Any, Final

from iamsync.policy.conditions import fill
from iamsync.policy.doubt import Answer, Doubt
from iamsync.policy.pattern import Part, Pattern, Test, Wildcard, any_of, arn_glob, arn_test, glob, pattern
from iamsync.policy.request import Context, Principal

_PARTS: Final = 6
_WILD: Final = re.compile(r"[*?]")
_ACCOUNT: Final = re.compile(r"\d{12}|arn:[^:]*:iam::(\d{12}):root", re.ASCII)
_ENTITY: Final = re.compile(r"arn:[^:]*:(iam|sts)::(\d{12}):(user|role|assumed-role|federated-user)/(.+)", re.ASCII)
_UNIQUE_ID: Final = re.compile(r"(A[A-Z]{3}[A-Z0-9]{12,})(:.+)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Actions:
    """An Action or NotAction element; `services` are the prefixes its patterns name, in lower case.

    Without `any_service` it covers no action of another service than these.
    """

    exact: frozenset[str]
    test: Test | None
    negated: bool
    services: frozenset[str]
    any_service: bool

    def cover(self, action: str) -> bool:
        """Whether the element covers this action; letter case means nothing in actions."""
        asked = action.lower()
        named = asked in self.exact or (self.test is not None and self.test(asked) is not None)
        return named is not self.negated


def names_actions(text: str) -> bool:
    """Whether a pattern names a service before a colon, or everything (`*`).

    IAM refuses any other (`s3*`: "actions must be prefaced by a vendor"); where one stands nevertheless, in an edited
    snapshot, it covers nothing.
    """
    return ":" in text or not text.strip("*")


@lru_cache(maxsize=16384)
def actions(texts: tuple[str, ...], negated: bool) -> Actions:
    """The element of these patterns."""
    folded = [text.lower() for text in texts if names_actions(text)]
    wild = [text for text in folded if _WILD.search(text)]
    services = frozenset(text.partition(":")[0] for text in folded)
    return Actions(
        frozenset(folded).difference(wild),
        any_of([glob(pattern(text, False).parts) for text in wild]) if wild else None,
        negated,
        services,
        negated or any(_WILD.search(service) for service in services),
    )


@dataclass(frozen=True, slots=True)
class _Odd:
    """A resource pattern of which AWS does not say what it means; `assumed` is what it does where it matches."""

    test: Test
    assumed: bool
    reason: str


@dataclass(frozen=True, slots=True)
class Resources:
    """A Resource or NotResource element: plain patterns as one test, the others one by one."""

    everything: bool
    exact: frozenset[str]
    plain: Test | None
    odd: tuple[_Odd, ...]
    variable: tuple[tuple[Pattern, Test], ...]
    negated: bool

    def cover(self, resource: str, context: Context) -> Answer:
        """Whether the element covers this resource."""
        if self.everything or resource in self.exact or (self.plain is not None and self.plain(resource) is not None):
            return not self.negated
        doubts: list[str] = []
        assumed = False
        for odd in self.odd:
            if odd.test(resource) is not None:
                doubts.append(odd.reason)
                assumed = assumed or odd.assumed
        for held, widest in self.variable:
            values, unknown = fill(held, context)
            if values is None:
                # Without a value the pattern matches nothing; AWS adds that the whole statement may be invalid,
                # so that NotResource does not turn "nothing" into "everything".
                if self.negated:
                    return Doubt(False, unknown)
                if widest(resource) is not None and any(context.find(v.key) is None for v in held.variables):
                    doubts += unknown
            elif arn_test(held.filled(values).parts)(resource) is not None:
                if not unknown:
                    return not self.negated
                assumed = True
                doubts += unknown
            elif unknown and widest(resource) is not None:
                doubts += unknown
        if doubts:
            return Doubt(assumed is not self.negated, tuple(dict.fromkeys(doubts)))
        return self.negated


@lru_cache(maxsize=16384)
def resources(texts: tuple[str, ...], negated: bool, variables: bool) -> Resources:
    """The element of these patterns; `variables` only in documents of 2012-10-17."""
    exact: set[str] = set()
    plain: list[str] = []
    odd: list[_Odd] = []
    variable: list[tuple[Pattern, Test]] = []
    everything = False
    for text in texts:
        if text.strip("*") == "":
            everything = everything or bool(text)
            continue
        held = pattern(text, variables)
        early = _early_variable(held)
        if held.variables and not early:
            variable.append((held, arn_test(held.widened().parts)))
        elif early:
            widest = arn_test(held.widened().parts)
            odd.append(_Odd(widest, False, f"{text}: a variable stands only in the last part of an ARN"))
        elif (short := _PARTS - len(text.split(":"))) > 0:
            padding: tuple[Part, ...] = (":", Wildcard("*")) * short
            odd.append(_Odd(arn_test((*held.parts, *padding)), True, f"{text} is no whole ARN"))
        elif _wild_type(text):
            reason = f"{text}: a wildcard cannot stand for the type of an IAM resource"
            odd.append(_Odd(arn_test(held.parts), False, reason))
        elif _WILD.search(text):
            plain.append(arn_glob(held.parts))
        else:
            exact.add(held.literal)
    test = any_of(plain) if plain else None
    return Resources(everything, frozenset(exact), test, tuple(odd), tuple(variable), negated)


def _early_variable(held: Pattern) -> bool:
    """Whether a variable stands before the fifth colon (its own colons do not count)."""
    colons = 0
    for part in held.parts:
        if isinstance(part, str):
            colons += part.count(":")
        elif not isinstance(part, Wildcard) and colons < _PARTS - 1:
            return True
    return False


def _wild_type(text: str) -> bool:
    service, rest = text.split(":", _PARTS - 1)[2::3]
    if service != "iam" or rest == "*":
        return False
    word, slash, _ = rest.partition("/")
    return ("*" in word or "?" in word) and (bool(slash) or word.strip("*?") not in _IAM_TYPES)


_IAM_TYPES: Final = frozenset(
    {"user", "group", "role", "policy", "instance-profile", "oidc-provider", "saml-provider", "server-certificate"}
    | {"mfa", "sms-mfa", "access-report", "assumed-role", "federated-user"}
)


class Reach(IntEnum):
    """How closely a Principal element names who asks: it decides which other policies still have a say."""

    NONE = 0
    ACCOUNT = 1  # their account: it may then grant by its own policies
    ISSUER = 2  # the role or user behind the session
    EVERYONE = 3
    DIRECT = 4  # the very principal


@dataclass(frozen=True, slots=True)
class Principals:
    """A Principal or NotPrincipal element: pairs of a kind (`AWS`, `Service`, ..., or `*`) and a name."""

    names: tuple[tuple[str, str], ...]
    negated: bool

    def reach(self, principal: Principal, *, denies: bool, bounded: bool) -> tuple[Reach, tuple[str, ...]]:
        """How the element reaches this principal, and what makes that doubtful.

        `denies` and `bounded` matter to NotPrincipal alone: with Deny it hits everyone who has a
        permissions boundary, and everyone whose account or role it leaves out (AWS: NotPrincipal).
        """
        best, doubts = _reach(self.names, principal)
        if not self.negated:
            return best, doubts
        if denies and bounded:
            return Reach.EVERYONE, ()
        if best is Reach.NONE:
            return Reach.EVERYONE, doubts
        if denies and not self._spares(principal):
            return Reach.NONE, ("NotPrincipal with Deny spares a principal for sure only beside its account",)
        return Reach.NONE, doubts if best is Reach.EVERYONE else ()

    def _spares(self, principal: Principal) -> bool:
        found = {_one(kind, name, principal)[0] for kind, name in self.names}
        if Reach.EVERYONE in found or principal.kind not in ("user", "role", "session"):
            return True
        return Reach.ACCOUNT in found and (principal.kind != "session" or {Reach.DIRECT, Reach.ISSUER} <= found)


@lru_cache(maxsize=65536)
def _reach(names: tuple[tuple[str, str], ...], principal: Principal) -> tuple[Reach, tuple[str, ...]]:
    best = sure = Reach.NONE
    doubts: list[str] = []
    for kind, name in names:
        reach, doubt = _one(kind, name, principal)
        best = max(best, reach)
        if doubt:
            doubts.append(doubt)
        else:
            sure = max(sure, reach)
    # What one name leaves open matters only where no other name settles it.
    return best, () if sure > Reach.ACCOUNT else tuple(doubts)


def _one(kind: str, name: str, principal: Principal) -> tuple[Reach, str]:
    if name == "*" and kind in ("*", "AWS"):
        if kind == "AWS" and principal.kind in ("service", "federated"):
            return Reach.EVERYONE, "whether AWS: * means services and providers too is not documented"
        return Reach.EVERYONE, ""
    if kind == "Service":
        return (Reach.DIRECT if principal.kind == "service" and name == principal.arn else Reach.NONE), ""
    if kind == "Federated":
        return (Reach.DIRECT if principal.kind == "federated" and name == principal.arn else Reach.NONE), ""
    if principal.kind in ("service", "federated", "anonymous"):
        return Reach.NONE, ""
    if kind == "CanonicalUser":
        return Reach.NONE, "the account behind a canonical user id is not known"
    if kind != "AWS":
        return Reach.NONE, f"{kind} is no kind of principal"
    account = _ACCOUNT.fullmatch(name)
    if account is not None:
        if (account[1] or name) != principal.account:
            return Reach.NONE, ""
        return (Reach.DIRECT if principal.kind == "root" else Reach.ACCOUNT), ""
    return _entity(name, principal)


def _entity(name: str, principal: Principal) -> tuple[Reach, str]:
    """A name under `AWS` that is neither `*` nor an account."""
    behind = Reach.ISSUER if principal.kind == "role" else Reach.DIRECT
    if name == principal.arn:
        return behind, ""
    entity = _ENTITY.fullmatch(name)
    if entity is not None:
        return _named(entity, name, principal)
    unique = _UNIQUE_ID.fullmatch(name)
    if unique is None:
        return Reach.NONE, f"{name} is no principal that is known"
    if principal.unique_id is None:
        return Reach.NONE, f"whether {name} is {principal.arn} is not known"
    if unique[1] != principal.unique_id:
        return Reach.NONE, ""
    if not principal.of_a_role:
        return behind, ""
    session = principal.arn.rpartition("/")[2] if principal.kind == "session" else None
    if unique[2] is None:
        return Reach.ISSUER, ""
    return (Reach.DIRECT if unique[2] == f":{session}" else Reach.NONE), ""


def _named(entity: re.Match[str], name: str, principal: Principal) -> tuple[Reach, str]:
    """The ARN of a user, role or session that is not the principal's own."""
    if entity[2] != principal.account:
        return Reach.NONE, ""
    kind = entity[3]
    if kind == "role" and principal.kind == "session" and principal.of_a_role:
        # Role names are unique in an account whatever their path, and a session's ARN lacks the path.
        return (Reach.ISSUER if entity[4].rpartition("/")[2] == principal.name else Reach.NONE), ""
    if kind == "assumed-role" and principal.kind == "role" and entity[4].partition("/")[0] == principal.name:
        return Reach.NONE, f"{name} is one session of {principal.arn} only"
    if kind == "user" and principal.kind == "session" and not principal.of_a_role:
        if principal.issuer is None:
            return Reach.NONE, f"whether {name} is behind {principal.arn} is not known"
        return (Reach.ISSUER if principal.issuer == name else Reach.NONE), ""
    return Reach.NONE, ""


def meant(kind: str, name: str) -> tuple[str, ...] | None:
    """The ARNs of users and roles that a name of a Principal element can mean; None where each must be asked.

    It tells at once what `Principals.reach` tells of each: a service or a provider is neither a user nor a role, and
    the ARN of a user or role means no other.
    """
    if kind in ("Service", "Federated"):
        return ()
    entity = _ENTITY.fullmatch(name) if kind == "AWS" else None
    return (name,) if entity is not None and entity[3] in ("user", "role") else None


def principals(held: Any, *, negated: bool) -> Principals:
    """The element of a Principal value: `*`, or a mapping of kinds to names."""
    return Principals(tuple(_pairs(held)), negated)


def _pairs(held: Any) -> Iterator[tuple[str, str]]:
    for kind, names in held.items() if isinstance(held, dict) else [("*", held)]:
        for name in names if isinstance(names, Sequence) and not isinstance(names, str) else [names]:
            yield str(kind), str(name)
