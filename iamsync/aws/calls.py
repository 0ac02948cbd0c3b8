"""One API call, and every page of a listing; failures come as iamsync's own errors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from iamsync.aws.errors import ODD, translate
from iamsync.errors import IncompleteRead

_LOOSE: Final = ("json", "rest-json")
_BULK: Final = ("resourcegroupstaggingapi",)  # many items, each of which its reader looks at


def call(client: Any, operation: str, params: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """One API call by its AWS name; raises what `translate` makes of any failure."""
    from botocore import xform_name

    method, model = getattr(client, xform_name(operation)), client.meta.service_model
    try:
        answer = dict(method(**(params or {})))
        if model.metadata.get("protocol") in _LOOSE and model.service_name not in _BULK:
            _typed(answer, model.operation_model(operation).output_shape)
    except _failures() as error:
        raise translate(error, operation, model.service_name) from error
    return answer


@contextmanager
def shaped(operation: str, service: str = "iam") -> Iterator[None]:
    """While what an operation answered is made into resources: what is no such answer is told as one that fails."""
    try:
        yield
    except ODD as error:
        raise translate(error, operation, service) from error


@contextmanager
def whole(operation: str) -> Iterator[None]:
    """While an answer is taken apart; IncompleteRead where it lacks what AWS's answers have.

    Not `Unsupported`: the operation is offered, and what it tells must not pass for nothing.
    """
    try:
        yield
    except ODD as error:
        raise IncompleteRead(
            f"{operation}: an answer without what AWS has in it ({type(error).__name__}: {error})",
            code="incomplete-read",
            operation=operation,
            hint="check --endpoint-url and the proxy",
        ) from error


def _typed(answer: dict[str, Any], shape: Any) -> None:
    """TypeError where an answer has a value of another type than the API's: of JSON, botocore takes any.

    What an emulator leaves out is no matter here.
    """
    from botocore.validate import ParamValidator

    held = {name: value for name, value in answer.items() if name != "ResponseMetadata"}
    try:
        report = ParamValidator().validate(held, shape).generate_report() if shape is not None else ""
    except RuntimeError as error:  # a number that is no date: botocore cannot tell its time zone
        raise TypeError("a date that is none") from error
    if "Invalid type for" in report:
        raise TypeError("a value of another type")


def _failures() -> tuple[type[BaseException], ...]:
    from botocore.exceptions import BotoCoreError, ClientError
    from botocore.parsers import ResponseParserError

    # An in-process emulator raises NotImplementedError instead of answering.
    return (ClientError, BotoCoreError, ResponseParserError, NotImplementedError, *ODD)


def pages(client: Any, operation: str, params: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Every page of a listing; raises IncompleteRead where the pages do not lead to an end.

    A page may hold fewer items than were asked for, even none; only IsTruncated tells the last one.
    """
    seen: set[str] = set()
    marker: dict[str, str] = {}
    while True:
        page = call(client, operation, {**params, **marker})
        yield page
        if not page.get("IsTruncated"):
            return
        following = page.get("Marker")
        if not following or following in seen:
            raise IncompleteRead(
                f"{operation}: more pages are promised, but the way to the next one is "
                + ("missing" if not following else "the same as before"),
                code="incomplete-read",
                operation=operation,
                hint="run the command again; if it stays so, report it to the owner of the endpoint",
            )
        seen.add(following)
        marker = {"Marker": following}


def token_pages(client: Any, operation: str, params: Mapping[str, Any], member: str) -> Iterator[dict[str, Any]]:
    """Every item of a listing that pages by NextToken, as those of CloudFormation and Organizations do.

    A page may be empty and not the last. Raises IncompleteRead where the same page comes again and again.
    """
    seen: set[str] = set()
    token: dict[str, str] = {}
    while True:
        page = call(client, operation, {**params, **token})
        yield from page.get(member) or ()
        following = page.get("NextToken")
        if not following:
            return
        if following in seen:
            raise IncompleteRead(
                f"{operation}: the same page again and again",
                code="incomplete-read",
                operation=operation,
                hint="run the command again",
            )
        seen.add(following)
        token = {"NextToken": following}
