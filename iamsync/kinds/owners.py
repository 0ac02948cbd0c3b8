"""Whose a live resource is, told from what it carries: its path, its name, its tags.

`reach` is False where nobody but the owner can change it (service-linked roles, Identity Center);
such a resource is out of reach whatever is declared. The rest is merely left out of the scope by
default. Source: iam-facts 1.8.
"""

from __future__ import annotations

from dataclasses import dataclass

from iamsync.model import Resource


@dataclass(frozen=True, slots=True)
class Owner:
    """Who owns a resource, how that is known, and whether it could be changed at all."""

    name: str
    evidence: str
    reach: bool = True


def owner_of(resource: Resource) -> Owner | None:
    """The foreign owner of a resource, or None where nothing points at one."""
    name, path = resource.address.name, getattr(resource.spec, "path", "/")
    if resource.address.kind == "role":
        if path.startswith("/aws-service-role/"):
            return Owner("AWS service", f"service-linked role (path {path})", reach=False)
        if path.startswith("/aws-reserved/"):
            return Owner("Identity Center", f"path {path}", reach=False)
    tags = dict(getattr(resource.spec, "tags", ()))
    for key in ("aws:cloudformation:stack-name", "aws:cloudformation:stack-id"):
        if key in tags:
            return Owner("CloudFormation", f"tag {key}={tags[key]}")
    folded = name.casefold()
    if folded.startswith(("awscontroltower", "aws-controltower-")):
        return Owner("Control Tower", f"name {name}")
    if folded.startswith(("stacksets-exec-", "awscloudformationstackset")):
        return Owner("CloudFormation StackSets", f"name {name}")
    if folded.startswith("aws-quicksetup-"):
        return Owner("Systems Manager Quick Setup", f"name {name}")
    if folded.startswith("cdk-") and "-role-" in folded:
        return Owner("CDK bootstrap", f"name {name}")
    if name == "OrganizationAccountAccessRole":
        return Owner("Organizations", f"name {name}")
    return None


def out_of_reach(resource: Resource) -> Owner | None:
    """The owner of a resource that AWS lets nobody else change, or None."""
    owner = owner_of(resource)
    return owner if owner is not None and not owner.reach else None
