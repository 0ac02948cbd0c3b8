"""Time travel: what expires works until then, is refused by AWS from then on, and goes with the next run."""

from __future__ import annotations

import json
import os
import subprocess
from typing import Any

import pytest

from tests.behaviour.conftest import CONFIG, Site
from tests.world import ACCOUNT

END = "2027-01-31T18:00:00Z"
BEFORE, AFTER = "2027-01-31T17:59:59Z", END
USER = f"arn:aws:iam::{ACCOUNT}:user/alice"
INCIDENT = f"""\
users:
  incident:
    expires: {END}
    managed_policies: [aws/ReadOnlyAccess]
    inline_policies:
      repair:
        Version: 2012-10-17
        Statement: {{Effect: Allow, Action: "s3:*", Resource: "arn:aws:s3:::broken/*"}}
  alice:
    groups: [{{group: admins, expires: {END}}}]
    managed_policies: [{{policy: audit, expires: 2027-01-31T19:00:00+01:00}}, aws/ReadOnlyAccess]
    inline_policies:
      short:
        expires: 2027-01-01
        document: {{Version: 2012-10-17, Statement: {{Effect: Allow, Action: "s3:ListBucket", Resource: "*"}}}}
groups:
  admins: {{}}
policies:
  audit:
    document:
      Version: 2012-10-17
      Statement: {{Effect: Allow, Action: "cloudtrail:LookupEvents", Resource: "*"}}
roles:
  repair:
    trust_policy:
      Version: 2012-10-17
      Statement:
        - Effect: Allow
          Principal: {{AWS: ["$(arn.user/incident)", "$(arn.user/alice)"]}}
          Action: sts:AssumeRole
"""


@pytest.fixture
def incident(site: Site) -> Site:
    site.write(INCIDENT)
    site.write(CONFIG, "iamsync.yaml")
    site.fine("apply", "--auto-approve", "--now", "2026-12-01T00:00:00Z")
    return site


def user(site: Site, name: str) -> dict[str, Any]:
    found: dict[str, Any] = {}

    def look(iam: Any) -> None:
        found["groups"] = [held["GroupName"] for held in iam.list_groups_for_user(UserName=name)["Groups"]]
        attached = iam.list_attached_user_policies(UserName=name)["AttachedPolicies"]
        found["attached"] = sorted(held["PolicyName"] for held in attached)
        inline = iam.list_user_policies(UserName=name)["PolicyNames"]
        found["inline"] = {
            held: iam.get_user_policy(UserName=name, PolicyName=held)["PolicyDocument"] for held in inline
        }

    site.by_hand(look)
    return found


def exists(site: Site, name: str) -> bool:
    found: list[str] = []
    site.by_hand(lambda iam: found.extend(held["UserName"] for held in iam.list_users()["Users"]))
    return name in found


def test_aws_enforces_the_end_too_and_nothing_differs_until_then(incident: Site) -> None:
    held = user(incident, "incident")["inline"]["repair"]
    assert held["Statement"]["Condition"] == {"DateLessThan": {"aws:CurrentTime": END}}
    short = user(incident, "alice")["inline"]["short"]
    assert short["Statement"]["Condition"] == {"DateLessThan": {"aws:CurrentTime": "2027-01-01T00:00:00Z"}}
    incident.fine("plan", "--detailed-exitcode", "--now", "2026-12-31T23:59:59Z")


def test_an_incident_user_is_there_until_its_end_and_gone_at_the_next_expired_run(incident: Site) -> None:
    # A test that will fail without what expires, or that names who does, holds nothing up.
    repair = "{action: 's3:GetObject', resource: 'arn:aws:s3:::broken/x'}"
    incident.write(f"tests: {{repairs: {{principals: user/incident, allow: [{repair}]}}}}\n", "iam/tests.yaml")
    run = ("apply", "--expired", "--auto-approve", "--now")
    incident.by_hand(lambda iam: iam.create_access_key(UserName="incident"))
    incident.fine(*run, BEFORE)
    assert exists(incident, "incident")
    told = incident.fine(*run, AFTER)
    assert "warning delete-credentials" in told.out
    assert not exists(incident, "incident")
    assert user(incident, "alice") == {"groups": [], "attached": ["ReadOnlyAccess"], "inline": {}}
    trusts: list[Any] = []
    incident.by_hand(lambda iam: trusts.append(iam.get_role(RoleName="repair")["Role"]["AssumeRolePolicyDocument"]))
    assert trusts[0]["Statement"][0]["Principal"]["AWS"] in ([USER], USER)
    incident.fine("plan", "--detailed-exitcode", "--now", AFTER)


def test_an_expired_run_does_nothing_else_whatever_differs_and_whatever_the_limits_say(incident: Site) -> None:
    incident.write(f"unmanaged: delete\nsafety: {{max_deletes: 0, max_change_percent: 0}}\n{CONFIG}", "iamsync.yaml")
    incident.by_hand(lambda iam: iam.create_user(UserName="stranger"))
    incident.by_hand(lambda iam: iam.tag_user(UserName="alice", Tags=[{"Key": "by", "Value": "hand"}]))
    incident.edit("groups:\n  admins: {}", "groups:\n  admins: {path: /new/}")
    incident.write("removed: [policy/gone]\ngroups: {more: {}}\n", "iam/more.yaml")
    incident.fine("apply", "--only", "expired", "--auto-approve", "--now", AFTER)
    assert sorted(incident.writes) == [
        *("DeleteUser", "DeleteUserPolicy", "DeleteUserPolicy", "DetachUserPolicy", "DetachUserPolicy"),
        *("RemoveUserFromGroup", "UpdateAssumeRolePolicy"),
    ]
    assert exists(incident, "stranger")


def test_an_expired_policy_is_let_go_of_by_whoever_holds_it(incident: Site) -> None:
    incident.edit("  audit:\n", f"  audit:\n    expires: {END}\n")
    incident.edit("{policy: audit, expires: 2027-01-31T19:00:00+01:00}", "audit")
    incident.fine("apply", "--auto-approve", "--now", "2026-12-01T00:00:00Z")
    told = incident.run("plan", "--now", AFTER)
    assert told.code == 0, told
    assert "delete policy/audit" in told.out
    assert f"expired {END}" in told.out
    incident.fine("apply", "--expired", "--auto-approve", "--now", AFTER)
    assert user(incident, "alice")["attached"] == ["ReadOnlyAccess"]


def test_what_others_hold_stays_is_told_and_does_not_keep_the_rest(incident: Site) -> None:
    incident.edit("  audit:\n", f"  audit:\n    expires: {END}\n")
    incident.edit("{policy: audit, expires: 2027-01-31T19:00:00+01:00}", "audit")
    incident.fine("apply", "--auto-approve", "--now", "2026-12-01T00:00:00Z")
    audit = f"arn:aws:iam::{ACCOUNT}:policy/audit"

    def stray(iam: Any) -> None:
        iam.create_user(UserName="stray")
        iam.attach_user_policy(UserName="stray", PolicyArn=audit)

    incident.by_hand(stray)
    told = incident.run("apply", "--expired", "--auto-approve", "--now", AFTER)
    assert told.code == 3, told
    assert "policy/audit is over and stays" in told.out
    assert "expired, and still there: policy/audit" in told.err
    assert not exists(incident, "incident")
    assert user(incident, "alice")["attached"] == ["ReadOnlyAccess"]
    assert user(incident, "stray")["attached"] == ["audit"]


def test_one_that_expired_among_other_changes_of_a_list_is_told_apart(incident: Site) -> None:
    incident.edit("}, aws/ReadOnlyAccess]", "}]")
    told = incident.fine("plan", "--report", "json=plan.json", "--now", AFTER)
    plan = json.loads((incident.root / "plan.json").read_text(encoding="utf-8"))["plans"][0]
    causes = {change["address"]: change["cause"] for change in plan["changes"]}
    assert causes == {"user/alice": "declared", "user/incident": "expired", "role/repair": "expired"}
    gone = next(change for change in plan["changes"] if change["address"] == "user/incident")
    assert gone["origin"] == {"file": "iam/site.yaml", "line": 3}
    assert gone["note"] == f"expired {END}"
    assert plan["guards"] == []
    assert "- audit   [expired]" in told.out
    assert "- aws/ReadOnlyAccess\n" in told.out


def test_what_expired_long_ago_and_is_gone_is_a_line_to_delete(incident: Site) -> None:
    incident.fine("apply", "--auto-approve", "--now", AFTER)
    plan = json.loads(incident.fine("plan", "--format", "json", "--now", "2027-06-01T00:00:00Z").out)["plans"][0]
    assert plan["changes"] == []
    found = {(row["id"], row["message"], row["origin"]["line"]) for row in plan["findings"]}
    assert ("expired-line", f"user/incident expired {END} and is gone", 3) in found
    assert len(found) == 4


def test_what_comes_is_listed_with_its_place(incident: Site) -> None:
    told = incident.fine("plan", "--expiring", "40d", "--now", "2026-12-01T00:00:00Z")
    assert "expiring\n  2027-01-01T00:00:00Z  short in inline_policies of user/alice  iam/site.yaml:14" in told.out
    assert "incident" not in told.out.partition("expiring")[2]
    document = json.loads(incident.fine("plan", "--expiring", "9w", "--format", "json", "--now", BEFORE).out)
    assert [(row["address"], row["field"], row["at"]) for row in document["plans"][0]["expiring"]] == [
        ("user/alice", "groups", END),
        ("user/alice", "managed_policies", END),
        ("user/incident", None, END),
    ]
    markdown = incident.fine("plan", "--expiring", "9w", "--format", "markdown", "--now", BEFORE).out
    assert f"- expires `{END}`: user/incident `iam/site.yaml:3`" in markdown
    assert incident.run("plan", "--expiring", "soon").code == 1


def test_a_saved_plan_ends_with_the_next_expiry_in_it(incident: Site) -> None:
    incident.edit("    groups: [{group", "    tags: {team: data}\n    groups: [{group")
    told = incident.fine("plan", "--out", "plan.json", "--now", "2027-01-02T00:00:00Z")
    assert f"valid until {END}" in told.out
    stale = incident.run("apply", "plan.json", "--now", AFTER)
    assert stale.code == 4
    assert f"valid until {END}" in stale.err
    assert incident.writes == []
    incident.fine("apply", "plan.json", "--now", BEFORE)


def test_an_ignored_field_lets_go_of_what_expired_and_keeps_the_rest(incident: Site) -> None:
    incident.edit("  alice:\n", "  alice:\n    ignore_changes: [managed_policies]\n")
    incident.by_hand(
        lambda iam: iam.attach_user_policy(UserName="alice", PolicyArn="arn:aws:iam::aws:policy/SecurityAudit")
    )
    incident.fine("apply", "--expired", "--auto-approve", "--now", AFTER)
    assert user(incident, "alice")["attached"] == ["ReadOnlyAccess", "SecurityAudit"]


def test_an_import_of_what_ends_plans_to_nothing(incident: Site) -> None:
    incident.write(CONFIG, "other/iamsync.yaml")
    (incident.root / ".iamsync").rename(incident.root / "other" / ".iamsync")
    incident.fine("import", "--out", "other/iam", "--config", "other/iamsync.yaml")
    text = "".join(path.read_text(encoding="utf-8") for path in (incident.root / "other" / "iam").glob("*.yaml"))
    assert text.count("DateLessThan") == 2
    assert "expires" not in text
    incident.fine("plan", "--config", "other/iamsync.yaml", "--detailed-exitcode", "--now", AFTER)


# Ends that nobody agreed to in advance ------------------------------------------------------------

LATE = """\
users:
  bot: {expires: 2026-01-01}
  carl: {groups: [{group: admins, expires: 2026-01-01}, team]}
groups:
  admins: {}
  team: {}
"""


@pytest.fixture
def late(site: Site) -> Site:
    """A user with a key and a membership, live and declared without an end; then with one that is past."""
    site.write(CONFIG, "iamsync.yaml")
    site.write(LATE.replace("{expires: 2026-01-01}", "{}").replace(", expires: 2026-01-01", ""))
    site.fine("apply", "--auto-approve", "--now", "2025-12-01T00:00:00Z")
    site.by_hand(lambda iam: iam.create_access_key(UserName="bot"))
    site.write(LATE)
    return site


def guards_of(site: Site, *arguments: str) -> dict[str, list[tuple[str, int]]]:
    """Severity and line of each guard's answers by its id."""
    told = site.run("plan", "--format", "json", "--now", "2026-11-26T00:00:00Z", *arguments)
    found: dict[str, list[tuple[str, int]]] = {}
    for row in json.loads(told.out)["plans"][0]["guards"]:
        found.setdefault(row["id"], []).append((row["severity"], (row["origin"] or {"line": 0})["line"]))
    return found


def test_an_end_that_is_past_when_it_is_first_seen_needs_the_consents_of_a_removal(late: Site) -> None:
    late.write(f"safety: {{max_deletes: 0}}\n{CONFIG}", "iamsync.yaml")
    found = guards_of(late)
    assert sorted(found["past-end"]) == [("warn", 2), ("warn", 3)]
    assert found["delete-credentials"] == [("refuse", 2)]
    assert found["max-deletes"] == [("refuse", 0)]


def test_an_expired_run_leaves_it_and_says_so(late: Site) -> None:
    told = late.run("apply", "--expired", "--auto-approve", "--now", "2026-11-26T00:00:00Z")
    assert told.code == 3, told
    assert "expired, and still there: user/bot, user/carl" in told.err
    assert late.writes == []
    assert user(late, "carl")["groups"] == ["admins", "team"]


def test_agreed_to_all_the_same_it_goes_like_any_removal(late: Site) -> None:
    consent = ("--acknowledge", "delete-credentials:user/bot", "--acknowledge", "recently-used:user/bot")
    late.fine("apply", "--auto-approve", "--now", "2026-11-26T00:00:00Z", *consent)
    assert not exists(late, "bot")
    assert user(late, "carl")["groups"] == ["team"]
    assert "past-end" not in guards_of(late)


def test_a_run_that_knew_the_end_before_it_came_agreed_to_it(late: Site) -> None:
    late.edit("groups:\n  admins: {}", "groups:\n  more: {}\n  admins: {}")
    late.fine("apply", "--auto-approve", "--now", "2025-12-31T00:00:00Z")
    assert "past-end" not in guards_of(late)
    assert guards_of(late)["delete-credentials"] == [("warn", 2)]
    late.runs[-1].unlink()
    assert "past-end" in guards_of(late)


def test_the_history_of_the_project_tells_what_was_agreed_to_in_advance(late: Site) -> None:
    def commit(when: str) -> None:
        identity = ("-c", "user.name=x", "-c", "user.email=x")
        for arguments in (("init", "-q"), ("add", "iam", "iamsync.yaml"), ("commit", "-qm", when, "--allow-empty")):
            environment = {**os.environ, "GIT_COMMITTER_DATE": when}
            subprocess.run(
                ["git", *identity, *arguments], cwd=late.root, check=True, capture_output=True, env=environment
            )

    commit("2026-01-01T00:00:01Z")
    assert "past-end" in guards_of(late)
    # Whoever reviewed the revision of --base, or took it over, agreed to what stands there.
    assert "past-end" not in guards_of(late, "--base", "git:HEAD")
    subprocess.run(["rm", "-rf", ".git"], cwd=late.root, check=True)
    commit("2025-12-31T23:59:59Z")
    commit("2026-06-01T00:00:00Z")
    assert "past-end" not in guards_of(late)


def test_an_end_that_the_accounts_own_document_bears_was_agreed_to(site: Site) -> None:
    site.write(CONFIG, "iamsync.yaml")
    document = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}}
    site.write(json.dumps({"users": {"bot": {"expires": "2026-01-01", "inline_policies": {"own": document}}}}))
    site.fine("apply", "--auto-approve", "--now", "2025-12-01T00:00:00Z")
    site.runs[-1].unlink()
    assert guards_of(site) == {}
    site.edit("2026-01-01", "2026-01-02")
    assert guards_of(site) == {"past-end": [("warn", 1)]}


def test_validate_tells_every_end_that_is_past(late: Site) -> None:
    told = late.fine("validate", "--now", "2026-11-26T00:00:00Z").out
    assert "iam/site.yaml:2:" in told
    assert "IAM-P092" in told
    assert "user/bot: this end is past, 2026-01-01T00:00:00Z" in told
    late.write("suppress: [{finding: IAM-P092, address: user/*, reason: gone by now}]\n", "iam/more.yaml")
    told = late.fine("validate", "--now", "2026-11-26T00:00:00Z").out
    assert "IAM-P09" not in told
