"""A user is shut out: the denial first, then whatever the caller may do, and plainly what nobody could look at."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from iamsync.engine.reach import Reached, Ways
from tests.behaviour.conftest import Answer, Site, refusal
from tests.keys.rotating import Crash
from tests.world import ACCOUNT

QUARANTINE = ("respond", "quarantine", "bob", "--auto-approve")
SSH = "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAgQC7 bob"
ALL = ["PutUserPolicy", "UpdateAccessKey", "UpdateAccessKey", "UpdateSSHPublicKey", "DeleteLoginProfile"]
LOOKS = {
    "ListAccessKeys": "its access keys",
    "ListSSHPublicKeys": "its SSH public keys",
    "ListSigningCertificates": "its signing certificates",
    "ListServiceSpecificCredentials": "its service-specific credentials",
}


def some(first: str, *more: str) -> list[Any]:
    """One case every time, the others where there is time."""
    others = dict.fromkeys(more)
    others.pop(first, None)
    return [first, *(pytest.param(one, marks=pytest.mark.slow) for one in others)]


@pytest.fixture
def armed(applied: Site) -> Site:
    """Bob has two keys, a key for CodeCommit and a password."""

    def arm(iam: Any) -> None:
        for _ in range(2):
            iam.create_access_key(UserName="bob")
        iam.upload_ssh_public_key(UserName="bob", SSHPublicKeyBody=SSH)
        iam.create_login_profile(UserName="bob", Password="Correct-horse-7-battery")

    applied.by_hand(arm)
    applied.calls.clear()
    return applied


def denied(*operations: str) -> Any:
    def between(operation: str, body: bytes) -> Answer | None:
        return (
            refusal("AccessDenied", 403, f"not authorized to perform: iam:{operation}")
            if operation in operations
            else None
        )

    return between


def left(site: Site) -> list[str]:
    """What bob could still do something with."""
    found: list[str] = []

    def look(iam: Any) -> None:
        if "iamsync-quarantine" not in iam.list_user_policies(UserName="bob")["PolicyNames"]:
            found.append("no denial")
        found.extend(
            "key" for key in iam.list_access_keys(UserName="bob")["AccessKeyMetadata"] if key["Status"] == "Active"
        )
        found.extend(
            "ssh" for key in iam.list_ssh_public_keys(UserName="bob")["SSHPublicKeys"] if key["Status"] == "Active"
        )
        try:
            iam.get_login_profile(UserName="bob")
            found.append("password")
        except iam.exceptions.NoSuchEntityException:
            pass

    site.by_hand(look)
    return found


def test_the_denial_is_the_first_call_and_each_revocation_goes_before_its_note(armed: Site) -> None:
    armed.fine(*QUARANTINE)
    assert [name for name in armed.writes if name != "TagUser"] == ALL
    assert armed.writes[:2] == ["PutUserPolicy", "UpdateAccessKey"]
    assert left(armed) == []


@pytest.mark.parametrize("operation", some("ListAccessKeys", *LOOKS))
def test_what_may_not_be_looked_at_is_said_and_the_rest_is_done(armed: Site, operation: str) -> None:
    armed.between = denied(operation)
    told = armed.run(*QUARANTINE)
    assert told.code == 5, told
    assert armed.writes[0] == "PutUserPolicy"
    assert f"user/bob: {LOOKS[operation]} could not be looked at" in told.out
    assert f"iam:{operation}" in told.out
    assert f"{LOOKS[operation]} of user/bob" in told.err
    expected = {"ListAccessKeys": ["key", "key"], "ListSSHPublicKeys": ["ssh"]}
    assert left(armed) == expected.get(operation, [])
    # Once somebody may look, the same command finishes it.
    armed.between = denied()
    told = armed.run(*QUARANTINE)
    assert told.code == 0, told
    assert left(armed) == []


def test_a_password_that_cannot_be_looked_at_is_taken_away_all_the_same(armed: Site) -> None:
    armed.between = denied("GetLoginProfile", "GetAccessKeyLastUsed")
    told = armed.fine(*QUARANTINE)
    assert "a password, if it has one" in told.out
    assert left(armed) == []
    armed.fine(*QUARANTINE)  # there is none any more, which is no failure


def test_a_look_at_the_password_that_fails_in_aws_stops_nothing(armed: Site) -> None:
    armed.between = lambda operation, body: refusal("ServiceFailure") if operation == "GetLoginProfile" else None
    told = armed.fine(*QUARANTINE)
    assert "a password, if it has one" in told.out
    assert left(armed) == []


@pytest.mark.parametrize("operation", some("TagUser", *ALL))
def test_one_call_that_is_refused_stops_no_other(armed: Site, operation: str) -> None:
    armed.between = denied(operation)
    told = armed.run(*QUARANTINE)
    assert told.code == 5, told
    stays = {"PutUserPolicy": ["no denial"], "UpdateAccessKey": ["key"] * 2, "UpdateSSHPublicKey": ["ssh"]}
    assert left(armed) == {**stays, "DeleteLoginProfile": ["password"]}.get(operation, [])


@pytest.mark.parametrize("when", some("after", "before", "after"))
@pytest.mark.parametrize("operation", some("UpdateAccessKey", "TagUser", *ALL))
def test_a_run_that_dies_is_finished_by_the_same_command(armed: Site, operation: str, when: str) -> None:
    def between(called: str, body: bytes) -> Answer | None:
        if called == operation and when == "before":
            raise Crash
        return None

    def twist(called: str, answer: Answer) -> Answer:
        if called == operation and when == "after":
            raise Crash
        return answer

    armed.between, armed.twist = between, twist
    with pytest.raises(Crash):
        armed.run(*QUARANTINE)
    armed.between, armed.twist = denied(), lambda called, answer: answer
    armed.fine(*QUARANTINE)
    assert left(armed) == []


@pytest.mark.parametrize("guard", some("protected", "self-lockout"))
def test_a_second_quarantine_asks_what_the_first_one_asked(
    armed: Site, guard: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if guard == "protected":
        held = (armed.root / "iamsync.yaml").read_text()
        armed.write(f"{held}safety: {{protected: [user/bob]}}\n", "iamsync.yaml")
    else:
        embedded = Ways._embedded

        def as_bob(ways: Ways, account: Any) -> Reached:
            return replace(embedded(ways, account), applier=f"arn:aws:iam::{ACCOUNT}:user/bob")

        monkeypatch.setattr(Ways, "_embedded", as_bob)
    consent = ("--acknowledge", f"{guard}:user/bob")
    first = (*consent, "--acknowledge", "call-denied:user/bob")  # which bob's own permissions ask for
    assert armed.run(*QUARANTINE).code == 3
    assert armed.writes == []
    armed.fine(*QUARANTINE, *first)
    assert "nothing to do" in armed.fine(*QUARANTINE).out
    armed.by_hand(lambda iam: iam.create_login_profile(UserName="bob", Password="Correct-horse-7-battery"))
    told = armed.run(*QUARANTINE)
    assert told.code == 3, told
    assert f"guard {guard}" in told.out
    assert left(armed) == ["password"]
    armed.fine(*QUARANTINE, *consent)
    assert left(armed) == []
