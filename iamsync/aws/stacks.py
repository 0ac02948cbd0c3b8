"""Which IAM entities CloudFormation's stacks own, asked of the stacks themselves, region by region.

Tags do not tell: groups have none, and AWS does not put its stack tags on every kind. Source: CloudFormation
ListStacks and ListStackResources; EC2 DescribeRegions, which names the regions that the account has enabled.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final

from iamsync import arn
from iamsync.aws.calls import call, token_pages, whole
from iamsync.aws.session import Connection
from iamsync.errors import AccessDenied, AwsError
from iamsync.model import Address

# Resource types with an identity of their own; the physical id is a name or an ARN.
_KINDS: Final = {
    "AWS::IAM::User": "user",
    "AWS::IAM::Group": "group",
    "AWS::IAM::Role": "role",
    "AWS::IAM::ManagedPolicy": "policy",
    "AWS::IAM::InstanceProfile": "instance_profile",
    "AWS::IAM::OIDCProvider": "oidc_provider",
    "AWS::IAM::SAMLProvider": "saml_provider",
}
# A stack that is gone owns nothing; one whose deletion failed may still.
_GONE: Final = "DELETE_COMPLETE"
_REMEDY: Final = "allow it, or name the regions that have stacks: scope.exclude: [{cloudformation: [eu-west-1]}]"


@dataclass(frozen=True, slots=True, order=True)
class Owned:
    """One IAM entity that a stack made."""

    address: Address
    stack: str
    region: str


def regions(connection: Connection) -> tuple[str, ...]:
    """The regions that the account has enabled; AccessDenied where the caller may not know."""
    try:
        answer = call(connection.client("ec2"), "DescribeRegions")
    except AccessDenied as error:
        raise _denied(error, "ec2:DescribeRegions") from error
    with whole("DescribeRegions"):
        return tuple(sorted(item["RegionName"] for item in answer.get("Regions") or ()))


def owned(connection: Connection, where: Iterable[str], *, workers: int = 8) -> tuple[Owned, ...]:
    """The IAM entities of all stacks in these regions, sorted; AccessDenied where the caller may not look at one."""
    named = tuple(where)
    if not named:
        return ()
    with ThreadPoolExecutor(max_workers=min(workers, len(named))) as pool:
        found = pool.map(lambda region: tuple(_region(connection, region)), named)
        return tuple(sorted(item for items in found for item in items))


def _region(connection: Connection, region: str) -> Iterator[Owned]:
    client = connection.client("cloudformation", region=region)
    try:
        for stack in token_pages(client, "ListStacks", {}, "StackSummaries"):
            if stack.get("StackStatus") == _GONE:
                continue
            with whole("ListStacks"):
                name, named = str(stack["StackName"]), {"StackName": stack["StackId"]}
            for item in token_pages(client, "ListStackResources", named, "StackResourceSummaries"):
                address = _address(item)
                if address is not None:
                    yield Owned(address, name, region)
    except AccessDenied as error:
        raise _denied(error, f"cloudformation:ListStacks and ListStackResources in {region}") from error


def _address(item: dict[str, Any]) -> Address | None:
    kind, physical = _KINDS.get(item.get("ResourceType", "")), item.get("PhysicalResourceId")
    if kind is None or not physical:
        return None
    parsed = arn.parse(physical)
    return parsed.address if parsed is not None else Address(kind, str(physical))


def _denied(error: AwsError, what: str) -> AccessDenied:
    return AccessDenied(
        f"what stacks own cannot be asked: {error.message}",
        code=error.code,
        operation=error.operation,
        aws_code=error.aws_code,
        request_id=error.request_id,
        hint=f"{what}: {_REMEDY}",
    )
