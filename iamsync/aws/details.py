"""One entity in full, from the calls that tell about it alone, in the shape the bulk call has.

The same code then makes a `Resource` of either, so that the two cannot disagree about a field.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from iamsync.aws.calls import call, pages
from iamsync.errors import AwsError, Unsupported
from iamsync.model import Address

_NOUNS: Final = {"user": "User", "group": "Group", "role": "Role"}


def page(iam: Any, address: Address, policy_arn: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """A page of authorization details that holds this one entity, and ListRoles' items for it.

    An AwsError with `aws_code` NoSuchEntity where it does not exist. A policy's item also has its
    Tags and a Description ("" for none).
    """
    if address.kind == "policy":
        return {"Policies": [_policy(iam, policy_arn)]}, {}
    noun = _NOUNS[address.kind]
    key = {f"{noun}Name": address.name}
    # AWS finds an entity in any case; its own spelling is what counts.
    item = dict(call(iam, f"Get{noun}", key)[noun])
    attached = _all(iam, f"ListAttached{noun}Policies", key, "AttachedPolicies")
    item["AttachedManagedPolicies"] = attached
    item[f"{noun}PolicyList"] = [
        call(iam, f"Get{noun}Policy", {**key, "PolicyName": name})
        for name in _all(iam, f"List{noun}Policies", key, "PolicyNames")
    ]
    if noun == "User":
        item["GroupList"] = [group["GroupName"] for group in _all(iam, "ListGroupsForUser", key, "Groups")]
    if noun == "Role":
        item["InstanceProfileList"] = _all(iam, "ListInstanceProfilesForRole", key, "InstanceProfiles")
        return {"RoleDetailList": [item]}, {item["RoleName"]: item}
    return {f"{noun}DetailList": [item]}, {}


def _policy(iam: Any, arn: str) -> dict[str, Any]:
    key = {"PolicyArn": arn}
    item = dict(call(iam, "GetPolicy", key)["Policy"])
    item["PolicyVersionList"] = versions(iam, arn)
    item["Description"] = item.get("Description") or ""
    item["Tags"] = _all(iam, "ListPolicyTags", key, "Tags")
    return item


def versions(iam: Any, arn: str) -> list[dict[str, Any]]:
    """All stored versions of a policy, each with its document (decoded, or text where it is no JSON)."""
    listed = _all(iam, "ListPolicyVersions", {"PolicyArn": arn}, "Versions")
    found = []
    for version in listed:
        params = {"PolicyArn": arn, "VersionId": version["VersionId"]}
        found.append({**version, **call(iam, "GetPolicyVersion", params)["PolicyVersion"]})
    return found


def credentials(iam: Any, user: str) -> tuple[str, ...]:
    """What a user can sign in or sign requests with, each as a line for a person; never a secret.

    A row that an emulator does not offer is left out; a denied one is an AccessDenied.
    """
    if not user:
        raise ValueError("without a user name AWS would answer about the caller")
    key = {"UserName": user}
    rows: tuple[Callable[[], list[str]], ...] = (
        lambda: _login(iam, key),
        lambda: [
            f"access key ...{held['AccessKeyId'][-4:]} ({held['Status']})"
            for held in _all(iam, "ListAccessKeys", key, "AccessKeyMetadata")
        ],
        lambda: [f"MFA device {held['SerialNumber']}" for held in _all(iam, "ListMFADevices", key, "MFADevices")],
        lambda: [
            f"SSH key {held['SSHPublicKeyId']} ({held['Status']})"
            for held in _all(iam, "ListSSHPublicKeys", key, "SSHPublicKeys")
        ],
        lambda: [
            f"signing certificate {held['CertificateId']} ({held['Status']})"
            for held in _all(iam, "ListSigningCertificates", key, "Certificates")
        ],
        lambda: [
            f"service credential {held['ServiceSpecificCredentialId']} for {held['ServiceName']} ({held['Status']})"
            for held in _all(iam, "ListServiceSpecificCredentials", key, "ServiceSpecificCredentials")
        ],
    )
    found: list[str] = []
    for row in rows:
        try:
            found += sorted(row())
        except Unsupported:  # AWS offers all of them, so this is no AWS
            continue
    return tuple(found)


def _login(iam: Any, key: Mapping[str, str]) -> list[str]:
    try:
        call(iam, "GetLoginProfile", key)
    except AwsError as error:
        if error.aws_code == "NoSuchEntity":
            return []
        raise
    return ["login profile"]


def _all(iam: Any, operation: str, params: Mapping[str, Any], member: str) -> list[Any]:
    return [item for each in pages(iam, operation, params) for item in each.get(member) or ()]
