"""Drift documents: what only they say; that every format is inert and within its limits is in test_reports."""

from __future__ import annotations

import json
from typing import Any

from iamsync.render.drift import drift_markdown
from iamsync.render.drift import drift_text as text_of
from iamsync.render.driftpage import drift_html
from iamsync.render.gitlab import drift_report
from iamsync.render.notices import Sources
from tests.render.reports import drift_document, drift_entry


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


def fleet_document(count: int) -> Any:
    """The same drift in so many accounts, but for one entry that the last account has alone."""
    document = drift_document(times=2)
    (first,) = document["accounts"]
    accounts = []
    for at in range(count):
        number = f"{200000000000 + at}"
        account = json.loads(json.dumps(first).replace("111122223333", number))
        account["account"]["name"] = f"a{at}"
        account["drift"][0]["message"] += f" by arn:aws:iam::{number}:root"
        accounts.append(account)
    accounts[-1]["drift"].append({**drift_entry("", number=9), "message": "odd one out"})
    return {**document, "accounts": accounts}


def test_what_several_accounts_have_alike_is_told_once_with_their_names() -> None:
    document = fleet_document(5)
    told = text_of(document)
    assert told.startswith("same in 5 accounts: a0, a1, a2, a3, a4\n")
    assert told.count("user/1: ") == told.count("user/2: ") == told.count("changed by AWS") == 1
    assert "by arn:aws:iam::$(account.id):root" in told
    assert told.count("All of its drift is told above, with other accounts'.") == 4
    assert told.index("account a4") < told.index("odd one out")
    marked = drift_markdown(document)
    assert "#### same in 5 accounts: a0, a1, a2, a3, a4" in marked
    assert marked.count("user/1: ") == marked.count("odd one out") == 1
    two = text_of(fleet_document(2))
    assert "same in" not in two
    assert two.count("user/1: ") == 2


def test_accounts_without_anything_to_say_are_one_line() -> None:
    document = fleet_document(4)
    for account in document["accounts"][1:]:
        account |= {key: [] for key in account if isinstance(account[key], list)}
    for told in (text_of(document), drift_markdown(document)):
        assert told.count("No drift in 3 accounts: a1, a2, a3") == 1
        assert "account a2" not in told


def test_the_page_has_a_row_for_what_accounts_have_alike_and_each_of_them_can_be_chosen() -> None:
    page = drift_html(fleet_document(4), Sources())
    assert page.count("tag x added by hand:  by arn:aws:iam::$(account.id):root") == 1
    assert "same in 4 accounts: a0, a1, a2, a3" in page
    assert page.count("odd one out") == 1
    assert '<option value="a2"' in page
