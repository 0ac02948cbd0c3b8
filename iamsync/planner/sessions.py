"""Sessions that a plan does not end: whom a role no longer trusts keeps what it has until that runs out."""

from __future__ import annotations

from collections.abc import Iterator

from iamsync.model import Finding
from iamsync.planner.situation import Situation
from iamsync.policy.edits import Moves, moves

_HOUR = 3600


def sessions_go_on(situation: Situation) -> Iterator[Finding]:
    """Roles whose trust gets narrower: AWS asks the trust policy when a session begins, and never again."""
    for difference in situation.differences:
        have, want = difference.have, difference.want
        if difference.address.kind != "role" or difference.action != "update" or have is None or want is None:
            continue
        if not moves(have.spec.trust_policy, want.spec.trust_policy) & (Moves.REVOKES | Moves.DENIES):
            continue
        longest = max(have.spec.max_session_duration, want.spec.max_session_duration)
        hours = f"{longest // _HOUR}h" if longest % _HOUR == 0 else f"{longest}s"
        yield Finding(
            "sessions-go-on",
            "info",
            f"{difference.address} trusts less, but sessions that run go on for up to {hours}",
            difference.address,
            evidence="AWS asks a trust policy when a session begins, and never again",
            remedy=f"to end them now: iamsync respond revoke-sessions {difference.address.name}",
            origin=difference.origin,
        )
