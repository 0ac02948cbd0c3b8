"""How many calls things cost: reads do not grow with the account, and nothing is written twice."""

from __future__ import annotations

import json
from collections import Counter

from iamsync.aws.read import read
from tests.behaviour.account import DECLARED, living, load
from tests.behaviour.conftest import Site
from tests.world import ACCOUNT, World

ROLE = """\
policies:
  fence:
    document: &any
      Version: 2012-10-17
      Statement: {Effect: Allow, Action: "s3:*", Resource: "*"}
roles:
  site:
    permissions_boundary: fence
    managed_policies: [aws/ReadOnlyAccess, aws/SecurityAudit]
    tags: {team: web, env: prod, cost: "12"}
    inline_policies: {assets: *any}
    trust_policy:
      Version: 2012-10-17
      Statement: {Effect: Allow, Principal: {Service: ec2.amazonaws.com}, Action: sts:AssumeRole}
"""


def fleet(size: int) -> str:
    """A manifest of this many entities, a third of them tagged policies."""
    lines = ["policies:"]
    for number in range(size // 3):
        lines += [
            f"  policy-{number}:",
            f"    tags: {{team: team-{number % 7}, env: prod}}",
            "    document:",
            "      Version: 2012-10-17",
            f'      Statement: {{Effect: Allow, Action: "s3:*", Resource: "arn:aws:s3:::bucket-{number}/*"}}',
        ]
    lines.append("groups:")
    lines += [f"  group-{number}: {{managed_policies: [policy-{number}]}}" for number in range(size // 6)]
    lines.append("users:")
    for number in range(size // 6):
        lines.append(f"  user-{number}: {{groups: [group-{number}], tags: {{team: web}}}}")
    lines.append("roles:")
    for number in range(size // 3):
        lines += [
            f"  role-{number}:",
            f"    managed_policies: [policy-{number}]",
            "    inline_policies:",
            "      own: {Version: 2012-10-17, Statement: {Effect: Allow, Action: sqs:SendMessage, Resource: '*'}}",
            "    trust_policy:",
            "      Version: 2012-10-17",
            "      Statement: {Effect: Allow, Principal: {Service: ec2.amazonaws.com}, Action: sts:AssumeRole}",
        ]
    return "\n".join(lines) + "\n"


def test_a_plan_without_changes_of_300_entities_makes_at_most_ten_calls() -> None:
    desired = load(fleet(300))
    assert len(desired) == 300
    world = living(desired)
    assert not world.plan(desired).changes
    assert len(world.calls) <= 10, Counter(world.calls)


def test_calls_of_a_read_grow_with_pages_alone() -> None:
    role = json.dumps({"Version": "2012-10-17", "Statement": []})
    roles = [{"RoleName": f"role-{number}", "AssumeRolePolicyDocument": role} for number in range(1001)]
    tags = [{"Key": "team", "Value": "web"}]
    version = {"VersionId": "v1", "Document": role}
    policies = [
        {
            "PolicyName": f"policy-{number}",
            "Arn": f"arn:aws:iam::{ACCOUNT}:policy/policy-{number}",
            "DefaultVersionId": "v1",
            "PolicyVersionList": [version],
            "Tags": tags,
        }
        for number in range(101)
    ]
    world = World()
    world.server.seed(ACCOUNT, {"RoleDetailList": roles, "Policies": policies})
    assert len(read(world.connection)) == 1102
    paged = {"GetAccountAuthorizationDetails": 2, "ListRoles": 2, "GetResources": 2}
    assert Counter(world.calls) == {**paged, "GetCallerIdentity": 1, "GetAccountSummary": 1, "ListAccountAliases": 1}


def test_the_reads_of_an_apply_do_not_grow_with_what_it_makes() -> None:
    def reads(size: int) -> Counter[str]:
        desired, world = load(fleet(size)), World()
        world.apply(world.plan(desired))
        return Counter(world.calls) - Counter(world.writes)

    assert reads(6) == reads(24)


def test_a_declared_policy_description_costs_one_question_and_no_other() -> None:
    world = living()
    assert not world.plan(DECLARED).changes
    asked = Counter(world.calls)
    assert asked["GetPolicy"] == 1
    assert asked["ListPolicyTags"] == 0


def test_a_role_with_tags_boundary_attachments_and_inline_policy_takes_four_writes() -> None:
    desired = load(ROLE)
    world = World()
    world.apply(world.plan(desired))
    writes = Counter(world.writes)
    assert writes == {"CreatePolicy": 1, "CreateRole": 1, "AttachRolePolicy": 2, "PutRolePolicy": 1}


def test_a_fleet_from_empty_takes_one_write_a_creation_attachment_inline_policy_and_membership() -> None:
    desired = load(fleet(60))
    world = World()
    assert not world.apply(world.plan(desired)).failed
    expected = Counter(
        {
            "CreatePolicy": 20,
            "CreateGroup": 10,
            "CreateUser": 10,
            "CreateRole": 20,
            "AttachGroupPolicy": 10,
            "AttachRolePolicy": 20,
            "AddUserToGroup": 10,
            "PutRolePolicy": 20,
        }
    )
    assert Counter(world.writes) == expected
    assert not world.plan(desired).changes


def test_apply_with_auto_approve_reads_the_account_once(site: Site) -> None:
    site.fine("apply", "--auto-approve")
    asked = Counter(site.calls)
    assert asked["GetAccountAuthorizationDetails"] == 1
    assert asked["GetAccountSummary"] == 1
    # Of each of AWS's policies that nobody held before: that it exists, and what it allows.
    assert asked["GetPolicy"] == asked["GetPolicyVersion"]
    assert asked["ListRoles"] == 1
    assert asked["CreateRole"] == 2


def test_an_apply_with_nothing_to_do_writes_nothing_and_keeps_no_record(applied: Site) -> None:
    told = applied.fine("apply", "--auto-approve")
    assert "no changes" in told.out.lower()
    assert applied.writes == []
    assert applied.runs == []


def test_validating_and_showing_make_no_call_at_all(applied: Site) -> None:
    applied.edit("Deploys the site", "Deploys")
    applied.fine("plan", "--out", "plan.json")
    applied.fine("show", "plan.json")
    assert applied.calls == []
    applied.fine("validate")
    assert applied.calls == []
