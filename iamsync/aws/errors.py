"""What botocore raises, as iamsync's own errors: code, operation, request id and how to mend it.

Matches wire codes, never exception class names, and never the words of a message but where AWS
gives no code to tell two cases apart. An answer without a code is known by its HTTP status.
"""

from __future__ import annotations

import re
from typing import Any, Final

from iamsync.errors import AccessDenied, AwsError, CredentialsError, Unsupported

_STS: Final = frozenset({"GetCallerIdentity", "GetSessionToken"})
_PREFIXES: Final = {"resourcegroupstaggingapi": "tag", "accessanalyzer": "access-analyzer"}
# Where the action that a policy must allow is not called as the operation is.
_ACTIONS: Final = {"ListObjectsV2": "ListBucket"}

# Wire code to how a person mends it; a code that is not here speaks for itself.
HINTS: Final = {
    "NoSuchEntity": "something the call names does not exist (any more); plan again",
    "EntityAlreadyExists": "the name is taken, perhaps in another case or path; import it or choose another",
    "DeleteConflict": "something still depends on it; plan again, so that what was added since is taken away too",
    "LimitExceeded": "a quota of the account is used up; raise it in Service Quotas or use less",
    "MalformedPolicyDocument": "check the document; a principal that it names may not exist",
    "InvalidInput": "a value is not one that AWS takes; the message names it",
    "ValidationError": "a value has the wrong length or characters; the message names it",
    "UnmodifiableEntity": "an AWS service owns this role; leave it out of the manifests",
    "PolicyNotAttachable": "this AWS managed policy belongs to a service-linked role; remove it from the manifest",
    "ConcurrentModification": "somebody else is changing the same resource; run the command again",
    "EntityTemporarilyUnmodifiable": "AWS is still finishing an earlier change; run the command again in some minutes",
    "ServiceFailure": "a failure inside AWS; run the command again",
    "Throttling": "the account's request rate is used up, perhaps by another tool; run the command again later",
    "RegionDisabledException": "STS is not active in this region for the account; name another with --region",
    "NoSuchBucket": "create the bucket, or mend `lock:` and `journal:` in iamsync.yaml",
    "PackedPolicyTooLarge": "the session policy and tags are too long together; use fewer",
}
_EXPIRED: Final = frozenset({"ExpiredToken", "ExpiredTokenException", "RequestExpired"})
_REJECTED: Final = {
    "InvalidClientTokenId": "the access key is unknown, inactive or of another partition (then name a --region of it)",
    "UnrecognizedClientException": "the access key is unknown, inactive or of another partition",
    "InvalidAccessKeyId": "the access key is unknown or inactive",
    "SignatureDoesNotMatch": "the secret key is wrong, or this machine's clock is",
    "InvalidIdentityToken": "check the issuer, the audience and that the account has this identity provider",
    "IDPRejectedClaim": "the token's claims were refused; fetch a new token and check the role's trust policy",
}
_DENIED: Final = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "OptInRequired"})
# Reads that name no entity, so that none can be missing: who answers so does not have the operation.
_OF_THE_WHOLE: Final = frozenset(
    {"GetCallerIdentity", "GetAccountSummary", "GetAccountAuthorizationDetails", "ListRoles", "GetResources"}
)
# Over what is no answer of the API (a proxy's page, a list where a table should be, no UTF-8, a date that is none)
# botocore's parsers, and what comes after them, stumble in all these ways.
ODD: Final = (KeyError, AttributeError, TypeError, ValueError, RecursionError, OverflowError)
_ABSENT: Final = frozenset(
    {"NotImplemented", "NotImplementedException", "UnknownOperation", "UnknownOperationException", "InternalFailure"}
    | {"InvalidAction"}
)


def translate(error: BaseException, operation: str, service: str = "iam") -> AwsError:
    """The iamsync error that says what this failure of an operation means and how to mend it."""
    from botocore import exceptions as boto
    from botocore.parsers import ResponseParserError

    if isinstance(error, boto.ClientError):
        return _refused(error, operation, service)
    for kinds, code, hint in (
        ((boto.ProfileNotFound,), "unknown-profile", "list the profiles with `aws configure list-profiles`"),
        (
            (boto.SSOError, boto.TokenRetrievalError, boto.NoAuthTokenError, boto.LoginError),
            "sso-expired",
            "sign in again: aws sso login (or aws login), with the same --profile",
        ),
        (
            (boto.NoCredentialsError, boto.PartialCredentialsError),
            "no-credentials",
            "set AWS_PROFILE or --profile, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; --sandbox needs none",
        ),
        (
            (boto.CredentialRetrievalError, boto.MetadataRetrievalError, boto.UnknownCredentialError),
            "no-credentials",
            "the source of the credentials failed; try it by itself: aws sts get-caller-identity",
        ),
        (
            (boto.ConfigParseError, boto.InvalidConfigError, boto.RefreshWithMFAUnsupportedError),
            "bad-aws-config",
            "mend the AWS configuration file (~/.aws/config, or what AWS_CONFIG_FILE names)",
        ),
    ):
        if isinstance(error, kinds):
            return CredentialsError(str(error), code=code, operation=operation, hint=hint)
    ours = isinstance(error, boto.BotoCoreError)
    if not ours and isinstance(error, (ResponseParserError, NotImplementedError, *ODD)):
        # A page of a proxy looks the same, so the call may have been carried out.
        return _unsupported(operation, service, "its answer was not one of this API", doubtful=True)
    if isinstance(error, (boto.HTTPClientError, boto.ConnectionError)):
        return AwsError(
            f"{operation}: no answer ({error})",
            code="no-answer",
            operation=operation,
            hint="check the network, the proxy, the region and the endpoint; "
            "running the command again goes on where it stopped",
            doubtful=True,
        )
    return AwsError(f"{operation}: {error}", code="bad-request", operation=operation)


def _refused(error: Any, operation: str, service: str) -> AwsError:
    answer = error.response or {}
    fault = answer.get("Error") or {}
    meta = answer.get("ResponseMetadata") or {}
    status = int(meta.get("HTTPStatusCode") or 0)
    aws_code = str(fault.get("Code") or "")
    if aws_code.isdigit():  # botocore puts the status where an answer has no code
        status, aws_code = status or int(aws_code), ""
    aws_code = aws_code or _by_status(status)
    # Credentials of a role are fetched by another call, in the middle of this one.
    operation = getattr(error, "operation_name", None) or operation
    service = "sts" if operation.startswith("AssumeRole") or operation in _STS else service
    message = str(fault.get("Message") or fault.get("message") or f"HTTP status {status}")
    said = f"{operation}: {message}" + (f" ({aws_code})" if aws_code and aws_code not in message else "")
    given: dict[str, Any] = {
        "operation": operation,
        "aws_code": aws_code,
        "request_id": str(meta.get("RequestId") or ""),
        "retries": int(meta.get("RetryAttempts") or 0),
    }
    if aws_code in _EXPIRED:
        hint = "sign in again or fetch new credentials; running the command again goes on where it stopped"
        return CredentialsError(said, code="expired-credentials", hint=hint, **given)
    if aws_code in _REJECTED:
        return CredentialsError(said, code="invalid-credentials", hint=_REJECTED[aws_code], **given)
    if operation == "GetSessionToken":
        hint = "a code works once and for half a minute: wait for the next one; the device must be the user's own"
        return CredentialsError(said, code="mfa-refused", hint=hint, **given)
    if operation.startswith("AssumeRole"):
        hint = (
            "AWS does not say which it is: the role does not exist, its trust policy does not name the caller, the "
            "caller may not sts:AssumeRole, a wrong external id, a missing MFA, or a duration over the role's longest"
        )
        return CredentialsError(said, code="assume-role-denied", hint=hint, **given)
    if aws_code in _DENIED or (status == 403 and not aws_code):
        needed = f"{_PREFIXES.get(service, service)}:{_ACTIONS.get(operation, operation)}"
        hint = f"allow {needed} to the caller; a boundary, a session policy or the organisation may deny it as well"
        return AccessDenied(said, code="access-denied", hint=hint, **given)
    missing = aws_code == "NoSuchEntity" and operation in _OF_THE_WHOLE
    if status in (405, 501) or missing or (aws_code in _ABSENT and status != 500):
        return _unsupported(operation, service, message)
    doubtful = status >= 500 or aws_code in ("ServiceFailure", "ServiceUnavailable", "InternalFailure")
    code = kebab(aws_code) or f"http-{status}"
    return AwsError(said, code=code, hint=HINTS.get(aws_code, ""), doubtful=doubtful, **given)


def _unsupported(operation: str, service: str, why: str, doubtful: bool = False) -> Unsupported:
    return Unsupported(
        f"this endpoint does not offer {_PREFIXES.get(service, service)}:{operation} ({why})",
        code="unsupported",
        operation=operation,
        hint="AWS offers it; check --endpoint-url and the proxy",
        doubtful=doubtful,
    )


def _by_status(status: int) -> str:
    return {401: "AccessDenied", 403: "AccessDenied", 404: "NoSuchEntity", 429: "Throttling"}.get(status, "")


def kebab(aws_code: str) -> str:
    """`NoSuchEntity` as `no-such-entity`."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|[^A-Za-z0-9]+", "-", aws_code)
    return words.strip("-").lower()
