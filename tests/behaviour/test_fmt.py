"""`fmt`: which files it writes, what it says, and what it leaves alone."""

from __future__ import annotations

from typing import Any

import pytest

from tests.behaviour.conftest import Site
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
