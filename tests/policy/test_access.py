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
