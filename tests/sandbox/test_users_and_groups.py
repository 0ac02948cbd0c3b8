from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from iamsync.sandbox import Server

from .conftest import ACCOUNT, client
from .documents import policy

READ_ONLY = "arn:aws:iam::aws:policy/ReadOnlyAccess"
Refused = Callable[..., str]


def policy_arn(iam: Any, name: str = "limit") -> str:
    return str(iam.create_policy(PolicyName=name, PolicyDocument=policy())["Policy"]["Arn"])


def certificate() -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "ann")])
    start = datetime(2026, 1, 1, tzinfo=UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, start, start + timedelta(days=9))
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


def test_a_user_is_created_with_its_boundary_and_tags_and_shows_both(iam: Any) -> None:
    arn = policy_arn(iam)
    tags = [{"Key": "team", "Value": "a"}]
    made = iam.create_user(UserName="ann", PermissionsBoundary=arn, Tags=tags, Path="/x/")["User"]
    assert made["UserId"].startswith("AIDA")
    assert len(made["UserId"]) == 21
    shown = iam.get_user(UserName="ann")["User"]
    assert shown["PermissionsBoundary"]["PermissionsBoundaryArn"] == arn
    assert shown["Tags"] == tags
    detail = iam.get_account_authorization_details()["UserDetailList"][0]
    assert detail["PermissionsBoundary"]["PermissionsBoundaryArn"] == arn
    assert detail["Tags"] == tags
    listed = iam.list_users()["Users"][0]
    assert "Tags" not in listed
    assert "PermissionsBoundary" not in listed


def test_a_boundary_of_a_user_is_put_over_and_deleted(iam: Any, refused: Refused) -> None:
    first, second = policy_arn(iam, "first"), policy_arn(iam, "second")
    iam.create_user(UserName="ann", PermissionsBoundary=first)
    iam.put_user_permissions_boundary(UserName="ann", PermissionsBoundary=second)
    assert iam.get_user(UserName="ann")["User"]["PermissionsBoundary"]["PermissionsBoundaryArn"] == second
    iam.delete_user_permissions_boundary(UserName="ann")
    assert "PermissionsBoundary" not in iam.get_user(UserName="ann")["User"]
    assert refused(iam.delete_user_permissions_boundary, UserName="ann") == "NoSuchEntity"


def test_a_boundary_that_does_not_exist_is_refused(iam: Any, refused: Refused) -> None:
    gone = f"arn:aws:iam::{ACCOUNT}:policy/gone"
    assert refused(iam.create_user, UserName="ann", PermissionsBoundary=gone) == "NoSuchEntity"
    assert iam.list_users()["Users"] == []
    iam.create_user(UserName="ann")
    assert refused(iam.put_user_permissions_boundary, UserName="ann", PermissionsBoundary=gone) == "NoSuchEntity"


def test_a_renamed_and_repathed_user_keeps_all_it_had(iam: Any) -> None:
    arn = policy_arn(iam)
    made = iam.create_user(UserName="ann", PermissionsBoundary=arn, Tags=[{"Key": "team", "Value": "a"}])["User"]
    iam.create_group(GroupName="staff")
    iam.add_user_to_group(GroupName="staff", UserName="ann")
    iam.attach_user_policy(UserName="ann", PolicyArn=READ_ONLY)
    iam.put_user_policy(UserName="ann", PolicyName="own", PolicyDocument=policy())
    key = iam.create_access_key(UserName="ann")["AccessKey"]["AccessKeyId"]
    iam.update_user(UserName="ann", NewUserName="beth", NewPath="/staff/")
    shown = iam.get_user(UserName="beth")["User"]
    assert shown["Arn"] == f"arn:aws:iam::{ACCOUNT}:user/staff/beth"
    assert shown["UserId"] == made["UserId"]
    assert shown["Tags"] == [{"Key": "team", "Value": "a"}]
    assert shown["PermissionsBoundary"]["PermissionsBoundaryArn"] == arn
    detail = iam.get_account_authorization_details(Filter=["User"])["UserDetailList"][0]
    assert detail["GroupList"] == ["staff"]
    assert [each["PolicyName"] for each in detail["UserPolicyList"]] == ["own"]
    assert detail["AttachedManagedPolicies"] == [{"PolicyName": "ReadOnlyAccess", "PolicyArn": READ_ONLY}]
    keys = iam.list_access_keys(UserName="beth")["AccessKeyMetadata"]
    assert [(each["AccessKeyId"], each["UserName"]) for each in keys] == [(key, "beth")]
    assert iam.get_access_key_last_used(AccessKeyId=key)["UserName"] == "beth"


def test_a_renamed_and_repathed_group_keeps_its_id_and_members(iam: Any) -> None:
    made = iam.create_group(GroupName="staff")["Group"]
    assert made["GroupId"].startswith("AGPA")
    iam.create_user(UserName="ann")
    iam.add_user_to_group(GroupName="staff", UserName="ann")
    iam.update_group(GroupName="staff", NewPath="/all/")
    assert iam.get_group(GroupName="staff")["Group"]["Arn"] == f"arn:aws:iam::{ACCOUNT}:group/all/staff"
    iam.update_group(GroupName="staff", NewGroupName="people")
    shown = iam.get_group(GroupName="people")
    assert shown["Group"]["GroupId"] == made["GroupId"]
    assert [user["UserName"] for user in shown["Users"]] == ["ann"]
    assert [group["GroupName"] for group in iam.list_groups_for_user(UserName="ann")["Groups"]] == ["people"]


LEFTOVERS_OF_A_USER = [
    ("create_login_profile", {"Password": "Correct-horse-9"}, "delete_login_profile", {}),
    ("put_user_policy", {"PolicyName": "p", "PolicyDocument": policy()}, "delete_user_policy", {"PolicyName": "p"}),
    ("attach_user_policy", {"PolicyArn": READ_ONLY}, "detach_user_policy", {"PolicyArn": READ_ONLY}),
    ("add_user_to_group", {"GroupName": "staff"}, "remove_user_from_group", {"GroupName": "staff"}),
]


@pytest.mark.parametrize(("put", "with_", "take", "of"), LEFTOVERS_OF_A_USER, ids=lambda each: str(each)[:24])
def test_a_user_with_leftovers_cannot_be_deleted(
    iam: Any, refused: Refused, put: str, with_: dict[str, Any], take: str, of: dict[str, Any]
) -> None:
    iam.create_group(GroupName="staff")
    iam.create_user(UserName="ann")
    getattr(iam, put)(UserName="ann", **with_)
    assert refused(iam.delete_user, full=True, UserName="ann").startswith("DeleteConflict: Cannot delete entity, must ")
    getattr(iam, take)(UserName="ann", **of)
    iam.delete_user(UserName="ann")
    assert refused(iam.get_user, UserName="ann") == "NoSuchEntity"


def test_a_user_with_credentials_cannot_be_deleted(iam: Any, refused: Refused) -> None:
    iam.create_user(UserName="ann")
    key = iam.create_access_key(UserName="ann")["AccessKey"]["AccessKeyId"]
    assert refused(iam.delete_user, UserName="ann") == "DeleteConflict"
    iam.delete_access_key(UserName="ann", AccessKeyId=key)
    body = "ssh-rsa " + "A" * 200
    ssh = iam.upload_ssh_public_key(UserName="ann", SSHPublicKeyBody=body)["SSHPublicKey"]["SSHPublicKeyId"]
    assert refused(iam.delete_user, UserName="ann") == "DeleteConflict"
    iam.delete_ssh_public_key(UserName="ann", SSHPublicKeyId=ssh)
    signing = iam.upload_signing_certificate(UserName="ann", CertificateBody=certificate())["Certificate"]
    assert refused(iam.delete_user, UserName="ann") == "DeleteConflict"
    iam.delete_signing_certificate(UserName="ann", CertificateId=signing["CertificateId"])
    serial = iam.create_virtual_mfa_device(VirtualMFADeviceName="phone")["VirtualMFADevice"]["SerialNumber"]
    codes = {"AuthenticationCode1": "123456", "AuthenticationCode2": "654321"}
    iam.enable_mfa_device(UserName="ann", SerialNumber=serial, **codes)
    assert refused(iam.delete_user, UserName="ann") == "DeleteConflict"
    assert refused(iam.delete_virtual_mfa_device, SerialNumber=serial) == "DeleteConflict"
    iam.update_user(UserName="ann", NewUserName="beth")
    assigned = iam.list_virtual_mfa_devices(AssignmentStatus="Assigned")["VirtualMFADevices"]
    assert [device["User"]["UserName"] for device in assigned] == ["beth"]
    iam.deactivate_mfa_device(UserName="beth", SerialNumber=serial)
    iam.delete_virtual_mfa_device(SerialNumber=serial)
    iam.delete_user(UserName="beth")


def test_a_group_with_leftovers_cannot_be_deleted(iam: Any, refused: Refused) -> None:
    iam.create_user(UserName="ann")
    iam.create_group(GroupName="staff")
    iam.add_user_to_group(GroupName="staff", UserName="ann")
    iam.put_group_policy(GroupName="staff", PolicyName="own", PolicyDocument=policy())
    iam.attach_group_policy(GroupName="staff", PolicyArn=READ_ONLY)
    assert "users from group" in refused(iam.delete_group, full=True, GroupName="staff")
    iam.remove_user_from_group(GroupName="staff", UserName="ann")
    assert "delete policies" in refused(iam.delete_group, full=True, GroupName="staff")
    iam.delete_group_policy(GroupName="staff", PolicyName="own")
    assert "detach all policies" in refused(iam.delete_group, full=True, GroupName="staff")
    iam.detach_group_policy(GroupName="staff", PolicyArn=READ_ONLY)
    iam.delete_group(GroupName="staff")


def test_tag_keys_of_users_are_one_whatever_their_case_and_spelled_as_last_written(iam: Any) -> None:
    iam.create_user(UserName="ann", Tags=[{"Key": "Department", "Value": "1"}])
    iam.tag_user(UserName="ann", Tags=[{"Key": "department", "Value": "2"}])
    assert iam.list_user_tags(UserName="ann")["Tags"] == [{"Key": "department", "Value": "2"}]
    iam.untag_user(UserName="ann", TagKeys=["DEPARTMENT", "never-there"])
    assert iam.list_user_tags(UserName="ann")["Tags"] == []


BAD_TAGS = [
    ([{"Key": "aws:x", "Value": "1"}], "InvalidInput"),
    ([{"Key": "a", "Value": "1"}, {"Key": "A", "Value": "2"}], "InvalidInput"),
    ([{"Key": "", "Value": "1"}], "ValidationError"),
    ([{"Key": "k" * 129, "Value": "1"}], "ValidationError"),
    ([{"Key": "k", "Value": "v" * 257}], "ValidationError"),
    ([{"Key": "no;semicolon", "Value": "1"}], "ValidationError"),
    ([{"Key": f"k{n}", "Value": "1"} for n in range(51)], "ValidationError"),
]


@pytest.mark.parametrize(("tags", "code"), BAD_TAGS, ids=lambda each: str(each)[:24])
def test_tags_that_aws_refuses_are_refused(iam: Any, refused: Refused, tags: list[Any], code: str) -> None:
    iam.create_user(UserName="ann")
    assert refused(iam.tag_user, UserName="ann", Tags=tags) == code
    assert refused(iam.create_user, UserName="beth", Tags=tags) == code


def test_tags_over_fifty_are_refused_also_when_put_on_little_by_little(iam: Any, refused: Refused) -> None:
    iam.create_user(UserName="ann", Tags=[{"Key": f"k{n}", "Value": "é ñ"} for n in range(50)])
    iam.tag_user(UserName="ann", Tags=[{"Key": "k0", "Value": ""}])
    assert refused(iam.tag_user, UserName="ann", Tags=[{"Key": "one more", "Value": ""}]) == "LimitExceeded"


def test_a_password_is_known_to_exist_until_it_is_deleted(iam: Any, refused: Refused) -> None:
    iam.create_user(UserName="ann")
    assert refused(iam.get_login_profile, UserName="ann") == "NoSuchEntity"
    iam.create_login_profile(UserName="ann", Password="Correct-horse-9", PasswordResetRequired=True)
    assert iam.get_login_profile(UserName="ann")["LoginProfile"]["PasswordResetRequired"] is True
    assert refused(iam.create_login_profile, UserName="ann", Password="Correct-horse-9") == "EntityAlreadyExists"
    iam.update_login_profile(UserName="ann", PasswordResetRequired=False)
    assert iam.get_login_profile(UserName="ann")["LoginProfile"]["PasswordResetRequired"] is False
    iam.delete_login_profile(UserName="ann")
    assert refused(iam.delete_login_profile, UserName="ann") == "NoSuchEntity"


def test_calls_without_a_user_name_act_on_the_caller(server: Server, iam: Any, refused: Refused) -> None:
    iam.create_user(UserName="ann")
    key = iam.create_access_key(UserName="ann")["AccessKey"]
    ann = client(server, key=key["AccessKeyId"])
    assert ann.get_user()["User"]["UserName"] == "ann"
    assert ann.create_access_key()["AccessKey"]["UserName"] == "ann"
    assert refused(ann.create_access_key) == "LimitExceeded"
    assert refused(iam.create_access_key) == "ValidationError"
    assert client(server, "sts", key=key["AccessKeyId"]).get_caller_identity()["Arn"].endswith(":user/ann")
