"""Drift documents: what only they say; that every format is inert and within its limits is in test_reports."""

from __future__ import annotations

import json

from iamsync.render.drift import drift_markdown
from iamsync.render.drift import drift_text as text_of
from iamsync.render.gitlab import drift_report
from tests.render.reports import drift_document


def test_of_too_many_entries_the_comment_shows_what_fits_and_says_so() -> None:
    told = drift_markdown(drift_document(times=5000))
    assert len(told) <= 65_536
    assert told.startswith("INCOMPLETE, ")
    assert told.endswith("<!-- iamsync:drift:prod -->\n")


def test_gitlab_counts_what_taking_it_back_would_do() -> None:
    document = drift_document(times=6)
    told = [("deleted", None), ("created", None), ("recreated", "path"), ("changed", "tags"), ("added", "tags")]
    drift = document["accounts"][0]["drift"]
    for entry, (what, field) in zip(drift, told, strict=False):
        entry |= {"what": what, "field": field}
    drift[4]["address"] = drift[5]["address"] = drift[3]["address"]
    assert json.loads(drift_report(document)) == {"create": 2, "update": 1, "delete": 2}


def test_the_text_says_new_gone_and_whose_doing_it_was() -> None:
    told = text_of(drift_document("al"))
    assert "user/al1: tag x added by hand: al (new)" in told
    assert "gone since the last run" in told
    assert "(TagUser, event e-1)" in told
