"""IAM Access Analyzer: AWS's own checks of single documents (ValidatePolicy, free), and of the access that they give.

CheckNoNewAccess and CheckAccessNotGranted are charged for each call. Nothing is stored by any of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from iamsync.aws.calls import call, whole
from iamsync.aws.session import Connection
from iamsync.errors import AwsError, IncompleteRead, Unsupported

_TRUST: Final = "AWS::IAM::AssumeRolePolicyDocument"
_OPERATION: Final = "ValidatePolicy"
# It throttles early; more at once would only wait longer.
_WORKERS: Final = 4
# What is wrong with a document or its length, not with the caller or the service.
_NOT_TAKEN: Final = frozenset({"ValidationException", "UnprocessableEntityException", "InvalidParameterException"})


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


@dataclass(frozen=True, slots=True)
class Check:
    """A question about a document: whether it gives access that `existing` does not, or any of `actions`."""

    document: str
    trust: bool = False
    existing: str = ""
    actions: tuple[str, ...] = ()

    @property
    def operation(self) -> str:
        """What AWS calls the check."""
        return "CheckAccessNotGranted" if self.actions else "CheckNoNewAccess"


@dataclass(frozen=True, slots=True)
class Verdict:
    """AWS's answer; `reasons` are its words with the position from 0 of the statement meant, where it names one.

    `refused`: why AWS does not take the document.
    """

    passed: bool
    reasons: tuple[tuple[str, int | None], ...] = ()
    refused: str = ""


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
    with _offered(client, _OPERATION), ThreadPoolExecutor(max_workers=min(workers, len(wanted))) as pool:
        return dict(zip(wanted, pool.map(lambda one: tuple(_remarks(client, one)), wanted), strict=True))


def check(connection: Connection, checks: Iterable[Check], *, workers: int = _WORKERS) -> dict[Check, Verdict]:
    """AWS's answer to each check, each asked once, and charged for.

    A document that AWS does not take (too long, not one it can reason about) is its own answer. Raises AccessDenied
    where the caller may not ask, AwsError where there is no Access Analyzer in the region.
    """
    wanted = list(dict.fromkeys(checks))
    if not wanted:
        return {}
    client = connection.client("accessanalyzer")
    with _offered(client, wanted[0].operation), ThreadPoolExecutor(max_workers=min(workers, len(wanted))) as pool:
        return dict(zip(wanted, pool.map(lambda one: _verdict(client, one), wanted), strict=True))


def _verdict(client: Any, asked: Check) -> Verdict:
    params: dict[str, Any] = {"policyType": "RESOURCE_POLICY" if asked.trust else "IDENTITY_POLICY"}
    if asked.actions:
        params |= {"policyDocument": asked.document, "access": [{"actions": list(asked.actions)}]}
    else:
        params |= {"newPolicyDocument": asked.document, "existingPolicyDocument": asked.existing}
    try:
        answer = call(client, asked.operation, params)
    except AwsError as error:
        if error.aws_code in _NOT_TAKEN:
            return Verdict(False, refused=error.message)
        raise
    if answer.get("result") not in ("PASS", "FAIL"):
        raise IncompleteRead(
            f"{asked.operation}: no result in the answer",
            code="incomplete-read",
            operation=asked.operation,
            hint="run the command again",
        )
    reasons = (
        (str(reason.get("description") or ""), reason.get("statementIndex")) for reason in answer.get("reasons") or ()
    )
    return Verdict(answer["result"] == "PASS", tuple(reasons))


@contextmanager
def _offered(client: Any, operation: str) -> Iterator[None]:
    """Errors of a place that has no Access Analyzer, said as such."""
    try:
        yield
    except Unsupported as error:
        raise Unsupported(
            f"there is no Access Analyzer here: {error.message.partition(' (')[0]}",
            code="no-access-analyzer",
            operation=operation,
            hint="only AWS has one; leave --access-analyzer out",
        ) from error
    except AwsError as error:
        if error.code != "no-answer":
            raise
        raise AwsError(
            f"Access Analyzer does not answer in {client.meta.region_name}: {error.message}",
            code="no-access-analyzer",
            operation=operation,
            hint="not every region has it; name another one with --region, its answers are the same",
        ) from error


def _remarks(client: Any, document: Document) -> Iterator[Remark]:
    params: dict[str, Any] = {"policyDocument": document.text, "locale": "EN", "policyType": "IDENTITY_POLICY"}
    if document.trust:
        params |= {"policyType": "RESOURCE_POLICY", "validatePolicyResourceType": _TRUST}
    seen: set[str] = set()
    while True:
        page = call(client, _OPERATION, params)
        with whole(_OPERATION):
            yield from [_remark(finding) for finding in page.get("findings") or ()]
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
