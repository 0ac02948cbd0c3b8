"""What a plan must not do unasked: each guard refuses with its figures and its way out, and lets go when told."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from iamsync.planner.guards import _percent
from tests.behaviour.account import SITE, arn, ids
from tests.behaviour.conftest import CONFIG, Site
from tests.world import ACCOUNT

DENY = json.dumps({"Version": "2012-10-17", "Statement": {"Effect": "Deny", "Action": "*", "Resource": "*"}})
ANY = "{Version: 2012-10-17, Statement: {Effect: Allow, Action: 's3:*', Resource: '*'}}"
SNAPSHOT = "snapshot.json"


@dataclass(frozen=True)
class Case:
    """A plan that a guard refuses: what it says of it, and whether consent would make it work."""

    name: str
    guard: str
    prepare: Callable[[Site], object]
    says: tuple[str, ...]
    address: str = ""
    final: bool = False

    @property
    def consent(self) -> str:
        return self.guard + (f":{self.address}" if self.address else "")


def crowd(site: Site, size: int = 12) -> None:
    """Users that are there and declared."""
    names = "".join(f"  user-{number}: {{}}\n" for number in range(size))
    site.write(f"users:\n{names}", "iam/crowd.yaml")
    site.fine("apply", "--auto-approve", "--quiet")


def many_deletions(site: Site) -> None:
    crowd(site)
    gone = "".join(f"  - user/user-{number}\n" for number in range(11))
    site.write(f"users:\n  user-11: {{}}\nremoved:\n{gone}", "iam/crowd.yaml")
    site.write(f"safety: {{max_change_percent: 100}}\n{CONFIG}", "iamsync.yaml")


def large_share(site: Site) -> None:
    for name in ("developers: {path: /people/", "alice:\n    path: /people/"):
        site.edit(name, name.replace("/people/", "/staff/"))
    site.edit("Deploys the site", "Deploys")
    site.edit("Action: cloudtrail:LookupEvents", "Action: cloudtrail:GetTrail")


def set_safety(text: str) -> Callable[[Site], None]:
    return lambda site: (site.write(f"safety: {text}\n{CONFIG}", "iamsync.yaml"), None)[1]


def protected(site: Site) -> None:
    set_safety('{protected: ["role:/ci/**"]}')(site)
    site.edit("Deploys the site", "Deploys")


def replaced_boundary(site: Site) -> None:
    site.edit("  fence:\n    document", "  fence:\n    path: /bounds/\n    document")
    site.write(f"acknowledge: [{{guard: replace, reason: test, until: 2030-01-01}}]\n{CONFIG}", "iamsync.yaml")


def held_by_others(site: Site) -> None:
    site.by_hand(lambda iam: iam.create_user(UserName="stranger"))
    site.by_hand(lambda iam: iam.attach_user_policy(UserName="stranger", PolicyArn=arn("policy/wide-fence")))
    dropped = f"  wide-fence:\n    document:\n      Version: 2012-10-17\n{' ' * 6}Statement: "
    dropped += '{Effect: Allow, Action: "*", Resource: "*"}\n'
    site.edit(dropped, "")
    site.write(SITE.replace(dropped, "") + "removed: [policy/wide-fence]\n")


def quarantined(site: Site) -> None:
    site.by_hand(lambda iam: iam.put_user_policy(UserName="bob", PolicyName="stop", PolicyDocument=DENY))


def with_key(site: Site) -> None:
    site.by_hand(lambda iam: iam.create_user(UserName="old-bot"))
    site.by_hand(lambda iam: iam.create_access_key(UserName="old-bot"))
    site.write("removed: [user/old-bot]\n", "iam/gone.yaml")


def unknown_policy(site: Site) -> None:
    site.edit("managed_policies: [audit]", "managed_policies: [audit, live/absent]")


def unknown_aws_policy(site: Site) -> None:
    site.edit("managed_policies: [audit]", "managed_policies: [audit, aws/NoSuchPolicyAtAll]")


def unknown_principal(site: Site) -> None:
    site.edit("{AWS: $(arn.user/bob)}", f"{{AWS: 'arn:aws:iam::{ACCOUNT}:user/nobody'}}")


def over_quota(site: Site) -> None:
    policies = "".join(f"  extra-{number}: {{document: {ANY}}}\n" for number in range(10))
    site.write(f"policies:\n{policies}", "iam/extra.yaml")
    names = ", ".join(["audit", *(f"extra-{number}" for number in range(10))])
    site.edit("managed_policies: [audit]", f"managed_policies: [{names}]")


CASES = (
    Case(
        "max-deletes",
        "max-deletes",
        many_deletions,
        ("11 resources would be deleted or replaced; the limit is 10", "raise safety.max_deletes", "user/user-0"),
    ),
    Case(
        "max-change-percent",
        "max-change-percent",
        large_share,
        ("4 of 10 managed resources would change (40 %); the limit is 30 %", "raise safety.max_change_percent"),
    ),
    Case(
        "protected",
        "protected",
        protected,
        ("role/site is protected, and the plan would update it", "take the change out of the manifests"),
        "role/site",
    ),
    Case(
        "replace",
        "replace",
        lambda site: site.edit("  site:\n    path: /ci/", "  site:\n    path: /other/"),
        ("role/site would be deleted and created again: path cannot be changed in place", "renamed_from"),
        "role/site",
    ),
    Case(
        "boundary-replace",
        "boundary-replace",
        replaced_boundary,
        ("policy/fence is the permissions boundary of 2 principals", "role/site, user/alice", "renamed_from: fence"),
        "policy/fence",
        final=True,
    ),
    Case(
        "held-out-of-scope",
        "held-out-of-scope",
        held_by_others,
        ("policy/wide-fence cannot be deleted", "user/stranger", "declare the holders, or take it off them first"),
        "policy/wide-fence",
        final=True,
    ),
    Case(
        "deny-removed",
        "deny-removed",
        quarantined,
        ("user/bob would lose what denies it something: inline policy stop", "declare it too if it should stay"),
        "user/bob",
    ),
    Case(
        "delete-credentials",
        "delete-credentials",
        with_key,
        ("user/old-bot still has credentials", "destroy: 1 access key", "access key ...", "(Active)"),
        "user/old-bot",
    ),
    Case(
        "unknown-reference",
        "unknown-reference",
        unknown_policy,
        ("user/alice refers to live/absent", "take live/absent out"),
        "user/alice",
        final=True,
    ),
    Case(
        "unknown AWS policy",
        "unknown-reference",
        unknown_aws_policy,
        ("arn:aws:iam::aws:policy/NoSuchPolicyAtAll, which does not exist", "aws/service-role/NoSuchPolicyAtAll or"),
        "user/alice",
        final=True,
    ),
    Case(
        "unknown-principal",
        "unknown-principal",
        unknown_principal,
        (f"role/reader trusts arn:aws:iam::{ACCOUNT}:user/nobody, which is neither declared nor in the account",),
        "role/reader",
    ),
    Case(
        "over-quota",
        "over-quota",
        over_quota,
        ("user/alice would have 11 managed_policies; the account's quota is 10", "ask AWS to raise the quota"),
        "user/alice",
        final=True,
    ),
)


@pytest.mark.parametrize("case", CASES, ids=ids(CASES))
def test_a_guard_refuses_with_its_figures_and_its_way_out(applied: Site, case: Case) -> None:
    case.prepare(applied)
    told = applied.run("plan")
    assert told.code == 3, told
    assert f"guard {case.guard}" in told.out
    said = " ".join(told.out.split())
    for text in case.says:
        assert text in said
    assert (f"--acknowledge {case.consent}" in told.out) == (not case.final)
    assert "error[guard-refused]" in told.err

    before = applied.live()
    told = applied.run("apply", "--auto-approve")
    assert told.code == 3
    assert applied.writes == []
    assert applied.live() == before

    # AWS refuses to save a trust in nobody, so consent only moves the refusal there.
    done = 3 if case.final else 5 if case.guard == "unknown-principal" else 0
    told = applied.run("apply", "--auto-approve", "--acknowledge", case.consent)
    assert told.code == done, told
    if case.final:
        assert applied.writes == []
        assert applied.run("apply", "--auto-approve", "--acknowledge", case.guard).code == 3


def test_a_plan_of_another_account_is_a_failure_before_anything_is_read(applied: Site) -> None:
    applied.edit(ACCOUNT, "444455556666", "iamsync.yaml")
    applied.fine("plan", "--account-id", "444455556666")
    applied.edit("444455556666", ACCOUNT, "iamsync.yaml")
    told = applied.run("plan", "--account-id", "444455556666")
    assert told.code == 1
    assert "error[wrong-account]" in told.err
    assert ACCOUNT in told.err
    assert "444455556666" in told.err
    assert applied.calls == []


def test_nothing_is_deleted_in_a_kind_of_which_not_everything_was_read(applied: Site) -> None:
    applied.fine("snapshot", "--out", SNAPSHOT)
    held = json.loads((applied.root / SNAPSHOT).read_text())
    held["complete"]["users"] = False
    applied.write(json.dumps(held), SNAPSHOT)
    applied.write(SITE.replace("  bob:", "  robert:").replace("user/bob", "user/robert") + "removed: [user/bob]\n")
    for more in ((), ("--acknowledge", "incomplete-read"), ("--acknowledge", "incomplete-read:user/bob")):
        told = applied.run("plan", "--live", SNAPSHOT, *more)
        assert told.code == 3, told
        assert "guard incomplete-read" in told.out
        assert "user/bob would be deleted, but not every user was read" in told.out
        assert "plan against the account itself" in told.out


@pytest.mark.parametrize(
    ("until", "code"), [("2026-11-23", 3), ("2026-11-24", 3), ("2026-11-24T00:00:01Z", 0), ("2027-01-31", 0)]
)
def test_consent_in_the_project_file_counts_until_its_day(applied: Site, until: str, code: int) -> None:
    protected(applied)
    held = (applied.root / "iamsync.yaml").read_text()
    consent = f'{{guard: protected, address: "role/s*", reason: the new bucket, until: {until}}}'
    applied.write(f"acknowledge: [{consent}]\n{held}", "iamsync.yaml")
    told = applied.run("plan")
    assert told.code == code, told
    assert ("the new bucket" in told.out) == (code == 0)


def test_consent_is_to_one_guard_at_one_address(applied: Site) -> None:
    protected(applied)
    for other in ("replace", "protected:role/reader", "max-deletes"):
        assert applied.run("plan", "--acknowledge", other).code == 3
    for same in ("protected", "protected:role/site", "protected:role/*"):
        assert applied.run("plan", "--acknowledge", same).code == 0


def test_there_is_no_blanket_consent(applied: Site) -> None:
    told = applied.run("apply", "--auto-approve", "--acknowledge", "*")
    assert told.code == 1
    assert "error[bad-option]" in told.err
    assert applied.calls == []


def test_reports_are_written_though_a_guard_refuses(applied: Site) -> None:
    quarantined(applied)
    told = applied.run("plan", "--out", "plan.json", "--report", "markdown=plan.md")
    assert told.code == 3
    assert "deny-removed" in (applied.root / "plan.md").read_text()
    told = applied.run("apply", "plan.json")
    assert told.code == 3
    assert applied.writes == []
    told = applied.run("apply", "--auto-approve", "--format", "json")
    assert told.code == 3
    refused = json.loads(told.out)
    assert [guard["id"] for guard in refused["plans"][0]["guards"]] == ["deny-removed"]
    assert (refused["applied"], applied.writes) == ([], [])
    applied.fine("apply", "plan.json", "--acknowledge", "deny-removed:user/bob")
    assert applied.writes == ["DeleteUserPolicy"]


def test_a_guard_looks_again_when_a_saved_plan_is_applied(applied: Site) -> None:
    """What was no refusal for the plan may be one by now: the user has been put under protection."""
    applied.by_hand(lambda iam: iam.create_user(UserName="old-bot"))
    applied.write("removed: [user/old-bot]\n", "iam/gone.yaml")
    applied.fine("plan", "--out", "plan.json")
    set_safety("{protected: [user/old-bot]}")(applied)
    told = applied.run("apply", "plan.json")
    assert told.code == 3, told
    assert "protected:user/old-bot" in told.out
    assert applied.writes == []


def test_every_guard_a_plan_can_name_is_one_that_can_be_spelled() -> None:
    from iamsync.planner.guards import FINAL
    from iamsync.settings import GUARDS

    assert set(GUARDS) >= FINAL
    assert list(GUARDS) == sorted(GUARDS)


@pytest.mark.parametrize(
    ("part", "whole", "told"), [(4, 13, "30.8"), (4, 10, "40"), (31, 100, "31"), (3001, 10000, "over 30")]
)
def test_a_share_over_the_limit_does_not_read_as_the_limit(part: int, whole: int, told: str) -> None:
    assert _percent(part, whole, 30) == told


def test_an_empty_description_is_no_line_of_a_deletion(site: Site) -> None:
    site.write(f"policies: {{gone: {{document: {ANY}}}}}\nusers: {{alice: {{}}}}\n")
    site.fine("apply", "--auto-approve")
    site.write("users: {alice: {}}\nremoved: [policy/gone]\n")
    told = site.fine("plan")
    assert "- delete policy/gone" in told.out
    assert "description" not in told.out
