"""Past runs, as rows and in full, from the journals of a project."""

from __future__ import annotations

from typing import Any

from iamsync import journal
from iamsync.engine.project import Project
from iamsync.engine.records import folders
from iamsync.errors import JournalError
from iamsync.journal import Run


def rows(project: Project) -> list[dict[str, Any]]:
    """One row a run, oldest first."""
    return [_row(run) for run in journal.runs(*folders(project))]


def read(project: Project, which: str) -> Run:
    """The run of this id, of the one id that begins so, or the latest; InputError where it is unknown."""
    here, *there = folders(
        project, lambda ids: [name for name in ids if name.startswith(which)] if which != "latest" else ids[-1:]
    )
    return journal.read_run(here, which, *there)


def show(project: Project, which: str) -> dict[str, Any]:
    """One run with its steps and how each ended, and what it found; InputError where it is unknown."""
    run = read(project, which)
    ended = {entry["step"]: entry for entry in run.entries if entry.get("type") == "step-ended"}
    # What a bucket holds of a run that was killed may lack its last seconds.
    without = "not begun" if run.ended is not None else "not on record"
    steps = []
    for step in _steps(run):
        entry = ended.get(step["id"], {})
        steps.append(
            {
                "step": step["id"],
                "address": step.get("address"),
                "operation": step["operation"],
                "params": step["params"],
                "outcome": run.outcomes.get(step["id"], without),
                "reason": entry.get("reason") or None,
                "request_id": entry.get("request_id") or None,
            }
        )
    return {**_row(run), "steps": steps, "found": run.header.get("found")}


def _steps(run: Run) -> list[dict[str, Any]]:
    """The steps of the plan on record; JournalError where they are not as they are recorded."""
    held = run.header.get("plan", {}).get("steps", [])
    steps: list[Any] = held if isinstance(held, list) else [held]
    for step in steps:
        texts = isinstance(step, dict) and all(isinstance(step.get(name), str) for name in ("id", "operation"))
        if not texts or not isinstance(step.get("params"), dict):
            raise JournalError(
                f"the journal {run.path} cannot be read: its plan is damaged",
                code="journal-unreadable",
                hint="move the file away to go on without it",
            )
    return steps


def _row(run: Run) -> dict[str, Any]:
    if run.ended is None:
        state = "did not end"
    elif run.complete:
        state = "complete"
    else:
        state = "interrupted" if run.ended["interrupted"] else "in part"
    counts = {name: int(run.ended[name]) if run.ended else 0 for name in ("done", "failed", "skipped")}
    if run.ended is None:
        counts["done"] = sum(outcome in ("done", "already") for outcome in run.outcomes.values())
    return {
        "run": run.id,
        "started": run.started_at,
        "account": run.header.get("account_name"),
        "account_id": run.account_id,
        "outcome": state,
        "steps": f"{counts['done']} done, {counts['failed']} failed, {counts['skipped']} skipped",
        "caller": run.header.get("caller"),
        "approval": run.approval,
        "rollback_of": run.header.get("rollback_of"),
    }
