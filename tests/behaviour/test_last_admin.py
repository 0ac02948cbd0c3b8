"""An administrator that nobody can sign in as is no administrator left: who can is asked, and only where it counts."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from tests.behaviour.conftest import Answer, Site, refusal

ALL = "{Version: 2012-10-17, Statement: {Effect: Allow, Action: '*', Resource: '*'}}"
BOTH = f"users:\n  boss: {{inline_policies: {{all: {ALL}}}}}\n  ghost: {{inline_policies: {{all: {ALL}}}}}\n"
DEMOTED = f"users:\n  boss: {{}}\n  ghost: {{inline_policies: {{all: {ALL}}}}}\n"
MORE = BOTH + f"  new: {{inline_policies: {{all: {ALL.replace('*', 's3:*', 1)}}}}}\n"
ASKED = ("GetLoginProfile", "ListAccessKeys")


@pytest.fixture
def two(site: Site) -> Site:
    """An account with two administrators, of whom boss has a password."""
    site.write(BOTH)
    site.fine("apply", "--auto-approve", "--quiet", "--acknowledge", "escalation")
    site.by_hand(lambda iam: iam.create_login_profile(UserName="boss", Password="Not-a-word-7-of-it"))
    return site


def asked(site: Site) -> dict[str, int]:
    return {name: count for name, count in Counter(site.calls).items() if name in ASKED}


def test_a_plan_that_takes_from_no_administrator_asks_about_no_credentials(two: Site) -> None:
    two.write(MORE)
    two.fine("plan")
    assert asked(two) == {}
    two.write(BOTH)
    assert "No changes" in two.fine("plan").out
    assert asked(two) == {}


def key(status: str) -> Any:
    def made(iam: Any) -> None:
        held = iam.create_access_key(UserName="ghost")["AccessKey"]["AccessKeyId"]
        iam.update_access_key(UserName="ghost", AccessKeyId=held, Status=status)

    return made


def test_the_last_one_who_can_sign_in_stays_until_another_can(two: Site) -> None:
    two.write(DEMOTED)
    two.by_hand(key("Inactive"))
    refused = two.run("plan")
    assert refused.code == 3
    said = " ".join(refused.out.split())
    assert "guard last-admin no administrator would be left that a person can enter" in said
    assert "until now: user/boss" in said
    assert "user/ghost is administrator and has neither a password nor an access key that is on" in said
    assert asked(two) == {"GetLoginProfile": 2, "ListAccessKeys": 1}  # boss's password is enough
    assert two.run("apply", "--auto-approve").code == 3
    assert two.writes == []
    assert two.run("plan", "--acknowledge", "last-admin").code == 0

    two.by_hand(lambda iam: iam.create_login_profile(UserName="ghost", Password="Not-a-word-7-of-it"))
    two.fine("apply", "--auto-approve")
    assert "GetLoginProfile" in two.calls
    assert "DeleteUserPolicy" in two.writes


def test_a_key_that_is_on_lets_a_person_in(two: Site) -> None:
    two.write(DEMOTED)
    two.by_hand(key("Active"))
    two.fine("plan")
    assert asked(two) == {"GetLoginProfile": 1, "ListAccessKeys": 1}


def test_credentials_that_may_not_be_read_keep_nobody_in(two: Site) -> None:
    def denied(operation: str, body: bytes) -> Answer | None:
        return refusal("AccessDenied", 403) if operation in ASKED else None

    two.write(DEMOTED)
    two.between = denied
    refused = two.run("plan")
    assert refused.code == 3
    said = " ".join(refused.out.split())
    assert "whether an administrator would be left that a person can enter cannot be decided" in said
    assert "user/boss, user/ghost have a password or an access key that is on is not known" in said
    assert "whoever plans may not read it" in said
    assert asked(two) == {"GetLoginProfile": 2, "ListAccessKeys": 2}
    two.fine("plan", "--acknowledge", "last-admin")


def test_a_snapshot_tells_no_credentials(two: Site) -> None:
    two.fine("snapshot", "--out", "snapshot.json")
    two.write(DEMOTED)
    refused = two.run("plan", "--live", "snapshot.json")
    assert refused.code == 3
    assert "is on is not known: nothing that was read tells it" in " ".join(refused.out.split())
