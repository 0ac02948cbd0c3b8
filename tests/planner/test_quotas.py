"""At a quota: what fits is ordered so that it works, what does not is refused before anything is called."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from iamsync.events import Event, StepEnded
from iamsync.kinds import KINDS
from iamsync.kinds.kind import Context
from iamsync.model import Address, Removal, Resource, State
from iamsync.planner import quotas
from iamsync.planner.compare import create
from iamsync.planner.situation import Situation
from iamsync.policy.document import Document
from iamsync.settings import Settings
from tests.planner.casefile import document, state
from tests.world import ACCOUNT, NOW, World, scope

CASES: list[dict[str, Any]] = yaml.safe_load((Path(__file__).parent / "quotas.yaml").read_text(encoding="utf-8"))
_RANGE = re.compile(r"(\d+)-(\d+)")
EMPTY = Document.of(document("allow s3:")).size
_NAMES = {"managed_policies": "p", "groups": "g", "tags": "t"}


def spelled(value: Any, field: str = "") -> Any:
    """`0-9` as so many names, `sized N` as a document of so many characters."""
    if isinstance(value, dict):
        return {key: spelled(held, key) for key, held in value.items()}
    if not isinstance(value, str):
        return value
    if field in _NAMES and (span := _RANGE.fullmatch(value)):
        names = [f"{_NAMES[field]}{number:02}" for number in range(int(span[1]), int(span[2]))]
        return dict.fromkeys(names, "x") if field == "tags" else names
    return f"allow s3:{'x' * (int(value[6:]) - EMPTY)}" if value.startswith("sized ") else value


def side(case: dict[str, Any], name: str) -> State:
    sections = spelled(case[name])
    for kind, letter, fields in (("policies", "p", {"document": "allow a:A"}), ("groups", "g", {})):
        for number in range(case.get(kind, 0)):
            sections.setdefault(kind, {})[f"{letter}{number:02}"] = fields
    return state(sections, {}, case.get("facts", {}) if name == "live" else {})


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_an_account_at_a_quota(case: dict[str, Any]) -> None:
    world = World().holds(side(case, "live"))
    world.server.quotas.update(case.get("quotas", {}))
    removed = tuple(Removal(Address.parse(item)) for item in case.get("removed", ()))
    desired = replace(side(case, "desired"), removed=removed)
    made = world.plan(desired)
    told = [guard.title for guard in made.guards if guard.id == "over-quota"]
    near = [finding.title for finding in made.findings if finding.id == "near-quota"]
    assert told == ([case["over"]] if "over" in case else [])
    assert near == ([case["near"]] if "near" in case else [])

    refused: list[str] = []

    def report(event: Event) -> None:
        if isinstance(event, StepEnded) and event.outcome == "failed":
            refused.append(event.reason)

    world.calls.clear()
    ended = world.apply(made, report=report)
    if "over" in case:
        assert made.refusals
        assert ended.failed
        assert all("LimitExceeded" in reason for reason in refused)
        return
    assert (ended.failed, refused) == (0, [])
    assert world.writes == calls(case["calls"])
    assert not world.plan(desired).changes


def calls(told: list[str] | str) -> list[str]:
    if isinstance(told, list):
        return told
    names, _, times = told.partition(" * ")
    return names.strip("[]").split(", ") * int(times)


def test_there_are_enough_cases() -> None:
    assert len(CASES) >= 14
    assert sum("over" in case for case in CASES) >= 5


def test_what_the_account_does_not_tell_and_may_have_had_raised_is_no_reason_to_refuse() -> None:
    """A snapshot or a saved answer has no quotas in it."""
    cx = Context(ACCOUNT)
    trust = Document.of({"Version": "2012-10-17", "Statement": [{"Sid": "a" * 2100}]})
    role = Resource(Address("role", "a"), KINDS["role"].spec(trust))
    live = State.of(ACCOUNT, (), complete=frozenset(KINDS))
    situation = Situation(State.of(ACCOUNT, [role]), live, [create(role, cx)], Settings(scope()), NOW, cx, 0)
    (found,) = quotas.quotas(situation)
    assert (found.id, found.severity) == ("near-quota", "medium")
    assert "AWS's default, which the account may have had raised, is 2048" in found.title
    told = replace(situation, live=replace(live, quotas={"AssumeRolePolicySizeQuota": 2048}))
    assert [(one.id, one.severity) for one in quotas.quotas(told)] == [("over-quota", "refuse")]
