"""IAM groups: policies for many users at once. Groups have no tags and no boundary."""

from __future__ import annotations

from dataclasses import dataclass

from iamsync.kinds.fields import Attribute, Documents, Members
from iamsync.kinds.kind import PATH, Context, Kind
from iamsync.model import Call, Resource
from iamsync.policy.document import Document


@dataclass(frozen=True, slots=True)
class Group:
    """A group as manifests declare it; membership is the user's field."""

    path: str = "/"
    managed_policies: tuple[str, ...] = ()
    inline_policies: tuple[tuple[str, Document], ...] = ()


def _key(group: Resource, cx: Context) -> dict[str, str]:
    return {"GroupName": group.address.name}


def _move(group: Resource, cx: Context) -> Call:
    return Call("UpdateGroup", {"GroupName": group.address.name, "NewPath": group.spec.path})


def _rename(old: str, group: Resource, cx: Context) -> Call:
    return Call("UpdateGroup", {"GroupName": old, "NewGroupName": group.address.name})


GROUP = Kind(
    name="group",
    section="groups",
    noun="Group",
    spec=Group,
    max_name=128,
    about="A set of users that share policies.",
    key=_key,
    rename=_rename,
    fields=(
        Attribute("path", "Path", _move, "Path, part of the ARN.", default="/", pattern=PATH),
        Members(
            "managed_policies", "policy", "AttachGroupPolicy", "DetachGroupPolicy", "PolicyArn", _key,
            "AttachedPoliciesPerGroupQuota", "Managed policies attached to the group.",
        ),
        Documents("Group", _key, "GroupPolicySizeQuota"),
    ),
)  # fmt: skip
