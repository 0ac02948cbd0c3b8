"""Whenever a run over instance profiles, providers and settings of the account dies, the next one gets there."""

from __future__ import annotations

from dataclasses import replace

import pytest

from iamsync.kinds import KINDS
from iamsync.kinds.account import Account, PasswordPolicy
from iamsync.kinds.codec import from_json
from iamsync.model import Address, Removal, Resource, State
from iamsync.sandbox import Server
from tests.behaviour.account import living
from tests.laws.law import FULL
from tests.laws.test_crash import Lossy, SimulatedCrash, When, Wire, crash, reached
from tests.strategies import metadata
from tests.world import ACCOUNT, World, bare, settings

TRUST = {"Statement": {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}}
# Too old: with a longer life nobody's password ends.
OLD, NEW = PasswordPolicy(14, max_password_age=90), PasswordPolicy(16, True, max_password_age=180)


def one(address: str, **fields: object) -> Resource:
    return from_json(Address.parse(address), fields)


def profile(name: str, role: str | None, path: str = "/", **fields: object) -> Resource:
    arn = None if role is None else f"arn:aws:iam::{ACCOUNT}:role{path}{role}"
    return one(f"instance_profile/{name}", role=arn, **fields)


def setting(**fields: object) -> Resource:
    (name,) = fields
    return Resource(Address("account", name), Account(**fields))  # type: ignore[arg-type]


def state(*resources: Resource, removed: tuple[str, ...] = ()) -> State:
    gone = tuple(Removal(Address.parse(name)) for name in removed)
    return State.of(ACCOUNT, resources, complete=frozenset(KINDS), removed=gone)


BEFORE = state(
    *(one(f"role/{name}", trust_policy=TRUST) for name in ("leaves", "moves", "stays")),
    profile("filled", None),
    profile("emptied", "stays"),
    profile("swapped", "leaves"),
    profile("kept", "moves"),
    profile("gone", "stays", tags={"team": "web"}),
    one("oidc_provider/ci.example.com", client_ids=["a", "b"], thumbprints=["0" * 40], tags={"team": "web", "x": "1"}),
    one("oidc_provider/old.example.com", client_ids=["a"], thumbprints=["0" * 40]),
    one("saml_provider/okta", metadata=metadata("urn:one"), tags={"team": "it"}),
    one("saml_provider/old", metadata=metadata("urn:old")),
    setting(alias="acme-old"),
    setting(password_policy=OLD),
)
AFTER = state(
    one("role/stays", trust_policy=TRUST),
    one("role/moves", path="/ci/", trust_policy=TRUST),  # replaced: its profile lets go of it and gets it back
    profile("filled", "stays", tags={"team": "web"}),
    profile("emptied", None),
    profile("swapped", "stays"),
    profile("kept", "moves", "/ci/"),
    profile("new", "stays"),
    one("oidc_provider/ci.example.com", client_ids=["b", "c"], thumbprints=["1" * 40], tags={"team": "ops"}),
    one("oidc_provider/new.example.com", client_ids=["a"], thumbprints=["1" * 40], tags={"team": "ops"}),
    one("saml_provider/okta", metadata=metadata("urn:two"), tags={"team": "ops"}),
    one("saml_provider/new", metadata=metadata("urn:new")),
    setting(alias="acme-new"),
    setting(password_policy=NEW),
    removed=("role/leaves", "instance_profile/gone", "oidc_provider/old.example.com", "saml_provider/old"),
)
OPTIONS = settings()


def run(server: Server, wire: Wire) -> None:
    """Plan and apply in a process of its own."""
    world = reached(server, wire)
    made = world.plan(AFTER, OPTIONS)
    assert not made.refusals, made.refusals
    ended = world.apply(made)
    assert (ended.failed, ended.skipped) == (0, 0)


@pytest.fixture(scope="module")
def writes() -> list[str]:
    server = living(BEFORE).server
    wire = Wire(server)
    run(server, wire)
    left = World(server=server)
    assert bare(left.read(), AFTER) == bare(AFTER)
    assert not left.plan(AFTER, OPTIONS).changes
    return wire.executed


WRITES = 27
EVERY: list[tuple[int, When]] = [(k, when) for k in range(WRITES) for when in ("before", "after")]  # type: ignore[misc]
SOME: list[tuple[int, When]] = [(k, "after") for k in range(0, WRITES, 3)]


def test_the_plan_that_crashes_holds_every_call_of_these_kinds(writes: list[str]) -> None:
    assert len(writes) == WRITES
    assert set(writes) >= {
        *("CreateInstanceProfile", "AddRoleToInstanceProfile", "RemoveRoleFromInstanceProfile", "TagInstanceProfile"),
        *("DeleteInstanceProfile", "CreateOpenIDConnectProvider", "AddClientIDToOpenIDConnectProvider"),
        *("RemoveClientIDFromOpenIDConnectProvider", "UpdateOpenIDConnectProviderThumbprint"),
        *("TagOpenIDConnectProvider", "UntagOpenIDConnectProvider", "DeleteOpenIDConnectProvider"),
        *("CreateSAMLProvider", "UpdateSAMLProvider", "TagSAMLProvider", "DeleteSAMLProvider"),
        *("CreateAccountAlias", "UpdateAccountPasswordPolicy", "CreateRole", "DeleteRole"),
    }


@pytest.mark.parametrize(("k", "when"), EVERY if FULL else SOME)
def test_a_run_killed_at_any_call_is_finished_by_the_next(writes: list[str], k: int, when: When) -> None:
    server = living(BEFORE).server
    wire = Wire(server, k, when, die=crash)
    with pytest.raises(SimulatedCrash):
        run(server, wire)
    assert wire.executed == writes[: k if when == "before" else k + 1]
    again = Wire(server)
    run(server, again)
    assert bare(World(server=server).read(), AFTER) == bare(AFTER)
    assert sorted(wire.executed + again.executed) == sorted(writes)


def test_a_run_that_dies_again_and_again_gets_there_all_the_same(writes: list[str]) -> None:
    server, executed = living(BEFORE).server, list[str]()
    for _ in range(WRITES):
        wire = Wire(server, 4, "after", die=crash)
        try:
            run(server, wire)
        except SimulatedCrash:
            executed += wire.executed
            continue
        executed += wire.executed
        break
    assert bare(World(server=server).read(), AFTER) == bare(AFTER)
    assert sorted(executed) == sorted(writes)


LOST = ("CreateInstanceProfile", "AddRoleToInstanceProfile", "RemoveRoleFromInstanceProfile", "DeleteInstanceProfile")
LOST += ("CreateOpenIDConnectProvider", "DeleteOpenIDConnectProvider", "CreateSAMLProvider", "UpdateSAMLProvider")
LOST += ("DeleteSAMLProvider", "CreateAccountAlias", "RemoveClientIDFromOpenIDConnectProvider")
LOST += ("UpdateAccountPasswordPolicy", "AddClientIDToOpenIDConnectProvider", "TagInstanceProfile")


@pytest.mark.parametrize("operation", LOST if FULL else LOST[:-3])
def test_a_lost_answer_does_not_fail_the_run_nor_do_anything_twice(
    writes: list[str], operation: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda seconds: None)
    assert operation in writes
    server = living(BEFORE).server
    run(server, Lossy(server, operation=operation))
    assert bare(World(server=server).read(), AFTER) == bare(AFTER)


def test_settings_that_are_removed_are_gone_whenever_the_run_died() -> None:
    goal = replace(AFTER, resources={}, removed=(Removal(Address("account", "alias")), Removal(PASSWORDS)))
    for k in range(2):
        server = living(state(setting(alias="acme"), setting(password_policy=OLD))).server
        wire = Wire(server, k, "after", die=crash)
        world = reached(server, wire)
        with pytest.raises(SimulatedCrash):
            world.apply(world.plan(goal, OPTIONS))
        rest = World(server=server)
        assert not rest.apply(rest.plan(goal, OPTIONS)).failed
        assert not len(rest.read())


PASSWORDS = Address("account", "password_policy")
