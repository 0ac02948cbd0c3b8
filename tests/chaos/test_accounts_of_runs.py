"""However a run ends, it says what was done, what was not, and how to go on; and its record can be read."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from iamsync import journal
from iamsync.cli.app import Lasting
from iamsync.cli.running import Stop, interruptible
from tests.behaviour.conftest import Site, refusal, site

__all__ = ["site"]
APPLY = ("apply", "--auto-approve", "--parallelism", "1")


def full(monkeypatch: pytest.MonkeyPatch, after: int, half: bool) -> None:
    """The journal's disk is full after so many writes, in the middle of one where `half`."""
    writes = 0

    def write(file: int, data: Any) -> int:
        nonlocal writes
        writes += 1
        if writes <= after:
            return os.write(file, data)
        if half and writes == after + 1:
            os.write(file, bytes(data)[:20])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(journal, "os", SimpleNamespace(**{**vars(os), "write": write}))


def test_a_full_disk_ends_a_run_which_says_how_far_it_came(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    after, half = 7, True
    with monkeypatch.context() as patched:
        full(patched, after, half)
        said = site.run(*APPLY)
    assert said.code == 1
    assert "error[journal-unwritable]" in said.err
    assert "No space left on device" in said.err
    # The header, the start of the run, then for each call one write, before it: what ended, and what begins.
    called = after - 2
    assert len(site.writes) == called
    assert f"account site: broken off; {called} of 21 calls done" in said.err
    for record in journal.runs(site.root / ".iamsync" / "runs"):
        assert record.torn == half
    site.fine(*APPLY)
    assert len(site.writes) == 21 - called


def test_a_time_limit_begins_no_call_after_it_and_the_next_run_does_the_rest(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    why = "the time limit of 60 s was reached"
    monkeypatch.setattr(Stop, "over", property(lambda self: why if site.writes[4:] else ""))
    said = site.run(*APPLY, "--timeout", "1m")
    assert said.code == 5
    assert "5 of 21 calls done, 16 skipped" in said.out
    assert why in said.out
    assert "to go on: run the same command again" in said.out
    monkeypatch.undo()
    (record,) = journal.runs(site.root / ".iamsync" / "runs")
    assert not record.ended["interrupted"]


def test_a_limit_that_is_no_length_of_time_is_refused(site: Site) -> None:
    assert "error[bad-option]: --timeout 'soon'" in site.run(*APPLY, "--timeout", "soon").err


def test_what_is_ignored_stays_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as `nohup` has it
    try:
        with interruptible() as stop:
            os.kill(os.getpid(), signal.SIGHUP)
            assert not stop.is_set()
            stop.calling = True
            os.kill(os.getpid(), signal.SIGTERM)
            assert stop.wait(5)
            with pytest.raises(KeyboardInterrupt):
                os.kill(os.getpid(), signal.SIGINT)
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    finally:
        signal.signal(signal.SIGHUP, before)


def test_pauses_end_with_the_time_limit() -> None:
    stop = Stop(0.0)
    assert stop.wait(60)
    assert not stop.is_set()
    assert stop.over == "the time limit of 0 s was reached"
    assert not Stop().over


def test_credentials_that_end_on_the_way_end_the_run_and_new_ones_go_on(site: Site) -> None:
    ended = refusal("ExpiredToken", 403, "The security token included in the request is expired")
    site.between = lambda operation, body: ended if len(site.writes) > 6 else None
    said = site.run(*APPLY)
    assert said.code == 5
    assert "6 of 21 calls done, 1 failed, 14 skipped" in said.out
    assert "the credentials failed at step" in said.out
    site.between = lambda operation, body: None
    site.fine(*APPLY)
    assert len(site.writes) == 15


@pytest.mark.parametrize("number", [errno.EPIPE, errno.EIO])
def test_output_that_nobody_can_read_is_thrown_away(number: int) -> None:
    reading, writing = os.pipe()

    def gone(*_: object) -> int:
        raise OSError(number, os.strerror(number))

    stream = Lasting(SimpleNamespace(write=gone, flush=gone, fileno=lambda: writing, encoding="utf-8"))
    assert stream.write("text") == 4
    stream.flush()
    assert stream.encoding == "utf-8"
    os.write(writing, b"it leads nowhere now")
    os.close(writing)
    assert os.read(reading, 100) == b""
    os.close(reading)


def test_output_that_a_full_disk_loses_is_an_error() -> None:
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(OSError, match="No space left"):
        Lasting(SimpleNamespace(write=full)).write("text")


@pytest.mark.parametrize("closed", [(0,), (1,), (2,), (0, 1, 2)])
def test_a_command_whose_streams_were_closed_does_what_it_does(closed: tuple[int, ...]) -> None:
    def close() -> None:
        for number in closed:
            os.close(number)

    done = subprocess.run([sys.executable, "-m", "iamsync", "explain", "unwritable"], capture_output=True, text=True,
                          check=False, preexec_fn=close)  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert ("cannot be written" in done.stdout) is (1 not in closed)


def test_output_that_a_full_disk_loses_is_told_as_that() -> None:
    with open("/dev/full", "w", encoding="utf-8") as full:
        done = subprocess.run([sys.executable, "-m", "iamsync", "explain", "unwritable"], stdout=full,
                              stderr=subprocess.PIPE, text=True, check=False)  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.startswith("error[unwritable]: the output cannot be written: No space left on device\n")


def test_a_folder_that_is_gone_is_told_as_that(tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    run = f"import os, runpy; os.rmdir({str(gone)!r}); import sys; sys.argv[1:] = ['plan']; "
    run += "runpy.run_module('iamsync', run_name='__main__')"
    done = subprocess.run([sys.executable, "-c", run], cwd=gone, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("error[unreadable]: the folder that this was started in cannot be read: No such")
