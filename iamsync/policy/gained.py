"""What a permission difference says: regions of actions and resources, what they leave out, and their words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from iamsync.policy.outcomes import Kind
from iamsync.policy.request import Request


@dataclass(frozen=True, slots=True)
class Excepted:
    """What a region leaves out: these actions (none: all of them) on these resources (none: all of them)."""

    actions: tuple[str, ...]
    resources: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Region:
    """Actions on resources that a principal may use on one side and not, or under other conditions, on the other.

    `actions` are names, and patterns with their number of actions; `count` is that of known actions in
    all. `was` and `now` are `never`, `always` or a condition in words. `via` names the statements
    that bring it about, `witness` is a request that shows it.
    """

    kind: Kind
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    excepted: tuple[Excepted, ...]
    was: str
    now: str
    count: int
    levels: tuple[tuple[str, int], ...]
    via: tuple[str, ...]
    witness: Request

    @property
    def condition(self) -> str | None:
        """Under which condition what is gained is allowed, or what is lost was; None for none."""
        held = self.was if self.kind in ("loss", "tightened") else self.now
        return None if held == "always" else held


@dataclass(frozen=True, slots=True)
class Undecided:
    """A change that may be one or not, and why that cannot be told."""

    text: str
    reason: str
    via: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Access:
    """What a principal gains and loses; a condition that changes both ways stands in `gained` and in `lost`."""

    gained: tuple[Region, ...] = ()
    lost: tuple[Region, ...] = ()
    undecided: tuple[Undecided, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.gained or self.lost or self.undecided)


_MANY: Final = 12
_VERBS: Final[Mapping[str, str]] = {
    "gain": "GAIN",
    "loss": "LOSS",
    "loosened": "LOOSENED",
    "tightened": "TIGHTENED",
    "changed": "CHANGED",
}


# Why what a document of which nothing is known gives, or takes, cannot be told.
HELD: Final = "it comes to be held, and its document is not known"
HELD_NO_MORE: Final = "it is held no more, and its document is not known"
_TURNED: Final[Mapping[Kind, Kind]] = {
    "gain": "loss",
    "loss": "gain",
    "loosened": "tightened",
    "tightened": "loosened",
    "changed": "changed",
    "undecided": "undecided",
}
_TURNED_WORDS: Final = {"gain of ": "loss of ", "loss of ": "gain of "}
_TURNED_REASONS: Final = {HELD: HELD_NO_MORE, HELD_NO_MORE: HELD}


def turned(access: Access) -> Access:
    """The same difference from the other side: what would be lost is what there is too much of."""
    return Access(
        tuple(_turned(region) for region in access.lost),
        tuple(_turned(region) for region in access.gained),
        tuple(_undecided(one) for one in access.undecided),
    )


def _turned(region: Region) -> Region:
    return replace(region, kind=_TURNED[region.kind], was=region.now, now=region.was)


def _undecided(one: Undecided) -> Undecided:
    word = next((word for word in _TURNED_WORDS if one.text.startswith(word)), "")
    text = f"{_TURNED_WORDS[word]}{one.text.removeprefix(word)}" if word else one.text
    return Undecided(text, _TURNED_REASONS.get(one.reason, one.reason), one.via)


def lines(access: Access, *, via: bool = False) -> tuple[str, ...]:
    """An access difference in words, a line for each region; `nothing` where there is none."""
    out = []
    for region in (*access.gained, *(one for one in access.lost if one.kind != "changed")):
        text = f"{_VERBS[region.kind]}  {scope(region.actions, region.resources, region.excepted)}"
        if region.kind in ("gain", "loss"):
            text += f" {region.condition}" if region.condition else ""
        else:
            text += f": was {region.was}; now {region.now}"
        out.append(text + (_through(region.via) if via else ""))
    out += [f"UNDECIDED  {one.text}: {one.reason}" + (_through(one.via) if via else "") for one in access.undecided]
    return tuple(out) or ("nothing",)


def _through(via: tuple[str, ...]) -> str:
    return f"   [{'; '.join(via)}]" if via else ""


def scope(actions: tuple[str, ...], resources: tuple[str, ...], excepted: tuple[Excepted, ...]) -> str:
    """Actions on resources less exceptions, in words."""
    text = f"{_list(actions)} on {_list(resources)}"
    if not excepted:
        return text
    words = []
    for one in excepted:
        named = [_list(one.actions)] if one.actions else []
        words.append(" on ".join([*named, *([_list(one.resources)] if one.resources else [])]))
    return f"{text}, except {' and '.join(words)}"


def _list(items: tuple[str, ...]) -> str:
    more = len(items) - _MANY
    return ", ".join(items[:_MANY]) + (f" and {more} more" if more > 0 else "")
