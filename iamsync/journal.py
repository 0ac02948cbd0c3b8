"""The record of each run: lines of JSON, one on disk before each call and one after it.

What `runs` lists, `rollback` starts from and an auditor reads. Recovery after a crash does not need
it: planning again does that.
"""

from __future__ import annotations

import json
import os
import secrets
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from iamsync import strictjson
from iamsync.errors import IamsyncError, InputError, JournalError
from iamsync.events import Event, RunEnded, RunStarted, StepEnded, StepStarted
from iamsync.files import room
from iamsync.model import EMPTY, Plan

FORMAT: Final = "1.0"
SUFFIX: Final = ".jsonl"
EVERY: Final = 15.0  # seconds between two copies of a journal that is kept in a second place: S3 cannot append


def run_id(now: datetime, token: str | None = None) -> str:
    """A name for a run that begins at `now`; names sort by time, `token` tells those of one second apart.

    Without one it begins with the fraction of the second: runs of several accounts follow closely.
    """
    token = token or f"{now.microsecond * 4096 // 1_000_000:03x}{secrets.token_hex(2)[:3]}"
    return f"{now.astimezone(UTC):%Y%m%dT%H%M%SZ}-{token}"


def header_of(plan: Plan, document: Mapping[str, Any]) -> dict[str, Any]:
    """What a run's first line says: whose plan it is, its digests, and the plan itself as its document."""
    return {
        "account_id": plan.account_id,
        "account_name": plan.account_name,
        "partition": plan.partition,
        "caller": plan.caller,
        "approval": plan.approval,
        "desired": plan.desired_digest,
        "read_set": plan.read_set_digest,
        "plan": document,
    }


def _utc() -> datetime:
    return datetime.now(UTC)


class Journal:
    """The record of one run while it is written; takes events, in the order they happen, one or several at once.

    Every line is on disk when the call returns. Raises JournalError where it cannot be, at
    construction already. The file is the owner's alone (mode 0600, directory 0700).
    """

    def __init__(self, directory: Path, run_id: str, *, clock: Callable[[], datetime] = _utc) -> None:
        self.path = directory / f"{run_id}{SUFFIX}"
        self.run_id = run_id
        self._clock = clock
        self._failed: OSError | None = None
        try:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND
            self._file = os.open(self.path, flags, 0o600)
            _sync_directory(directory)
        except OSError as error:
            raise self._unwritable(error) from error

    def header(self, document: Mapping[str, Any]) -> None:
        """Write the first line: what the run is about (`header_of`)."""
        self._lines([{"type": "run", "format_version": FORMAT, "run": self.run_id, **document}])

    def __call__(self, *happened: Event) -> None:
        """Write events, each as a line."""
        self._lines([_event(event) for event in happened])

    def close(self) -> None:
        """Close the file; nothing can be written any more."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _lines(self, values: Iterable[Mapping[str, Any]]) -> None:
        if self._failed is not None:
            raise self._unwritable(self._failed)  # behind half a line nothing could be read
        at = f"{self._clock().astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
        lines = (
            json.dumps({**value, "at": at}, separators=(",", ":"), ensure_ascii=False, default=_plain)
            for value in values
        )
        rest = memoryview("".join(f"{line}\n" for line in lines).encode())
        try:
            while rest:
                rest = rest[os.write(self._file, rest) :]
            os.fsync(self._file)
        except OSError as error:
            self._failed = error
            raise self._unwritable(error) from error

    def _unwritable(self, error: OSError) -> JournalError:
        return JournalError(
            f"the journal {self.path} cannot be written: {error.strerror or error}",
            code="journal-unwritable",
            hint=f"nothing is called without a record; {room(error, 'mend the directory, and who may write there')}",
        )


class Copied:
    """A journal that is kept in a second place too, whole: before the first call, every so often, and at its end.

    `put` replaces what is there with a text. Where it fails before the first call, nothing is done without it:
    JournalError; later the record on disk goes on alone, and `behind` says why. `clock` counts seconds.
    """

    def __init__(
        self, record: Journal, put: Callable[[bytes], None], where: str, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.record, self.where = record, where
        self.behind = ""
        self._put, self._clock = put, clock
        self._last = clock()

    def header(self, document: Mapping[str, Any]) -> None:
        """Write the first line, in both places."""
        self.record.header(document)
        self._copy()
        if self.behind:
            raise JournalError(
                f"the journal {self.where} cannot be written: {self.behind}",
                code="journal-unwritable",
                hint="nothing is called without a record; mend the access to it, or take `journal:` out",
            )

    def __call__(self, *happened: Event) -> None:
        """Write events; they are on disk when this returns, and in the second place within some seconds."""
        self.record(*happened)
        if self._clock() - self._last >= EVERY:
            self._copy()

    def close(self) -> None:
        """Bring the second place up to date, and close the file."""
        self.record.close()
        self._copy()

    def _copy(self) -> None:
        self._last = self._clock()
        try:
            self._put(self.record.path.read_bytes())
        except (IamsyncError, OSError) as error:
            self.behind = str(error)
        else:
            self.behind = ""


def _plain(value: Any) -> Any:
    """Frozen mappings and sets as JSON; TypeError for anything else that is no JSON."""
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, (set, frozenset)):
        return sorted(value)
    raise TypeError(f"{type(value).__name__} has no place in a journal")


def _sync_directory(directory: Path) -> None:
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _event(event: Event) -> dict[str, Any]:
    match event:
        case RunStarted(account_id, total):
            return {"type": "run-started", "account_id": account_id, "total": total}
        case StepStarted(step):
            address = str(step.address) if step.address else None
            call = {"operation": step.operation, "params": step.params}
            return {"type": "step-started", "step": step.id, "address": address, **call}
        case StepEnded(step, outcome, request_id, reason, attempts):
            told = {"request_id": request_id, "reason": reason, "attempts": attempts}
            return {"type": "step-ended", "step": step.id, "outcome": outcome, **told}
        case RunEnded(done, failed, skipped, interrupted):
            figures = {"done": done, "failed": failed, "skipped": skipped}
            return {"type": "run-ended", **figures, "interrupted": interrupted}


@dataclass(frozen=True, slots=True)
class Run:
    """A recorded run.

    `outcomes` tells each step that was begun by its id: an Outcome, or "started" where the record
    ends before its answer (it may have been done). `ended` is the last line of a run that came to
    its end, else None; `torn` says that the last line was cut off while it was written.
    """

    id: str
    path: Path
    header: Mapping[str, Any] = field(default_factory=lambda: EMPTY, repr=False)
    entries: tuple[Mapping[str, Any], ...] = field(default=(), repr=False)
    outcomes: Mapping[str, str] = field(default_factory=lambda: EMPTY, repr=False)
    ended: Mapping[str, Any] | None = None
    torn: bool = False

    @property
    def account_id(self) -> str:
        return str(self.header.get("account_id", ""))

    @property
    def approval(self) -> str:
        return str(self.header.get("approval", ""))

    @property
    def started_at(self) -> str:
        return str(self.header.get("at", ""))

    @property
    def complete(self) -> bool:
        """Whether every step was executed."""
        ended = self.ended
        return ended is not None and not (ended["failed"] or ended["skipped"] or ended["interrupted"])


def runs(*directories: Path) -> tuple[Run, ...]:
    """All recorded runs, oldest first; none where there is no such directory."""
    return tuple(_load(path) for path in _files(*directories))


def latest(most: int, *directories: Path) -> Iterator[Run]:
    """The last so many recorded runs, newest first; a record that cannot be read is passed over."""
    for path in reversed(_files(*directories)[-most:]):
        with suppress(JournalError):
            yield _load(path)


def read_run(directory: Path, which: str = "latest", *more: Path) -> Run:
    """The run of this id, of the one id that begins so, or the latest; InputError where that is none or several."""
    files = _files(directory, *more)
    if which == "latest":
        chosen = files[-1:]
    else:
        exact = [path for path in files if path.stem == which]
        chosen = exact or [path for path in files if path.stem.startswith(which)]
    if len(chosen) == 1 and which:
        return _load(chosen[0])
    if not files:
        raise InputError(f"no run is recorded in {directory}", code="unknown-run", hint="apply records one")
    if chosen and which:
        names = ", ".join(path.stem for path in chosen)
        raise InputError(f"several runs begin with {which!r}: {names}", code="unknown-run", hint="write more of the id")
    raise InputError(
        f"no run {which!r} is recorded in {directory}",
        code="unknown-run",
        hint=f"the latest is {files[-1].stem}; list them all with: iamsync runs list",
    )


def _files(*directories: Path) -> list[Path]:
    """The files of all runs by their ids; of a run that several directories hold, the one that tells most."""
    found: dict[str, Path] = {}
    for path in (path for directory in directories for path in sorted(directory.glob(f"*{SUFFIX}"))):
        known = found.get(path.stem)
        if known is None or path.stat().st_size > known.stat().st_size:
            found[path.stem] = path
    return [found[name] for name in sorted(found)]


def _load(path: Path) -> Run:
    try:
        text = path.read_text("utf-8", errors="replace")
    except OSError as error:
        raise _unreadable(path, error.strerror or str(error)) from error
    lines = text.removesuffix("\n").split("\n") if text else []
    entries: list[Mapping[str, Any]] = []
    torn = False
    for number, line in enumerate(lines, start=1):
        try:
            value = strictjson.loads(line)
        except ValueError as error:
            if number < len(lines):
                raise _unreadable(path, f"line {number} is no JSON") from error
            torn = True
            break
        if not isinstance(value, dict) or not _whole(value):
            raise _unreadable(path, f"line {number} is no record")
        entries.append(value)
    header = entries[0] if entries and entries[0].get("type") == "run" else EMPTY
    version = str(header.get("format_version", FORMAT))
    if version.partition(".")[0] != FORMAT.partition(".")[0]:
        raise _unreadable(path, f"its format {version} is newer than this iamsync")
    outcomes: dict[str, str] = {}
    ended = None
    for entry in entries:
        if entry.get("type") == "step-started":
            outcomes[entry["step"]] = "started"
        elif entry.get("type") == "step-ended":
            outcomes[entry["step"]] = entry["outcome"]
        elif entry.get("type") == "run-ended":
            ended = entry
    return Run(path.stem, path, header, tuple(entries), MappingProxyType(outcomes), ended, torn)


def _whole(entry: Mapping[str, Any]) -> bool:
    """Whether a line has what is read of it, each of its type."""
    match entry.get("type"):
        case "run":
            return isinstance(entry.get("ends", []), list) and isinstance(entry.get("plan", {}), dict)
        case "step-started":
            return isinstance(entry.get("step"), str)
        case "step-ended":
            return isinstance(entry.get("step"), str) and isinstance(entry.get("outcome"), str)
        case "run-ended":
            counts = all(isinstance(entry.get(name), int) for name in ("done", "failed", "skipped"))
            return counts and isinstance(entry.get("interrupted"), bool)
    return True


def _unreadable(path: Path, why: str) -> JournalError:
    hint = "move the file away to go on without it"
    return JournalError(f"the journal {path} cannot be read: {why}", code="journal-unreadable", hint=hint)
