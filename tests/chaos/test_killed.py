"""A process that is killed around any of its calls, whatever it was doing, leaves what the same command finishes.

Creations and deletions are killed in tests/laws/test_crash.py; here are the plans with more to lose: renames and
replacements, key rotations, rollbacks, and the deletion of everything.
"""

from __future__ import annotations

import signal
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from iamsync import journal
from iamsync.sandbox import Server
from tests.behaviour.account import SITE, load
from tests.chaos.processes import Account, account, project
from tests.laws.law import FULL
from tests.world import ACCOUNT, World, bare

START = datetime(2027, 1, 1, tzinfo=UTC)
AUTO = ("--auto-approve",)
ALONE = (*AUTO, "--parallelism", "1")
CONSENT = ("--acknowledge", "replace", "--acknowledge", "principals-losing-access", "--acknowledge", "max-deletes")
CONSENT += ("--acknowledge", "whole-kind-deleted")
BEFORE = """\
policies:
  deploy: {document: &any {Version: 2012-10-17, Statement: {Effect: Allow, Action: "s3:*", Resource: "*"}}}
groups:
  developers: {managed_policies: [deploy]}
users:
  alice: {groups: [developers], tags: {team: web}}
roles:
  moving: {managed_policies: [deploy], trust_policy: &ec2 {Version: 2012-10-17, Statement: {Effect: Allow,
    Principal: {Service: ec2.amazonaws.com}, Action: "sts:AssumeRole"}}}
"""
AFTER = """\
policies:
  deploy: {document: {Version: 2012-10-17, Statement: {Effect: Allow, Action: ["s3:*", "sqs:*"], Resource: "*"}}}
groups:
  engineers: {renamed_from: developers, path: /people/, managed_policies: [deploy]}
users:
  alicia: {renamed_from: alice, groups: [engineers], tags: {team: ops}}
roles:
  moving: {path: /moved/, managed_policies: [deploy], trust_policy: {Version: 2012-10-17, Statement: {Effect: Allow,
    Principal: {Service: ec2.amazonaws.com}, Action: "sts:AssumeRole"}}}
"""
ROTATED = """\
users:
  ci-bot: {access_keys: {rotate_after: 60d, deliver_to: "secretsmanager:iam/$(name)"}}
"""


@dataclass(frozen=True)
class Plan:
    """A command to kill: how its account and project come to be, and what must be true in the end.

    `moments` are the writes around which it is killed without the full run.
    """

    name: str
    made: Callable[[Path], Server]
    command: tuple[str, ...]
    holds: Callable[[Server, Account], None]
    writes: int
    moments: tuple[tuple[int, str], ...] = ()
    now: str = "2027-01-01T00:00:00Z"


def _applied(text: str) -> Server:
    world = World()
    world.apply(world.plan(load(text)))
    return world.server


def _updating(root: Path) -> Server:
    project(root, AFTER, "")
    return _applied(BEFORE)


def _updated(server: Server, held: Account) -> None:
    left = World(server=server).read()
    assert bare(left, load(AFTER)) == bare(load(AFTER))
    assert {len(resource.facts["versions"]) for resource in left if resource.address.kind == "policy"} == {2}


def _undoing(root: Path) -> Server:
    """The update above, made by the command itself, whose record is what the rollback goes by."""
    server = _updating(root)
    with account(server) as held:
        done = held.start(root, "apply", *ALONE, *CONSENT)
        assert done.wait() == 0, done.err
    return server


def _undone(server: Server, held: Account) -> None:
    assert bare(World(server=server).read(), load(BEFORE)) == bare(load(BEFORE))


def _deleting(root: Path) -> Server:
    state = load(SITE)
    gone = "\n".join(f"  - {address}" for address in state.resources)
    project(root, f"removed:\n{gone}\n", "")
    (root / "iamsync.yaml").write_text(
        "version: 1\nsafety: {settle: 0, max_change_percent: 100, max_deletes: 99}\n"
        f'accounts:\n  site: {{id: "{ACCOUNT}"}}\n'
    )
    return _applied(SITE)


def _deleted(server: Server, held: Account) -> None:
    assert not World(server=server).read().resources


def _rotating(root: Path) -> Server:
    """A user whose first key is sixty days old: the rotation makes and delivers a second one."""
    project(root, ROTATED, "")
    day = [0]
    server = Server(account_id=ACCOUNT, clock=lambda: START + timedelta(days=day[0]))
    world = World(server=server)
    world.connection.iam.create_user(UserName="ci-bot")
    with account(server) as held:
        first = held.start(root, "keys", "rotate", *AUTO, now=f"{START:%Y-%m-%dT%H:%M:%SZ}")
        assert first.wait() == 0, first.err
    day[0] = 60
    return server


def _rotated(server: Server, held: Account) -> None:
    """Two keys that work, the new one delivered, none whose secret nobody has, no note left."""
    import json

    world = World(server=server)
    keys = world.connection.iam.list_access_keys(UserName="ci-bot")["AccessKeyMetadata"]
    assert [key["Status"] for key in keys] == ["Active", "Active"]
    client = world.connection.client("secretsmanager")
    told = {
        stage: json.loads(client.get_secret_value(SecretId="iam/ci-bot", VersionStage=stage)["SecretString"])
        for stage in ("AWSCURRENT", "AWSPREVIOUS")
    }
    assert {one["AccessKeyId"] for one in told.values()} == {key["AccessKeyId"] for key in keys}
    newest = max(keys, key=lambda key: str(key["CreateDate"]))["AccessKeyId"]
    assert told["AWSCURRENT"]["AccessKeyId"] == newest
    assert not world.connection.iam.list_user_tags(UserName="ci-bot")["Tags"]


LATER = f"{START + timedelta(days=60, minutes=5):%Y-%m-%dT%H:%M:%SZ}"
PLANS = (
    Plan("rename and replace", _updating, ("apply", *ALONE, *CONSENT), _updated, 9, ((1, "after"),)),
    Plan("rollback", _undoing, ("runs", "rollback", "latest", *ALONE, *CONSENT), _undone, 9),
    Plan("delete", _deleting, ("apply", *ALONE, *CONSENT), _deleted, 21),
    Plan("rotate", _rotating, ("keys", "rotate", *AUTO), _rotated, 4, ((1, "after"),), LATER),
)
EVERY = [(plan, k, phase) for plan in PLANS for k in range(plan.writes) for phase in ("before", "after")]
SOME = [(plan, k, phase) for plan in PLANS for k, phase in plan.moments]


@pytest.mark.parametrize(
    ("plan", "k", "phase"),
    EVERY if FULL else SOME,
    ids=[f"{plan.name}-{k}-{phase}" for plan, k, phase in (EVERY if FULL else SOME)],
)
def test_a_killed_command_is_finished_by_the_same_command(tmp_path: Path, plan: Plan, k: int, phase: str) -> None:
    root = tmp_path / "project"
    server = plan.made(root)
    before = {run.id for run in journal.runs(root / ".iamsync" / "runs")} if plan.name == "rollback" else set()
    command: tuple[str, ...] = plan.command
    if before:
        command = tuple(next(iter(before)) if word == "latest" else word for word in command)
    with account(server) as held:
        running: list[Any] = []

        def at(call: int, write: int, when: str) -> None:
            if write == k and when == phase and running:
                running.pop().send(signal.SIGKILL)
                while killed._code is None:
                    killed._thread.join(0.01)
                if when == "before":
                    raise ConnectionAbortedError("nobody is there any more")

        held.at = at
        killed = held.start(root, *command, now=plan.now)
        running.append(killed)
        assert killed.wait() == -signal.SIGKILL, (killed.out, killed.err)
        assert len(held.writes) == k + (phase == "after")
        held.at = lambda call, write, when: None
        again = held.start(root, *command, now=plan.now)
        assert again.wait() == 0, (again.out, again.err)
        plan.holds(server, held)
        once = held.start(root, *command, now=plan.now)
        count = len(held.writes)
        assert once.wait() == 0, (once.out, once.err)
        assert len(held.writes) == count, "what is done was done again"


@pytest.mark.skipif(not FULL, reason="IAMSYNC_LAWS=full: each plan once more, undisturbed")
@pytest.mark.parametrize("plan", PLANS, ids=lambda plan: plan.name)
def test_the_plans_that_are_killed_have_as_many_calls_as_are_tried(tmp_path: Path, plan: Plan) -> None:
    server = plan.made(tmp_path / "project")
    with account(server) as held:
        done = held.start(tmp_path / "project", *plan.command, now=plan.now)
        assert done.wait() == 0, (done.out, done.err)
        assert len(held.writes) == plan.writes, held.writes
        plan.holds(server, held)
