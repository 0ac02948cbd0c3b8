"""One entity in full, from the calls that tell about it alone, in the shape the bulk call has.

The same code then makes a `Resource` of either, so that the two cannot disagree about a field.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Final

from iamsync.aws.calls import call, pages, whole
from iamsync.errors import AccessDenied, AwsError, Unsupported
from iamsync.kinds.credentials import UNASSIGNED, Credential, device_name, in_order, is_virtual
from iamsync.kinds.wire import moment
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
    with whole(f"Get{noun}"):
        item = dict(call(iam, f"Get{noun}", key)[noun])
    attached = _all(iam, f"ListAttached{noun}Policies", key, "AttachedPolicies")
    item["AttachedManagedPolicies"] = attached
    item[f"{noun}PolicyList"] = [
        call(iam, f"Get{noun}Policy", {**key, "PolicyName": name})
        for name in _all(iam, f"List{noun}Policies", key, "PolicyNames")
    ]
    if noun == "User":
        item["GroupList"] = _all(iam, "ListGroupsForUser", key, "Groups", lambda group: group["GroupName"])
    if noun == "Role":
        item["InstanceProfileList"] = _all(iam, "ListInstanceProfilesForRole", key, "InstanceProfiles")
        with whole("GetRole"):
            return {"RoleDetailList": [item]}, {item["RoleName"]: item}
    return {f"{noun}DetailList": [item]}, {}


def _policy(iam: Any, arn: str) -> dict[str, Any]:
    key = {"PolicyArn": arn}
    with whole("GetPolicy"):
        item = dict(call(iam, "GetPolicy", key)["Policy"])
    item["PolicyVersionList"] = versions(iam, arn)
    item["Description"] = item.get("Description") or ""
    item["Tags"] = _all(iam, "ListPolicyTags", key, "Tags")
    return item


def versions(iam: Any, arn: str) -> list[dict[str, Any]]:
    """All stored versions of a policy, each with its document (decoded, or text where it is no JSON)."""

    def stored(version: Mapping[str, Any]) -> dict[str, Any]:
        params = {"PolicyArn": arn, "VersionId": version["VersionId"]}
        with whole("GetPolicyVersion"):
            return {**version, **call(iam, "GetPolicyVersion", params)["PolicyVersion"]}

    return _all(iam, "ListPolicyVersions", {"PolicyArn": arn}, "Versions", stored)


def credentials(iam: Any, user: str) -> dict[str, Any]:
    """What a user can sign in or sign requests with (`credentials`), and when its password last was used (`last_used`).

    `unassigned_mfa` are the serial numbers of virtual devices that are nobody's; one that bears the user's name counts
    as the user's: a deletion that broke off between its two calls leaves one. `credentials` is a tuple of
    `kinds.credentials.Credential`, without any secret; `last_used` is RFC 3339 in UTC, empty for never. A row that an
    emulator does not offer is left out; a denied one is an AccessDenied.
    """
    if not user:
        raise ValueError("without a user name AWS would answer about the caller")
    key = {"UserName": user}

    def access_key(held: Mapping[str, Any]) -> Credential:
        key_id = held["AccessKeyId"]
        return Credential("access-key", key_id, held["Status"], last_used=_key_used(iam, key_id))

    rows: tuple[Callable[[], list[Credential]], ...] = (
        lambda: _all(iam, "ListAccessKeys", key, "AccessKeyMetadata", access_key),
        lambda: _login(iam, key),
        lambda: _all(iam, "ListServiceSpecificCredentials", key, "ServiceSpecificCredentials", _service_credential),
        lambda: _all(iam, "ListSSHPublicKeys", key, "SSHPublicKeys", _ssh_key),
        lambda: _all(iam, "ListSigningCertificates", key, "Certificates", _certificate),
        lambda: _all(iam, "ListMFADevices", key, "MFADevices", _device),
    )
    found: list[Credential] = []
    nobodys: list[str] = []
    with suppress(Unsupported):
        params = {"AssignmentStatus": UNASSIGNED}
        nobodys = _all(iam, "ListVirtualMFADevices", params, "VirtualMFADevices", lambda held: held["SerialNumber"])
    found += [Credential("virtual-mfa", serial, UNASSIGNED) for serial in nobodys if device_name(serial) == user]
    for row in rows:
        try:
            found += row()
        except Unsupported:  # AWS offers all of them, so this is no AWS
            continue
    with whole("GetUser"):
        used = moment(call(iam, "GetUser", key)["User"].get("PasswordLastUsed"))
    others = tuple(sorted(serial for serial in nobodys if device_name(serial) != user))
    return {"credentials": in_order(found), "last_used": used, "unassigned_mfa": others}


def _service_credential(held: Mapping[str, Any]) -> Credential:
    return Credential(
        "service-credential", held["ServiceSpecificCredentialId"], held["Status"], service=held["ServiceName"]
    )


def _ssh_key(held: Mapping[str, Any]) -> Credential:
    return Credential("ssh-key", held["SSHPublicKeyId"], held["Status"])


def _certificate(held: Mapping[str, Any]) -> Credential:
    return Credential("signing-certificate", held["CertificateId"], held["Status"])


def _device(held: Mapping[str, Any]) -> Credential:
    return Credential("virtual-mfa" if is_virtual(held["SerialNumber"]) else "mfa-device", held["SerialNumber"])


def signs_in(iam: Any, user: str, *, keys: bool = True) -> bool | None:
    """Whether a user has a password or an access key that is on; None where what could tell may not be read.

    One of them is enough, whatever may be read of the other. Without `keys` only the password is asked about.
    """
    if not user:
        raise ValueError("without a user name AWS would answer about the caller")
    key = {"UserName": user}
    unread = False
    rows: tuple[Callable[[], list[Any]], ...] = (
        lambda: _login(iam, key),
        lambda: [one for one in _all(iam, "ListAccessKeys", key, "AccessKeyMetadata", _status) if one == "Active"],
    )
    for row in rows if keys else rows[:1]:
        try:
            if row():
                return True
        except (AccessDenied, Unsupported):
            unread = True
    return None if unread else False


def _status(held: Mapping[str, Any]) -> str:
    return str(held["Status"])


def role_used(iam: Any, role: str) -> str:
    """When a role last was assumed, RFC 3339 in UTC; empty where it was not in the 400 days that AWS remembers."""
    with whole("GetRole"):
        answer = call(iam, "GetRole", {"RoleName": role})["Role"]
        return moment((answer.get("RoleLastUsed") or {}).get("LastUsedDate"))


def _key_used(iam: Any, key_id: str) -> str:
    try:
        answer = call(iam, "GetAccessKeyLastUsed", {"AccessKeyId": key_id})
    except Unsupported:
        return ""
    return moment((answer.get("AccessKeyLastUsed") or {}).get("LastUsedDate"))


def _login(iam: Any, key: Mapping[str, str]) -> list[Credential]:
    try:
        call(iam, "GetLoginProfile", key)
    except AwsError as error:
        if error.aws_code == "NoSuchEntity":
            return []
        raise
    return [Credential("login-profile")]


def _all(
    iam: Any, operation: str, params: Mapping[str, Any], member: str, of: Callable[[Any], Any] = lambda item: item
) -> list[Any]:
    """What `of` makes of each item of a listing."""
    with whole(operation):
        return [of(item) for each in pages(iam, operation, params) for item in each.get(member) or ()]
