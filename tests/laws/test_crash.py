"""Whenever a run dies, the same command again brings the account to exactly what was wanted."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pytest

from iamsync import journal
from iamsync.aws.session import Access, connect
from iamsync.events import Event, StepStarted
from iamsync.journal import Journal
from iamsync.model import Plan, State
from iamsync.sandbox import Server, serve
from tests.behaviour.account import SITE, living, load
from tests.behaviour.conftest import operation_of
from tests.laden import ALL_CALLS, BOT, laden
from tests.laws.law import FULL
from tests.laws.upheaval import AFTER, BEFORE
from tests.strategies import metadata
from tests.world import ACCOUNT, READS, SESSIONS, World, bare

When = Literal["before", "after"]


class SimulatedCrash(BaseException):
    """The process is gone: nothing after this is carried out."""


@dataclass
class Wire:
    """A way to a server that is cut around the n-th write; `executed` are the writes that were carried out."""

    server: Server
    at: int | None = None
    when: When = "before"
    writes: int = 0
    executed: list[str] = field(default_factory=list)
    die: Callable[[], None] = lambda: None

    def __call__(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> Any:
        operation = operation_of(headers, body)
        if operation.startswith(READS):
            return self.server.handle(method, url, headers, body)
        self.writes += 1
        last = self.writes - 1 == self.at
        if last and self.when == "before":
            self.die()
        answer = self.server.handle(method, url, headers, body)
        if answer[0] == 200:
            self.executed.append(operation)
        if last:
            self.die()
        return answer


def crash() -> None:
    raise SimulatedCrash


def reached(server: Server, wire: Wire) -> World:
    """A world over a server that was there before, as a new process finds it."""
    made = connect(Access(account_id=ACCOUNT), transport=wire, sessions=SESSIONS)
    return World(server=server, _connection=made)


def run(server: Server, wire: Wire, report: Callable[[Event], None] = lambda _: None) -> Plan:
    """Plan and apply in a process of its own."""
    world = reached(server, wire)
    made = world.plan(AFTER)
    assert not made.refusals
    ended = world.apply(made, report=report)
    assert (ended.failed, ended.skipped) == (0, 0)
    return made


def versions(state: State) -> dict[str, list[str]]:
    """The stored versions of each policy."""
    return {
        resource.address.name: [version for version, _, _ in resource.facts["versions"]]
        for resource in state
        if resource.address.kind == "policy"
    }


@dataclass(frozen=True)
class Goal:
    """What a run that nothing disturbs does and leaves."""

    writes: list[str]
    state: dict[Any, Any]
    versions: dict[str, list[str]]


@pytest.fixture(scope="module")
def goal() -> Goal:
    server = living(BEFORE).server
    wire = Wire(server)
    run(server, wire)
    left = World(server=server).read()
    assert len(wire.executed) >= 40
    assert bare(left, AFTER) == bare(AFTER)
    return Goal(wire.executed, bare(left, AFTER), versions(left))


WRITES = 63
EVERY = [(k, when) for k in range(WRITES) for when in ("before", "after")]
SOME = [(0, "before"), *((k, "after") for k in range(0, WRITES, 5)), *((k, "before") for k in range(10, WRITES, 13))]


def test_the_plan_that_crashes_holds_calls_of_every_sort(goal: Goal) -> None:
    assert len(goal.writes) == WRITES
    assert {"CreatePolicyVersion", "CreateRole", "DeleteUser", "UpdateUser", "TagRole"} <= set(goal.writes)


@pytest.mark.parametrize(("k", "when"), EVERY if FULL else SOME)
def test_a_run_killed_at_any_call_is_finished_by_the_next(goal: Goal, k: int, when: When) -> None:
    server = living(BEFORE).server
    wire = Wire(server, k, when, die=crash)
    started: list[str] = []

    def report(event: Event) -> None:
        if isinstance(event, StepStarted):
            started.append(event.step.operation)

    with pytest.raises(SimulatedCrash):
        run(server, wire, report)
    done = k if when == "before" else k + 1
    assert wire.executed == goal.writes[:done]
    # What was executed, and what was about to be, had been told before: a journal would hold it.
    assert [name for name in started if name != "wait"] == goal.writes[: k + 1]

    again = Wire(server)
    run(server, again)
    left = World(server=server).read()
    assert bare(left, AFTER) == goal.state
    assert versions(left) == goal.versions
    assert len(wire.executed) + len(again.executed) == WRITES
    assert not World(server=server).plan(AFTER).changes


def test_a_run_that_dies_again_and_again_gets_there_all_the_same(goal: Goal) -> None:
    server = living(BEFORE).server
    executed: list[str] = []
    for _ in range(WRITES + 5):
        wire = Wire(server, 0 if FULL else 3, "after", die=crash)
        try:
            run(server, wire)
        except SimulatedCrash:
            executed += wire.executed
            continue
        executed += wire.executed
        break
    left = World(server=server).read()
    assert bare(left, AFTER) == goal.state
    assert versions(left) == goal.versions
    assert sorted(executed) == sorted(goal.writes)


# Lost answers ------------------------------------------------------------------------------------


@dataclass
class Lossy(Wire):
    """Loses answers to one operation: `times` of them; carried out first where `executes`."""

    operation: str = ""
    times: int = 1
    executes: bool = True

    def __call__(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> Any:
        if operation_of(headers, body) != self.operation or not self.times:
            return super().__call__(method, url, headers, body)
        self.times -= 1
        if self.executes:
            super().__call__(method, url, headers, body)
        raise ConnectionResetError("reset by peer")


KINDS_OF_CALL = (
    *("CreatePolicy", "CreatePolicyVersion", "CreateGroup", "CreateUser", "CreateRole", "UpdateUser", "UpdateGroup"),
    *("AttachUserPolicy", "AttachGroupPolicy", "AttachRolePolicy", "AddUserToGroup", "RemoveUserFromGroup"),
    *("DetachUserPolicy", "DetachGroupPolicy", "DetachRolePolicy", "PutUserPolicy", "PutGroupPolicy", "PutRolePolicy"),
    *("DeleteUserPolicy", "DeleteGroupPolicy", "DeleteRolePolicy", "PutUserPermissionsBoundary"),
    *("PutRolePermissionsBoundary", "DeleteRolePermissionsBoundary", "UpdateAssumeRolePolicy", "UpdateRole"),
    *("TagUser", "TagRole", "TagPolicy", "UntagUser", "UntagRole", "DeleteUser", "DeleteGroup", "DeleteRole"),
    "DeletePolicy",
)


@pytest.fixture
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda seconds: None)


def test_every_kind_of_call_of_the_plan_is_one_whose_answer_may_be_lost(goal: Goal) -> None:
    assert set(KINDS_OF_CALL) == set(goal.writes)


# Those that make something, that only work once, or that AWS refuses the second time.
TOLD_APART = ("CreatePolicy", "CreatePolicyVersion", "CreateGroup", "CreateUser", "CreateRole", "UpdateUser")
TOLD_APART += ("UpdateGroup", "DetachUserPolicy", "RemoveUserFromGroup", "DeleteRolePolicy", "UntagRole", "DeleteUser")
TOLD_APART += ("DeleteRole", "DeletePolicy", "AttachRolePolicy", "TagPolicy", "DeleteRolePermissionsBoundary")


@pytest.mark.parametrize("operation", KINDS_OF_CALL if FULL else TOLD_APART)
@pytest.mark.usefixtures("no_pauses")
def test_a_lost_answer_does_not_fail_the_run_nor_do_anything_twice(goal: Goal, operation: str) -> None:
    server = living(BEFORE).server
    wire = Lossy(server, operation=operation)
    run(server, wire)
    left = World(server=server).read()
    assert bare(left, AFTER) == goal.state
    assert versions(left) == goal.versions
    assert not World(server=server).plan(AFTER).changes


@pytest.mark.parametrize("operation", KINDS_OF_CALL if FULL else ("CreatePolicyVersion", "CreateRole", "UpdateUser"))
@pytest.mark.usefixtures("no_pauses")
def test_a_call_that_never_arrived_is_made_again(goal: Goal, operation: str) -> None:
    server = living(BEFORE).server
    wire = Lossy(server, operation=operation, executes=False)
    run(server, wire)
    left = World(server=server).read()
    assert bare(left, AFTER) == goal.state
    assert versions(left) == goal.versions
    assert sorted(wire.executed) == sorted(goal.writes)


@pytest.mark.parametrize("operation", KINDS_OF_CALL if FULL else ("CreatePolicyVersion", "CreateRole", "DeleteUser"))
@pytest.mark.usefixtures("no_pauses")
def test_where_no_answer_ever_comes_the_next_run_goes_on(goal: Goal, operation: str) -> None:
    server = living(BEFORE).server
    wire = Lossy(server, operation=operation, times=1000)
    world = reached(server, wire)
    world.apply(world.plan(AFTER))
    again = Wire(server)
    run(server, again)
    left = World(server=server).read()
    assert bare(left, AFTER) == goal.state
    assert versions(left) == goal.versions


# Real processes ----------------------------------------------------------------------------------

# A resource that exists in part counts as one that is changed.
ACCOUNTS = f'version: 1\nsafety: {{settle: 0, max_change_percent: 100}}\naccounts:\n  site: {{id: "{ACCOUNT}"}}\n'


class Endpoint:
    """The sandbox on a port of this machine; kills the process that it serves around its n-th write."""

    def __init__(self, server: Server) -> None:
        self.wire = Wire(server)
        self.process: subprocess.Popen[str] | None = None
        self.wire.die = self.kill
        self.url, self.stop = serve(self)  # type: ignore[arg-type]

    def handle(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> Any:
        try:
            return self.wire(method, url, headers, body)
        except SimulatedCrash:
            return 500, {}, b""

    def kill(self) -> None:
        while self.process is None:  # it was started a moment ago
            time.sleep(0.01)
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait()
        if self.wire.when == "before":
            raise SimulatedCrash

    def command(self, root: Path, *arguments: str) -> tuple[int, str, str]:
        """Run the command line in a process of its own; its exit code is negative where it was killed."""
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "IAMSYNC_"))},
            "AWS_ACCESS_KEY_ID": ACCOUNT,
            "AWS_SECRET_ACCESS_KEY": "sandbox",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
            "IAMSYNC_NOW": "2026-11-24T00:00:00Z",
        }
        self.process = None
        self.process = subprocess.Popen(
            [sys.executable, "-m", "iamsync", *arguments, "--endpoint-url", self.url],
            cwd=root,
            env=environment,
            text=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        out, err = self.process.communicate(timeout=60)
        return self.process.returncode, out, err


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    made = Endpoint(World().server)
    yield made
    made.stop()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "iam").mkdir()
    (tmp_path / "iam" / "site.yaml").write_text(SITE)
    (tmp_path / "iam" / "more.yaml").write_text(MORE)
    (tmp_path / "iamsync.yaml").write_text(ACCOUNTS)
    return tmp_path


MORE = f"""\
instance_profiles:
  site: {{role: site, tags: {{team: web}}}}
oidc_providers:
  ci.example.com: {{client_ids: [sts], thumbprints: ["{"0" * 40}"]}}
saml_providers:
  okta: {{metadata: {json.dumps(metadata("urn:okta"))}}}
account:
  alias: acme-site
  password_policy: {{minimum_password_length: 14}}
"""
DECLARED = load(SITE + MORE)
CREATIONS = 27
KILLS = [(k, when) for k in range(CREATIONS) for when in ("before", "after")]


@pytest.mark.parametrize(("k", "when"), KILLS if FULL else [(3, "after"), (CREATIONS - 4, "before")])
def test_a_killed_process_leaves_a_record_and_the_next_one_finishes(
    endpoint: Endpoint, root: Path, k: int, when: When
) -> None:
    endpoint.wire.at, endpoint.wire.when = k, when
    code, out, err = endpoint.command(root, "apply", "--auto-approve")
    assert code == -signal.SIGKILL, (out, err)
    (run,) = journal.runs(root / ".iamsync" / "runs")
    assert run.ended is None
    assert "started" in run.outcomes.values()
    assert len(run.outcomes) >= len(endpoint.wire.executed)

    code, out, err = endpoint.command(root, "apply", "--auto-approve")
    assert code == 0, (out, err)
    left = World(server=endpoint.wire.server).read()
    assert bare(left, DECLARED) == bare(DECLARED)
    assert set(map(tuple, versions(left).values())) == {("v1",)}
    assert len(endpoint.wire.executed) == CREATIONS


def test_a_deletion_that_was_killed_over_a_virtual_device_leaves_none(endpoint: Endpoint, tmp_path: Path) -> None:
    laden(World(server=endpoint.wire.server).connection.iam)
    (tmp_path / "iam").mkdir()
    (tmp_path / "iam" / "gone.yaml").write_text(f"removed: [user/{BOT}]\n")
    (tmp_path / "iamsync.yaml").write_text(ACCOUNTS)
    run = ("apply", "--auto-approve", "--parallelism", "1", "--acknowledge", f"delete-credentials:user/{BOT}")
    endpoint.wire.at, endpoint.wire.when = ALL_CALLS.index("DeleteVirtualMFADevice"), "before"
    code, out, err = endpoint.command(tmp_path, *run)
    assert code == -signal.SIGKILL, (out, err)
    assert endpoint.wire.executed == list(ALL_CALLS[:-2])

    code, out, err = endpoint.command(tmp_path, *run)
    assert code == 0, (out, err)
    assert endpoint.wire.executed == list(ALL_CALLS)
    assert not World(server=endpoint.wire.server).connection.iam.list_virtual_mfa_devices()["VirtualMFADevices"]


def test_an_approval_goes_on_after_the_process_was_killed(endpoint: Endpoint, root: Path) -> None:
    code, out, err = endpoint.command(root, "plan")
    assert code == 0, (out, err)
    digest = out.rpartition("sha256:")[2][:64]
    endpoint.wire.at, endpoint.wire.when = 6, "after"
    code, _, _ = endpoint.command(root, "apply", "--approved", f"sha256:{digest}")
    assert code == -signal.SIGKILL
    tear(root)
    code, out, err = endpoint.command(root, "apply", "--approved", f"sha256:{digest}")
    assert code == 0, (out, err)
    assert bare(World(server=endpoint.wire.server).read(), DECLARED) == bare(DECLARED)


def tear(root: Path) -> None:
    """Cut the last journal in the middle of its last line, as a lost machine would."""
    path = sorted((root / ".iamsync" / "runs").glob("*.jsonl"))[-1]
    held = path.read_bytes().removesuffix(b"\n")
    path.write_bytes(held[: held.rindex(b"\n") + 20])


# Records -----------------------------------------------------------------------------------------


def test_a_crash_between_the_record_and_the_call_leaves_the_step_as_started(tmp_path: Path) -> None:
    server = living(BEFORE).server
    with Journal(tmp_path, "20261124T000000Z-0000") as record, pytest.raises(SimulatedCrash):
        run(server, Wire(server, 10, "before", die=crash), record)
    found = journal.read_run(tmp_path)
    told = list(found.outcomes.values())
    assert told == [*["done"] * 10, "started"]
    assert not found.complete


@pytest.mark.parametrize("cut", [1, 20, 0])
def test_a_torn_record_is_read_as_far_as_it_goes(tmp_path: Path, cut: int) -> None:
    server = living(BEFORE).server
    made = World(server=server).plan(AFTER)
    with Journal(tmp_path, "20261124T000000Z-0000") as record:
        record.header({"account_id": ACCOUNT, "approval": made.approval})
        with pytest.raises(SimulatedCrash):
            run(server, Wire(server, 10, "before", die=crash), record)
    (path,) = tmp_path.glob("*.jsonl")
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:-1]) + lines[-1][:cut])
    (found,) = journal.runs(tmp_path)
    assert found.approval == made.approval
    assert found.torn == bool(cut)
    assert list(found.outcomes.values()) == ["done"] * 10


def test_a_record_that_was_cut_off_at_its_first_line_stops_nothing(tmp_path: Path) -> None:
    (tmp_path / "20261124T000000Z-0000.jsonl").write_text(json.dumps({"type": "run"})[:7])
    (tmp_path / "20261124T000001Z-0000.jsonl").write_text("")
    assert [found.torn for found in journal.runs(tmp_path)] == [True, False]
