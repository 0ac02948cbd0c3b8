"""The record of a run: on disk before each call, readable after any crash."""

from __future__ import annotations

import json
import os
import stat
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType

import pytest

from iamsync.errors import AwsError, InputError, JournalError
from iamsync.events import RunEnded, RunStarted, StepEnded, StepStarted
from iamsync.journal import EVERY, Copied, Journal, Run, header_of, read_run, run_id, runs
from iamsync.model import Address, Call, Plan, Step

NOW = datetime(2026, 11, 24, 2, 34, 58, tzinfo=UTC)
ALICE = Address("user", "alice")
PUT = Step(
    "s1", ALICE, Call("PutUserPolicy", MappingProxyType({"UserName": "alice", "PolicyName": "p\u2028"})), "grant"
)
WAIT = Step("s2", None, Call("wait", {"seconds": 10}), "neutral", ("s1",))
PLAN = Plan(
    account_id="111122223333", partition="aws", account_name="prod", alias=None,
    caller="arn:aws:sts::111122223333:assumed-role/ci", now="2026-11-24T00:00:00Z", changes=(), steps=(PUT, WAIT),
    guards=(), findings=(), reported=(), unchanged=0, desired_digest="sha256:d", read_set_digest="sha256:r",
    approval="sha256:a", prior=MappingProxyType({ALICE: {"path": "/"}, Address("role", "app"): None}),
)  # fmt: skip


def journal(directory: Path, name: str = "20261124T023458Z-aaaa") -> Journal:
    return Journal(directory, name, clock=lambda: NOW)


def lines(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text().split("\n") if line]


@pytest.fixture
def recorded(tmp_path: Path) -> Run:
    with journal(tmp_path / "runs") as record:
        record.header(header_of(PLAN, {"steps": ["s1"]}))
        record(RunStarted("111122223333", 2))
        record(StepStarted(PUT))
        record(StepEnded(PUT, "done", "req-1"))
        record(StepStarted(WAIT))
    return read_run(tmp_path / "runs")


def test_names_of_runs_sort_by_time() -> None:
    assert run_id(NOW, "9f3a") == "20261124T023458Z-9f3a"
    assert run_id(NOW) < run_id(NOW.replace(minute=59)) < run_id(NOW.replace(year=2027))
    moments = [run_id(NOW.replace(microsecond=part)) for part in range(0, 1_000_000, 1_000)]
    assert sorted(moments) == moments


def test_the_first_line_tells_the_plan_and_what_it_found(recorded: Run) -> None:
    header = dict(recorded.header)
    assert header.pop("plan") == {"steps": ["s1"]}
    assert header == {
        "type": "run", "format_version": "1.0", "run": "20261124T023458Z-aaaa", "at": "2026-11-24T02:34:58Z",
        "account_id": "111122223333", "account_name": "prod", "partition": "aws",
        "caller": "arn:aws:sts::111122223333:assumed-role/ci", "approval": "sha256:a", "desired": "sha256:d",
        "read_set": "sha256:r",
    }  # fmt: skip


def test_a_step_that_was_begun_and_never_answered_is_in_doubt(recorded: Run) -> None:
    assert recorded.outcomes == {"s1": "done", "s2": "started"}
    assert recorded.ended is None
    assert not recorded.complete


def test_a_run_that_came_to_its_end_says_so(recorded: Run, tmp_path: Path) -> None:
    with journal(tmp_path / "runs", "20261124T023459Z-aaaa") as record:
        record(RunEnded(2, 0, 0))
    assert read_run(tmp_path / "runs", "20261124T023459Z").complete
    assert [run.complete for run in runs(tmp_path / "runs")] == [False, True]


def test_every_line_is_on_disk_when_the_call_returns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    record, synced = journal(tmp_path), []
    monkeypatch.setattr(os, "fsync", lambda handle: synced.append(os.fstat(handle).st_size))
    record(StepStarted(PUT))
    size = record.path.stat().st_size
    assert synced == [size]
    assert lines(record.path)[0]["operation"] == "PutUserPolicy"
    record.close()


def test_several_events_are_made_to_last_at_one_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    record, synced = journal(tmp_path), []
    monkeypatch.setattr(os, "fsync", lambda handle: synced.append(os.fstat(handle).st_size))
    record(StepEnded(PUT, "done", "r-1"), StepStarted(PUT))
    assert [line["type"] for line in lines(record.path)] == ["step-ended", "step-started"]
    assert synced == [record.path.stat().st_size]
    record.close()


def test_the_record_is_its_owners_alone(recorded: Run) -> None:
    assert stat.S_IMODE(recorded.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(recorded.path.parent.stat().st_mode) == 0o700


@pytest.mark.parametrize("spoil", ["file", "twice"])
def test_a_record_that_cannot_be_written_fails_before_anything_is_called(tmp_path: Path, spoil: str) -> None:
    directory = tmp_path / "runs"
    if spoil == "file":
        directory.write_text("not a directory")
    else:
        journal(directory).close()
    with pytest.raises(JournalError) as caught:
        journal(directory)
    assert caught.value.code == "journal-unwritable"


def test_a_closed_record_takes_no_more(tmp_path: Path) -> None:
    record = journal(tmp_path)
    record.close()
    with pytest.raises(JournalError):
        record(RunStarted("111122223333", 0))


def test_a_full_disk_is_told_as_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    record = journal(tmp_path)

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(JournalError, match="No space left"):
        record(RunStarted("111122223333", 0))
    record.close()


@pytest.mark.parametrize("cut", [1, 20, 60])
def test_a_last_line_that_was_cut_off_is_tolerated(recorded: Run, cut: int) -> None:
    text = recorded.path.read_bytes()
    recorded.path.write_bytes(text[:-cut])
    run = read_run(recorded.path.parent)
    # Cut by the line break alone, the line is whole.
    assert run.torn == (cut > 1)
    assert run.outcomes["s1"] == "done"
    assert ("s2" in run.outcomes) == (cut == 1)


def test_a_broken_line_in_the_middle_is_an_error(recorded: Run) -> None:
    text = recorded.path.read_text().split("\n")
    recorded.path.write_text("\n".join([text[0], text[1][:10], *text[2:]]))
    with pytest.raises(JournalError, match="line 2 is no JSON"):
        runs(recorded.path.parent)


def test_a_record_of_a_newer_format_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").write_text('{"type":"run","format_version":"2.0"}\n')
    with pytest.raises(JournalError, match=r"format 2\.0 is newer"):
        read_run(tmp_path)


def test_a_run_is_found_by_its_id_by_how_it_begins_or_as_the_latest(tmp_path: Path) -> None:
    for name in ("20261124T023458Z-aaaa", "20261124T023458Z-bbbb", "20261125T000000Z-cccc"):
        journal(tmp_path, name).close()
    assert read_run(tmp_path).id == read_run(tmp_path, "20261125").id == "20261125T000000Z-cccc"
    assert read_run(tmp_path, "20261124T023458Z-b").id == "20261124T023458Z-bbbb"
    assert [run.id[-4:] for run in runs(tmp_path)] == ["aaaa", "bbbb", "cccc"]


@pytest.mark.parametrize(("which", "said"), [("20261124", "several runs"), ("../x", "no run"), ("", "no run")])
def test_a_run_that_is_not_one_is_an_input_error(tmp_path: Path, which: str, said: str) -> None:
    for name in ("20261124T023458Z-aaaa", "20261124T023458Z-bbbb"):
        journal(tmp_path, name).close()
    with pytest.raises(InputError, match=said):
        read_run(tmp_path, which)


def test_where_nothing_was_ever_recorded_there_are_no_runs(tmp_path: Path) -> None:
    assert runs(tmp_path / "none") == ()
    with pytest.raises(InputError, match="no run is recorded"):
        read_run(tmp_path / "none")


class Second:
    """A second place for a journal, that may be out of reach."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.broken = False

    def __call__(self, body: bytes) -> None:
        if self.broken:
            raise AwsError("PutObject: no answer", code="no-answer")
        self.bodies.append(body)


def test_a_copy_is_there_before_the_first_call_every_so_often_and_at_the_end(tmp_path: Path) -> None:
    second, now = Second(), [0.0]
    copied = Copied(Journal(tmp_path, "20261124T000000Z-0000"), second, "s3://a/b", clock=lambda: now[0])
    copied.header({"account_id": "111122223333"})
    assert len(second.bodies) == 1
    copied(RunStarted("111122223333", 3))
    assert len(second.bodies) == 1
    now[0] = EVERY
    copied(RunStarted("111122223333", 3))
    assert len(second.bodies) == 2
    copied.close()
    assert second.bodies[-1] == copied.record.path.read_bytes()
    assert not copied.behind


def test_without_the_copy_nothing_begins_and_later_the_record_goes_on_alone(tmp_path: Path) -> None:
    second, now = Second(), [0.0]
    second.broken = True
    copied = Copied(Journal(tmp_path, "20261124T000000Z-0000"), second, "s3://a/b", clock=lambda: now[0])
    with pytest.raises(JournalError, match="s3://a/b cannot be written"):
        copied.header({})
    second.broken = False
    copied = Copied(Journal(tmp_path, "20261124T000001Z-0000"), second, "s3://a/b", clock=lambda: now[0])
    copied.header({})
    second.broken, now[0] = True, EVERY
    copied(RunStarted("111122223333", 3))
    copied.close()
    assert copied.behind == "PutObject: no answer"
    assert read_run(tmp_path).entries[-1]["type"] == "run-started"


def test_of_a_run_that_two_folders_hold_the_fuller_record_is_read(tmp_path: Path) -> None:
    for name, lines in (("a", 1), ("b", 2)):
        (tmp_path / name).mkdir()
        text = "".join(json.dumps({"type": "run", "n": number}) + "\n" for number in range(lines))
        (tmp_path / name / "20261124T000000Z-0000.jsonl").write_text(text)
    (found,) = runs(tmp_path / "a", tmp_path / "b")
    assert len(found.entries) == 2
