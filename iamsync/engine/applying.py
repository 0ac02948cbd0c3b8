"""Apply: what was planned and agreed to is done, on record, and only if it is still the plan."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from threading import Event
from typing import Any, Final

from iamsync import __version__, events, journal
from iamsync.apply import Execute, apply
from iamsync.aws.execute import Executor
from iamsync.aws.session import Connection
from iamsync.engine import records
from iamsync.engine.planning import Planned, replan
from iamsync.engine.project import Project
from iamsync.engine.showing import saved_plans
from iamsync.errors import GuardRefused, InputError, StalePlan
from iamsync.events import RunEnded
from iamsync.model import Plan, Step
from iamsync.planner import planfile, savedplan
from iamsync.planner.rollback import found
from iamsync.planner.savedplan import Saved

_STAYS: Final = ("held-out-of-scope", "past-end")


@dataclass(frozen=True, slots=True)
class Applied:
    """How the run of one account went, and where its record is; `behind`: why the bucket does not have all of it."""

    account_name: str
    account_id: str
    run: str
    summary: RunEnded
    behind: str = ""


def refuse(planned: tuple[Planned, ...]) -> None:
    """GuardRefused where any plan has a refusal that nobody acknowledged."""
    _refuse([guard.id for item in planned for guard in item.plan.refusals])


def refuse_told(document: Mapping[str, Any]) -> None:
    """The same of a plan document."""
    guards = (guard for item in document["plans"] for guard in item["guards"])
    _refuse([guard["id"] for guard in guards if guard["severity"] == "refuse" and guard["acknowledged"] is None])


def _refuse(refused: list[str]) -> None:
    if refused:
        raise GuardRefused(
            f"{_counted(len(refused))} this plan: {', '.join(sorted(set(refused)))}",
            code="guard-refused",
            hint="each is named above with its figures and its way out",
        )


def still_held(planned: tuple[Planned, ...]) -> None:
    """GuardRefused where something has expired and stays: others hold it, or nobody agreed to its end in advance.

    The rest has been done.
    """
    held = [guard for item in planned for guard in item.plan.guards if guard.id in _STAYS and guard.severity == "warn"]
    if held:
        names = ", ".join(sorted({str(guard.address) for guard in held}))
        raise GuardRefused(
            f"expired, and still there: {names}",
            code="guard-refused",
            hint="why is named above: have it let go of by who holds it, or agree to its removal in a plan of its own",
        )


def _counted(refusals: int) -> str:
    return "1 guard refuses" if refusals == 1 else f"{refusals} guards refuse"


def accounts_of(path: Path) -> list[str]:
    """The names of the accounts a plan file is about; InputError where it is none."""
    return [item.account_name for item in saved_plans(path)]


def as_saved(path: Path, planned: tuple[Planned, ...], failed: Iterable[str | None] = ()) -> tuple[Planned, ...]:
    """The parts of fresh plans that a saved plan file covers; StalePlan where that is no longer the plan.

    Each part is of the account whose id it says and of no other; `failed` are ids of accounts that were not reached.
    """
    held = saved_plans(path)
    by_account = {item.account_id: item for item in held}
    known = {item.plan.account_id for item in planned}
    for other in sorted(by_account.keys() - known - set(failed)):
        raise StalePlan(
            f"the plan file is of account {other}, and this run is about {', '.join(sorted(known))}",
            code="wrong-account",
            hint="use the plan with the account it was made for",
        )
    return tuple(
        _verified(item, by_account[item.plan.account_id]) for item in planned if item.plan.account_id in by_account
    )


def approval(text: str) -> str:
    """The text as an approval digest; InputError where it is none."""
    if not re.fullmatch(r"sha256:[0-9a-f]{64}", text):
        raise InputError(
            f"{text!r} is no approval digest",
            code="bad-option",
            hint="give the line that plan printed last: --approved sha256:...",
        )
    return text


def as_approved(project: Project, digest: str, planned: tuple[Planned, ...]) -> tuple[Planned, ...]:
    """The plan of one account, if what was approved is what it is or what it was before a part of it was done."""
    (item,) = planned
    found = _approved(project, digest, item)
    if found is None:
        raise _stale(f"what would be done now is not what was approved ({digest[:19]}...)", item)
    return (found,)


def as_all_approved(
    project: Project, digests: Sequence[str], planned: tuple[Planned, ...], failed: int = 0
) -> tuple[tuple[Planned, ...], dict[str, str]]:
    """The same of several accounts, with the digest that is each one's, by its name: two names may be of one account.

    A digest is of one account's plan, since the account is in it. StalePlan where a plan that changes anything has
    none, and where one is nobody's: it was approved, and is not what would be done. Of so many digests as accounts
    `failed` nobody can tell.
    """
    if len(planned) == 1 and len(digests) == 1 and not failed:
        return as_approved(project, digests[0], planned), {planned[0].plan.account_name: digests[0]}
    taken = {item.plan.account_name: item.plan.approval for item in planned if item.plan.approval in digests}
    left = [digest for digest in digests if digest not in taken.values()]
    found: list[Planned] = []
    for item in planned:
        told = item
        for digest in left if item.plan.account_name not in taken else ():
            if (held := _approved(project, digest, item)) is not None:
                told, taken[item.plan.account_name] = held, digest
                left.remove(digest)
                break
        if item.plan.changes and item.plan.account_name not in taken:
            raise _stale(f"what would be done now in account {item.plan.account_name} is not what was approved", item)
        found.append(told)
    if len(left) > failed:
        raise StalePlan(
            f"what was approved is what no account's plan would do now ({left[0][:19]}...)",
            hint="look at the plans as they are now, and approve those",
        )
    return tuple(found), taken


def _approved(project: Project, digest: str, item: Planned) -> Planned | None:
    """The plan, or the rest of the one of this digest that was begun; None where the digest is of neither."""
    if item.plan.approval == digest:
        return item
    begun = records.approved(project, digest, item.plan.account_id)
    return _verified(item, begun) if begun is not None else None


def _stale(message: str, item: Planned) -> StalePlan:
    hint = "look at the plan as it is now, and approve that"
    return StalePlan(message, hint=hint, difference=tuple(_lines(item.plan)))


def _verified(item: Planned, old: Saved) -> Planned:
    if old.account_id != item.plan.account_id:
        raise StalePlan(f"that plan was made for account {old.account_id}", code="wrong-account")
    made = savedplan.verify(old, item.plan, item.live, item.desired, item.settings.ignore_changes)
    return replace(item, plan=made)


def _lines(plan: Plan) -> list[str]:
    lines = [f"now: {change.action} {change.address}" for change in plan.changes]
    return lines or ["now: no changes"]


def unmoved(project: Project, item: Planned) -> Planned:
    """The plan again from a new read, after a person took time to agree; StalePlan where it moved."""
    still_as_shown(item.plan, replan(project, item.reached, item.plan.now, item.base, item.opened).plan)
    return item


def still_as_shown(shown: Plan, fresh: Plan) -> None:
    """StalePlan where what would be done now is not what a person was shown and agreed to."""
    if fresh.approval != shown.approval:
        raise StalePlan(
            "the account changed while you were looking at the plan",
            hint="run the command again",
            difference=tuple(_lines(fresh)),
        )


def run(
    project: Project,
    item: Planned,
    *,
    parallelism: int,
    report: Callable[[events.Event], None],
    stop: Event,
    over: Callable[[], str] = lambda: "",
    approved: str = "",
    writer: Callable[[Step], Connection] | None = None,
    rollback_of: str = "",
    executor: Callable[[Callable[[float], object]], Execute] | None = None,
) -> Applied:
    """Execute one account's plan; every step is on record before its call, at the head what was found.

    Nothing is begun once `stop` is set, which counts as an interruption, or `over` says why the time is over.
    `writer` as in `Executor`; `executor` makes another one, of what pauses between attempts.
    """
    assert item.reached.connection is not None
    run_id = journal.run_id(datetime.now(UTC))
    record = records.kept(project, item.reached, journal.Journal(records.runs_folder(project), run_id))
    header = journal.header_of(item.plan, planfile.plan_json(item.plan))
    header |= {"approval": approved or item.plan.approval, "iamsync_version": __version__}
    header |= {"found": found(item.plan, item.live), **({"rollback_of": rollback_of} if rollback_of else {})}
    # A later run takes an end that was told here for agreed to.
    header |= {"ends": [planfile.expiry_json(end, placed=False) for end in item.desired.expiries]}
    try:
        record.header(header)

        def unlocked() -> bool:
            lost = item.reached.lock is not None and not item.reached.lock.held
            if lost and not stop.is_set():
                stop.set()
                project.options.warn("the team lock was taken away, or not renewed in time: nothing more is started")
            return lost

        # An interrupt also ends the pauses between attempts, so that nobody waits two minutes for it.
        execute: Execute = Executor(item.reached.connection, sleep=stop.wait, writer=writer)
        if executor is not None:
            execute = executor(stop.wait)
        summary = apply(
            item.plan,
            execute,
            parallelism=parallelism,
            report=report,
            record=record,
            stop=lambda: stop.is_set() or unlocked() or over(),
        )
    finally:
        record.close()
    behind = record.behind if isinstance(record, journal.Copied) else ""
    return Applied(item.plan.account_name, item.plan.account_id, run_id, summary, behind)
