"""`python -m tests.fuzz.run`: many inputs for each reader, from a seed; a table of how they ended, and what was wrong.

--count N      inputs for each reader (10,000)
--seed N       the first seed (0); the inputs are the same again for the same seed and count
--reader NAME  only these (repeatable)
--keep FOLDER  where inputs that went wrong are written
"""

from __future__ import annotations

import argparse
import hashlib
import random
import re
import resource
import sys
import time
from pathlib import Path

from tests.fuzz.mutate import mutated
from tests.fuzz.readers import READERS, Reader, prepared
from tests.fuzz.trying import tried, watched, workplace


def named(reader: Reader) -> str:
    """The reader as a word that a file may be called."""
    return reader.name.lower().replace("$", "").replace(" ", "-")


def fuzz(reader: Reader, count: int, seed: int) -> tuple[dict[str, int], dict[str, tuple[bytes, str]], float]:
    """How many inputs ended how, one input and text for each kind of wrong, and the slowest input's seconds."""
    ends = {"accepted": 0, "refused": 0, "wrong": 0}
    wrong: dict[str, tuple[bytes, str]] = {}
    slowest = 0.0
    with workplace() as folder:
        seeds = taken(reader, folder)
        for number in range(count):
            rng = random.Random(f"{reader.name} {seed + number}")
            data = mutated(seeds, rng, reader.form)
            begun = time.process_time()
            with watched(folder) as seen:
                end, told = tried(reader, data, folder)
            slowest = max(slowest, time.process_time() - begun)
            if did := strange(reader, seen, folder):
                end, told = "wrong", f"{end}; it did {did[:3]}"
            ends[end] += 1
            if end == "wrong":
                wrong.setdefault(signature(told), (data, told))
    return ends, wrong, slowest


def taken(reader: Reader, folder: Path) -> list[bytes]:
    """The real files that the reader accepts: what is wrong with an input is then the mutation's doing."""
    prepared()
    seeds = [data for data in reader.seeds() if tried(reader, data, folder)[0] == "accepted"]
    assert seeds, f"no example of {reader.name} is accepted: python -m tests.fuzz.corpus"
    return seeds


def strange(reader: Reader, seen: list[tuple[str, str]], folder: Path) -> list[tuple[str, str]]:
    """What was done that a reader must not; the sandbox's own state is written anew."""
    return [one for one in seen if not _allowed(one, str(folder))] if reader.name != "sandbox state" else []


def _allowed(one: tuple[str, str], folder: str) -> bool:
    """Whether what was done is no more than putting the input there, or Python's reading of its own modules."""
    return one[0] == "open" and (one[1].startswith(folder) or "/lib/python" in one[1] or "/.venv/" in one[1])


def signature(told: str) -> str:
    """What tells one defect from another: where it was raised and what."""
    places = re.findall(r'File "[^"]*/(iamsync/[^"]+)", line (\d+)', told)
    last = told.strip().splitlines()[-1] if told.strip() else ""
    return f"{places[-1] if places else told.splitlines()[0][:80]} {last.partition(':')[0]}"


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--reader", action="append")
    parser.add_argument("--keep", type=Path)
    given = parser.parse_args()
    _quiet_sleeps()
    bad = 0
    heads = ("inputs", 7), ("accepted", 9), ("refused", 8), ("wrong", 6), ("CPU s", 7), ("slowest", 8), ("MB", 6)
    print(f"{'reader':<20}", *(f"{head:>{width}}" for head, width in heads))
    for reader in READERS:
        if given.reader and reader.name not in given.reader:
            continue
        begun = time.process_time()
        ends, wrong, slowest = fuzz(reader, given.count, given.seed)
        spent = time.process_time() - begun
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        print(
            f"{reader.name:<20} {given.count:>7,} {ends['accepted']:>9,} {ends['refused']:>8,} {ends['wrong']:>6,} "
            f"{spent:>7.1f} {slowest:>7.2f}s {memory:>6}",
            flush=True,
        )
        for name, (data, told) in wrong.items():
            bad += 1
            print(f"\n== {reader.name}: {name}\n{data[:300]!r}\n{told[-1800:]}\n", flush=True)
            if given.keep:
                given.keep.mkdir(parents=True, exist_ok=True)
                digest = hashlib.sha256(data).hexdigest()[:8]
                (given.keep / f"{named(reader)}-{digest}").write_bytes(data)
    return 1 if bad else 0


def _quiet_sleeps() -> None:
    """Repetitions of calls wait for nobody here."""
    import botocore.endpoint

    from iamsync.aws import cloudtrail

    botocore.endpoint.time.sleep = lambda _: None  # type: ignore[attr-defined]
    cloudtrail.PAUSE = 0.0  # type: ignore[misc]


if __name__ == "__main__":
    sys.exit(main())
