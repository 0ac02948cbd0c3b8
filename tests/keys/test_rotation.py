"""A key's whole life, from the first one to the last call about it, whatever dies in between."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyrage
import pytest

from iamsync import places
from iamsync.aws.session import Connection
from iamsync.delivery import Place, Secret, parse
from iamsync.errors import AwsError, InputError
from iamsync.events import Event, StepEnded, StepStarted
from iamsync.kinds.keyrules import DAY, HOUR, Wishes
from iamsync.kinds.kind import Context
from iamsync.model import Step
from iamsync.places import Hook
from iamsync.planner.required import Whereabouts, needs
from tests.keys.rotating import USER, Crash, Years, rule, text
from tests.laws.law import FULL
from tests.world import ACCOUNT

# Once a day is enough to see every phase: the first key, a second one, the first off, the first gone.
DAYS = (0, 59, 60, 66, 67, 68, 80, 82, 100)
WISHES = rule(overlap=7 * DAY, quiet=48 * HOUR, delete_after=14 * DAY)
LIFE = [
    *("TagUser", "CreateAccessKey", "PutSecretValue", "CreateSecret", "UntagUser"),
    *("TagUser", "CreateAccessKey", "PutSecretValue", "UntagUser"),
    *("TagUser", "UpdateAccessKey", "DeleteAccessKey", "UntagUser"),
]


def lived(years: Years, wishes: Wishes = WISHES, days: tuple[float, ...] = DAYS) -> None:
    """A hundred days, with the old key used until a day before its overlap ends; a run that dies is run again."""
    first = ""
    for day in days:
        years.days = float(day)
        for _ in range(2):
            try:
                _, _, ended = years.rotate(wishes)
                assert (ended.failed, ended.skipped) == (0, 0)
                break
            except Crash:
                held_well(years, day)
                years.at = None
                years.days += 1 / 24
        held_well(years, day)
        first = first or next(iter(years.held()))
        if day <= 66 and first in years.active():
            years.use(first)


def held_well(years: Years, day: float) -> None:
    """Never more than two keys, and once there was one, never none that works and whose secret somebody has."""
    assert len(years.held()) <= 2
    if day:
        assert any(years.fits(key) for key in years.active())


def at_rest(years: Years) -> None:
    """One key, on, delivered, with no note left of how it came to be."""
    (key,) = years.held()
    assert years.active() == [key]
    assert years.secret()["AccessKeyId"] == key
    assert years.fits(key)
    assert not years.connection.iam.list_user_tags(UserName=USER.name)["Tags"]


def test_a_key_is_replaced_off_and_deleted_in_a_hundred_days(tmp_path: Path) -> None:
    years = Years(tmp_path)
    lived(years)
    assert years.writes == LIFE
    at_rest(years)
    assert years.secret("AWSPREVIOUS")["AccessKeyId"] not in years.held()


EVERY = [(at, when) for at in range(len(LIFE)) for when in ("before", "after")]
# Around the second key's creation and delivery, and the ends of the first: where most could be lost.
SOME = [(1, "after"), (3, "before"), (6, "after"), (7, "after"), (9, "after"), (10, "before"), (11, "after")]


@pytest.mark.parametrize(("at", "when"), EVERY if FULL else SOME)
def test_a_run_that_dies_around_any_call_is_finished_by_the_next(tmp_path: Path, at: int, when: str) -> None:
    years = Years(tmp_path, at=at, when=when)
    lived(years)
    assert years.at is None, "nothing died"
    at_rest(years)


HOOK = """
if [ "$IAMSYNC_DELIVERY" = deliver ]; then cat > "$1.new" && mv "$1.new" "$1"
elif [ -f "$1" ]; then sed -n 's/.*"Reference": "\\([^"]*\\)".*/\\1/p' "$1"
fi
"""
# How each place is written to in a delivery: a note first, then the file; a command is handed it once.
DELIVERED = {"ssm": ["PutParameter"], "age": ["note", "file"], "file": ["note", "file"], "hook": ["deliver"]}


def delivering(tmp_path: Path, scheme: str, monkeypatch: pytest.MonkeyPatch, **more: Any) -> tuple[Years, Wishes]:
    """The same life with another place, whose writes can be cut as the calls can."""
    identity = pyrage.x25519.Identity.generate()
    (tmp_path / "hook.sh").write_text(HOOK)
    place = {
        "ssm": "ssm:/iam/ci-bot",
        "age": f"age:{identity.to_public()}:keys/ci-bot.age",
        "file": "file:keys/ci-bot.json",
        "hook": f"hook:sh {tmp_path}/hook.sh {tmp_path}/kept",
    }[scheme]
    years = Years(tmp_path, place=place, identity=identity, **more)
    write, run = places.put, Hook._run

    def written(path: Path, content: bytes) -> None:
        years.cut("note" if path.name.endswith(places.NOTE) else "file", lambda: write(path, content))

    def ran(hook: Hook, what: str, given: str) -> str:
        return str(years.cut(what, lambda: run(hook, what, given)) if what == "deliver" else run(hook, what, given))

    monkeypatch.setattr(places, "put", written)
    monkeypatch.setattr(Hook, "_run", ran)
    return years, replace(WISHES, keys=replace(WISHES.keys, deliver_to=parse(place, operator=True)))


def life(scheme: str) -> list[str]:
    """Every write of a hundred days."""
    once = ["TagUser", "CreateAccessKey", *DELIVERED[scheme], "UntagUser"]
    return [*once, *once, "TagUser", "UpdateAccessKey", "DeleteAccessKey", "UntagUser"]


def cuts() -> list[tuple[str, int, str]]:
    """Around every write, or only where most could be lost: in the middle of the second delivery."""
    if FULL:
        ends = ("before", "after")
        return [(scheme, at, when) for scheme in DELIVERED for at in range(len(life(scheme))) for when in ends]
    return [(scheme, 3 + len(writes) + 2, "after") for scheme, writes in DELIVERED.items()]


@pytest.mark.parametrize(("scheme", "at", "when"), cuts())
def test_a_run_that_dies_while_it_delivers_anywhere_is_finished_by_the_next(
    tmp_path: Path, scheme: str, at: int, when: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    years, wishes = delivering(tmp_path, scheme, monkeypatch, at=at, when=when)
    lived(years, wishes)
    assert years.at is None, "nothing died"
    at_rest(years)


SLOW = [pytest.param(scheme, marks=pytest.mark.slow) for scheme in ("ssm", "age", "hook")]


@pytest.mark.parametrize("scheme", ["file", *SLOW])
def test_a_key_lives_a_hundred_days_wherever_it_is_delivered(
    tmp_path: Path, scheme: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    years, wishes = delivering(tmp_path, scheme, monkeypatch)
    lived(years, wishes)
    assert years.writes == life(scheme)
    at_rest(years)


def test_a_key_that_is_still_used_stays_until_its_deadline(tmp_path: Path) -> None:
    years, wishes = Years(tmp_path), rule(deadline=10 * DAY)
    years.rotate(wishes)
    (old,) = years.held()
    years.days = 60
    years.rotate(wishes)
    for day in (68.5, 69.5):
        years.days = day - 0.25
        years.use(old, "sqs", "eu-north-1")
        years.days = day
        turn, plan, _ = years.rotate(wishes)
        assert not turn.acts
        assert turn.next == (
            (text(70), f"{old} of {USER} off: last used {text(day - 0.25)[:10]} for sqs in eu-north-1"),
        )
        assert "key-waiting" in {finding.id for finding in plan.findings}
    years.days = 70
    _, plan, _ = years.rotate(wishes)
    assert years.held()[old] == "Inactive"
    (warned,) = plan.guards
    assert (warned.id, warned.severity) == ("key-in-use", "warn")
    assert "sqs in eu-north-1" in warned.evidence


def test_the_old_key_goes_off_when_nobody_used_it_for_the_quiet_time(tmp_path: Path) -> None:
    years = Years(tmp_path)
    years.rotate(WISHES)
    (old,) = years.held()
    years.days = 60
    years.rotate(WISHES)
    years.days = 66.5
    years.use(old)
    for day, status in ((67, "Active"), (68.4, "Active"), (68.5, "Inactive")):
        years.days = day
        years.rotate(WISHES)
        assert years.held()[old] == status


def test_what_is_done_is_not_done_twice(tmp_path: Path) -> None:
    years = Years(tmp_path)
    for day, group in itertools.groupby((0, 0, 60, 60, 67, 67, 81, 81)):
        years.days = day
        done = [bool(years.rotate(WISHES)[1].steps) for _ in group]
        assert done == [True, False], day


@pytest.mark.parametrize("day", [0, 60])
def test_a_lost_answer_to_the_creation_leaves_no_key_that_nobody_holds(tmp_path: Path, day: int) -> None:
    years = Years(tmp_path)
    if day:
        years.rotate(WISHES)
    years.days = day
    lost = iter((True,))
    years.lose = lambda operation: operation == "CreateAccessKey" and next(lost, False)
    _, _, ended = years.rotate(WISHES)
    assert ended.failed == 0
    assert years.writes.count("CreateAccessKey") == (3 if day else 2)
    assert years.writes.count("DeleteAccessKey") == 1
    assert all(years.fits(key) for key in years.held())
    assert len(years.held()) == (2 if day else 1)


def test_an_interrupted_run_leaves_a_key_whose_answer_was_lost_to_the_next_which_sees_all(tmp_path: Path) -> None:
    years = Years(tmp_path)
    years.lose = lambda operation: operation == "CreateAccessKey"
    _, _, ended = years.rotate(WISHES, sleep=lambda _: True)
    assert (ended.failed, years.writes) == (1, ["TagUser", "CreateAccessKey"])
    years.lose = lambda operation: False
    _, _, ended = years.rotate(WISHES)
    assert (ended.failed, years.writes.count("DeleteAccessKey")) == (0, 1)
    at_rest(years)


def test_answers_that_are_always_lost_end_in_a_failure_and_no_key(tmp_path: Path) -> None:
    years = Years(tmp_path)
    years.lose = lambda operation: operation == "CreateAccessKey"
    _, _, ended = years.rotate(WISHES)
    assert ended.failed == 1
    assert years.held() == {}
    years.lose = lambda operation: False
    years.rotate(WISHES)
    at_rest(years)


@pytest.mark.parametrize("operation", ["PutSecretValue", "CreateSecret"])
def test_a_lost_answer_to_the_delivery_is_looked_at_and_not_guessed(
    tmp_path: Path, operation: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda seconds: None)
    years = Years(tmp_path)
    lost = iter((True,))
    years.lose = lambda called: called == operation and next(lost, False)
    _, _, ended = years.rotate(WISHES)
    assert ended.failed == 0
    at_rest(years)


def test_a_delivery_that_fails_takes_the_new_key_away_and_leaves_the_old_one(tmp_path: Path) -> None:
    years = Years(tmp_path)
    years.rotate(WISHES)
    (old,) = years.held()
    years.days = 60
    reasons: list[str] = []

    def report(event: Event) -> None:
        if isinstance(event, StepEnded) and event.outcome == "failed":
            reasons.append(event.reason)

    years.refuse = "PutSecretValue"
    _, _, ended = years.rotate(WISHES, report)
    years.refuse = ""
    assert (ended.failed, ended.skipped) == (1, 1)
    assert years.held() == {old: "Active"}
    assert "was removed again" in reasons[0]
    years.rotate(WISHES)
    assert len(years.active()) == 2


def test_every_call_is_told_before_it_is_made(tmp_path: Path) -> None:
    years, told = Years(tmp_path), []

    def report(event: Event) -> None:
        if isinstance(event, StepStarted):
            told.append((event.step.operation, list(years.writes)))

    years.rotate(WISHES, report)
    assert [operation for operation, _ in told] == ["TagUser", "CreateAccessKey", "deliver", "UntagUser"]
    assert all(operation not in before for operation, before in told)


def test_a_key_that_is_on_again_since_the_plan_is_not_deleted(tmp_path: Path) -> None:
    years = Years(tmp_path)
    for day in (0, 60, 67, 81):
        years.days = day
        if day < 81:
            years.rotate(WISHES)
    (old,) = years.held().keys() - set(years.active())
    again = {"UserName": USER.name, "AccessKeyId": old, "Status": "Active"}
    _, plan, ended = years.rotate(WISHES, between=lambda: years.connection.iam.update_access_key(**again))
    assert [step.operation for step in plan.steps] == ["DeleteAccessKey", "UntagUser"]
    assert (ended.failed, ended.skipped) == (1, 1)
    assert years.held()[old] == "Active"


def test_a_place_that_cannot_be_opened_any_more_leaves_no_key_behind(tmp_path: Path) -> None:
    years = Years(tmp_path)
    years.rotate(WISHES)
    before = years.held()
    years.days = 60

    def closed(text: str, user: str) -> Place:
        raise InputError("it leads out of the project, through a link", code="bad-target")

    _, _, ended = years.rotate(WISHES, between=lambda: setattr(years, "places", closed))
    assert (ended.failed, ended.skipped) == (1, 1)
    assert years.held() == before


def test_what_came_to_the_place_since_the_plan_is_not_replaced(tmp_path: Path) -> None:
    years = Years(tmp_path)

    def meanwhile() -> None:
        years.connection.client("secretsmanager").create_secret(Name="iam/ci-bot", SecretString="theirs")

    reasons: list[str] = []

    def report(event: Event) -> None:
        if isinstance(event, StepEnded) and event.outcome == "failed":
            reasons.append(event.reason)

    _, _, ended = years.rotate(WISHES, report, between=meanwhile)
    assert (ended.failed, ended.skipped) == (1, 1)
    assert "iam/ci-bot holds a value that iamsync did not put there, which stays" in reasons[0]
    assert years.held() == {}
    client = years.connection.client("secretsmanager")
    assert client.get_secret_value(SecretId="iam/ci-bot")["SecretString"] == "theirs"


def test_every_write_to_iam_goes_through_the_session_of_its_own_step(tmp_path: Path) -> None:
    years, asked, steps = Years(tmp_path), [], {}

    def writer(step: Step) -> Connection:
        asked.append(step.operation)
        steps[step.id] = step
        return years.connection

    lost = iter((True,))
    years.lose = lambda operation: operation == "CreateAccessKey" and next(lost, False)
    _, plan, ended = years.rotate(WISHES, writer=writer)
    assert ended.failed == 0
    assert asked == ["TagUser", "CreateAccessKey", "DeleteAccessKey", "CreateAccessKey", "UntagUser"]
    # The key whose answer was lost went in the session of the step that made it, whose policy must allow that.
    where = Whereabouts(Context(ACCOUNT))
    assert {need.action for need in needs(plan.steps[1], where)} == {
        *("iam:CreateAccessKey", "iam:DeleteAccessKey", "iam:TagUser")
    }
    assert set(steps) == {step.id for step in plan.steps if step.operation != "deliver"}


class Slow:
    """A place that took the secret, whose answer was lost, and that shows what it has some looks later."""

    looks, kept = 0, ""

    def holds(self) -> str:
        self.looks += 1
        return self.kept if self.looks > 3 else ""  # once before it is handed anything

    def taken(self, user: str, account: str) -> str:
        return ""

    def put(self, secret: Secret) -> None:
        self.kept = secret.reference
        raise AwsError("PutParameter: no answer", code="no-answer", operation="PutParameter", doubtful=True)


def test_a_place_that_shows_late_what_it_took_is_not_left_with_a_deleted_key(tmp_path: Path) -> None:
    years, slow = Years(tmp_path), Slow()
    _, _, ended = years.rotate(WISHES, between=lambda: setattr(years, "places", lambda text, user: slow))
    assert ended.failed == 0
    assert years.active() == [slow.kept]


class Later(Slow):
    """Took it, and does not show it before the next run."""

    looks = -100

    def put(self, secret: Secret) -> None:
        self.kept = secret.reference


def test_a_key_is_not_taken_away_from_a_place_that_was_not_given_the_time_to_show_it(tmp_path: Path) -> None:
    years, later = Years(tmp_path), Later()
    places = years.places
    _, _, ended = years.rotate(
        WISHES, between=lambda: setattr(years, "places", lambda text, user: later), sleep=lambda _: True
    )
    assert (ended.failed, years.active()) == (1, [later.kept])
    later.looks = 100
    assert years.turn(WISHES).held.delivered == later.kept
    # Where it had the time, and the place does not say so, nobody can count on it.
    years.places, other = places, Later()
    years.days = 60
    years.rotate(WISHES, between=lambda: setattr(years, "places", lambda text, user: other))
    assert other.kept not in years.held()


def test_two_runs_at_once_leave_the_place_with_a_key_that_works(tmp_path: Path) -> None:
    years = Years(tmp_path)
    years.rotate(WISHES)
    years.days = 60
    lose, others = years.lose, []

    def meanwhile(operation: str) -> bool:
        if operation == "CreateAccessKey" and not others:
            years.lose = lose
            others.append(years.rotate(WISHES)[2].failed)
        return False

    years.lose = meanwhile
    _, _, ended = years.rotate(WISHES)
    assert (others, ended.failed) == ([0], 1)
    assert years.secret()["AccessKeyId"] in years.active()
    assert len(years.active()) == 2
