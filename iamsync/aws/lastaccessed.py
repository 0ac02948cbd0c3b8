"""Which services and actions principals called, by AWS's own records: a job a principal, asked for and waited for.

The API is asynchronous and throttled: a few jobs at a time, with growing pauses, and an end to each.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Final

from iamsync.aws.calls import call, whole
from iamsync.errors import AccessDenied, AwsError, IncompleteRead, Unsupported
from iamsync.kinds.reports import ServiceUse
from iamsync.kinds.wire import moment

WORKERS: Final = 4
_PAUSES: Final = (0.5, 1.0, 2.0, 4.0, 8.0)
_PATIENCE: Final = 90.0


@dataclass(frozen=True, slots=True)
class Accessed:
    """The services of each ARN that answered, and why the others did not."""

    uses: dict[str, tuple[ServiceUse, ...]] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)


def last_accessed(
    iam: Any,
    arns: Iterable[str],
    *,
    workers: int = WORKERS,
    sleep: Callable[[float], None] = time.sleep,
    patience: float = _PATIENCE,
) -> Accessed:
    """What each of these users and roles last used, `workers` jobs at a time.

    A job that fails or does not end in `patience` seconds is told in `failed`. Raises AccessDenied where the caller
    may not ask at all, Unsupported where the endpoint does not offer it.
    """
    wanted = tuple(dict.fromkeys(arns))
    found = Accessed()
    if not wanted:
        return found
    # The first alone: where nobody may ask, one refusal is enough.
    first = _answer(iam, wanted[0], sleep, patience, raising=True)
    with ThreadPoolExecutor(max_workers=max(1, min(workers, len(wanted)))) as pool:
        rest = pool.map(lambda arn: _answer(iam, arn, sleep, patience, raising=False), wanted[1:])
        for arn, answer in zip(wanted, (first, *rest), strict=True):
            if isinstance(answer, str):
                found.failed[arn] = answer
            else:
                found.uses[arn] = answer
    return found


def _answer(
    iam: Any, arn: str, sleep: Callable[[float], None], patience: float, *, raising: bool
) -> tuple[ServiceUse, ...] | str:
    try:
        return _job(iam, arn, sleep, patience)
    except (AccessDenied, Unsupported) as error:
        if raising:
            raise
        return error.message
    except AwsError as error:
        return error.message


def _job(iam: Any, arn: str, sleep: Callable[[float], None], patience: float) -> tuple[ServiceUse, ...]:
    job = call(iam, "GenerateServiceLastAccessedDetails", {"Arn": arn, "Granularity": "ACTION_LEVEL"}).get("JobId")
    if not job:
        raise _cut_short(arn, "no job was begun")
    waited, attempt = 0.0, 0
    while True:
        answer = call(iam, "GetServiceLastAccessedDetails", {"JobId": job})
        status = answer.get("JobStatus")
        if status == "COMPLETED":
            return _pages(iam, arn, job, answer)
        if status == "FAILED":
            raise _cut_short(arn, (answer.get("Error") or {}).get("Message") or "the job failed")
        pause = _PAUSES[min(attempt, len(_PAUSES) - 1)]
        if waited + pause > patience:
            raise _cut_short(arn, f"the job was not done after {waited:.0f} seconds")
        sleep(pause)
        waited, attempt = waited + pause, attempt + 1


def _pages(iam: Any, arn: str, job: str, answer: dict[str, Any]) -> tuple[ServiceUse, ...]:
    found: dict[str, ServiceUse] = {}
    seen: set[str] = set()
    while True:
        with whole("GetServiceLastAccessedDetails"):
            found |= {held["ServiceNamespace"]: _use(held) for held in answer.get("ServicesLastAccessed") or ()}
        if not answer.get("IsTruncated"):
            return tuple(one for _, one in sorted(found.items()))
        following = answer.get("Marker")
        if not following or following in seen:
            raise _cut_short(arn, "more pages are promised, but there is no way to the next one")
        seen.add(following)
        answer = call(iam, "GetServiceLastAccessedDetails", {"JobId": job, "Marker": following})


def _use(held: dict[str, Any]) -> ServiceUse:
    # Null where AWS tracks none of the service's actions, or the principal used none of them.
    tracked = held.get("TrackedActionsLastAccessed") or ()
    actions = tuple(sorted((one["ActionName"], moment(one.get("LastAccessedTime"))) for one in tracked))
    return ServiceUse(held["ServiceNamespace"], moment(held.get("LastAuthenticated")), actions)


def _cut_short(arn: str, why: str) -> IncompleteRead:
    return IncompleteRead(
        f"service last accessed of {arn}: {why}",
        code="incomplete-read",
        operation="GetServiceLastAccessedDetails",
        hint="run the command again",
    )
