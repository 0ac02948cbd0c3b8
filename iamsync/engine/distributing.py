"""A run whose accounts are looked at by workers elsewhere: what is sent, and the document that their answers make.

The documents are those of a run on this machine, byte by byte, and so is what is said of accounts that failed. Every
mistake in options and files is found here, before anything is sent.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from iamsync import __version__, fleet
from iamsync.audit.document import Baseline
from iamsync.cluster import Workers, workers
from iamsync.engine import aiming, auditing, planning, records
from iamsync.engine.git import commit_of
from iamsync.engine.options import utc_now
from iamsync.engine.project import Project
from iamsync.engine.working import error_from, run_json, work
from iamsync.errors import IamsyncError, InputError
from iamsync.fleet import Failure
from iamsync.manifest.config import Account
from iamsync.model import Address, Plan
from iamsync.planner import across, driftfile, planfile

Json = dict[str, Any]


_ONE: Final = "leave one of them out"


@dataclass(frozen=True, slots=True)
class Answers:
    """What the workers made of each account, in the order of the accounts, and the accounts that failed."""

    made: tuple[Json, ...]
    failed: tuple[Failure, ...]
    arranged: across.Arranged = field(default_factory=partial(across.arrange, ()))


@contextmanager
def at(project: Project, address: str, *, code: bool = False) -> Iterator[Workers]:
    """The workers of an address, for accounts that they can go into; InputError where they cannot.

    `code`: the run was given one of an MFA device, which is a credential and is not sent.
    """
    options = project.options
    if code:
        raise InputError(
            "--mfa-token is not sent to the workers of --executor: they use credentials of their own",
            code="bad-option",
            hint=_ONE,
        )
    if options.live is not None:
        raise InputError("--executor asks accounts, and --live reads a file", code="bad-option", hint=_ONE)
    local = [account.name for account in project.accounts() if options.sandbox or account.backend == "sandbox"]
    if local:
        raise InputError(
            f"--executor goes into AWS accounts, and the sandbox of {local[0]} is on this machine",
            code="bad-option",
            hint=f"{_ONE}, or name others with --account",
        )
    with workers(address, options.warn) as held:
        yield held


def plans(project: Project, executor: Workers, *, patterns: Sequence[str], analyze: bool) -> Answers:
    """The plan of each account; `patterns` as for `--fail-on-gain`, `analyze` asks Access Analyzer."""
    return _planned(project, executor, "plan", {}, {}, patterns=list(patterns), analyze=analyze)


def drifts(project: Project, executor: Workers, *, attribute: bool, last: Mapping[str, Any] | None) -> Answers:
    """The drift of each account; `attribute` asks CloudTrail for whatever the last run did not find out."""
    held = {row["account"]["id"]: row for row in last["accounts"]} if attribute and last is not None else {}
    before = {account.name: {"accounts": [held[account.id]]} for account in project.accounts() if account.id in held}
    # Of records a worker has none: what this machine's say goes along.
    left = records.left(project)
    accounts = () if project.options.base else project.accounts()
    recorded = {account.name: [*map(str, sorted(left(account.id)))] for account in accounts if account.id}
    return _planned(project, executor, "drift", before, recorded, attribute=attribute)


def audits(project: Project, executor: Workers, *, accessed: bool, before: Baseline | None) -> Answers:
    """The audit of each account; `accessed` asks which services each principal last used."""
    accounts = project.accounts()
    auditing.looked_over(project, accounts)
    shared = _shared(project, executor, "audit", accessed=accessed)
    tasks = [
        {
            "account": account.name,
            "before": None if before is None else [before.file, _known(before, account)],
        }
        for account in accounts
    ]
    return _answers(project, accounts, _each(executor, shared, tasks))


def plan_document(project: Project, answers: Answers) -> Json:
    """The plan document of these answers."""
    rows = [made["plan"] for made in answers.made]
    created = utc_now()
    return planfile.document_of(
        rows,
        version=__version__,
        created_at=created,
        now=project.now if rows else created,
        failed=[item.json() for item in answers.failed],
        waits=across.rows(_outlines(answers.made), answers.arranged),
    )


def drift_document(project: Project, answers: Answers, fail_on: str | None) -> Json:
    """The drift document of these answers."""
    rows = [made["drift"] for made in answers.made]
    created = utc_now()
    return driftfile.document_of(
        rows,
        version=__version__,
        created_at=created,
        now=project.now if rows else created,
        base=project.options.base,
        fail_on=fail_on,
        failed=[item.json() for item in answers.failed],
    )


def audit_document(project: Project, answers: Answers, fail_on: str | None, before: Baseline | None) -> Json:
    """The audit document of these answers."""
    rows = [made["audit"] for made in answers.made]
    return auditing.document_of(project, rows, "live", fail_on, before, answers.failed)


def _known(before: Baseline, account: Account) -> Mapping[str, Any]:
    """What a baseline says of one account; of all where the account's id is not known yet."""
    if account.id is None:
        return before.known
    return {account.id: before.known[account.id]} if account.id in before.known else {}


def _planned(project: Project, executor: Workers, command: str, before: Json, recorded: Json, **asked: Any) -> Answers:
    accounts = project.accounts()
    planning.looked_over(project, accounts)
    shared = _shared(project, executor, command, **asked)

    def task(account: Account, opened: Sequence[Address] = ()) -> Json:
        return {
            "account": account.name,
            "opened": [*map(str, opened)],
            "before": before.get(account.name),
            "recorded": recorded.get(account.name, []),
        }

    answers = _answers(project, accounts, _each(executor, shared, [task(account) for account in accounts]))
    aiming.told([made["missed"] for made in answers.made], whole=not answers.failed, note=project.options.note)
    lost = {failure.account for failure in answers.failed}
    reached = [account for account in accounts if account.name not in lost]
    order = _order(reached, answers.made)
    # Roles of several accounts that trust each other: one of them begins with a placeholder.
    again = [
        (at, task(account, sorted(order.opened[made["plan"]["account"]["id"]])))
        for at, (account, made) in enumerate(zip(reached, answers.made, strict=True))
        if made["plan"]["account"]["id"] in order.opened
    ]
    if not again:
        return Answers(answers.made, answers.failed, order)
    rows = list(answers.made)
    found = _each(executor, shared, [one for _, one in again])
    for (at, _), answer in zip(again, found, strict=True):
        if isinstance(answer, IamsyncError):
            raise answer
        rows[at] = _told(project, answer)
    return Answers(tuple(rows), answers.failed, _order(reached, rows))


def _order(accounts: Sequence[Account], made: Sequence[Json]) -> across.Arranged:
    waves = [account.wave for account in accounts]
    return planning.in_order(list(zip(waves, _outlines(made), strict=True)))


def _outlines(made: Sequence[Json]) -> list[Plan]:
    return [planfile.outline(one["plan"]) for one in made]


# -- To the workers and back -------------------------------------------------------------------------


def _shared(project: Project, executor: Workers, command: str, **asked: Any) -> Any:
    run = run_json(project, uuid.uuid4().hex, command, **asked)
    if project.options.base is not None:
        # A branch may be elsewhere in another clone.
        run["options"]["base"] = f"git:{commit_of(project.root, project.options.base.removeprefix('git:'))}"
    return executor.share(json.dumps(run))


def _each(executor: Workers, shared: Any, tasks: Sequence[Json]) -> list[Any]:
    return fleet.each([(shared, json.dumps(task)) for task in tasks], work, executor)


def _answers(project: Project, accounts: Sequence[Account], found: Sequence[Any]) -> Answers:
    """What came back, in its order; of several accounts, those that failed beside it. Of one, the error is raised."""
    made: list[Json] = []
    failed: list[Failure] = []
    for account, answer in zip(accounts, found, strict=True):
        try:
            if isinstance(answer, IamsyncError):
                raise answer
            made.append(_told(project, answer))
        except fleet.OWN as error:
            if len(accounts) == 1:
                raise
            failed.append(Failure(account.name, account.id, error))
    return Answers(tuple(made), tuple(failed))


def _told(project: Project, answer: str) -> Json:
    """What a worker made of an account, its notes said here; its error where it came to one."""
    told = json.loads(answer)
    for kind, text in told["said"]:
        (project.options.warn if kind == "warn" else project.options.note)(text)
    if "error" in told:
        raise error_from(told["error"])
    made: Json = told["made"]
    return made
