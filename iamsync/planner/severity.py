"""How grave it is that a principal may do what nobody declared: by what it is worth to somebody who means harm."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Literal

from iamsync.policy.access import Access, Region
from iamsync.policy.escalation import RULES
from iamsync.selector import glob_matches

Grade = Literal["critical", "high", "medium", "low", "info"]
GRADES: Final[tuple[Grade, ...]] = ("critical", "high", "medium", "low", "info")

# By each of these, alone, whoever may call it gives itself or another principal whatever it likes.
_ESCALATING: Final = tuple(
    sorted(
        {
            rule.needs[0].action.lower()
            for rule in RULES
            if len(rule.needs) == 1 and not rule.doubt and rule.needs[0].action.startswith("iam:")
        }
    )
)
# By these it gets what other roles hold.
_BORROWING: Final = ("iam:passrole", "sts:assumerole", "sts:assumerolewithsaml", "sts:assumerolewithwebidentity")
_LEVELS: Final[dict[str, Grade]] = {
    "Permissions management": "high",
    "Write": "medium",
    "Tagging": "medium",
    "Read": "low",
    "List": "low",
}


def worst(grades: Iterable[Grade]) -> Grade:
    """The gravest of some; `info` of none."""
    return min(grades, key=GRADES.index, default="info")


def at_least(grade: Grade, floor: str) -> bool:
    """Whether this is the floor or graver."""
    return GRADES.index(grade) <= [*GRADES].index(floor)  # type: ignore[arg-type]


def of_access(access: Access) -> Grade:
    """What reality gives too much (`gained`), too little (`lost`), or perhaps (`undecided`)."""
    grades: list[Grade] = [of_region(region) for region in access.gained]
    if access.lost or access.undecided:
        grades.append("medium")
    return worst(grades)


def of_region(region: Region) -> Grade:
    """What the actions of a region are worth; those whose access level nobody knows count as writes."""
    if any(_holds(region, action) for action in _ESCALATING):
        return "critical"  # whoever is an administrator holds them too
    if any(_holds(region, action) for action in _BORROWING):
        return "high"
    known = sum(count for _, count in region.levels)
    grades: list[Grade] = [_LEVELS.get(level, "medium") for level, _ in region.levels]
    return worst([*grades, "medium"] if known < region.count or not region.levels else grades)


def _holds(region: Region, action: str) -> bool:
    """Whether a region is about an action (in lower case), on whatever resource."""
    left_out = [pattern for one in region.excepted if not one.resources for pattern in one.actions]
    return _covers(region.actions, action) and not _covers(left_out, action)


def _covers(patterns: Iterable[str], action: str) -> bool:
    return any(glob_matches(text.partition(" (")[0].lower(), action) for text in patterns)
