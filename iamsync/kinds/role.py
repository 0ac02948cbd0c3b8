"""IAM roles: identities that someone trusted may assume."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from iamsync.kinds.fields import Attribute, Boundary, Documents, Immutable, Members, Tags
from iamsync.kinds.kind import DESCRIPTION, PATH, Act, Context, Kind, Phase
from iamsync.model import Call, Resource
from iamsync.policy.document import Document


@dataclass(frozen=True, slots=True)
class Role:
    """A role as manifests declare it; `max_session_duration` is in seconds."""

    trust_policy: Document
    path: str = "/"
    description: str = ""
    max_session_duration: int = 3600
    managed_policies: tuple[str, ...] = ()
    inline_policies: tuple[tuple[str, Document], ...] = ()
    permissions_boundary: str | None = None
    tags: tuple[tuple[str, str], ...] = ()


def _key(role: Resource, cx: Context) -> dict[str, str]:
    return {"RoleName": role.address.name}


def _trust(role: Resource, cx: Context) -> Call:
    params = {"RoleName": role.address.name, "PolicyDocument": role.spec.trust_policy.text}
    return Call("UpdateAssumeRolePolicy", params)


def _update(role: Resource, cx: Context) -> Call:
    # UpdateRole may reset what it is not told, so both values always go together.
    spec = role.spec
    params = {"Description": spec.description, "MaxSessionDuration": spec.max_session_duration}
    return Call("UpdateRole", {"RoleName": role.address.name, **params})


def _leave_profiles(role: Resource, cx: Context) -> Iterator[Act]:
    for profile in role.facts.get("instance_profiles", ()):
        params = {"InstanceProfileName": profile, "RoleName": role.address.name}
        call = Call("RemoveRoleFromInstanceProfile", params)
        yield Act(role.address, Phase.REVOKE, "revoke", "instance_profiles", profile, call)


def _rejoin_profiles(old: Resource, new: Resource, cx: Context) -> Iterator[Act]:
    for profile in old.facts.get("instance_profiles", ()):
        params = {"InstanceProfileName": profile, "RoleName": new.address.name}
        call = Call("AddRoleToInstanceProfile", params)
        yield Act(new.address, Phase.GRANT, "grant", "instance_profiles", profile, call)


ROLE = Kind(
    name="role",
    section="roles",
    noun="Role",
    spec=Role,
    max_name=64,
    about="An identity that trusted principals assume.",
    key=_key,
    required=("trust_policy",),
    before_delete=_leave_profiles,
    after_replace=_rejoin_profiles,
    fields=(
        Immutable("path", "Path", "Path, part of the ARN; fixed at creation.", default="/", pattern=PATH),
        Attribute(
            "description", "Description", _update, "Free text.", default="", pattern=DESCRIPTION, max_length=1000
        ),
        Attribute(
            "max_session_duration", "MaxSessionDuration", _update,
            "Longest session: 1h to 12h, or seconds.", form="seconds", default=3600,
        ),
        Attribute(
            "trust_policy", "AssumeRolePolicyDocument", _trust,
            "Who may assume the role, as AWS writes it.", form="document",
        ),
        Members(
            "managed_policies", "policy", "AttachRolePolicy", "DetachRolePolicy", "PolicyArn", _key,
            "AttachedPoliciesPerRoleQuota", "Managed policies attached to the role.",
        ),
        Documents("Role", _key, "RolePolicySizeQuota"),
        Boundary("Role", _key),
        Tags("Role", _key, folds=True),
    ),
)  # fmt: skip
