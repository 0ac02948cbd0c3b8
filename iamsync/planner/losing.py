"""Guards over what would be missed: what was used lately, what bounds somebody, what others own, what many lose.

Whatever has expired goes on the word of whoever declared its end: last use and counts do not hold it up.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from iamsync.kinds import KINDS
from iamsync.kinds.account import PasswordPolicy
from iamsync.kinds.credentials import device_name
from iamsync.kinds.owners import firm_owner_of, guess_of, owner_of
from iamsync.model import Address, Finding, Resource
from iamsync.planner.compare import Difference
from iamsync.planner.moved import Moved
from iamsync.planner.situation import Situation, names_of
from iamsync.policy.document import principals
from iamsync.settings import Safety

# Two of a kind are taken out often enough, and by intent.
_WHOLE_FROM: Final = 3
_SOME: Final = 10  # names in a sentence
_PROVIDERS: Final = ("oidc_provider", "saml_provider")


def recently_used(situation: Situation) -> Iterator[Finding]:
    """Somebody or something still uses what would go: a password, a key, a role that was assumed lately."""
    span = situation.settings.safety.recently_used
    if not span:
        return
    since = _moment(situation.now) - timedelta(seconds=span)
    for difference in situation.differences:
        if difference.action not in ("delete", "replace") or difference.have is None or difference.cause == "expired":
            continue
        recent = sorted(((then, what) for then, what in _uses(difference.have) if _moment(then) >= since), reverse=True)
        if recent:
            yield Finding(
                "recently-used",
                "refuse",
                f"{difference.address} was last used on {recent[0][0][:10]}; "
                f"what was used since {since:%Y-%m-%d} is not deleted unasked",
                difference.address,
                evidence="; ".join(f"{what} on {then[:10]}" for then, what in recent),
                remedy="find out who uses it; safety.recently_used says for how long a use counts",
                origin=difference.origin,
            )


def _uses(resource: Resource) -> Iterator[tuple[str, str]]:
    """When a user or role was used last, RFC 3339 in UTC, and by what."""
    if used := resource.facts.get("last_used"):
        yield used, "assumed" if resource.address.kind == "role" else "password"
    for credential in resource.facts.get("credentials", ()):
        if credential.last_used:
            yield credential.last_used, credential.name


def _moment(text: str) -> datetime:
    then = datetime.fromisoformat(text)
    return then if then.tzinfo is not None else then.replace(tzinfo=UTC)


def unassigned_devices(situation: Situation) -> Iterator[Finding]:
    """Virtual second factors that are nobody's: a deletion of a user that broke off may have left one."""
    gone = [d.have for d in situation.differences if d.action == "delete" and d.have is not None]
    left = sorted({serial for user in gone for serial in user.facts.get("unassigned_mfa", ())})
    if left:
        few = "1 virtual MFA device is" if len(left) == 1 else f"{len(left)} virtual MFA devices are"
        yield Finding(
            "unassigned-mfa",
            "info",
            f"{few} assigned to nobody: {', '.join(map(device_name, left[:_SOME]))}",
            evidence="AWS does not tell whose it was; a deletion that broke off leaves one behind",
            remedy=f"if nobody is setting it up: aws iam delete-virtual-mfa-device --serial-number {left[0]}",
        )


def boundary_removed(situation: Situation) -> Iterator[Finding]:
    """A permissions boundary is a wall: whoever stays without it may do all that its policies say."""
    for difference in situation.differences:
        have, want = difference.have, difference.want
        if have is None or want is None:
            continue
        before = getattr(have.spec, "permissions_boundary", None)
        if before and not want.spec.permissions_boundary:
            yield Finding(
                "boundary-removed",
                "refuse",
                f"{difference.address} would lose its permissions boundary and stay",
                difference.address,
                evidence=before,
                remedy="declare the boundary, or put another one over it",
                origin=difference.origin,
            )


def whole_kind_deleted(situation: Situation) -> Iterator[Finding]:
    """Everything managed of one kind would go: a file that was not found looks like this."""
    gone: dict[str, list[Address]] = defaultdict(list)
    for difference in situation.differences:
        if difference.action == "delete" and difference.cause != "expired" and difference.successor is None:
            gone[difference.address.kind].append(difference.address)
    staying = {r.address.kind for r in situation.desired if situation.live.get(r.address) is not None}
    for name, addresses in gone.items():
        if len(addresses) >= _WHOLE_FROM and name not in staying:
            yield Finding(
                "whole-kind-deleted",
                "refuse",
                f"all {len(addresses)} {KINDS[name].section.replace('_', ' ')} that are managed would be deleted",
                evidence=names_of(addresses),
                remedy="look whether a file or a folder is missing",
            )


def provider_deleted(situation: Situation) -> Iterator[Finding]:
    """AWS deletes an identity provider whoever trusts it; nobody can sign in through those roles from then on."""
    staying = [*situation.desired]
    ended = {d.address for d in situation.differences if d.action == "delete"}
    declared = situation.desired.resources
    staying += [r for r in situation.live if r.address not in declared and r.address not in ended]
    for difference in situation.differences:
        if difference.action != "delete" or difference.address.kind not in _PROVIDERS:
            continue
        held = situation.cx.arn(difference.address, "/")
        trusting = [r.address for r in staying if r.address.kind == "role" and held in principals(r.spec.trust_policy)]
        if trusting:
            yield Finding(
                "provider-deleted",
                "refuse",
                f"{difference.address} would be deleted, and {len(trusting)} "
                f"{'role trusts' if len(trusting) == 1 else 'roles trust'} it",
                difference.address,
                evidence=names_of(trusting),
                remedy="take it out of their trust policies first, or delete them too",
                origin=difference.origin,
            )


@dataclass(frozen=True, slots=True)
class _Shortened:
    """A password policy under which passwords end that did not: `age` was the old limit in days, None for none."""

    policy: PasswordPolicy
    age: int | None
    hard: bool

    @property
    def limit(self) -> int:
        assert self.policy.max_password_age is not None
        return self.policy.max_password_age

    @property
    def lower(self) -> bool:
        return self.age is None or self.limit < self.age


def shortened(difference: Difference) -> _Shortened | None:
    """What a difference does to the life of passwords; None where none ends by it."""
    new = getattr(difference.want.spec, "password_policy", None) if difference.want is not None else None
    if new is None or new.max_password_age is None:
        return None
    old = getattr(difference.have.spec, "password_policy", None) if difference.have is not None else None
    age = old.max_password_age if old is not None else None
    found = _Shortened(new, age, new.hard_expiry and not (old is not None and old.hard_expiry))
    return found if found.lower or found.hard else None


def password_policy(situation: Situation) -> Iterator[Finding]:
    """A shorter life of passwords ends those that are older by now, all at once."""
    for difference in situation.differences:
        found = shortened(difference)
        if found is None:
            continue
        since = _moment(situation.now) - timedelta(days=found.limit)
        passwords = situation.live.passwords
        older = sorted(user for user, then in (passwords or {}).items() if not then or _moment(then) < since)
        if passwords is not None and not older:
            continue
        few = "the password of 1 user" if len(older) == 1 else f"the passwords of {len(older)} users"
        who = few if older else "every password"
        said = f"{who} set before {since:%Y-%m-%d} would expire at once"
        if not found.lower:
            said = f"whoever's password was set before {since:%Y-%m-%d} could not sign in any more"
        was = "none" if found.age is None else found.age
        notes = [f"max_password_age: {was} -> {found.limit}"] if found.lower else []
        notes += (
            ["hard_expiry: nobody can set a new password without an administrator"] if found.policy.hard_expiry else []
        )
        notes += (
            [", ".join(older[:_SOME]) + (f" and {len(older) - _SOME} more" if len(older) > _SOME else "")]
            if older
            else []
        )
        yield Finding(
            "password-policy",
            "refuse",
            said,
            difference.address,
            evidence="; ".join(notes),
            remedy="have passwords changed first, or lower the age in steps",
            origin=difference.origin,
        )


def foreign_owned(situation: Situation) -> Iterator[Finding]:
    """What another tool made, it will put back or stumble over; a declaration takes over from one that lets go."""
    for difference in situation.differences:
        have = difference.have
        firm = firm_owner_of(have) if have is not None else None
        owner = firm or (owner_of(have) if have is not None else None)
        guess = guess_of(have) if have is not None and difference.cause == "unmanaged" else None
        if owner is not None and owner.reach:  # out-of-reach says the rest
            taken_over = firm is None and difference.want is not None
            yield Finding(
                "foreign-owned",
                "warn" if taken_over or difference.cause == "expired" else "refuse",
                f"{difference.address} belongs to {owner.name} ({owner.evidence}), "
                f"and the plan would {difference.action} it",
                difference.address,
                remedy=f"have {owner.name} forget it, or both will change it"
                if taken_over
                else "change it where its owner keeps it, or take it out of the manifests",
                origin=difference.origin,
            )
        elif guess is not None:
            yield Finding(
                "foreign-owned",
                "refuse",
                f"{difference.address} may belong to {guess.name} ({guess.evidence}), "
                "and nobody asked for its deletion by name",
                difference.address,
                remedy="list it under removed: if it is to go, or in scope.exclude if it is to stay",
                origin=difference.origin,
            )


def principals_losing_access(told: Moved, differences: Sequence[Difference], safety: Safety) -> Iterator[Finding]:
    """Many people at once lose something: one group or one policy that all of them have.

    Whoever may lose something, since it cannot be told, counts too.
    """
    expired = {difference.address for difference in differences if difference.cause == "expired"}
    open_ended = [one for one in told.affected if one.through not in expired]
    losing = {one.principal for one in open_ended if one.access.lost}
    perhaps = {one.principal for one in open_ended if one.access.undecided} - losing
    count, limit = len(losing) + len(perhaps) + told.untold, safety.max_principals_losing_access
    if count > limit:
        notes = [names_of(sorted(losing | perhaps))]
        notes += [f"for {len(perhaps)} of them it cannot be told"] if perhaps else []
        notes += [f"for {told.untold} more it was not computed"] if told.untold else []
        yield Finding(
            "principals-losing-access",
            "refuse",
            f"{count} principals would lose access; the limit is {limit}",
            evidence="; ".join(note for note in notes if note),
            remedy="apply in smaller parts, or raise safety.max_principals_losing_access",
        )
