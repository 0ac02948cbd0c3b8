"""One thing done behind iamsync's back is one change of one field; applying mends it, and all is quiet."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest

from iamsync.model import State
from tests.behaviour.account import DECLARED, arn, ids, living, operations, rows
from tests.world import bare

Row = tuple[str, str, str, tuple[Any, ...], tuple[Any, ...]]
READ_ONLY = "arn:aws:iam::aws:policy/ReadOnlyAccess"
ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess"


def document(action: str = "s3:*", **more: Any) -> str:
    statement = {"Effect": "Allow", "Action": action, "Resource": "*", **more}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def trust(*principals: str) -> str:
    statement = {"Effect": "Allow", "Principal": {"AWS": list(principals)}, "Action": "sts:AssumeRole"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


@dataclass(frozen=True)
class Case:
    """What is done, and what a plan then says: (action, address, field, added, removed)."""

    name: str
    do: Callable[[Any], object]
    row: Row
    calls: tuple[str, ...]


def updated(address: str, field: str, added: tuple[Any, ...] = (), removed: tuple[Any, ...] = ()) -> Row:
    return ("update", address, field, added, removed)


def other_version(iam: Any) -> None:
    iam.create_policy_version(PolicyArn=arn("policy/audit"), PolicyDocument=document(), SetAsDefault=True)


def moved_default(iam: Any) -> None:
    other_version(iam)
    iam.create_policy_version(PolicyArn=arn("policy/audit"), PolicyDocument=document("sqs:*"), SetAsDefault=False)


def five_versions(iam: Any) -> None:
    for number in range(4):
        iam.create_policy_version(
            PolicyArn=arn("policy/deploy"), PolicyDocument=document(f"sqs:Odd{number}"), SetAsDefault=True
        )
    iam.delete_policy_version(PolicyArn=arn("policy/deploy"), VersionId="v1")


def new_sid(iam: Any) -> None:
    held = iam.get_policy(PolicyArn=arn("policy/deploy"))["Policy"]
    kept = iam.get_policy_version(PolicyArn=arn("policy/deploy"), VersionId=held["DefaultVersionId"])
    statement = {**kept["PolicyVersion"]["Document"]["Statement"][0], "Sid": "renamed"}
    text = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.create_policy_version(PolicyArn=arn("policy/deploy"), PolicyDocument=text, SetAsDefault=True)


CASES = (
    Case(
        "attached to a user",
        lambda iam: iam.attach_user_policy(UserName="bob", PolicyArn=ADMINISTRATOR),
        updated("user/bob", "managed_policies", removed=(ADMINISTRATOR,)),
        ("DetachUserPolicy",),
    ),
    Case(
        "detached from a user",
        lambda iam: iam.detach_user_policy(UserName="alice", PolicyArn=arn("policy/audit")),
        updated("user/alice", "managed_policies", added=(arn("policy/audit"),)),
        ("AttachUserPolicy",),
    ),
    Case(
        "attached to a group",
        lambda iam: iam.attach_group_policy(GroupName="admins", PolicyArn=ADMINISTRATOR),
        updated("group/admins", "managed_policies", removed=(ADMINISTRATOR,)),
        ("DetachGroupPolicy",),
    ),
    Case(
        "detached from a group",
        lambda iam: iam.detach_group_policy(GroupName="developers", PolicyArn=READ_ONLY),
        updated("group/developers", "managed_policies", added=(READ_ONLY,)),
        ("AttachGroupPolicy",),
    ),
    Case(
        "attached to a role",
        lambda iam: iam.attach_role_policy(RoleName="site", PolicyArn=arn("policy/audit")),
        updated("role/site", "managed_policies", removed=(arn("policy/audit"),)),
        ("DetachRolePolicy",),
    ),
    Case(
        "detached from a role",
        lambda iam: iam.detach_role_policy(RoleName="site", PolicyArn=arn("policy/deploy")),
        updated("role/site", "managed_policies", added=(arn("policy/deploy"),)),
        ("AttachRolePolicy",),
    ),
    Case(
        "member added",
        lambda iam: iam.add_user_to_group(GroupName="admins", UserName="alice"),
        updated("user/alice", "groups", removed=("admins",)),
        ("RemoveUserFromGroup",),
    ),
    Case(
        "member removed",
        lambda iam: iam.remove_user_from_group(GroupName="developers", UserName="bob"),
        updated("user/bob", "groups", added=("developers",)),
        ("AddUserToGroup",),
    ),
    Case(
        "boundary removed from a user",
        lambda iam: iam.delete_user_permissions_boundary(UserName="alice"),
        updated("user/alice", "permissions_boundary"),
        ("PutUserPermissionsBoundary",),
    ),
    Case(
        "boundary added to a user",
        lambda iam: iam.put_user_permissions_boundary(UserName="bob", PermissionsBoundary=arn("policy/fence")),
        updated("user/bob", "permissions_boundary"),
        ("DeleteUserPermissionsBoundary",),
    ),
    Case(
        "boundary swapped on a role",
        lambda iam: iam.put_role_permissions_boundary(RoleName="site", PermissionsBoundary=arn("policy/wide-fence")),
        updated("role/site", "permissions_boundary"),
        ("PutRolePermissionsBoundary",),
    ),
    Case(
        "inline policy added to a user",
        lambda iam: iam.put_user_policy(UserName="alice", PolicyName="extra", PolicyDocument=document()),
        updated("user/alice", "inline_policies", removed=("extra",)),
        ("DeleteUserPolicy",),
    ),
    Case(
        "inline policy deleted from a user",
        lambda iam: iam.delete_user_policy(UserName="bob", PolicyName="home"),
        updated("user/bob", "inline_policies", added=("home",)),
        ("PutUserPolicy",),
    ),
    Case(
        "inline policy of a group changed",
        lambda iam: iam.put_group_policy(GroupName="admins", PolicyName="keys", PolicyDocument=document("iam:*")),
        updated("group/admins", "inline_policies", added=("keys",)),
        ("PutGroupPolicy",),
    ),
    Case(
        "inline policy of a group deleted",
        lambda iam: iam.delete_group_policy(GroupName="admins", PolicyName="keys"),
        updated("group/admins", "inline_policies", added=("keys",)),
        ("PutGroupPolicy",),
    ),
    Case(
        "inline policy of a role changed",
        lambda iam: iam.put_role_policy(RoleName="site", PolicyName="assets", PolicyDocument=document()),
        updated("role/site", "inline_policies", added=("assets",)),
        ("PutRolePolicy",),
    ),
    Case(
        "inline policy added to a role",
        lambda iam: iam.put_role_policy(RoleName="reader", PolicyName="extra", PolicyDocument=document()),
        updated("role/reader", "inline_policies", removed=("extra",)),
        ("DeleteRolePolicy",),
    ),
    Case(
        "trust widened",
        lambda iam: iam.update_assume_role_policy(
            RoleName="reader", PolicyDocument=trust(arn("user/bob"), "arn:aws:iam::444455556666:root")
        ),
        updated("role/reader", "trust_policy"),
        ("UpdateAssumeRolePolicy",),
    ),
    Case(
        "role description emptied",
        lambda iam: iam.update_role(RoleName="site", Description="", MaxSessionDuration=7200),
        updated("role/site", "description"),
        ("UpdateRole",),
    ),
    Case(
        "role description changed",
        lambda iam: iam.update_role(RoleName="site", Description="Deploys", MaxSessionDuration=7200),
        updated("role/site", "description"),
        ("UpdateRole",),
    ),
    Case(
        "session made longer",
        lambda iam: iam.update_role(RoleName="site", Description="Deploys the site", MaxSessionDuration=43200),
        updated("role/site", "max_session_duration"),
        ("UpdateRole",),
    ),
    Case(
        "tag of a user edited",
        lambda iam: iam.tag_user(UserName="alice", Tags=[{"Key": "team", "Value": "ops"}]),
        updated("user/alice", "tags", added=("team",)),
        ("TagUser",),
    ),
    Case(
        "tag key of a user spelled in another case",
        lambda iam: iam.tag_user(UserName="alice", Tags=[{"Key": "TEAM", "Value": "web"}]),
        updated("user/alice", "tags", added=("team",), removed=("TEAM",)),
        ("TagUser",),
    ),
    Case(
        "tag added to a role",
        lambda iam: iam.tag_role(RoleName="site", Tags=[{"Key": "left", "Value": ""}]),
        updated("role/site", "tags", removed=("left",)),
        ("UntagRole",),
    ),
    Case(
        "all tags of a user removed",
        lambda iam: iam.untag_user(UserName="alice", TagKeys=["team", "Cost Center"]),
        updated("user/alice", "tags", added=("Cost Center", "team")),
        ("TagUser",),
    ),
    Case(
        "tag of a policy edited",
        lambda iam: iam.tag_policy(PolicyArn=arn("policy/deploy"), Tags=[{"Key": "team", "Value": "ops"}]),
        updated("policy/deploy", "tags", added=("team",)),
        ("TagPolicy",),
    ),
    Case(
        "all tags of a policy removed",
        lambda iam: iam.untag_policy(PolicyArn=arn("policy/deploy"), TagKeys=["team", "cost"]),
        updated("policy/deploy", "tags", added=("cost", "team")),
        ("TagPolicy",),
    ),
    Case(
        "tag added to a policy",
        lambda iam: iam.tag_policy(PolicyArn=arn("policy/audit"), Tags=[{"Key": "Team", "Value": "ops"}]),
        updated("policy/audit", "tags", removed=("Team",)),
        ("UntagPolicy",),
    ),
    Case("new default version", other_version, updated("policy/audit", "document"), ("SetDefaultPolicyVersion",)),
    Case("default version moved", moved_default, updated("policy/audit", "document"), ("SetDefaultPolicyVersion",)),
    Case(
        "all versions used up by others",
        lambda iam: [five_versions(iam), iam.create_policy_version(
            PolicyArn=arn("policy/deploy"), PolicyDocument=document("sqs:Last"), SetAsDefault=False
        )],
        updated("policy/deploy", "document"),
        ("DeletePolicyVersion", "CreatePolicyVersion"),
    ),
    Case("only a Sid changed", new_sid, updated("policy/deploy", "document"), ("SetDefaultPolicyVersion",)),
    Case(
        "user moved to another path",
        lambda iam: iam.update_user(UserName="alice", NewPath="/former/"),
        updated("user/alice", "path"),
        ("UpdateUser",),
    ),
    Case(
        "trusted user moved to another path",
        lambda iam: iam.update_user(UserName="bob", NewPath="/former/"),
        updated("user/bob", "path"),
        ("UpdateUser",),
    ),
    Case(
        "group moved to another path",
        lambda iam: iam.update_group(GroupName="developers", NewPath="/former/"),
        updated("group/developers", "path"),
        ("UpdateGroup",),
    ),
)  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=ids(CASES))
def test_a_change_made_by_hand_is_one_change_of_one_field_and_apply_mends_it(case: Case) -> None:
    world = living()
    case.do(world.connection.iam)
    made = world.plan(DECLARED)
    assert rows(made) == [case.row]
    assert tuple(operations(made)) == case.calls
    before = len(world.writes)
    ended = world.apply(made)
    assert (ended.failed, ended.skipped) == (0, 0)
    assert tuple(world.writes[before:]) == case.calls
    assert not world.plan(DECLARED).changes
    assert bare(world.read(), DECLARED) == bare(DECLARED)


def test_what_the_field_was_and_shall_be_stands_in_the_change() -> None:
    world = living()
    world.connection.iam.update_role(RoleName="site", Description="", MaxSessionDuration=3600)
    (change,) = world.plan(DECLARED).changes
    told = {field.field: (field.before, field.after) for field in change.fields}
    assert told == {"description": ("", "Deploys the site"), "max_session_duration": (3600, 7200)}


def gone_user(iam: Any) -> None:
    iam.remove_user_from_group(GroupName="developers", UserName="alice")
    iam.detach_user_policy(UserName="alice", PolicyArn=arn("policy/audit"))
    iam.delete_user(UserName="alice")


def gone_role(iam: Any) -> None:
    iam.detach_role_policy(RoleName="site", PolicyArn=arn("policy/deploy"))
    iam.detach_role_policy(RoleName="site", PolicyArn="arn:aws:iam::aws:policy/job-function/ViewOnlyAccess")
    iam.delete_role_policy(RoleName="site", PolicyName="assets")
    iam.delete_role(RoleName="site")


def gone_group(iam: Any) -> None:
    iam.delete_group_policy(GroupName="admins", PolicyName="keys")
    iam.remove_user_from_group(GroupName="admins", UserName="bob")
    iam.delete_group(GroupName="admins")


def gone_policy(iam: Any) -> None:
    iam.detach_user_policy(UserName="alice", PolicyArn=arn("policy/audit"))
    iam.delete_policy(PolicyArn=arn("policy/audit"))


def gone_boundary(iam: Any) -> None:
    iam.delete_user_permissions_boundary(UserName="alice")
    iam.delete_role_permissions_boundary(RoleName="site")
    iam.delete_policy(PolicyArn=arn("policy/fence"))


def renamed_user(iam: Any) -> None:
    iam.update_user(UserName="alice", NewUserName="alicia")


GONE = {
    "user": (gone_user, ["create user/alice"]),
    "role": (gone_role, ["create role/site"]),
    "group": (gone_group, ["create group/admins", "update user/bob"]),
    "policy": (gone_policy, ["create policy/audit", "update user/alice"]),
    "boundary": (gone_boundary, ["create policy/fence", "update role/site", "update user/alice"]),
}


@pytest.mark.parametrize("what", GONE)
def test_what_was_deleted_by_hand_is_made_again_with_what_refers_to_it(what: str) -> None:
    do, expected = GONE[what]
    world = living()
    do(world.connection.iam)
    made = world.plan(DECLARED)
    assert [f"{change.action} {change.address}" for change in made.changes] == expected
    ended = world.apply(made)
    assert (ended.failed, ended.skipped) == (0, 0)
    assert not world.plan(DECLARED).changes
    assert bare(world.read(), DECLARED) == bare(DECLARED)


def test_a_trusted_user_that_was_deleted_and_made_again_is_trusted_again() -> None:
    world = living()
    iam = world.connection.iam
    iam.delete_user_policy(UserName="bob", PolicyName="home")
    for group in ("admins", "developers"):
        iam.remove_user_from_group(GroupName=group, UserName="bob")
    iam.delete_user(UserName="bob")
    made = world.plan(DECLARED)
    assert [f"{change.action} {change.address}" for change in made.changes] == ["update role/reader", "create user/bob"]
    assert not world.apply(made).failed
    assert not world.plan(DECLARED).changes
    trusted = world.connection.iam.get_role(RoleName="reader")["Role"]["AssumeRolePolicyDocument"]
    assert trusted["Statement"]["Principal"] == {"AWS": arn("user/bob")}


def test_a_user_that_was_renamed_by_hand_is_made_again_and_the_other_name_reported() -> None:
    world = living()
    renamed_user(world.connection.iam)
    made = world.plan(DECLARED)
    assert [f"{change.action} {change.address}" for change in made.changes] == ["create user/alice"]
    assert [str(item.address) for item in made.reported] == ["user/alicia"]


def test_a_user_that_was_renamed_by_hand_is_renamed_back_where_the_manifest_says_so() -> None:
    world = living()
    renamed_user(world.connection.iam)
    told = {
        address: replace(held, renamed_from="alicia") if str(address) == "user/alice" else held
        for address, held in DECLARED.resources.items()
    }
    desired: State = replace(DECLARED, resources=told)
    made = world.plan(desired)
    assert operations(made) == ["UpdateUser"]
    assert not world.apply(made).failed
    assert not world.plan(desired).changes


def test_tags_of_policies_are_confirmed_before_a_change_is_claimed() -> None:
    """The bulk answer may be late: what it says of a tag is asked again of the policy itself."""
    world = living()
    tap = world.server.handle

    def late(method: str, url: str, headers: Any, body: bytes) -> Any:
        status, answered, content = tap(method, url, headers, body)
        return status, answered, content.replace(b'"Value": "web"', b'"Value": "old"')

    world.server.handle = late  # type: ignore[method-assign]
    assert not world.plan(DECLARED).changes
    assert "GetResources" in world.calls
    assert world.calls.count("ListPolicyTags") == 1


def test_tags_of_policies_that_the_bulk_answer_leaves_out_are_not_set_again() -> None:
    world = living()
    tap = world.server.handle

    def silent(method: str, url: str, headers: Any, body: bytes) -> Any:
        status, answered, content = tap(method, url, headers, body)
        if "X-Amz-Target" in headers:
            content = b'{"ResourceTagMappingList": [], "PaginationToken": ""}'
        return status, answered, content

    world.server.handle = silent  # type: ignore[method-assign]
    assert not world.plan(DECLARED).changes
