"""The HTML report is one file that loads nothing, runs nothing but its own script, and says what the plan says."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from typing import Any

import pytest

from iamsync.render.driftpage import drift_html
from iamsync.render.findingspage import check_html, results_html
from iamsync.render.graph import MOST, Picture
from iamsync.render.planpage import plan_html
from tests.render.reports import (
    HOSTILE,
    SOURCES,
    access_graph,
    check_document,
    drift_document,
    findings_document,
    findings_html,
    made,
    plan_document,
    results_document,
)

PAGES = ("plan", "check", "broken", "results", "drift", "findings")
VOID = {"meta", "link", "input", "br"}
LINKS = {"href": r"#[A-Za-z0-9-]+|data:,", "src": r"$^", "action": r"$^", "formaction": r"$^"}


class Reader(HTMLParser):
    """A strict reader: elements are closed in order, ids are unique, and attributes are those that can do no harm."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.links: set[str] = set()
        self.texts: dict[str, list[str]] = {"script": [], "style": [], "": []}
        self.policy = ""
        self.tags: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for name, value in attrs:
            assert not name.startswith("on"), (tag, name)
            assert name not in ("style", "srcdoc", "srcset", "xlink:href"), (tag, name)
            if name in LINKS:
                assert re.fullmatch(LINKS[name], value or ""), (tag, name, value)
            if name == "id":
                self.ids.append(value or "")
            if name == "href" and (value or "").startswith("#"):
                self.links.add((value or "")[1:])
            if (name, value) == ("http-equiv", "Content-Security-Policy"):
                self.policy = dict(attrs)["content"] or ""
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, (tag, self.open)

    def handle_data(self, data: str) -> None:
        last = self.open[-1] if self.open else ""
        self.texts[last if last in self.texts else ""].append(data)

    def handle_comment(self, data: str) -> None:
        raise AssertionError(f"a comment: {data}")


def read(text: str) -> Reader:
    reader = Reader()
    reader.feed(text)
    reader.close()
    assert reader.open == []
    assert len(reader.ids) == len(set(reader.ids))
    assert reader.links <= set(reader.ids)
    return reader


def allowed(reader: Reader, directive: str) -> str:
    found = re.search(rf"{directive} ([^;]+)", reader.policy)
    assert found is not None
    return found[1]


@pytest.mark.parametrize("command", PAGES)
@pytest.mark.parametrize("hostile", ["", *HOSTILE])
def test_no_text_becomes_anything_else_in_the_page(command: str, hostile: str) -> None:
    clean, reader = read(made(command, "html")), read(made(command, "html", hostile))
    assert set(reader.tags) <= set(clean.tags)
    assert reader.tags.count("script") == 2
    assert reader.texts["style"] == clean.texts["style"]
    assert reader.texts["script"][1] == clean.texts["script"][1]


@pytest.mark.parametrize("command", PAGES)
def test_the_policy_names_the_style_and_the_script_and_lets_nothing_else_load(command: str) -> None:
    reader = read(made(command, "html"))
    assert reader.policy.startswith("default-src 'none';")
    for directive, text in (("style-src", reader.texts["style"][0]), ("script-src", reader.texts["script"][1])):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert allowed(reader, directive) == f"'sha256-{digest}'"
    assert "unsafe" not in reader.policy
    assert "http" not in reader.policy


def test_the_page_says_what_the_plan_says() -> None:
    document = plan_document()
    text = " ".join("".join(read(plan_html(document, SOURCES)).texts[""]).split())
    (plan,) = document["plans"]
    for change in plan["changes"]:
        assert f"{change['kind']}/{change['name']}" in text
    for found in (*plan["guards"], *plan["findings"]):
        assert found["message"] in text
    for step in plan["steps"]:
        assert step["operation"] in text
    assert plan["digests"]["approval"] in text


def words(text: str) -> str:
    """What a reader of the page reads, its blanks as one."""
    return " ".join("".join(read(text).texts[""]).split())


def test_the_page_says_what_drifted_by_whom_and_what_it_gives() -> None:
    document = drift_document(times=5)
    text = words(drift_html(document, SOURCES, access_graph(document)))
    (account,) = document["accounts"]
    for entry in (*account["drift"], *account["pending"], *account["due"], *account["gone"]):
        assert f"{entry['address']}: {entry['message']}" in text
    assert "infra/iam/.yaml:3, template infra/base.yaml:2" in text
    assert "(TagUser, event e-3)" in text
    assert "changed by AWS since it was reviewed" in text
    assert "not compared: " in text


def test_the_page_says_what_was_found_and_what_to_do_about_it() -> None:
    text = words(findings_html(findings_document(times=5), SOURCES, title="IAM audit"))
    for shown in (
        "message 3",
        "CIS-1.3",
        "user/4",
        "remedy mend",
        "evidence seen",
        "acknowledged: on paper",
        "infra/iam/.yaml:3",
    ):
        assert shown in text
    assert "iamsync.yaml" not in text  # of what no file is to blame for none is named


def test_accounts_that_failed_stand_first() -> None:
    error = {"code": "access-denied", "message": "no ListRoles", "request_id": "r-1", "hint": "ask for it"}
    failed = [{"account": {"name": "dev", "id": "444455556666"}, "error": error}]
    for page in (
        drift_html({**drift_document(), "failed": failed}, SOURCES),
        plan_html({**plan_document(), "failed": failed}, SOURCES),
    ):
        assert 'class="top bad"' in page
        assert "dev (444455556666)" in words(page)
        assert "access-denied: no ListRoles (request r-1)" in words(page)
        assert page.index('id="failed"') < page.index('class="part"', page.index('id="failed"'))


def test_the_page_says_which_tests_failed_and_why() -> None:
    for text in (check_html(check_document("x"), SOURCES), results_html(results_document("x"), SOURCES)):
        assert "x test 0" in words(text)
        assert "allowed by x" in words(text)
    assert "x message 0" in words(check_html(check_document("x"), SOURCES))
    assert "this is wrong: x" in words(check_html(check_document("x", valid=False), SOURCES))


@pytest.mark.parametrize("command", PAGES)
def test_the_same_document_makes_the_same_bytes(command: str) -> None:
    assert made(command, "html") == made(command, "html")


def test_a_saved_plan_says_why_there_is_no_picture() -> None:
    text = plan_html(plan_document(), SOURCES)
    assert "<svg" not in text
    assert "iamsync plan --report html=FILE draws the picture" in text


def graph_of(people: int) -> Any:
    return access_graph({"plans": [{"account": {"name": "prod", "id": "111122223333"}, "changes": []}]}, people)


def test_a_hundred_principals_are_drawn_with_every_connection() -> None:
    picture = Picture.of(graph_of(100), {})
    assert picture.drawing is not None
    assert len(picture.drawing.spots) == 102
    assert len(picture.drawing.curves) == 101
    places = {(spot.x, spot.y) for spot in picture.drawing.spots}
    assert len(places) == 102
    assert all(spot.x + spot.width <= picture.drawing.width for spot in picture.drawing.spots)
    assert all(0 < spot.y <= picture.drawing.height - 10 for spot in picture.drawing.spots)


def test_of_five_thousand_principals_only_what_changes_is_drawn() -> None:
    picture = Picture.of(graph_of(5_000), {})
    assert picture.drawing is not None
    assert len(picture.drawing.spots) == 2
    assert picture.words.startswith("Too large to draw whole: 5,002 nodes")
    assert "Drawn is what this plan changes" in picture.words


def test_of_five_thousand_principals_where_too_much_changes_nothing_is_drawn() -> None:
    graph = graph_of(5_000)
    for edge in graph["edges"][: MOST + 10]:
        edge["mark"] = "added"
    picture = Picture.of(graph, {})
    assert picture.drawing is None
    assert picture.words.endswith("Search for one to see its neighbourhood.")
    text = plan_html(plan_document(), SOURCES, graph)
    data = read(text).texts["script"][0]
    assert len(json.loads(data)["nodes"]) == 5_002


def test_changes_that_accounts_have_alike_are_one_row_of_the_page() -> None:
    document = plan_document()
    (plan,) = document["plans"]
    plans = []
    for at in range(4):
        made = json.loads(json.dumps(plan).replace("111122223333", f"{200000000000 + at}"))
        made["account"]["name"] = f"a{at}"
        plans.append(made)
    one = words(plan_html({**document, "plans": plans[:1]}, SOURCES))
    several = plan_html({**document, "plans": plans}, SOURCES)
    for section in ("Changes", "Permissions"):
        assert section in one
    rows = [
        part.count("<details") + part.count("<li") for part in re.findall(r'id="changes".*?</section>', several, re.S)
    ]
    assert rows
    assert rows[0] > 0
    assert rows == [
        part.count("<details") + part.count("<li")
        for part in re.findall(r'id="changes".*?</section>', plan_html({**document, "plans": plans[:1]}, SOURCES), re.S)
    ]
    assert "same in 4 accounts: a0, a1, a2, a3" in several
