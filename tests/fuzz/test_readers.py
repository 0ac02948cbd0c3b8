"""A few mutated inputs for each reader, and all that once went wrong; `make fuzz` tries ten thousand for each.

To keep one that went wrong: put it into `kept/READER/NAME` (the reader's name with dashes), small and readable.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from iamsync.errors import InputError
from tests.fuzz.mutate import mutated
from tests.fuzz.readers import READERS, Reader, prepared
from tests.fuzz.run import fuzz, named, strange
from tests.fuzz.trying import tried, watched

KEPT = Path(__file__).parent / "kept"
BY_NAME = {named(reader): reader for reader in READERS}
CASES = sorted(path.relative_to(KEPT).as_posix() for path in KEPT.rglob("*") if path.is_file())


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda _: None)
    monkeypatch.setattr("iamsync.aws.cloudtrail.PAUSE", 0.0)


@pytest.mark.parametrize("reader", READERS, ids=named)
def test_whatever_a_reader_is_given_it_takes_or_refuses_in_one_clear_error(reader: Reader) -> None:
    ends, wrong, _ = fuzz(reader, 25 if reader.slow else 100, 0)
    assert not wrong, "\n".join(told for _, told in wrong.values())
    assert ends["refused"] + ends["accepted"]


@pytest.mark.parametrize("case", CASES)
def test_what_once_went_wrong_does_so_no_more(case: str, tmp_path: Path) -> None:
    reader = BY_NAME[case.partition("/")[0]]
    prepared()
    with watched(tmp_path) as seen:
        end, told = tried(reader, (KEPT / case).read_bytes(), tmp_path)
    assert end != "wrong", told
    assert not strange(reader, seen, tmp_path)


def test_the_same_seed_makes_the_same_inputs() -> None:
    reader = READERS[0]
    seeds = reader.seeds()
    one, other = ([mutated(seeds, random.Random(f"x {n}"), reader.form) for n in range(30)] for _ in range(2))
    assert one == other
    assert len(set(one)) > 20


def looping(folder: Path, data: bytes) -> None:
    while data:
        pass


def reaching(folder: Path, data: bytes) -> None:
    with suppress(OSError):
        Path("/etc/no-such-file").read_text(encoding="utf-8")


def stumbling(folder: Path, data: bytes) -> None:
    if data != b"{}":
        raise KeyError("name")


def unplaced(folder: Path, data: bytes) -> None:
    if data != b"{}":
        raise InputError("this is wrong", code="bad-plan-file", hint="mend it")


@pytest.mark.parametrize(
    ("read", "why"),
    [
        (reaching, "it did [('open', '/etc/no-such-file')"),
        (stumbling, "KeyError"),
        (unplaced, "an error without a place"),
    ],
)
def test_a_reader_that_does_what_it_must_not_is_seen(read: Callable[[Path, bytes], None], why: str) -> None:
    ends, wrong, _ = fuzz(Reader("broken", "json", lambda: [b"{}"], read), 5, 0)
    assert ends["wrong"]
    assert why in str(wrong)


def test_a_reader_that_comes_to_no_end_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.fuzz.trying.LIMIT", 0.05)
    end, told = tried(Reader("broken", "json", lambda: [b"{}"], looping), b"{}", tmp_path)
    assert (end, told.partition("\n")[0]) == ("wrong", "took longer than it may")
