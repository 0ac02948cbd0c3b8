from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from iamsync.sandbox import Server

from .conftest import ACCOUNT, client
from .documents import EC2, policy, sized, trust

Refused = Callable[..., str]


def policies(iam: Any, count: int) -> list[str]:
    return [
        iam.create_policy(PolicyName=f"p{number:02}", PolicyDocument=policy())["Policy"]["Arn"]
        for number in range(count)
    ]


def create(iam: Any, kind: str, name: str, **more: Any) -> dict[str, str]:
    extra = {"AssumeRolePolicyDocument": EC2} if kind == "role" else {}
    getattr(iam, f"create_{kind}")(**{f"{kind.capitalize()}Name": name}, **extra, **more)
    return {f"{kind.capitalize()}Name": name}


TAKEN = [
    ("create_user", "UserName", {}),
    ("create_group", "GroupName", {}),
    ("create_role", "RoleName", {"AssumeRolePolicyDocument": EC2}),
    ("create_instance_profile", "InstanceProfileName", {}),
    ("create_policy", "PolicyName", {"PolicyDocument": policy()}),
]


@pytest.mark.parametrize(("call", "name", "more"), TAKEN, ids=[each[0] for each in TAKEN])
def test_names_are_taken_whatever_their_case_and_path(
    iam: Any, refused: Refused, call: str, name: str, more: dict[str, str]
) -> None:
    getattr(iam, call)(**{name: "Some"}, **more)
    assert refused(getattr(iam, call), **{name: "sOME"}, Path="/other/", **more) == "EntityAlreadyExists"


def test_a_rename_to_a_taken_name_is_refused_but_to_another_case_of_its_own_is_not(iam: Any, refused: Refused) -> None:
    create(iam, "user", "ann")
    create(iam, "user", "beth")
    create(iam, "group", "g1")
    create(iam, "group", "g2")
    assert refused(iam.update_user, UserName="ann", NewUserName="BETH") == "EntityAlreadyExists"
    assert refused(iam.update_group, GroupName="g1", NewGroupName="G2") == "EntityAlreadyExists"
    iam.update_user(UserName="ann", NewUserName="Ann")
    assert refused(iam.get_user, UserName="ann") == "NoSuchEntity"


INVALID = [
    ("create_user", {"UserName": "with space"}, "regular expression pattern"),
    ("create_user", {"UserName": "é"}, "regular expression pattern"),
    ("create_user", {"UserName": "u" * 65}, "length less than or equal to 64"),
    ("create_user", {"UserName": "u", "Path": "nope"}, "regular expression pattern"),
    ("create_user", {}, "must not be null"),
    ("create_group", {"GroupName": "g" * 129}, "length less than or equal to 128"),
    ("create_policy", {"PolicyName": "p", "PolicyDocument": policy(), "Path": "/a:b/"}, "regular expression pattern"),
    ("create_policy", {"PolicyName": "p", "PolicyDocument": policy(), "Description": "d" * 1001}, "1000"),
    ("create_role", {"RoleName": "r", "AssumeRolePolicyDocument": EC2, "Description": "—"}, "pattern"),
    ("create_role", {"RoleName": "r", "AssumeRolePolicyDocument": EC2, "MaxSessionDuration": 43201}, "43200"),
    ("create_role", {"RoleName": "r", "AssumeRolePolicyDocument": EC2, "MaxSessionDuration": 3599}, "3600"),
    ("list_policies", {"Scope": "Mine"}, "enum value set"),
    ("list_users", {"MaxItems": 0}, "greater than or equal to 1"),
    ("list_users", {"Marker": "from another call"}, "Marker"),
]


@pytest.mark.parametrize(("call", "parameters", "why"), INVALID, ids=lambda each: str(each)[:30])
def test_values_outside_the_service_model_are_validation_errors(
    iam: Any, refused: Refused, call: str, parameters: dict[str, Any], why: str
) -> None:
    error = refused(getattr(iam, call), full=True, **parameters)
    assert error.startswith("ValidationError: ")
    assert why in error


@pytest.mark.parametrize("kind", ["user", "group", "role"])
def test_ten_policies_attach_and_an_eleventh_does_not(server: Server, iam: Any, refused: Refused, kind: str) -> None:
    arns = policies(iam, 11)
    holder = create(iam, kind, "x")
    attach = getattr(iam, f"attach_{kind}_policy")
    for arn in arns[:10]:
        attach(PolicyArn=arn, **holder)
    attach(PolicyArn=arns[0], **holder)
    assert refused(attach, PolicyArn=arns[10], **holder) == "LimitExceeded"
    server.quotas[f"AttachedPoliciesPer{kind.capitalize()}Quota"] = 20
    attach(PolicyArn=arns[10], **holder)
    pages = iam.get_paginator(f"list_attached_{kind}_policies").paginate(PaginationConfig={"PageSize": 4}, **holder)
    assert [len(page["AttachedPolicies"]) for page in pages] == [4, 4, 3]


def test_a_user_is_in_ten_groups_at_most(iam: Any, refused: Refused) -> None:
    create(iam, "user", "ann")
    for number in range(11):
        create(iam, "group", f"g{number}")
    for number in range(10):
        iam.add_user_to_group(GroupName=f"g{number}", UserName="ann")
    iam.add_user_to_group(GroupName="g0", UserName="ann")
    assert refused(iam.add_user_to_group, GroupName="g10", UserName="ann") == "LimitExceeded"
    pages = iam.get_paginator("list_groups_for_user").paginate(UserName="ann", PaginationConfig={"PageSize": 6})
    assert [len(page["Groups"]) for page in pages] == [6, 4]


def test_a_managed_policy_has_6144_characters_without_white_space(iam: Any, refused: Refused) -> None:
    spread = json.dumps(json.loads(sized(6144)), indent=8)
    iam.create_policy(PolicyName="fits", PolicyDocument=spread)
    assert refused(iam.create_policy, PolicyName="not", PolicyDocument=sized(6145)) == "LimitExceeded"
    arn = f"arn:aws:iam::{ACCOUNT}:policy/fits"
    assert refused(iam.create_policy_version, PolicyArn=arn, PolicyDocument=sized(6145)) == "LimitExceeded"


@pytest.mark.parametrize(("kind", "limit"), [("user", 2048), ("group", 5120), ("role", 10240)])
def test_inline_policies_share_one_limit(iam: Any, refused: Refused, kind: str, limit: int) -> None:
    holder = create(iam, kind, "x")
    put = getattr(iam, f"put_{kind}_policy")
    put(PolicyName="first", PolicyDocument=sized(limit - 200), **holder)
    assert refused(put, PolicyName="second", PolicyDocument=sized(201), **holder) == "LimitExceeded"
    put(PolicyName="second", PolicyDocument=sized(200), **holder)
    put(PolicyName="first", PolicyDocument=sized(300), **holder)


def test_a_trust_policy_has_2048_characters(server: Server, iam: Any, refused: Refused) -> None:
    long = trust({"AWS": [f"arn:aws:iam::444455556666:role/r{number}" for number in range(60)]})
    assert refused(iam.create_role, RoleName="r", AssumeRolePolicyDocument=long) == "LimitExceeded"
    server.quotas["AssumeRolePolicySizeQuota"] = 4096
    iam.create_role(RoleName="r", AssumeRolePolicyDocument=long)


COUNTED = [
    ("UsersQuota", "create_user", "UserName", {}),
    ("GroupsQuota", "create_group", "GroupName", {}),
    ("RolesQuota", "create_role", "RoleName", {"AssumeRolePolicyDocument": EC2}),
    ("PoliciesQuota", "create_policy", "PolicyName", {"PolicyDocument": policy()}),
    ("InstanceProfilesQuota", "create_instance_profile", "InstanceProfileName", {}),
]


@pytest.mark.parametrize(("quota", "call", "name", "more"), COUNTED, ids=[each[0] for each in COUNTED])
def test_an_account_holds_so_many_and_the_summary_tells(
    server: Server, iam: Any, refused: Refused, quota: str, call: str, name: str, more: dict[str, str]
) -> None:
    server.quotas[quota] = 2
    for each in ("a", "b"):
        getattr(iam, call)(**{name: each}, **more)
    assert refused(getattr(iam, call), **{name: "c"}, **more) == "LimitExceeded"
    summary = iam.get_account_summary()["SummaryMap"]
    assert (summary[quota], summary[quota.removesuffix("Quota")]) == (2, 2)


def test_lists_come_in_pages(iam: Any) -> None:
    for number in range(5):
        create(iam, "user", f"u{number}")
        create(iam, "group", f"g{number}")
        create(iam, "role", f"r{number}")
        iam.create_instance_profile(InstanceProfileName=f"i{number}")
        iam.add_user_to_group(GroupName="g0", UserName=f"u{number}")
        for kind in ("user", "group", "role"):
            put = getattr(iam, f"put_{kind}_policy")
            put(PolicyName=f"own{number}", PolicyDocument=policy(), **{f"{kind.capitalize()}Name": f"{kind[0]}0"})
    arns = policies(iam, 5)
    iam.create_virtual_mfa_device(VirtualMFADeviceName="phone")
    tags = [{"Key": f"k{number}", "Value": ""} for number in range(5)]
    iam.tag_user(UserName="u0", Tags=tags)
    iam.tag_role(RoleName="r0", Tags=tags)
    iam.tag_policy(PolicyArn=arns[0], Tags=tags)
    for number in range(4):
        iam.create_policy_version(PolicyArn=arns[0], PolicyDocument=policy(f"s3:Get{number}"))
        iam.attach_user_policy(UserName=f"u{number}", PolicyArn=arns[0])
    iam.attach_group_policy(GroupName="g0", PolicyArn=arns[0])
    for call, result, parameters in [
        ("list_users", "Users", {}),
        ("list_groups", "Groups", {}),
        ("list_roles", "Roles", {}),
        ("list_policies", "Policies", {"Scope": "Local"}),
        ("list_instance_profiles", "InstanceProfiles", {}),
        ("get_group", "Users", {"GroupName": "g0"}),
        ("list_user_policies", "PolicyNames", {"UserName": "u0"}),
        ("list_group_policies", "PolicyNames", {"GroupName": "g0"}),
        ("list_role_policies", "PolicyNames", {"RoleName": "r0"}),
        ("list_user_tags", "Tags", {"UserName": "u0"}),
        ("list_role_tags", "Tags", {"RoleName": "r0"}),
        ("list_policy_tags", "Tags", {"PolicyArn": arns[0]}),
        ("list_policy_versions", "Versions", {"PolicyArn": arns[0]}),
    ]:
        pages = list(iam.get_paginator(call).paginate(PaginationConfig={"PageSize": 2}, **parameters))
        assert [len(page[result]) for page in pages] == [2, 2, 1], call
        assert [page["IsTruncated"] for page in pages] == [True, True, False], call
        everything = [str(each) for page in pages for each in page[result]]
        assert len(set(everything)) == 5, call
    users = iam.list_entities_for_policy(PolicyArn=arns[0], MaxItems=2)
    assert (len(users["PolicyGroups"]), users["IsTruncated"]) == (1, True)
    whole = iam.get_paginator("list_entities_for_policy").paginate(PolicyArn=arns[0], PaginationConfig={"PageSize": 2})
    assert len(whole.build_full_result()["PolicyUsers"]) == 4


def test_account_details_come_in_pages_over_all_four_lists(iam: Any) -> None:
    for number in range(60):
        create(iam, "user", f"u{number}")
        create(iam, "role", f"r{number}")
    policies(iam, 3)
    lists = ("UserDetailList", "GroupDetailList", "RoleDetailList", "Policies")
    first = iam.get_account_authorization_details()
    assert (sum(len(first[each]) for each in lists), first["IsTruncated"]) == (100, True)
    pages = list(iam.get_paginator("get_account_authorization_details").paginate(PaginationConfig={"PageSize": 50}))
    assert [sum(len(page[each]) for each in lists) for page in pages] == [50, 50, 23]
    names = {role["RoleName"] for page in pages for role in page["RoleDetailList"]}
    assert len(names) == 60
    only = iam.get_account_authorization_details(Filter=["Group", "LocalManagedPolicy"])
    assert [len(only[each]) for each in lists] == [0, 0, 0, 3]


def test_tagged_policies_and_profiles_are_found_in_bulk_a_hundred_a_page(server: Server, iam: Any) -> None:
    for number in range(101):
        tags = [{"Key": "n", "Value": str(number)}]
        iam.create_policy(PolicyName=f"p{number}", PolicyDocument=policy(), Tags=tags)
    iam.create_policy(PolicyName="untagged", PolicyDocument=policy())
    iam.create_instance_profile(InstanceProfileName="i", Tags=[{"Key": "a", "Value": "b"}])
    tagging = client(server, "resourcegroupstaggingapi")
    first = tagging.get_resources(ResourceTypeFilters=["iam:policy"])
    assert len(first["ResourceTagMappingList"]) == 100
    second = tagging.get_resources(ResourceTypeFilters=["iam:policy"], PaginationToken=first["PaginationToken"])
    assert (len(second["ResourceTagMappingList"]), second["PaginationToken"]) == (1, "")
    profiles = tagging.get_resources(ResourceTypeFilters=["iam:instance-profile"])["ResourceTagMappingList"]
    arn = f"arn:aws:iam::{ACCOUNT}:instance-profile/i"
    assert profiles == [{"ResourceARN": arn, "Tags": [{"Key": "a", "Value": "b"}]}]
    filtered = tagging.get_resources(TagFilters=[{"Key": "n", "Values": ["7"]}])["ResourceTagMappingList"]
    assert [each["ResourceARN"] for each in filtered] == [f"arn:aws:iam::{ACCOUNT}:policy/p7"]
