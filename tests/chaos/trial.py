"""One trial: a scene, a fault at a rate, a seed; the same command again and again until nothing is left to do."""

from __future__ import annotations

import errno
import os
import random
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

from iamsync import journal
from iamsync.apply import apply
from iamsync.aws.execute import Executor
from iamsync.aws.read import confirm, read
from iamsync.aws.retrying import ONCE
from iamsync.aws.session import Access, Connection, Sessions, connect
from iamsync.errors import IamsyncError
from iamsync.events import RunEnded
from iamsync.kinds import KINDS
from iamsync.kinds.operations import CREATIONS
from iamsync.model import State
from iamsync.planner.confirming import questions
from iamsync.planner.plan import plan
from iamsync.planner.scope import looked_at
from iamsync.sandbox import Server
from tests.chaos.clock import Clock, Remembering, ruling
from tests.chaos.faults import Chaos, Faulty
from tests.chaos.meddling import meddling
from tests.chaos.scenes import OPTIONS, SCENES, Goal, Scene, goal, marks, ours, server_of, told, untouched, versions
from tests.chaos.wires import App, Endpoint, embedded, sandbox
from tests.world import ACCOUNT, NOW

OTHERWISE: Final = ("writer", "stale", "all")  # where what was read need not be how it is, or stay so
RUNS: Final = 20  # how often a command may be run until it must have got there
SENT: Final = {"AWS_ACCESS_KEY_ID": ACCOUNT, "AWS_SECRET_ACCESS_KEY": "sandbox", "AWS_CONFIG_FILE": os.devnull,
               "AWS_SHARED_CREDENTIALS_FILE": os.devnull, "AWS_EC2_METADATA_DISABLED": "true"}  # fmt: skip
# What makes another thing, or takes one away for good, each time it is carried out.
# (DeleteOpenIDConnectProvider succeeds where there is none, CreateAccountAlias where the alias is the account's own.)
ONLY_ONCE: Final = frozenset({*CREATIONS, *ONCE, *(f"Delete{kind.noun}" for kind in KINDS.values())}) - {
    "DeleteOpenIDConnectProvider",
    "CreateAccountAlias",
}
_SESSIONS: Final = Sessions()


@dataclass
class Trial:
    """How a trial went: `runs` commands, `wrong` is empty where everything held."""

    fault: str
    rate: float
    seed: int
    scene: str
    transport: str = "embedded"
    parallelism: int = 1
    runs: int = 0
    calls: int = 0
    struck: int = 0
    seconds: float = 0.0
    endings: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    log: list[str] = field(default_factory=list)

    @property
    def again(self) -> str:
        """The one command that repeats this trial, and prints what happened in it."""
        more = f" --transport {self.transport} --parallelism {self.parallelism}" if self.transport != "embedded" else (
            f" --parallelism {self.parallelism}" if self.parallelism != 1 else "")  # fmt: skip
        where = f"--fault {self.fault} --rate {self.rate:g} --seed {self.seed} --scene {self.scene}"
        return f".venv/bin/python -m tests.chaos.run {where}{more}"

    def __str__(self) -> str:
        lines = [*self.log, *(f"run {n}: {text}" for n, text in enumerate(self.endings, start=1)), *self.wrong]
        return "\n".join([*lines, f"again: {self.again}"])


def tried(
    fault: str,
    rate: float,
    seed: int,
    scene: str,
    *,
    endpoint: Endpoint | None = None,
    parallelism: int = 1,
) -> Trial:
    """Make a trial; with an endpoint over HTTP, with several calls at once where `parallelism` says so."""
    made = Trial(fault, rate, seed, scene, "http" if endpoint else "embedded", parallelism)
    _Trying(made, SCENES[scene], goal(scene), endpoint).go()
    return made


@dataclass
class _Trying:
    trial: Trial
    scene: Scene
    goal: Goal
    endpoint: Endpoint | None
    server: Server = field(init=False)
    chaos: Chaos = field(init=False)
    clock: Clock = field(init=False)
    folder: Path = field(init=False)
    left: State = field(init=False)
    all_done: bool = False

    def go(self) -> None:
        trial = self.trial
        self.server = server_of(self.scene)
        before = marks(self.server)
        self.clock = _CLOCK
        self.chaos = Chaos(trial.fault, trial.rate, trial.seed, self.clock, meddle=meddling(self.server))
        begun = self.clock.now = 1000.0
        with tempfile.TemporaryDirectory() as folder, ruled(), environment(SENT):
            self.folder = Path(folder)
            done = False
            while not done and trial.runs < RUNS:
                done = self.run()
                self.clock.sleep(1.0)
        if not done:
            trial.wrong.append(f"not there after {trial.runs} runs")
        if trial.fault not in OTHERWISE:
            twice = Counter(filter(ONLY_ONCE.__contains__, self.chaos.writes))
            twice -= Counter(filter(ONLY_ONCE.__contains__, self.goal.writes))
            trial.wrong += [
                f"{operation} was carried out {number} times more than once" for operation, number in twice.items()
            ]
        left = self.left if done else told(self.server)
        if marks(self.server) != before or not untouched(left):
            trial.wrong.append("somebody else's resources were touched")
        trial.calls, trial.struck = self.chaos.calls, self.chaos.struck.total()
        trial.seconds, trial.log = self.clock.now - begun, self.chaos.log

    def run(self) -> bool:
        """The command once, as a process of its own would run it; whether it found nothing to do, and rightly."""
        trial, chaos = self.trial, self.chaos
        trial.runs += 1
        chaos.expired = False
        # Whoever changes the account at the same time does so for a while, and the last run has it for itself.
        chaos.quiet = trial.fault == "writer" and trial.runs > 3
        chaos.log.append(f"-- run {trial.runs}")
        try:
            connection = self.connected()
            random.seed(f"{trial.seed} {trial.runs}")  # botocore's own jitter
            live = read(
                connection,
                kinds=looked_at((self.scene.after,), OPTIONS.scope),
                parallel=self.threads > 1,
                sleep=self.clock.sleep,
            )
            live = confirm(connection, live, questions(self.scene.after, live, OPTIONS), workers=self.threads)
            made = plan(self.scene.after, replace(live, unread=frozenset()), OPTIONS, account_name="test",
                        caller=connection.caller, now=NOW, access=False)  # fmt: skip
            if made.refusals:
                trial.endings.append(f"refused: {made.refusals[0].id}")
                return False
            if not made.changes:
                trial.endings.append("nothing to do")
                return self.there()
            if self.all_done and trial.fault not in OTHERWISE:
                trial.wrong.append(f"a run said that all was done, and it was not: {made.changes[0].address}")
            ended = self.applied(connection, made)
        except IamsyncError as error:
            trial.endings.append(f"{type(error).__name__} {error.code}: {error}")
            return False
        trial.endings.append(f"{ended.done} done, {ended.failed} failed, {ended.skipped} skipped")
        if ended.done + ended.failed + ended.skipped != len(made.steps):
            trial.wrong.append("the account of the run does not add up")
        self.all_done = not (ended.failed or ended.skipped)
        return False

    @property
    def threads(self) -> int:
        return 8 if self.trial.parallelism > 1 else 1

    def connected(self) -> Connection:
        app = Faulty(sandbox(self.server), self.chaos)
        if self.endpoint is None:
            return embedded_connection(app, sandbox(self.server))
        self.endpoint.app = app
        return connect(Access(account_id=ACCOUNT, endpoint_url=self.endpoint.url), sessions=_SESSIONS)

    def applied(self, connection: Connection, made: Any) -> RunEnded:
        """Apply on record; every write that reaches AWS must have been on the disk before."""
        trial, chaos, before = self.trial, self.chaos, len(self.chaos.writes)
        with disk(chaos if trial.fault == "disk" else None):
            record = journal.Journal(self.folder, f"20261124T0000{trial.runs:02}Z-0000000")
            with record:
                record.header(journal.header_of(made, {}))
                execute = Executor(connection, sleep=self.clock.sleep, jitter=lambda: 0.5)
                chaos.around = lambda phase, operation: self.on_record(record, phase, operation)
                try:
                    return apply(made, execute, parallelism=trial.parallelism, report=lambda event: None, record=record)
                finally:
                    chaos.around = lambda phase, operation: None
                    self.recorded(record, chaos.writes[before:])

    def on_record(self, record: journal.Journal, phase: str, operation: str) -> None:
        """A call that is about to be carried out is one of a step that the journal has as begun."""
        if phase != "before" or operation == "SetDefaultPolicyVersion":
            return
        held = journal.read_run(self.folder, record.run_id)
        begun = (entry for entry in held.entries if entry["type"] == "step-started")
        if not any(entry["operation"] == operation and held.outcomes[entry["step"]] == "started" for entry in begun):
            self.trial.wrong.append(f"{operation} was called before it was on record")

    def recorded(self, record: journal.Journal, written: list[str]) -> None:
        """What the journal tells can be read, and knows of each of these calls, which were carried out."""
        held = journal.read_run(self.folder, record.run_id)
        started = {entry["operation"] for entry in held.entries if entry["type"] == "step-started"}
        if unknown := set(written) - started - {"SetDefaultPolicyVersion"}:
            self.trial.wrong.append(f"{unknown} was called and is not on record")

    def there(self) -> bool:
        """Whether the account is what it is to be: nothing lost, nothing twice, nothing left over."""
        trial = self.trial
        left = self.left = told(self.server)
        if ours(left, self.scene) != self.goal.state:
            if trial.fault not in OTHERWISE:
                trial.wrong.append("nothing is left to do, and the account is not as wanted")
            return False
        if trial.fault != "writer":
            for name, number in versions(left).items():
                if number > self.goal.versions[name]:
                    trial.wrong.append(f"policy/{name} has {number} versions, not {self.goal.versions[name]}")
        return True


_CLOCK: Final = Clock()
_EMBEDDED: list[Any] = []


@contextmanager
def ruled() -> Iterator[None]:
    """botocore by the one clock of all trials, and forgetful: clients are made once, each run finds them as new."""
    with ruling(_CLOCK) as memory:
        if _EMBEDDED:
            memory.held[:] = _EMBEDDED[2].held
        _MEMORY[:] = [memory]
        yield


_MEMORY: list[Remembering] = []


def embedded_connection(app: App, undisturbed: App) -> Connection:
    """The connection of a new process to this application: making clients takes longer than all that they do."""
    if not _EMBEDDED:
        _EMBEDDED[:] = [None, undisturbed, _MEMORY[0]]
        _EMBEDDED[0] = connect(
            Access(account_id=ACCOUNT), transport=lambda *request: embedded(_EMBEDDED[1])(*request), sessions=_SESSIONS
        )
    _EMBEDDED[1] = app
    _EMBEDDED[2].forget()
    connection: Connection = _EMBEDDED[0]
    return connection


@contextmanager
def disk(chaos: Chaos | None) -> Iterator[None]:
    """The journal's disk; with chaos it is full now and then, and takes half of a line or nothing."""
    if chaos is None:
        yield
        return
    lines = 0

    def write(file: int, data: Any) -> int:
        nonlocal lines
        lines += 1
        if chaos.happens("line", chaos.calls, lines):
            chaos.note("disk", "write")
            if chaos.number("half", chaos.calls) % 2:
                os.write(file, bytes(data)[: len(data) // 2])
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return os.write(file, data)

    real = journal.os
    journal.os = SimpleNamespace(**{**vars(real), "write": write})  # type: ignore[assignment]
    try:
        yield
    finally:
        journal.os = real


@contextmanager
def environment(more: Mapping[str, str]) -> Iterator[None]:
    """These variables until the block ends."""
    before = {name: os.environ.get(name) for name in more}
    os.environ.update(more)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
