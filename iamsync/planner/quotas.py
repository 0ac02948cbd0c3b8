"""How much AWS lets there be: figures before anything is called, with what is left of each quota.

The account's own figures count (GetAccountSummary, `State.quotas`); where a source does not tell them, AWS's
published defaults. What can be raised is then only told, since it may have been. Source: IAM User Guide,
IAM and AWS STS quotas.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

from iamsync.kinds import KINDS
from iamsync.kinds.fields import Attribute, Documents, Members, Tags, Versions
from iamsync.kinds.kind import Field
from iamsync.model import Finding
from iamsync.planner.compare import Difference
from iamsync.planner.situation import DEFAULT_QUOTAS, Situation
from iamsync.policy.document import Document

# AWS has no figure of its own for tags, and no way to raise it.
TAGS: Final = 50
# Kind -> how GetAccountSummary calls how many there are; its quota has that name with Quota behind.
_COUNTED: Final = {
    "user": "Users",
    "group": "Groups",
    "role": "Roles",
    "policy": "Policies",
    "instance_profile": "InstanceProfiles",
}
# Quotas that AWS raises on request: of these the default alone is no reason to refuse.
_RAISED: Final = frozenset({"AssumeRolePolicySizeQuota", *(f"{name}Quota" for name in _COUNTED.values())})
# A change that leaves less than a tenth of a quota is worth a word.
_NEAR: Final = 10
_WAYS: Final = {
    Members: "merge policies, use a group, or ask AWS to raise the quota",
    Documents: "merge policies, use a group, or ask AWS to raise the quota",
    Versions: "use wildcards in it, or split it into two policies",
    Attribute: "use conditions, or fewer principals, or ask AWS to raise the quota",
    Tags: "take tags off; what ignore_changes leaves alone counts too",
}


@dataclass(frozen=True, slots=True)
class _Figure:
    """How much of something a resource has, and would have; `quota` is AWS's name for the limit."""

    before: int
    after: int
    noun: str
    quota: str


def quotas(situation: Situation) -> Iterator[Finding]:
    """More of anything than AWS takes; and what a change leaves next to no room for."""
    for difference in situation.differences:
        if difference.want is None:
            continue
        for field in KINDS[difference.address.kind].fields:
            figure = _figure(field, difference)
            # What is over by itself and is not touched stays as it is.
            if figure is not None and (difference.action != "update" or _changed(difference, field.name)):
                yield from _judged(situation, difference, figure, _WAYS[type(field)])
    for kind, name in _COUNTED.items():
        yield from _in_the_account(situation, kind, name)


def _figure(field: Field, difference: Difference) -> _Figure | None:
    have = difference.have if difference.action == "update" else None
    before = getattr(have.spec, field.name) if have is not None else None
    after = getattr(difference.want.spec, field.name) if difference.want is not None else None
    if isinstance(field, Members):
        return _Figure(len(before or ()), len(after or ()), field.name, field.quota)
    if isinstance(field, Documents):
        return _Figure(_together(before), _together(after), "characters of inline policies", field.quota)
    if isinstance(field, Versions):
        return _Figure(_size(before), _size(after), "characters in its document", "PolicySizeQuota")
    if isinstance(field, Tags):
        return _Figure(_tags(before), _tags(after), "tags", "TagsPerResource")
    if isinstance(field, Attribute) and field.name == "trust_policy":
        return _Figure(_size(before), _size(after), "characters in its trust policy", "AssumeRolePolicySizeQuota")
    return None


def _together(value: Any) -> int:
    return sum(document.size for _, document in value or ())


def _size(value: Any) -> int:
    return value.size if isinstance(value, Document) else 0


def _tags(value: Any) -> int:
    return sum(not key.casefold().startswith("aws:") for key, _ in value or ())


def _limit(situation: Situation, quota: str) -> tuple[int | None, bool]:
    """A quota's figure, and whether it is certain: the account's own, or one that nobody can raise."""
    if quota == "TagsPerResource":
        return TAGS, True
    if quota in situation.live.quotas:
        return situation.live.quotas[quota], True
    return DEFAULT_QUOTAS.get(quota), quota not in _RAISED


def _judged(situation: Situation, difference: Difference, figure: _Figure, way: str) -> Iterator[Finding]:
    limit, certain = _limit(situation, figure.quota)
    if limit is None:
        return
    said = f"{difference.address} would have {figure.after} {figure.noun}"
    if figure.after > limit:
        whose = "the account's quota" if certain else "AWS's default, which the account may have had raised,"
        found = _too_much(certain, f"{said}; {whose} is {limit}", figure.quota, way)
        yield replace(found, address=difference.address, origin=difference.origin)
    elif figure.after > figure.before and (limit - figure.after) * _NEAR <= limit:
        yield Finding(
            "near-quota",
            "info",
            f"{said}, of {limit} at most; {_left(limit - figure.after)}",
            difference.address,
            evidence=figure.quota,
            origin=difference.origin,
        )


def _in_the_account(situation: Situation, kind: str, name: str) -> Iterator[Finding]:
    """How many there are of a kind: creations come before deletions, so the most there ever are counts."""
    made = sum(d.action == "create" and d.address.kind == kind for d in situation.differences)
    if not made or kind not in situation.live.complete:
        return
    there = situation.live.quotas.get(name, sum(r.address.kind == kind for r in situation.live))
    gone = sum(d.action == "delete" and d.address.kind == kind for d in situation.differences)
    limit, certain = _limit(situation, f"{name}Quota")
    if limit is None:
        return
    noun = KINDS[kind].section.replace("_", " ")
    peak, after = there + made, there + made - gone
    if peak > limit:
        said = f"the account would have {after} {noun}"
        if after <= limit:
            said = f"the account would have {peak} {noun} until {gone} {'is' if gone == 1 else 'are'} deleted"
        way = "delete first, with --target" if after <= limit else "delete some, or ask AWS to raise the quota"
        whose = "its quota" if certain else "AWS's default"
        yield _too_much(certain, f"{said}; {whose} is {limit}", f"{name}Quota", way)
    elif (limit - after) * _NEAR <= limit and made > gone:
        yield Finding(
            "near-quota",
            "info",
            f"the account would have {after} {noun}, of {limit} at most; {_left(limit - after)}",
            evidence=f"{name}Quota",
        )


def _too_much(certain: bool, said: str, quota: str, way: str) -> Finding:
    """A refusal, where the figure is certain; else a word."""
    if certain:
        return Finding("over-quota", "refuse", said, evidence=quota, remedy=way)
    return Finding("near-quota", "medium", said, evidence=quota, remedy=way)


def _left(count: int) -> str:
    return f"{count} left" if count else "none left"


def _changed(difference: Difference, field: str) -> bool:
    return any(change.field == field for change in difference.fields)
