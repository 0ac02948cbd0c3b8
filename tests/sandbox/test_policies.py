from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from iamsync.sandbox import Server

from .conftest import ACCOUNT, client
from .documents import EC2, policy

READ_ONLY = "arn:aws:iam::aws:policy/ReadOnlyAccess"
Refused = Callable[..., str]


def create(iam: Any, name: str = "p", **more: Any) -> str:
    return str(iam.create_policy(PolicyName=name, PolicyDocument=policy(), **more)["Policy"]["Arn"])


def test_a_policy_shows_its_description_and_tags_only_where_aws_does(iam: Any) -> None:
    tags = [{"Key": "team", "Value": "a"}]
    made = iam.create_policy(PolicyName="p", PolicyDocument=policy(), Description="why", Tags=tags)["Policy"]
    assert made["PolicyId"].startswith("ANPA")
    assert "Description" not in made
    arn = made["Arn"]
    full = iam.get_policy(PolicyArn=arn)["Policy"]
    assert (full["Description"], full["Tags"]) == ("why", tags)
    assert iam.list_policy_tags(PolicyArn=arn)["Tags"] == tags
    listed = iam.list_policies(Scope="Local")["Policies"][0]
    detail = iam.get_account_authorization_details(Filter=["LocalManagedPolicy"])["Policies"][0]
    for shown in (listed, detail):
        assert not {"Description", "Tags"} & shown.keys()
        assert (shown["PolicyName"], shown["PolicyId"]) == ("p", made["PolicyId"])


def test_attachments_and_boundaries_are_counted_apart_and_twice_is_once(iam: Any) -> None:
    arn = create(iam)
    iam.create_user(UserName="ann", PermissionsBoundary=arn)
    iam.create_role(RoleName="r", AssumeRolePolicyDocument=EC2, PermissionsBoundary=arn)
    for _ in range(2):
        iam.attach_user_policy(UserName="ann", PolicyArn=arn)
    detail = iam.get_account_authorization_details(Filter=["LocalManagedPolicy"])["Policies"][0]
    for shown in (detail, iam.get_policy(PolicyArn=arn)["Policy"], iam.list_policies(Scope="Local")["Policies"][0]):
        assert (shown["AttachmentCount"], shown["PermissionsBoundaryUsageCount"]) == (1, 2)
    bounded = iam.list_entities_for_policy(PolicyArn=arn, PolicyUsageFilter="PermissionsBoundary")
    assert [role["RoleName"] for role in bounded["PolicyRoles"]] == ["r"]
    attached = iam.list_entities_for_policy(PolicyArn=arn, PolicyUsageFilter="PermissionsPolicy")
    assert (len(attached["PolicyUsers"]), attached["PolicyRoles"]) == (1, [])
    iam.detach_user_policy(UserName="ann", PolicyArn=arn)
    assert iam.get_policy(PolicyArn=arn)["Policy"]["AttachmentCount"] == 0


def test_a_policy_in_use_or_with_old_versions_cannot_be_deleted(iam: Any, refused: Refused) -> None:
    arn = create(iam)
    iam.create_user(UserName="ann", PermissionsBoundary=arn)
    assert refused(iam.delete_policy, PolicyArn=arn) == "DeleteConflict"
    iam.delete_user_permissions_boundary(UserName="ann")
    iam.attach_user_policy(UserName="ann", PolicyArn=arn)
    attached = refused(iam.delete_policy, full=True, PolicyArn=arn)
    assert attached == "DeleteConflict: Cannot delete a policy attached to entities."
    iam.detach_user_policy(UserName="ann", PolicyArn=arn)
    iam.create_policy_version(PolicyArn=arn, PolicyDocument=policy("s3:*"), SetAsDefault=True)
    assert "more than one version" in refused(iam.delete_policy, full=True, PolicyArn=arn)
    default = refused(iam.delete_policy_version, full=True, PolicyArn=arn, VersionId="v2")
    assert default == "DeleteConflict: Cannot delete the default version of a policy."
    iam.delete_policy_version(PolicyArn=arn, VersionId="v1")
    iam.delete_policy(PolicyArn=arn)
    assert refused(iam.get_policy, PolicyArn=arn) == "NoSuchEntity"


def test_versions_count_up_are_five_at_most_and_one_is_the_default(iam: Any, refused: Refused) -> None:
    arn = create(iam)
    for number in range(2, 6):
        made = iam.create_policy_version(PolicyArn=arn, PolicyDocument=policy(f"s3:Get{number}"))["PolicyVersion"]
        assert made["VersionId"] == f"v{number}"
    sixth = refused(iam.create_policy_version, full=True, PolicyArn=arn, PolicyDocument=policy())
    assert sixth.startswith("LimitExceeded: A managed policy can have up to 5 versions.")
    iam.delete_policy_version(PolicyArn=arn, VersionId="v5")
    made = iam.create_policy_version(PolicyArn=arn, PolicyDocument=policy("s3:*"), SetAsDefault=True)["PolicyVersion"]
    assert made["VersionId"] == "v6"
    versions = iam.list_policy_versions(PolicyArn=arn)["Versions"]
    assert all("Document" not in version for version in versions)
    assert [version["VersionId"] for version in versions if version["IsDefaultVersion"]] == ["v6"]
    iam.set_default_policy_version(PolicyArn=arn, VersionId="v2")
    assert iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"] == "v2"
    shown = iam.get_policy_version(PolicyArn=arn, VersionId="v2")["PolicyVersion"]["Document"]
    assert shown["Statement"][0]["Action"] == "s3:Get2"
    assert refused(iam.set_default_policy_version, PolicyArn=arn, VersionId="v9") == "NoSuchEntity"


def test_policies_of_aws_are_there_and_cannot_be_changed(iam: Any, refused: Refused) -> None:
    iam.create_role(RoleName="r", AssumeRolePolicyDocument=EC2)
    iam.attach_role_policy(RoleName="r", PolicyArn=READ_ONLY)
    shown = iam.get_policy(PolicyArn=READ_ONLY)["Policy"]
    assert shown["AttachmentCount"] == 1
    version = iam.get_policy_version(PolicyArn=READ_ONLY, VersionId=shown["DefaultVersionId"])["PolicyVersion"]
    assert version["Document"]["Statement"]
    refusals = [
        refused(iam.delete_policy, PolicyArn=READ_ONLY),
        refused(iam.tag_policy, PolicyArn=READ_ONLY, Tags=[{"Key": "a", "Value": "b"}]),
        refused(iam.untag_policy, PolicyArn=READ_ONLY, TagKeys=["a"]),
        refused(iam.create_policy_version, PolicyArn=READ_ONLY, PolicyDocument=policy()),
        refused(iam.delete_policy_version, PolicyArn=READ_ONLY, VersionId=shown["DefaultVersionId"]),
        refused(iam.set_default_policy_version, PolicyArn=READ_ONLY, VersionId="v1"),
    ]
    assert set(refusals) == {"AccessDenied"}
    in_use = iam.get_account_authorization_details()["Policies"]
    assert [policy["Arn"] for policy in in_use] == [READ_ONLY]
    assert iam.get_account_summary()["SummaryMap"]["Policies"] == 0


def test_all_policies_of_aws_are_listed(iam: Any) -> None:
    listed = iam.get_paginator("list_policies").paginate(Scope="AWS").build_full_result()["Policies"]
    assert len(listed) > 1000
    assert READ_ONLY in {policy["Arn"] for policy in listed}
    assert not {policy["PolicyId"] for policy in listed} & {""}
    used = iam.list_policies(Scope="AWS", OnlyAttached=True)["Policies"]
    assert used == []


def test_policies_of_aws_carry_the_partition_of_the_account(server: Server, refused: Refused) -> None:
    china = client(server, region="cn-north-1")
    china.create_user(UserName="ann")
    arn = "arn:aws-cn:iam::aws:policy/ReadOnlyAccess"
    china.attach_user_policy(UserName="ann", PolicyArn=arn)
    assert china.get_user(UserName="ann")["User"]["Arn"] == f"arn:aws-cn:iam::{ACCOUNT}:user/ann"
    assert refused(china.attach_user_policy, UserName="ann", PolicyArn=READ_ONLY) == "NoSuchEntity"


def test_a_policy_for_service_linked_roles_attaches_to_nothing_else(iam: Any, refused: Refused) -> None:
    arn = "arn:aws:iam::aws:policy/aws-service-role/AWSSupportServiceRolePolicy"
    iam.create_role(RoleName="r", AssumeRolePolicyDocument=EC2)
    assert refused(iam.attach_role_policy, RoleName="r", PolicyArn=arn) == "PolicyNotAttachable"


@pytest.mark.parametrize("kind", ["user", "group", "role"])
def test_attaching_and_detaching_what_is_not_there_is_refused(iam: Any, refused: Refused, kind: str) -> None:
    iam.create_user(UserName="x")
    iam.create_group(GroupName="x")
    iam.create_role(RoleName="x", AssumeRolePolicyDocument=EC2)
    holder = {f"{kind.capitalize()}Name": "x"}
    gone = f"arn:aws:iam::{ACCOUNT}:policy/gone"
    assert refused(getattr(iam, f"attach_{kind}_policy"), PolicyArn=gone, **holder) == "NoSuchEntity"
    assert refused(getattr(iam, f"detach_{kind}_policy"), PolicyArn=READ_ONLY, **holder) == "NoSuchEntity"
    assert refused(getattr(iam, f"delete_{kind}_policy"), PolicyName="gone", **holder) == "NoSuchEntity"
    put, get = getattr(iam, f"put_{kind}_policy"), getattr(iam, f"get_{kind}_policy")
    put(PolicyName="own", PolicyDocument=policy(Sid="100percent"), **holder)
    assert get(PolicyName="own", **holder)["PolicyDocument"]["Statement"][0]["Sid"] == "100percent"
    assert getattr(iam, f"list_{kind}_policies")(**holder)["PolicyNames"] == ["own"]


REFUSED_DOCUMENTS = [
    ("not json", "Syntax errors in policy."),
    ("[]", "Syntax errors in policy."),
    (policy(Principal="*"), "should not specify a principal"),
    (policy(Sid="with space"), "must be alpha-numeric"),
    (policy("GetObject"), "must be prefaced by a vendor"),
    (policy(Effect="allow"), "legacy parsing"),
    (policy(Resource="bucket"), "must be in ARN format"),
    (policy(Resource=[]), "must contain resources"),
    (policy(Condition={"StringAlmost": {"a": "b"}}), "Syntax errors in policy."),
]


@pytest.mark.parametrize(("document", "why"), REFUSED_DOCUMENTS, ids=lambda each: str(each)[-40:])
def test_documents_that_aws_refuses_are_refused_everywhere(iam: Any, refused: Refused, document: str, why: str) -> None:
    arn = create(iam)
    iam.create_user(UserName="ann")
    errors = {
        refused(iam.create_policy, full=True, PolicyName="other", PolicyDocument=document),
        refused(iam.create_policy_version, full=True, PolicyArn=arn, PolicyDocument=document),
        refused(iam.put_user_policy, full=True, UserName="ann", PolicyName="own", PolicyDocument=document),
    }
    (error,) = errors
    assert error.startswith("MalformedPolicyDocument: ")
    assert why in error


def test_tags_of_policies_differ_by_case(iam: Any) -> None:
    arn = create(iam, Tags=[{"Key": "A", "Value": "1"}, {"Key": "a", "Value": "2"}])
    iam.untag_policy(PolicyArn=arn, TagKeys=["A"])
    assert iam.list_policy_tags(PolicyArn=arn)["Tags"] == [{"Key": "a", "Value": "2"}]


@pytest.mark.parametrize(
    "resource",
    [
        *("arn:aws:iam::*:root", "arn:aws:iam::*:*", "arn:aws:iam::aws:role-template/x.amazonaws.com/T:1"),
        *("arn:aws:s3:*:*:access-grants/default/grant/*", "arn:aws:s3:eu-west-1:1:job/*"),
    ],
)
def test_resources_that_aws_takes_and_moto_does_not_know_are_taken(iam: Any, resource: str) -> None:
    document = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": [resource]}}
    arn = iam.create_policy(PolicyName="p", PolicyDocument=json.dumps(document))["Policy"]["Arn"]
    assert iam.get_policy_version(PolicyArn=arn, VersionId="v1")["PolicyVersion"]["Document"] == document
