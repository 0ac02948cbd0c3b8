"""What an earlier run took off a user and left behind when it broke off, as the record of that run tells."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from iamsync.engine import records
from iamsync.engine.project import Project
from iamsync.engine.reach import Reached
from iamsync.journal import Run, runs
from iamsync.kinds.credentials import UNASSIGNED, Credential, in_order
from iamsync.model import Resource, State


def with_leftovers(project: Project, reached: Reached, live: State) -> State:
    """The live state in which a doomed user has back the virtual MFA devices that a run deactivated and did not delete.

    AWS does not tell whose an unassigned device was. JournalError where a record cannot be read.
    """
    doomed = [resource for resource in live if resource.facts.get("unassigned_mfa")]
    if not doomed:
        return live
    known = [run for run in runs(*records.folders(project)) if run.account_id == reached.account_id]
    taken = {pair for run in known for pair in _deactivated(run)}
    changed = {one.address: _with(one, taken) for one in doomed}
    return replace(live, resources={address: changed.get(address, held) for address, held in live.resources.items()})


def _with(user: Resource, taken: set[tuple[str, str]]) -> Resource:
    nobodys = user.facts["unassigned_mfa"]
    its = [serial for serial in nobodys if (user.address.name, serial) in taken]
    credentials = in_order((*user.facts["credentials"], *(Credential("virtual-mfa", one, UNASSIGNED) for one in its)))
    left = tuple(serial for serial in nobodys if serial not in its)
    return replace(user, facts={**user.facts, "credentials": credentials, "unassigned_mfa": left})


def _deactivated(run: Run) -> Iterator[tuple[str, str]]:
    """User and serial number of the devices that a run took off their users, or was about to."""
    for entry in run.entries:
        if entry.get("type") == "step-started" and entry["operation"] == "DeactivateMFADevice":
            yield entry["params"]["UserName"], entry["params"]["SerialNumber"]
