"""Markdown: nothing breaks out, and what does not fit is left out whole and said to be."""

import copy
import json
import re
from pathlib import Path
from typing import Any

import pytest

from iamsync.render.blocks import COMMENT
from iamsync.render.inert import code, inline
from iamsync.render.markdown import plan_markdown

CASES = Path(__file__).parent / "cases"


def load(case: str) -> Any:
    return json.loads((CASES / case / "plan.json").read_text(encoding="utf-8"))


def long_plan(times: int) -> Any:
    document = load("site")
    change = next(c for c in document["plans"][0]["changes"] if c["address"] == "role/deploy-site")
    for number in range(times):
        more = copy.deepcopy(change)
        more["name"] = f"copy-{number}"
        more["address"] = f"role/copy-{number}"
        more["origin"].pop("template", None)  # no two of them may be told together
        more["fields"][0]["after"] = 3600 * number
        document["plans"][0]["changes"].append(more)
    return document


def test_a_plan_too_long_for_a_comment_is_incomplete_and_cannot_be_approved() -> None:
    text = plan_markdown(long_plan(300))
    assert len(text) <= COMMENT.most
    match = re.match(r"INCOMPLETE, (\d+) of (\d+) shown\n", text)
    assert match
    assert int(match[1]) < int(match[2]) == 8 + 300 + 2  # changes, copies, a guard and a finding
    assert text.count("<details>") == text.count("</details>") == int(match[1]) - 2
    assert "sha256:" not in text


def test_a_plan_that_fits_has_its_digest() -> None:
    document = load("site")
    assert document["plans"][0]["digests"]["approval"] in plan_markdown(document)


@pytest.mark.parametrize(
    "text",
    [
        "@team",
        "#12",
        "a/b#1",
        "<b>",
        "[x](javascript:1)",
        "*x*",
        "__x__",
        "`x`",
        "https://x.example",
        "www.x",
        "a|b",
        "&lt;",
        "~~x~~",
        "\\",
        ":+1:",
    ],
)
def test_anything_that_could_be_markup_stands_in_a_code_span(text: str) -> None:
    assert inline(f"see {text} here") == f"see {code(text)} here"


@pytest.mark.parametrize("text", ["`", "``a``", "a`b```c", "a```", "```"])
def test_a_code_span_is_longer_than_any_run_of_backticks(text: str) -> None:
    span = code(text)
    fence = re.match("`+", span)
    assert fence
    runs = re.findall("`+", span)
    assert [run for run in runs if run == fence[0]] == [fence[0], fence[0]] or "`" * len(fence[0]) not in text


def test_no_text_of_a_plan_ends_its_fence_or_becomes_html() -> None:
    outside, fence = [], ""
    for line in plan_markdown(load("hostile")).splitlines():
        match = re.fullmatch(r"(`{3,})(diff)?", line)
        if fence:
            fence = "" if line == fence else fence
        elif match:
            fence = match[1]
        else:
            outside.append(line)
    assert fence == ""
    assert not any(word in line for line in outside for word in ("<script", "<img", "pwned"))
