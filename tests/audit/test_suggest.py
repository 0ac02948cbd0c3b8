"""Suggestions: what was never called or was found open goes out of the manifests, in place; nothing comes in."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from iamsync.audit.suggest import Proposal, proposals, undeclared
from iamsync.aws.lastaccessed import Accessed
from iamsync.cli.app import run
from iamsync.kinds.reports import ServiceUse
from iamsync.model import State
from tests.audit.made import ACCOUNT, evidence, found

USED, NEVER = "2026-11-25T00:00:00Z", ""
ACCESSED = {"s3": USED, "dynamodb": NEVER, "sqs": NEVER}


def suggestions(held: dict[str, Any]) -> dict[str, Proposal]:
    """Proposals for an account whose manifests say what it holds, by address and field."""
    seen = evidence(held)
    return {f"{one.address} {one.field}": one for one in proposals(seen, found(held), seen.state)}


def app(**fields: Any) -> dict[str, Any]:
    return {
        "incomplete": ["account"],
        "account": {"roles": {"app": {"trust_policy": "batch.amazonaws.com", **fields}}},
        "accessed": {"role/app": ACCESSED},
    }


def actions(proposal: Proposal, name: str = "a") -> Any:
    return [statement["Action"] for statement in dict(proposal.new)[name].value["Statement"]]


def test_services_that_were_never_called_go_out_of_an_inline_policy() -> None:
    statement = {
        "Effect": "Allow",
        "Action": ["s3:GetObject", "dynamodb:*", "SQS:SendMessage", "ec2:Run*"],
        "Resource": "*",
    }
    deny = {"Effect": "Deny", "Action": "dynamodb:*", "Resource": "*"}
    only = {"Effect": "Allow", "Action": "dynamodb:GetItem", "Resource": "*"}
    made = suggestions(app(inline_policies={"a": [statement, deny, only]}))
    (proposal,) = made.values()
    # AWS told nothing of ec2, and denials stay.
    assert actions(proposal) == [["s3:GetObject", "ec2:Run*"], "dynamodb:*"]
    assert proposal.why == ("a: dynamodb, sqs never called",)


TRACKED = (("CreateBucket", USED), ("DeleteBucket", NEVER), ("PutBucketPolicy", NEVER), ("CreateAccessPoint", NEVER))


def by_action(held: dict[str, Any], uses: dict[str, tuple[ServiceUse, ...]]) -> dict[str, Proposal]:
    """Proposals where AWS tells last use action by action."""
    accessed = {f"arn:aws:iam::{ACCOUNT}:{who}": told for who, told in uses.items()}
    seen = replace(evidence(held), accessed=accessed)
    return {f"{one.address} {one.field}": one for one in proposals(seen, (), seen.state)}


def test_actions_that_aws_tracks_and_nobody_called_go_and_all_others_stay() -> None:
    allowed = ["s3:CreateBucket", "s3:deletebucket", "s3:GetObject", "s3:PutBucketPol*", "s3:Put*", "s3:CreateBuc?et"]
    held = app(inline_policies={"a": {"Effect": "Allow", "Action": allowed, "Resource": "*"}})
    (proposal,) = by_action(held, {"role/app": (ServiceUse("s3", USED, TRACKED),)}).values()
    # GetObject is not tracked, nor is all that Put* covers; the last one is the first.
    assert actions(proposal) == [["s3:CreateBucket", "s3:GetObject", "s3:Put*"]]
    assert "s3:deletebucket" in proposal.why[0]
    assert by_action(held, {"role/app": (ServiceUse("s3", USED),)}) == {}


def test_an_action_goes_out_of_a_shared_policy_only_if_no_holder_called_it() -> None:
    shared = f"arn:aws:iam::{ACCOUNT}:policy/shared"
    allowed = ["s3:CreateBucket", "s3:DeleteBucket", "s3:PutBucketPolicy"]
    document = {"Effect": "Allow", "Action": allowed, "Resource": "*"}
    roles = {name: {"trust_policy": "batch.amazonaws.com", "managed_policies": [shared]} for name in ("a", "b", "c")}
    held = {"incomplete": ["account"], "account": {"roles": roles, "policies": {"shared": {"document": document}}}}
    other = (("CreateBucket", NEVER), ("DeleteBucket", USED))
    uses = {
        "role/a": (ServiceUse("s3", USED, TRACKED),),
        "role/b": (ServiceUse("s3", USED, other),),  # of PutBucketPolicy AWS says nothing here
        "role/c": (ServiceUse("ec2", USED), ServiceUse("s3")),
    }
    assert "policy/shared document" not in by_action(held, uses)
    uses["role/b"] = (ServiceUse("s3", USED, (*other, ("PutBucketPolicy", NEVER))),)
    proposal = by_action(held, uses)["policy/shared document"]
    assert proposal.new.value["Statement"][0]["Action"] == ["s3:CreateBucket", "s3:DeleteBucket"]


def test_everything_becomes_what_was_called() -> None:
    (proposal,) = suggestions(app(inline_policies={"a": {"Effect": "Allow", "Action": "*", "Resource": "*"}})).values()
    assert actions(proposal) == ["s3:*"]
    assert proposal.why == ("a: of everything only these were called: s3 (2026-11-25)",)


def test_a_policy_of_which_nothing_is_left_goes_and_one_in_use_stays() -> None:
    held = app(
        inline_policies={"a": "allow s3:GetObject", "b": "allow dynamodb:GetItem"},
        managed_policies=["aws/AmazonSQSFullAccess", "aws/AmazonS3ReadOnlyAccess", "aws/Odd"],
    )
    held["aws"] = {
        "AmazonSQSFullAccess": "allow sqs:*",
        "AmazonS3ReadOnlyAccess": ["allow s3:Get*", "allow sqs:GetQueueUrl"],
        "Odd": ["allow sqs:*", "deny s3:*"],
    }
    made = suggestions(held)
    assert [name for name, _ in made["role/app inline_policies"].new] == ["a"]
    assert [text.rpartition("/")[2] for text in made["role/app managed_policies"].new] == [
        "AmazonS3ReadOnlyAccess",
        "Odd",
    ]
    assert made["role/app managed_policies"].why == ("aws/AmazonSQSFullAccess: none of sqs was ever called",)


def test_a_shared_policy_loses_what_none_of_its_holders_called() -> None:
    held = app(managed_policies=["shared"])
    held["account"]["policies"] = {"shared": {"document": ["allow s3:*", "allow sqs:*", "allow dynamodb:*"]}}
    held["account"]["users"] = {"alice": {"groups": ["g"]}}
    held["account"]["groups"] = {"g": {"managed_policies": ["shared"]}}
    held["accessed"]["user/alice"] = {"s3": NEVER, "dynamodb": USED, "sqs": NEVER}
    (proposal,) = suggestions(held).values()
    left = [statement["Action"] for statement in proposal.new.value["Statement"]]
    assert left == ["s3:*", "dynamodb:*"]
    # Of one holder nothing is known: nothing is proposed.
    del held["accessed"]["user/alice"]
    assert suggestions(held) == {}


def test_nothing_is_proposed_for_whoever_called_nothing_is_young_or_was_not_asked_about() -> None:
    held = app(inline_policies={"a": "allow dynamodb:GetItem"})
    assert suggestions({**held, "accessed": {"role/app": {"dynamodb": NEVER}}}) == {}
    assert suggestions({**held, "facts": {"role/app": {"created": "2026-11-01T00:00:00Z"}}}) == {}
    assert suggestions({key: value for key, value in held.items() if key != "accessed"}) == {}


def test_what_was_found_open_is_closed() -> None:
    services = {"Effect": "Allow", "Principal": {"Service": "backup.amazonaws.com"}, "Action": "sts:AssumeRole"}
    mixed = {
        "Effect": "Allow",
        "Principal": {"Service": ["backup.amazonaws.com", "ec2.amazonaws.com"]},
        "Action": "sts:AssumeRole",
    }
    names = ["arn:aws:iam::111122223333:role/ghost", "arn:aws:iam::111122223333:role/services"]
    ghost = {"Effect": "Allow", "Principal": {"AWS": names}, "Action": "sts:AssumeRole"}
    held = {
        "account": {
            "account": {"password_policy": {"minimum_password_length": 8, "require_symbols": True}},
            "users": {"alice": {"groups": ["shell"]}},
            "groups": {"shell": {"managed_policies": ["aws/AWSCloudShellFullAccess"]}},
            "roles": {
                "services": {"trust_policy": services, "permissions_boundary": "base"},
                "mixed": {"trust_policy": mixed, "permissions_boundary": "base"},
                "half": {"trust_policy": ghost, "permissions_boundary": "base"},
                "free": {"trust_policy": "batch.amazonaws.com"},
                "lost": {"trust_policy": ["role/ghost"], "permissions_boundary": "base"},
                "support": {"managed_policies": ["aws/AWSSupportAccess"], "permissions_boundary": "base"},
            },
            "policies": {"base": {"document": "allow s3:*"}},
        },
        "support": False,
        "boundaries": {"role": "base"},
    }
    made = suggestions(held)
    assert set(made) == {
        "account/password_policy password_policy",
        "group/shell managed_policies",
        "role/services trust_policy",
        "role/half trust_policy",
        "role/free permissions_boundary",
    }
    rules = made["account/password_policy password_policy"].new
    assert (rules.minimum_password_length, rules.password_reuse_prevention, rules.require_symbols) == (14, 24, True)
    (statement,) = made["role/services trust_policy"].new.value["Statement"]
    assert statement["Condition"] == {"StringEquals": {"aws:SourceAccount": ACCOUNT}}
    (statement,) = made["role/half trust_policy"].new.value["Statement"]
    assert statement["Principal"] == {"AWS": names[1]}


def test_whoever_no_manifest_declares_is_named() -> None:
    held = app(inline_policies={"a": ["allow s3:GetObject", "allow dynamodb:GetItem"]})
    seen = evidence(held)
    assert [str(address) for address in undeclared(seen, State(ACCOUNT))] == ["role/app"]
    assert undeclared(seen, seen.state) == ()


SITE = """\
roles:
  app:
    # who may be it
    trust_policy:
      Version: 2012-10-17
      Statement: {Effect: Allow, Principal: {Service: backup.amazonaws.com}, Action: "sts:AssumeRole"}
    inline_policies:
      data:
        Version: 2012-10-17
        Statement:
          - Effect: Allow
            Action: ["s3:GetObject", "dynamodb:GetItem"]   # both are needed
            Resource: "*"
"""


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Path:
    (tmp_path / "iam").mkdir()
    (tmp_path / "iam" / "site.yaml").write_text(SITE, encoding="utf-8")
    (tmp_path / "iamsync.yaml").write_text(
        'version: 1\naccounts: {prod: {id: "111122223333", backend: sandbox}}\n', encoding="utf-8"
    )
    monkeypatch.chdir(tmp_path)
    used = {
        f"arn:aws:iam::{ACCOUNT}:role/{name}": (ServiceUse("dynamodb"), ServiceUse("s3", USED))
        for name in ("app", "by-hand")
    }
    monkeypatch.setattr("iamsync.engine.gathering.last_accessed", lambda iam, arns: Accessed(used))
    assert run(["apply", "--auto-approve", "--quiet"]) == 0
    # As AWS it would be older by now than what is asked of it.
    monkeypatch.setenv("IAMSYNC_NOW", "2030-01-01T00:00:00Z")
    capsys.readouterr()
    return tmp_path


def test_the_manifests_are_edited_where_that_is_asked_for_and_the_account_is_not(
    site: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["audit", "--suggest", "--last-accessed", "--quiet"]
    assert run(arguments) == 0
    told = capsys.readouterr().out
    assert told.startswith(
        "2 suggestions, for a person to review\n"
        "  role/app inline_policies  iam/site.yaml:8\n"
        "      data: dynamodb never called\n"
        "  role/app trust_policy  iam/site.yaml:5\n"
        "      IAM-A044: on behalf of this account alone (aws:SourceAccount)\n"
        "\n--- a/iam/site.yaml\n"
    )
    assert (site / "iam" / "site.yaml").read_text(encoding="utf-8") == SITE
    assert run([*arguments, "--format", "json"]) == 0
    made = json.loads(capsys.readouterr().out)
    assert {row["field"] for row in made["suggestions"]} == {"trust_policy", "inline_policies"}
    assert run([*arguments, "--format", "diff"]) == 0
    assert capsys.readouterr().out == made["diff"]
    assert run([*arguments, "--write"]) == 0
    text = (site / "iam" / "site.yaml").read_text(encoding="utf-8")
    assert "dynamodb" not in text
    assert 'Condition: {StringEquals: {"aws:SourceAccount": $(account.id)}}' in text
    assert "# who may be it" in text
    capsys.readouterr()
    # Nothing was applied: the account still has it, and the plan says that it would go.
    assert run(["plan", "--detailed-exitcode", "--format", "json", "--quiet"]) == 2
    (plan,) = json.loads(capsys.readouterr().out)["plans"]
    assert [change["address"] for change in plan["changes"]] == ["role/app"]
    assert run([*arguments, "--format", "diff"]) == 0
    assert capsys.readouterr().out == ""


def test_suggestions_need_manifests_and_an_account(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    dump = {"UserDetailList": [{"UserName": "a", "Arn": f"arn:aws:iam::{ACCOUNT}:user/a", "Path": "/"}]}
    (tmp_path / "dump.json").write_text(json.dumps(dump), encoding="utf-8")
    assert run(["audit", "--live", "dump.json", "--suggest"]) == 1
    assert "error[no-manifests]" in capsys.readouterr().err
    assert run(["audit", "--write"]) == 1
    assert run(["audit", "--suggest", "--manifests"]) == 1
    assert run(["audit", "--live", "dump.json", "--last-accessed"]) == 1
    assert run(["audit", "--suggest", "--format", "html"]) == 1
