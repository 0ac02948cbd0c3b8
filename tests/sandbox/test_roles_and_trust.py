from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from iamsync.sandbox import Server

from .conftest import ACCOUNT, client
from .documents import EC2, policy, trust

READ_ONLY = "arn:aws:iam::aws:policy/ReadOnlyAccess"
Refused = Callable[..., str]


def principal(iam: Any, role: str) -> Any:
    return iam.get_role(RoleName=role)["Role"]["AssumeRolePolicyDocument"]["Statement"][0]["Principal"]


def user_arn(name: str) -> str:
    return f"arn:aws:iam::{ACCOUNT}:user/{name}"


def test_update_role_changes_only_what_is_sent(iam: Any) -> None:
    iam.create_role(RoleName="r", AssumeRolePolicyDocument=EC2, Description="mine", MaxSessionDuration=7200)
    iam.update_role(RoleName="r", Description="yours")
    assert iam.get_role(RoleName="r")["Role"]["MaxSessionDuration"] == 7200
    iam.update_role(RoleName="r", MaxSessionDuration=3600)
    assert iam.get_role(RoleName="r")["Role"]["Description"] == "yours"
    iam.update_role(RoleName="r", Description="")
    assert "Description" not in iam.get_role(RoleName="r")["Role"]


def test_lists_of_roles_lack_what_aws_leaves_out_of_them(iam: Any) -> None:
    arn = iam.create_policy(PolicyName="limit", PolicyDocument=policy())["Policy"]["Arn"]
    tags = [{"Key": "team", "Value": "a"}]
    iam.create_role(RoleName="r", AssumeRolePolicyDocument=EC2, Tags=tags, PermissionsBoundary=arn)
    full = iam.get_role(RoleName="r")["Role"]
    assert full["PermissionsBoundary"]["PermissionsBoundaryArn"] == arn
    assert full["Tags"] == tags
    assert full["RoleId"].startswith("AROA")
    listed = iam.list_roles()["Roles"][0]
    assert not {"Tags", "PermissionsBoundary", "RoleLastUsed", "Description"} & listed.keys()
    detail = iam.get_account_authorization_details(Filter=["Role"])["RoleDetailList"][0]
    assert detail["PermissionsBoundary"]["PermissionsBoundaryArn"] == arn
    assert detail["Tags"] == tags
    assert not {"Description", "MaxSessionDuration"} & detail.keys()


def test_a_role_with_leftovers_cannot_be_deleted(iam: Any, refused: Refused) -> None:
    iam.create_role(RoleName="r", AssumeRolePolicyDocument=EC2)
    iam.create_instance_profile(InstanceProfileName="p")
    iam.add_role_to_instance_profile(InstanceProfileName="p", RoleName="r")
    iam.attach_role_policy(RoleName="r", PolicyArn=READ_ONLY)
    iam.put_role_policy(RoleName="r", PolicyName="own", PolicyDocument=policy())
    assert "remove roles from instance profile" in refused(iam.delete_role, full=True, RoleName="r")
    assert refused(iam.delete_instance_profile, InstanceProfileName="p") == "DeleteConflict"
    iam.remove_role_from_instance_profile(InstanceProfileName="p", RoleName="r")
    assert refused(iam.remove_role_from_instance_profile, InstanceProfileName="p", RoleName="r") == "NoSuchEntity"
    assert "detach all policies" in refused(iam.delete_role, full=True, RoleName="r")
    iam.detach_role_policy(RoleName="r", PolicyArn=READ_ONLY)
    assert "delete policies" in refused(iam.delete_role, full=True, RoleName="r")
    iam.delete_role_policy(RoleName="r", PolicyName="own")
    iam.delete_role(RoleName="r")
    assert refused(iam.delete_role, RoleName="r") == "NoSuchEntity"


def test_a_role_boundary_must_exist(iam: Any, refused: Refused) -> None:
    gone = f"arn:aws:iam::{ACCOUNT}:policy/gone"
    create = {"RoleName": "r", "AssumeRolePolicyDocument": EC2}
    assert refused(iam.create_role, PermissionsBoundary=gone, **create) == "NoSuchEntity"
    iam.create_role(**create)
    assert refused(iam.put_role_permissions_boundary, RoleName="r", PermissionsBoundary=gone) == "NoSuchEntity"
    assert refused(iam.delete_role_permissions_boundary, RoleName="r") == "NoSuchEntity"


def test_a_trust_policy_follows_a_renamed_user(iam: Any) -> None:
    iam.create_user(UserName="ann")
    iam.create_role(RoleName="r", AssumeRolePolicyDocument=trust({"AWS": [user_arn("ann"), user_arn("ann")]}))
    iam.update_user(UserName="ann", NewUserName="beth", NewPath="/x/")
    assert principal(iam, "r") == {"AWS": [user_arn("x/beth"), user_arn("x/beth")]}
    assert iam.list_roles()["Roles"][0]["AssumeRolePolicyDocument"]["Statement"][0]["Principal"] == principal(iam, "r")


def test_a_deleted_principal_shows_as_its_id_and_a_new_one_of_its_name_is_not_trusted(iam: Any) -> None:
    ann = iam.create_user(UserName="ann")["User"]
    other = iam.create_role(RoleName="other", AssumeRolePolicyDocument=EC2)["Role"]
    document = trust({"AWS": [ann["Arn"], other["Arn"]]})
    iam.create_role(RoleName="r", AssumeRolePolicyDocument=document)
    iam.delete_user(UserName="ann")
    iam.delete_role(RoleName="other")
    assert principal(iam, "r") == {"AWS": [ann["UserId"], other["RoleId"]]}
    iam.create_user(UserName="ann")
    iam.create_role(RoleName="other", AssumeRolePolicyDocument=EC2)
    assert principal(iam, "r") == {"AWS": [ann["UserId"], other["RoleId"]]}
    iam.update_assume_role_policy(RoleName="r", PolicyDocument=document)
    assert principal(iam, "r") == {"AWS": [ann["Arn"], other["Arn"]]}


def test_an_account_id_shows_as_its_root_arn(iam: Any) -> None:
    iam.create_role(RoleName="r", AssumeRolePolicyDocument=trust({"AWS": "444455556666"}))
    assert principal(iam, "r") == {"AWS": "arn:aws:iam::444455556666:root"}


ACCEPTED = [
    "*",
    {"AWS": "*"},
    {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
    {"AWS": ["arn:aws:iam::444455556666:root", "arn:aws:iam::444455556666:role/of/others"]},
    {"AWS": f"arn:aws:sts::{ACCOUNT}:assumed-role/admin/session"},
    {"Service": ["ec2.amazonaws.com", "lambda.amazonaws.com"]},
    {"Federated": f"arn:aws:iam::{ACCOUNT}:oidc-provider/token.actions.githubusercontent.com"},
]


@pytest.mark.parametrize("who", ACCEPTED, ids=str)
def test_principals_that_can_exist_are_accepted(iam: Any, who: Any) -> None:
    iam.create_role(RoleName="r", AssumeRolePolicyDocument=trust(who))
    assert principal(iam, "r") == who


REFUSED_TRUSTS = [
    (trust({"AWS": user_arn("gone")}), f'Invalid principal in policy: "AWS":"{user_arn("gone")}"'),
    (trust({"AWS": [f"arn:aws:iam::{ACCOUNT}:role/r"]}), "Invalid principal in policy"),
    (trust({"AWS": f"arn:aws:iam::{ACCOUNT}:user/*"}), "Invalid principal in policy"),
    (trust({"AWS": f"arn:aws:iam::{ACCOUNT}:group/staff"}), "Invalid principal in policy"),
    (trust({"AWS": "AIDAABCDEFGHIJKLMNOPQ"}), "Invalid principal in policy"),
    (trust({"Service": "ec2"}), "Invalid principal in policy"),
    (trust({"Who": "me"}), "Invalid principal in policy"),
    (trust({"AWS": "*"}, Resource="*"), "Has prohibited field Resource"),
    (policy("sts:AssumeRole"), "Has prohibited field Resource"),
    (
        json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole"}]}),
        "Principal",
    ),
    (trust({"AWS": "*"}, Action="s3:GetObject"), "may only specify STS AssumeRole actions"),
    (trust({"AWS": "*"}, Effect="Maybe"), "Syntax errors in policy."),
    ("not json", "Syntax errors in policy."),
]


@pytest.mark.parametrize(("document", "why"), REFUSED_TRUSTS, ids=lambda each: str(each)[-40:])
def test_trust_policies_that_aws_refuses_are_refused(iam: Any, refused: Refused, document: str, why: str) -> None:
    error = refused(iam.create_role, full=True, RoleName="r", AssumeRolePolicyDocument=document)
    assert error.startswith("MalformedPolicyDocument: ")
    assert why in error
    iam.create_role(RoleName="r2", AssumeRolePolicyDocument=EC2)
    assert refused(iam.update_assume_role_policy, full=True, RoleName="r2", PolicyDocument=document) == error


def test_principals_of_accounts_with_content_are_checked_and_others_are_not(
    server: Server, iam: Any, refused: Refused
) -> None:
    there = trust({"AWS": "arn:aws:iam::444455556666:role/deployer"})
    iam.create_role(RoleName="before", AssumeRolePolicyDocument=there)
    other = client(server, key="444455556666")
    other.create_user(UserName="someone")
    assert refused(iam.create_role, RoleName="after", AssumeRolePolicyDocument=there) == "MalformedPolicyDocument"
    other.create_role(RoleName="deployer", AssumeRolePolicyDocument=EC2)
    iam.create_role(RoleName="after", AssumeRolePolicyDocument=there)
    other.delete_role(RoleName="deployer")
    assert principal(iam, "after")["AWS"].startswith("AROA")


def test_old_policy_versions_and_numbers_in_conditions_are_accepted(iam: Any) -> None:
    document = json.loads(trust({"AWS": "*"}, Condition={"NumericLessThan": {"aws:MultiFactorAuthAge": 3600}}))
    document["Version"] = "2008-10-17"
    iam.create_role(RoleName="r", AssumeRolePolicyDocument=json.dumps(document))
    assert iam.get_role(RoleName="r")["Role"]["AssumeRolePolicyDocument"] == document


def test_a_service_linked_role_lets_only_its_description_and_tags_be_changed(iam: Any, refused: Refused) -> None:
    made = iam.create_service_linked_role(AWSServiceName="elasticbeanstalk.amazonaws.com")["Role"]
    name = made["RoleName"]
    assert made["Path"] == "/aws-service-role/elasticbeanstalk.amazonaws.com/"
    refusals = [
        refused(iam.put_role_policy, RoleName=name, PolicyName="p", PolicyDocument=policy()),
        refused(iam.attach_role_policy, RoleName=name, PolicyArn=READ_ONLY),
        refused(iam.detach_role_policy, RoleName=name, PolicyArn=READ_ONLY),
        refused(iam.delete_role_policy, RoleName=name, PolicyName="p"),
        refused(iam.update_assume_role_policy, RoleName=name, PolicyDocument=EC2),
        refused(iam.put_role_permissions_boundary, RoleName=name, PermissionsBoundary=READ_ONLY),
        refused(iam.delete_role_permissions_boundary, RoleName=name),
        refused(iam.update_role, RoleName=name, MaxSessionDuration=7200),
        refused(iam.delete_role, RoleName=name),
    ]
    assert set(refusals) == {"UnmodifiableEntity"}
    iam.update_role(RoleName=name, Description="ours")
    iam.tag_role(RoleName=name, Tags=[{"Key": "a", "Value": "b"}])
    assert iam.get_role(RoleName=name)["Role"]["Description"] == "ours"
    task = iam.delete_service_linked_role(RoleName=name)["DeletionTaskId"]
    assert iam.get_service_linked_role_deletion_status(DeletionTaskId=task)["Status"] == "SUCCEEDED"
    assert refused(iam.get_role, RoleName=name) == "NoSuchEntity"


def test_a_reserved_role_lets_nothing_be_changed(iam: Any, refused: Refused) -> None:
    path = "/aws-reserved/sso.amazonaws.com/"
    iam.create_role(RoleName="AWSReservedSSO_x", Path=path, AssumeRolePolicyDocument=EC2)
    update = refused(iam.update_role, RoleName="AWSReservedSSO_x", Description="ours")
    tag = refused(iam.tag_role, RoleName="AWSReservedSSO_x", Tags=[{"Key": "a", "Value": "b"}])
    assert {update, tag} == {"UnmodifiableEntity"}


def test_an_instance_profile_shows_tags_only_when_got(iam: Any, refused: Refused) -> None:
    iam.create_instance_profile(InstanceProfileName="p", Tags=[{"Key": "a", "Value": "b"}])
    iam.tag_instance_profile(InstanceProfileName="p", Tags=[{"Key": "A", "Value": "c"}])
    tags = [{"Key": "A", "Value": "c"}, {"Key": "a", "Value": "b"}]
    assert iam.get_instance_profile(InstanceProfileName="p")["InstanceProfile"]["Tags"] == tags
    assert iam.list_instance_profile_tags(InstanceProfileName="p")["Tags"] == tags
    assert "Tags" not in iam.list_instance_profiles()["InstanceProfiles"][0]
    iam.create_role(RoleName="r", AssumeRolePolicyDocument=EC2)
    iam.add_role_to_instance_profile(InstanceProfileName="p", RoleName="r")
    assert refused(iam.add_role_to_instance_profile, InstanceProfileName="p", RoleName="r") == "LimitExceeded"
    assert iam.list_instance_profiles_for_role(RoleName="r")["InstanceProfiles"][0]["Roles"][0]["RoleName"] == "r"
