"""The accounts of one run side by side, and what is said of those that failed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from typing import Final, TypeVar

from iamsync import fleet
from iamsync.errors import AccountsFailed, IamsyncError
from iamsync.events import Seen
from iamsync.fleet import Failure
from iamsync.manifest.config import Account

__all__ = ["Failure", "complete", "each", "waves"]

Result = TypeVar("Result")

waves = fleet.waves

# Accounts at once; each is read in several streams beside.
AT_ONCE: Final = 8


def each(
    accounts: Sequence[Account],
    work: Callable[[Account], Result],
    failed: list[Failure],
    executor: Executor | None = None,
    *,
    watch: Callable[[Seen], None] | None = None,
) -> tuple[Result, ...]:
    """The work for each account, in their order.

    Of several accounts, those that deny, throttle or do not answer join `failed`, and the rest is done. Of one, the
    error is raised. `watch` is told when each is done.
    """
    if watch is not None:
        work = _told(work, watch, len(accounts))
    if len(accounts) == 1 and executor is None:
        return (work(accounts[0]),)
    if executor is not None:
        results = fleet.each(accounts, work, executor)
    else:
        with ThreadPoolExecutor(max_workers=max(1, min(AT_ONCE, len(accounts)))) as pool:
            results = fleet.each(accounts, work, pool)
    good: list[Result] = []
    for account, result in zip(accounts, results, strict=True):
        if isinstance(result, IamsyncError):
            failed.append(Failure(account.name, account.id, result))
        else:
            good.append(result)
    return tuple(good)


def _told(work: Callable[[Account], Result], watch: Callable[[Seen], None], of: int) -> Callable[[Account], Result]:
    def told(account: Account) -> Result:
        try:
            return work(account)
        finally:
            watch(Seen(account.name, of))

    return told


def complete(failed: Sequence[Failure], of: int, not_begun: int = 0) -> None:
    """AccountsFailed where the run left accounts out since they failed, or others did before they were begun."""
    if failed:
        told = ", ".join(f"{item.account} ({item.error.code})" for item in failed[:10])
        more = f" and {len(failed) - 10} more" if len(failed) > 10 else ""
        left = "1 was" if not_begun == 1 else f"{not_begun} were"
        raise AccountsFailed(
            f"{len(failed)} of {of} accounts failed: {told}{more}",
            code="accounts-failed",
            hint="what happened in each is named above; "
            + (f"{left} not begun, the rest is complete" if not_begun else "the others are complete"),
        )
