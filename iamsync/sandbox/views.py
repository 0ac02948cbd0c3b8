"""What the API shows of each thing, call by call: AWS's lists tell less than its gets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from iamsync.sandbox import trust
from iamsync.sandbox.backend import Backend, Holder
from iamsync.sandbox.entities import Group, InstanceProfile, Policy, PolicyVersion, Role, User, tag_list

View = dict[str, Any]


def encoded(document: str) -> str:
    """A document as IAM puts it on the wire."""
    return quote(document, safe="")


def user(each: User) -> View:
    """As ListUsers and GetGroup show a user: without tags and boundary."""
    return _identity(each, "User") | {"PasswordLastUsed": each.password_last_used}


def full_user(each: User) -> View:
    """As GetUser and CreateUser show a user."""
    return user(each) | _boundary(each) | _tags(each.tag_map)


def user_detail(backend: Backend, each: User) -> View:
    """As GetAccountAuthorizationDetails shows a user."""
    view = _identity(each, "User") | _attached(each) | _boundary(each)
    view |= {"GroupList": [group.name for group in backend.groups_of(each)], "Tags": tag_list(each.tag_map)}
    return view | ({"UserPolicyList": inline(each)} if each.policies else {})


def group(each: Group) -> View:
    """As every group call shows a group."""
    return _identity(each, "Group")


def group_detail(each: Group) -> View:
    """As GetAccountAuthorizationDetails shows a group."""
    return group(each) | _attached(each) | {"GroupPolicyList": inline(each)}


def role(backend: Backend, each: Role) -> View:
    """As ListRoles shows a role: without tags, boundary and last use."""
    view = _trusting(backend, each) | {"MaxSessionDuration": each.session_seconds}
    return view | ({"Description": each.description} if each.description else {})


def full_role(backend: Backend, each: Role) -> View:
    """As GetRole and CreateRole show a role."""
    return role(backend, each) | _boundary(each) | _tags(each.tag_map) | _last_used(each)


def role_detail(backend: Backend, each: Role) -> View:
    """As GetAccountAuthorizationDetails shows a role: without description and session duration."""
    view = _trusting(backend, each) | _attached(each) | _boundary(each) | _last_used(each)
    profiles = [profile(backend, one) for one in backend.profiles_of(each)]
    return view | {"InstanceProfileList": profiles, "RolePolicyList": inline(each), "Tags": tag_list(each.tag_map)}


def profile(backend: Backend, each: InstanceProfile) -> View:
    """As ListInstanceProfiles shows an instance profile: without tags."""
    return _identity(each, "InstanceProfile") | {"Roles": [role(backend, one) for one in _roles(each)]}


def full_profile(backend: Backend, each: InstanceProfile) -> View:
    """As GetInstanceProfile shows an instance profile."""
    return profile(backend, each) | _tags(each.tag_map)


def policy(each: Policy, attached: Mapping[str, int], bounding: Mapping[str, int]) -> View:
    """As ListPolicies shows a policy: without description and tags; the two counts are disjoint."""
    return _identity(each, "Policy") | {
        "DefaultVersionId": each.default_version_id,
        "AttachmentCount": attached.get(each.arn, 0),
        "PermissionsBoundaryUsageCount": bounding.get(each.arn, 0),
        "IsAttachable": True,
        "UpdateDate": each.update_date,
    }


def full_policy(backend: Backend, each: Policy) -> View:
    """As GetPolicy shows a policy."""
    view = policy(each, backend.attachments(), backend.boundary_uses()) | {"Tags": tag_list(each.tag_map)}
    return view | ({"Description": each.description} if each.description else {})


def policy_detail(each: Policy, attached: Mapping[str, int], bounding: Mapping[str, int]) -> View:
    """As GetAccountAuthorizationDetails shows a policy."""
    return policy(each, attached, bounding) | {"PolicyVersionList": [full_version(one) for one in each.versions]}


def version(each: PolicyVersion) -> View:
    """As ListPolicyVersions shows a version: without its document."""
    return {"VersionId": each.version_id, "IsDefaultVersion": each.is_default, "CreateDate": each.create_date}


def full_version(each: PolicyVersion) -> View:
    """As GetPolicyVersion shows a version."""
    return version(each) | {"Document": encoded(each.document)}


def inline(each: Holder) -> list[View]:
    """The inline policies of a user, group or role."""
    return [{"PolicyName": name, "PolicyDocument": encoded(text)} for name, text in each.policies.items()]


def attached(each: Holder) -> list[View]:
    """The managed policies attached to a user, group or role."""
    return [{"PolicyName": one.name, "PolicyArn": arn} for arn, one in each.managed_policies.items()]


def _identity(each: Holder | InstanceProfile | Policy, kind: str) -> View:
    return {
        "Path": each.path,
        f"{kind}Name": each.name,
        f"{kind}Id": each.id,
        "Arn": each.arn,
        "CreateDate": each.create_date,
    }


def _attached(each: Holder) -> View:
    return {"AttachedManagedPolicies": attached(each)}


def _trusting(backend: Backend, each: Role) -> View:
    return _identity(each, "Role") | {"AssumeRolePolicyDocument": encoded(trust.shown(backend.accounts, each))}


def _boundary(each: User | Role) -> View:
    if not each.boundary_arn:
        return {}
    # The API reference says Policy; what is sent is this.
    kind = "PermissionsBoundaryPolicy"
    return {"PermissionsBoundary": {"PermissionsBoundaryType": kind, "PermissionsBoundaryArn": each.boundary_arn}}


def _tags(tags: Mapping[str, str]) -> View:
    return {"Tags": tag_list(dict(tags))} if tags else {}


def _last_used(each: Role) -> View:
    used = {"LastUsedDate": each.last_used, "Region": each.used_in} if each.last_used else {}
    return {"RoleLastUsed": used}


def _roles(each: InstanceProfile) -> list[Role]:
    return [one for one in each.roles if isinstance(one, Role)]
