"""The policies of an organization that limit an account, as files of the project say: SCPs and RCPs by level."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

from iamsync.policy.evaluate import Source

Levels: TypeAlias = tuple[tuple[Source, ...], ...]


@dataclass(frozen=True, slots=True)
class Organization:
    """Levels from the root of the organization down to the account; a level of SCPs must allow, one of RCPs denies."""

    scps: Levels = ()
    rcps: Levels = ()

    def __iter__(self) -> Iterator[Source]:
        """Every policy of every level."""
        for level in (*self.scps, *self.rcps):
            yield from level
