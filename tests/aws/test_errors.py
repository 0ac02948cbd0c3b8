"""Answers of AWS, and of servers that are not quite AWS, as iamsync's errors."""

from __future__ import annotations

from typing import Any

import pytest
from botocore import exceptions as boto
from botocore.parsers import ResponseParserError

from iamsync.aws.errors import HINTS, kebab, translate
from iamsync.errors import AccessDenied, AwsError, CredentialsError, Unsupported

# Wire code, HTTP status, operation; then class, code, whether it may have been carried out.
ANSWERS: list[tuple[str, int, str, type[AwsError], str, bool]] = [
    ("NoSuchEntity", 404, "DeleteRole", AwsError, "no-such-entity", False),
    ("EntityAlreadyExists", 409, "CreateRole", AwsError, "entity-already-exists", False),
    ("LimitExceeded", 409, "AttachRolePolicy", AwsError, "limit-exceeded", False),
    ("MalformedPolicyDocument", 400, "CreateRole", AwsError, "malformed-policy-document", False),
    ("Throttling", 400, "GetRole", AwsError, "throttling", False),
    ("ServiceFailure", 500, "CreateRole", AwsError, "service-failure", True),
    ("ServiceUnavailable", 503, "CreateRole", AwsError, "service-unavailable", True),
    ("InternalFailure", 500, "CreateRole", AwsError, "internal-failure", True),
    ("AccessDenied", 403, "GetRole", AccessDenied, "access-denied", False),
    ("AccessDeniedException", 400, "GetResources", AccessDenied, "access-denied", False),
    ("ExpiredToken", 403, "GetRole", CredentialsError, "expired-credentials", False),
    ("ExpiredToken", 403, "AssumeRole", CredentialsError, "expired-credentials", False),
    ("InvalidClientTokenId", 403, "GetCallerIdentity", CredentialsError, "invalid-credentials", False),
    ("SignatureDoesNotMatch", 403, "GetRole", CredentialsError, "invalid-credentials", False),
    ("AccessDenied", 403, "AssumeRole", CredentialsError, "assume-role-denied", False),
    ("ValidationError", 400, "AssumeRole", CredentialsError, "assume-role-denied", False),
    ("NotImplemented", 501, "GetMFADevice", Unsupported, "unsupported", False),
    ("InternalFailure", 501, "GetMFADevice", Unsupported, "unsupported", False),
    ("UnknownOperationException", 400, "GetResources", Unsupported, "unsupported", False),
    ("InvalidAction", 400, "SetDefaultPolicyVersion", Unsupported, "unsupported", False),
    ("SomethingNew", 400, "CreateRole", AwsError, "something-new", False),
    # Servers without codes: botocore puts the status there, or nothing.
    ("", 404, "GetRole", AwsError, "no-such-entity", False),
    ("404", 404, "GetRole", AwsError, "no-such-entity", False),
    ("", 403, "GetRole", AccessDenied, "access-denied", False),
    ("", 429, "GetRole", AwsError, "throttling", False),
    ("502", 502, "CreateRole", AwsError, "http-502", True),
    ("", 400, "CreateRole", AwsError, "http-400", False),
    ("", 501, "CreateRole", Unsupported, "unsupported", False),
    ("MethodNotAllowed", 405, "CreateGroup", Unsupported, "unsupported", False),
    # Nothing is named that could be missing.
    ("", 404, "GetCallerIdentity", Unsupported, "unsupported", False),
    ("NoSuchEntity", 404, "GetAccountAuthorizationDetails", Unsupported, "unsupported", False),
]


def answered(code: str, status: int, operation: str, **meta: Any) -> boto.ClientError:
    fault = {"Message": "the message"} | ({"Code": code} if code else {})
    return boto.ClientError({"Error": fault, "ResponseMetadata": {"HTTPStatusCode": status, **meta}}, operation)


@pytest.mark.parametrize(("aws_code", "status", "operation", "kind", "code", "doubtful"), ANSWERS)
def test_an_answer_becomes_the_error_of_its_meaning(
    aws_code: str, status: int, operation: str, kind: type[AwsError], code: str, doubtful: bool
) -> None:
    error = translate(answered(aws_code, status, operation), operation)
    assert (type(error), error.code, error.doubtful, error.operation) == (kind, code, doubtful, operation)
    assert "the message" in str(error)


def test_an_answer_keeps_its_request_id_and_how_often_it_was_tried() -> None:
    error = translate(answered("Throttling", 400, "GetRole", RequestId="r-1", RetryAttempts=9), "GetRole")
    assert (error.request_id, error.retries, error.aws_code) == ("r-1", 9, "Throttling")
    assert str(error) == "GetRole: the message (Throttling)"
    assert error.hint == HINTS["Throttling"]


@pytest.mark.parametrize("response", [{}, {"Error": {}}, {"Error": None}, {"ResponseMetadata": {}}])
def test_an_answer_without_anything_is_still_an_error(response: dict[str, Any]) -> None:
    error = boto.ClientError({"Error": {"Code": "x"}}, "GetRole")
    error.response = response
    assert translate(error, "GetRole").code == "http-0"


@pytest.mark.parametrize(
    ("service", "operation", "action"),
    [("iam", "ListRoles", "iam:ListRoles"), ("resourcegroupstaggingapi", "GetResources", "tag:GetResources")],
)
def test_a_denial_names_the_action_to_allow(service: str, operation: str, action: str) -> None:
    assert action in translate(answered("AccessDenied", 403, operation), operation, service).hint


LOCAL: list[tuple[BaseException, type[AwsError], str, bool]] = [
    (boto.NoCredentialsError(), CredentialsError, "no-credentials", False),
    (boto.PartialCredentialsError(provider="env", cred_var="x"), CredentialsError, "no-credentials", False),
    (boto.CredentialRetrievalError(provider="process", error_msg="x"), CredentialsError, "no-credentials", False),
    (boto.ProfileNotFound(profile="x"), CredentialsError, "unknown-profile", False),
    (boto.UnauthorizedSSOTokenError(), CredentialsError, "sso-expired", False),
    (boto.SSOTokenLoadError(error_msg="x"), CredentialsError, "sso-expired", False),
    (boto.TokenRetrievalError(provider="sso", error_msg="x"), CredentialsError, "sso-expired", False),
    (boto.ConfigParseError(path="x"), CredentialsError, "bad-aws-config", False),
    (boto.EndpointConnectionError(endpoint_url="x"), AwsError, "no-answer", True),
    (boto.ConnectionClosedError(endpoint_url="x"), AwsError, "no-answer", True),
    (boto.ReadTimeoutError(endpoint_url="x"), AwsError, "no-answer", True),
    (boto.ConnectTimeoutError(endpoint_url="x"), AwsError, "no-answer", True),
    (ResponseParserError("not XML"), Unsupported, "unsupported", True),
    (NotImplementedError(), Unsupported, "unsupported", True),
    (boto.ParamValidationError(report="x"), AwsError, "bad-request", False),
]


@pytest.mark.parametrize(("raised", "kind", "code", "doubtful"), LOCAL, ids=lambda value: type(value).__name__)
def test_a_failure_on_this_side_says_what_to_do(
    raised: BaseException, kind: type[AwsError], code: str, doubtful: bool
) -> None:
    error = translate(raised, "GetRole")
    assert (type(error), error.code, error.doubtful) == (kind, code, doubtful)
    assert error.hint or code == "bad-request"


def test_a_wire_code_is_told_in_words_joined_by_dashes() -> None:
    assert [kebab(code) for code in ("NoSuchEntity", "OpenIdIdpCommunicationError", "a.B c", "")] == [
        "no-such-entity", "open-id-idp-communication-error", "a-b-c", "",
    ]  # fmt: skip
