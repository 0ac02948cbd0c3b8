"""The evaluator: what the cases of tests/policy/decisions do not show."""

from __future__ import annotations

from typing import Any

import pytest

from iamsync.policy.document import Document
from iamsync.policy.evaluate import Layers, Source, evaluate
from iamsync.policy.explanation import Decision, told
from iamsync.policy.request import Principal, Request

USER = Principal.of("arn:aws:iam::111122223333:user/ann")
LOGS = "arn:aws:s3:::logs/a"
EVERYTHING = {"Effect": "Allow", "Action": "*", "Resource": "*"}


def source(label: str, *statements: Any, version: str = "2012-10-17") -> Source:
    return Source(label, Document.of({"Version": version, "Statement": list(statements)}))


def decide(
    *statements: Any, who: Principal = USER, explain: bool = True, doubts: tuple[str, ...] = (), **more: Any
) -> Decision:
    context = more.pop("context", {})
    asked = Request(who, more.pop("does", "s3:GetObject"), more.pop("on", LOGS), context=context, doubts=doubts)
    identity = (source("user/ann inline x", *statements),) if statements else ()
    return evaluate(asked, Layers(identity=identity, **more), explain=explain)


def test_an_allowed_request_is_told() -> None:
    assert told(decide({"Sid": "All", **EVERYTHING})) == ("allowed by user/ann inline x, statement 1 (All)",)
    assert told(decide(who=Principal.of("arn:aws:iam::111122223333:root"))) == ("allowed without any policy",)


def test_a_denied_request_is_told() -> None:
    denying = {"Effect": "Deny", "Action": "s3:*", "Resource": "*"}
    assert told(decide(EVERYTHING, denying)) == ("denied by user/ann inline x, statement 2",)
    mfa = {**EVERYTHING, "Condition": {"Bool": {"aws:MultiFactorAuthPresent": True}}}
    assert told(decide(mfa)) == (
        "denied: no identity policy allows it",
        "nearest: user/ann inline x, statement 1: condition aws:MultiFactorAuthPresent missing (Bool true)",
        "not certain: context key aws:MultiFactorAuthPresent is not given",
    )


def test_without_explaining_a_denial_is_the_same_but_for_its_near_misses() -> None:
    mfa = {**EVERYTHING, "Condition": {"Bool": {"aws:MultiFactorAuthPresent": "true"}}}
    full, short = decide(mfa), decide(mfa, explain=False)
    assert full.near
    assert not short.near
    assert (short.verdict, short.certain, short.reasons) == (full.verdict, full.certain, full.reasons)


def test_what_the_asker_doubts_makes_every_decision_doubtful() -> None:
    for decision in (
        decide(EVERYTHING, doubts=("nobody knows it",)),
        decide(doubts=("nobody knows it",), does="sts:GetCallerIdentity", on="*"),
        decide(EVERYTHING, doubts=("nobody knows it",), does="iam:DeletePolicy", on="arn:aws:iam::aws:policy/x"),
    ):
        assert not decision.certain
        assert decision.reasons == ("nobody knows it",)


@pytest.mark.parametrize(
    "statement",
    [
        "no statement",
        {"Action": "*", "Resource": "*"},
        {"Effect": "allow", "Action": "*", "Resource": "*"},
        {"Effect": "Allow", "Resource": "*"},
    ],
)
def test_what_iam_would_refuse_grants_nothing(statement: Any) -> None:
    assert decide(statement, EVERYTHING).allowed
    assert not decide(statement).allowed


def test_the_values_of_a_condition_may_be_json_of_any_kind() -> None:
    holds = {"Bool": {"aws:SecureTransport": True}, "NumericLessThan": {"s3:max-keys": [5, 10.5]}}
    known = {"aws:SecureTransport": "true", "s3:max-keys": "10"}
    assert decide({**EVERYTHING, "Condition": holds}, context=known).allowed
    assert not decide({**EVERYTHING, "Condition": {"Bool": {"aws:SecureTransport": False}}}, context=known).allowed


@pytest.mark.parametrize(
    ("operator", "key", "wanted", "given"),
    [
        ("NullIfExists", "s3:prefix", "true", "x"),
        ("ForSomeValues:StringEquals", "s3:prefix", "x", "x"),
        ("DateLessThan", "aws:CurrentTime", "999999999999", "2026-01-01T00:00:00Z"),
        ("ArnLike", "aws:SourceArn", "${aws:PrincipalTag/team}", "arn:aws:s3:::logs"),
        ("IpAddress", "aws:SourceIp", "10.0.0.0/99", "10.0.0.1"),
        ("IpAddress", "aws:SourceIp", "10.0.0.0/8", "10.0.0.300"),
    ],
)
def test_what_cannot_be_compared_meets_nothing_and_is_doubtful(
    operator: str, key: str, wanted: str, given: str
) -> None:
    context = {key: given, "aws:PrincipalTag/team": "red"}
    decision = decide({**EVERYTHING, "Condition": {operator: {key: wanted}}}, context=context)
    assert (decision.verdict, decision.certain) == ("implicit_deny", False)


def test_a_resource_policy_without_a_principal_is_about_nobody() -> None:
    assert decide(resource=source("bucket", EVERYTHING)).verdict == "implicit_deny"


def test_a_principal_of_no_known_kind_is_doubtful() -> None:
    for principal in ({"Robot": "r2"}, {"AWS": "somebody"}):
        decision = decide(resource=source("bucket", {**EVERYTHING, "Principal": principal}))
        assert (decision.verdict, decision.certain) == ("implicit_deny", False)


def test_an_account_beside_an_unknown_id_leaves_open_whether_the_user_is_named() -> None:
    names = {"AWS": ["111122223333", "AIDACKCEVSQ6C2EXAMPLE"]}
    granting = source("bucket", {**EVERYTHING, "Principal": names})
    assert (decide(resource=granting).verdict, decide(resource=granting).certain) == ("implicit_deny", False)
    denying = source("bucket", {"Effect": "Deny", "Action": "*", "Resource": "*", "Principal": names})
    assert (decide(EVERYTHING, resource=denying).verdict, decide(EVERYTHING, resource=denying).certain) == (
        "explicit_deny",
        True,
    )


def test_a_federated_user_is_reached_through_the_user_behind_it() -> None:
    guest = "arn:aws:sts::111122223333:federated-user/guest"
    granting = source("bucket", {**EVERYTHING, "Principal": {"AWS": USER.arn}})
    assert decide(who=Principal.of(guest, issuer=USER.arn), resource=granting).allowed
    assert not decide(who=Principal.of(guest, issuer="arn:aws:iam::111122223333:user/bob"), resource=granting).allowed


def test_every_aws_principal_may_or_may_not_mean_services() -> None:
    service = Principal.of("ec2.amazonaws.com")
    trust = source("trust", {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": "*"}})
    role = "arn:aws:iam::111122223333:role/target"
    decision = evaluate(Request(service, "sts:AssumeRole", role), Layers(resource=trust, is_trust=True))
    assert (decision.verdict, decision.certain) == ("allowed", False)


def test_near_misses_of_both_an_identity_and_a_resource_policy_are_told() -> None:
    other = "arn:aws:s3:::data/*"
    bucket = source("bucket", {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": other})
    decision = decide({"Effect": "Allow", "Action": "s3:*", "Resource": other}, resource=bucket)
    assert [miss.match.label for miss in decision.near] == ["user/ann inline x", "bucket"]


def test_what_misses_too_much_is_not_near() -> None:
    far = {"Effect": "Allow", "Action": "s3:PutObject", "Resource": "arn:aws:s3:::data/*"}
    elsewhere = {"Effect": "Allow", "Action": "ec2:*", "Resource": "*"}
    assert decide(far, elsewhere).near == ()


def test_at_most_five_near_misses_are_told() -> None:
    missing = [{**EVERYTHING, "Resource": f"arn:aws:s3:::b{number}/*"} for number in range(9)]
    assert len(decide(*missing).near) == 5
