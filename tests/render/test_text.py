"""The text plan, beyond what the cases hold."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from iamsync.render.inert import safe
from iamsync.render.listing import table
from iamsync.render.text import plan_text, states_text
from iamsync.render.words import cells, wrap

CASES = Path(__file__).parent / "cases"


def load(case: str) -> Any:
    return json.loads((CASES / case / "plan.json").read_text(encoding="utf-8"))


def test_every_step_shows_with_what_it_waits_for_when_verbose() -> None:
    document = load("site")
    text = plan_text(document, verbose=True)
    for step in document["plans"][0]["steps"]:
        line = next(line for line in text.splitlines() if re.match(rf"  {step['id']} ", line))
        assert step["operation"] in line
        assert all(before in line for before in step["after"])


def test_verbose_names_every_reported_resource() -> None:
    document = load("site")
    text = plan_text(document, verbose=True)
    assert all(item["address"] in text for item in document["plans"][0]["reported"])


@pytest.mark.parametrize("case", sorted(path.name for path in CASES.iterdir()))
def test_every_changed_name_and_every_member_shows(case: str) -> None:
    document = load(case)
    text = plan_text(document)
    for plan in document["plans"]:
        for change in plan["changes"]:
            assert change["name"] in text
            for field in change["fields"]:
                assert field["field"] in text
                for item in (*field["added"], *field["removed"]):
                    assert safe(item.rpartition("/")[2] if item.startswith("arn:") else item) in text


@pytest.mark.parametrize("width", [60, 80, 100, 140])
def test_lines_keep_to_the_width_but_for_words_that_cannot_break(width: int) -> None:
    for line in plan_text(load("site"), width=width).splitlines():
        assert cells(line) <= width or line.startswith(("account", "approval", "+", "-", "~")) or "arn:" in line


def test_colour_changes_nothing_but_colour() -> None:
    for case in ("site", "refused", "documents"):
        assert re.sub(r"\x1b\[[0-9;]*m", "", plan_text(load(case), color=True)) == plan_text(load(case))


def test_two_states_compared_have_no_calls_and_nothing_to_approve() -> None:
    text = states_text(load("site"), "git:main", "live")
    assert text.startswith("git:main -> live, account prod (111122223333, acme-prod): 4 to create")
    assert "approval" not in text
    assert "call" not in text.splitlines()[0]


def test_a_plan_that_ends_says_until_when() -> None:
    document = load("alike")
    document["plans"][0]["valid_until"] = "2027-01-01T00:00:00Z"
    assert "valid until 2027-01-01T00:00:00Z\napproval:" in plan_text(document)


def test_a_call_that_no_field_tells_of_is_shown_by_itself() -> None:
    document = load("two-accounts")
    plan = document["plans"][1]
    plan["steps"].append({"id": "s2", "operation": "ResyncMFADevice", "params": {"SerialNumber": "x"}, "after": []})
    plan["changes"][0]["steps"].append("s2")
    assert "also  ResyncMFADevice SerialNumber=x" in plan_text(document)


def test_a_replaced_policy_is_taken_off_and_put_on_again() -> None:
    document = load("refused")
    field = document["plans"][0]["changes"][1]["fields"][0]
    field["added"] = field["removed"]
    assert "~ aws/AWSCompromisedKeyQuarantineV2 (taken off and put on again)" in plan_text(document)


def test_wrapping_breaks_at_blanks_and_loses_nothing() -> None:
    text = "one two three " + "x" * 50 + " four"
    assert wrap(text, 14) == ["one two three", "x" * 50, "four"]


@pytest.mark.parametrize(
    "mark", ["\x00", "\x1b", "\x7f", "\x9b", "\u202e", "\u2066", "\u200b", "\ufeff", "\u2028", "\ud800"]
)
def test_marks_that_are_obeyed_or_unseen_are_spelled_out(mark: str) -> None:
    assert safe(f"a{mark}b").isprintable()
    assert safe(f"a{mark}b").startswith("a\\")


def test_letters_of_every_script_stay_as_they_are() -> None:
    assert safe("Zoë 文字 имя") == "Zoë 文字 имя"


def test_a_table_wider_than_the_terminal_is_a_paragraph_a_row() -> None:
    rows = [{"run": "1", "caller": "arn:aws:iam::111122223333:user/operator-of-the-night"}, {"run": "2"}]
    wide = table(("run", "caller"), rows, 80)
    assert wide == table(("run", "caller"), rows)
    assert wide.splitlines()[0].split() == ["RUN", "CALLER"]
    rows[0]["caller"] += "-and-of-the-day"
    assert table(("run", "caller"), rows, 60) == f"run:     1\ncaller:  {rows[0]['caller']}\n\nrun:  2"
