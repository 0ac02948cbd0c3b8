"""Puts a dump (GetAccountAuthorizationDetails, or a state file's richer form of it) into an account."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from urllib.parse import unquote

from moto.iam.models import AccessKeyLastUsed, AccountPasswordPolicy, Certificate, VirtualMfaDevice

from iamsync.errors import InputError
from iamsync.sandbox import trust
from iamsync.sandbox.backend import Backend, Holder
from iamsync.sandbox.entities import (
    Group,
    InstanceProfile,
    MFADevice,
    OidcProvider,
    Policy,
    PolicyVersion,
    Role,
    SamlProvider,
    ServiceCredential,
    SigningCertificate,
    SshPublicKey,
    User,
    moment,
    new_id,
    now,
)
from iamsync.sandbox.refusal import Refused

# The attributes of moto's password policy, in the order of its constructor.
PASSWORD_POLICY: Final = (
    "allow_users_to_change_password",
    "hard_expiry",
    "max_password_age",
    "minimum_password_length",
    "password_reuse_prevention",
    "require_lowercase_characters",
    "require_numbers",
    "require_symbols",
    "require_uppercase_characters",
)
_LISTS: Final = ("UserDetailList", "GroupDetailList", "RoleDetailList", "Policies")

Data = Mapping[str, Any]


def partition_of(dump: Data) -> str:
    """The partition the dump's ARNs are of; "aws" for an empty dump."""
    for name in _LISTS if isinstance(dump, Mapping) else ():
        for each in dump.get(name, ()):
            if isinstance(each, Mapping) and str(each.get("Arn")).count(":") >= 5:
                return str(each["Arn"]).split(":")[1]
    return "aws"


def load_backend(iam: Backend, dump: Data) -> None:
    """Put all of a dump in place of what has the same names; InputError "sandbox-seed"."""
    try:
        for data in dump.get("Policies", ()):
            _policy(iam, data)
        for data in dump.get("GroupDetailList", ()):
            _group(iam, data)
        for data in dump.get("UserDetailList", ()):
            _user(iam, data)
        loaded = [(_role(iam, data), data) for data in dump.get("RoleDetailList", ())]
        for data in dump.get("InstanceProfiles", ()):
            _profile(iam, data)
        _rest(iam, dump)
        iam.stores.update(dump.get("Stores", {}))
        for role, data in loaded:
            role.trust_ids = dict(data["TrustPrincipals"]) if "TrustPrincipals" in data else _bound(iam, role)
    except KeyError as error:
        raise _unfit(f"the dump lacks {error}") from error
    except (AttributeError, TypeError, ValueError) as error:
        raise _unfit(f"the dump is not one of an account ({error})") from error
    for holder in iam.holders():
        # A policy that was replaced is another object now.
        holder.managed_policies = {arn: _found(iam, arn) for arn in holder.managed_policies}


def text_of(document: Any) -> str:
    """A document's text, whether given as text, URL-encoded as on the wire, or parsed."""
    if not isinstance(document, str):
        return json.dumps(document)
    return unquote(document) if document.startswith("%") else document


def _policy(iam: Backend, data: Data) -> None:
    arn, name = data["Arn"], data["PolicyName"]
    owner = "aws" if ":iam::aws:policy/" in arn else iam.account_id
    policy = Policy(name, owner, iam.partition, path=data.get("Path") or "/")
    policy.id = data.get("PolicyId", policy.id)
    policy.create_date = moment(data["CreateDate"]) if "CreateDate" in data else now()
    policy.update_date = moment(data["UpdateDate"]) if "UpdateDate" in data else policy.create_date
    policy.description = data.get("Description") or ""
    policy.default_version_id = data["DefaultVersionId"]
    policy.tag_map = _tags(data)
    if owner == "aws":
        policy.exact_arn = arn
    policy.versions = [
        PolicyVersion(
            policy.arn,
            text_of(each["Document"]),
            each["VersionId"] == policy.default_version_id,
            each["VersionId"],
            moment(each["CreateDate"]) if "CreateDate" in each else policy.update_date,
        )
        for each in sorted(data["PolicyVersionList"], key=lambda each: _number(each["VersionId"]))
    ]
    numbers = [_number(each.version_id) for each in policy.versions]
    policy.next_version_num = data.get("NextVersion", max(numbers, default=0) + 1)
    if owner == "aws":
        iam.aws_policies[policy.arn] = policy
        return
    folded = name.casefold()
    for old in [each for each in iam.managed_policies.values() if each.name.casefold() == folded]:
        del iam.managed_policies[old.arn]
        for holder in iam.holders():
            if holder.managed_policies.pop(old.arn, None):
                holder.managed_policies[policy.arn] = policy
    iam.managed_policies[policy.arn] = policy


def _user(iam: Backend, data: Data) -> None:
    name = data["UserName"]
    old = next((each for each in iam.users.values() if each.name.casefold() == name.casefold()), None)
    if old is not None:
        del iam.users[old.name]
        for key in old.access_keys:
            iam.access_keys.pop(key.access_key_id, None)
        for group in iam.groups_of(old):
            group.users.remove(old)
    user = iam.users[name] = User(iam.account_id, iam.partition, name, data.get("Path") or "/")
    _fill(iam, user, "User", data)
    user.tag_map = _tags(data)
    user.boundary_arn = _boundary(data)
    for group_name in data.get("GroupList", ()):
        if group_name not in iam.groups:
            raise _unfit(f"user {name} is in group {group_name}, which the dump does not have")
        iam.groups[group_name].users.append(user)
    _credentials(iam, user, data)


def _credentials(iam: Backend, user: User, data: Data) -> None:
    for each in data.get("AccessKeys", ()):
        key = user.create_access_key("AKIA", each["Status"])
        key.access_key_id, key.secret_access_key = each["AccessKeyId"], each["SecretAccessKey"]
        key.create_date = moment(each["CreateDate"])
        if used := each.get("LastUsed"):
            key.last_used = AccessKeyLastUsed(moment(used[0]), used[1], used[2])
        iam.access_keys[key.access_key_id] = key
    if login := data.get("LoginProfile"):
        # That there is a password is kept; the password is not.
        user.password, user.login_date = "*", moment(login["CreateDate"])
        user.password_reset_required = login["PasswordResetRequired"]
    for each in data.get("MFADevices", ()):
        device = MFADevice(each["SerialNumber"], "", "")
        device.enable_date = moment(each["EnableDate"])
        user.mfa_devices[device.serial_number] = device
    for each in data.get("SSHPublicKeys", ()):
        ssh = SshPublicKey(user.name, each["SSHPublicKeyBody"])
        ssh.ssh_public_key_id, ssh.status = each["SSHPublicKeyId"], each["Status"]
        ssh.upload_date = moment(each["UploadDate"])
        user.ssh_public_keys.append(ssh)
    for each in data.get("SigningCertificates", ()):
        certificate = SigningCertificate(each["CertificateId"], user.name, each["CertificateBody"])
        certificate.status, certificate.upload_date = each["Status"], moment(each["UploadDate"])
        user.signing_certificates[certificate.id] = certificate
    for each in data.get("ServiceSpecificCredentials", ()):
        # That there is one is kept; a new password is as good as the old one.
        credential = ServiceCredential(user.name, iam.account_id, each["ServiceName"])
        credential.id, credential.login = each["ServiceSpecificCredentialId"], each["ServiceUserName"]
        credential.status, credential.create_date = each["Status"], moment(each["CreateDate"])
        credential.expires = moment(each["ExpirationDate"]) if each["ExpirationDate"] else None
        user.service_credentials[credential.id] = credential
    if used := data.get("PasswordLastUsed"):
        user.password_last_used = moment(used)


def _group(iam: Backend, data: Data) -> None:
    name = data["GroupName"]
    old = next((each for each in iam.groups.values() if each.name.casefold() == name.casefold()), None)
    group = Group(iam.account_id, iam.partition, name, data.get("Path") or "/")
    if old is not None:
        group.users = old.users
        del iam.groups[old.name]
    iam.groups[name] = group
    _fill(iam, group, "Group", data)


def _role(iam: Backend, data: Data) -> Role:
    name = data["RoleName"]
    old = next((each for each in iam.roles.values() if each.name.casefold() == name.casefold()), None)
    trusted = text_of(data["AssumeRolePolicyDocument"])
    role = Role(iam.account_id, iam.partition, name, data.get("Path") or "/", trusted)
    _fill(iam, role, "Role", data)
    role.tag_map = _tags(data)
    role.boundary_arn = _boundary(data)
    role.description = data.get("Description") or ""
    role.session_seconds = data.get("MaxSessionDuration", 3600)
    if used := data.get("RoleLastUsed"):
        role.last_used, role.used_in = moment(used["LastUsedDate"]), used.get("Region", role.used_in)
    if old is not None:
        del iam.roles[old.id]
        for profile in iam.profiles_of(old):
            profile.roles = [role]
    if role.id in iam.roles:
        # Edited dumps repeat ids; AWS has each once.
        role.id = new_id("AROA")
    iam.roles[role.id] = role
    for each in data.get("InstanceProfileList", ()):
        _profile(iam, {**each, "Roles": [{"RoleName": name}]})
    return role


def _profile(iam: Backend, data: Data) -> None:
    name = data["InstanceProfileName"]
    for old in [each for each in iam.instance_profiles if each.casefold() == name.casefold()]:
        del iam.instance_profiles[old]
    profile = InstanceProfile(iam.account_id, iam.partition, name, data.get("Path") or "/")
    profile.id = data.get("InstanceProfileId", profile.id)
    profile.create_date = moment(data["CreateDate"]) if "CreateDate" in data else now()
    profile.tag_map = _tags(data)
    profile.roles = [iam.get_role(each["RoleName"]) for each in data.get("Roles", ())]
    iam.instance_profiles[name] = profile


def _rest(iam: Backend, dump: Data) -> None:
    for each in dump.get("OpenIDConnectProviders", ()):
        url = f"https://{each['Url']}"
        oidc = OidcProvider(
            iam.account_id, iam.partition, url, list(each["ThumbprintList"]), list(each["ClientIDList"])
        )
        oidc.create_date, oidc.tag_map = _created(each), _tags(each)
        iam.open_id_providers[oidc.arn] = oidc
    for each in dump.get("SAMLProviders", ()):
        saml = SamlProvider(iam.account_id, iam.partition, each["Name"], each["SAMLMetadataDocument"])
        saml.create_date, saml.tag_map = _created(each), _tags(each)
        iam.saml_providers[saml.name] = saml
    for each in dump.get("VirtualMFADevices", ()):
        device = VirtualMfaDevice(iam.account_id, iam.partition, each["SerialNumber"].partition(":mfa")[2])
        device.user = iam.users.get(each["UserName"] or "")
        if device.user is not None:
            device.enable_date = moment(each["EnableDate"])
        iam.virtual_mfa_devices[device.serial_number] = device
    for number, each in enumerate(dump.get("ServerCertificates", ())):
        certificate = Certificate(
            iam.account_id, iam.partition, each["Name"], each["Body"], "", each["Chain"], each["Path"]
        )
        iam.certificates[f"seeded-{number}"] = certificate
    iam.account_aliases = list(dump.get("AccountAliases", iam.account_aliases))
    iam.credential_report = dump.get("CredentialReport", iam.credential_report)
    if policy := dump.get("PasswordPolicy"):
        iam.account_password_policy = AccountPasswordPolicy(*(policy[name] for name in PASSWORD_POLICY))


def _created(data: Data) -> datetime:
    return moment(data["CreateDate"]) if "CreateDate" in data else now()


def _fill(iam: Backend, each: Holder, kind: str, data: Data) -> None:
    each.id = data.get(f"{kind}Id", each.id)
    each.create_date = moment(data["CreateDate"]) if "CreateDate" in data else now()
    each.policies = {one["PolicyName"]: text_of(one["PolicyDocument"]) for one in data.get(f"{kind}PolicyList", ())}
    attached = [one["PolicyArn"] for one in data.get("AttachedManagedPolicies", ())]
    each.managed_policies = {arn: _found(iam, arn) for arn in attached}


def _found(iam: Backend, arn: str) -> Policy:
    if policy := iam.find_policy(arn):
        return policy
    # Dumps are filtered, or older than moto's copy of AWS's policies: who holds one keeps it, it just has no content.
    owner, _, path = arn.partition("::")[2].partition(":policy/")
    policy = Policy(path.rpartition("/")[2], owner, iam.partition, path="/")
    policy.exact_arn = arn
    return policy


def _boundary(data: Data) -> str | None:
    arn: str | None = (data.get("PermissionsBoundary") or {}).get("PermissionsBoundaryArn")
    return arn or None


def _bound(iam: Backend, role: Role) -> dict[str, str]:
    try:
        return trust.bind(iam, json.loads(role.assume_role_policy_document), strict=False)
    except (Refused, ValueError):
        return {}


def _tags(data: Data) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in data.get("Tags") or ()}


def _number(version_id: str) -> int:
    return int(version_id.lstrip("v").partition(".")[0])


def _unfit(message: str) -> InputError:
    return InputError(
        message, code="sandbox-seed", hint="seed the whole answer of `aws iam get-account-authorization-details`"
    )
