"""Who owns what, asked of stacks and states: what is theirs is named, left alone, and handed over only when asked."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .cli import Folder
from .servers import Server, running

TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": ["ec2.amazonaws.com"]}, "Action": ["sts:AssumeRole"]}],
}
READ = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": ["s3:GetObject"], "Resource": "*"}]}
STACK = {
    "Resources": {
        "Role": {"Type": "AWS::IAM::Role", "Properties": {"RoleName": "by-stack", "AssumeRolePolicyDocument": TRUST}},
        "User": {"Type": "AWS::IAM::User", "Properties": {"UserName": "by-stack"}},
        "Policy": {"Type": "AWS::IAM::ManagedPolicy", "Properties": {"PolicyDocument": READ}},
    }
}
MANIFEST = "users:\n  alice: {}\n"


@pytest.fixture(scope="module")
def moto() -> Iterator[Server]:
    with running("moto") as server:
        yield server


@pytest.fixture
def project(moto: Server, inside: Folder) -> Folder:
    """A declared user, an undeclared one, and a stack that made a role, a user and a policy without tags."""
    moto.empty()
    iam = moto.client()
    for user in ("alice", "stray"):
        iam.create_user(UserName=user)
    moto.client("cloudformation").create_stack(StackName="web", TemplateBody=json.dumps(STACK))
    inside.environment.update(moto.environment)
    inside.write("iam/users.yaml", MANIFEST)
    configure(inside, "")
    return inside


def configure(folder: Folder, text: str, account: str = "123456789012") -> None:
    folder.write("iamsync.yaml", f"version: 1\nmanifests: [iam]\naccounts: {{test: {{id: '{account}'}}}}\n{text}")


def reported(folder: Folder) -> dict[str, str]:
    made = json.loads(folder("plan", "--format", "json", "--quiet").out)["plans"][0]
    return {item["address"].partition("-P")[0]: item["reason"] for item in made["reported"]}


def test_what_a_stack_made_is_recognised_without_tags(project: Folder) -> None:
    assert reported(project)["role/by-stack"] == "nobody declares it"
    configure(project, "scope: {exclude: [{cloudformation: [eu-west-1, us-east-1]}]}\n")
    assert reported(project) == {
        "policy/web": "owned by CloudFormation: stack web in us-east-1",
        "role/by-stack": "owned by CloudFormation: stack web in us-east-1",
        "user/by-stack": "owned by CloudFormation: stack web in us-east-1",
        "user/stray": "nobody declares it",
    }


def test_import_leaves_what_a_stack_made_to_it(project: Folder) -> None:
    configure(project, "scope: {exclude: [{cloudformation: [us-east-1]}]}\n")
    said = project("import", "--out", "taken").out
    assert "CloudFormation" in said
    assert "by-stack" not in "".join(file.read_text() for file in (project.root / "taken").iterdir())


def test_stacks_are_asked_once_an_hour_and_a_broken_cache_is_none(project: Folder, moto: Server) -> None:
    configure(project, "scope: {exclude: [{cloudformation: [us-east-1]}]}\n")
    assert reported(project)["role/by-stack"].startswith("owned by CloudFormation")
    more = {"Resources": {"User": {"Type": "AWS::IAM::User", "Properties": {"UserName": "by-later-stack"}}}}
    moto.client("cloudformation").create_stack(StackName="later", TemplateBody=json.dumps(more))
    assert reported(project)["user/by-later-stack"] == "nobody declares it"
    (cache,) = (project.root / ".iamsync").glob("stacks-*.json")
    for text in ("", "{}", '{"format": 1, "regions": ["us-east-1"], "taken_at": 1, "owned": []}', "[]"):
        cache.write_text(text)
        assert reported(project)["user/by-later-stack"] == "owned by CloudFormation: stack later in us-east-1"


def test_nothing_undeclared_is_deleted_before_every_region_was_asked(project: Folder, moto: Server) -> None:
    configure(project, "unmanaged: delete\nsafety: {max_change_percent: 100}\n")
    project("apply", "--auto-approve")
    iam = moto.client()
    assert sorted(user["UserName"] for user in iam.list_users()["Users"]) == ["alice", "by-stack"]
    assert iam.get_role(RoleName="by-stack")


STATE: dict[str, Any] = {
    "version": 4,
    "resources": [
        {"mode": "managed", "type": "aws_iam_role", "name": "app", "instances": [
            {"attributes": {"name": "app", "arn": "arn:aws:iam::111122223333:role/app"}}]},
        {"mode": "managed", "type": "aws_iam_role_policy", "name": "app", "instances": [
            {"attributes": {"role": "app"}}]},
        {"mode": "managed", "type": "aws_iam_user", "name": "people", "instances": [
            {"index_key": name, "attributes": {"name": name, "arn": f"arn:aws:iam::111122223333:user/{name}"}}
            for name in ("bob", "carol")]},
    ],
}  # fmt: skip


@pytest.fixture
def terraformed(inside: Folder) -> Folder:
    """An account in the sandbox part of which Terraform made."""
    configure(inside, "scope: {exclude: [{terraform_state: infra.tfstate}]}\n", "111122223333")
    text = (inside.root / "iamsync.yaml").read_text().replace("'111122223333'", "'111122223333', backend: sandbox")
    inside.write("iamsync.yaml", text)
    inside.write("infra.tfstate", json.dumps(STATE))
    trust = json.dumps(TRUST)
    made = (
        f"roles: {{app: {{trust_policy: {trust}, inline_policies: {{read: {json.dumps(READ)}}}, "
        "tags: {ManagedBy: terraform}}}\n"
        "users: {alice: {}, bob: {}, carol: {}, stray: {}}\n"
    )
    inside.write("iam/all.yaml", made)
    inside("apply", "--auto-approve")
    inside.write("iam/all.yaml", MANIFEST)
    return inside


def test_a_terraform_state_tells_what_is_terraforms(terraformed: Folder) -> None:
    assert reported(terraformed) == {
        "role/app": "owned by Terraform: aws_iam_role.app in infra.tfstate",
        "user/bob": 'owned by Terraform: aws_iam_user.people["bob"] in infra.tfstate',
        "user/carol": 'owned by Terraform: aws_iam_user.people["carol"] in infra.tfstate',
        "user/stray": "nobody declares it",
    }


def test_a_declaration_that_changes_what_a_state_lists_is_warned_of_and_takes_over(terraformed: Folder) -> None:
    terraformed.write("iam/more.yaml", "users: {bob: {tags: {team: web}}, stray: {tags: {team: web}}}\n")
    plan = json.loads(terraformed("plan", "--format", "json").out)["plans"][0]
    (told,) = [guard for guard in plan["guards"] if guard["id"] == "foreign-owned"]
    assert (told["severity"], told["address"]) == ("warn", "user/bob")
    assert told["message"] == (
        'user/bob belongs to Terraform (aws_iam_user.people["bob"] in infra.tfstate), and the plan would update it'
    )
    assert told["remedy"] == "have Terraform forget it, or both will change it"
    terraformed("apply", "--auto-approve")
    terraformed.write("iam/more.yaml", "removed: [user/carol]\n")
    told = terraformed("plan", code=3).out
    assert "guard foreign-owned" in told
    assert "user/carol" in told
    assert "--acknowledge foreign-owned:user/carol" in told


def test_what_terraform_has_is_handed_over(terraformed: Folder) -> None:
    said = terraformed("import", "--out", "iam", "--take-over", "infra.tfstate").out
    assert 'iamsync plan                 must say "No changes"' in said
    taken = "".join(file.read_text() for file in sorted((terraformed.root / "iam").glob("*.yaml")))
    assert all(name in taken for name in ("app:", "bob", "carol"))
    assert "stray" not in taken
    blocks = (terraformed.root / "removed.tf").read_text()
    assert [line.strip() for line in blocks.splitlines() if "from" in line] == [
        "from = aws_iam_role.app",
        "from = aws_iam_role_policy.app",
        "from = aws_iam_user.people",
    ]
    assert "No changes" in terraformed("plan", "--detailed-exitcode").out
    assert reported(terraformed) == {"user/stray": "nobody declares it"}
    terraformed.write("infra.tfstate", json.dumps({"version": 4, "resources": []}))
    assert "No changes" in terraformed("plan", "--detailed-exitcode").out


def test_a_part_of_a_resource_is_handed_over_by_a_command(terraformed: Folder) -> None:
    said = terraformed("import", "--out", "iam", "--take-over", "infra.tfstate", "--target", "user/bob").out
    assert "terraform state rm 'aws_iam_user.people[\"bob\"]'" in said
    assert not (terraformed.root / "removed.tf").exists()


def test_a_state_that_is_none_is_an_error(terraformed: Folder, tmp_path: Path) -> None:
    terraformed.write("infra.tfstate", "{}")
    assert "bad-terraform-state" in terraformed("plan", code=1).err
    (terraformed.root / "infra.tfstate").unlink()
    (terraformed.root / "infra.tfstate").symlink_to("/etc/hostname")
    assert "is no file of the project" in terraformed("plan", code=1).err
