"""IAM Access Analyzer's ValidatePolicy: AWS's own checks of single documents. It costs nothing and stores nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final

from iamsync.aws.calls import call
from iamsync.aws.session import Connection
from iamsync.errors import AwsError, IncompleteRead, Unsupported

_TRUST: Final = "AWS::IAM::AssumeRolePolicyDocument"
_OPERATION: Final = "ValidatePolicy"
# It throttles early; more at once would only wait longer.
_WORKERS: Final = 4


@dataclass(frozen=True, slots=True, order=True)
class Document:
    """A document as JSON text; a trust policy is checked as one, everything else as an identity policy."""

    text: str
    trust: bool


@dataclass(frozen=True, slots=True)
class Remark:
    """One of AWS's findings: `kind` is ERROR, SECURITY_WARNING, WARNING or SUGGESTION.

    `path` is keys and list positions inside the document; `key`: the key there is meant, not its value.
    """

    code: str
    kind: str
    text: str
    link: str
    path: tuple[str | int, ...] = ()
    key: bool = False


def validate(
    connection: Connection, documents: Iterable[Document], *, workers: int = _WORKERS
) -> dict[Document, tuple[Remark, ...]]:
    """What AWS finds in each document, each asked about once.

    Raises AccessDenied where the caller may not ask, AwsError where there is no Access Analyzer in the region.
    """
    wanted = sorted(set(documents))
    if not wanted:
        return {}
    client = connection.client("accessanalyzer")
    try:
        with ThreadPoolExecutor(max_workers=min(workers, len(wanted))) as pool:
            return dict(zip(wanted, pool.map(lambda one: tuple(_remarks(client, one)), wanted), strict=True))
    except Unsupported as error:
        raise Unsupported(
            f"there is no Access Analyzer here: {error.message.partition(' (')[0]}",
            code="no-access-analyzer",
            operation=_OPERATION,
            hint="only AWS has one; leave --access-analyzer out",
        ) from error
    except AwsError as error:
        if error.code != "no-answer":
            raise
        raise AwsError(
            f"Access Analyzer does not answer in {client.meta.region_name}: {error.message}",
            code="no-access-analyzer",
            operation=_OPERATION,
            hint="not every region has it; name another one with --region, its answers are the same",
        ) from error


def _remarks(client: Any, document: Document) -> Iterator[Remark]:
    params: dict[str, Any] = {"policyDocument": document.text, "locale": "EN", "policyType": "IDENTITY_POLICY"}
    if document.trust:
        params |= {"policyType": "RESOURCE_POLICY", "validatePolicyResourceType": _TRUST}
    seen: set[str] = set()
    while True:
        page = call(client, _OPERATION, params)
        for finding in page.get("findings") or ():
            yield _remark(finding)
        token = page.get("nextToken")
        if not token:
            return
        if token in seen:
            raise IncompleteRead(
                f"{_OPERATION}: the same page again and again",
                code="incomplete-read",
                operation=_OPERATION,
                hint="run the command again",
            )
        seen.add(token)
        params["nextToken"] = token


def _remark(finding: Mapping[str, Any]) -> Remark:
    path: list[str | int] = []
    key = False
    for location in (finding.get("locations") or ())[:1]:
        for element in location.get("path") or ():
            key = "key" in element
            if "index" in element:
                path.append(int(element["index"]))
            elif key or "value" in element:
                path.append(str(element["key"] if key else element["value"]))
    return Remark(
        str(finding["issueCode"]),
        str(finding["findingType"]),
        str(finding["findingDetails"]),
        str(finding["learnMoreLink"]),
        tuple(path),
        key,
    )
