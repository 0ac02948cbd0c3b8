"""What would be missed is asked about first: each guard fires, lets the near miss pass, and lets go when told."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from iamsync.kinds import KINDS
from iamsync.kinds.kind import Context
from iamsync.model import Address, Finding, Resource, State
from iamsync.planner import losing
from iamsync.planner.compare import delete
from iamsync.planner.guards import FINAL
from iamsync.planner.situation import Situation
from iamsync.settings import GUARDS, Settings
from tests.planner.casefile import plan_of
from tests.world import ACCOUNT, NOW, scope

CASES: list[dict[str, Any]] = yaml.safe_load((Path(__file__).parent / "losing.yaml").read_text(encoding="utf-8"))
ABOUT = {
    *("recently-used", "boundary-removed", "whole-kind-deleted", "foreign-owned", "principals-losing-access"),
    *("delete-credentials", "provider-deleted", "password-policy"),
}


def _how(guard: Finding) -> str:
    if guard.acknowledged:
        return " ok"
    return " warns" if guard.severity == "warn" else ""


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_what_would_be_missed_is_asked_about(case: dict[str, Any]) -> None:
    found = [guard for guard in plan_of(yaml.safe_dump(case)).guards if guard.id in ABOUT]
    said = [f"{guard.id} {guard.address or '-'}{_how(guard)}" for guard in found]
    assert sorted(said) == sorted(case["says"])
    if "text" in case:
        assert any(case["text"] in f"{guard.title}\n{guard.evidence}" for guard in found)
    assert all(guard.remedy for guard in found)


def test_each_of_these_guards_can_be_agreed_to() -> None:
    assert set(GUARDS) >= ABOUT
    assert not ABOUT & FINAL


def test_what_has_expired_is_held_up_neither_by_its_last_use_nor_by_its_number() -> None:
    cx = Context(ACCOUNT)
    users = [
        Resource(Address("user", name), KINDS["user"].spec(), facts={"last_used": "2026-11-23T00:00:00Z"})
        for name in ("a", "b", "c")
    ]
    live, nobody = State.of(ACCOUNT, users), State.of(ACCOUNT, ())
    gone = [delete(user, cx, "expired", None) for user in users]
    situation = Situation(nobody, live, gone, Settings(scope()), NOW, cx, 3)
    assert not list(losing.recently_used(situation))
    assert not list(losing.whole_kind_deleted(situation))
    removed = replace(situation, differences=[replace(one, cause="removed") for one in gone])
    assert len(list(losing.recently_used(removed))) == 3
    assert len(list(losing.whole_kind_deleted(removed))) == 1
