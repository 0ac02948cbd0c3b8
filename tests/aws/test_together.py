"""Steps, calls and record together, side by side, over a wire that fails now and then."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from iamsync.apply import apply
from iamsync.aws.execute import Executor
from iamsync.aws.read import read
from iamsync.aws.session import Connection
from iamsync.events import Event, RunEnded
from iamsync.journal import Journal, header_of, read_run
from iamsync.model import Address, Call, Plan, Step

from .conftest import ACCOUNT, TRUST, Wire, document, refusal

PEOPLE = 6


def steps() -> tuple[Step, ...]:
    """A policy with two versions, and users and roles that hold it."""
    arn = f"arn:aws:iam::{ACCOUNT}:policy/deploy"
    policy, made = Address("policy", "deploy"), itertools.count(1)
    out: list[Step] = []

    def add(address: Address, operation: str, params: dict[str, Any], *after: str, touch: Address | None = None) -> str:
        name = f"s{next(made)}"
        touches = (address,) if touch is None else (address, touch)
        out.append(Step(name, address, Call(operation, MappingProxyType(params)), "grant", after, touches))
        return name

    first = add(policy, "CreatePolicy", {"PolicyName": "deploy", "PolicyDocument": document()})
    newer = {"PolicyArn": arn, "PolicyDocument": document("s3:*"), "SetAsDefault": True}
    add(policy, "CreatePolicyVersion", newer, first)
    for number in range(PEOPLE):
        user, role = Address("user", f"u{number}"), Address("role", f"r{number}")
        born = add(user, "CreateUser", {"UserName": user.name})
        add(user, "AttachUserPolicy", {"UserName": user.name, "PolicyArn": arn}, first, born, touch=policy)
        trusted = TRUST.replace('"Service":"ec2.amazonaws.com"', f'"AWS":"arn:aws:iam::{ACCOUNT}:user/{user.name}"')
        exists = add(role, "CreateRole", {"RoleName": role.name, "AssumeRolePolicyDocument": trusted}, born)
        add(role, "AttachRolePolicy", {"RoleName": role.name, "PolicyArn": arn}, first, exists, touch=policy)
    return tuple(out)


def plan() -> Plan:
    return Plan(
        account_id=ACCOUNT, partition="aws", account_name="prod", alias=None, caller="", now="", changes=(),
        steps=steps(), guards=(), findings=(), reported=(), unchanged=0, desired_digest="", read_set_digest="",
        approval="sha256:a",
    )  # fmt: skip


def sleepless(seconds: float) -> None:
    return None


@pytest.mark.parametrize("parallelism", [1, 8])
@pytest.mark.parametrize("seed", range(3))
def test_a_plan_is_carried_out_exactly_once_over_a_bad_wire(
    connection: Connection, wire: Wire, tmp_path: Path, parallelism: int, seed: int
) -> None:
    dice = random.Random(seed)
    kinds: list[Any] = ["lost", "reset", refusal("ConcurrentModification", 409), refusal("ServiceFailure", 500)]
    for operation in {step.operation for step in steps()}:
        wire.faults[operation] = [dice.choice(kinds) for _ in range(4)]
    with Journal(tmp_path, "20261124T023458Z-aaaa") as journal:
        journal.header(header_of(plan(), {}))
        ended = apply(plan(), Executor(connection, sleep=sleepless), report=journal, parallelism=parallelism)
    assert ended == RunEnded(len(steps()), 0, 0)
    run = read_run(tmp_path)
    assert run.complete
    assert set(run.outcomes.values()) == {"done"}
    state = read(connection)
    policy = state.resources[Address("policy", "deploy")]
    assert [(version, default) for version, _, default in policy.facts["versions"]] == [("v1", False), ("v2", True)]
    holders = [resource for resource in state if resource.address.kind in ("user", "role")]
    assert len(holders) == 2 * PEOPLE
    assert all(holder.spec.managed_policies for holder in holders)


class Crash(BaseException):
    """The machine is gone."""


@pytest.mark.parametrize("phase", ["before", "after"])
@pytest.mark.parametrize("at", [1, 5, 9])
def test_after_a_crash_the_record_holds_every_call_that_was_made(
    connection: Connection, wire: Wire, tmp_path: Path, at: int, phase: str
) -> None:
    count = itertools.count(1)

    def crash(operation: str) -> None:
        if next(count) == at and phase == "before":
            raise Crash

    def crash_after(answer: Any) -> Any:
        raise Crash

    wire.before = crash
    if phase == "after":
        order = [step.operation for step in steps()]
        nth = order[:at].count(order[at - 1])
        wire.faults[order[at - 1]] = [*[lambda answer: answer] * (nth - 1), crash_after]
    report: Callable[[Event], None]
    with Journal(tmp_path, "20261124T023458Z-aaaa") as report, pytest.raises(Crash):
        apply(plan(), Executor(connection, sleep=sleepless), report=report, parallelism=1)
    run = read_run(tmp_path)
    names = [step.id for step in steps()][:at]
    assert dict(run.outcomes) == {**dict.fromkeys(names[:-1], "done"), names[-1]: "started"}
    assert run.ended is None
