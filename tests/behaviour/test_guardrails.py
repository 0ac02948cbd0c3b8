"""A repository under guardrails, as its operator runs it."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from iamsync.engine.weakening import _entered, _ways
from iamsync.manifest.config import Config, load_config
from tests.behaviour.conftest import CONFIG, Site
from tests.world import ACCOUNT

RULES = f"""\
version: 1
accounts: ["{ACCOUNT}"]
scope: {{exclude: ["role:/break-glass/**"]}}
unmanaged: report
safety: {{max_deletes: 0, protected: ["user/ops"]}}
refuse_acknowledgements: [max-deletes]
tests:
  nobody deletes users: {{principals: "user/*", deny: "iam:DeleteUser"}}
"""
LOOSE = f"""\
unmanaged: delete
safety: {{max_deletes: 50, protected: [role/x, "!user/ops"]}}
acknowledge: [{{guard: max-deletes, reason: x, until: 2030-01-01}}]
{CONFIG}"""
TRUST = (
    "{Version: 2012-10-17, Statement: "
    "{Effect: Allow, Principal: {Service: ec2.amazonaws.com}, Action: 'sts:AssumeRole'}}"
)


@pytest.fixture
def guarded(site: Site) -> Site:
    site.write("users: {ops: {}, old: {}}\n")
    site.write(LOOSE, "iamsync.yaml")
    site.fine("apply", "--auto-approve")
    site.write(RULES, "../rails.yaml")
    site.by_hand(lambda iam: iam.create_user(UserName="stranger"))
    site.write("users: {ops: {tags: {a: b}}}\nremoved: [user/old]\n")
    return site


def plan_of(site: Site, *more: str) -> tuple[int, dict[str, Any]]:
    told = site.run("plan", "--format", "json", *more)
    return told.code, json.loads(told.out)["plans"][0]


def test_the_tighter_side_counts_whatever_the_project_file_says(guarded: Site) -> None:
    code, plan = plan_of(guarded, "--guardrails", "../rails.yaml")
    assert code == 3
    assert [(guard["id"], guard["acknowledged"]) for guard in plan["guards"]] == [
        ("max-deletes", None),
        ("protected", None),
    ]
    assert [finding["id"] for finding in plan["findings"]][:3] == ["weakened-guardrail"] * 3
    assert "user/stranger" not in {change["address"] for change in plan["changes"]}
    # What the operator says on the command line counts.
    consent = ("--acknowledge", "max-deletes", "--acknowledge", "protected", "--guardrails", "../rails.yaml")
    assert plan_of(guarded, *consent)[0] == 0
    code, plan = plan_of(guarded)
    assert (code, plan["findings"]) == (0, [])


def test_what_lies_outside_of_the_guardrails_is_not_changed(guarded: Site) -> None:
    guarded.write(
        f"users: {{ops: {{}}, old: {{}}}}\nroles: {{opener: {{path: /break-glass/, trust_policy: {TRUST}}}}}\n"
    )
    code, plan = plan_of(guarded, "--guardrails", "../rails.yaml")
    assert code == 3
    assert [(guard["id"], guard["acknowledge"]) for guard in plan["guards"]] == [("outside-guardrails", None)]


def test_the_operators_tests_are_run_and_cannot_be_replaced(guarded: Site) -> None:
    grant = "{Version: 2012-10-17, Statement: {Effect: Allow, Action: 'iam:*', Resource: '*'}}"
    guarded.write(f"users: {{ops: {{inline_policies: {{all: {grant}}}}}}}\n")
    told = guarded.run("test", "--guardrails", "../rails.yaml")
    assert told.code == 2
    assert "nobody deletes users" in told.out
    guarded.write("tests: {nobody deletes users: {principals: user/*, allow: 'iam:DeleteUser'}}\n", "iam/tests.yaml")
    told = guarded.run("test", "--guardrails", "../rails.yaml")
    assert told.code == 1
    assert "stands twice; the first one is at" in told.err


def test_no_other_account_is_touched(guarded: Site) -> None:
    guarded.write(RULES.replace(ACCOUNT, "444455556666"), "../rails.yaml")
    told = guarded.run("plan", "--guardrails", "../rails.yaml")
    assert told.code == 1
    assert f"account site is {ACCOUNT}, which" in told.err
    assert guarded.calls == []


def test_guardrails_may_come_from_another_revision_and_a_change_is_told_what_it_weakens(guarded: Site) -> None:
    def git(*arguments: str) -> None:
        identity = ("-c", "user.name=x", "-c", "user.email=x")
        subprocess.run(["git", *identity, *arguments], cwd=guarded.root, check=True, capture_output=True)

    guarded.write(f"safety: {{max_deletes: 5}}\n{CONFIG}", "iamsync.yaml")
    guarded.write("tests: {no keys: {principals: user/*, deny: 'iam:CreateAccessKey'}}\n", "iam/tests.yaml")
    guarded.write(RULES, "rails.yaml")
    git("init", "-q")
    git("add", ".")
    git("commit", "-q", "-m", "one")
    (guarded.root / "iam" / "tests.yaml").unlink()
    guarded.write(f"safety: {{max_deletes: 9}}\n{CONFIG}", "iamsync.yaml")
    more = "suppress: [{finding: IAM-P034, address: role/x, reason: because}]\n"
    guarded.write(more, "iam/more.yaml")
    guarded.write("version: 1\n", "rails.yaml")
    _, plan = plan_of(guarded, "--base", "git:HEAD", "--guardrails", "git:HEAD:rails.yaml")
    told = [finding["message"] for finding in plan["findings"] if finding["id"] == "weakened-guardrail"]
    assert told == [
        "safety.max_deletes is 9; git:HEAD:rails.yaml holds it at 0",
        "safety.max_deletes was 5 and is 9",
        "suppress: IAM-P034 of role/x is new (because)",
        'test "no keys" is gone',
    ]
    inside = guarded.run("plan", "--guardrails", "rails.yaml")
    assert "lie in the project they guard" in inside.err


def test_the_places_that_runs_write_to_are_the_operators_where_guardrails_name_them(guarded: Site) -> None:
    places = "lock: s3://acme-iamsync/\njournal: s3://elsewhere/\nnotify: [slack]\n"
    guarded.write(LOOSE + places, "iamsync.yaml")
    guarded.write(RULES + 'send_to: ["s3://acme-*", "slack"]\n', "../rails.yaml")
    told = guarded.run("plan", "--guardrails", "../rails.yaml")
    assert told.code == 1
    assert "error[target-not-allowed]: journal leads to s3://elsewhere/, which" in told.err
    assert guarded.calls == []
    guarded.write(LOOSE + places.replace("elsewhere", "acme-journals"), "iamsync.yaml")
    assert guarded.run("validate", "--guardrails", "../rails.yaml").code == 0


def test_another_place_to_write_to_and_another_way_in_are_told_as_weaker() -> None:
    def project(text: str) -> Config:
        return load_config(Path("iamsync.yaml"), Path("/nowhere"), text=text)

    head = "version: 1\naccounts:\n  site: {id: '111122223333'%s}\n"
    before = project(head % "" + "lock: s3://old/\n")
    other = ", profile: x, assume_role: {write: 'arn:aws:iam::111122223333:role/w'}"
    after = project(head % other + "journal: s3://new/\nnotify: [slack]\n")
    told = [one.title for one in (*_ways(before, after), *_entered(before.accounts[0], after.accounts[0]))]
    assert told == [
        "journal leads to s3://new/, which is new",
        "notify leads to slack, which is new",
        "lock no longer leads to s3://old/",
        "profile was not set and is x",
        "assume_role (write) is another way in: arn:aws:iam::111122223333:role/w",
    ]
    assert not list(_ways(before, before))


def test_a_folder_that_git_does_not_know_is_another_error_than_a_wrong_revision(site: Site) -> None:
    told = site.run("validate", "--guardrails", "git:main:rails.yaml")
    assert told.code == 1
    assert "error[bad-revision]: git rev-parse" in told.err
    assert "is this a git repository?" in told.err
