"""What the evaluator answers, and why: the statements that decided, and on a denial those that nearly did."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from iamsync.model import Origin

Verdict = Literal["allowed", "explicit_deny", "implicit_deny"]
Layer: TypeAlias = Literal["identity", "boundary", "session", "scp", "rcp", "resource", "trust", "aws"]
Part: TypeAlias = Literal["action", "resource", "principal", "condition"]


@dataclass(frozen=True, slots=True)
class Match:
    """A statement that covers the request; `label` says whose policy, `position` counts from 1."""

    layer: Layer
    label: str
    sid: str
    position: int
    allows: bool
    origin: Origin | None = None

    def __str__(self) -> str:
        named = f"statement {self.position}" + (f" ({self.sid})" if self.sid else "")
        return f"{self.label}, {named}" + (f" at {self.origin}" if self.origin else "")


@dataclass(frozen=True, slots=True)
class Miss:
    """An Allow statement that covers the request but for some parts; `told` says what is missing."""

    match: Match
    failed: tuple[Part, ...]
    told: str

    def __str__(self) -> str:
        return f"{self.match}: {self.told}"


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer to one request.

    `certain` says that nothing left open could turn allowed into denied or back; where it is not,
    `reasons` are what is open. `deciding` are the statements that grant, or that deny.
    `blocked_by` is the layer that denies, or that lacks a grant.
    """

    verdict: Verdict
    certain: bool
    reasons: tuple[str, ...] = ()
    deciding: tuple[Match, ...] = ()
    blocked_by: Layer | None = None
    near: tuple[Miss, ...] = ()

    @property
    def allowed(self) -> bool:
        return self.verdict == "allowed"


_LAYERS: dict[Layer, str] = {
    "identity": "no identity policy allows it",
    "boundary": "the permissions boundary does not allow it",
    "session": "the session policy does not allow it",
    "scp": "a level of service control policies does not allow it",
    "rcp": "a level of resource control policies does not allow it",
    "resource": "the resource's policy does not allow it",
    "trust": "the trust policy does not allow it",
    "aws": "AWS owns the resource and lets nobody change it",
}


def told(decision: Decision) -> tuple[str, ...]:
    """The decision in lines for a person."""
    lines: list[str] = []
    if decision.verdict == "allowed":
        lines += [f"allowed by {match}" for match in decision.deciding] or ["allowed without any policy"]
    elif decision.verdict == "explicit_deny":
        lines += [f"denied by {match}" for match in decision.deciding]
    else:
        lines.append(f"denied: {_LAYERS[decision.blocked_by]}" if decision.blocked_by else "denied")
        lines += [f"nearest: {miss}" for miss in decision.near]
    lines += [f"not certain: {reason}" for reason in decision.reasons]
    return tuple(lines)
