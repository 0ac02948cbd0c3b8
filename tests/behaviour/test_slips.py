"""A slip on the command line: what was meant is named, wherever there are words to choose from."""

from __future__ import annotations

import re
import subprocess

import pytest

from tests.behaviour.conftest import Site

SLIPS = (
    ("plam", "plan"),
    ("runs lst", "list"),
    ("plan --targt user/alice", "--target"),
    ("plan --target user/alise", "user/alice"),
    ("plan --target usr/alice", "user"),
    ("plan iam/siet.yaml", "iam/site.yaml"),
    ("validate ian/site.yaml", "iam/site.yaml"),
    ("fmt iam/siet.yaml", "iam/site.yaml"),
    ("plan --account siet", "site"),
    ("plan --format htm", "html"),
    ("plan --report htm=x", "html"),
    ("plan --acknowledge max-delete", "max-deletes"),
    ("plan --fail-on-gain iamm:*", "iam:*"),
    ("plan --fail-on-gain s3*", "s3:*"),
    ("plan --fail-on-gain s3:DeleteBuckett", "s3:DeleteBucket"),
    ("plan --color alway", "always"),
    ("plan --config iamsync.yml", "iamsync.yaml"),
    ("show pln.json", "plan.json"),
    ("apply pln.json", "plan.json"),
    ("apply --only drif --auto-approve", "drift"),
    ("drift --fail-on hgh", "high"),
    ("audit --fail-on hgh", "high"),
    ("explain max-delets", "max-deletes"),
    ("explain bad-tme", "bad-time"),
    ("schema plna", "plan"),
    ("simulate user/alise iam:GetUser", "user/alice"),
    ("simulate user/alice s3:GetObjec", "s3:GetObject"),
    ("what-can alise", "user/alice"),
    ("who-can s3:DeleteBuket", "s3:DeleteBucket"),
    ("import --layout file-per-knd --out x", "file-per-kind"),
    ("import --from terrafrm x", "terraform"),
    ("init --ci githb", "github"),
    ("accounts exec siet -- true", "site"),
)


@pytest.mark.parametrize(("typed", "meant"), SLIPS, ids=[typed for typed, _ in SLIPS])
def test_what_was_meant_is_named(applied: Site, typed: str, meant: str) -> None:
    applied.write("{}", "plan.json")
    told = applied.run(*typed.split())
    assert told.code in (1, 2), told
    said = told.out + told.err
    named = re.search(r"[dD]id you mean \W?([^\s?'\"]+)|Possible options: ([^\s)]+)", said)
    assert named is not None, said
    assert (named[1] or named[2]).rstrip(";") == meant


def test_ids_that_begin_so_are_named(site: Site) -> None:
    told = site.run("explain", "IAM-P03")
    assert "these begin so: IAM-P030, IAM-P031, IAM-P032, IAM-P033, IAM-P034, IAM-P035 and 3 more" in told.err


def test_what_is_near_nothing_is_told_nothing_wrong(applied: Site) -> None:
    assert "did you mean" not in applied.run("plan", "elsewhere/entirely.yaml").err
    assert "Possible options" not in applied.run("test", "--target", "user/alice").err
    assert "did you mean" not in applied.run("explain", "user/alice").err


def test_a_branch_that_was_meant_is_named(applied: Site) -> None:
    subprocess.run(["git", "init", "-q", "-b", "main"], cwd=applied.root, check=True)
    commit = ["git", "-c", "user.name=x", "-c", "user.email=x", "commit", "-q", "--allow-empty", "-m", "x"]
    subprocess.run(commit, cwd=applied.root, check=True)
    told = applied.run("plan", "--base", "git:mian")
    assert "git knows no revision 'mian'" in told.err
    assert 'did you mean "main"? Otherwise fetch it first' in told.err
    assert "did you mean" not in applied.run("plan", "--base", "git:elsewhere").err
