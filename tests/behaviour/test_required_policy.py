"""The policy that a plan takes, as a person asks for it: reads, calls, the lock and the journal of the project."""

from __future__ import annotations

import json

from tests.behaviour.conftest import CONFIG, Site
from tests.world import ACCOUNT


def test_reading_needs_no_write(site: Site) -> None:
    told = site.fine("required-policy")
    statement, attribute = json.loads(told.out)["Statement"]
    assert "iam:GetAccountAuthorizationDetails" in statement["Action"]
    assert all(
        action.split(":")[1].startswith(("Get", "List", "Simulate", "Describe", "Generate"))
        for action in statement["Action"]
    )
    assert attribute["Action"] == "cloudtrail:LookupEvents"
    assert site.calls == []


TOPIC = "arn:aws:sns:us-east-1:111122223333:iam"


def test_who_watches_for_drift_may_tell_the_projects_topics(site: Site) -> None:
    site.write(f"notify: [slack, {{sns: '{TOPIC}'}}]\n{CONFIG}", "iamsync.yaml")
    *_, notify = json.loads(site.fine("required-policy").out)["Statement"]
    assert notify == {"Sid": "Notify", "Effect": "Allow", "Action": "sns:Publish", "Resource": [TOPIC]}


def test_a_plan_needs_its_calls_on_its_arns_the_lock_and_the_journal(site: Site) -> None:
    site.write("users:\n  newcomer: {path: /people/, managed_policies: [aws/ReadOnlyAccess]}\n")
    site.fine("plan", "--out", "plan.json")
    more = f"notify: [slack, {{sns: '{TOPIC}'}}]\n"
    site.write(f"lock: s3://acme-iamsync/locks/\njournal: s3://acme-iamsync/runs/\n{more}{CONFIG}", "iamsync.yaml")
    told = site.fine("required-policy", "plan.json")
    statements = json.loads(told.out)["Statement"]
    user = f"arn:aws:iam::{ACCOUNT}:user/people/newcomer"
    attach = next(one for one in statements if one["Action"] == "iam:AttachUserPolicy" and one["Resource"] == user)
    assert attach["Resource"] == user
    assert attach["Condition"] == {"ArnEquals": {"iam:PolicyARN": "arn:aws:iam::aws:policy/ReadOnlyAccess"}}
    assert {one["Sid"]: one["Resource"] for one in statements if "Sid" in one and one["Sid"] != "Read"} == {
        "Lock": "arn:aws:s3:::acme-iamsync/locks/*",
        "LockList": "arn:aws:s3:::acme-iamsync",
        "Journal": "arn:aws:s3:::acme-iamsync/runs/*",
        "JournalList": "arn:aws:s3:::acme-iamsync",
        "Notify": [TOPIC],
    }
    assert "credentials that assume_role starts from" in told.err


def test_a_file_that_is_no_plan_or_of_another_account_is_an_error(site: Site) -> None:
    site.write("{}", "plan.json")
    assert site.run("required-policy", "plan.json").code == 1
    site.write("users: {newcomer: {}}\n")
    site.fine("plan", "--out", "plan.json")
    wrong = site.run("required-policy", "plan.json", "--account", "other")
    assert wrong.code == 1
    assert "has no account other" in wrong.err


def test_restrict_without_a_role_is_an_error_before_any_call(site: Site) -> None:
    wrong = site.run("apply", "--auto-approve", "--restrict")
    assert wrong.code == 1
    assert "nothing-to-restrict" in wrong.err
    assert site.calls == []
