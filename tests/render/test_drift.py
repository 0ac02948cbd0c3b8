"""Drift documents in every format: other people's words come out inert, and limits are kept."""

from __future__ import annotations

import json
from typing import Any
from xml.etree import ElementTree

import pytest

from iamsync.cli.options import Common
from iamsync.cli.reporting import drift_text
from iamsync.render.drift import drift_markdown
from iamsync.render.drift import drift_text as text_of

HOSTILE = "<script>alert(1)</script> `x` | @all \x1b[31m\u202e\n::error::x"
ATTRIBUTED = {
    "who": HOSTILE,
    "when": "2026-11-20T10:00:00Z",
    "source_ip": HOSTILE,
    "how": HOSTILE,
    "user_agent": HOSTILE,
    "event": "TagUser",
    "event_id": "e-1",
    "unknown": None,
}


def entry(name: str, severity: str = "info") -> dict[str, Any]:
    return {
        "address": f"user/{name}",
        "kind": "user",
        "name": name,
        "field": "tags",
        "item": "x",
        "what": "added",
        "message": f"tag x added by hand: {name}",
        "severity": severity,
        "expected": None,
        "actual": name,
        "details": [name],
        "access": [],
        "origin": {"file": name, "line": 1},
        "attribution": ATTRIBUTED,
        "status": "new",
    }


def document(*entries: dict[str, Any], **more: Any) -> dict[str, Any]:
    account = {
        "account": {"name": "prod", "id": "111122223333", "partition": "aws", "alias": HOSTILE},
        "summary": {"managed": 5},
        "drift": list(entries),
        "pending": [],
        "due": [],
        "gone": [entry("gone")],
        "aws_policies": [],
        "not_compared": [],
        "unread": [],
        "unmanaged": [{"address": f"role/{HOSTILE}", "reason": "nobody declares it", "owner": None}],
    }
    return {"base": None, "fail_on": None, "since": None, "accounts": [{**account, **more}]}


@pytest.mark.parametrize("form", ["text", "markdown", "github", "junit", "sarif", "json"])
def test_what_others_chose_comes_out_inert(form: str, tmp_path: Any) -> None:
    told = drift_text(document(entry(HOSTILE)), form, Common(), tmp_path)
    assert "\x1b" not in told
    assert "\u202e" not in told
    assert not any(line.lstrip().startswith("::error::") for line in told.splitlines())
    if form == "junit":
        ElementTree.fromstring(told)
        assert "<script>" not in told
    if form in ("sarif", "json"):
        json.loads(told)


def test_of_too_many_entries_the_comment_shows_what_fits_and_says_so() -> None:
    many = document(*(entry(f"user-{number}") for number in range(5000)))
    told = drift_markdown(many)
    assert len(told) <= 65_536
    assert told.startswith("INCOMPLETE, ")
    assert told.endswith("<!-- iamsync:drift:prod -->\n")


def test_the_text_says_new_gone_and_whose_doing_it_was() -> None:
    told = text_of(document(entry("al")))
    assert "user/al: tag x added by hand: al (new)" in told
    assert "gone since the last run" in told
    assert "(TagUser, event e-1)" in told
