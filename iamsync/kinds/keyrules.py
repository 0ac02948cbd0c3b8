"""What manifests want of a user's access keys and password; plan and apply only ever say what is due."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from iamsync.delivery import Target
from iamsync.errors import Place

# Fields of declarations that are no part of what is compared, by kind.
KEYS: Final = "access_keys"
CONSOLE: Final = "console_access"
# What changes of plans call these, and what else a user signs with.
CREDENTIALS: Final = frozenset({KEYS, CONSOLE, "credentials"})
BESIDE: Final = {"user": (KEYS, CONSOLE)}
# How the tags of a user begin in which iamsync notes what it is doing to the user's keys.
NOTE: Final = "iamsync:access-key"
DAY: Final = 86400
HOUR: Final = 3600
# Seconds: lowest, highest and usual value of each duration of a rule.
SPANS: Final = {
    "rotate_after": (HOUR, 3650 * DAY, 0),
    "overlap": (0, 365 * DAY, 7 * DAY),
    "quiet": (0, 365 * DAY, 48 * HOUR),
    "deadline": (0, 3650 * DAY, 0),
    "delete_after": (0, 365 * DAY, 14 * DAY),
}


@dataclass(frozen=True, slots=True)
class KeyRule:
    """When a key is replaced; all but the target in seconds, `deadline` None where nothing forces an old key off.

    `overlap` and `deadline` count from the new key's creation, `quiet` from the old key's last use,
    `delete_after` from its deactivation.
    """

    rotate_after: int
    deliver_to: Target
    overlap: int = 7 * DAY
    quiet: int = 48 * HOUR
    deadline: int | None = None
    delete_after: int = 14 * DAY


@dataclass(frozen=True, slots=True)
class ConsoleAccess:
    """A password for the console, delivered to `deliver_to`; None: there is to be none."""

    deliver_to: Target | None
    password_reset_required: bool = True


@dataclass(frozen=True, slots=True)
class Wishes:
    """What a user's manifest says of its credentials; None is nothing said, so nothing is looked at."""

    keys: KeyRule | None = None
    console: ConsoleAccess | None = None
    keys_at: Place | None = None
    console_at: Place | None = None

    @property
    def targets(self) -> tuple[Target, ...]:
        """Where keys and passwords are delivered to."""
        return tuple(rule.deliver_to for rule in (self.keys, self.console) if rule is not None and rule.deliver_to)

    def __bool__(self) -> bool:
        return self.keys is not None or self.console is not None


def to_json(wishes: Wishes) -> dict[str, Any]:
    """The wishes as manifests spell them, what is usual left out."""
    out: dict[str, Any] = {}
    if wishes.keys is not None:
        spans = {name: getattr(wishes.keys, name) for name in SPANS}
        told = {name: span(held) for name, held in spans.items() if held is not None and held != SPANS[name][2]}
        out[KEYS] = {**told, "deliver_to": str(wishes.keys.deliver_to)}
    if wishes.console is not None and wishes.console.deliver_to is None:
        out[CONSOLE] = False
    elif wishes.console is not None:
        reset = {} if wishes.console.password_reset_required else {"password_reset_required": False}
        out[CONSOLE] = {"deliver_to": str(wishes.console.deliver_to), **reset}
    return out


def span(seconds: int) -> str:
    """A duration as manifests and people write it: 90d, 48h, 10s."""
    for unit, size in (("d", DAY), ("h", HOUR), ("m", 60)):
        if seconds and seconds % size == 0:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"
