"""The summary of a run: what it says, that it fits where it goes, and that nothing in it is obeyed."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from iamsync.planner.driftfile import since
from iamsync.render.brief import Brief, Ending, brief_of_drift, brief_of_plan, message
from tests.planner.test_drift import WORDS, documented
from tests.render.reports import HOSTILE, plan_document

AT = "2026-11-24T00:00:00Z"


def brief(document: Any, ending: Ending | None = None, command: str = "plan", **more: Any) -> Brief:
    made = brief_of_plan(document, ending or Ending(), command, at=AT, **more)
    assert made is not None
    return made


def empty() -> Any:
    document = copy.deepcopy(plan_document())
    (plan,) = document["plans"]
    plan |= {"changes": [], "guards": [], "findings": [], "steps": []}
    plan["summary"] |= {"create": 0, "update": 0, "replace": 0, "delete": 0, "steps": 0}
    return document


def test_where_there_is_nothing_to_tell_there_is_no_brief() -> None:
    assert brief_of_plan(empty(), Ending(), "plan", at=AT) is None
    assert brief(empty(), Ending(1, "no way"), "apply").lines == ("failed: no way",)


def test_the_title_says_what_where_and_how_it_ended() -> None:
    document = plan_document()
    document["plans"][0]["guards"] = []
    where = "in prod (111122223333, acme-prod)"
    title = brief(document).title
    assert title.startswith("iamsync plan: ")
    assert title.endswith(where)
    counts = title.removeprefix("iamsync plan: ").removesuffix(f" {where}")
    assert brief(document, command="apply", sandbox=True).title == f"iamsync apply (sandbox): {counts}, done {where}"
    assert brief(document, Ending(5, "some"), "apply").title == f"iamsync apply: applied in part: {counts} {where}"
    assert brief(None, Ending(1, "no credentials")).title == "iamsync plan: failed"


def test_a_refusal_comes_first_and_gains_are_told() -> None:
    document = plan_document()
    made = brief(document, Ending(3, "refused"))
    assert "refused by " in made.title
    assert made.lines[0] == "failed: refused"
    assert made.lines[1].startswith(("critical: ", "high: "))
    assert any(line.startswith("gain: ") for line in brief(_only_gains(document)).lines)


def _only_gains(document: Any) -> Any:
    made = copy.deepcopy(document)
    made["plans"][0] |= {"guards": [], "findings": []}
    return made


def test_drift_and_accounts_are_told() -> None:
    document = _only_gains(plan_document())
    for change in document["plans"][0]["changes"]:
        change["cause"] = "drift"
    number = len(document["plans"][0]["changes"])
    assert any("undo what was done elsewhere (drift)" in line for line in brief(document).lines)
    document["plans"] = [copy.deepcopy(document["plans"][0]) for _ in range(12)]
    made = brief(document)
    assert made.title.endswith("in 12 accounts")
    assert made.lines[8] == "and 4 more"
    assert f"{12 * number} changes of them" in made.lines[9]
    assert len(made.accounts) == 12


@pytest.mark.parametrize("hostile", HOSTILE)
def test_nothing_that_others_wrote_is_obeyed_and_everything_fits(hostile: str) -> None:
    made = message(brief(plan_document(hostile * 40, times=60), Ending(5, hostile * 400), job=hostile * 100))
    slack = json.loads(made.slack)
    assert len(slack["blocks"]) <= 50
    for block in slack["blocks"]:
        for held in block.get("elements") or [block["text"]]:
            assert held["type"] == "plain_text"
            assert len(held["text"]) <= (150 if block["type"] == "header" else 3000)
            assert held["text"].replace("\n", "").isprintable()
    assert not set("<>") & set(slack["text"])
    assert len(made.slack) < 13_000
    assert made.subject.isascii()
    assert made.subject.isprintable()
    assert 0 < len(made.subject) < 100
    assert made.text.replace("\n", "").isprintable()
    assert len(made.text.encode()) < 256 * 1024
    assert made.slack.isascii() or made.slack.isprintable()
    assert json.loads(made.webhook)["exit_code"] == 5


def test_what_a_webhook_gets_is_documented() -> None:
    made = message(brief(plan_document(), Ending(2), job="https://ci.example/1"))
    body = json.loads(made.webhook)
    assert body == {
        "format_version": "1.0",
        "command": "plan",
        "exit_code": 2,
        "severity": body["severity"],
        "title": body["title"],
        "lines": body["lines"],
        "at": AT,
        "job": "https://ci.example/1",
        "accounts": [{"name": "prod", "id": "111122223333", "summary": plan_document()["plans"][0]["summary"]}],
    }
    assert dict(made.attributes) == {"command": "plan", "severity": body["severity"], "exit_code": "2"}
    assert made.text.splitlines()[0] == body["title"]
    assert made.text.endswith(f"exit code 2; {AT}; https://ci.example/1")


def test_drift_is_told_and_since_the_last_run_only_what_is_new() -> None:
    first = documented(WORDS)
    made = brief_of_drift(first, Ending(2), "drift", at=AT)
    assert made is not None
    assert made.title.startswith("iamsync drift: 4 high, 6 medium")
    grades = ["critical", "high", "medium", "low", "info"]
    told = [grades.index(line.partition(":")[0]) for line in made.lines if not line.startswith("and ")]
    assert told == sorted(told)
    assert made.grade == grades[told[0]]
    assert json.loads(message(made).webhook)["accounts"][0]["summary"] == first["accounts"][0]["summary"]
    assert brief_of_drift(since(first, first), Ending(2), "drift", at=AT) is None
    fresh = brief_of_drift(since(first, None), Ending(2), "drift", at=AT)
    assert fresh == made


def test_drift_that_could_not_be_looked_for_is_told() -> None:
    failed = brief_of_drift(None, Ending(1, "no way"), "drift", at=AT, sandbox=True)
    assert failed is not None
    assert (failed.title, failed.lines) == ("iamsync drift (sandbox): failed", ("failed: no way",))
    assert failed.grade == "high"
    assert brief_of_drift(documented("desired: {}\nlive: {}\n"), Ending(), "drift", at=AT) is None
