"""What plans are held to beside the resources declared: permission tests, and documents of AWS as reviewed."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest

from tests.behaviour.conftest import Site

MANIFEST = """
users:
  alice: {groups: [staff]}
  bob: {}
groups:
  staff: {managed_policies: [publish]}
roles:
  deploy:
    trust_policy:
      Version: 2012-10-17
      Statement: {Effect: Allow, Principal: {AWS: "$(arn.user/bob)"}, Action: "sts:AssumeRole"}
    managed_policies: [aws/IAMReadOnlyAccess]
policies:
  publish:
    document:
      Version: 2012-10-17
      Statement: {Sid: put, Effect: Allow, Action: "s3:PutObject", Resource: "arn:aws:s3:::site/*"}
"""
TESTS = """
tests:
  staff delete nothing: {principals: "user/*", deny: ["s3:DeleteObject"]}
"""
READ_ONLY = "arn:aws:iam::aws:policy/IAMReadOnlyAccess"
DOCUMENTS = ("GetPolicy", "GetPolicyVersion")


@pytest.fixture
def tested(site: Site) -> Site:
    """The account as declared, with a test that holds."""
    site.write(MANIFEST + TESTS)
    site.fine("apply", "--auto-approve")
    return site


def plan_of(site: Site, *more: str, code: int = 0) -> dict[str, Any]:
    told = site.run("plan", "--format", "json", *more)
    assert told.code == code, told
    return json.loads(told.out)["plans"][0]  # type: ignore[no-any-return]


def widen(site: Site) -> None:
    site.edit('Action: "s3:PutObject"', 'Action: ["s3:PutObject", "s3:Delete*"]')


def test_a_test_that_a_plan_would_break_refuses_it_until_acknowledged_for_that_principal(tested: Site) -> None:
    widen(tested)
    (guard,) = plan_of(tested, code=3)["guards"]
    assert (guard["id"], guard["severity"], guard["address"]) == ("failing-test", "refuse", "user/alice")
    assert guard["message"] == (
        'test "staff delete nothing" fails for user/alice: s3:DeleteObject on arn:aws:s3:::site/* is allowed'
    )
    assert "policy/publish via group/staff, statement 1 (put)" in guard["evidence"]
    assert guard["origin"]["file"] == "iam/site.yaml"
    assert tested.run("apply", "--auto-approve").code == 3
    assert tested.writes == []
    assert plan_of(tested, "--acknowledge", "failing-test:user/bob", code=3)
    plan_of(tested, "--acknowledge", guard["acknowledge"].removeprefix("--acknowledge "))


def test_a_change_that_breaks_no_test_passes(tested: Site) -> None:
    tested.edit('Action: "s3:PutObject"', 'Action: ["s3:PutObject", "s3:GetObject"]')
    assert plan_of(tested)["guards"] == []


def test_a_principal_that_nobody_declares_is_tested_too_and_what_fails_already_is_said(tested: Site) -> None:
    everything = json.dumps({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}})

    def add(iam: Any) -> None:
        iam.create_user(UserName="mallory")
        iam.put_user_policy(UserName="mallory", PolicyName="all", PolicyDocument=everything)

    tested.by_hand(add)
    # Without a change nothing is refused: `iamsync test --live` tells what fails now.
    assert plan_of(tested)["guards"] == []
    tested.edit("bob: {}", "bob: {tags: {a: b}}")
    (guard,) = plan_of(tested, code=3)["guards"]
    assert guard["message"].startswith('test "staff delete nothing" fails for user/mallory, as it does now: ')


def test_a_test_that_cannot_be_decided_warns(tested: Site) -> None:
    tested.edit('s3:PutObject", Resource: "arn:aws:s3:::site/*"', 's3:DeleteObject", Resource: "arn:aws:s3:::${x:y}/*"')
    found = plan_of(tested)["guards"]
    assert [(guard["id"], guard["severity"], guard["address"]) for guard in found] == [
        ("failing-test", "warn", "user/alice")
    ]
    assert "cannot be decided for user/alice" in found[0]["message"]


def test_mistakes_in_tests_are_told_before_the_first_call(tested: Site) -> None:
    tested.edit("deny: [", "denny: [")
    told = tested.run("plan")
    assert told.code == 1
    assert "denny" in told.err
    assert tested.calls == []


def test_a_plan_without_changes_runs_no_test_and_asks_no_document(tested: Site) -> None:
    tested.fine("plan")
    asked = Counter(tested.calls)
    assert sum(asked[name] for name in DOCUMENTS) == 0
    assert asked["GetAccountAuthorizationDetails"] == 1


def test_what_tests_take_of_aws_is_looked_up_in_the_lock_file_first(tested: Site) -> None:
    tested.write(MANIFEST + TESTS.replace('"user/*"', '["user/*", "role/*"]'))
    tested.edit("bob: {}", "bob: {tags: {a: b}}")
    plan_of(tested)
    assert Counter(tested.calls)["GetPolicyVersion"] == 1  # of what role/deploy holds, which no change is about
    tested.fine("refresh")
    # Nobody declares the role any more, so that no change by AWS is looked for: the lock file is enough.
    tested.edit("  deploy:\n", "  other:\n")
    plan_of(tested, "--target", "user/bob")
    assert Counter(tested.calls)["GetPolicyVersion"] == 1  # of the role that would be made


def reviewed(site: Site, actions: list[str]) -> None:
    """The lock file as if this had been AWS's document when it was written."""
    site.fine("refresh")
    path = site.root / "iamsync.lock.json"
    held = json.loads(path.read_text(encoding="utf-8"))
    held["policies"][READ_ONLY] = {
        "version": "v1",
        "document": {
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Action": actions, "Resource": "*"}],
        },
    }
    path.write_text(json.dumps(held), encoding="utf-8")


def test_a_policy_that_aws_changed_since_it_was_reviewed_is_told_with_gains_and_losses(tested: Site) -> None:
    reviewed(tested, ["iam:*", "s3:ListAllMyBuckets"])
    made = plan_of(tested)
    assert made["changes"] == []
    (finding,) = (one for one in made["findings"] if one["id"] == "aws-policy-changed")
    assert finding["message"].startswith("AWS changed aws/IAMReadOnlyAccess since it was reviewed: v1 then, v")
    assert finding["evidence"].startswith("role/deploy: LOSS  ")
    assert "iamsync refresh" in finding["remedy"]
    (drifted,) = made["aws_policies"]
    assert (drifted["policy"], drifted["reviewed"]) == (READ_ONLY, "v1")
    (alike,) = drifted["affects"]
    assert alike["principals"] == ["role/deploy"]
    assert alike["gained"] == []
    assert {"s3:ListAllMyBuckets"} <= {action for region in alike["lost"] for action in region["actions"]}
    for form in ("text", "markdown"):
        assert "aws-policy-changed" in tested.fine("plan", "--format", form).out
    tested.fine("refresh")
    made = plan_of(tested)
    assert not [one for one in made["findings"] if one["id"] == "aws-policy-changed"]
    assert made["aws_policies"] == []


def test_what_the_lock_file_holds_costs_a_plan_without_changes_its_documents_and_nothing_else_does(
    tested: Site,
) -> None:
    tested.fine("plan")
    before = Counter(tested.calls)
    tested.fine("refresh")
    tested.fine("plan")
    asked = Counter(tested.calls)
    assert asked - before == Counter(DOCUMENTS)
    assert sum(asked.values()) <= 15


def test_several_locked_policies_are_asked_about_in_one_stream(tested: Site) -> None:
    names = (
        "IAMReadOnlyAccess",
        "SecurityAudit",
        "AmazonS3ReadOnlyAccess",
        "AmazonSQSFullAccess",
        "AWSLambda_FullAccess",
    )
    tested.edit("[aws/IAMReadOnlyAccess]", f"[{', '.join(f'aws/{name}' for name in names)}]")
    tested.fine("apply", "--auto-approve")
    tested.fine("refresh")
    tested.fine("plan")
    asked = Counter(tested.calls)
    assert asked["GetAccountAuthorizationDetails"] == 2
    assert sum(asked[name] for name in DOCUMENTS) == 0
    assert sum(asked.values()) <= 15
