"""Whoever ends a run, at whatever moment, finds on record what it did, and the next run does the rest."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from iamsync import journal
from iamsync.sandbox import Server
from tests.chaos.processes import Account, Command, account, project
from tests.chaos.trial import SENT
from tests.laws.law import FULL
from tests.laws.test_crash import CREATIONS, DECLARED
from tests.world import ACCOUNT, World, bare

MOMENTS = 50 if FULL else 2
APPLY = ("apply", "--auto-approve", "--parallelism", "4")
CALLS = 45  # of a whole run, reads included


def sure(root: Path, held: Account) -> journal.Run:
    """The record of the one run, which tells of everything that was carried out."""
    (run,) = journal.runs(root / ".iamsync" / "runs")
    told = {entry["operation"] for entry in run.entries if entry["type"] == "step-started"}
    assert set(held.writes) <= told
    assert len(run.outcomes) >= len(held.writes)
    return run


def finished(server: Server, held: Account) -> None:
    """The next run does the rest and nothing twice."""
    world = World(server=server)
    ended = world.apply(world.plan(DECLARED))
    assert (ended.failed, ended.skipped) == (0, 0)
    assert bare(world.read(), DECLARED) == bare(DECLARED)
    assert len(held.writes) + len(world.writes) == CREATIONS
    assert not World(server=server).plan(DECLARED).changes


@pytest.mark.parametrize("seed", range(MOMENTS))
def test_an_interrupt_at_any_moment_leaves_a_record_from_which_the_next_run_converges(
    tmp_path: Path, seed: int
) -> None:
    chance = random.Random(seed)
    moment, late = chance.randrange(6, CALLS), chance.random() * 0.03
    number = signal.SIGINT if seed % 2 == 0 else signal.SIGTERM
    server = Server(account_id=ACCOUNT)
    root = project(tmp_path / "project")
    with account(server) as held:
        running: list[Command] = []
        begun = threading.Event()

        def at(call: int, write: int, phase: str) -> None:
            begun.wait(10)
            if call == moment and phase == "before":
                threading.Timer(late, running[0].send, (number,)).start()
            time.sleep(0.01)

        held.at = at
        running.append(held.start(root, *APPLY))
        begun.set()
        code = running[0].wait()
        said = f"seed {seed}: {number.name} at call {moment}, {late:.3f} s later\n{running[0].out}\n{running[0].err}"
        assert code in (0, 130), said
        assert "Traceback" not in running[0].err, said
        if held.writes:
            run = sure(root, held)
            assert run.ended is not None, said
            assert bool(run.ended["interrupted"]) == (len(held.writes) < CREATIONS), said
            assert run.ended["done"] == len(held.writes), said
        else:
            assert code == 130, said
        finished(server, held)


def test_the_second_interrupt_ends_a_run_at_once_whatever_hangs(tmp_path: Path) -> None:
    server = Server(account_id=ACCOUNT)
    root = project(tmp_path / "project")
    with account(server) as held:
        hanging, let_go = threading.Event(), threading.Event()

        def at(call: int, write: int, phase: str) -> None:
            if write == 9 and phase == "after":
                hanging.set()
                let_go.wait(30)

        held.at = at
        process = held.start(root, "apply", "--auto-approve", "--parallelism", "1")
        assert hanging.wait(30)
        process.send(signal.SIGINT)
        deadline = time.monotonic() + 20
        while "again to stop at once" not in process.err:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        process.send(signal.SIGINT)
        assert process.wait(10) == 130  # the answer that it waited for would take three times as long
        let_go.set()
        assert "broken off; 9 of 27 calls done, 1 under way whose end is not known" in process.err
        assert "Traceback" not in process.err
        run = sure(root, held)
        assert run.ended is None
        assert list(run.outcomes.values()).count("started") == 1
        finished(server, held)


def test_an_interrupt_before_the_first_call_is_enough(tmp_path: Path) -> None:
    server = Server(account_id=ACCOUNT)
    root = project(tmp_path / "project")
    with account(server) as held:
        reading, let_go = threading.Event(), threading.Event()

        def at(call: int, write: int, phase: str) -> None:
            if call == 1:
                reading.set()
                let_go.wait(30)

        held.at = at
        process = held.start(root, *APPLY)
        assert reading.wait(30)
        time.sleep(0.1)
        process.send(signal.SIGINT)
        let_go.set()
        assert process.wait(20) == 130
        assert process.err == "interrupted\n"
        assert process.out == ""
        assert not (root / ".iamsync").exists()
        assert not held.writes


@pytest.mark.slow
def test_a_run_goes_on_when_nobody_reads_what_it_says(tmp_path: Path) -> None:
    server = Server(account_id=ACCOUNT)
    root = project(tmp_path / "project")
    with account(server) as held:
        reading, writing = os.pipe()
        os.close(reading)
        outside = {name: text for name, text in os.environ.items() if not name.startswith(("AWS_", "IAMSYNC_"))}
        done = subprocess.run(
            [sys.executable, "-m", "iamsync", *APPLY], stdin=subprocess.DEVNULL, stdout=writing, stderr=writing,
            cwd=root, env={**outside, **SENT, "IAMSYNC_ENDPOINT_URL": held.url}, timeout=60, check=False,
        )  # fmt: skip
        os.close(writing)
        assert done.returncode == 0
        assert sure(root, held).complete
        assert bare(World(server=server).read(), DECLARED) == bare(DECLARED)
