"""What a bulk read left open and a comparison hangs on: to be asked one by one before a change is claimed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

from iamsync import arn
from iamsync.model import Address, Question, State
from iamsync.planner.contrast import contrast
from iamsync.planner.losing import shortened
from iamsync.planner.readset import policies_of
from iamsync.settings import Settings

# Kinds whose tags a bulk read tells late or not at all, and the question that settles it.
TAGS_IN_BULK: Final[Mapping[str, Literal["policy-tags", "profile-tags"]]] = {
    "policy": "policy-tags",
    "instance_profile": "profile-tags",
}


def questions(desired: State, live: State, settings: Settings) -> tuple[Question, ...]:
    """What must be asked one by one before this comparison may claim a change.

    Bulk reads are silent about some tags, descriptions and credentials; the answers go into `live`,
    and the comparison is made again.
    """
    found = contrast(desired, live, settings)
    asked: set[Question] = set()
    for resource in found.settled.desired:
        if resource.address.kind not in TAGS_IN_BULK:
            continue
        have = found.settled.live.get(resource.address)
        origin = live.get(resource.address)
        if have is None or origin is None:
            continue
        told = origin.facts.get("tags")
        if told == "none" or (told == "bulk" and have.spec.tags != resource.spec.tags):
            asked.add(_tags_of(resource.address))
        declared = desired.get(resource.address)
        if resource.address.kind != "policy":
            continue
        if declared is not None and declared.spec.description is not None and origin.spec.description is None:
            asked.add(Question("policy-description", str(resource.address)))
    by_tags = settings.scope.include.needs_tags or settings.scope.exclude.needs_tags
    by_tags = by_tags or settings.safety.protected.needs_tags
    for difference in found.differences:
        if shortened(difference) is not None:
            asked.add(Question("passwords", str(difference.address)))
        if difference.action == "delete" and difference.address.kind == "user":
            asked.add(Question("user-credentials", str(difference.address)))
        if difference.action in ("delete", "replace") and difference.address.kind == "role":
            held = live.get(difference.address)
            if held is not None and "last_used" not in held.facts:
                asked.add(Question("last-used", str(difference.address)))
        if difference.action in ("delete", "replace") and difference.address.kind in TAGS_IN_BULK:
            asked.add(_tags_of(difference.address))
        if difference.action in ("delete", "replace") and difference.address.kind == "policy":
            asked.add(Question("policy-description", str(difference.address)))  # or no rollback could bring it back
    if by_tags:
        for resource in live:
            if resource.address.kind in TAGS_IN_BULK and resource.facts.get("tags") != "confirmed":
                asked.add(_tags_of(resource.address))
    in_use = {item for resource in live for item in policies_of(resource)}
    for difference in found.differences:
        if difference.want is not None:
            new = {item for item in policies_of(difference.want) if item not in in_use}
            asked.update(Question("aws-policy", item) for item in new if arn.is_aws_managed(item))
    return tuple(sorted(asked))


def _tags_of(address: Address) -> Question:
    return Question(TAGS_IN_BULK[address.kind], str(address))
