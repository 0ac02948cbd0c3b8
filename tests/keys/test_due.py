"""What is due, and what asks for consent, decided from keys, rules and the time alone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from iamsync import keys
from iamsync.delivery import parse
from iamsync.keys import Held, Key, Turn, Whose
from iamsync.kinds.keyrules import DAY, NOTE, ConsoleAccess, KeyRule, Wishes
from iamsync.kinds.user import User
from iamsync.model import Address, Resource
from iamsync.planner.guards import answered
from iamsync.policy.document import Document
from iamsync.selector import select
from iamsync.settings import Acknowledgement, Safety
from tests.keys.rotating import text
from tests.world import settings

RULE = KeyRule(60 * DAY, parse("ssm:/iam/bot"))
WISHES = Wishes(RULE)
BOT = Resource(Address("user", "bot"), User())
DENY = Document.of({"Version": "2012-10-17", "Statement": {"Effect": "Deny", "Action": "*", "Resource": "*"}})
QUARANTINED = replace(BOT, spec=User(inline_policies=((keys.QUARANTINE, DENY),)))


def key(name: str, day: float, *, active: bool = True, used: float | None = None) -> Key:
    return Key(name, active, text(day), "" if used is None else text(used), "s3", "eu-west-1")


def tagged(**tags: str) -> Resource:
    return replace(BOT, spec=User(tags=tuple(sorted(tags.items()))))


def done(turn: Turn) -> list[str]:
    return [call.operation for act in turn.acts for call, _ in act.calls]


def ids(turn: Turn) -> list[str]:
    return [finding.id for finding in turn.findings]


CREATES = ["TagUser", "CreateAccessKey", "deliver", "UntagUser"]
OFF = ["TagUser", "UpdateAccessKey"]


@pytest.mark.parametrize(
    ("held", "day", "calls", "findings"),
    [
        (Held(BOT), 0, CREATES, []),
        (Held(BOT, exists=False), 0, [], []),
        (Held(BOT, (key("A", 0),)), 59.9, [], []),
        (Held(BOT, (key("A", 0),)), 60, CREATES, []),
        (Held(BOT, (key("A", 0),), delivered="A"), 60, CREATES, []),
        # Both work.
        (Held(BOT, (key("A", 0), key("B", 60)), delivered="B"), 66.9, [], []),
        (Held(BOT, (key("A", 0), key("B", 60)), delivered="B"), 67, OFF, []),
        (Held(BOT, (key("A", 0, used=66), key("B", 60)), delivered="B"), 67, [], ["key-waiting"]),
        (Held(BOT, (key("A", 0, used=66), key("B", 60)), delivered="B"), 68, OFF, []),
        # The old one is off: since when is noted, or it is noted now.
        (Held(BOT, (key("A", 0, active=False), key("B", 60)), delivered="B"), 90, ["TagUser"], []),
        # Somebody else's hand: nothing is guessed.
        (Held(BOT, (key("A", 0), key("B", 60))), 67, [], ["two-keys"]),
        (Held(BOT, (key("A", 0), key("B", 60)), delivered="C"), 67, [], ["two-keys"]),
        (Held(BOT, (key("A", 0), key("B", 60)), delivered="A"), 67, [], ["two-keys"]),
        (Held(BOT, (key("A", 0), key("B", 60, active=False)), delivered="B"), 67, [], ["two-keys"]),
        # Taken away, perhaps from an attacker.
        (Held(BOT, (key("A", 0, active=False),)), 1, CREATES, ["deny-removed"]),
        (Held(BOT, (), delivered="A"), 1, CREATES, ["deny-removed"]),
        (Held(BOT, (key("A", 0),), delivered="B"), 1, CREATES, ["deny-removed"]),
        (Held(QUARANTINED), 0, CREATES, ["deny-removed"]),
        (Held(QUARANTINED, (key("A", 0),), delivered="A"), 60, CREATES, ["deny-removed"]),
    ],
)
def test_what_is_due_follows_from_keys_and_time(held: Held, day: float, calls: list[str], findings: list[str]) -> None:
    turn = keys.turn(WISHES, held, text(day))
    assert done(turn) == calls
    assert ids(turn) == findings


def test_a_key_that_is_off_is_deleted_when_its_time_is_over_and_the_next_one_made_in_the_same_run() -> None:
    user = replace(BOT, spec=User(tags=((f"{NOTE}/A", text(67)),)))
    held = Held(user, (key("A", 0, active=False), key("B", 60)), delivered="B")
    assert done(keys.turn(WISHES, held, text(80.9))) == []
    assert done(keys.turn(WISHES, held, text(81))) == ["DeleteAccessKey", "UntagUser"]
    assert done(keys.turn(WISHES, held, text(120))) == ["DeleteAccessKey", "UntagUser", *CREATES]


def test_only_a_key_that_a_run_itself_can_have_lost_is_removed() -> None:
    user = replace(BOT, spec=User(tags=((NOTE, f"creating {text(60)} beside A"),)))
    lost = Held(user, (key("A", 0), key("B", 60.001)))
    assert done(keys.turn(WISHES, lost, text(60.1))) == ["DeleteAccessKey", *CREATES]
    for other in (key("B", 61), key("B", 59.9), key("B", 60.001, used=60.05)):
        turn = keys.turn(WISHES, replace(lost, keys=(key("A", 0), other)), text(62))
        assert (done(turn), ids(turn)) == ([], ["two-keys"])
    delivered = replace(lost, delivered="B")
    assert done(keys.turn(WISHES, delivered, text(60.1))) == ["UntagUser"]


def test_without_a_consent_the_one_in_question_is_held_back_and_nobody_else() -> None:
    held = Held(QUARANTINED)
    turn = keys.turn(WISHES, held, text(0))
    kept = turn.held_back(lambda found: answered(found, settings(acknowledge=()), text(0)))
    assert (done(kept), kept.needs_a_person) == ([], True)
    assert "--acknowledge deny-removed:user/bot" in kept.findings[0].remedy
    agreed = turn.held_back(lambda found: answered(found, settings(acknowledge=("deny-removed",)), text(0)))
    assert (done(agreed), agreed.needs_a_person) == (CREATES, False)


def test_a_place_that_holds_what_is_not_the_users_asks_for_consent_and_holds_back_this_user_alone() -> None:
    target = parse("ssm:/iam/bot")
    turn = keys.claimed(keys.turn(WISHES, Held(BOT), text(0)), {target: "a value", parse("ssm:/free"): ""})
    assert ids(turn) == ["place-taken"]
    kept = turn.held_back(lambda found: answered(found, settings(acknowledge=()), text(0)))
    assert (done(kept), kept.withheld) == ([], ("place-taken",))
    assert "consent: --acknowledge place-taken:user/bot" in kept.findings[0].remedy
    agreed = turn.held_back(lambda found: answered(found, settings(acknowledge=("place-taken",)), text(0)))
    assert (done(agreed), agreed.withheld, agreed.taken) == (CREATES, (), {"ssm:/iam/bot": "a value"})


def test_a_password_is_delivered_before_it_is_set_and_taken_where_it_is_not_wanted() -> None:
    wanted, none = Wishes(console=ConsoleAccess(parse("ssm:/p"), False)), Wishes(console=ConsoleAccess(None))
    turn = keys.turn(wanted, Held(BOT, console=False), text(0))
    assert done(turn) == ["deliver", "CreateLoginProfile"]
    assert turn.acts[0].calls[1][0].params["PasswordResetRequired"] is False
    assert done(keys.turn(wanted, Held(BOT, console=True), text(0))) == []
    assert done(keys.turn(none, Held(BOT, console=True), text(0))) == ["DeleteLoginProfile"]
    assert done(keys.turn(none, Held(BOT, console=False), text(0))) == []
    assert ids(keys.turn(wanted, Held(QUARANTINED, console=False), text(0))) == ["deny-removed"]


@pytest.mark.parametrize(
    ("held", "chosen", "day", "calls", "findings"),
    [
        (Held(BOT, (key("A", 0), key("B", 60)), delivered="B"), (), 61, OFF, []),
        (Held(BOT, (key("A", 0), key("B", 60)), delivered="C"), (), 61, [], []),
        (Held(BOT, (key("A", 0, used=60), key("B", 60)), delivered="B"), (), 61, OFF, ["key-in-use"]),
        (Held(BOT, (key("A", 0, used=58), key("B", 60)), delivered="B"), (), 61, OFF, []),
        (Held(BOT, (key("A", 0),), delivered="A"), ("A",), 1, OFF, ["last-key"]),
        (Held(BOT, (key("A", 0, active=False),)), ("A",), 1, [], []),
    ],
)
def test_a_key_goes_off_on_demand_with_consent_where_it_may_be_missed(
    held: Held, chosen: tuple[str, ...], day: float, calls: list[str], findings: list[str]
) -> None:
    turn = keys.switched_off(held, WISHES, chosen, text(day))
    assert done(turn) == calls
    assert ids(turn) == findings
    assert all(finding.severity == "refuse" for finding in turn.findings)


def test_a_key_is_deleted_on_demand_without_a_question_only_when_its_rule_would_do_it() -> None:
    user = replace(BOT, spec=User(tags=((f"{NOTE}/A", text(67)),)))
    held = Held(user, (key("A", 0, active=False), key("B", 60)), delivered="B")
    assert ids(keys.deleted(held, WISHES, (), text(81))) == []
    assert ids(keys.deleted(held, WISHES, (), text(80))) == ["delete-credentials"]
    assert ids(keys.deleted(held, None, (), text(81))) == ["delete-credentials"]
    on = keys.deleted(held, WISHES, ("B",), text(81))
    assert ids(on) == ["key-in-use", "delete-credentials"]


def plan(turn: Turn, **more: object) -> list[str]:
    whose = Whose("111122223333", "aws", "test", None, "", **more)  # type: ignore[arg-type]
    return [guard.id for guard in keys.plan((turn,), whose, text(0)).guards]


def test_what_the_operator_protects_and_what_would_lock_iamsync_out_is_asked_about() -> None:
    created = keys.turn(WISHES, Held(BOT), text(0))
    off = keys.turn(WISHES, Held(BOT, (key("A", 0), key("B", 60)), delivered="B"), text(67))
    kinds = {"user": None}
    plain = settings(acknowledge=())
    guarded = replace(plain, safety=Safety(protected=select(["user/bot"], kinds)))
    fenced = replace(plain, bounds=replace(plain.scope, exclude=select(["user/bot"], kinds)))
    itself = "arn:aws:iam::111122223333:user/bot"
    assert plan(created, settings=plain, applier=itself) == []
    assert plan(created, settings=guarded) == ["protected"]
    assert plan(created, settings=fenced) == ["outside-guardrails"]
    assert plan(off, settings=plain, applier=itself) == ["self-lockout"]
    assert plan(off, settings=plain, applier=itself.replace("bot", "other-bot")) == []


def test_the_digest_is_of_these_keys_and_these_calls_and_no_time() -> None:
    def digest(held: Held, day: float) -> str:
        whose = Whose("111122223333", "aws", "test", None, "", settings=settings(acknowledge=()))
        return keys.plan((keys.turn(WISHES, held, text(day)),), whose, text(day)).approval

    one = Held(BOT, (key("A", 0),), delivered="A")
    assert digest(one, 60) == digest(one, 61)
    assert digest(one, 60) != digest(replace(one, keys=(key("B", 0),)), 60)
    assert digest(one, 60) != digest(Held(BOT), 60)


def test_consent_to_deleting_keys_is_given_at_an_address() -> None:
    held = Held(BOT, (key("A", 0, active=False),))
    (found,) = keys.deleted(held, None, (), text(1)).findings
    assert not Acknowledgement("delete-credentials").covers(found.id, found.address, text(1))
    assert Acknowledgement("delete-credentials", "user/bot").covers(found.id, found.address, text(1))


@pytest.mark.parametrize("when", ["soon", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00+14:00", ""])
def test_a_note_that_somebody_else_wrote_is_no_time_and_no_crash(when: str) -> None:
    both = (key("A", 0, active=False), key("B", 60))
    turn = keys.turn(WISHES, Held(tagged(**{f"{NOTE}/A": when}), both, delivered="B"), text(90))
    assert (done(turn), ids(turn)) == (["TagUser"], [])
    begun = tagged(**{NOTE: f"creating {when} beside A"})
    turn = keys.turn(WISHES, Held(begun, (key("A", 0), key("B", 60)), delivered="A"), text(61))
    assert (done(turn), ids(turn)) == ([], ["two-keys"])


NOTHING: dict[str, bool | None] = {}
NO_CONSOLE = Wishes(console=ConsoleAccess(None))
BOTH_RULES = Wishes(RULE, ConsoleAccess(None))
ON, OLD, SWITCHED = key("A", 0), key("A", 0, active=False), key("B", 60)


@pytest.mark.parametrize(
    ("turn", "left"),
    [
        # By the rules: a new key is there before the old one goes.
        (keys.turn(WISHES, Held(BOT, (ON,)), text(60)), NOTHING),
        (keys.turn(WISHES, Held(BOT, (ON, SWITCHED), delivered="B"), text(67)), NOTHING),
        (keys.turn(NO_CONSOLE, Held(BOT, (), console=True), text(0)), {"bot": False}),
        (keys.turn(NO_CONSOLE, Held(BOT, (OLD,), console=True), text(0)), {"bot": False}),
        (keys.turn(NO_CONSOLE, Held(BOT, (ON,), console=True), text(0)), NOTHING),
        (keys.turn(NO_CONSOLE, Held(BOT, (), console=False), text(0)), NOTHING),
        (keys.turn(BOTH_RULES, Held(BOT, (), console=True), text(0)), NOTHING),  # its first key comes first
        # By hand.
        (keys.switched_off(Held(BOT, (ON,)), None, ["A"], text(1)), {"bot": None}),
        (keys.switched_off(Held(BOT, (ON,), console=False), NO_CONSOLE, ["A"], text(1)), {"bot": False}),
        (keys.switched_off(Held(BOT, (ON,), console=True), NO_CONSOLE, ["A"], text(1)), NOTHING),
        (keys.switched_off(Held(BOT, (ON, SWITCHED)), None, ["A"], text(61)), NOTHING),
        (keys.switched_off(Held(BOT, (ON, SWITCHED)), None, ["A", "B"], text(61)), {"bot": None}),
        (keys.deleted(Held(BOT, (ON,)), None, ["A"], text(1)), {"bot": None}),
        (keys.deleted(Held(BOT, (OLD,)), None, ["A"], text(1)), NOTHING),
        (keys.deleted(Held(BOT, (OLD, SWITCHED)), None, ["B"], text(61)), {"bot": None}),
    ],
)
def test_a_user_is_bereft_where_its_last_way_to_sign_in_goes(turn: Turn, left: dict[str, bool | None]) -> None:
    assert keys.bereft((turn,)) == left
