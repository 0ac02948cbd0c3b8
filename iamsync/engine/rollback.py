"""Rollback: the plan back to what a recorded run found, by the ordinary planner, guards and journal."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from iamsync.aws.read import confirm, read
from iamsync.engine.leftovers import with_leftovers
from iamsync.engine.planning import Planned, plan_towards
from iamsync.engine.project import Project
from iamsync.engine.reach import Reached, Ways
from iamsync.errors import GuardRefused, InputError, StalePlan
from iamsync.journal import Run
from iamsync.kinds import FURTHER
from iamsync.manifest.config import Account
from iamsync.planner.confirming import questions
from iamsync.planner.rollback import Past, back, past

_CHANGED: Final = "changed-since"


@dataclass(frozen=True, slots=True)
class Rollback:
    """The plan back, and how to make it again from a new read."""

    run: str
    item: Planned
    again: Callable[[], Planned]

    @property
    def lost(self) -> tuple[dict[str, str], ...]:
        """What cannot be brought back: `address`, `what`, and what to do about it."""
        told = (guard for guard in self.item.plan.guards if guard.id == "not-restored")
        return tuple(
            {"address": str(one.address), "what": one.title.partition(": ")[2], "remedy": one.remedy} for one in told
        )


def rollback(project: Project, ways: Ways, run: Run, *, write: bool) -> Rollback:
    """The plan from the live account to what this run found, at what the run changed and nowhere else.

    InputError where the record does not tell, or the run was of another account than this project reaches.
    """
    then = past(run.id, run.header, run.outcomes)
    account = _account(project, then, write)
    project.settings(account)  # a mistaken option is told before the first call
    reached = ways.reach(account, write=write)
    if reached.account_id != then.account_id:
        raise _elsewhere(then, f"these credentials lead to {reached.account_id}")
    now = project.now

    def made() -> Planned:
        return _planned(project, reached, then, now)

    return Rollback(run.id, made(), made)


def _account(project: Project, then: Past, write: bool) -> Account:
    chosen = project.accounts(writes=write)
    for account in chosen:
        if account.id == then.account_id:
            return account
    unknown = [account for account in chosen if account.id is None]
    if len(unknown) == 1:
        return unknown[0]
    raise _elsewhere(then, "no account of this command has that id")


def _elsewhere(then: Past, why: str) -> InputError:
    return InputError(
        f"run {then.run} was of account {then.account_id}, and {why}",
        code="wrong-account",
        hint="name the account it was made in: --account NAME, or --account-id",
    )


def _planned(project: Project, reached: Reached, then: Past, now: str) -> Planned:
    assert reached.connection is not None
    # What others left alone is left alone by the way back itself: it names the fields that the run changed.
    settings = replace(project.settings(reached.account), unmanaged="ignore", ignore_changes=())
    live = read(reached.connection, kinds=FURTHER & {address.kind for address in then.changes})
    live = confirm(reached.connection, live, questions(back(then, live).desired, live, settings))
    live = with_leftovers(project, reached, replace(live, unread=frozenset()))
    undo = back(then, live)
    return plan_towards(project, reached, undo.desired, live, settings, now=now, noted=undo.findings)


def refuse(item: Planned) -> None:
    """GuardRefused where a guard says no; StalePlan where only what others changed since stands in the way."""
    refused = item.plan.refusals
    if not refused:
        return
    if all(guard.id == _CHANGED for guard in refused):
        raise StalePlan(
            "the account is not as the run left it",
            hint="look at what others changed; `--acknowledge changed-since:ADDRESS` goes back all the same",
            difference=tuple(guard.title for guard in refused),
        )
    names = ", ".join(sorted({guard.id for guard in refused}))
    raise GuardRefused(
        f"{len(refused)} guards refuse this rollback: {names}" if len(refused) > 1 else f"1 guard refuses: {names}",
        code="guard-refused",
        hint="each is named above with its figures and its way out",
    )
