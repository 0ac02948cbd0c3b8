"""Who did it: LookupEvents on botocore's own shapes, at its rate, and the record that fits each kind of drift."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.session import Session
from botocore.stub import Stubber

from iamsync.aws.cloudtrail import MOST_PAGES, PAUSE, Trail
from iamsync.engine.attributing import attributions
from iamsync.errors import AccessDenied, AwsError
from iamsync.kinds.trail import Record, record
from iamsync.model import Address
from iamsync.planner.culprit import culprit, operations
from iamsync.planner.drift import Drift

ACCOUNT = "111122223333"
ADMIN = "arn:aws:iam::aws:policy/AdministratorAccess"
OWN = f"arn:aws:iam::{ACCOUNT}:policy/ci/deploy"
BOB = {"type": "IAMUser", "arn": f"arn:aws:iam::{ACCOUNT}:user/bob", "userName": "bob"}


def event(name: str, params: dict[str, Any] | None, ident: str = "e-1", **more: Any) -> dict[str, Any]:
    told = {
        "eventName": name,
        "eventTime": "2026-11-20T10:00:00Z",
        "sourceIPAddress": "192.0.2.7",
        "userAgent": "aws-cli/2.31.0 md/awscrt",
        "userIdentity": BOB,
        "requestParameters": params,
        **more,
    }
    return {
        "EventId": ident,
        "EventName": name,
        "EventTime": datetime(2026, 11, 20, 10, tzinfo=UTC),
        "Username": "bob",
        "Resources": [{"ResourceType": "AWS::IAM::Role", "ResourceName": "app"}],
        "CloudTrailEvent": json.dumps(told),
    }


def found(address: str, field: str, item: str, what: Any, actual: Any = None, expected: Any = None) -> Drift:
    return Drift(Address.parse(address), field, item, what, "drift", "found", "low", expected, actual)


# What was found, the call that did it, and one that is like it and did not.
CASES: list[tuple[Drift, str, dict[str, Any], dict[str, Any]]] = [
    (found("role/app", "managed_policies", ADMIN, "attached"), "AttachRolePolicy",
     {"roleName": "app", "policyArn": ADMIN}, {"roleName": "app", "policyArn": OWN}),
    (found("user/al", "managed_policies", ADMIN, "attached"), "AttachUserPolicy",
     {"userName": "AL", "policyArn": ADMIN}, {"userName": "ally", "policyArn": ADMIN}),
    (found("group/g", "managed_policies", OWN, "attached"), "AttachGroupPolicy",
     {"groupName": "g", "policyArn": OWN}, {"groupName": "h", "policyArn": OWN}),
    (found("role/app", "managed_policies", OWN, "detached"), "DetachRolePolicy",
     {"roleName": "app", "policyArn": OWN}, {"roleName": "app", "policyArn": ADMIN}),
    (found("role/app", "inline_policies", "x", "changed"), "PutRolePolicy",
     {"roleName": "app", "policyName": "x", "policyDocument": "{}"}, {"roleName": "app", "policyName": "y"}),
    (found("user/al", "inline_policies", "x", "added"), "PutUserPolicy",
     {"userName": "al", "policyName": "x"}, {"userName": "al", "policyName": "z"}),
    (found("role/app", "inline_policies", "x", "removed"), "DeleteRolePolicy",
     {"roleName": "app", "policyName": "x"}, {"roleName": "app", "policyName": "y"}),
    (found("role/app", "trust_policy", "", "changed"), "UpdateAssumeRolePolicy",
     {"roleName": "app", "policyDocument": "{}"}, {"roleName": "other"}),
    (found("policy/deploy", "document", "", "changed"), "CreatePolicyVersion",
     {"policyArn": OWN, "setAsDefault": True}, {"policyArn": OWN.replace("deploy", "redeploy")}),
    (found("policy/deploy", "document", "", "changed"), "SetDefaultPolicyVersion",
     {"policyArn": OWN, "versionId": "v1"}, {"policyArn": ADMIN, "versionId": "v1"}),
    (found("user/al", "groups", "ops", "joined"), "AddUserToGroup",
     {"userName": "al", "groupName": "ops"}, {"userName": "al", "groupName": "dev"}),
    (found("user/al", "groups", "ops", "left"), "RemoveUserFromGroup",
     {"userName": "al", "groupName": "ops"}, {"userName": "bo", "groupName": "ops"}),
    (found("role/app", "tags", "team", "changed"), "TagRole",
     {"roleName": "app", "tags": [{"key": "team", "value": "x"}]}, {"roleName": "app", "tags": [{"key": "cost"}]}),
    (found("user/al", "tags", "team", "removed"), "UntagUser",
     {"userName": "al", "tagKeys": ["Team"]}, {"userName": "al", "tagKeys": ["x"]}),
    (found("user/al", "", "", "created"), "CreateUser", {"userName": "al"}, {"userName": "alf"}),
    (found("role/app", "", "", "deleted"), "DeleteRole", {"roleName": "app"}, {"roleName": "apps"}),
    (found("policy/deploy", "", "", "deleted"), "DeletePolicy", {"policyArn": OWN}, {"policyArn": OWN + "s"}),
    (found("role/app", "permissions_boundary", "", "set", OWN), "PutRolePermissionsBoundary",
     {"roleName": "app", "permissionsBoundary": OWN}, {"roleName": "app", "permissionsBoundary": ADMIN}),
    (found("user/al", "permissions_boundary", "", "taken off"), "DeleteUserPermissionsBoundary",
     {"userName": "al"}, {"userName": "bo"}),
    (found("role/app", "description", "", "changed"), "UpdateRole",
     {"roleName": "app", "description": "x"}, {"roleName": "b"}),
    (found("oidc_provider/token.example.com", "client_ids", "me", "added"), "AddClientIDToOpenIDConnectProvider",
     {"openIDConnectProviderArn": f"arn:aws:iam::{ACCOUNT}:oidc-provider/token.example.com", "clientID": "me"},
     {"openIDConnectProviderArn": f"arn:aws:iam::{ACCOUNT}:oidc-provider/token.example.com", "clientID": "you"}),
    (found("account/settings", "password_policy", "minimum_password_length", "changed"), "UpdateAccountPasswordPolicy",
     {"minimumPasswordLength": 6}, {}),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=[f"{case[1]}-{case[0].address.kind}" for case in CASES])
def test_the_call_that_did_it_is_found_and_one_that_is_like_it_is_not(case: tuple[Any, ...]) -> None:
    one, operation, params, near = case
    did = record(event(operation, params))
    assert did is not None
    assert operation in operations(one)
    assert culprit(one, [did]) is did
    if near:
        other = record(event(operation, near))
        assert other is not None
        assert culprit(one, [other]) is None
    unlike = record(event("GetRole", params))
    assert unlike is not None
    assert culprit(one, [unlike]) is None


@pytest.mark.parametrize(
    ("more", "who", "how"),
    [
        ({}, f"arn:aws:iam::{ACCOUNT}:user/bob", "the AWS CLI"),
        ({"userIdentity": {"type": "Root", "arn": f"arn:aws:iam::{ACCOUNT}:root"}}, "root", "the AWS CLI"),
        ({"userAgent": "console.amazonaws.com"}, BOB["arn"], "the console"),
        ({"userAgent": "Mozilla/5.0", "sessionCredentialFromConsole": "true"}, BOB["arn"], "the console"),
        ({"userAgent": "APN/1.0 HashiCorp/1.0 Terraform/1.9.0 aws-sdk-go-v2/1"}, BOB["arn"], "Terraform"),
        ({"userAgent": "Boto3/1.40 Botocore/1.43 iamsync/0.1.0"}, BOB["arn"], "iamsync"),
        ({"userAgent": None, "userIdentity": {"type": "AWSService", "invokedBy": "sso.amazonaws.com"}},
         "sso.amazonaws.com", ""),
        ({"userIdentity": {"type": "AssumedRole", "arn": "arn:aws:sts::1:assumed-role/Ops/s",
                           "sessionContext": {"sourceIdentity": "bob"}}},
         "arn:aws:sts::1:assumed-role/Ops/s (source identity bob)", "the AWS CLI"),
        ({"userIdentity": ["odd"]}, "bob", "the AWS CLI"),
    ],
)  # fmt: skip
def test_who_and_how_are_read_from_the_record(more: dict[str, Any], who: str, how: str) -> None:
    held = record(event("TagRole", {"roleName": "app"}, **more))
    assert held is not None
    assert (held.who, held.how, held.when) == (who, how, "2026-11-20T10:00:00Z")


def test_failed_calls_are_nobodys_doing_and_broken_records_are_no_error() -> None:
    assert record(event("TagRole", {}, errorCode="AccessDenied")) is None
    assert record({}) is None
    for text in ("{", "[]", '{"requestParameters": 5, "userIdentity": null}', "[" * 100_000):
        held = record({"EventName": "AttachRolePolicy", "EventId": "e", "CloudTrailEvent": text, "Username": "bob"})
        assert held is not None
        assert (held.who, held.params) == ("bob", {})


def test_a_shortened_record_is_told_by_the_resources_it_is_filed_under() -> None:
    one = found("role/app", "managed_policies", ADMIN, "attached")
    held = event("AttachRolePolicy", None)
    kept = record(held)
    assert kept is not None
    assert culprit(one, [kept]) is None
    held["Resources"].append({"ResourceType": "AWS::IAM::Policy", "ResourceName": ADMIN})
    named = record(held)
    assert named is not None
    assert culprit(one, [named]) is named


class Clock:
    """Time that passes only by sleeping."""

    def __init__(self) -> None:
        self.now = 100.0
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


@contextmanager
def stubbed() -> Iterator[tuple[Stubber, Trail, Clock]]:
    session = Session()
    session.set_credentials("AKIAIOSFODNN7EXAMPLE", "none")
    client = session.create_client("cloudtrail", region_name="us-east-1")
    clock = Clock()
    with Stubber(client) as stub:
        yield stub, Trail(client, clock.sleep, lambda: clock.now), clock
        stub.assert_no_pending_responses()


def asked(name: str, token: str = "") -> dict[str, Any]:
    attributes = [{"AttributeKey": "ResourceName", "AttributeValue": name}]
    return {"LookupAttributes": attributes, "MaxResults": 50, **({"NextToken": token} if token else {})}


def test_pages_are_read_two_a_second_and_only_as_far_as_they_are_wanted() -> None:
    with stubbed() as (stub, trail, clock):
        page = {"Events": [event("TagRole", {"roleName": "app"}, "e-1")], "NextToken": "t1"}
        stub.add_response("lookup_events", page, asked("app"))
        stub.add_response("lookup_events", {"Events": [event("TagRole", {}, "e-2")]}, asked("app", "t1"))
        assert [one.id for one in trail.records("app")] == ["e-1", "e-2"]
        assert clock.slept == [PAUSE]
        stub.add_response("lookup_events", page, asked("app"))
        assert next(iter(trail.records("app"))).id == "e-1"


def test_throttling_is_waited_out_and_given_up_in_the_end() -> None:
    with stubbed() as (stub, trail, clock):
        stub.add_client_error("lookup_events", "ThrottlingException", http_status_code=400)
        stub.add_client_error("lookup_events", "ThrottlingException", http_status_code=400)
        stub.add_response("lookup_events", {"Events": []})
        assert list(trail.records("app")) == []
        assert clock.slept == [1.5, 2.5]
        for _ in range(6):
            stub.add_client_error("lookup_events", "ThrottlingException", http_status_code=400)
        with pytest.raises(AwsError, match="Throttling"):
            list(trail.records("app"))


def test_a_token_that_leads_nowhere_ends_and_so_does_an_endless_trail() -> None:
    with stubbed() as (stub, trail, _):
        stub.add_response("lookup_events", {"Events": [], "NextToken": "t"})
        stub.add_response("lookup_events", {"Events": [], "NextToken": "t"})
        assert list(trail.records("app")) == []
        for number in range(MOST_PAGES):
            stub.add_response("lookup_events", {"Events": [], "NextToken": f"t{number}"})
        assert list(trail.records("app")) == []


def item() -> Any:
    nothing = SimpleNamespace(get=lambda _: None)
    plan = SimpleNamespace(partition="aws", account_id=ACCOUNT)
    return SimpleNamespace(reached=SimpleNamespace(connection=None), live=nothing, desired=nothing, plan=plan)


def test_one_look_at_a_resource_answers_for_all_that_was_found_there() -> None:
    entries = (
        found("role/app", "managed_policies", ADMIN, "attached"),
        found("role/app", "tags", "team", "added"),
        found("role/app", "description", "", "changed"),
    )
    with stubbed() as (stub, trail, _):
        events = [
            event("TagRole", {"roleName": "app", "tags": [{"key": "team", "value": "x"}]}, "e-2"),
            event("AttachRolePolicy", {"roleName": "app", "policyArn": ADMIN}, "e-1"),
        ]
        stub.add_response("lookup_events", {"Events": events}, asked("app"))
        told = attributions(item(), entries, {}, trail)
    assert [told[at]["event_id"] for at in range(3)] == ["e-1", "e-2", None]
    assert told[0] == {
        "who": BOB["arn"],
        "when": "2026-11-20T10:00:00Z",
        "source_ip": "192.0.2.7",
        "how": "the AWS CLI",
        "user_agent": "aws-cli/2.31.0 md/awscrt",
        "event": "AttachRolePolicy",
        "event_id": "e-1",
        "unknown": None,
    }
    assert told[2]["unknown"] == "no event found in the last 90 days"


# What else happens around a user; none of it is drift of what manifests declare.
BYSTANDERS = ("CreateAccessKey", "UpdateAccessKey", "DeleteAccessKey", "CreateLoginProfile", "UpdateLoginProfile")


def test_each_call_that_makes_drift_is_told_from_a_page_of_others_after_throttling() -> None:
    with stubbed() as (stub, trail, _):
        for number, (one, operation, params, near) in enumerate(CASES):
            name = one.address.name
            events = [event(other, {"userName": name}, f"o-{at}") for at, other in enumerate(BYSTANDERS)]
            events += [event(operation, near, "near")] if near else []
            events += [event(operation, params, "failed", errorCode="AccessDenied")]
            stub.add_client_error("lookup_events", "ThrottlingException", http_status_code=400)
            stub.add_response("lookup_events", {"Events": events, "NextToken": "t"})
            stub.add_response("lookup_events", {"Events": [event(operation, params, f"did-{number}")]})
            (told,) = attributions(item(), (one,), {}, trail).values()
            assert (told["event"], told["event_id"], told["who"]) == (operation, f"did-{number}", BOB["arn"]), one


def test_a_refusal_is_said_at_each_entry_and_nobody_asks_again() -> None:
    entries = (found("role/app", "tags", "a", "added"), found("user/al", "tags", "a", "added"))
    with stubbed() as (stub, trail, _):
        stub.add_client_error("lookup_events", "AccessDeniedException", http_status_code=400)
        told = attributions(item(), entries, {}, trail)
    assert {one["unknown"] for one in told.values()} == {
        "the caller may not look: AccessDenied for cloudtrail:LookupEvents"
    }
    assert {one["who"] for one in told.values()} == {None}


def test_what_the_last_run_found_out_is_not_asked_again() -> None:
    entries = (found("role/app", "tags", "a", "added"),)
    with stubbed() as (_, trail, _):
        told = attributions(item(), entries, {0: {"who": "somebody"}}, trail)
    assert told == {0: {"who": "somebody"}}
    assert attributions(item(), entries, {})[0]["unknown"] == "no account is asked with --live"


def test_access_denied_is_the_callers_to_hear() -> None:
    with stubbed() as (stub, trail, _):
        stub.add_client_error("lookup_events", "AccessDeniedException", http_status_code=400)
        with pytest.raises(AccessDenied):
            list(trail.records("app"))


def test_a_record_says_its_parameters_whatever_their_case() -> None:
    held = Record("e", "TagRole", "", "bob", "", "", "", {"roleName": "App", "odd": 5})
    assert held.says("roleName", "app")
    assert not held.says("odd", "5")
