"""Documents of AWS's own policies: those in use in one stream, any other asked for by its ARN."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from iamsync.aws.calls import call, pages, shaped, whole
from iamsync.aws.session import Connection
from iamsync.errors import AwsError, IncompleteRead
from iamsync.kinds import wire
from iamsync.kinds.kind import Context
from iamsync.policy.document import Document

AwsPolicies = dict[str, tuple[str, Document]]

# Up to here one by one is cheaper than a page that holds every version of every AWS policy in use.
_FEW: Final = 3


def aws_policies(connection: Connection, arns: Iterable[str], *, workers: int = 8) -> AwsPolicies:
    """Default version and document of each of these AWS policies; one that does not exist is left out.

    Raises AccessDenied where the caller may not look, IncompleteRead where a document is undecodable.
    """
    wanted = sorted(set(arns))
    found: AwsPolicies = {}
    if len(wanted) > _FEW:
        stream = pages(
            connection.iam, "GetAccountAuthorizationDetails", {"Filter": ["AWSManagedPolicy"], "MaxItems": 1000}
        )
        with shaped("GetAccountAuthorizationDetails"):
            held = wire.details(stream, Context(connection.account_id, connection.partition)).aws_policies
        found = {arn: held[arn] for arn in wanted if arn in held}
    rest = [arn for arn in wanted if arn not in found]
    if rest:
        with ThreadPoolExecutor(max_workers=min(workers, len(rest))) as pool:
            for arn, one in zip(rest, pool.map(lambda arn: aws_policy(connection, arn), rest), strict=True):
                if one is not None:
                    found[arn] = one
    return dict(sorted(found.items()))


def aws_policy(connection: Connection, arn: str) -> tuple[str, Document] | None:
    """Default version and document of one AWS policy, None where it does not exist; raises as `aws_policies` does."""
    try:
        with whole("GetPolicy"):
            version = str(call(connection.iam, "GetPolicy", {"PolicyArn": arn})["Policy"]["DefaultVersionId"])
        params = {"PolicyArn": arn, "VersionId": version}
        with whole("GetPolicyVersion"):
            document = call(connection.iam, "GetPolicyVersion", params)["PolicyVersion"]["Document"]
    except AwsError as error:
        if error.aws_code == "NoSuchEntity":
            return None
        raise
    if isinstance(document, str):
        raise IncompleteRead(
            f"the document of {arn} {version} cannot be decoded",
            code="undecodable-document",
            operation="GetPolicyVersion",
        )
    return version, Document.of(document, connection.partition)
