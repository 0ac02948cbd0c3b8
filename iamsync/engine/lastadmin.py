"""Whether a plan about keys and passwords leaves an administrator that a person can enter."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from iamsync import keys
from iamsync.aws.policies import aws_policies
from iamsync.engine.planning import decided
from iamsync.engine.reach import Reached
from iamsync.keys import Turn
from iamsync.model import Finding, Plan, State
from iamsync.planner.moving import documents_within
from iamsync.planner.permissions import Permissions
from iamsync.planner.reachguards import Withdrawal


def with_last_admin(
    reached: Reached, live: State, turns: Iterable[Turn], planned: Callable[[Iterable[Finding]], Plan]
) -> tuple[State, Plan]:
    """The plan of these turns by `planned`, which is given what the guard finds, and the state with what it asked for.

    Nothing is asked unless a user that is or can become administrator, as far as is known without asking, loses its
    last key or password.
    """
    bereft = keys.bereft(turns)
    if not bereft:
        return live, planned(())
    withdrawal = Withdrawal(_permissions(reached, live), bereft)
    needed = documents_within((live,), live)
    if needed and withdrawal.touches():
        assert reached.connection is not None
        # From AWS, which may have changed them since the lock file was written.
        live = replace(live, aws_policies=aws_policies(reached.connection, needed))
        withdrawal = Withdrawal(_permissions(reached, live), bereft)
    return decided(reached, live, lambda known: planned(tuple(withdrawal.findings(known.sign_ins))))


def _permissions(reached: Reached, live: State) -> Permissions:
    return Permissions(live, organization=reached.account.organization)
