"""Many accounts: the same work for each through any Executor, results in order, failures beside them.

It knows nothing of what the work is. An executor of another machine (Dask's) takes it as well as threads do, as long
as the work and its items can be sent there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, TypeVar

from iamsync.errors import AwsError, IamsyncError, LockHeld, WorkerLost

Item = TypeVar("Item")
Result = TypeVar("Result")

# What is about one account, so that the others go on; anything else is wrong for all of them.
OWN = (AwsError, LockHeld, WorkerLost)


@dataclass(frozen=True, slots=True)
class Failure:
    """Why the work for one account came to nothing."""

    account: str
    account_id: str | None
    error: IamsyncError

    def json(self) -> dict[str, Any]:
        """As the documents of a run have it."""
        error = self.error
        return {
            "account": {"name": self.account, "id": self.account_id},
            "error": {
                "code": error.code,
                "message": error.message,
                "operation": getattr(error, "operation", "") or None,
                "request_id": getattr(error, "request_id", "") or None,
                "hint": error.hint or None,
            },
        }


def each(items: Iterable[Item], work: Callable[[Item], Result], executor: Executor) -> list[Result | IamsyncError]:
    """What the work gives for each item, in their order; an error of `OWN` stands in its place, others are raised.

    What was not begun when one is raised is not begun any more.
    """
    futures: list[Future[Result | IamsyncError]] = [executor.submit(_one, work, item) for item in items]
    try:
        return [_result(future) for future in futures]
    except BaseException:
        for future in futures:
            future.cancel()
        raise


def _result(future: Future[Any]) -> Any:
    # What becomes of the work elsewhere the executor tells, not the work.
    try:
        return future.result()
    except OWN as error:
        return error


def _one(work: Callable[[Any], Any], item: Any) -> Any:
    try:
        return work(item)
    except OWN as error:
        return error


def shard_of(key: str, count: int) -> int:
    """Which of `count` shards an account belongs to, from 1: by its id alone, so that new accounts move no other."""
    return int.from_bytes(sha256(key.encode()).digest()[:8], "big") % count + 1


def waves(found: Sequence[tuple[int, Item]]) -> list[tuple[int, list[Item]]]:
    """The items by wave, waves in order, each in the order given."""
    by_wave: dict[int, list[Item]] = {}
    for wave, item in found:
        by_wave.setdefault(wave, []).append(item)
    return sorted(by_wave.items(), key=lambda pair: pair[0])
