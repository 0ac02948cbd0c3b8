"""A key that appears while the answer to a creation is lost goes only where it cannot be somebody else's."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError, ReadTimeoutError

from iamsync.aws.errors import translate
from iamsync.aws.session import Access, connect
from iamsync.aws.straykeys import Seen, own, seen
from iamsync.delivery import Secret
from iamsync.errors import AwsError, IamsyncError
from iamsync.events import StepEnded
from iamsync.keys import turn
from tests.keys.rotating import ACCOUNT, PLACE, SESSIONS, USER, Crash, Years, rule, text
from tests.keys.test_rotation import at_rest

WISHES = rule()


def lost(years: Years, meanwhile: Callable[[Any, str], None]) -> list[str]:
    """Has the first creation's answer be lost; `meanwhile` is what others do then, with a client and our key's id."""
    others = connect(Access(account_id=ACCOUNT), transport=years.server.handle, sessions=SESSIONS).iam
    met: list[str] = []

    def lose(operation: str) -> bool:
        if operation != "CreateAccessKey" or met:
            return False
        made = others.list_access_keys(UserName=USER.name)["AccessKeyMetadata"][-1]["AccessKeyId"]
        met.append(made)
        meanwhile(others, made)
        return True

    years.lose = lose
    return met


def another(iam: Any, ours: str) -> None:
    iam.create_access_key(UserName=USER.name)


def instead(iam: Any, ours: str) -> None:
    """Ours was never made, and somebody's is off again."""
    iam.update_access_key(UserName=USER.name, AccessKeyId=ours, Status="Inactive")


@pytest.mark.parametrize(
    ("meanwhile", "says"),
    [(another, "which of them this call made cannot be told"), (instead, "somebody switched it off already")],
)
def test_what_may_be_somebodys_stays_and_no_later_run_removes_it(
    tmp_path: Path, meanwhile: Callable[[Any, str], None], says: str
) -> None:
    years = Years(tmp_path)
    lost(years, meanwhile)
    events: list[Any] = []
    _, _, ended = years.rotate(WISHES, report=events.append)
    assert (ended.failed, years.writes.count("CreateAccessKey")) == (1, 1)
    there = years.held()
    (failed,) = (event for event in events if isinstance(event, StepEnded) and event.outcome == "failed")
    assert says in failed.reason
    assert all(key in failed.reason for key in there)
    assert "iamsync keys deactivate --user ci-bot" in failed.reason
    assert "DeleteAccessKey" not in years.writes
    years.days = 0.01
    assert not any(act.calls[0][0].operation == "DeleteAccessKey" for act in years.turn(WISHES).acts)


def test_a_key_that_was_made_before_the_call_is_nobodys_to_remove(tmp_path: Path) -> None:
    years = Years(tmp_path)
    years.lose = lambda operation: operation == "CreateAccessKey"
    handle = years.server.handle

    def early(method: str, url: str, headers: Any, body: bytes) -> Any:
        """What shows now was made some minutes ago."""
        years.days -= 0.01 if b"CreateAccessKey" in body else 0
        try:
            return handle(method, url, headers, body)
        finally:
            years.days = 0.0

    years.server.handle = early  # type: ignore[method-assign]
    _, _, ended = years.rotate(WISHES)
    assert (ended.failed, len(years.active())) == (1, 1)
    years.lose, years.days = (lambda operation: False), 0.02
    years.rotate(WISHES)
    assert "DeleteAccessKey" not in years.writes


NOON = datetime(2027, 1, 1, 12, tzinfo=UTC)
NONE = Seen({}, NOON)


def one(seconds: float = 1, status: str = "Active") -> Seen:
    return Seen({"AKIANEW": (status, NOON + timedelta(seconds=seconds))}, NOON + timedelta(seconds=2))


def failure(cause: Exception) -> AwsError:
    try:
        raise translate(cause, "CreateAccessKey") from cause
    except AwsError as error:
        return error


GONE = failure(ReadTimeoutError(endpoint_url="https://iam.amazonaws.com"))


class Account:
    """Nothing was used, or everything."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, used: bool) -> None:
        told = {"AccessKeyLastUsed": {"LastUsedDate": NOON} if used else {"ServiceName": "N/A"}}
        monkeypatch.setattr("iamsync.aws.straykeys.call", lambda iam, operation, params: told)


@pytest.mark.parametrize("seconds", [-1, 0, 2, 3])
def test_one_unused_key_of_the_time_of_the_call_is_its_own(monkeypatch: pytest.MonkeyPatch, seconds: int) -> None:
    account = Account(monkeypatch, used=False)
    assert own(account, "bot", NONE, one(seconds), one(seconds), GONE) == "AKIANEW"
    assert own(account, "bot", NONE, NONE, NONE, GONE) == ""


@pytest.mark.parametrize(
    ("last", "first", "used", "error", "says"),
    [
        (one(-2), one(), False, GONE, "it was made at 11:59:58, when this call was not under way"),
        (one(4), one(), False, GONE, "it was made at 12:00:04"),
        (one(), one(), True, GONE, "somebody uses it already"),
        (one(status="Inactive"), one(), False, GONE, "somebody switched it off already"),
        (one(), replace(one(), at=None), False, GONE, "the endpoint does not tell its time"),
        (one(), one(), False, failure(EndpointConnectionError(endpoint_url="https://x")), "never reached AWS"),
    ],
)
def test_any_other_is_somebodys(
    monkeypatch: pytest.MonkeyPatch, last: Seen, first: Seen, used: bool, error: AwsError, says: str
) -> None:
    with pytest.raises(IamsyncError) as caught:
        own(Account(monkeypatch, used), "bot", NONE, first, last, error)
    assert caught.value.code == "key-unclaimed"
    assert says in caught.value.message
    assert "AKIANEW of user/bot" in caught.value.message


def test_the_time_is_the_endpoints_own(tmp_path: Path) -> None:
    years = Years(tmp_path)
    years.days = 3
    assert seen(years.connection.iam, USER.name).at == datetime(2027, 1, 4, tzinfo=UTC)


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("at", [1, 2, 3, 4])
def test_a_run_that_dies_around_the_removal_of_a_lost_key_is_finished_by_the_next(
    tmp_path: Path, at: int, when: str
) -> None:
    years = Years(tmp_path, at=at, when=when)
    lost(years, lambda iam, ours: None)
    with pytest.raises(Crash):
        years.rotate(WISHES)
    years.at = None
    years.rotate(WISHES)
    at_rest(years)


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_run_that_dies_around_its_note_removes_nothing_of_two(tmp_path: Path, when: str) -> None:
    years = Years(tmp_path, at=2, when=when)
    lost(years, another)
    with pytest.raises(Crash):
        years.rotate(WISHES)
    years.at = None
    years.rotate(WISHES)
    assert len(years.active()) == 2


def test_what_was_delivered_for_another_user_is_not_told_as_this_ones_lost_key(tmp_path: Path) -> None:
    years = Years(tmp_path)
    fields = {"UserName": "carol", "AccountId": ACCOUNT, "AccessKeyId": "AKIAI44QH8DHBEXAMPLE", "SecretAccessKey": "s"}
    years.places(PLACE, USER.name).put(Secret("carol", "AKIAI44QH8DHBEXAMPLE", fields, ("SecretAccessKey",)))
    held = years.turn(WISHES).held
    assert (held.delivered, held.others) == ("", "what was delivered for user/carol")
    assert not years.turn(WISHES).findings  # no key was taken away: the place alone is asked about
    for _ in range(2):
        years.connection.iam.create_access_key(UserName=USER.name)
    (two,) = years.turn(WISHES).findings
    assert f"{PLACE} holds what was delivered for user/carol, so it is not known" in two.title
    # Its own key that is gone is told as before.
    (gone,) = turn(WISHES, replace(held, keys=(), delivered="AKIAOLD", others=""), text(1)).findings
    assert (gone.id, "AKIAOLD is gone" in gone.title) == ("deny-removed", True)
