"""Sessions limited to a plan: made once, when their first step comes, and halved where AWS finds them too large."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from iamsync.aws.roles import Hop
from iamsync.aws.session import Access
from iamsync.engine.restricting import Restricted
from iamsync.errors import AwsError
from iamsync.model import Address, Call, Step

ACCOUNT = "111122223333"
STEPS = tuple(
    Step(f"s{number}", Address("user", f"user-{number}"), Call("CreateUser", {"UserName": f"user-{number}"}), "neutral")
    for number in range(1, 101)
)


class Ways:
    """Sessions that are as large as their policies; `asked` are those policies."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.asked: list[str] = []

    def limited(self, access: Access, policy: str) -> Any:
        self.asked.append(policy)
        if len(policy) > self.most:
            raise AwsError("too large", code="aws", aws_code="PackedPolicyTooLarge")
        return SimpleNamespace(policy=policy)


def restricted(ways: Ways) -> Restricted:
    plan = SimpleNamespace(account_id=ACCOUNT, partition="aws", steps=STEPS, prior={})
    reached = SimpleNamespace(access=Access(hops=(Hop(f"arn:aws:iam::{ACCOUNT}:role/iamsync"),)))
    return Restricted(ways, SimpleNamespace(plan=plan, reached=reached))  # type: ignore[arg-type]


def test_a_session_is_made_once_and_serves_all_its_steps() -> None:
    ways = Ways(10_000)
    writer = restricted(ways)
    assert ways.asked == []
    made = {id(writer(step)) for step in (*STEPS, *STEPS)}
    assert len(made) == len(ways.asked) == writer.sessions
    assert writer.sessions > 1


def test_what_aws_finds_too_large_is_halved_until_it_fits() -> None:
    ways = Ways(700)
    writer = restricted(ways)
    for step in STEPS:
        policy = writer(step).policy  # type: ignore[attr-defined]
        assert f':user/{step.params["UserName"]}"' in policy
        assert len(policy) <= 700
    assert len([policy for policy in ways.asked if len(policy) <= 700]) == writer.sessions


def test_one_call_that_is_too_large_is_the_errors_own() -> None:
    with pytest.raises(AwsError, match="too large"):
        restricted(Ways(10))(STEPS[0])
