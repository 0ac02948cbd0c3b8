"""Adopt: what a live account has otherwise than the manifests declare, written into the manifests (`rewriting`)."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any

from iamsync.engine import aiming
from iamsync.engine.agreeing import desired_at
from iamsync.engine.narrowing import selection
from iamsync.engine.options import utc_now
from iamsync.engine.owning import with_owners
from iamsync.engine.planning import observe
from iamsync.engine.project import NO_ACCOUNT, Project
from iamsync.engine.reach import Ways
from iamsync.engine.revisions import revision
from iamsync.engine.rewriting import Adoption, Side, adopted, side, untouched
from iamsync.manifest.config import Account
from iamsync.model import Address
from iamsync.planner.adoption import Wish, wishes
from iamsync.planner.contrast import contrast


def adoption(project: Project, ways: Ways, *, deleted: bool = False) -> Adoption:
    """What the chosen accounts have otherwise, as changes of the manifests; nothing is written.

    `deleted` takes out the declarations of what does not exist. Raises InputError where the manifests are wrong.
    """
    chosen = project.accounts()
    now = project.options.now or utc_now()
    project.narrowed()
    project.narrowing_paths()
    for account in chosen:
        project.desired(account, account.id or NO_ACCOUNT, account.partition or "aws")
    sides: list[Side] = []
    absent: list[tuple[str, Address]] = []
    missed: list[Mapping[str, str]] = []
    with ExitStack() as stack:
        base = None
        if project.options.base is not None:
            base = stack.enter_context(revision(project, project.options.base))
        for account in chosen:
            one, missing, lost = _compared(project, ways, account, base, now, deleted)
            sides.append(one)
            missed.append(lost)
            absent += [(account.name, address) for address in missing]
    aiming.told(missed, whole=True, note=project.options.note)
    return adopted(project, [*sides, *untouched(project, sides)], tuple(absent))


def _compared(
    project: Project, ways: Ways, account: Account, base: Project | None, now: str, deleted: bool
) -> tuple[Side, list[Address], Mapping[str, str]]:
    reached = ways.reach(account)
    settings = project.settings(reached.account)
    desired = project.desired(account, reached.account_id, reached.partition)
    before = desired_at(base, account, reached) if base is not None else None
    live = with_owners(project, reached, desired, observe(reached, desired, settings, before), settings)
    found = contrast(desired, live, settings, before, now)
    narrowed = selection(project.narrowed(), project.narrowing_paths(), desired)
    differences = [held for held in found.differences if narrowed is None or narrowed(held)]
    wanted, missing = wishes(differences, desired, live, only_drift=base is not None)
    named = {text for text in project.options.target if "*" not in text}
    gone = [address for address in missing if deleted or str(address) in named]
    wanted += [Wish(address, None, None, None) for address in gone]
    left = [address for address in missing if address not in gone]
    return side(project, account, desired, wanted), left, aiming.missed(project, desired, live)


def document(found: Adoption) -> dict[str, Any]:
    """An adoption as JSON, for whoever shows it."""
    return {
        "accounts": [{"name": name, "id": account_id} for name, account_id in found.accounts],
        "taken": [
            {
                "account": item.account,
                "address": str(item.address),
                "field": item.field,
                "before": item.before,
                "after": item.after,
                "added": list(item.added),
                "removed": list(item.removed),
                "place": f"{item.place.file}:{item.place.line}",
                "note": item.note,
            }
            for item in found.taken
        ],
        "refused": [
            {
                "account": item.account,
                "address": str(item.address),
                "field": item.field,
                "message": item.error.message,
                "place": str(item.error.place or ""),
                "hint": item.error.hint,
            }
            for item in found.refused
        ],
        "absent": [{"account": account, "address": str(address)} for account, address in found.absent],
    }
