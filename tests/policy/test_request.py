"""Requests: who is meant by an ARN, what follows from a request, and what is no request."""

from __future__ import annotations

import pytest

from iamsync.policy.request import ABSENT, Context, Principal, PrincipalKind, Request

ACCOUNT = "111122223333"
USER = f"arn:aws:iam::{ACCOUNT}:user/eng/ann"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/ci/deploy"
SESSION = f"arn:aws:sts::{ACCOUNT}:assumed-role/deploy/run-1"


@pytest.mark.parametrize(
    ("arn", "kind", "account", "name"),
    [
        (USER, "user", ACCOUNT, "ann"),
        (ROLE, "role", ACCOUNT, "deploy"),
        (SESSION, "session", ACCOUNT, "deploy"),
        (f"arn:aws:sts::{ACCOUNT}:federated-user/guest", "session", ACCOUNT, "guest"),
        (f"arn:aws:iam::{ACCOUNT}:root", "root", ACCOUNT, ""),
        (f"arn:aws:iam::{ACCOUNT}:saml-provider/corp", "federated", ACCOUNT, "corp"),
        ("accounts.google.com", "federated", None, ""),
        ("cognito-identity.amazonaws.com", "federated", None, ""),
        ("ec2.amazonaws.com", "service", None, ""),
        ("logs.eu-west-1.amazonaws.com", "service", None, ""),
        ("*", "anonymous", None, ""),
        (f"arn:aws-cn:iam::{ACCOUNT}:user/ann", "user", ACCOUNT, "ann"),
    ],
)
def test_the_form_of_an_arn_says_who_it_is(arn: str, kind: PrincipalKind, account: str | None, name: str) -> None:
    principal = Principal.of(arn)
    assert (principal.kind, principal.account, principal.name) == (kind, account, name)


@pytest.mark.parametrize(
    "arn", ["ann", "", f"arn:aws:iam::{ACCOUNT}:group/eng", "arn:aws:s3:::logs", "arn:aws:iam::1:user/x"]
)
def test_what_is_no_principal_is_said(arn: str) -> None:
    with pytest.raises(ValueError, match="is no principal"):
        Principal.of(arn)


@pytest.mark.parametrize("action", ["s3:*", "GetObject", "s3:Get?bject", "*", "", "s3:"])
def test_a_request_is_for_one_action(action: str) -> None:
    with pytest.raises(ValueError, match="is not one action"):
        Request(Principal.of(USER), action)


def test_the_owner_is_given_or_in_the_arn_or_the_principals_account() -> None:
    user = Principal.of(USER)
    assert Request(user, "sqs:SendMessage", "arn:aws:sqs:eu-west-1:444455556666:jobs").owner == "444455556666"
    assert Request(user, "s3:GetObject", "arn:aws:s3:::logs/a").owner == ACCOUNT
    assert Request(user, "s3:GetObject", "arn:aws:s3:::logs/a", "444455556666").owner == "444455556666"
    assert Request(user, "iam:GetPolicy", "arn:aws:iam::aws:policy/x").owner == ACCOUNT


def known(principal: Principal, *keys: str) -> list[object]:
    context = Context(Request(principal, "s3:GetObject", "arn:aws:s3:::logs/a"))
    return [context.find(key) for key in keys]


def test_keys_follow_from_the_principal() -> None:
    keys = ("aws:username", "aws:userid", "aws:principaltype", "aws:principalarn")
    assert known(Principal.of(USER, unique_id="AIDA1"), *keys) == ["ann", "AIDA1", "User", USER]
    assert known(Principal.of(USER), *keys)[1] is None
    assert known(Principal.of(ROLE, unique_id="AROA1"), *keys) == [ABSENT, None, "AssumedRole", ROLE]
    session = Principal.of(SESSION, unique_id="AROA1", issuer=ROLE)
    assert known(session, *keys) == [ABSENT, "AROA1:run-1", "AssumedRole", ROLE]
    guest = f"arn:aws:sts::{ACCOUNT}:federated-user/guest"
    assert known(Principal.of(guest), *keys) == [ABSENT, None, "FederatedUser", guest]
    root = f"arn:aws:iam::{ACCOUNT}:root"
    assert known(Principal.of(root), *keys) == [ABSENT, ACCOUNT, "Account", root]
    assert known(Principal.of("*"), *keys) == [ABSENT, None, "Anonymous", ABSENT]
    service = Principal.of("ec2.amazonaws.com")
    assert known(service, "aws:principalisawsservice", "aws:principalservicename") == ["true", "ec2.amazonaws.com"]


def test_all_tags_given_leave_no_other_open() -> None:
    user = Principal.of(USER, tags={"Team": "red"})
    request = Request(user, "s3:GetObject", "arn:aws:s3:::logs/a", resource_tags={"owner": "ann"})
    context = Context(request)
    assert context.find("aws:principaltag/team") == "red"
    assert context.find("aws:principaltag/cost") == ABSENT
    assert context.find("aws:resourcetag/owner") == "ann"
    assert context.find("iam:resourcetag/none") == ABSENT
    assert context.find("aws:requesttag/owner") is None
