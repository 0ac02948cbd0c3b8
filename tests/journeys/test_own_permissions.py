"""What iamsync itself may do, on a server that enforces policies: it can do the plan and nothing else.

MiniStack knows no paths in what it checks, no ARN of a policy that is yet to be created, takes the user for what a
membership is about, and has no `iam:PolicyARN`; so this account does without. tests/planner/test_required.py has them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from iamsync.aws.calls import call
from iamsync.engine.options import Options
from iamsync.engine.planning import Planned, plans
from iamsync.engine.project import Project
from iamsync.engine.reach import Ways
from iamsync.engine.restricting import Restricted
from iamsync.errors import AccessDenied
from iamsync.kinds.operations import WAIT

from .cli import Folder
from .servers import Absent, Server, running

ACCOUNT = "111122223333"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/iamsync"
CONFIG = f"version: 1\naccounts: {{prod: {{id: '{ACCOUNT}', assume_role: '{ROLE}'}}}}\nsafety: {{settle: 0}}\n"
MANIFEST = """\
groups:
  developers: {inline_policies: {read: {$file: read.json}}}
users:
  alice: {tags: {team: data}, inline_policies: {read: {$file: read.json}}}
policies:
  deploy: {document: {$file: read.json}}
roles:
  app:
    description: An application
    trust_policy:
      Version: 2012-10-17
      Statement: {Effect: Allow, Principal: {Service: ec2.amazonaws.com}, Action: sts:AssumeRole}
    inline_policies: {read: {$file: read.json}}
"""
READ: dict[str, Any] = {
    "Version": "2012-10-17",
    "Statement": {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"},
}


def allowing(*actions: str, effect: str = "Allow") -> dict[str, Any]:
    return {"Effect": effect, "Action": list(actions), "Resource": "*"}


@pytest.fixture(scope="module")
def strict() -> Iterator[Server]:
    try:
        with running("ministack-auth") as server:
            yield server
    except Absent as missing:
        pytest.skip(str(missing))


@pytest.fixture
def project(strict: Server, inside: Folder, monkeypatch: pytest.MonkeyPatch) -> Folder:
    """A project that applies through a role of the account; `grant` gives it its policy."""
    strict.empty()
    trust = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": trust})
    strict.client().create_role(RoleName="iamsync", AssumeRolePolicyDocument=document)
    old = json.dumps({**READ, "Statement": {**READ["Statement"], "Action": "s3:ListBucket"}})
    strict.client().create_policy(PolicyName="deploy", PolicyDocument=old)
    inside.environment.update(strict.environment)
    for name, value in strict.environment.items():
        monkeypatch.setenv(name, value)
    inside.write("iamsync.yaml", CONFIG.replace("accounts:", "manifests: [iam]\naccounts:"))
    inside.write("iam/site.yaml", MANIFEST)
    inside.write("iam/read.json", json.dumps(READ))
    return inside


def grant(server: Server, *statements: dict[str, Any]) -> None:
    document = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
    server.client().put_role_policy(RoleName="iamsync", PolicyName="own", PolicyDocument=document)


def planned(root: Path, url: str) -> tuple[Ways, Planned]:
    ways = Ways(Project.open(Options(cwd=root, endpoint_url=url)))
    (item,) = plans(ways.project, ways, write=True)
    return ways, item


def test_a_restricted_apply_does_the_plan(strict: Server, project: Folder) -> None:
    grant(strict, allowing("*"))
    ended = project("apply", "--auto-approve", "--restrict")
    assert "restricted to the plan's own calls, in 1 session" in ended.err
    assert "No changes" in project("plan", "--detailed-exitcode").out


def test_the_sessions_of_a_restricted_apply_can_do_nothing_that_is_not_in_the_plan(
    strict: Server, project: Folder
) -> None:
    grant(strict, allowing("*"))
    ways, item = planned(project.root, strict.url)
    with ways:
        writer = Restricted(ways, item)
        steps = [step for step in item.plan.steps if step.operation != WAIT]
        others: tuple[tuple[str, dict[str, str]], ...] = (
            ("CreateUser", {"UserName": "mallory"}),
            ("AttachRolePolicy", {"RoleName": "app", "PolicyArn": "arn:aws:iam::aws:policy/AdministratorAccess"}),
            ("PutRolePolicy", {"RoleName": "iamsync", "PolicyName": "own", "PolicyDocument": json.dumps(READ)}),
            ("CreateAccessKey", {"UserName": "alice"}),
            ("ListUsers", {}),
        )
        for step in steps:
            iam = writer(step).iam
            for operation, params in others:
                with pytest.raises(AccessDenied):
                    call(iam, operation, params)
            call(iam, step.operation, step.params)
    assert "No changes" in project("plan", "--detailed-exitcode").out


def test_the_policy_that_is_required_for_a_plan_is_enough_for_it(strict: Server, project: Folder) -> None:
    grant(strict, allowing("*"))
    project("plan", "--out", "plan.json")
    required = json.loads(project("required-policy", "plan.json").out)
    grant(strict, *required["Statement"])
    project("apply", "plan.json")
    assert "No changes" in project("plan", "--detailed-exitcode").out


def test_the_reading_policy_is_enough_to_plan(strict: Server, project: Folder) -> None:
    grant(strict, *json.loads(project("required-policy").out)["Statement"])
    said = project("plan", code=3)
    assert "call-denied" in said.out  # it may read, and not do what it planned


ADMIN = allowing("*")
ALICE = {**allowing("iam:*User*", effect="Deny"), "Resource": f"arn:aws:iam::{ACCOUNT}:user/alice"}
BOB = {**ALICE, "Resource": f"arn:aws:iam::{ACCOUNT}:user/bob"}
EVERY = {"CreateGroup", "PutGroupPolicy", "CreatePolicyVersion", "CreateRole", "PutRolePolicy", "CreateUser"}
EVERY |= {"PutUserPolicy", "TagUser"}


@pytest.mark.parametrize(
    ("statements", "denied"),
    [
        ((allowing("iam:Get*", "iam:List*", "tag:GetResources"),), EVERY),
        ((ADMIN, allowing("iam:CreateRole", effect="Deny")), {"CreateRole"}),
        ((ADMIN, ALICE), {"CreateUser", "PutUserPolicy", "TagUser"}),
        ((ADMIN, BOB), set()),
    ],
    ids=["reads only", "a denied action", "a denied user", "another user denied"],
)
def test_the_denials_that_are_foreseen_are_those_that_happen(
    strict: Server, project: Folder, statements: tuple[dict[str, Any], ...], denied: set[str]
) -> None:
    grant(strict, *statements)
    made = json.loads(project("plan", "--format", "json", code=3 if denied else 0).out)["plans"][0]
    said = " ".join(guard["message"] + guard["evidence"] for guard in made["guards"] if guard["id"] == "call-denied")
    assert {name for name in EVERY if f"iam:{name} on" in said} <= denied
    stopped = sum(step["operation"] in denied for step in made["steps"])
    assert not denied or f"may not make {stopped} of the plan's {len(made['steps'])} calls" in said
    if not denied:
        project("apply", "--auto-approve")
        return
    project("apply", "--auto-approve", code=3)
    assert not strict.client().list_groups()["Groups"]
    ended = project("apply", "--auto-approve", "--acknowledge", "call-denied", "--format", "json", code=5)
    failed = {line.split("failed: ")[1].split(":")[0] for line in ended.err.splitlines() if "  failed: " in line}
    assert failed
    assert failed <= denied
