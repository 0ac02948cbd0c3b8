"""What stacks own: every page of every stack, those that are gone left out; a region that may not be asked is named."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.session import Session
from botocore.stub import Stubber

from iamsync.aws.stacks import Owned, owned, regions
from iamsync.errors import AccessDenied, IncompleteRead
from iamsync.model import Address

WHEN = datetime(2026, 11, 24, tzinfo=UTC)
ID = "arn:aws:cloudformation:eu-west-1:111122223333:stack/{}/0"


def stack(name: str, status: str = "CREATE_COMPLETE") -> dict[str, Any]:
    return {"StackId": ID.format(name), "StackName": name, "CreationTime": WHEN, "StackStatus": status}


def held(kind: str, physical: str) -> dict[str, Any]:
    return {
        "LogicalResourceId": "x", "PhysicalResourceId": physical, "ResourceType": kind,
        "LastUpdatedTimestamp": WHEN, "ResourceStatus": "CREATE_COMPLETE",
    }  # fmt: skip


@pytest.fixture
def made() -> Iterator[tuple[Any, dict[str, Stubber]]]:
    """A connection whose clients answer from a script, and the scripts by service."""
    session = Session()
    session.set_credentials("x", "x")
    stubs: dict[str, Stubber] = {}

    def client(service: str, region: str = "us-east-1") -> Any:
        if service not in stubs:
            stubs[service] = Stubber(session.create_client(service, region_name=region))
            stubs[service].activate()
        return stubs[service].client

    client("cloudformation")
    client("ec2")
    yield SimpleNamespace(client=client), stubs
    for stub in stubs.values():
        stub.assert_no_pending_responses()


def test_every_page_of_every_stack_is_read_and_what_is_gone_owns_nothing(made: Any) -> None:
    connection, stubs = made
    script = stubs["cloudformation"]
    script.add_response("list_stacks", {"StackSummaries": [stack("web")], "NextToken": "2"}, {})
    first = [held("AWS::IAM::Role", "app"), held("AWS::S3::Bucket", "b"), held("AWS::IAM::Policy", "web-x")]
    script.add_response(
        "list_stack_resources", {"StackResourceSummaries": first, "NextToken": "n"}, {"StackName": ID.format("web")}
    )
    second = [held("AWS::IAM::ManagedPolicy", "arn:aws:iam::111122223333:policy/ci/web-P-1")]
    script.add_response(
        "list_stack_resources",
        {"StackResourceSummaries": second},
        {"StackName": ID.format("web"), "NextToken": "n"},
    )
    rest = [stack("old", "DELETE_COMPLETE"), stack("stuck", "DELETE_FAILED")]
    script.add_response("list_stacks", {"StackSummaries": rest}, {"NextToken": "2"})
    script.add_response(
        "list_stack_resources",
        {"StackResourceSummaries": [held("AWS::IAM::User", "u")]},
        {"StackName": ID.format("stuck")},
    )
    assert owned(connection, ["eu-west-1"]) == (
        Owned(Address("policy", "web-P-1"), "web", "eu-west-1"),
        Owned(Address("role", "app"), "web", "eu-west-1"),
        Owned(Address("user", "u"), "stuck", "eu-west-1"),
    )


def test_a_region_that_may_not_be_asked_is_named_with_a_way_out(made: Any) -> None:
    connection, stubs = made
    stubs["cloudformation"].add_client_error("list_stacks", "AccessDenied", "not authorized", 403)
    with pytest.raises(AccessDenied) as caught:
        owned(connection, ["eu-west-1"])
    assert "what stacks own cannot be asked" in caught.value.message
    assert "ListStackResources in eu-west-1" in caught.value.hint
    assert "scope.exclude" in caught.value.hint


def test_a_listing_that_goes_round_is_no_answer(made: Any) -> None:
    connection, stubs = made
    for sent in ({}, {"NextToken": "1"}):
        stubs["cloudformation"].add_response("list_stacks", {"StackSummaries": [], "NextToken": "1"}, sent)
    with pytest.raises(IncompleteRead):
        owned(connection, ["eu-west-1"])


def test_regions_are_those_that_are_enabled(made: Any) -> None:
    connection, stubs = made
    stubs["ec2"].add_response(
        "describe_regions", {"Regions": [{"RegionName": "us-east-1"}, {"RegionName": "eu-west-1"}]}
    )
    assert regions(connection) == ("eu-west-1", "us-east-1")
    stubs["ec2"].add_client_error("describe_regions", "UnauthorizedOperation", "no", 403)
    with pytest.raises(AccessDenied):
        regions(connection)


def test_no_region_asks_nothing() -> None:
    assert owned(SimpleNamespace(), ()) == ()  # type: ignore[arg-type]
