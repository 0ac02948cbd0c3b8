"""AWS's answers as resources: what is taken, what is forgiven, what is refused."""

from __future__ import annotations

import json
from copy import deepcopy
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from iamsync.errors import IncompleteRead
from iamsync.kinds.kind import Context
from iamsync.kinds.policy import Policy
from iamsync.kinds.role import Role
from iamsync.kinds.user import User
from iamsync.kinds.wire import UNTOLD, details, dump_state, tags_of
from iamsync.model import Address, State
from iamsync.policy.document import Document

ACCOUNT = "111122223333"
CX = Context(ACCOUNT)
DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
ALLOW = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}
TRUST = {"Statement": {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}}


def arn(rest: str, account: str = ACCOUNT) -> str:
    return f"arn:aws:iam::{account}:{rest}"


def user(name: str = "alice", **more: Any) -> dict[str, Any]:
    return {"UserName": name, "UserId": f"AIDA{name}", "Path": "/", "Arn": arn(f"user/{name}"), **more}


def role(name: str = "deploy", **more: Any) -> dict[str, Any]:
    return {
        "RoleName": name,
        "RoleId": f"AROA{name}",
        "Path": "/",
        "Arn": arn(f"role/{name}"),
        "AssumeRolePolicyDocument": TRUST,
        **more,
    }


def policy(name: str = "audit", **more: Any) -> dict[str, Any]:
    version = {"VersionId": "v1", "IsDefaultVersion": True, "Document": ALLOW}
    return {
        "PolicyName": name,
        "PolicyId": f"ANPA{name}",
        "Path": "/",
        "Arn": arn(f"policy/{name}"),
        "DefaultVersionId": "v1",
        "PolicyVersionList": [version],
        **more,
    }


def read(**lists: Any) -> State:
    return State.of(ACCOUNT, details([lists], CX).resources)


def test_a_user_is_read_with_all_it_has() -> None:
    item = user(
        Path="/people/",
        GroupList=["b", "a"],
        AttachedManagedPolicies=[{"PolicyName": "x", "PolicyArn": arn("policy/x")}],
        UserPolicyList=[{"PolicyName": "inline", "PolicyDocument": ALLOW}],
        PermissionsBoundary={"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": arn("policy/b")},
        Tags=[{"Key": "team", "Value": "data"}, {"Key": "env", "Value": ""}],
    )
    (found,) = read(UserDetailList=[item])
    assert found.spec == User(
        path="/people/",
        groups=("a", "b"),
        managed_policies=(arn("policy/x"),),
        inline_policies=(("inline", Document.of(ALLOW)),),
        permissions_boundary=arn("policy/b"),
        tags=(("env", ""), ("team", "data")),
    )
    assert found.facts == {"id": "AIDAalice"}
    (dated,) = details([{"UserDetailList": [{**item, "CreateDate": "2026-01-02T03:04:05+00:00"}]}], CX).resources
    assert dated.facts == {"id": "AIDAalice", "created": "2026-01-02T03:04:05Z"}


def test_what_details_lack_of_a_role_comes_from_its_listing() -> None:
    listed = {"deploy": {"Description": "ships", "MaxSessionDuration": 7200}}
    item = role(InstanceProfileList=[{"InstanceProfileName": "web"}])
    (found,) = details([{"RoleDetailList": [item]}], CX, listed).resources
    assert found.spec == Role(Document.of(TRUST), description="ships", max_session_duration=7200)
    assert found.facts["instance_profiles"] == ("web",)
    (bare,) = read(RoleDetailList=[role()])
    assert bare.spec == Role(Document.of(TRUST))


def test_a_policy_is_its_default_version_and_keeps_the_others_as_facts() -> None:
    versions = [
        {"VersionId": "v10", "IsDefaultVersion": False, "Document": TRUST},
        {"VersionId": "v9", "IsDefaultVersion": True, "Document": ALLOW},
    ]
    (found,) = read(Policies=[policy(DefaultVersionId="v9", PolicyVersionList=versions)])
    assert found.spec == Policy(Document.of(ALLOW))
    assert found.spec.description is None
    assert [(version, default) for version, _, default in found.facts["versions"]] == [("v9", True), ("v10", False)]


def test_policies_of_aws_are_kept_apart() -> None:
    theirs = policy("ReadOnlyAccess", Arn="arn:aws:iam::aws:policy/ReadOnlyAccess", DefaultVersionId="v1")
    found = details([{"Policies": [theirs, policy()]}], CX)
    assert [str(resource.address) for resource in found.resources] == ["policy/audit"]
    assert found.aws_policies == {"arn:aws:iam::aws:policy/ReadOnlyAccess": ("v1", Document.of(ALLOW))}


ODD = {"Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "arn:aws:s3:::100%25/%7Bx%7D/caf\xe9"}]}


SPELLINGS = {
    "parsed": ODD,
    "text": json.dumps(ODD),
    "Latin-1 text": "\n " + json.dumps(ODD, ensure_ascii=False),
    "encoded": quote(json.dumps(ODD)),
    "encoded to the last character": quote(json.dumps(ODD), ""),
}


@pytest.mark.parametrize("written", SPELLINGS.values(), ids=SPELLINGS)
def test_a_document_is_read_however_it_is_written(written: Any) -> None:
    (found,) = read(RoleDetailList=[role(RolePolicyList=[{"PolicyName": "p", "PolicyDocument": written}])])
    assert dict(found.spec.inline_policies)["p"].value == ODD


@pytest.mark.parametrize("written", ["", "%7B", "not json", '{"Statement": 1, "Statement": 2}', "[" * 100_000])
def test_a_document_that_cannot_be_read_is_an_incomplete_read_not_an_empty_policy(written: str) -> None:
    with pytest.raises(IncompleteRead, match="role/deploy: inline policy p: the document cannot be decoded"):
        read(RoleDetailList=[role(RolePolicyList=[{"PolicyName": "p", "PolicyDocument": written}])])


def test_a_policy_without_its_default_document_is_an_incomplete_read() -> None:
    with pytest.raises(IncompleteRead, match="without the document of its default version"):
        read(Policies=[policy(PolicyVersionList=[])])


def test_an_entity_on_two_pages_is_taken_once() -> None:
    found = details([{"UserDetailList": [user()]}, {"UserDetailList": [user(), user("bob")]}], CX)
    assert [resource.address.name for resource in found.resources] == ["alice", "bob"]


def test_an_entity_that_was_replaced_between_two_pages_is_an_incomplete_read() -> None:
    with pytest.raises(IncompleteRead, match="user/alice appears twice"):
        details([{"UserDetailList": [user()]}, {"UserDetailList": [user(UserId="AIDAother")]}], CX)


def test_a_principal_shown_by_the_id_of_a_live_entity_is_its_arn() -> None:
    def trusted(name: str) -> dict[str, Any]:
        return {"Statement": [{"Effect": "Allow", "Principal": {"AWS": name}, "Action": "sts:AssumeRole"}]}

    state = read(
        UserDetailList=[user(Path="/people/")],
        RoleDetailList=[
            role(AssumeRolePolicyDocument=trusted("AIDAalice")),
            role("orphan", AssumeRolePolicyDocument=trusted("AIDAgone")),
        ],
    )
    assert state.resources[Address("role", "deploy")].spec.trust_policy.value == trusted(arn("user/people/alice"))
    assert state.resources[Address("role", "orphan")].spec.trust_policy.value == trusted("AIDAgone")


def test_tags_are_sorted_pairs() -> None:
    assert tags_of([{"Key": "b", "Value": "1"}, {"Key": "a", "Value": ""}]) == (("a", ""), ("b", "1"))
    assert tags_of([]) == ()


# -- Saved answers ---------------------------------------------------------------------------------


def saved(**lists: Any) -> dict[str, Any]:
    return {"UserDetailList": [user()], "GroupDetailList": [], "RoleDetailList": [role()], "Policies": [], **lists}


def test_a_saved_answer_is_a_state_that_knows_what_it_was_not_told() -> None:
    state, notes = dump_state(saved())
    assert (state.account_id, state.partition, len(state), notes) == (ACCOUNT, "aws", 2, ())
    assert state.complete == {"user", "group", "role", "policy"}
    assert state.unread == UNTOLD


def test_a_kind_without_a_list_is_not_complete() -> None:
    state, _ = dump_state({"UserDetailList": [user()]})
    assert state.complete == {"user"}


def test_a_role_without_a_path_takes_that_of_its_arn() -> None:
    state, notes = dump_state(saved(RoleDetailList=[role(Path="", Arn=arn("role/ci/deploy"))]))
    assert state.resources[Address("role", "deploy")].spec.path == "/ci/"
    assert notes == ("role/deploy has no path; taken from its ARN",)


def test_entities_of_another_account_are_taken_as_its_own_and_noted() -> None:
    other = "444455556666"
    document = {"Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": arn("role/x", other)}]}
    stray = user(
        "bob",
        Arn=arn("user/bob", other),
        AttachedManagedPolicies=[{"PolicyName": "audit", "PolicyArn": arn("policy/audit", other)}],
        UserPolicyList=[{"PolicyName": "p", "PolicyDocument": document}],
    )
    dump = saved(UserDetailList=[user(), stray], Policies=[policy()])
    before = deepcopy(dump)
    state, notes = dump_state(dump)
    found = state.resources[Address("user", "bob")].spec
    assert state.account_id == ACCOUNT
    assert notes == (f"user/bob name account {other}; taken as {ACCOUNT}",)
    assert found.managed_policies == (arn("policy/audit"),)
    assert dict(found.inline_policies)["p"].value == document
    assert dump == before


def test_an_answer_that_was_cut_short_is_an_incomplete_read() -> None:
    with pytest.raises(IncompleteRead, match="cut short"):
        dump_state(saved(IsTruncated=True, Marker="x"))


@pytest.mark.parametrize(
    ("dump", "message"),
    [
        ({}, "no answer of get-account-authorization-details"),
        ({"Users": []}, "no answer of get-account-authorization-details"),
        ({"UserDetailList": []}, "no entity in this dump"),
        ({"UserDetailList": [{"Arn": arn("user/x")}]}, "not shaped as AWS shapes it"),
        ({"UserDetailList": ["x"]}, "not shaped as AWS shapes it"),
        ({"UserDetailList": None}, "not shaped as AWS shapes it"),
        (saved(RoleDetailList=[{**role(), "RolePolicyList": [1]}]), "not shaped as AWS shapes it"),
    ],
)
def test_other_json_is_no_saved_answer(dump: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        dump_state(dump)


@pytest.mark.skipif(not DATA.is_dir(), reason="the real account dumps are not beside the project")
@pytest.mark.parametrize(("name", "count"), [("large", 173), ("odd", 8)])
def test_a_real_account_is_read(name: str, count: int) -> None:
    state, notes = dump_state(json.loads((DATA / f"account-dump-{name}.json").read_text(encoding="utf-8")))
    assert len(state) == count
    assert notes
    assert len(state.folded()) == count


def test_an_entity_whose_own_arn_names_aws_is_noted_and_keeps_its_aws_policies() -> None:
    held = {"PolicyName": "ReadOnlyAccess", "PolicyArn": "arn:aws:iam::aws:policy/ReadOnlyAccess"}
    odd = user("bob", Arn="arn:aws:iam::aws:user/bob", AttachedManagedPolicies=[held])
    state, notes = dump_state(saved(UserDetailList=[user(), odd]))
    assert notes == (f"user/bob name account aws; taken as {ACCOUNT}",)
    assert state.resources[Address("user", "bob")].spec.managed_policies == (held["PolicyArn"],)
