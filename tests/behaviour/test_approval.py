"""Only what was reviewed is applied: digests, saved plans, what moved meanwhile, and the question itself."""

from __future__ import annotations

import io
import json
import os
import pty
import re
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from iamsync.aws.execute import Executor
from iamsync.kinds import codec
from iamsync.planner import savedplan
from tests.behaviour.account import arn
from tests.behaviour.conftest import Site, refusal
from tests.world import ACCOUNT


def two_changes(site: Site) -> None:
    """Edit the manifests: a role's description, and a tag and an attachment of a user."""
    site.edit("Deploys the site", "Deploys")
    site.edit("managed_policies: [audit]", "managed_policies: [audit, deploy]")
    site.edit('Cost Center: "12"', 'Cost Center: "13"')


CALLS = ["AttachUserPolicy", "TagUser", "UpdateRole"]


def failing(site: Site, operation: str) -> None:
    """Let one operation be refused from now on."""
    site.between = lambda name, body: refusal("ServiceFailure") if name == operation else None


def mended(site: Site) -> None:
    site.between = lambda name, body: None


# By digest -----------------------------------------------------------------------------------------


def test_an_approved_plan_is_applied(applied: Site) -> None:
    two_changes(applied)
    digest = applied.fine("plan").digest
    applied.fine("apply", "--approved", digest)
    assert sorted(applied.writes) == CALLS
    assert "no changes" in applied.fine("plan").out.lower()


def test_an_approval_goes_on_where_a_part_was_done_before(applied: Site) -> None:
    two_changes(applied)
    digest = applied.fine("plan").digest
    failing(applied, "UpdateRole")
    assert applied.run("apply", "--approved", digest).code == 5
    mended(applied)
    applied.fine("apply", "--approved", digest)
    assert applied.writes == ["UpdateRole"]


def test_an_approval_that_was_carried_out_is_done(applied: Site) -> None:
    two_changes(applied)
    digest = applied.fine("plan").digest
    applied.fine("apply", "--approved", digest)
    told = applied.fine("apply", "--approved", digest)
    assert applied.writes == []
    assert "no changes" in told.out.lower()


def test_an_approval_is_refused_with_the_difference_where_one_tag_differs(applied: Site) -> None:
    two_changes(applied)
    digest = applied.fine("plan").digest
    applied.edit('Cost Center: "13"', 'Cost Center: "14"')
    told = applied.run("apply", "--approved", digest)
    assert told.code == 4
    assert "user/alice" in told.err
    assert applied.writes == []


def test_an_approval_that_was_begun_is_refused_where_a_tag_differs_from_what_it_said(applied: Site) -> None:
    two_changes(applied)
    digest = applied.fine("plan").digest
    failing(applied, "TagUser")
    assert applied.run("apply", "--approved", digest).code == 5
    mended(applied)
    applied.edit('Cost Center: "13"', 'Cost Center: "14"')
    told = applied.run("apply", "--approved", digest)
    assert told.code == 4
    assert "TagUser" in told.err
    assert '"14"' in told.err
    assert applied.writes == []


def two_names(site: Site) -> None:
    """Two names of one account, each with manifests of its own."""
    site.write(
        "accounts:\n"
        "  first: {backend: sandbox, manifests: [one.yaml]}\n"
        "  second: {backend: sandbox, manifests: [two.yaml]}\n",
        "iamsync.yaml",
    )
    site.write("users: {ann: {}}\n", "one.yaml")
    site.write("users: {bea: {}}\n", "two.yaml")


def test_an_approval_under_one_name_of_an_account_is_none_under_another(site: Site) -> None:
    two_names(site)
    first, second = re.findall(r"sha256:[0-9a-f]{64}", site.fine("plan").out)
    every = ("apply", "--account", "*")
    for one in (first, second):
        told = site.run(*every, "--approved", one)
        assert told.code == 4
        assert "is not what was approved" in told.err
        assert site.writes == []
    site.fine(*every, "--approved", first, "--approved", second)
    assert site.writes == ["CreateUser", "CreateUser"]


def test_each_name_of_an_account_is_restricted_to_its_own_plan(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    two_names(site)
    site.fine("apply", "--account", "second", "--auto-approve")
    writers = []

    def executor(connection: Any, *given: Any, writer: Any = None, **more: Any) -> Any:
        writers.append(writer)
        return Executor(connection, *given, **more)

    monkeypatch.setattr("iamsync.engine.restricting.restrictable", lambda project: None)
    monkeypatch.setattr("iamsync.cli.running.restricted", lambda ways, item, common: item.plan.account_name)
    monkeypatch.setattr("iamsync.engine.applying.Executor", executor)
    site.fine("apply", "--account", "*", "--auto-approve", "--restrict")
    assert site.writes == ["CreateUser"]
    assert writers == ["first"]  # and not that of the second, which has nothing to do


def test_an_approval_of_another_account_means_nothing_here(applied: Site) -> None:
    two_changes(applied)
    told = applied.run("apply", "--approved", "sha256:" + "0" * 64)
    assert told.code == 4
    assert applied.writes == []


@pytest.mark.parametrize("header", ["", "{}", '{"type":"run","approval":"DIGEST","account_id":"ACCOUNT"}'])
def test_a_record_without_its_plan_does_not_help_an_approval(applied: Site, header: str) -> None:
    two_changes(applied)
    digest = applied.fine("plan").digest
    applied.edit('Cost Center: "13"', 'Cost Center: "14"')
    text = header.replace("DIGEST", digest).replace("ACCOUNT", ACCOUNT)
    applied.write(text + "\n", ".iamsync/runs/20261124T000000Z-0000.jsonl")
    told = applied.run("apply", "--approved", digest)
    assert told.code == 4, told
    assert applied.writes == []


# By plan file --------------------------------------------------------------------------------------


def saved(site: Site) -> dict[str, Any]:
    """A plan file of two changes, as it is."""
    two_changes(site)
    site.fine("plan", "--out", "plan.json")
    held: dict[str, Any] = json.loads((site.root / "plan.json").read_text())
    return held


def test_a_saved_plan_is_applied_as_it_is(applied: Site) -> None:
    saved(applied)
    assert (applied.root / "plan.json").stat().st_mode & 0o777 == 0o600
    applied.fine("apply", "plan.json")
    assert sorted(applied.writes) == CALLS


def test_a_saved_plan_that_was_carried_out_is_nothing_to_do(applied: Site) -> None:
    saved(applied)
    applied.fine("apply", "plan.json")
    told = applied.fine("apply", "plan.json")
    assert applied.writes == []
    assert "no changes" in told.out.lower()


@pytest.mark.parametrize("operation", CALLS)
def test_a_saved_plan_that_was_half_applied_resumes(applied: Site, operation: str) -> None:
    saved(applied)
    failing(applied, operation)
    assert applied.run("apply", "plan.json").code == 5
    mended(applied)
    applied.fine("apply", "plan.json")
    assert applied.writes == [operation]
    assert "no changes" in applied.fine("plan").out.lower()


RENAMED = ("  alice:\n    path: /people/", "  alicia:\n    renamed_from: alice\n    path: /people/")


@pytest.mark.parametrize("operation", ["UpdateUser", "UpdateRole", "UpdateAssumeRolePolicy"])
def test_a_saved_plan_with_a_rename_resumes(applied: Site, operation: str) -> None:
    trust = "{AWS: $(arn.user/bob)}"
    applied.edit(trust, '{AWS: ["$(arn.user/bob)", "$(arn.user/alice)"]}')
    applied.fine("apply", "--auto-approve")
    applied.edit(*RENAMED)
    applied.edit("$(arn.user/alice)", "$(arn.user/alicia)")
    applied.edit("Deploys the site", "Deploys")
    applied.fine("plan", "--out", "plan.json")
    failing(applied, operation)
    code = applied.run("apply", "plan.json").code
    mended(applied)
    assert code == (0 if operation == "UpdateAssumeRolePolicy" else 5)
    applied.fine("apply", "plan.json")
    assert "no changes" in applied.fine("plan").out.lower()


def test_a_saved_plan_is_no_longer_good_where_a_manifest_changed_one_tag(applied: Site) -> None:
    saved(applied)
    applied.edit('Cost Center: "13"', 'Cost Center: "14"')
    told = applied.run("apply", "plan.json")
    assert told.code == 4
    assert "TagUser" in told.err
    assert applied.writes == []


def unrelated(iam: Any) -> None:
    iam.create_user(UserName="newcomer")
    iam.attach_user_policy(UserName="newcomer", PolicyArn="arn:aws:iam::aws:policy/ReadOnlyAccess")
    iam.tag_user(UserName="bob", Tags=[{"Key": "team", "Value": "ops"}])
    iam.put_group_policy(
        GroupName="admins",
        PolicyName="stop",
        PolicyDocument=json.dumps(
            {"Version": "2012-10-17", "Statement": {"Effect": "Deny", "Action": "*", "Resource": "*"}}
        ),
    )


def test_a_busy_account_is_no_obstacle_to_a_saved_plan(applied: Site) -> None:
    """Somebody made a user, tagged another one and denied a group something: none of it is this plan's business."""
    saved(applied)
    applied.by_hand(unrelated)
    applied.fine("apply", "plan.json")
    assert sorted(applied.writes) == CALLS


MOVED: dict[str, Callable[[Any], object]] = {
    "a resource it changes": lambda iam: iam.tag_user(UserName="alice", Tags=[{"Key": "team", "Value": "ops"}]),
    "what it takes away again": lambda iam: iam.attach_user_policy(
        UserName="alice", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess"
    ),
    "a policy it attaches": lambda iam: iam.create_policy_version(
        PolicyArn=arn("policy/deploy"),
        PolicyDocument='{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}',
        SetAsDefault=True,
    ),
    "a group it is about": lambda iam: iam.attach_group_policy(
        GroupName="developers", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess"
    ),
}


@pytest.mark.parametrize("what", MOVED)
def test_a_saved_plan_is_stale_where_what_it_stands_on_moved(applied: Site, what: str) -> None:
    saved(applied)
    applied.by_hand(MOVED[what])
    told = applied.run("apply", "plan.json")
    assert told.code == 4, told
    assert "error[stale-plan]" in told.err
    assert applied.writes == []


def test_a_saved_plan_is_stale_where_an_undeclared_policy_that_it_attaches_moved(applied: Site) -> None:
    document = '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"sqs:*","Resource":"*"}}'
    applied.by_hand(lambda iam: iam.create_policy(PolicyName="theirs", PolicyDocument=document))
    applied.edit("managed_policies: [audit]", "managed_policies: [audit, live/theirs]")
    applied.fine("plan", "--out", "plan.json")
    applied.by_hand(
        lambda iam: iam.create_policy_version(
            PolicyArn=f"arn:aws:iam::{ACCOUNT}:policy/theirs",
            PolicyDocument=document.replace("sqs:*", "*"),
            SetAsDefault=True,
        )
    )
    told = applied.run("apply", "plan.json")
    assert told.code == 4, told
    assert "policy/theirs" in told.err
    assert applied.writes == []


def _first(plan: dict[str, Any], operation: str) -> dict[str, Any]:
    found: dict[str, Any] = next(step for step in plan["plans"][0]["steps"] if step["operation"] == operation)
    return found


def _add_step(plan: dict[str, Any]) -> None:
    step = {
        **_first(plan, "AttachUserPolicy"),
        "id": "s99",
        "params": {"UserName": "bob", "PolicyArn": "arn:aws:iam::aws:policy/AdministratorAccess"},
    }
    plan["plans"][0]["steps"].append(step)


def _add_step_and_name_it(plan: dict[str, Any]) -> None:
    _add_step(plan)
    plan["plans"][0]["changes"][0]["steps"].append("s99")


def _drop_step(plan: dict[str, Any]) -> None:
    gone = plan["plans"][0]["steps"].pop()
    for change in plan["plans"][0]["changes"]:
        change["steps"] = [name for name in change["steps"] if name != gone["id"]]


def _signed(plan: dict[str, Any]) -> None:
    """Make the digests anew, as somebody who has read the source would."""
    held = plan["plans"][0]
    held["digests"].update(approval=savedplan.approval_of(held), read_set=codec.digest(held["prior"]))


EDITS: dict[str, tuple[Callable[[dict[str, Any]], object], int, str]] = {
    "params": (
        lambda plan: _first(plan, "AttachUserPolicy")["params"].update(
            PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess"
        ),
        1,
        "bad-plan-file",
    ),
    "added step": (_add_step, 1, "bad-plan-file"),
    "added and named step": (_add_step_and_name_it, 1, "bad-plan-file"),
    "removed step": (lambda plan: plan["plans"][0]["steps"].pop(), 1, "bad-plan-file"),
    "operation of no kind": (
        lambda plan: _first(plan, "AttachUserPolicy").update(operation="CreateAccessKey"),
        1,
        "bad-plan-file",
    ),
    "other ARN": (
        lambda plan: _first(plan, "AttachUserPolicy")["params"].update(UserName="root-of-all"),
        1,
        "bad-plan-file",
    ),
    "other order": (lambda plan: plan["plans"][0]["steps"].reverse(), 1, "bad-plan-file"),
    "other account": (lambda plan: plan["plans"][0]["account"].update(id="444455556666"), 1, "bad-plan-file"),
    "other prior": (lambda plan: plan["plans"][0]["prior"].clear(), 1, "bad-plan-file"),
    "other account and its digest": (
        lambda plan: (plan["plans"][0]["account"].update(id="444455556666"), _signed(plan)),
        4,
        "wrong-account",
    ),
    "added step and its digest": (lambda plan: (_add_step_and_name_it(plan), _signed(plan)), 1, "bad-plan-file"),
    "other order and its digest": (
        lambda plan: (plan["plans"][0]["steps"].reverse(), _signed(plan)),
        1,
        "bad-plan-file",
    ),
    "removed step and its digest": (lambda plan: (_drop_step(plan), _signed(plan)), 4, "stale-plan"),
    "params and their digest": (
        lambda plan: (
            _first(plan, "AttachUserPolicy")["params"].update(PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess"),
            _signed(plan),
        ),
        4,
        "stale-plan",
    ),
    **{
        f"{name} and its digest": (lambda plan, edit=edit: (edit(plan["plans"][0]), _signed(plan)), 1, "bad-plan-file")
        for name, edit in {
            "no fields in prior": lambda held: held["prior"].update({"user/bob": {}}),
            "text in prior": lambda held: held["prior"].update({"user/bob": "x"}),
            "a number in prior": lambda held: held["prior"].update({"user/bob": 5}),
            "unknown kind in prior": lambda held: held["prior"].update({"ghost/bob": {"path": "/"}}),
            "a number as its end": lambda held: held.update(valid_until=5),
        }.items()
    },
    "other format": (lambda plan: plan.update(format_version="2.0"), 1, "bad-plan-file"),
    "no format": (lambda plan: plan.pop("format_version"), 1, "bad-plan-file"),
    "no steps": (lambda plan: plan["plans"][0].pop("steps"), 1, "bad-plan-file"),
    "steps of another type": (lambda plan: plan["plans"][0].update(steps={"a": 1}), 1, "bad-plan-file"),
    "no plans": (lambda plan: plan.update(plans=None), 1, "bad-plan-file"),
}


@pytest.mark.parametrize("what", EDITS)
def test_an_edited_plan_file_is_refused(applied: Site, what: str) -> None:
    edit, code, word = EDITS[what]
    plan = saved(applied)
    edit(plan)
    applied.write(json.dumps(plan), "plan.json")
    told = applied.run("apply", "plan.json")
    assert told.code == code, told
    assert f"error[{word}]" in told.err
    assert "help:" in told.err
    assert applied.writes == []
    assert applied.runs == []


def test_a_saved_plan_that_was_half_applied_and_edited_is_refused(applied: Site) -> None:
    plan = saved(applied)
    applied.write(json.dumps(plan), "plan.json")
    failing(applied, "TagUser")
    assert applied.run("apply", "plan.json").code == 5
    mended(applied)
    prior = plan["plans"][0]["prior"]
    prior["user/alice"] = dict.fromkeys(prior["user/alice"], 5)
    _signed(plan)
    applied.write(json.dumps(plan), "plan.json")
    told = applied.run("apply", "plan.json")
    assert told.code == 1, told
    assert "error[bad-plan-file]: this plan was edited: its prior has no user/alice" in told.err
    assert applied.writes == []


@pytest.mark.parametrize("resigned", [False, True])
def test_a_record_that_claims_an_approval_for_another_plan_is_not_believed(applied: Site, resigned: bool) -> None:
    two_changes(applied)
    approved = applied.fine("plan").digest
    applied.edit("managed_policies: [audit, deploy]", "managed_policies: [audit, aws/AdministratorAccess]")
    applied.fine("plan", "--out", "plan.json")
    plan = json.loads((applied.root / "plan.json").read_text())["plans"][0]
    if not resigned:
        plan["digests"]["approval"] = approved
    header = {"type": "run", "format_version": "1.0", "account_id": ACCOUNT, "approval": approved, "plan": plan}
    applied.write(json.dumps(header) + "\n", ".iamsync/runs/20261123T000000Z-0000.jsonl")
    told = applied.run("apply", "--approved", approved)
    assert told.code == 4
    assert "error[stale-plan]" in told.err
    assert applied.writes == []


def test_a_saved_plan_goes_with_no_narrowing(applied: Site) -> None:
    saved(applied)
    told = applied.run("apply", "plan.json", "--target", "user/alice")
    assert told.code == 1
    assert applied.calls == []


# Agreeing ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("arguments", [(), ("--acknowledge", "protected"), ("iam",)])
def test_without_a_person_and_without_consent_apply_fails_at_once(
    site: Site, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("yes\n"))
    told = site.run("apply", *arguments)
    assert told.code == 1
    assert "error[needs-approval]" in told.err
    assert site.calls == []
    assert not (site.root / ".iamsync").exists()


def asked(site: Site, answer: str) -> tuple[int, str]:
    """What apply does on a terminal where a person answers this; all that stood on the terminal."""
    ours, theirs = pty.openpty()
    environment = {name: value for name, value in os.environ.items() if name not in ("CI", "IAMSYNC_IN_AUTOMATION")}
    process = subprocess.Popen(
        [sys.executable, "-m", "iamsync", "apply"],
        cwd=site.root,
        env={**environment, "TERM": "dumb"},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    text, answered = "", False
    while True:
        try:
            piece = os.read(ours, 65536)
        except OSError:  # the other side has gone
            break
        if not piece:
            break
        text += piece.decode()
        if not answered and "yes" in text and re.search(r"yes.*: ", text):
            os.write(ours, answer.encode())
            answered = True
    os.close(ours)
    assert answered, text
    return process.wait(timeout=30), text


@pytest.mark.parametrize("answer", ["no\n", "y\n", "YES\n", "\n", "\x04", "yes please\n"])
def test_any_answer_but_yes_applies_nothing(applied: Site, answer: str) -> None:
    if answer in ("y\n", "YES\n", "yes please\n") and not os.environ.get("IAMSYNC_LAWS"):
        pytest.skip("one wrong answer is as good as another")
    two_changes(applied)
    before = applied.live()
    code, text = asked(applied, answer)
    assert code == 1, text
    assert "error[declined]" in text
    assert applied.live() == before
    assert applied.runs == []


def test_yes_applies_and_the_question_names_the_account_and_its_alias(applied: Site) -> None:
    applied.by_hand(lambda iam: iam.create_account_alias(AccountAlias="acme-site"))
    two_changes(applied)
    code, text = asked(applied, "yes\n")
    assert code == 0, text
    assert f"Apply these 3 calls to account site ({ACCOUNT}, acme-site)?" in text
    assert "no changes" in applied.fine("plan").out.lower()


class _Person(io.StringIO):
    """What a person at a terminal types."""

    def isatty(self) -> bool:
        return True


def test_what_drifted_since_a_revision_is_still_that_when_a_person_has_agreed(
    applied: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    applied.write(".iamsync\n", ".gitignore")
    identity = ("-c", "user.name=a", "-c", "user.email=")
    for arguments in (("init", "-q"), ("add", "-A"), ("commit", "-qm", "applied")):
        subprocess.run(["git", *identity, *arguments], cwd=applied.root, check=True, capture_output=True)
    who = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    trust = {"Version": "2012-10-17", "Statement": who}
    applied.by_hand(lambda iam: iam.update_assume_role_policy(RoleName="reader", PolicyDocument=json.dumps(trust)))
    monkeypatch.setattr("sys.stdin", _Person("yes\n"))
    told = applied.fine("apply", "--base", "git:HEAD", "--only", "drift")
    assert "1 of 1 call done" in told.out
    assert applied.writes == ["UpdateAssumeRolePolicy"]
