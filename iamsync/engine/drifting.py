"""Drift of each account: its plan from reality's side, since when, and who did it."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Sequence
from pathlib import Path
from typing import Any

from iamsync import __version__
from iamsync.engine.attributing import attributions
from iamsync.engine.choosing import unknown
from iamsync.engine.options import Options, utc_now
from iamsync.engine.planning import Planned
from iamsync.engine.shapes import shaped
from iamsync.engine.textfile import read_text
from iamsync.errors import InputError, Place
from iamsync.fleet import Failure
from iamsync.model import Address
from iamsync.planner import driftfile
from iamsync.planner.alone import Ends
from iamsync.planner.drift import aws_drift, drift
from iamsync.planner.permissions import Permissions
from iamsync.planner.planfile import to_text
from iamsync.planner.projected import made
from iamsync.planner.severity import GRADES
from iamsync.strictjson import loads

__all__ = ["document", "failing", "known_floor", "last", "remembered", "seen", "since", "to_text"]

failing = driftfile.failing
since = driftfile.since


def known_floor(text: str | None) -> str | None:
    """A severity; InputError for a word that is none."""
    if text is not None and text not in GRADES:
        raise unknown(f"{text!r} is no severity", text, GRADES)
    return text


def seen(
    planned: Iterable[Planned],
    recorded: Callable[[str], Collection[Address]],
    *,
    attribute: bool = False,
    before: dict[str, Any] | None = None,
) -> tuple[driftfile.Seen, ...]:
    """The drift of every account of this run, by its plans.

    `recorded` tells what the runs on record left in an account (`records.left`), and is asked where it matters.
    With `attribute` CloudTrail is asked who did it, but for what the last run (`before`) found out.
    """
    return tuple(_seen(item, recorded, attribute, before) for item in planned)


def _seen(
    item: Planned, recorded: Callable[[str], Collection[Address]], attribute: bool, before: dict[str, Any] | None
) -> driftfile.Seen:
    missing = item.base is None and item.plan.count("create") > 0
    known = recorded(item.plan.account_id) if missing else ()
    found, by_aws = drift(item.plan, item.base, _ends(item), known), aws_drift(item.plan)
    if not attribute:
        return driftfile.Seen(item.plan, found, by_aws)
    held = driftfile.attributed(item.plan.account_id, found, before)
    return driftfile.Seen(item.plan, found, by_aws, attributions(item, found, held))


def _ends(item: Planned) -> Ends | None:
    """What the plan leads from and to, where it moves anybody's permissions."""
    if not any(change.affected for change in item.plan.changes):
        return None
    live = item.compared.settled.live
    chosen = {change.address for change in item.plan.changes}
    declared = made(live, [one for one in item.compared.differences if one.address in chosen])
    known, organization = item.live.aws_policies, item.reached.account.organization
    return Ends(
        Permissions(live, known, organization=organization), Permissions(declared, known, organization=organization)
    )


def document(
    found: tuple[driftfile.Seen, ...],
    options: Options,
    fail_on: str | None = None,
    failed: Sequence[Failure] = (),
) -> dict[str, Any]:
    """The drift document."""
    return driftfile.document(
        found,
        version=__version__,
        created_at=utc_now(),
        base=options.base,
        fail_on=fail_on,
        failed=[item.json() for item in failed],
    )


def last(file: Path, options: Options) -> dict[str, Any] | None:
    """What the last run found, by the file it left; None where there is none yet."""
    if options.target or options.paths:
        raise InputError(
            "--since-last compares whole accounts",
            code="bad-option",
            hint="leave out --target and paths: what they leave out would pass for gone",
        )
    if file.exists() and not file.is_file():
        # A pipe would be waited for, a device replaced.
        raise InputError("this is no file", code="unreadable", place=Place(str(file)), hint="name a file")
    if not os.path.lexists(file):
        return None
    text = read_text(file, "the drift of an earlier run")
    hint = "delete it: the next run writes a new one"
    try:
        made = driftfile.last_run(text, str(file))
    except InputError as wrong:
        if isinstance(wrong.__cause__, (KeyError, TypeError)):
            shaped(loads(text), text, str(file), "drift", code="bad-drift-file", hint=hint)  # knows the place
        raise
    shaped(made, text, str(file), "drift", code="bad-drift-file", hint=hint)
    return made


def remembered(made: dict[str, Any], before: dict[str, Any] | None) -> str:
    """What this run leaves for the next one to be compared with."""
    return to_text(driftfile.kept(made, before))
