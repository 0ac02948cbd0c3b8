"""The same work for each account, through any executor: results in order, failures in their place."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from threading import Event
from typing import Any

import pytest

from iamsync.aws.calls import call
from iamsync.aws.roles import Hop
from iamsync.aws.session import Access, Connection, Sessions, connect
from iamsync.errors import AccessDenied, InputError
from iamsync.fleet import each, shard_of, waves
from tests.fleet.accounts import fleet, number
from tests.fleet.test_fleets import LOADER


class Backwards(Executor):
    """Does what it was given last first, as a cluster might."""

    def __init__(self) -> None:
        self.held: list[tuple[Future[Any], Callable[[], Any]]] = []

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        self.held.append((future, lambda: fn(*args, **kwargs)))
        if len(self.held) == 3:
            for waiting, work in reversed(self.held):
                waiting.set_result(work())
        return future


def test_results_are_in_the_order_of_the_accounts_whoever_is_done_first() -> None:
    done: list[str] = []

    def work(name: str) -> str:
        done.append(name)
        return name.upper()

    assert each("abc", work, Backwards()) == ["A", "B", "C"]
    assert done == ["c", "b", "a"]


def test_what_is_wrong_with_one_account_stands_in_its_place_and_anything_else_ends_the_run() -> None:
    def work(name: str) -> str:
        if name == "b":
            raise AccessDenied("no", code="access-denied")
        if name == "x":
            raise InputError("wrong", code="bad-option")
        return name

    with ThreadPoolExecutor(1) as pool:
        good, bad, other = each("abc", work, pool)
        assert (good, other) == ("a", "c")
        assert isinstance(bad, AccessDenied)
        with pytest.raises(InputError):
            each("ax", work, pool)


def test_what_was_not_begun_when_a_run_ends_is_not_begun_any_more() -> None:
    begun: list[str] = []
    gate = Event()

    def work(name: str) -> str:
        begun.append(name)
        if name == "x":
            raise InputError("wrong", code="bad-option")
        gate.wait(5)
        return name

    with ThreadPoolExecutor(2) as pool:
        with pytest.raises(InputError):
            each("xabcdefgh", work, pool)
        gate.set()
    assert len(begun) < 9


def test_a_shard_is_told_by_the_id_alone_and_none_is_left_out() -> None:
    ids = [f"{at * 7919:012d}" for at in range(400)]
    shares = [sum(shard_of(key, 4) == part for key in ids) for part in (1, 2, 3, 4)]
    assert sum(shares) == 400
    assert min(shares) > 60


def test_waves_are_in_order_and_each_keeps_the_order_it_was_given() -> None:
    assert waves([(2, "a"), (1, "b"), (2, "c"), (1, "d")]) == [(1, ["b", "d"]), (2, ["a", "c"])]


def test_accounts_share_the_clients_that_each_asks_once_and_sign_with_their_own_credentials(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made: list[str] = []
    client = Sessions.client
    monkeypatch.setattr(
        Sessions, "client", lambda self, session, name, **more: made.append(name) or client(self, session, name, **more)
    )
    with fleet() as many:
        for name, value in many.environment.items():
            monkeypatch.setenv(name, value)
        sessions = Sessions(_loader=LOADER)

        def connected(at: int) -> Connection:
            # Chained: the second role is assumed within the call that needs its credentials.
            hops = (Hop(f"arn:aws:iam::{number(90)}:role/hub"), Hop(f"arn:aws:iam::{number(at)}:role/iamsync"))
            return connect(Access(endpoint_url=many.url, hops=hops, account_id=number(at)), sessions=sessions)

        with ThreadPoolExecutor(4) as pool:
            found = list(pool.map(connected, range(6)))
            many.calls.clear()
            list(pool.map(lambda one: call(one.tagging, "GetResources"), [*found, *reversed(found)]))
        assert [one.account_id for one in found] == [number(at) for at in range(6)]
        assert sorted(account for account, _ in many.calls) == sorted([number(at) for at in range(6)] * 2)
        assert (made.count("sts"), made.count("resourcegroupstaggingapi"), made.count("iam")) == (1, 1, 6)
