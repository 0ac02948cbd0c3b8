"""Many acts that wait for the same many others: a pause of no length stands between them."""

from __future__ import annotations

from iamsync.kinds import KINDS
from iamsync.kinds.role import Role
from iamsync.kinds.user import User
from iamsync.model import Address, Plan, Resource, State
from iamsync.planner.plan import plan
from iamsync.policy.document import Document
from tests.world import ACCOUNT, NOW, settings

ALL = Document.of({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}})


def trusting(who: str) -> Document:
    statement = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:{who}"}, "Action": "sts:AssumeRole"}
    return Document.of({"Version": "2012-10-17", "Statement": statement})


def narrowed_beside(many: int) -> Plan:
    """As many roles that trusted the account trust one user of it, as many users come to be administrators."""
    sides = []
    for trusted, held in (("root", ()), ("user/u000", (("all", ALL),))):
        roles = [Resource(Address("role", f"r{n:03}"), Role(trusting(trusted))) for n in range(many)]
        users = [Resource(Address("user", f"u{n:03}"), User(inline_policies=held)) for n in range(many)]
        sides.append(State.of(ACCOUNT, [*roles, *users], complete=frozenset(KINDS)))
    return plan(sides[1], sides[0], settings(), account_name="t", caller="c", now=NOW, access=False)


def test_roles_are_narrowed_before_users_gain_whatever_their_number() -> None:
    for many in (5, 60):
        made = narrowed_beside(many)
        before: dict[str, set[str]] = {}
        for step in made.steps:
            before[step.id] = set(step.after).union(*(before[other] for other in step.after))
        narrowing = {step.id for step in made.steps if step.operation == "UpdateAssumeRolePolicy"}
        gaining = [step for step in made.steps if step.operation == "PutUserPolicy" and step.address.name != "u000"]
        assert (len(narrowing), len(gaining)) == (many, many - 1)
        assert all(narrowing <= before[step.id] for step in gaining)


def test_their_waits_grow_with_their_number_and_not_with_its_square() -> None:
    made = narrowed_beside(60)
    assert sum(len(step.after) for step in made.steps) < 60 * 6
    pauses = [step for step in made.steps if step.operation == "wait"]
    assert [dict(step.params) for step in pauses] == [{"seconds": 0}] * len(pauses)
    assert pauses
