"""Whose a resource is, and how surely: by AWS's own marks, by tags of tools, by names."""

from __future__ import annotations

import pytest

from iamsync.kinds.owners import FACT, Owner, guess_of, out_of_reach, owner_of
from iamsync.kinds.policy import Policy
from iamsync.kinds.role import Role
from iamsync.kinds.user import User
from iamsync.model import Address, Resource
from iamsync.policy.document import Document

DOCUMENT = Document.of({"Version": "2012-10-17", "Statement": []})


def role(name: str, path: str = "/", **tags: str) -> Resource:
    spec = Role(DOCUMENT, path=path, tags=tuple(sorted((key.replace("__", "/"), tags[key]) for key in tags)))
    return Resource(Address("role", name), spec)


@pytest.mark.parametrize(
    ("resource", "owner"),
    [
        (role("AWSServiceRoleForSupport", "/aws-service-role/support.amazonaws.com/"), "AWS service"),
        (role("AWSReservedSSO_Admin_0123456789abcdef", "/aws-reserved/sso.amazonaws.com/"), "Identity Center"),
        (role("app", **{"aws:cloudformation:stack-name": "web"}), "CloudFormation"),
        (role("aws-controltower-ConfigRecorderRole"), "Control Tower"),
        (role("stacksets-exec-0123456789"), "CloudFormation StackSets"),
        (role("AWS-QuickSetup-StackSet-Local-ExecutionRole"), "Systems Manager Quick Setup"),
        (role("qs", QuickSetupID="abcde"), "Systems Manager Quick Setup"),
        (role("cdk-hnb659fds-deploy-role-111122223333-eu-west-1"), "CDK bootstrap"),
        (role("OrganizationAccountAccessRole"), "Organizations"),
        (role("app", ManagedBy="Terraform"), "Terraform"),
        (role("app", managed_by="opentofu"), "OpenTofu"),
        (role("app", terraform="true"), "Terraform"),
        (role("app", **{"pulumi:project": "shop"}), "Pulumi"),
        (role("node", **{"karpenter.k8s.aws/cluster": "prod"}), "Karpenter"),
        (role("node", **{"alpha.eksctl.io/cluster-name": "prod"}), "eksctl"),
    ],
    ids=lambda value: value if isinstance(value, str) else str(value.address.name)[:24],
)
def test_a_mark_tells_the_owner(resource: Resource, owner: str) -> None:
    found = owner_of(resource)
    assert found is not None
    assert found.name == owner
    assert found.evidence
    assert guess_of(resource) is None


@pytest.mark.parametrize(
    "resource",
    [
        role("app", ManagedBy="iamsync"),
        role("app", terraform="false"),
        role("cdk"),
        role("my-aws-quicksetup-role"),
        role("app", Terraform__module="x"),
        Resource(Address("user", "eksctl-admin"), User()),
    ],
)
def test_what_only_looks_like_a_mark_is_none(resource: Resource) -> None:
    assert owner_of(resource) is None
    assert guess_of(resource) is None


@pytest.mark.parametrize(
    ("name", "owner"),
    [
        ("KarpenterNodeRole-prod", "Karpenter"),
        ("eksctl-prod-cluster-ServiceRole", "eksctl"),
        ("shop-AppRole-1A2B3C4D5E6F7", "CloudFormation"),
    ],
)
def test_a_name_alone_is_a_guess(name: str, owner: str) -> None:
    assert owner_of(role(name)) is None
    guess = guess_of(role(name))
    assert guess is not None
    assert (guess.name, guess.confidence) == (owner, "possible")
    assert guess_of(Resource(Address("policy", name), Policy(DOCUMENT))) is not None


def test_a_list_of_the_owners_is_worth_more_than_tags_and_names() -> None:
    listed = Owner("CloudFormation", "stack web in eu-west-1")
    held = Resource(Address("role", "eksctl-x"), role("x", ManagedBy="terraform").spec, facts={FACT: listed})
    assert owner_of(held) is listed


def test_only_aws_itself_puts_a_resource_out_of_reach() -> None:
    assert out_of_reach(role("r", "/aws-service-role/x.amazonaws.com/")) is not None
    assert out_of_reach(role("r", ManagedBy="terraform")) is None
    assert out_of_reach(role("OrganizationAccountAccessRole")) is None
