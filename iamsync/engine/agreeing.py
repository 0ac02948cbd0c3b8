"""Which ends were agreed to before they came: by an older revision, a recorded run, or the account itself."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

from iamsync.engine import git, records
from iamsync.engine.project import Project
from iamsync.engine.reach import Reached
from iamsync.engine.revisions import revision
from iamsync.errors import InputError, InputErrors, JournalError
from iamsync.journal import runs
from iamsync.manifest.config import Account
from iamsync.model import Expiry, State
from iamsync.planner.expiry import belated, enforced, outstanding
from iamsync.planner.planfile import expiry_json


def dated(project: Project, reached: Reached, desired: State, live: State, base: State | None) -> State:
    """The desired state that knows which of its past ends are late: what still lives is looked at, nothing else.

    The cheap witnesses are asked first. What cannot be read, a damaged record or a revision of another time with
    mistakes in it, is no witness.
    """
    open_ends = {end for end in outstanding(desired.lapsed, live) if not enforced(end, live)}
    if base is not None:
        open_ends -= {*base.expiries, *base.lapsed}
    for witness in (_recorded, _committed):
        if open_ends:
            open_ends -= set(witness(project, reached, open_ends))
    return belated(desired, open_ends)


def desired_at(base: Project, account: Account, reached: Reached) -> State | None:
    """What the project of another time declares of an account; None where it has no such account."""
    for then in base.config.accounts:
        if then.name == account.name:
            return base.desired(then, reached.account_id, reached.partition)
    return None


def _recorded(project: Project, reached: Reached, ends: set[Expiry]) -> Iterator[Expiry]:
    """The ends that a recorded run of this account knew while they were still to come."""
    with suppress(JournalError):
        known = [run for run in runs(*records.folders(project)) if run.account_id == reached.account_id]
        told = [held for run in known for held in run.header.get("ends", ())]
        yield from (end for end in ends if expiry_json(end, placed=False) in told)


def _committed(project: Project, reached: Reached, ends: set[Expiry]) -> Iterator[Expiry]:
    """The ends that the project's history had before they came."""
    for moment in sorted({end.at for end in ends}):
        found = git.last_before(project.root, moment)
        if found is None:
            continue
        with suppress(InputError, InputErrors), revision(project, f"git:{found}") as then:
            held = desired_at(then, reached.account, reached)
            known = {*held.expiries, *held.lapsed} if held is not None else set()
            yield from (end for end in ends if end.at == moment and end in known)
