"""IAM users: who they are, what they may do, where they belong."""

from __future__ import annotations

from dataclasses import dataclass

from iamsync.kinds.credentials import taken_away
from iamsync.kinds.fields import Attribute, Boundary, Documents, Members, Tags
from iamsync.kinds.kind import PATH, Context, Kind
from iamsync.model import Call, Resource
from iamsync.policy.document import Document


@dataclass(frozen=True, slots=True)
class User:
    """A user as manifests declare it; `groups` are names, policies are ARNs, all sorted."""

    path: str = "/"
    groups: tuple[str, ...] = ()
    managed_policies: tuple[str, ...] = ()
    inline_policies: tuple[tuple[str, Document], ...] = ()
    permissions_boundary: str | None = None
    tags: tuple[tuple[str, str], ...] = ()


def _key(user: Resource, cx: Context) -> dict[str, str]:
    return {"UserName": user.address.name}


def _move(user: Resource, cx: Context) -> Call:
    return Call("UpdateUser", {"UserName": user.address.name, "NewPath": user.spec.path})


def _rename(old: str, user: Resource, cx: Context) -> Call:
    return Call("UpdateUser", {"UserName": old, "NewUserName": user.address.name})


USER = Kind(
    name="user",
    section="users",
    noun="User",
    spec=User,
    max_name=64,
    about="A person or program with credentials of its own.",
    key=_key,
    rename=_rename,
    before_delete=taken_away,
    fields=(
        Attribute("path", "Path", _move, "Path, part of the ARN.", default="/", pattern=PATH),
        Members(
            "groups", "group", "AddUserToGroup", "RemoveUserFromGroup", "GroupName", _key, "GroupsPerUserQuota",
            "Groups the user is a member of.",
        ),
        Members(
            "managed_policies", "policy", "AttachUserPolicy", "DetachUserPolicy", "PolicyArn", _key,
            "AttachedPoliciesPerUserQuota", "Managed policies attached to the user.",
        ),
        Documents("User", _key, "UserPolicySizeQuota"),
        Boundary("User", _key),
        Tags("User", _key, folds=True),
    ),
)  # fmt: skip
