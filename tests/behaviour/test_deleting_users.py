"""A user goes with everything it holds: nine kinds of dependants, each a step, in an order that ends access first."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from iamsync.aws.session import Access, connect
from iamsync.kinds import KINDS
from iamsync.kinds.credentials import Credential, ended
from iamsync.kinds.kind import Context
from iamsync.model import Address, Plan, Removal, Resource, State
from iamsync.sandbox import Server
from iamsync.settings import Acknowledgement
from tests.behaviour.conftest import Site
from tests.laden import ALL_CALLS, BOT, CREDENTIAL_CALLS, DEVICE_CALLS, laden
from tests.laws.law import FULL
from tests.laws.test_crash import SimulatedCrash, When, Wire, crash
from tests.world import ACCOUNT, SESSIONS, World, settings

CONSENT = f"delete-credentials:user/{BOT}"
GOAL = State.of(ACCOUNT, (), removed=(Removal(Address("user", BOT)),), complete=frozenset(KINDS))
OPTIONS = replace(
    settings(acknowledge=("max-deletes",)), acknowledge=(Acknowledgement("delete-credentials", "user/*"),)
)


@pytest.fixture
def doomed(applied: Site) -> tuple[Site, list[str]]:
    """A project that wants a laden user gone, and that user's secrets."""
    secrets: list[str] = []
    applied.by_hand(lambda iam: secrets.extend(laden(iam)))
    applied.write(f"removed: [user/{BOT}]\n", "iam/gone.yaml")
    return applied, secrets


def test_a_user_with_all_nine_kinds_of_dependants_is_deleted_in_one_plan_that_lists_each(
    doomed: tuple[Site, list[str]],
) -> None:
    site, secrets = doomed
    told = site.run("plan", "--out", "plan.json")
    assert told.code == 3
    assert site.writes == []
    said = " ".join(told.out.split())
    assert (
        "2 access keys, 1 login profile, 1 service-specific credential, 1 SSH public key, 1 signing certificate, "
        "1 MFA device, 1 virtual MFA device, 1 membership, 1 attachment, 2 inline policies go with it"
    ) in said
    for line in ("- login profile", "- virtual MFA device phone", "- MFA device ...5678", "- SSH public key ..."):
        assert line in said
    assert f"--acknowledge {CONSENT}" in said
    document = json.loads((site.root / "plan.json").read_text())["plans"][0]
    assert [step["operation"] for step in document["steps"]] == list(ALL_CALLS)

    done = site.fine("apply", "--auto-approve", "--acknowledge", CONSENT)
    assert site.writes == list(ALL_CALLS)
    for text in (told.out, done.out, done.err, (site.root / "plan.json").read_text(), site.runs[-1].read_text()):
        assert not any(secret in text for secret in secrets)
    assert BOT.encode() not in site.live()
    assert b"mfa/phone" not in site.live()
    assert site.fine("plan", "--acknowledge", CONSENT).out.count("No changes") == 1


def test_the_guard_names_each_credential_by_the_end_of_its_id(doomed: tuple[Site, list[str]]) -> None:
    site, _ = doomed
    keys: list[str] = []
    site.by_hand(
        lambda iam: keys.extend(key["AccessKeyId"] for key in iam.list_access_keys(UserName=BOT)["AccessKeyMetadata"])
    )
    out = site.run("plan").out
    said = " ".join(out.split())
    assert f"access key ...{keys[0][-4:]} (Inactive)" in said
    assert f"access key ...{keys[1][-4:]} (Active)" in said
    assert "service-specific credential ..." in said
    assert "for codecommit.amazonaws.com (Active)" in said
    assert not any(key in out for key in keys)


def test_without_credentials_nobody_is_asked(applied: Site) -> None:
    applied.by_hand(lambda iam: iam.create_user(UserName=BOT))
    applied.write(f"removed: [user/{BOT}]\n", "iam/gone.yaml")
    assert "delete-credentials" not in applied.fine("plan").out


def test_the_plan_as_commands_names_every_credential(doomed: tuple[Site, list[str]]) -> None:
    site, secrets = doomed
    script = site.run("plan", "--format", "aws-cli").out
    for command in (
        "aws iam delete-access-key --user-name old-bot --access-key-id AKIA",
        "aws iam delete-login-profile --user-name old-bot\n",
        "aws iam delete-service-specific-credential --user-name old-bot --service-specific-credential-id ACCA",
        "aws iam delete-ssh-public-key --user-name old-bot --ssh-public-key-id APKA",
        "aws iam delete-signing-certificate --user-name old-bot --certificate-id ",
        "aws iam deactivate-mfa-device --user-name old-bot --serial-number GAHT12345678\n",
        f"aws iam delete-virtual-mfa-device --serial-number arn:aws:iam::{ACCOUNT}:mfa/phone\n",
    ):
        assert command in script, command
    assert not any(secret in script for secret in secrets)


def test_the_steps_are_listed_one_by_one_when_asked(doomed: tuple[Site, list[str]]) -> None:
    site, _ = doomed
    out = site.run("plan", "--verbose", "--acknowledge", CONSENT).out
    steps = out.partition("\nsteps\n")[2]
    assert all(operation in steps for operation in ALL_CALLS)


def test_a_key_that_appears_after_the_review_stops_the_apply(doomed: tuple[Site, list[str]]) -> None:
    site, _ = doomed
    site.fine("plan", "--out", "plan.json", "--acknowledge", CONSENT)
    site.by_hand(lambda iam: iam.upload_ssh_public_key(UserName=BOT, SSHPublicKeyBody="ssh-rsa AAAA another"))
    told = site.run("apply", "plan.json", "--acknowledge", CONSENT)
    assert told.code == 4, told
    assert "DeleteSSHPublicKey" in told.out + told.err
    assert site.writes == []


def test_a_key_that_went_meanwhile_is_no_hindrance(doomed: tuple[Site, list[str]]) -> None:
    site, _ = doomed
    site.fine("plan", "--out", "plan.json", "--acknowledge", CONSENT)
    site.by_hand(lambda iam: iam.delete_login_profile(UserName=BOT))
    site.fine("apply", "plan.json", "--acknowledge", CONSENT)
    assert "DeleteLoginProfile" not in site.writes
    assert site.writes[-1] == "DeleteUser"


def test_consent_to_one_user_is_none_to_another(doomed: tuple[Site, list[str]]) -> None:
    site, _ = doomed
    assert site.run("plan", "--acknowledge", "delete-credentials:user/other").code == 3
    for blanket in ("delete-credentials", "delete-credentials:*", "delete-credentials:**"):
        told = site.run("plan", "--acknowledge", blanket)
        assert told.code == 1
        assert "names nobody" in told.err
    site.fine("plan", "--acknowledge", "delete-credentials:user/old-*")


# What the calls are ---------------------------------------------------------------------------------


def acts(*credentials: Credential) -> list[Any]:
    user = Resource(Address("user", BOT), KINDS["user"].spec(), facts={"credentials": credentials})
    before_delete = KINDS["user"].before_delete
    assert before_delete is not None
    return list(before_delete(user, Context(ACCOUNT)))


def test_every_call_on_a_credential_names_the_user_or_the_device() -> None:
    """Left out, AWS would take the caller's own."""
    phone = Credential("virtual-mfa", f"arn:aws:iam::{ACCOUNT}:mfa/phone")
    for act in acts(Credential("access-key", "AKIA1"), Credential("login-profile"), phone):
        named = "SerialNumber" if act.call.operation == "DeleteVirtualMFADevice" else "UserName"
        assert act.call.params[named]
    nobody = Resource(Address("user", ""), KINDS["user"].spec())
    before_delete = KINDS["user"].before_delete
    assert before_delete is not None
    with pytest.raises(ValueError, match="the caller"):
        list(before_delete(nobody, Context(ACCOUNT)))


def test_a_fido_key_is_deactivated_and_not_deleted() -> None:
    made = acts(Credential("mfa-device", f"arn:aws:iam::{ACCOUNT}:u2f/user/{BOT}/key-ABCDEFGHIJKLMNOP"))
    assert [act.call.operation for act in made] == ["DeactivateMFADevice"]
    assert str(ended(made[0].call.operation, made[0].call.params)) == "MFA device key-ABCDEFGHIJKLMNOP"


# When it is interrupted -----------------------------------------------------------------------------


def fresh() -> Server:
    server = Server(account_id=ACCOUNT)
    laden(connect(Access(account_id=ACCOUNT), transport=server.handle, sessions=SESSIONS).iam)
    return server


def run(wire: Wire) -> Plan:
    world = World(
        server=wire.server, _connection=connect(Access(account_id=ACCOUNT), transport=wire, sessions=SESSIONS)
    )
    made = world.plan(GOAL, OPTIONS)
    assert not made.refusals
    ended = world.apply(made)
    assert (ended.failed, ended.skipped) == (0, 0)
    return made


LAST = len(ALL_CALLS)
EVERY = [(k, when) for k in range(LAST) for when in ("before", "after")]
SOME = [(0, "after"), (1, "after"), (2, "before"), (5, "after"), (LAST - 3, "after"), (LAST - 2, "before")]


@pytest.mark.parametrize(("k", "when"), EVERY if FULL else [*SOME, (LAST - 2, "after"), (LAST - 1, "after")])
def test_a_deletion_killed_at_any_call_is_finished_by_the_next(k: int, when: When) -> None:
    server = fresh()
    wire = Wire(server, k, when, die=crash)
    with pytest.raises(SimulatedCrash):
        run(wire)
    done = k if when == "before" else k + 1
    assert wire.executed == list(ALL_CALLS[:done])
    again = Wire(server)
    made = run(again)
    left = World(server=server).read()
    assert left.get(Address("user", BOT)) is None
    told = [finding.title for finding in made.findings if finding.id == "unassigned-mfa"]
    if done == LAST - 2:  # whose the device was is told by the record of the run alone
        assert told == ["1 virtual MFA device is assigned to nobody: phone"]
    else:
        assert wire.executed + again.executed == list(ALL_CALLS)
        assert not told


def test_a_call_that_fails_leaves_the_user_with_what_was_not_reached(doomed: tuple[Site, list[str]]) -> None:
    """A second factor stays on as long as there is a password that it protects."""
    from tests.behaviour.conftest import refusal

    site, _ = doomed
    site.between = lambda operation, body: refusal("AccessDenied", 403) if operation == "DeleteLoginProfile" else None
    told = site.run("apply", "--auto-approve", "--acknowledge", CONSENT)
    assert told.code == 5, told
    assert [name for name in site.writes if name in CREDENTIAL_CALLS] == list(CREDENTIAL_CALLS)
    assert not set(site.writes) & {*DEVICE_CALLS, "DeleteUser"}
    site.between = lambda operation, body: None
    site.fine("apply", "--auto-approve", "--acknowledge", CONSENT)
    assert site.writes == ["DeleteLoginProfile", *DEVICE_CALLS, "DeleteUser"]


def broken_off(site: Site) -> None:
    """A deletion that ends between the two calls of a virtual device."""
    from tests.behaviour.conftest import refusal

    last = "DeleteVirtualMFADevice"
    site.between = lambda operation, body: refusal("AccessDenied", 403) if operation == last else None
    assert site.run("apply", "--auto-approve", "--acknowledge", CONSENT).code == 5
    site.between = lambda operation, body: None
    assert b"mfa/phone" in site.live()


def test_the_record_of_a_run_that_broke_off_tells_whose_a_device_was(doomed: tuple[Site, list[str]]) -> None:
    site, _ = doomed
    broken_off(site)
    told = site.run("plan")
    assert "virtual MFA device phone (Unassigned)" in " ".join(told.out.split())
    assert told.code == 3  # it is a credential of that user still
    site.fine("apply", "--auto-approve", "--acknowledge", CONSENT)
    assert site.writes == ["DeleteVirtualMFADevice", "DeleteUser"]
    assert b"mfa/phone" not in site.live()


def test_without_the_record_a_device_of_nobody_is_named_and_left(doomed: tuple[Site, list[str]]) -> None:
    site, _ = doomed
    broken_off(site)
    site.runs[-1].unlink()
    site.by_hand(lambda iam: iam.create_virtual_mfa_device(VirtualMFADeviceName=BOT))
    told = site.fine("apply", "--auto-approve", "--acknowledge", CONSENT)
    assert "1 virtual MFA device is assigned to nobody: phone" in " ".join(told.out.split())
    # One that bears the name of who goes is taken for theirs.
    assert site.writes == ["DeleteVirtualMFADevice", "DeleteUser"]
    assert b"mfa/phone" in site.live()
    assert BOT.encode() not in site.live()


# When it was used -----------------------------------------------------------------------------------


def test_the_last_use_of_password_key_and_role_is_read_of_whom_is_to_be_deleted_alone() -> None:
    key = {"AccessKeyId": "AKIAIOSFODNN7EXAMPLE", "SecretAccessKey": "x", "Status": "Active"}
    key |= {"CreateDate": "2024-01-01T00:00:00Z", "LastUsed": ["2026-11-20T10:00:00Z", "s3", "us-east-1"]}  # type: ignore[dict-item]
    users = [
        {"UserName": "bot", "AccessKeys": [key]},
        {"UserName": "ann", "PasswordLastUsed": "2026-11-21T10:00:00Z"},
        {"UserName": "old", "PasswordLastUsed": "2026-01-21T10:00:00Z"},
        {"UserName": "stays", "PasswordLastUsed": "2026-11-21T10:00:00Z"},
    ]
    trust = {
        "Statement": {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
    }
    role = {
        "RoleName": "app",
        "AssumeRolePolicyDocument": trust,
        "RoleLastUsed": {"LastUsedDate": "2026-11-22T10:00:00Z"},
    }
    world = World()
    world.server.seed(ACCOUNT, {"UserDetailList": users, "RoleDetailList": [role]})
    gone = [Address("role", "app"), *(Address("user", name) for name in ("ann", "bot", "old"))]
    goal = State.of(ACCOUNT, (), removed=tuple(map(Removal, gone)), complete=frozenset(KINDS))
    made = world.plan(goal, OPTIONS)
    found = {str(guard.address): guard for guard in made.refusals if guard.id == "recently-used"}
    assert sorted(found) == ["role/app", "user/ann", "user/bot"]
    assert found["user/bot"].evidence == "access key ...MPLE on 2026-11-20"
    assert found["user/ann"].evidence == "password on 2026-11-21"
    assert found["role/app"].evidence == "assumed on 2026-11-22"
    assert [world.calls.count(name) for name in ("GetUser", "GetAccessKeyLastUsed", "GetRole")] == [3, 1, 0]
