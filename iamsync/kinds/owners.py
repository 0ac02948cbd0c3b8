"""Whose a live resource is, told from what it carries: its path, its name, its tags, or who was found to list it.

`reach` is False where nobody but the owner can change it (service-linked roles, Identity Center);
such a resource is out of reach whatever is declared. The rest is merely left out of the scope by
default, but for what is a mere guess. Source: IAM User Guide, service-linked roles; the tags that each tool documents.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from iamsync.model import Resource

Confidence = Literal["certain", "likely", "possible"]

# The name of the fact under which a found owner stands: a stack or a state file lists the resource.
FACT: Final = "owner"
# CloudFormation names what its template does not: stack, logical id, a random end.
_GENERATED: Final = re.compile(r".+-.+-[A-Z0-9]{12,13}")
# Tag keys in lower case that say that a tool made it, and the values that do (none: any).
_TAGS: Final[tuple[tuple[str, tuple[str, ...], str], ...]] = (
    ("managedby", ("terraform", "opentofu", "pulumi", "cloudformation", "cdk", "crossplane", "ansible"), ""),
    ("managed-by", ("terraform", "opentofu", "pulumi", "cloudformation", "cdk", "crossplane", "ansible"), ""),
    ("managed_by", ("terraform", "opentofu", "pulumi", "cloudformation", "cdk", "crossplane", "ansible"), ""),
    ("terraform", ("true", "yes", "1"), "Terraform"),
    ("pulumi:project", (), "Pulumi"),
    ("pulumi", ("true", "yes", "1"), "Pulumi"),
    ("alpha.eksctl.io/cluster-name", (), "eksctl"),
    ("eksctl.cluster.k8s.io/v1alpha1/cluster-name", (), "eksctl"),
    ("karpenter.k8s.aws/cluster", (), "Karpenter"),
    ("karpenter.sh/managed-by", (), "Karpenter"),
    ("services.k8s.aws/controller-version", (), "AWS Controllers for Kubernetes"),
    ("crossplane-kind", (), "Crossplane"),
    ("quicksetupid", (), "Systems Manager Quick Setup"),
)
_SPELLED: Final = {
    "terraform": "Terraform", "opentofu": "OpenTofu", "pulumi": "Pulumi", "cloudformation": "CloudFormation",
    "cdk": "CDK", "crossplane": "Crossplane", "ansible": "Ansible",
}  # fmt: skip
# Beginnings of names (folded) by which tools call what they make; only of roles, policies and profiles.
_NAMED: Final = (
    ("karpenternoderole-", "Karpenter"),
    ("karpentercontroller", "Karpenter"),
    ("eksctl-", "eksctl"),
    ("eks-cluster-role", "EKS"),
    ("ekspodidentity", "EKS"),
)


@dataclass(frozen=True, slots=True)
class Owner:
    """Who owns a resource, how that is known and how surely, and whether it could be changed at all.

    `certain`: AWS or a list of the owner's says so; `likely`: it is marked as theirs; `possible`: it is called as
    they call theirs, which is told, and holds up a deletion that nobody asked for by name. `yields`: a declaration
    takes over from it, since it lets go of what it is told to forget (a tag may be stale, a Terraform state too).
    """

    name: str
    evidence: str
    reach: bool = True
    confidence: Confidence = "certain"
    yields: bool = False


def owner_of(resource: Resource) -> Owner | None:
    """The foreign owner of a resource, or None where nothing but a guess points at one."""
    owner = next(_owners(resource), None)
    return owner if owner is not None and owner.confidence != "possible" else None


def firm_owner_of(resource: Resource) -> Owner | None:
    """The foreign owner from whom no declaration takes over, or None."""
    owners = (owner for owner in _owners(resource) if owner.confidence != "possible")
    return next((owner for owner in owners if not owner.yields), None)


def guess_of(resource: Resource) -> Owner | None:
    """Who may own a resource that has no known owner, by nothing but its name."""
    owner = next(_owners(resource), None)
    return owner if owner is not None and owner.confidence == "possible" else None


def out_of_reach(resource: Resource) -> Owner | None:
    """The owner of a resource that AWS lets nobody else change, or None."""
    owner = owner_of(resource)
    return owner if owner is not None and not owner.reach else None


def _owners(resource: Resource) -> Iterator[Owner]:
    """Everything that points at an owner, surest first."""
    name, path = resource.address.name, getattr(resource.spec, "path", "/")
    if resource.address.kind == "role":
        if path.startswith("/aws-service-role/"):
            yield Owner("AWS service", f"service-linked role (path {path})", reach=False)
        if path.startswith("/aws-reserved/"):
            yield Owner("Identity Center", f"path {path}", reach=False)
    if resource.address.kind == "saml_provider" and name.startswith("AWSSSO_"):
        yield Owner("Identity Center", f"name {name}", reach=False)
    if (found := resource.facts.get(FACT)) is not None:
        yield found
    tags = dict(getattr(resource.spec, "tags", ()))
    for key in ("aws:cloudformation:stack-name", "aws:cloudformation:stack-id"):
        if key in tags:
            yield Owner("CloudFormation", f"tag {key}={tags[key]}")
    folded = name.casefold()
    if folded.startswith(("awscontroltower", "aws-controltower-")):
        yield Owner("Control Tower", f"name {name}")
    if folded.startswith(("stacksets-exec-", "awscloudformationstackset")):
        yield Owner("CloudFormation StackSets", f"name {name}")
    if folded.startswith("aws-quicksetup-"):
        yield Owner("Systems Manager Quick Setup", f"name {name}")
    if folded.startswith("cdk-") and "-role-" in folded:
        yield Owner("CDK bootstrap", f"name {name}")
    if name == "OrganizationAccountAccessRole":
        yield Owner("Organizations", f"name {name}")
    yield from _tagged(tags)
    if resource.address.kind in ("role", "policy", "instance_profile"):
        for beginning, owner in _NAMED:
            if folded.startswith(beginning):
                yield Owner(owner, f"name {name}", confidence="possible")
        if _GENERATED.fullmatch(name):
            yield Owner("CloudFormation", f"name {name} looks generated", confidence="possible")


def _tagged(tags: Mapping[str, str]) -> Iterator[Owner]:
    held = {key.casefold(): (key, value) for key, value in tags.items()}
    for wanted, values, owner in _TAGS:
        if wanted not in held:
            continue
        key, value = held[wanted]
        if not values or value.casefold() in values:
            name = owner or _SPELLED[value.casefold()]
            yield Owner(name, f"tag {key}={value}", confidence="likely", yields=True)
