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


# -- plans about keys and passwords ------------------------------------------------------------------------------------

LEFT = "no administrator would be left that a person can enter"
OUT = "guard last-admin"


def without_console(site: Site, *names: str) -> None:
    for name in names:
        site.edit(f"  {name}: {{", f"  {name}: {{console_access: false, ")


def keys_of(site: Site, user: str) -> list[str]:
    found: list[str] = []
    site.by_hand(
        lambda iam: found.extend(one["AccessKeyId"] for one in iam.list_access_keys(UserName=user)["AccessKeyMetadata"])
    )
    return found


def test_the_password_of_the_last_administrator_goes_only_with_consent(two: Site) -> None:
    without_console(two, "boss")
    refused = two.run("keys", "rotate", "--plan-only")
    assert refused.code == 3
    said = " ".join(refused.out.split())
    assert f"{OUT} {LEFT}" in said
    assert "until now: user/boss" in said
    assert "user/boss would have neither a password nor an access key that is on" in said
    assert "user/ghost is administrator and has neither a password nor an access key that is on" in said
    # The look at what the rule is about, then ghost: of boss everything is known.
    assert asked(two) == {"GetLoginProfile": 2, "ListAccessKeys": 2}
    assert two.run("keys", "rotate", "--auto-approve").code == 3
    assert two.writes == []
    two.fine("keys", "rotate", "--auto-approve", "--acknowledge", "last-admin")
    assert two.writes == ["DeleteLoginProfile"]


def test_a_password_goes_unasked_while_a_key_is_left_or_another_administrator_can_sign_in(two: Site) -> None:
    without_console(two, "boss")
    two.by_hand(lambda iam: iam.create_access_key(UserName="boss"))
    assert OUT not in two.fine("keys", "rotate", "--plan-only").out
    assert asked(two) == {"GetLoginProfile": 1, "ListAccessKeys": 1}
    (only,) = keys_of(two, "boss")
    two.by_hand(lambda iam: iam.update_access_key(UserName="boss", AccessKeyId=only, Status="Inactive"))
    assert two.run("keys", "rotate", "--plan-only").code == 3
    two.by_hand(key("Active"))
    assert OUT not in two.fine("keys", "rotate", "--plan-only").out


def test_the_passwords_of_all_administrators_do_not_go_together(two: Site) -> None:
    two.by_hand(lambda iam: iam.create_login_profile(UserName="ghost", Password="Not-a-word-7-of-it"))
    without_console(two, "boss", "ghost")
    refused = two.run("keys", "rotate", "--plan-only")
    assert refused.code == 3
    said = " ".join(refused.out.split())
    assert f"{OUT} {LEFT}" in said
    assert "user/boss, user/ghost would have neither" in said
    assert asked(two) == {"GetLoginProfile": 2, "ListAccessKeys": 2}
    assert OUT not in two.fine("keys", "rotate", "--plan-only", "--user", "boss").out


@pytest.mark.parametrize("verb", ["deactivate", "delete"])
def test_the_last_key_of_the_last_administrator_goes_only_with_consent(two: Site, verb: str) -> None:
    two.by_hand(lambda iam: iam.delete_login_profile(UserName="boss"))
    two.by_hand(lambda iam: iam.create_access_key(UserName="boss"))
    (only,) = keys_of(two, "boss")
    command = ("keys", verb, "--user", "boss", "--key", only)
    consents = [f"--acknowledge={guard}:user/boss" for guard in ("last-key", "key-in-use", "delete-credentials")]
    refused = two.run(*command, "--auto-approve", *consents)
    assert refused.code == 3
    assert f"{OUT} {LEFT}" in " ".join(refused.out.split())
    # Whether boss has a password was not looked at: it is asked once it counts.
    assert asked(two) == {"GetLoginProfile": 2, "ListAccessKeys": 2}
    assert two.writes == []
    two.fine(*command, "--auto-approve", *consents, "--acknowledge", "last-admin")
    assert ("UpdateAccessKey" if verb == "deactivate" else "DeleteAccessKey") in two.writes


def test_the_last_key_goes_unasked_while_there_is_a_password(two: Site) -> None:
    two.by_hand(lambda iam: iam.create_access_key(UserName="boss"))
    (only,) = keys_of(two, "boss")
    command = ("keys", "deactivate", "--user", "boss", "--key", only, "--plan-only", "--acknowledge=last-key")
    assert OUT not in two.fine(*command).out
    assert asked(two) == {"GetLoginProfile": 2, "ListAccessKeys": 2}  # ghost is asked about side by side with boss


def test_a_key_that_is_off_takes_nobody_out(two: Site) -> None:
    two.by_hand(key("Inactive"))
    consent = ("--acknowledge", "delete-credentials:user/ghost")
    assert OUT not in two.fine("keys", "delete", "--user", "ghost", "--plan-only", *consent).out
    assert asked(two) == {"ListAccessKeys": 1}


def test_what_may_not_be_read_keeps_no_administrator_in_when_its_key_goes(two: Site) -> None:
    def denied(operation: str, body: bytes) -> Answer | None:
        return refusal("AccessDenied", 403) if operation == "GetLoginProfile" else None

    two.by_hand(lambda iam: iam.create_access_key(UserName="boss"))
    (only,) = keys_of(two, "boss")
    two.between = denied
    command = ("keys", "deactivate", "--user", "boss", "--key", only, "--plan-only", "--acknowledge=last-key")
    refused = two.run(*command)
    assert refused.code == 3
    said = " ".join(refused.out.split())
    assert f"{OUT} whether an administrator would be left that a person can enter cannot be decided" in said
    assert "whoever plans may not read it" in said


def test_a_user_that_is_no_administrator_loses_its_last_way_in_without_a_question(two: Site) -> None:
    two.write(BOTH + "  plain: {console_access: false}\n")
    two.by_hand(lambda iam: iam.create_user(UserName="plain"))
    two.by_hand(lambda iam: iam.create_login_profile(UserName="plain", Password="Not-a-word-7-of-it"))
    assert OUT not in two.fine("keys", "rotate", "--plan-only").out
    taking = list(two.calls)
    two.by_hand(lambda iam: iam.create_access_key(UserName="plain"))
    two.fine("keys", "rotate", "--plan-only")  # a key is left: nothing is taken that counts
    assert sorted(taking) == sorted(one for one in two.calls if one != "GetAccessKeyLastUsed")


def test_policies_of_aws_count_where_the_last_way_in_goes(site: Site) -> None:
    admin = "managed_policies: ['arn:aws:iam::aws:policy/AdministratorAccess']"
    site.write(f"users:\n  boss: {{console_access: false, {admin}}}\n")
    site.fine("apply", "--auto-approve", "--quiet", "--acknowledge", "escalation")
    site.by_hand(lambda iam: iam.create_login_profile(UserName="boss", Password="Not-a-word-7-of-it"))
    refused = site.run("keys", "rotate", "--plan-only")
    assert refused.code == 3
    assert f"{OUT} {LEFT}" in " ".join(refused.out.split())
    assert site.calls.count("GetPolicyVersion") == 1


def test_a_role_that_people_enter_lets_the_last_user_go_without_a_question(two: Site) -> None:
    trust = (
        "{Version: 2012-10-17, Statement: {Effect: Allow, Principal: {AWS: '444455556666'}, Action: sts:AssumeRole}}"
    )
    two.write(f"{BOTH}roles:\n  door: {{trust_policy: {trust}, inline_policies: {{all: {ALL}}}}}\n")
    two.fine("apply", "--auto-approve", "--quiet", "--acknowledge=escalation", "--acknowledge=trust-unknown-account")
    without_console(two, "boss")
    assert OUT not in two.fine("keys", "rotate", "--plan-only").out
    assert asked(two) == {"GetLoginProfile": 1, "ListAccessKeys": 1}


def test_a_rotation_puts_the_new_key_in_before_the_old_one_goes(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    rule = "access_keys: {rotate_after: 60d, deliver_to: 'ssm:/iam/boss'}"
    site.write(f"users:\n  boss: {{{rule}, inline_policies: {{all: {ALL}}}}}\n")
    site.fine("apply", "--auto-approve", "--quiet", "--acknowledge", "escalation")
    seen = set()
    for day in ("2026-11-24", "2027-02-01", "2027-02-20", "2027-03-20"):
        monkeypatch.setenv("IAMSYNC_NOW", f"{day}T00:00:00Z")
        assert OUT not in site.fine("keys", "rotate", "--auto-approve").out
        seen.update(site.writes)
        assert "GetLoginProfile" not in site.calls
    assert {"CreateAccessKey", "UpdateAccessKey", "DeleteAccessKey"} <= seen


def test_what_another_user_gets_in_the_same_run_does_not_count_before_it_has_it(two: Site) -> None:
    without_console(two, "boss")
    two.edit("  ghost: {", "  ghost: {console_access: {deliver_to: 'ssm:/iam/ghost'}, ")
    assert OUT in two.run("keys", "rotate", "--plan-only").out
    two.fine("keys", "rotate", "--auto-approve", "--user", "ghost")
    assert OUT not in two.fine("keys", "rotate", "--plan-only").out


def test_a_list_of_keys_asks_nothing_for_the_sake_of_the_guard(two: Site) -> None:
    without_console(two, "boss")
    assert two.run("keys", "list").code == 2
    assert asked(two) == {"GetLoginProfile": 1, "ListAccessKeys": 1}


def test_a_user_kept_for_emergencies_keeps_a_way_to_sign_in(two: Site) -> None:
    said = "guard break-glass user/ghost is kept for emergencies, and {}the last key or password it has would go"
    two.edit("version: 1\n", "version: 1\nsafety: {break_glass: [user/ghost]}\n", "iamsync.yaml")
    two.by_hand(key("Active"))
    (held,) = keys_of(two, "ghost")
    one = ("--user", "ghost", "--key", held, "--plan-only", "--acknowledge=last-key", "--acknowledge=key-in-use")
    refused = two.run("keys", "deactivate", *one)
    assert refused.code == 3
    assert said.format("perhaps ") in " ".join(refused.out.split())
    two.fine("keys", "deactivate", *one, "--acknowledge=break-glass:user/ghost")
    two.by_hand(key("Active"))  # another one that is on: this one may go
    two.fine("keys", "deactivate", *one)

    for more in keys_of(two, "ghost"):
        two.by_hand(lambda iam, more=more: iam.delete_access_key(UserName="ghost", AccessKeyId=more))
    without_console(two, "ghost")
    two.by_hand(lambda iam: iam.create_login_profile(UserName="ghost", Password="Not-a-word-7-of-it"))
    refused = two.run("keys", "rotate", "--plan-only")
    assert refused.code == 3
    assert said.format("") in " ".join(refused.out.split())
    assert "last-admin" not in refused.out  # boss can still sign in
