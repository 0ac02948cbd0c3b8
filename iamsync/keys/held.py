"""What a user has of keys and passwords, what is to be done about it, and the calls of one key."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from iamsync.kinds.keyrules import KEYS, NOTE
from iamsync.model import EMPTY, Address, Call, Effect, Finding, Resource

QUARANTINE: Final = "iamsync-quarantine"
_AWS_QUARANTINE: Final = ":policy/AWSCompromisedKeyQuarantine"
# What is asked about giving a user credentials; it is held back from this user alone.
GIVING: Final = ("deny-removed", "place-taken")
OFF: Final = f"{NOTE}/"  # and the key's id: the tag that says since when it is off


@dataclass(frozen=True, slots=True)
class Key:
    """An access key as AWS tells it: times RFC 3339 in UTC, empty for never, like the place of its last use."""

    id: str
    active: bool
    created: str
    used: str = ""
    service: str = ""
    region: str = ""

    def __str__(self) -> str:
        return f"{self.id} ({'Active' if self.active else 'Inactive'})"

    @property
    def last_use(self) -> str:
        """`last used 2026-11-20 for s3 in eu-west-1`, or that it never was."""
        if not self.used:
            return "never used"
        where = f" for {self.service} in {self.region}" if self.service and self.service != "N/A" else ""
        return f"last used {self.used[:10]}{where}"


@dataclass(frozen=True, slots=True)
class Held:
    """What a user has: `delivered` is the id that the place of its keys holds; `console` None where nobody asked.

    `others`: what that place holds instead which is not this user's, in words.
    """

    user: Resource
    keys: tuple[Key, ...] = ()
    console: bool | None = None
    delivered: str = ""
    others: str = ""
    exists: bool = True

    @property
    def address(self) -> Address:
        return self.user.address

    @property
    def tags(self) -> Mapping[str, str]:
        return dict(self.user.spec.tags)

    def off_since(self, key: Key) -> str | None:
        """When iamsync noted that this key is off; None where it did not."""
        return _noted(self.tags.get(OFF + key.id, ""))

    @property
    def begun(self) -> tuple[str, frozenset[str]] | None:
        """When a creation was begun that is not known to have ended, and the keys there were before."""
        words = self.tags.get(NOTE, "").split()
        begun = _noted(words[1]) if words[:1] == ["creating"] and len(words) > 2 else None
        return (begun, frozenset(words[3:])) if begun is not None else None

    @property
    def quarantined(self) -> str:
        """The policy that says so, where the user is in quarantine."""
        inline = [name for name, _ in self.user.spec.inline_policies if name == QUARANTINE]
        held = [arn.rpartition("/")[2] for arn in self.user.spec.managed_policies if _AWS_QUARANTINE in arn]
        return str((*inline, *held, "")[0])


@dataclass(frozen=True, slots=True)
class Act:
    """Something to be done about one user: `calls` one after the other; `wanted` and `gone` tell it to people."""

    address: Address
    field: str
    calls: tuple[tuple[Call, Effect], ...]
    wanted: str = ""
    gone: str = ""
    why: str = ""


@dataclass(frozen=True, slots=True)
class Turn:
    """What is due about one user, what will be (`at`, and in words), and what a person must know.

    `taken` is what its deliveries would replace that is not the user's, by target, in words.
    """

    held: Held
    acts: tuple[Act, ...] = ()
    next: tuple[tuple[str, str], ...] = ()
    findings: tuple[Finding, ...] = ()
    taken: Mapping[str, str] = field(default_factory=lambda: EMPTY)

    @property
    def needs_a_person(self) -> bool:
        return any(one.id in ("two-keys", *GIVING) and not one.acknowledged for one in self.findings)

    @property
    def withheld(self) -> tuple[str, ...]:
        """The guards for want of whose consent the user gets nothing."""
        return tuple(dict.fromkeys(one.id for one in self.findings if one.id in GIVING and one.acknowledged is None))

    def held_back(self, answered: Callable[[Iterable[Finding]], tuple[Finding, ...]]) -> Turn:
        """The turn with consents noted; without those that `GIVING` names, a user gets no credentials."""
        turn = replace(self, findings=answered(self.findings))
        if not turn.withheld:
            return turn
        consent = f"or consent: --acknowledge {{}}:{self.held.address}"
        told = tuple(
            replace(one, severity="warn", remedy=f"{one.remedy}; {consent.format(one.id)}")
            if one.id in turn.withheld and one.acknowledged is None
            else one
            for one in turn.findings
        )
        kept = tuple(act for act in self.acts if not any(effect == "grant" for _, effect in act.calls))
        return replace(self, acts=kept, findings=told)


def deactivated(held: Held, key: Key, now: str, why: str) -> Act:
    """A key is switched off, and since when is noted first: `delete_after` counts from there."""
    off = {"UserName": held.address.name, "AccessKeyId": key.id, "Status": "Inactive"}
    calls: tuple[tuple[Call, Effect], ...] = (
        (Call("TagUser", since_noted(held, key, now)), "neutral"),
        (Call("UpdateAccessKey", off), "revoke"),
    )
    return Act(held.address, KEYS, calls, wanted=f"{key.id} (Inactive)", gone=str(key), why=why)


def since_noted(held: Held, key: Key, now: str) -> dict[str, Any]:
    """The parameters that note since when a key is off."""
    return {"UserName": held.address.name, "Tags": [{"Key": OFF + key.id, "Value": now}]}


def removed(held: Held, key: Key, why: str) -> Act:
    """A key is deleted, and what was noted about it too."""
    name = {"UserName": held.address.name}
    calls: list[tuple[Call, Effect]] = [(Call("DeleteAccessKey", {**name, "AccessKeyId": key.id}), "revoke")]
    if held.off_since(key) is not None:
        calls.append((Call("UntagUser", {**name, "TagKeys": [OFF + key.id]}), "neutral"))
    return Act(held.address, KEYS, tuple(calls), gone=str(key), why=why)


def _noted(text: str) -> str | None:
    """The time in a tag; None where none can be read there: whoever may tag a user can write anything."""
    try:
        return text if 2000 <= moment(text).year < 3000 else None
    except (ValueError, OverflowError):
        return None


def moment(text: str) -> datetime:
    """A time as a value that can be compared."""
    return datetime.fromisoformat(text).astimezone(UTC)


def later(text: str, seconds: int) -> str:
    """The time so many seconds after another."""
    return (moment(text) + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")
