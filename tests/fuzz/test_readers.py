"""A few mutated inputs for each reader, and all that once went wrong; `make fuzz` tries ten thousand for each.

To keep one that went wrong: put it into `kept/READER/NAME` (the reader's name with dashes), small and readable.
"""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.fuzz.mutate import mutated
from tests.fuzz.readers import READERS, Reader
from tests.fuzz.run import fuzz, named
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
    with watched(tmp_path):
        end, told = tried(reader, (KEPT / case).read_bytes(), tmp_path)
    assert end != "wrong", told


def test_the_same_seed_makes_the_same_inputs() -> None:
    reader = READERS[0]
    seeds = reader.seeds()
    one, other = ([mutated(seeds, random.Random(f"x {n}"), reader.form) for n in range(30)] for _ in range(2))
    assert one == other
    assert len(set(one)) > 20
