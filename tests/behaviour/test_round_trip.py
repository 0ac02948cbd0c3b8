"""What is imported plans to nothing against where it came from; and a plan is the same whichever way it was read."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iamsync.aws.session import Access, connect
from iamsync.engine.options import Options
from iamsync.engine.project import Project
from iamsync.kinds.user import User
from iamsync.manifest import dump
from iamsync.manifest.dump import Layout
from iamsync.model import Address, Plan, Resource, State
from iamsync.planner import planfile
from iamsync.sandbox import Server
from tests.behaviour.account import DECLARED
from tests.laws.law import law
from tests.laws.upheaval import AFTER, BEFORE
from tests.strategies import states, two_states
from tests.world import ACCOUNT, SESSIONS, World, bare, towards

LAYOUTS: tuple[Layout, ...] = get_args(Layout)


def written(state: State, layout: Layout) -> dict[str, str]:
    return dump.manifests(state, layout=layout, declared=frozenset(), schema="")


def loaded(files: Iterable[tuple[str, str]]) -> State:
    """What these manifests, written in this order, declare."""
    with tempfile.TemporaryDirectory() as folder:
        for name, text in files:
            path = Path(folder) / "iam" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        project = Project.open(Options(cwd=Path(folder), account_id=ACCOUNT))
        (account,) = project.accounts()
        return project.desired(account, ACCOUNT)


def plan_bytes(plan: Plan) -> str:
    """The plan file but for the moment it was made."""
    return planfile.to_text(planfile.document([plan], version="0", created_at="2026-11-24T00:00:00Z"))


@law(25)
@given(states(), st.sampled_from(LAYOUTS))
def test_what_is_imported_plans_to_no_change_against_the_account_it_came_from(state: State, layout: Layout) -> None:
    world = World().holds(state)
    live = world.read()
    files = written(live, layout)
    assert written(world.read(), layout) == files
    if live.resources:
        desired = loaded(files.items())
        assert desired.resources.keys() == live.resources.keys()
        plan = world.plan(desired)
        assert not plan.changes, plan.changes
        assert not plan.refusals


@law(15)
@given(two_states(), st.randoms(use_true_random=False))
def test_the_order_in_which_files_were_written_does_not_show_in_a_plan(pair: tuple[State, State], random: Any) -> None:
    before, after = pair
    if not after.resources:
        return
    world = World().holds(before)
    files = list(written(after, "file-per-resource").items())
    one = world.plan(towards(loaded(files), before))
    random.shuffle(files)
    other = world.plan(towards(loaded(files), before))
    assert plan_bytes(one) == plan_bytes(other)
    # Another layout has other places, and nothing else.
    third = world.plan(towards(loaded(written(after, "file-per-kind").items()), before))
    assert third.approval == one.approval
    assert third.steps == one.steps


@dataclass
class Pages:
    """A way to a server that gives no more than `size` things a page."""

    server: Server
    size: int

    def __call__(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> Any:
        body = re.sub(rb"MaxItems=\d+", b"MaxItems=%d" % self.size, body)
        body = re.sub(rb'"ResourcesPerPage": \d+', b'"ResourcesPerPage": %d' % min(self.size, 100), body)
        return self.server.handle(method, url, headers, body)


def paged(server: Server, size: int) -> World:
    world = World(server=server)
    world._connection = connect(
        Access(account_id=ACCOUNT), transport=Pages(server, size), sessions=SESSIONS, tap=world.calls.append
    )
    return world


@law(15)
@given(two_states(), st.integers(1, 8))
def test_the_size_of_pages_does_not_show_in_a_plan(pair: tuple[State, State], size: int) -> None:
    before, after = pair
    world = World().holds(before)
    desired = towards(after, before)
    assert plan_bytes(paged(world.server, size).plan(desired)) == plan_bytes(world.plan(desired))


@pytest.mark.parametrize("size", [1, 2, 3, 5, 7, 11, 1000])
def test_a_long_way_is_planned_alike_in_pages_of_any_size(size: int) -> None:
    world = World().holds(BEFORE)
    whole = plan_bytes(world.plan(AFTER))
    small = paged(world.server, size)
    assert plan_bytes(small.plan(AFTER)) == whole
    entities = len(BEFORE)
    assert small.calls.count("GetAccountAuthorizationDetails") == -(-entities // size)
    assert plan_bytes(small.plan(DECLARED)) == plan_bytes(world.plan(DECLARED))


def test_letters_that_only_a_dictionary_takes_for_one_are_two_tags() -> None:
    # "Straße" and "STRASSE" are two keys by their lower case, and one by Unicode's case folding.
    both = State.of(ACCOUNT, [Resource(Address("user", "x"), User(tags=(("STRASSE", "1"), ("Straße", "2"))))])
    world = World()
    assert not world.apply(world.plan(both)).failed
    assert bare(world.read()) == bare(both)
    assert not world.plan(loaded(written(world.read(), "file-per-kind").items())).changes
