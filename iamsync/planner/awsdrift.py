"""AWS's own policies that say something else than when the project's lock file was written, and whom that moves.

AWS changes its managed policies without asking anybody. What a project reviewed stands in its lock file;
what its declared principals hold is compared with what AWS says now.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from iamsync import arn
from iamsync.model import Address, Finding, State
from iamsync.planner.effects import compared, documents_held, holders
from iamsync.planner.permissions import Permissions
from iamsync.planner.standards import Standards
from iamsync.policy.access import Access, lines
from iamsync.policy.document import Document
from iamsync.policy.shared import Shared

_MOST_LINES = 6
_MOST_NAMES = 6


@dataclass(frozen=True, slots=True)
class Drifted:
    """One policy of AWS: the version reviewed, the one of now, and what each declared holder gains and loses by it."""

    policy: str
    reviewed: str
    current: str
    affected: tuple[tuple[Address, Access], ...]


def documents_reviewed(desired: State, locked: Mapping[str, object]) -> tuple[str, ...]:
    """The ARNs of the lock file's policies that declared principals hold: those that AWS is asked about again."""
    held = documents_held((desired,), (r.address for r in desired if r.address.kind in ("user", "role")))
    return tuple(one for one in held if one in locked)


def drifted(
    desired: State, state: State, standards: Standards, now: Mapping[str, tuple[str, Document]]
) -> tuple[Drifted, ...]:
    """What AWS changed since it was reviewed, for the declared principals of a state, sorted by policy."""
    found = []
    locked, limits = standards.locked, standards.organization
    for policy in documents_reviewed(desired, locked):
        if policy not in now or locked[policy][1].permissions_key == now[policy][1].permissions_key:
            continue
        # One policy at a time, the others as they are now: what is told adds up to all that changed.
        before = Permissions(state, {**now, policy: locked[policy]}, organization=limits)
        after = Permissions(state, now, organization=limits)
        declared = (one for one in holders(state, policy) if one in desired.resources)
        shared = Shared(state.account_id, state.partition)
        moved = tuple((address, compared(before, after, address, shared=shared)) for address in sorted(declared))
        found.append(Drifted(policy, locked[policy][0], now[policy][0], tuple(pair for pair in moved if pair[1])))
    return tuple(found)


def findings(found: Iterable[Drifted], account_id: str) -> Iterator[Finding]:
    """A finding for each such policy, alike principals together, and how to accept what AWS did."""
    for one in found:
        told = []
        for names, access in grouped(one.affected):
            shown = lines(access)
            more = f"; and {len(shown) - _MOST_LINES} more" if len(shown) > _MOST_LINES else ""
            told.append(f"{_some(names)}: {'; '.join(shown[:_MOST_LINES])}{more}")
        yield Finding(
            "aws-policy-changed",
            "medium",
            f"AWS changed {arn.short(one.policy, account_id)} since it was reviewed: "
            f"{one.reviewed} then, {one.current} now",
            evidence=". ".join(told) or "no declared principal gains or loses anything by it",
            remedy="accept it with: iamsync refresh, and commit iamsync.lock.json; "
            "or declare a policy of your own instead",
        )


def grouped(affected: Sequence[tuple[Address, Access]]) -> list[tuple[list[Address], Access]]:
    """Principals together that gain and lose the same."""
    alike: dict[tuple[str, ...], tuple[list[Address], Access]] = {}
    for address, access in affected:
        alike.setdefault(lines(access), ([], access))[0].append(address)
    return list(alike.values())


def _some(names: Sequence[Address]) -> str:
    more = len(names) - _MOST_NAMES
    return ", ".join(map(str, names[:_MOST_NAMES])) + (f" and {more} more" if more > 0 else "")
