"""A gate on gains: which principals a plan gives actions that an operator wants nobody to gain unseen."""

from __future__ import annotations

from collections.abc import Iterable

from iamsync.model import Finding, Plan
from iamsync.policy.access import Access, Region, lines
from iamsync.policy.catalog import load
from iamsync.selector import glob_matches


def gains(plan: Plan, patterns: Iterable[str]) -> tuple[Finding, ...]:
    """A finding for each principal that gains an action one of the patterns (`iam:*`) covers.

    What cannot be decided counts as a gain, and what AWS says is one, where it was asked: a gate that shrugs is none.
    """
    wanted = tuple(pattern.lower() for pattern in patterns)
    if not wanted:
        return ()
    found = []
    for change in plan.changes:
        whom = [(str(one.principal), one.principal, one.access) for one in change.affected]
        whom += [(one.name, change.address, one.access) for one in change.outside]
        for name, address, access in whom:
            regions = tuple(region for region in access.gained if _covered(region, wanted))
            told = Access(gained=regions, undecided=access.undecided)
            if told:
                found.append(
                    Finding(
                        "gain",
                        "high",
                        f"{name} would gain what --fail-on-gain names",
                        address,
                        evidence="; ".join(lines(told)),
                        remedy=f"look at {change.address}",
                        origin=change.origin,
                    )
                )
    found += [finding for finding in plan.findings if finding.id == "AA-access-granted" and finding.severity == "high"]
    if any(finding.id == "access-untold" for finding in plan.findings):
        found.append(
            Finding("gain", "high", "not every principal's gains were computed", remedy="plan in parts with --target")
        )
    return tuple(found)


def _covered(region: Region, wanted: tuple[str, ...]) -> bool:
    """Whether any action of the region is covered: known ones by name, others by either pattern covering the other."""
    for text in region.actions:
        action = text.partition(" (")[0].lower()
        if any(glob_matches(pattern, action) or glob_matches(action, pattern) for pattern in wanted):
            return True
        if "*" in action and any(
            glob_matches(pattern, f"{known.service}:{known.name}".lower())
            for known in load().expand(action)
            for pattern in wanted
        ):
            return True
    return False
