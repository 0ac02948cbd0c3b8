"""The team lock of a project: taken by whoever writes to an account, shown, and released by a person."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Mapping
from typing import Any, Final

from iamsync.aws.lock import Holder, Lock, held, look, release, take
from iamsync.aws.objects import Objects
from iamsync.buckets import Bucket
from iamsync.engine.project import Project
from iamsync.engine.reach import Ways
from iamsync.errors import InputError, LockHeld
from iamsync.manifest.config import Account

# Where CI systems say which job this is; the first that is set is told to whoever meets the lock.
_JOBS: Final = ("IAMSYNC_JOB", "CI_JOB_URL", "BUILD_URL", "CIRCLE_BUILD_URL", "BUILDKITE_BUILD_URL")


def job(environment: Mapping[str, str]) -> str:
    """The URL or name of the CI job that this is; empty where none is told."""
    for name in _JOBS:
        if told := environment.get(name, "").strip():
            return told[:300]
    if all(environment.get(name) for name in ("GITHUB_SERVER_URL", "GITHUB_REPOSITORY", "GITHUB_RUN_ID")):
        server, repository = environment["GITHUB_SERVER_URL"], environment["GITHUB_REPOSITORY"]
        return f"{server}/{repository}/actions/runs/{environment['GITHUB_RUN_ID']}"
    return ""


def taken(
    objects: Objects, account_id: str, caller: str, *, command: str, timeout: float, note: Callable[[str], None]
) -> Lock:
    """The lock of an account, taken for this run; LockHeld with the holder's name where that is not to be had."""
    return take(
        *(objects, account_id),
        caller=caller,
        token=secrets.token_hex(8),
        command=command,
        job=job(os.environ),
        timeout=timeout,
        note=note,
    )


def status(project: Project, ways: Ways) -> list[dict[str, Any]]:
    """A row for each account of this run: who holds its lock, since when, and whether the lease ran out."""
    return [
        _row(account.name, account_id, look(objects, account_id))
        for account, account_id, objects in _each(project, ways)
    ]


def released(project: Project, ways: Ways, *, force: bool) -> list[dict[str, Any]]:
    """The rows of the locks that were released; LockHeld where one is held by a run that is alive, unless forced."""
    rows = []
    for account, account_id, objects in _each(project, ways, writes=True):
        holder = look(objects, account_id)
        if holder is None:
            continue
        if not holder.expired and not force:
            error = held(account_id, holder)
            error.hint = "its run seems to be alive; `iamsync lock release --force` stops it before its next call"
            raise error
        if not release(objects, account_id, holder):
            raise LockHeld(
                f"the lock of account {account_id} changed hands while it was released",
                code="locked",
                hint="look again: iamsync lock status",
            )
        rows.append(_row(account.name, account_id, holder))
    return rows


def _each(project: Project, ways: Ways, *, writes: bool = False) -> list[tuple[Account, str, Objects]]:
    bucket = _configured(project)
    found = []
    for account in project.accounts(writes=writes):
        if not ways.sandboxed(account):
            account_id = account.id or ways.reach(account).account_id
            found.append((account, account_id, ways.objects(bucket, account)))
    if not found:
        raise InputError("the sandbox has no team lock", code="no-lock", hint="leave --sandbox out")
    return found


def _configured(project: Project) -> Bucket:
    if project.config.lock is None:
        raise InputError(
            "this project has no team lock", code="no-lock", hint="write lock: s3://BUCKET/PREFIX/ into iamsync.yaml"
        )
    return project.config.lock


def _row(name: str, account_id: str, holder: Holder | None) -> dict[str, Any]:
    state = "free" if holder is None else "lease ran out" if holder.expired else "held"
    told: dict[str, Any] = {"account": name, "account_id": account_id, "state": state}
    for key in ("caller", "command", "job", "since", "renewed", "idle", "lease"):
        told[key] = getattr(holder, key) if holder is not None else None
    return told
