"""The credential report: AWS makes it when asked, keeps it for four hours, and hands it out as CSV.

Asking for it changes nothing in the account; a report that is fresh enough is handed out again.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final

from iamsync.aws.calls import call
from iamsync.errors import AwsError, IncompleteRead
from iamsync.kinds.reports import CredentialReport, credential_report
from iamsync.kinds.wire import moment

# A large account's report takes some ten seconds; what is not there after two minutes will not come.
_PATIENCE: Final = 120.0
_PAUSES: Final = (0.5, 1.0, 2.0, 4.0)
_AGAIN: Final = ("ReportNotPresent", "ReportExpired", "ReportInProgress", "ReportNotPresentException")


def read_report(
    iam: Any, *, sleep: Callable[[float], None] = time.sleep, patience: float = _PATIENCE
) -> CredentialReport:
    """The account's credential report, made anew where AWS has none that is fresh.

    Raises IncompleteRead where it is not ready in `patience` seconds, or is no report; AccessDenied where the caller
    may not have it.
    """
    waited = 0.0
    for attempt in range(1000):
        state = call(iam, "GenerateCredentialReport").get("State") or ""
        if state == "COMPLETE":
            try:
                answer = call(iam, "GetCredentialReport")
            except AwsError as error:
                # It may run out between the two calls.
                if error.aws_code not in _AGAIN:
                    raise
            else:
                return _parsed(answer)
        pause = _PAUSES[min(attempt, len(_PAUSES) - 1)]
        if waited + pause > patience:
            break
        sleep(pause)
        waited += pause
    raise IncompleteRead(
        f"the credential report is not ready after {waited:.0f} seconds",
        code="incomplete-read",
        operation="GenerateCredentialReport",
        hint="run the command again; AWS goes on making it",
    )


def _parsed(answer: dict[str, Any]) -> CredentialReport:
    content = answer.get("Content") or b""
    try:
        text = content.decode("utf-8") if isinstance(content, bytes) else str(content)
        return credential_report(text, moment(answer.get("GeneratedTime")))
    except ValueError as error:
        raise IncompleteRead(
            f"this is no credential report: {error}",
            code="incomplete-read",
            operation="GetCredentialReport",
            hint="run the command again; if it stays so, report it to the owner of the endpoint",
        ) from error
