"""Every format of every command is what its readers take, holds nothing that is obeyed, and keeps its limit."""

from __future__ import annotations

import json
import re
import zlib
from typing import Any

import pytest
from jsonschema import Draft4Validator, Draft7Validator

from iamsync.render import gitlab as gitlab_module
from iamsync.render import junit as junit_module
from iamsync.render import sarif as sarif_module
from iamsync.render.blocks import COMMENT, SUMMARY, Limit, marker
from iamsync.render.checked import check_markdown, results_markdown
from iamsync.render.drift import drift_markdown
from iamsync.render.github import MOST_OF_A_KIND, workflow_commands
from iamsync.render.inert import json_inert, json_text, safe
from iamsync.render.junit import plan_junit
from iamsync.render.markdown import plan_markdown
from iamsync.render.notices import GRADES, Notice, Sources, of_check, of_plan
from iamsync.render.sarif import numbered, sarif
from tests.render.reports import (
    COMMANDS,
    EVERY,
    HERE,
    HOSTILE,
    SOURCES,
    check_document,
    made,
    markup,
    obeyed,
    plan_document,
    read_junit,
)

SARIF = Draft4Validator(json.loads((HERE / "schemas" / "sarif-2.1.0-rtm.5.json").read_text()))
CODE_QUALITY = Draft7Validator(json.loads((HERE / "schemas" / "codequality.json").read_text()))
TERRAFORM = Draft7Validator(json.loads((HERE / "schemas" / "terraform-report.json").read_text()))
OURS = {"h3", "h4", "p", "ul", "li", "strong", "code", "details", "summary", "pre", "br"}


def valid(command: str, form: str, text: str) -> Any:
    """What a reader of the format makes of the text; an error where it is not of the format."""
    if form == "junit":
        return read_junit(text)
    if form in ("json", "sarif", "gitlab", "gitlab-codequality"):
        value = json.loads(text)
        readers = {"sarif": SARIF, "gitlab": TERRAFORM, "gitlab-codequality": CODE_QUALITY}
        if form in readers:
            assert not [error.message for error in readers[form].iter_errors(value)][:3]
        return value
    return text


@pytest.mark.parametrize(("command", "form"), EVERY)
def test_every_format_is_what_its_readers_take(command: str, form: str) -> None:
    for times in (0, 1, 3):
        valid(command, form, made(command, form, times=times))


@pytest.mark.parametrize(("command", "form"), EVERY)
def test_nothing_in_other_peoples_text_is_obeyed(command: str, form: str) -> None:
    for hostile in HOSTILE:
        text = made(command, form, hostile)
        valid(command, form, text)
        text.encode()  # it can be written to a file
        assert all(line.isprintable() for line in text.split("\n")), hostile
        found = obeyed(text)
        if form == "github":
            assert found == text.rstrip("\n").split("\n")[:-1]
            assert all(re.match(r"::(error|warning|notice) file=", line) for line in found)
        else:
            assert not found, hostile
        if form == "markdown":
            tags, comments = markup(text)
            assert tags <= OURS, (hostile, tags - OURS)
            assert len(comments) == 1
            assert comments[0].startswith(" iamsync:")
        if form == "junit":
            assert "<script" not in text


@pytest.mark.parametrize("hostile", HOSTILE)
def test_json_made_harmless_means_the_same(hostile: str) -> None:
    value = {hostile: [hostile, 1]}
    assert json.loads(json_text(value)) == value
    assert json.loads(json_inert(json.dumps(value, ensure_ascii=False))) == value


@pytest.mark.parametrize(
    "text",
    ["arn:aws:iam::111122223333:role/x", "::/0", "::1", "::ffff:0:0/96", "a::b", "## heading", "#[x]", "C::D::E"],
)
def test_what_only_looks_like_a_command_stays_as_it_is(text: str) -> None:
    assert safe(text) == text


MARKDOWN = {"plan": plan_markdown, "check": check_markdown, "results": results_markdown, "drift": drift_markdown}


@pytest.fixture(params=[60, pytest.param(5_000, marks=pytest.mark.slow)])
def many(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """A number of entries that is over every limit: a small one, with limits that are as small."""
    if request.param < 5_000:
        monkeypatch.setattr("iamsync.render.sarif.MOST_RESULTS", 50)
        monkeypatch.setattr("iamsync.render.gitlab.MOST", 50)
        monkeypatch.setattr("iamsync.render.junit.MOST_CASES", 50)
    return int(request.param)


@pytest.mark.parametrize("command", ["plan", "check", "results", "drift"])
def test_thousands_of_entries_stay_inside_each_limit(many: int, command: str) -> None:
    formats, document = COMMANDS[command]
    large = document(times=many)
    for limit in (COMMENT, SUMMARY) if many == 5_000 else (Limit(8_000), Limit(9_000, in_bytes=True)):
        markdown = MARKDOWN[command](large, limit)
        assert 0.8 * limit.most < limit.size(markdown) <= limit.most
        assert re.match(r"INCOMPLETE, \d+ of \d+ shown\n", markdown)
        assert re.fullmatch(r"<!-- iamsync:(plan|validate|test|drift):[^ ]+ -->", markdown.rstrip().split("\n")[-1])
        assert "sha256:" not in markdown

    text = formats["sarif"](large)
    (run,) = json.loads(text)["runs"]
    assert len(run["results"]) == sarif_module.MOST_RESULTS
    assert len(zlib.compress(text.encode())) < 10_000_000
    (note,) = run["invocations"][0]["toolExecutionNotifications"]
    assert re.match(rf"INCOMPLETE, {sarif_module.MOST_RESULTS} of \d+ shown", note["message"]["text"])
    assert "approval" not in run.get("properties", {})
    grades = [result["level"] for result in run["results"]]
    assert grades == sorted(grades, key=["error", "warning", "note"].index)

    lines = formats["github"](large).rstrip("\n").split("\n")
    assert lines[0].startswith("INCOMPLETE, ")
    for kind in ("error", "warning", "notice"):
        assert sum(line.startswith(f"::{kind} ") for line in lines) <= MOST_OF_A_KIND

    xml = formats["junit"](large)
    root = read_junit(xml)
    assert len(xml.encode()) <= junit_module.MOST_BYTES
    assert int(root.get("tests", "")) <= junit_module.MOST_CASES
    assert root.get("name") == "iamsync" or re.match(r"INCOMPLETE, \d+ of \d+ shown: iamsync", root.get("name", ""))

    if "gitlab-codequality" in formats:
        rows = json.loads(formats["gitlab-codequality"](large))
        assert len(rows) == gitlab_module.MOST
        assert re.match(rf"INCOMPLETE, {gitlab_module.MOST - 1} of \d+ shown", rows[0]["description"])
    if many < 5_000:
        for form in ("sarif", "gitlab-codequality"):
            if form in formats:
                valid(command, form, formats[form](large))


def test_wide_text_is_measured_in_bytes_where_the_limit_is() -> None:
    limit = Limit(4_000, in_bytes=True)
    text = check_markdown(check_document("\u00e4" * 40, 60), limit)
    assert 0.8 * limit.most < len(text.encode()) <= limit.most


def test_a_frame_that_is_too_long_by_itself_is_cut_too() -> None:
    document = plan_document()
    document["plans"] = document["plans"] * 40
    text = plan_markdown(document, Limit(2_000))
    assert len(text) <= 2_000
    assert text.startswith("INCOMPLETE, ")


def test_what_failed_is_kept_where_junit_leaves_cases_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("iamsync.render.junit.MOST_CASES", 4)
    root = read_junit(plan_junit(plan_document(times=4), SOURCES))
    assert root.get("name") == "INCOMPLETE, 4 of 26 shown: iamsync"
    assert (root.get("tests"), root.get("failures")) == ("4", "4")


def test_a_case_fails_where_the_exit_code_says_so() -> None:
    root = read_junit(made("plan", "junit"))
    refused = [case for case in root.iter("testcase") if case.find("failure") is not None]
    document = plan_document()
    assert len(refused) == sum(
        g["severity"] == "refuse" and not g["acknowledged"] for g in document["plans"][0]["guards"]
    )
    checked = read_junit(made("check", "junit", times=4))
    assert checked[0].get("failures") == "1"  # a finding of high, and --fail-on high
    assert made("broken", "junit").count("<error ") == 1


def test_a_files_place_is_told_from_the_root_of_its_repository() -> None:
    (result, *_) = json.loads(made("check", "sarif"))["runs"][0]["results"]
    place = result["locations"][0]["physicalLocation"]
    assert place["artifactLocation"] == {"uri": "infra/iam/site.yaml"}
    assert place["region"] == {"startLine": 1, "startColumn": 5, "endColumn": 9}
    assert "file=infra/iam/site.yaml,line=1,col=5,endColumn=9,title=" in made("check", "github")
    assert Sources("/repo", "/repo/infra").path("/repo/shared/x.yaml") == "shared/x.yaml"
    assert Sources("/repo", "/repo/infra").path("/other/x.yaml") == "/other/x.yaml"


def test_a_rule_brings_its_explanation() -> None:
    (rule, *_) = json.loads(made("check", "sarif"))["runs"][0]["tool"]["driver"]["rules"]
    assert (rule["id"], rule["shortDescription"], rule["help"]) == (
        "IAM-P034",
        {"text": "a title"},
        {"text": "A long text."},
    )
    assert rule["properties"]["security-severity"] == "8.0"


def test_a_fingerprint_survives_a_moved_line_and_is_nobody_elses() -> None:
    document = check_document(times=4)
    before = {mark: n.text for n, mark in numbered(of_check(document, SOURCES))}
    assert len(before) == len(of_check(document, SOURCES))
    for found in document["findings"]:
        found["place"]["line"] += 10
    after = {mark: n.text for n, mark in numbered(of_check(document, SOURCES))}
    assert before == after
    twice = [Notice("r", "low", "t", "f", ("x",)), Notice("r", "low", "t", "f", ("x",), line=3)]
    assert [mark[-2:] for _, mark in numbered(twice)] == [":1", ":2"]


def test_consent_is_told_as_a_suppression_and_a_skipped_case() -> None:
    results = json.loads(made("plan", "sarif"))["runs"][0]["results"]
    accepted = [r["suppressions"][0]["justification"] for r in results if "suppressions" in r]
    assert "on paper: " in accepted
    assert made("plan", "junit").count("<skipped ") == len(accepted)


def test_links_and_placeholders_are_no_part_of_a_message() -> None:
    notice = Notice("r", "low", "[x](y) {0} ${aws:username}", "f", ())
    (result,) = json.loads(sarif([notice], {}, version="1"))["runs"][0]["results"]
    assert result["message"]["text"] == "[x] (y) {{0}} ${aws:username}"


def test_notices_are_told_by_gravity() -> None:
    for document in (of_plan(plan_document(times=3), SOURCES), of_check(check_document(times=5), SOURCES)):
        ranks = [GRADES.index(notice.grade) for notice in document]
        assert ranks == sorted(ranks)


def test_annotations_of_nothing_are_the_summary_alone() -> None:
    assert workflow_commands([], "nothing ::error::found") == "nothing \\x3a:error::found\n"


def test_a_marker_holds_no_text_that_could_end_it() -> None:
    assert marker("plan", ["a-->b", "c--", "-d"]) == "<!-- iamsync:plan:a_-_b,c__,-d -->"
    many = marker("plan", [f"account-{n}" for n in range(500)])
    assert len(many) < 80
    assert many != marker("plan", [f"account-{n}" for n in range(1, 501)])
