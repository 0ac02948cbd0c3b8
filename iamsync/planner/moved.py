"""All that a plan moves in permissions, put together: whose change by which difference, and what must be said of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from iamsync.kinds.kind import Context
from iamsync.model import Address, Finding
from iamsync.planner import trust
from iamsync.planner.compare import Difference
from iamsync.planner.effects import Affected, effects, untold_finding
from iamsync.planner.metadata import put_over
from iamsync.planner.permissions import Permissions


@dataclass(frozen=True, slots=True)
class Moved:
    """Who is affected in the account, who outside it, and findings; `untold` principals were not looked at."""

    affected: tuple[Affected, ...] = ()
    outside: tuple[trust.Outsider, ...] = ()
    findings: tuple[Finding, ...] = ()
    untold: int = 0

    def affected_through(self, address: Address) -> tuple[Affected, ...]:
        """The principals of the account that the change of this resource moves."""
        return tuple(one for one in self.affected if one.through == address)

    def outside_of(self, address: Address) -> tuple[trust.Outsider, ...]:
        """Those outside the account whom the change of this role or identity provider lets in or shuts out."""
        return tuple(one for one in self.outside if one.through == address)


def moved(before: Permissions, after: Permissions, differences: Sequence[Difference], cx: Context) -> Moved:
    """What these differences move, from everybody's permissions before and after."""
    told, untold = effects(before, after, differences, cx)
    admitted = trust.admissions(before, after, differences, cx)
    entering = tuple(Affected(one.principal, one.role, one.access) for one in admitted.inside)
    found = (*trust.findings(admitted, {d.address: d.origin for d in differences}), *put_over(after, differences, cx))
    return Moved((*told, *entering), admitted.outside, (*found, *untold_finding(untold + admitted.untold)), untold)
