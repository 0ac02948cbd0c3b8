"""`iamsync drift` as a command: its exit codes, what it costs, its reports, and what it leaves for the next run."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from iamsync.engine import records
from iamsync.engine.options import Options
from iamsync.engine.project import Project
from iamsync.journal import Run, latest
from iamsync.model import Address
from tests.behaviour.conftest import Site


def tagged(site: Site, **tags: str) -> None:
    """Somebody tags alice behind the manifests' back."""
    site.by_hand(lambda iam: iam.tag_user(UserName="alice", Tags=[{"Key": k, "Value": v} for k, v in tags.items()]))


def test_a_run_without_drift_costs_what_a_plan_without_changes_costs(applied: Site) -> None:
    applied.fine("plan")
    planned = Counter(applied.calls)
    told = applied.fine("drift", "--attribute")
    assert Counter(applied.calls) == planned
    assert "No drift. Live IAM is what the manifests say." in told.out


def test_drift_exits_with_2_and_only_at_the_floor_where_there_is_one(applied: Site) -> None:
    tagged(applied, by="hand")
    told = applied.run("drift")
    assert told.code == 2
    assert "info      user/alice: tag by added by hand: hand" in told.out
    assert applied.run("drift", "--fail-on", "low").code == 0
    assert applied.run("drift", "--fail-on", "info").code == 2
    assert applied.run("drift", "--fail-on", "grave").code == 1
    assert not applied.writes
    assert applied.run("drift", "--target", "user/bob").code == 0
    # The sandbox has no CloudTrail, and says so at each entry.
    asked = applied.run("drift", "--attribute")
    assert (asked.code, "by unknown: " in asked.out) == (2, True), asked


def test_the_page_draws_what_is_there_and_not_declared(applied: Site) -> None:
    def attach(iam: Any) -> None:
        iam.attach_user_policy(UserName="bob", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")

    applied.by_hand(attach)
    told = applied.run("drift", "--format", "html", "--report", "gitlab=counts.json", "--report", "junit=drift.xml")
    assert (told.code, applied.writes) == (2, [])
    assert "user/bob: attached by hand: aws/AdministratorAccess" in told.out
    data = json.loads(told.out.split('<script type="application/json" id="data">')[1].split("</script>")[0])
    added = [(data["nodes"][s][2], data["nodes"][t][2]) for s, t, *_, mark, _ in data["edges"] if mark == "added"]
    assert ("bob", "aws/AdministratorAccess") in added
    assert not any(mark == "removed" for *_, mark, _ in data["edges"])
    assert json.loads((applied.root / "counts.json").read_text(encoding="utf-8"))["update"] == 1


def test_since_the_last_run_is_told_and_remembered(applied: Site) -> None:
    def statuses(*more: str) -> dict[str, str]:
        document: dict[str, Any] = json.loads(
            applied.run("drift", "--format", "json", "--since-last", "drift.json", *more).out
        )
        (account,) = document["accounts"]
        return {entry["item"]: entry["status"] for entry in (*account["drift"], *account["gone"])}

    assert statuses() == {}
    tagged(applied, first="1")
    assert statuses() == {"first": "new"}
    tagged(applied, second="1")
    assert statuses() == {"first": "known", "second": "new"}
    applied.by_hand(lambda iam: iam.untag_user(UserName="alice", TagKeys=["first"]))
    assert statuses() == {"second": "known", "first": "gone"}
    assert applied.run("drift", "--since-last", "drift.json", "--target", "user/*").code == 1
    applied.write("{}", "drift.json")
    assert "bad-drift-file" in applied.run("drift", "--since-last", "drift.json").err
    assert (applied.root / "drift.json").read_text(encoding="utf-8") == "{}"


def test_only_what_the_record_of_runs_shows_was_there_is_told_as_deleted(applied: Site) -> None:
    applied.edit("users:\n", "users:\n  newcomer: {}\n")
    first = applied.run("drift", "--target", "user/newcomer")
    assert "medium    user/newcomer: in the manifests, not in the account: deleted there, or" in first.out
    applied.fine("apply", "--auto-approve", "--target", "user/newcomer")
    applied.by_hand(lambda iam: iam.delete_user(UserName="newcomer"))
    assert "medium    user/newcomer: deleted by hand" in applied.run("drift", "--target", "user/newcomer").out
    # A record that nobody can read is no reason to tell nothing.
    for path in applied.runs:
        path.write_text("{}{", encoding="utf-8")
    assert "deleted there, or never applied" in applied.run("drift", "--target", "user/newcomer").out


def test_what_iamsync_deleted_itself_and_is_declared_again_was_not_deleted_by_hand(applied: Site) -> None:
    applied.edit("users:\n", "users:\n  passing: {}\n")
    applied.fine("apply", "--auto-approve", "--target", "user/passing")
    declared = (applied.root / "iam/site.yaml").read_text(encoding="utf-8")
    applied.edit("  passing: {}\n", "")
    applied.write(f"removed: [user/passing]\n{(applied.root / 'iam/site.yaml').read_text(encoding='utf-8')}")
    applied.fine("apply", "--auto-approve", "--target", "user/passing")
    applied.write(declared)
    assert "deleted there, or never applied" in applied.run("drift", "--target", "user/passing").out


def test_the_records_of_runs_are_read_once_however_many_accounts_are_looked_at(
    applied: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    applied.edit("users:\n", "users:\n  newcomer: {}\n")
    applied.fine("apply", "--auto-approve", "--target", "user/newcomer")
    read: list[int] = []

    def counted(most: int, *folders: Path) -> Iterator[Run]:
        read.append(most)
        return latest(most, *folders)

    monkeypatch.setattr(records, "latest", counted)
    left = records.left(Project.open(Options(applied.root)))
    assert not read, "no record is read before somebody asks"
    (run,) = latest(1, applied.runs[0].parent)
    assert left(run.account_id) == {Address("user", "newcomer")}
    assert left("444455556666") == frozenset()
    assert len(read) == 1
