from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from iamsync.errors import IamsyncError, InputError
from iamsync.sandbox import Server
from iamsync.sandbox.lock import FileLock

from .conftest import ACCOUNT, client
from .documents import EC2, policy, trust

Refused = Callable[..., str]
READ_ONLY = "arn:aws:iam::aws:policy/ReadOnlyAccess"
REAL_DUMP = Path(__file__).parents[3] / "shared" / "data" / "account-dump-large.json"


def open_server(path: Path) -> Server:
    return Server(path, account_id=ACCOUNT)


def everything(iam: Any) -> dict[str, Any]:
    """What an account shows, call by call."""
    details = iam.get_paginator("get_account_authorization_details").paginate().build_full_result()
    shown: dict[str, Any] = {"details": details, "roles": iam.list_roles()["Roles"]}
    for user in details["UserDetailList"]:
        name = user["UserName"]
        shown[name] = [
            iam.list_access_keys(UserName=name)["AccessKeyMetadata"],
            iam.list_ssh_public_keys(UserName=name)["SSHPublicKeys"],
            iam.list_mfa_devices(UserName=name)["MFADevices"],
        ]
    for each in details["Policies"]:
        shown[each["Arn"]] = iam.get_policy(PolicyArn=each["Arn"])["Policy"]
    for profile in iam.list_instance_profiles()["InstanceProfiles"]:
        shown[profile["Arn"]] = iam.get_instance_profile(InstanceProfileName=profile["InstanceProfileName"])
    for provider in iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]:
        shown[provider["Arn"]] = iam.get_open_id_connect_provider(OpenIDConnectProviderArn=provider["Arn"])
    for provider in iam.list_saml_providers()["SAMLProviderList"]:
        shown[provider["Arn"]] = iam.get_saml_provider(SAMLProviderArn=provider["Arn"])
    shown["alias"] = iam.list_account_aliases()["AccountAliases"]
    shown["password policy"] = iam.get_account_password_policy()["PasswordPolicy"]
    shown["devices"] = iam.list_virtual_mfa_devices()["VirtualMFADevices"]
    shown["summary"] = iam.get_account_summary()["SummaryMap"]
    text = json.dumps(shown, default=str, sort_keys=True)
    result: dict[str, Any] = json.loads(text)
    for each in result.values():
        if isinstance(each, dict):
            each.pop("ResponseMetadata", None)
    return result


def fill(iam: Any) -> None:
    limit = iam.create_policy(
        PolicyName="limit", PolicyDocument=policy(), Description="d", Tags=[{"Key": "a", "Value": "b"}]
    )["Policy"]["Arn"]
    iam.create_policy_version(PolicyArn=limit, PolicyDocument=policy("s3:*"), SetAsDefault=True)
    iam.delete_policy_version(PolicyArn=limit, VersionId="v1")
    user = iam.create_user(UserName="ann", Path="/x/", PermissionsBoundary=limit, Tags=[{"Key": "t", "Value": "1"}])
    iam.create_group(GroupName="staff")
    iam.add_user_to_group(GroupName="staff", UserName="ann")
    iam.put_user_policy(UserName="ann", PolicyName="own", PolicyDocument=policy("s3:Get%20"))
    iam.attach_group_policy(GroupName="staff", PolicyArn=READ_ONLY)
    iam.create_access_key(UserName="ann")
    iam.create_login_profile(UserName="ann", Password="Correct-horse-9")
    iam.upload_ssh_public_key(UserName="ann", SSHPublicKeyBody="ssh-rsa AAAA")
    serial = iam.create_virtual_mfa_device(VirtualMFADeviceName="phone")["VirtualMFADevice"]["SerialNumber"]
    codes = {"AuthenticationCode1": "123456", "AuthenticationCode2": "654321"}
    iam.enable_mfa_device(UserName="ann", SerialNumber=serial, **codes)
    iam.create_role(
        RoleName="r",
        AssumeRolePolicyDocument=trust({"AWS": user["User"]["Arn"]}),
        Description="role",
        MaxSessionDuration=7200,
        PermissionsBoundary=limit,
    )
    iam.attach_role_policy(RoleName="r", PolicyArn=limit)
    iam.create_instance_profile(InstanceProfileName="i", Tags=[{"Key": "p", "Value": "q"}])
    iam.add_role_to_instance_profile(InstanceProfileName="i", RoleName="r")
    iam.create_open_id_connect_provider(Url="https://idp.example.com/x", ClientIDList=["c"])
    iam.create_saml_provider(Name="saml", SAMLMetadataDocument="<x/>" * 300, Tags=[{"Key": "s", "Value": "t"}])
    iam.create_account_alias(AccountAlias="some-alias")
    iam.update_account_password_policy(MinimumPasswordLength=14)


def test_everything_outlives_the_process(tmp_path: Path, refused: Refused) -> None:
    path = tmp_path / "new" / "state.json"
    with open_server(path) as server:
        fill(client(server))
        server.quotas["RolesQuota"] = 7
        before = everything(client(server))
    assert path.stat().st_mode & 0o777 == 0o600
    with open_server(path) as server:
        iam = client(server)
        assert everything(iam) == before
        assert iam.get_login_profile(UserName="ann")["LoginProfile"]["UserName"] == "ann"
        arn = f"arn:aws:iam::{ACCOUNT}:policy/limit"
        third = iam.create_policy_version(PolicyArn=arn, PolicyDocument=policy())["PolicyVersion"]
        assert third["VersionId"] == "v3"
        iam.update_user(UserName="ann", NewUserName="beth")
    with open_server(path) as server:
        role = client(server).get_role(RoleName="r")["Role"]
        principal = role["AssumeRolePolicyDocument"]["Statement"][0]["Principal"]
        assert principal == {"AWS": f"arn:aws:iam::{ACCOUNT}:user/x/beth"}


def test_the_secret_of_a_key_is_kept_and_a_password_is_not(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    with open_server(path) as server:
        fill(client(server))
    text = path.read_text()
    assert "Correct-horse-9" not in text
    assert json.loads(text)["accounts"][ACCOUNT]["aws"]["UserDetailList"][0]["AccessKeys"][0]["SecretAccessKey"]


def test_the_state_is_saved_also_when_a_command_fails(tmp_path: Path) -> None:
    path = tmp_path / "state.json"

    def fail() -> None:
        with open_server(path) as server:
            client(server).create_user(UserName="ann")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    with open_server(path) as server:
        assert len(client(server).list_users()["Users"]) == 1


def test_a_command_that_only_reads_leaves_the_file_alone(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    with open_server(path) as server:
        client(server).create_user(UserName="ann")
    os.utime(path, (1, 1))
    with open_server(path) as server:
        client(server).list_users()
    assert path.stat().st_mtime == 1


def test_a_second_process_waits_for_the_first_and_then_says_what_is_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "state.json"
    monkeypatch.setattr("iamsync.sandbox.lock.WAIT_SECONDS", 0.1)
    with open_server(path):
        with pytest.raises(IamsyncError) as caught:
            open_server(path)
        assert caught.value.code == "sandbox-busy"
        assert caught.value.hint
    open_server(path).close()


def test_the_lock_is_held_against_other_processes(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    with open_server(path):
        probe = f"import fcntl; fcntl.flock(open({str(path) + '.lock'!r}), fcntl.LOCK_EX | fcntl.LOCK_NB)"
        done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=False, timeout=20)
        assert "BlockingIOError" in done.stderr
    lock = FileLock(path)
    lock.acquire(0)
    lock.release()


@pytest.mark.parametrize(
    "content",
    ["{", "[]", "{}", '{"format": "iamsync-sandbox", "version": 99}', '{"format": "iamsync-sandbox", "version": 1}'],
)
def test_a_file_that_is_no_state_is_named_and_left_alone(tmp_path: Path, content: str) -> None:
    path = tmp_path / "state.json"
    path.write_text(content)
    for _ in range(2):
        with pytest.raises(InputError) as caught:
            open_server(path)
        assert caught.value.code == "sandbox-state"
        assert str(path) in str(caught.value)
    assert path.read_text() == content


def test_a_place_that_cannot_hold_a_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(IamsyncError) as caught:
        open_server(tmp_path / "file" / "state.json")
    assert caught.value.code == "sandbox-state"
    (tmp_path / "state.json").mkdir()
    with pytest.raises(IamsyncError, match=r"state\.json"):
        open_server(tmp_path / "state.json")


def test_a_failed_save_leaves_the_old_file_and_frees_the_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "state.json"
    with open_server(path) as server:
        client(server).create_user(UserName="ann")
    before = path.read_bytes()
    server = open_server(path)
    client(server).create_user(UserName="beth")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(IamsyncError, match="No space left"):
            server.close()
    assert path.read_bytes() == before
    assert sorted(each.name for each in tmp_path.iterdir()) == ["state.json", "state.json.lock"]
    open_server(path).close()


def test_reset_empties_one_account_or_all(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    with open_server(path) as server:
        client(server).create_user(UserName="ann")
        client(server, key="444455556666").create_user(UserName="beth")
        server.reset(ACCOUNT)
        assert client(server).list_users()["Users"] == []
        assert len(client(server, key="444455556666").list_users()["Users"]) == 1
        server.quotas["RolesQuota"] = 1
        server.reset()
        assert server.quotas["RolesQuota"] == 1000
    assert json.loads(path.read_text())["accounts"] == {}


def dump() -> dict[str, Any]:
    arn = f"arn:aws:iam::{ACCOUNT}:policy/app/reader"
    dated = {"CreateDate": "2023-03-09 10:41:45+00:00"}
    aws_document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "a:b", "Resource": "*"}]}
    return {
        "UserDetailList": [
            {
                "Path": "/", "UserName": "ann", "UserId": "AIDAAAAAAAAAAAAAAAAA1", **dated, "GroupList": ["staff"],
                "Arn": f"arn:aws:iam::{ACCOUNT}:user/ann",
                "AttachedManagedPolicies": [{"PolicyName": "reader", "PolicyArn": arn}],
                "Tags": [{"Key": "aws:made-by", "Value": "x"}],
                "PermissionsBoundary": {"PermissionsBoundaryArn": arn},
                "UserPolicyList": [{"PolicyName": "own", "PolicyDocument": quote(policy())}],
            }
        ],
        "GroupDetailList": [
            {
                "Path": "/", "GroupName": "staff", "GroupId": "AGPAAAAAAAAAAAAAAAAA1", **dated,
                "GroupPolicyList": [], "AttachedManagedPolicies": [{"PolicyArn": READ_ONLY}],
            }
        ],
        "RoleDetailList": [
            {
                "Path": "", "RoleName": "r", "RoleId": "AROAAAAAAAAAAAAAAAAA1", **dated, "Description": "d",
                "MaxSessionDuration": 7200,
                "AssumeRolePolicyDocument": json.loads(trust({"AWS": f"arn:aws:iam::{ACCOUNT}:user/ann"})),
                "InstanceProfileList": [{"InstanceProfileName": "i", "InstanceProfileId": "AIPAX", "Path": "/"}],
                "RolePolicyList": [], "AttachedManagedPolicies": [], "Tags": [],
            }
        ],
        "Policies": [
            {
                "PolicyName": "reader", "PolicyId": "ANPAAAAAAAAAAAAAAAAA1", "Arn": arn, "Path": "/app/", **dated,
                "DefaultVersionId": "v3", "Description": "why", "Tags": [{"Key": "k", "Value": "v"}],
                "PolicyVersionList": [
                    {"VersionId": "v7", "Document": policy("s3:*"), "IsDefaultVersion": False, **dated},
                    {"VersionId": "v3", "Document": json.loads(policy()), "IsDefaultVersion": True, **dated},
                ],
            },
            {
                "PolicyName": "ReadOnlyAccess", "Arn": READ_ONLY, "Path": "/", "DefaultVersionId": "v999", **dated,
                "PolicyVersionList": [{"VersionId": "v999", "Document": aws_document}],
            },
        ],
    }  # fmt: skip


def test_a_dump_is_put_in_with_its_ids_dates_and_versions(server: Server, iam: Any) -> None:
    server.seed(ACCOUNT, dump())
    user = iam.get_user(UserName="ann")["User"]
    assert user["UserId"] == "AIDAAAAAAAAAAAAAAAAA1"
    assert user["CreateDate"].isoformat().startswith("2023-03-09T10:41:45")
    assert user["Tags"] == [{"Key": "aws:made-by", "Value": "x"}]
    assert iam.get_user_policy(UserName="ann", PolicyName="own")["PolicyDocument"] == json.loads(policy())
    assert [group["GroupName"] for group in iam.list_groups_for_user(UserName="ann")["Groups"]] == ["staff"]
    role = iam.get_role(RoleName="r")["Role"]
    assert (role["Description"], role["MaxSessionDuration"], role["Path"]) == ("d", 7200, "/")
    assert iam.list_instance_profiles_for_role(RoleName="r")["InstanceProfiles"][0]["InstanceProfileId"] == "AIPAX"
    arn = f"arn:aws:iam::{ACCOUNT}:policy/app/reader"
    shown = iam.get_policy(PolicyArn=arn)["Policy"]
    assert (shown["DefaultVersionId"], shown["Description"], shown["AttachmentCount"]) == ("v3", "why", 1)
    made = iam.create_policy_version(PolicyArn=arn, PolicyDocument=policy())["PolicyVersion"]
    assert made["VersionId"] == "v8"
    assert iam.get_policy(PolicyArn=READ_ONLY)["Policy"]["DefaultVersionId"] == "v999"
    iam.update_user(UserName="ann", NewUserName="beth")
    principal = iam.get_role(RoleName="r")["Role"]["AssumeRolePolicyDocument"]["Statement"][0]["Principal"]
    assert principal == {"AWS": f"arn:aws:iam::{ACCOUNT}:user/beth"}


def test_a_dump_replaces_what_has_its_names_and_leaves_the_rest(server: Server, iam: Any) -> None:
    iam.create_user(UserName="ANN")
    iam.create_user(UserName="other")
    iam.create_group(GroupName="Staff")
    iam.add_user_to_group(GroupName="Staff", UserName="ANN")
    iam.add_user_to_group(GroupName="Staff", UserName="other")
    old = iam.create_policy(PolicyName="Reader", PolicyDocument=policy())["Policy"]["Arn"]
    iam.attach_user_policy(UserName="other", PolicyArn=old)
    iam.create_role(RoleName="R", AssumeRolePolicyDocument=EC2)
    server.seed(ACCOUNT, dump())
    server.seed(ACCOUNT, dump())
    assert {user["UserName"] for user in iam.list_users()["Users"]} == {"ann", "other"}
    assert {user["UserName"] for user in iam.get_group(GroupName="staff")["Users"]} == {"ann", "other"}
    assert [role["RoleName"] for role in iam.list_roles()["Roles"]] == ["r"]
    held = iam.list_attached_user_policies(UserName="other")["AttachedPolicies"]
    assert held == [{"PolicyName": "reader", "PolicyArn": f"arn:aws:iam::{ACCOUNT}:policy/app/reader"}]


def test_attachments_of_policies_that_a_dump_leaves_out_are_kept(server: Server, iam: Any) -> None:
    gone = f"arn:aws:iam::{ACCOUNT}:policy/gone"
    part = {"GroupDetailList": [{"GroupName": "g", "Path": "/", "AttachedManagedPolicies": [{"PolicyArn": gone}]}]}
    server.seed(ACCOUNT, part)
    assert iam.list_attached_group_policies(GroupName="g")["AttachedPolicies"][0]["PolicyArn"] == gone
    assert iam.get_account_authorization_details()["Policies"] == []
    iam.detach_group_policy(GroupName="g", PolicyArn=gone)


UNFIT = [
    {"UserDetailList": [{"Path": "/"}]},
    {"UserDetailList": [{"UserName": "ann", "GroupList": ["nowhere"]}]},
    {"UserDetailList": [{"UserName": "ann", "CreateDate": "yesterday"}]},
    {"Policies": ["name"]},
]


@pytest.mark.parametrize("part", UNFIT, ids=str)
def test_a_dump_that_does_not_hold_together_is_an_input_error(server: Server, iam: Any, part: dict[str, Any]) -> None:
    made = iam.create_user(UserName="ANN")["User"]
    with pytest.raises(InputError) as caught:
        server.seed(ACCOUNT, part)
    assert caught.value.code == "sandbox-seed"
    assert [user["Arn"] for user in iam.list_users()["Users"]] == [made["Arn"]]


@pytest.mark.skipif(not REAL_DUMP.exists(), reason="the real dump is not beside the project")
def test_a_real_dump_comes_out_as_it_went_in(server: Server) -> None:
    real = json.loads(REAL_DUMP.read_text())
    server.seed("444455556666", real)
    iam = client(server, key="444455556666")
    shown = iam.get_paginator("get_account_authorization_details").paginate().build_full_result()
    for kind, name in [
        ("UserDetailList", "UserName"),
        ("GroupDetailList", "GroupName"),
        ("RoleDetailList", "RoleName"),
    ]:
        before = {each[name]: each for each in real[kind]}
        after = {each[name]: each for each in shown[kind]}
        assert before.keys() == after.keys()
        for key, each in before.items():
            held = {one["PolicyArn"] for one in each["AttachedManagedPolicies"]}
            assert held == {one["PolicyArn"] for one in after[key]["AttachedManagedPolicies"]}
            documents = each.get(f"{name[:-4]}PolicyList", [])
            assert documents == after[key].get(f"{name[:-4]}PolicyList", [])
            assert each.get("AssumeRolePolicyDocument") == after[key].get("AssumeRolePolicyDocument")
    assert len(shown["Policies"]) == len(real["Policies"])


def test_what_was_deleted_is_not_kept_in_memory(iam: Any) -> None:
    from iamsync.sandbox import entities

    for number in range(3):
        iam.create_user(UserName=f"user-{number}")
        iam.delete_user(UserName=f"user-{number}")
    assert entities.User.instances_tracked == []
