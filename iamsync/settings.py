"""What an operator decides about a run, as values: scope, safety limits, acknowledgements.

Read from `iamsync.yaml` and the command line by others; the planner only ever sees these.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal

from iamsync.model import Address, Origin
from iamsync.selector import Selector, glob_matches

# Every guard there is; some of them no consent could make work, and they say so themselves.
GUARDS: Final = (
    "boundary-removed",
    "boundary-replace",
    "break-glass",
    "call-denied",
    "changed-since",
    "delete-credentials",
    "deny-removed",
    "escalation",
    "failing-test",
    "foreign-owned",
    "held-out-of-scope",
    "incomplete-read",
    "key-in-use",
    "last-admin",
    "last-key",
    "max-change-percent",
    "max-deletes",
    "orphan-principal",
    "out-of-reach",
    "outside-guardrails",
    "over-quota",
    "password-policy",
    "place-taken",
    "principals-losing-access",
    "protected",
    "provider-deleted",
    "recently-used",
    "rename-conflict",
    "replace",
    "self-lockout",
    "trust-anyone",
    "trust-unknown-account",
    "unknown-principal",
    "unknown-reference",
    "whole-kind-deleted",
)

# What these ask about cannot be undone, so that consent to them is given at addresses, never to all at once.
ADDRESSED: Final = frozenset({"delete-credentials"})

Unmanaged = Literal["report", "ignore", "delete"]


@dataclass(frozen=True, slots=True)
class Scope:
    """Which undeclared live resources are watched.

    `stacks` are the regions whose CloudFormation stacks are asked what they own: none, `()` for every enabled one.
    `terraform_states` are files, seen from the project, whose resources Terraform owns.
    """

    include: Selector
    exclude: Selector
    stacks: tuple[str, ...] | None = None
    terraform_states: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Safety:
    """Limits past which a plan is refused; `settle` and `recently_used` are seconds, the percentage counts from ten."""

    max_deletes: int = 10
    max_change_percent: int = 30
    settle: int = 10
    recently_used: int = 90 * 86400
    max_principals_losing_access: int = 20
    protected: Selector = field(default_factory=lambda: Selector(()))
    break_glass: Selector = field(default_factory=lambda: Selector(()))


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """An operator's consent to one guard, for all addresses or those a glob names."""

    guard: str
    address: str = "*"
    reason: str = ""
    until: str | None = None
    origin: Origin | None = None

    def covers(self, guard: str, address: Address | None, now: str) -> bool:
        """Whether this is consent to that guard at that address, at that time (RFC 3339, UTC)."""
        if self.guard != guard or (self.until is not None and now >= self.until):
            return False
        if not self.address.strip("*"):
            return guard not in ADDRESSED
        return address is not None and glob_matches(self.address, str(address))

    def __str__(self) -> str:
        said = f"by {self.origin}" if self.origin else "on the command line"
        return f"{said}: {self.reason}" if self.reason else said


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything the planner is told beside the two states.

    `bounds` is where an operator lets it change anything. `ways` are the ARNs of all roles that the project's
    accounts are reached through, `accounts` their ids.
    """

    scope: Scope
    unmanaged: Unmanaged = "report"
    ignore_changes: tuple[str, ...] = ()
    safety: Safety = field(default_factory=Safety)
    acknowledge: tuple[Acknowledgement, ...] = ()
    default_tags: tuple[tuple[str, str], ...] = ()
    bounds: Scope | None = None
    ways: tuple[str, ...] = ()
    accounts: tuple[str, ...] = ()
