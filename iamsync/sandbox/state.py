"""A server's accounts as JSON: the shape of GetAccountAuthorizationDetails, with what that leaves out.

Loading is `seed.load_backend`, so a state file and a dump of a real account are read by one piece of code.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from iamsync.errors import InputError, Place
from iamsync.files import put
from iamsync.sandbox.backend import Accounts, Backend, Holder
from iamsync.sandbox.entities import Group, InstanceProfile, Policy, Role, Tagged, User, tag_list
from iamsync.sandbox.seed import PASSWORD_POLICY, load_backend

FORMAT: Final = "iamsync-sandbox"
VERSION: Final = 1
_HINT: Final = "delete the file to start with an empty sandbox"


def encode(accounts: Accounts, quotas: Mapping[str, int]) -> bytes:
    """Everything a server holds, as the bytes of its file."""
    held: dict[str, dict[str, Any]] = {}
    for backend in accounts.backends():
        if not backend.empty:
            held.setdefault(backend.account_id, {})[backend.partition] = dump(backend)
    content = {"format": FORMAT, "version": VERSION, "quotas": dict(quotas), "accounts": held}
    return json.dumps(content, ensure_ascii=False).encode() + b"\n"


def decode(path: Path, content: bytes, accounts: Accounts) -> dict[str, int]:
    """Put the content of a state file into `accounts`; returns the quotas. InputError "sandbox-state"."""
    try:
        data = json.loads(content)
    except (ValueError, RecursionError):
        data = None
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise InputError("this is not the state of a sandbox", code="sandbox-state", place=Place(str(path)), hint=_HINT)
    if data.get("version") != VERSION:
        message = f"the state is of version {data.get('version')}, this iamsync reads version {VERSION}"
        raise InputError(message, code="sandbox-state", place=Place(str(path)), hint=_HINT)
    try:
        _whole(content, data)
        for account_id, partitions in data["accounts"].items():
            for partition, held in partitions.items():
                _check(held)
                load_backend(accounts[account_id][partition], held)
        return {str(name): int(limit) for name, limit in data["quotas"].items()}
    except InputError as error:
        raise InputError(error.message, code="sandbox-state", place=Place(str(path)), hint=_HINT) from error
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
        message = f"the state is damaged ({error})"
        raise InputError(message, code="sandbox-state", place=Place(str(path)), hint=_HINT) from error


def _whole(content: bytes, data: Any) -> None:
    """ValueError where a text has half a character in it, which no answer could hold."""
    if b"\\u" in content:
        try:
            json.dumps(data, ensure_ascii=False).encode()
        except UnicodeEncodeError as error:
            raise ValueError("half a character") from error


def _check(held: Mapping[str, Any]) -> None:
    """TypeError where what is only handed on has another type than `dump` gives it."""
    for section in ("UserDetailList", "RoleDetailList", "Policies", "InstanceProfiles", "SAMLProviders"):
        for item in held.get(section, ()):
            texts = [text for tag in item.get("Tags") or () for text in (tag["Key"], tag["Value"])]
            texts += [item["PermissionsBoundary"]["PermissionsBoundaryArn"]] if item.get("PermissionsBoundary") else []
            texts += [one["PolicyArn"] for one in item.get("AttachedManagedPolicies") or ()]
            texts += (item.get("TrustPrincipals") or {}).values()
            if not all(isinstance(text, str) for text in texts):
                raise TypeError(f"a tag or an ARN in {section} is no text")


def write(path: Path, content: bytes) -> None:
    """Put a state in its file, and make the folder where there is none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    put(path, content)


def dump(iam: Backend) -> dict[str, Any]:
    """One account, in the form `seed.load_backend` reads."""
    policies = (*iam.managed_policies.values(), *iam.aws_policies.values())
    held = {
        "UserDetailList": [_user(iam, each) for each in iam.users.values()],
        "GroupDetailList": [_group(each) for each in iam.groups.values()],
        "RoleDetailList": [_role(each) for each in iam.roles.values()],
        "Policies": [_policy(each) for each in policies],
        "InstanceProfiles": [_profile(each) for each in iam.instance_profiles.values()],
        "OpenIDConnectProviders": [
            {
                "Url": each.url,
                "ClientIDList": each.client_id_list,
                "ThumbprintList": each.thumbprint_list,
                "CreateDate": _date(each.create_date),
                "Tags": _tags(each),
            }
            for each in iam.open_id_providers.values()
        ],
        "SAMLProviders": [
            {
                "Name": each.name,
                "SAMLMetadataDocument": each.saml_metadata_document,
                "CreateDate": _date(each.create_date),
                "Tags": _tags(each),
            }
            for each in iam.saml_providers.values()
        ],
        "VirtualMFADevices": [
            {
                "SerialNumber": serial,
                "UserName": each.user.name if each.user else None,
                "EnableDate": _date(each.enable_date) if each.enable_date else None,
            }
            for serial, each in iam.virtual_mfa_devices.items()
        ],
        "ServerCertificates": [
            {"Name": each.cert_name, "Path": each.path, "Body": each.cert_body, "Chain": each.cert_chain}
            for each in iam.certificates.values()
        ],
        "AccountAliases": list(iam.account_aliases),
        "CredentialReport": bool(iam.credential_report),
    }
    if any(iam.stores.values()):
        held["Stores"] = iam.stores
    if policy := iam.account_password_policy:
        held["PasswordPolicy"] = {name: getattr(policy, name) for name in PASSWORD_POLICY}
    return held


def _user(iam: Backend, each: User) -> dict[str, Any]:
    view = _named(each, "User") | _holdings(each, "User") | {"Tags": _tags(each)} | _boundary(each)
    view["GroupList"] = [group.name for group in iam.groups_of(each)]
    view["AccessKeys"] = [
        {
            "AccessKeyId": key.access_key_id,
            "SecretAccessKey": key.secret_access_key,
            "Status": key.status,
            "CreateDate": _date(key.create_date),
            "LastUsed": [_date(key.last_used.timestamp), key.last_used.service, key.last_used.region]
            if key.last_used
            else None,
        }
        for key in each.access_keys
    ]
    if each.password:
        login_date = _date(each.login_date or each.create_date)
        view["LoginProfile"] = {"CreateDate": login_date, "PasswordResetRequired": each.password_reset_required}
    view["MFADevices"] = [
        {"SerialNumber": one.serial_number, "EnableDate": _date(one.enable_date)} for one in each.mfa_devices.values()
    ]
    view["SSHPublicKeys"] = [
        {
            "SSHPublicKeyId": one.ssh_public_key_id,
            "SSHPublicKeyBody": one.ssh_public_key_body,
            "Status": one.status,
            "UploadDate": _date(one.upload_date),
        }
        for one in each.ssh_public_keys
    ]
    view["SigningCertificates"] = [
        {
            "CertificateId": one.id,
            "CertificateBody": one.body,
            "Status": one.status,
            "UploadDate": _date(one.upload_date),
        }
        for one in each.signing_certificates.values()
    ]
    view["ServiceSpecificCredentials"] = [
        {
            "ServiceSpecificCredentialId": one.id,
            "ServiceName": one.service,
            "ServiceUserName": one.login,
            "Status": one.status,
            "CreateDate": _date(one.create_date),
            "ExpirationDate": _date(one.expires) if one.expires else None,
        }
        for one in each.service_credentials.values()
    ]
    if used := each.password_last_used:
        view["PasswordLastUsed"] = _date(used)
    return view


def _group(each: Group) -> dict[str, Any]:
    return _named(each, "Group") | _holdings(each, "Group")


def _role(each: Role) -> dict[str, Any]:
    view = _named(each, "Role") | _holdings(each, "Role") | {"Tags": _tags(each)} | _boundary(each)
    return view | {
        "AssumeRolePolicyDocument": each.assume_role_policy_document,
        "TrustPrincipals": each.trust_ids,
        "Description": each.description,
        "MaxSessionDuration": each.session_seconds,
        "RoleLastUsed": {"LastUsedDate": _date(each.last_used), "Region": each.used_in} if each.last_used else {},
    }


def _policy(each: Policy) -> dict[str, Any]:
    return _named(each, "Policy") | {
        "Arn": each.arn,
        "Description": each.description,
        "DefaultVersionId": each.default_version_id,
        "NextVersion": each.next_version_num,
        "UpdateDate": _date(each.update_date),
        "PolicyVersionList": [
            {"VersionId": one.version_id, "Document": one.document, "CreateDate": _date(one.create_date)}
            for one in each.versions
        ],
        "Tags": _tags(each),
    }


def _profile(each: InstanceProfile) -> dict[str, Any]:
    roles = [{"RoleName": role.name} for role in each.roles]
    return _named(each, "InstanceProfile") | {"Roles": roles, "Tags": _tags(each)}


def _named(each: Holder | Policy | InstanceProfile, kind: str) -> dict[str, Any]:
    return {"Path": each.path, f"{kind}Name": each.name, f"{kind}Id": each.id, "CreateDate": _date(each.create_date)}


def _holdings(each: Holder, kind: str) -> dict[str, Any]:
    return {
        f"{kind}PolicyList": [{"PolicyName": name, "PolicyDocument": text} for name, text in each.policies.items()],
        "AttachedManagedPolicies": [{"PolicyArn": arn} for arn in each.managed_policies],
    }


def _boundary(each: User | Role) -> dict[str, Any]:
    return {"PermissionsBoundary": {"PermissionsBoundaryArn": each.boundary_arn}} if each.boundary_arn else {}


def _tags(each: Tagged) -> Iterable[dict[str, str]]:
    return tag_list(each.tag_map)


def _date(value: datetime) -> str:
    return value.isoformat() + "Z" if value.tzinfo is None else value.isoformat()
