"""iamsync's evaluator against one written by others from the same AWS documents."""

from __future__ import annotations

import json
import os
import secrets

import pytest

from tests.oracle.cases import Json
from tests.oracle.compare import Comparison, drawn
from tests.oracle.divergences import TABLE, documents
from tests.oracle.judge import missing
from tests.oracle.ours import decided
from tests.oracle.run import GOLDEN

FIXED_SEED = 1
EACH = 2500


def golden() -> list[Json]:
    return [json.loads(line) for line in GOLDEN.read_text(encoding="utf-8").splitlines()]


def test_every_difference_from_the_independent_evaluator_is_a_known_one() -> None:
    if reason := missing():
        pytest.skip(f"the independent evaluator cannot be asked: {reason}")
    seed = int(os.environ.get("IAMSYNC_ORACLE_SEED", secrets.randbelow(10**9)))
    found = Comparison()
    for each in (FIXED_SEED, seed):
        found.add(drawn(each, EACH))
    assert found.cases == 2 * EACH
    told = [f"iamsync {ours}, the other {theirs}: {json.dumps(case)}" for case, ours, theirs in found.open[:3]]
    assert not found.open, f"IAMSYNC_ORACLE_SEED={seed}: {len(found.open)} differences\n" + "\n".join(told)
    # A generator that only ever draws one verdict would compare nothing.
    assert min(found.verdicts.values()) > found.cases / 10


def test_the_golden_verdicts_still_hold() -> None:
    cases = golden()
    assert len(cases) >= 300
    wrong = [
        (case["id"], decided(case).verdict, case["verdict"])
        for case in cases
        if decided(case).verdict != case["verdict"]
    ]
    assert wrong == []


def test_the_golden_cases_show_every_layer_and_verdict() -> None:
    cases = golden()
    layers = {
        name for case in cases for name in ("boundary", "session", "scps", "rcps", "resourcePolicy") if case.get(name)
    }
    assert layers == {"boundary", "session", "scps", "rcps", "resourcePolicy"}
    assert {case["verdict"] for case in cases} == {"allowed", "explicit_deny", "implicit_deny"}
    assert sum(1 for case in cases for _ in documents(case)) > len(cases)


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.id)
def test_a_known_difference_names_what_aws_says_and_what_the_other_does(row: object) -> None:
    assert getattr(row, "aws", "").endswith(".")
    assert getattr(row, "other", "")
