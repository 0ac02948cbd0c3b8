"""The words of permission differences: cases as data, a directory each with `before.yaml`, `after.yaml` and `text`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from iamsync.policy.access import Access, difference, lines
from iamsync.policy.evaluate import Source
from iamsync.policy.holdings import Holdings, Unknown
from iamsync.policy.request import Principal
from tests.policy.policysets import ACCOUNT, ALICE, source

CASES = sorted(path.parent for path in (Path(__file__).parent / "access").glob("*/before.yaml"))


def read(path: Path) -> tuple[str, Holdings]:
    held = yaml.safe_load(path.read_text())
    identity = (*sources(held.get("identity")), *map(Unknown, held.get("unknown", ())))
    boundary = next(iter(sources(held.get("boundary"))), None)
    return held["principal"], Holdings(identity, boundary, tuple(map(sources, held.get("scps", ()))))


def sources(held: dict[str, Any] | None) -> tuple[Source, ...]:
    return tuple(source(label, members) for label, members in (held or {}).items())


def told(case: Path) -> str:
    name, before = read(case / "before.yaml")
    also, after = read(case / "after.yaml")
    assert name == also
    found = compared(before, after, Principal.of(f"arn:aws:iam::{ACCOUNT}:{name}"))
    return "\n".join((name, *(f"  {line}" for line in lines(found, via=True)), ""))


def compared(before: Holdings, after: Holdings, principal: Principal = ALICE) -> Access:
    return difference(before, after, principal=principal, account_id=ACCOUNT)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_what_a_person_reads(case: Path) -> None:
    assert told(case) == (case / "text").read_text()


# Each may be part of a text that any others match as well: 2^30 cells.
MANY = [f"arn:aws:s3:::*{letter}*" for letter in "abcdefghijklmnopqrstuvwxyz0123"]
READ = {"Effect": "Allow", "Action": "s3:GetObject"}


@pytest.mark.parametrize("gains", [True, False])
def test_many_patterns_that_overlap_are_told_exactly_where_their_rules_say_the_same(gains: bool) -> None:
    two = source("own", [{**READ, "Resource": MANY[:20]}, {**READ, "Resource": [*MANY[15:], "arn:aws:s3:::*ab*"]}])
    sides = (Holdings(), Holdings((two,))) if gains else (Holdings((two,)), Holdings())
    found = compared(*sides)
    assert not found.undecided
    assert (len(found.gained), len(found.lost)) == ((1, 0) if gains else (0, 1))
    (region,) = (*found.gained, *found.lost)
    assert region.resources == tuple(sorted(MANY))
    assert not region.excepted
    assert region.actions == ("s3:GetObject",)


@pytest.mark.parametrize(
    "more",
    [
        {"Effect": "Deny", "Action": "s3:*", "Resource": "arn:aws:s3:::*secret*"},
        {**READ, "Resource": "arn:aws:s3:::*mfa*", "Condition": {"Bool": {"aws:MultiFactorAuthPresent": "true"}}},
        {**READ, "NotResource": "arn:aws:s3:::*not*"},
    ],
    ids=["denied", "on a condition", "all but"],
)
def test_many_patterns_that_overlap_are_undecided_where_it_matters_which_of_them_hold(more: dict[str, Any]) -> None:
    found = compared(Holdings(), Holdings((source("own", [{**READ, "Resource": MANY}, more]),)))
    assert [one.reason for one in found.undecided] == ["its resource patterns overlap in too many ways"]
    assert not found.gained


def test_an_action_that_names_no_service_covers_nothing() -> None:
    found = compared(Holdings(), Holdings((source("own", [{**READ, "Action": "s3", "Resource": "*"}]),)))
    assert (found.gained, found.lost, found.undecided) == ((), (), ())


@pytest.mark.parametrize("action", ["s3:", ":", ":GetObject", "*:"])
def test_an_action_that_is_none_is_undecided_and_no_defect(action: str) -> None:
    found = compared(Holdings(), Holdings((source("own", [{**READ, "Action": action, "Resource": "*"}]),)))
    assert not found.gained
    assert [one.reason.partition(":")[0] for one in found.undecided] == ["no request was found that shows it"]
