"""What manifests expect of permissions, as values: who must be able to do what, and who must not.

Read from `tests:` by others; whoever decides permissions only ever sees these.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from iamsync.errors import Place
from iamsync.model import EMPTY
from iamsync.selector import Selector

Verdict = Literal["allow", "deny"]


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of `allow` or `deny`: each action (or pattern) on each resource; no resource means any."""

    expected: Verdict
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    place: Place


@dataclass(frozen=True, slots=True)
class Exemption:
    """Who is left out of a test, why, and until when (RFC 3339, UTC; None means for good)."""

    principals: Selector
    reason: str
    until: str | None
    place: Place

    def holds(self, now: str) -> bool:
        """Whether it still leaves anybody out at this time."""
        return self.until is None or now < self.until


@dataclass(frozen=True, slots=True)
class PermissionTest:
    """A named test: for every selected principal, each entry must come true in this context.

    `places` are those of the selector's patterns. A context key without values is known to be absent.
    """

    name: str
    principals: Selector
    entries: tuple[Entry, ...]
    place: Place
    places: tuple[Place, ...]
    context: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: EMPTY)
    exemptions: tuple[Exemption, ...] = ()
    allow_uncertain: bool = False
