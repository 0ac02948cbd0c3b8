"""`fmt`: which files it writes, what it says, and what it leaves alone."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.behaviour.conftest import CONFIG, Site
from tests.world import ACCOUNT

MESSY = "users:\n    ann:\n        tags: {team: 'a'}   # keep\n        path: /p/\n"
TIDY = 'users:\n  ann:\n    path: /p/\n    tags: {team: "a"}   # keep\n'


def test_it_lays_out_what_differs_and_writes_nothing_else(site: Site) -> None:
    site.fine("fmt")
    messy = site.write(MESSY, "iam/people.yaml")
    others = {path: path.read_bytes() for path in site.root.rglob("*.yaml") if path != messy}
    told = site.fine("fmt")
    assert told.out == "changed iam/people.yaml\n"
    assert told.err == "note: 3 files looked at; 1 changed\n"
    assert messy.read_text(encoding="utf-8") == TIDY
    assert {path: path.read_bytes() for path in others} == others
    again = site.fine("fmt", "--check")
    assert (again.out, again.err) == ("", "note: 3 files looked at; none to change\n")
    assert not site.calls


def test_looking_only_shows_and_exits_2(site: Site) -> None:
    messy = site.write(MESSY, "iam/people.yaml")
    checked = site.run("fmt", "--check", "iam/people.yaml")
    assert (checked.code, checked.out) == (2, "would change iam/people.yaml\n")
    diff = site.run("fmt", "--diff", "--quiet", "iam/people.yaml")
    assert diff.code == 2
    assert diff.out == (
        "--- a/iam/people.yaml\n+++ b/iam/people.yaml\n@@ -1,4 +1,4 @@\n users:\n-    ann:\n"
        "-        tags: {team: 'a'}   # keep\n-        path: /p/\n"
        '+  ann:\n+    path: /p/\n+    tags: {team: "a"}   # keep\n'
    )
    assert messy.read_text(encoding="utf-8") == MESSY


def test_the_project_file_keeps_its_order(site: Site) -> None:
    site.write(f"accounts:\n    site:\n        backend: sandbox\n        id: '{ACCOUNT}'\nversion: 1\n", "iamsync.yaml")
    site.fine("fmt", "iamsync.yaml")
    want = f'accounts:\n  site:\n    backend: sandbox\n    id: "{ACCOUNT}"\nversion: 1\n'
    assert (site.root / "iamsync.yaml").read_text(encoding="utf-8") == want


def test_where_one_file_cannot_be_read_none_is_written(site: Site) -> None:
    messy = site.write(MESSY, "iam/people.yaml")
    site.write("users:\n\tbob: {}\n", "iam/wrong.yaml")
    told = site.run("fmt")
    assert told.code == 1
    assert "iam/wrong.yaml:2:1" in told.err
    assert messy.read_text(encoding="utf-8") == MESSY


def test_nothing_is_said_to_be_changed_where_it_could_not_be_written(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    messy = site.write(MESSY, "iam/people.yaml")

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device", "iam/.people.yaml.x.new")

    monkeypatch.setattr("iamsync.engine.replacing._beside", full)
    told = site.run("fmt")
    assert (told.code, told.out) == (1, "")
    assert "error[unwritable]: cannot write: No space left on device" in told.err
    assert "people.yaml" in told.err
    assert ".new" not in told.err
    assert messy.read_text(encoding="utf-8") == MESSY


def test_manifests_that_say_wrong_things_are_laid_out_all_the_same(site: Site) -> None:
    wrong = site.write("users:\n    ann: {pathh:  /p/}\n", "iam/people.yaml")
    site.fine("fmt")
    assert wrong.read_text(encoding="utf-8") == "users:\n  ann: {pathh: /p/}\n"


def test_an_account_is_at_rest_after_its_manifests_were_laid_out(applied: Site) -> None:
    applied.edit("    path: /ci/\n    description: Puts", "    description: Puts")
    applied.edit("its bucket\n", "its bucket\n    path:  '/ci/'\n")
    applied.fine("fmt")
    assert "No changes" in applied.fine("plan").out


def odd(statement: dict[str, Any]) -> str:
    """A document as the console and other tools write it: with its keys in the order of their names, or none."""
    return json.dumps({"Statement": [statement], "Version": "2012-10-17"})


@pytest.mark.parametrize("layout", ["file-per-kind", "file-per-resource"])
def test_it_has_nothing_to_change_in_an_import(site: Site, layout: str) -> None:
    trust = odd({"Principal": {"Service": "ec2.amazonaws.com"}, "Effect": "Allow", "Action": "sts:AssumeRole"})
    granted = {"Resource": "*", "Condition": {"Bool": {"aws:SecureTransport": "true"}}, "Action": ["s3:List*"]}

    def made(iam: Any) -> None:
        iam.create_role(RoleName="odd", AssumeRolePolicyDocument=trust, Tags=[{"Key": "Effect", "Value": "no"}])
        iam.put_role_policy(RoleName="odd", PolicyName="Statement", PolicyDocument=odd(granted | {"Effect": "Allow"}))
        iam.create_policy(PolicyName="odd", PolicyDocument=odd({"Sid": "last", **granted, "Effect": "Deny"}))

    site.by_hand(made)
    site.fine("import", "--out", "taken", "--layout", layout)
    assert site.fine("fmt", "--check", "taken").err.endswith("none to change\n")
    site.write(f"{CONFIG}manifests: [taken]\n", "iamsync.yaml")
    assert "No changes" in site.fine("plan", "--detailed-exitcode").out


def test_it_has_nothing_to_change_in_what_was_adopted(applied: Site) -> None:
    applied.fine("fmt")
    granted = {"Resource": "*", "Condition": {"Bool": {"aws:SecureTransport": "true"}}, "Action": "s3:List*"}
    added = odd(granted | {"Effect": "Allow", "Sid": "hand"})
    applied.by_hand(lambda iam: iam.put_user_policy(UserName="alice", PolicyName="odd", PolicyDocument=added))
    applied.fine("adopt", "--auto-approve")
    assert "hand" in (applied.root / "iam" / "site.yaml").read_text(encoding="utf-8")
    told = applied.run("fmt", "--diff")
    assert told.code == 0, told.out
