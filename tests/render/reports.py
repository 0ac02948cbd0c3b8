"""Documents of every command for tests of formats, and what a strict reader makes of the formats."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from markdown_it import MarkdownIt

from iamsync.engine.planning import to_text
from iamsync.render.awscli import plan_awscli
from iamsync.render.checked import check_markdown, results_markdown
from iamsync.render.decisions import results_text
from iamsync.render.drift import drift_markdown, drift_text
from iamsync.render.driftpage import drift_html
from iamsync.render.findings import findings_text
from iamsync.render.findingspage import check_html, findings_page, results_html
from iamsync.render.github import workflow_commands
from iamsync.render.gitlab import code_quality, drift_report, terraform_report
from iamsync.render.html import page_html
from iamsync.render.inert import json_inert, json_text
from iamsync.render.junit import check_junit, drift_junit, plan_junit, results_junit
from iamsync.render.markdown import plan_markdown
from iamsync.render.notices import Notice, Sources, of_check, of_drift, of_findings, of_plan, of_tests
from iamsync.render.planpage import plan_html
from iamsync.render.sarif import sarif
from iamsync.render.text import plan_text

HERE = Path(__file__).parent
HOSTILE = (
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "a|b|c",
    "`code` ``` fence",
    "::error file=a.py,line=1::fooled",
    "x ::add-mask::secret y",
    "##[add-path]/tmp/evil",
    "##vso[task.setvariable variable=x]y",
    "\x1b[31mred\x1b[0m \x9b31m",
    "two\nlines\r\n::error::of three",
    "left\u202eright\u2066mark\u200b\ufeff",
    "]]> & <!-- comment --> &lt;",
    "[link](javascript:alert(1)) @team #12 https://evil.example",
    "\x00\x0b\ufffe\ud800",
    "{0} ${jndi} %s %25 $(touch x)",
    "</details></summary></code>",
)


def plan_document(hostile: str = "", times: int = 1) -> Any:
    """A plan with guards, findings, gains and changes; `hostile` stands wherever other people's text can."""
    document = json.loads((HERE / "cases" / "site" / "plan.json").read_text(encoding="utf-8"))
    (plan,) = document["plans"]
    change = next(c for c in plan["changes"] if c["address"] == "role/deploy-site")
    region = {"kind": "gain", "actions": ["s3:*"], "resources": ["*"], "except": [], "was": "", "now": "", "count": 3}
    region |= {"via": [], "witness": {"action": "s3:GetObject", "resource": "*"}}
    for number in range(times):
        more = copy.deepcopy(change)
        more["name"] = f"{hostile}{number}"
        more["address"] = f"role/{hostile}{number}"
        more["note"] = hostile or None
        more["origin"] = {"file": f"iam/{hostile}.yaml", "line": 7}
        more["fields"][0]["after"] = 3600 * (number + 1)
        tags = {"field": "tags", "cause": "declared", "before": {}, "after": {"k": hostile}, "added": ["k"]}
        more["fields"].append({**tags, "removed": []})
        more["access"] = {"gained": [region], "lost": [], "undecided": [], "text": [f"GAIN  s3:* on {hostile}"]}
        plan["changes"].append(more)
        told = {"address": f"role/{hostile}{number}", "message": f"{hostile} message", "evidence": hostile}
        told |= {"remedy": hostile, "origin": {"file": f"{hostile}.yaml", "line": number + 1}, "references": []}
        plan["guards"].append(
            {"id": "protected", "severity": "refuse", "acknowledge": f"--acknowledge protected:role/{hostile}"}
            | {"acknowledged": None, **told}
        )
        plan["guards"].append(
            {"id": "replace", "severity": "refuse", "acknowledge": None, "acknowledged": f"on paper: {hostile}", **told}
        )
        plan["findings"].append(
            {"id": "access-gap", "severity": "medium", "acknowledge": None, "acknowledged": None, **told}
        )
    if hostile:
        plan["account"]["name"] = plan["account"]["alias"] = hostile
    return document


def row(hostile: str, outcome: str, number: int) -> dict[str, Any]:
    return {
        "test": f"{hostile} test {number}",
        "file": f"iam/{hostile}.yaml",
        "line": number + 1,
        "principal": f"user/{hostile}{number}",
        "expected": "deny",
        "asked": ["s3:*"],
        "resource": hostile or None,
        "outcome": outcome,
        "actions": ["s3:GetObject"],
        "where": [hostile] if hostile else [],
        "example": hostile or None,
        "decision": "allowed",
        "certain": True,
        "because": [f"allowed by {hostile}"],
        "reason": hostile or None,
        "aws": None,
    }


def results_document(hostile: str = "", times: int = 1) -> Any:
    rows = [row(hostile, outcome, n) for n in range(times) for outcome in ("passed", "failed", "uncertain", "excepted")]
    account = {"account": hostile or "prod", "id": "111122223333", "subject": "live", "about": "the account as it is"}
    account |= {"tests": times * 4, "failed": times * 2, "rows": rows}  # type: ignore[dict-item]
    return {"accounts": [account], "errors": []}


def check_document(hostile: str = "", times: int = 1, valid: bool = True) -> Any:
    place = {"file": f"iam/{hostile or 'site'}.yaml", "line": 3, "column": 5, "length": 4, "source": f"  a: {hostile}"}
    found = [
        {
            "id": "IAM-P034",
            "severity": ("high", "medium", "low", "info")[number % 4],
            "title": "a title",
            "message": f"{hostile} message {number}",
            "remedy": hostile,
            "place": {**place, "line": number + 1},
            "addresses": [f"role/{hostile}"],
            "accounts": [hostile or "prod"],
        }
        for number in range(times)
    ]
    account = {"account": hostile or "prod", "id": "111122223333", "resources": {"role": 1}, "files": 1}
    made = {
        "format_version": "1.0",
        "valid": valid,
        "fail_on": "high",
        "accounts": [{**account, "warnings": times, "suppressed": 0}],
        "files": [place["file"]],
        "errors": [],
        "findings": found,
        "tests": results_document(hostile, times)["accounts"],
    }
    if not valid:
        wrong = {"code": "unknown-field", "message": f"this is wrong: {hostile}", "hint": hostile, "place": place}
        made |= {
            "accounts": [],
            "findings": [],
            "tests": [],
            "errors": [wrong],
        }
    return made


def drift_entry(name: str, severity: str = "info", number: int = 1) -> dict[str, Any]:
    told = {"who": name, "when": "2026-11-20T10:00:00Z", "source_ip": name, "how": name, "user_agent": name}
    return {
        "address": f"user/{name}{number}",
        "kind": "user",
        "name": f"{name}{number}",
        "field": "tags",
        "item": "x",
        "what": "added",
        "message": f"tag x added by hand: {name}",
        "severity": severity,
        "expected": None,
        "actual": name,
        "details": [name] if name and number % 2 else [],
        "access": [{"principals": [f"role/{name}"], "text": [f"GAIN  s3:* on {name}"], "gained": [], "lost": []}],
        "origin": {
            "file": f"iam/{name}.yaml",
            "line": number,
            "template": {"file": f"{name or 'base'}.yaml", "line": 2},
        },
        "attribution": {**told, "event": "TagUser", "event_id": f"e-{number}", "unknown": None},
        "status": "new" if number % 2 else "known",
    }


def drift_document(hostile: str = "", times: int = 1) -> Any:
    """Drift of every severity, each entry with `hostile` wherever other people's text can stand."""
    grades = ("critical", "high", "medium", "low", "info")
    affects = [{"principals": [f"role/{hostile}"], "text": [f"GAIN  s3:* on {hostile}"]}]
    aws = {"policy": f"arn:aws:iam::aws:policy/{hostile}", "reviewed": "v1", "current": "v2", "severity": "low"}
    account = {
        "account": {"name": hostile or "prod", "id": "111122223333", "partition": "aws", "alias": hostile or None},
        "caller": f"arn:aws:iam::111122223333:user/{hostile}",
        "summary": {"managed": 5, "drift": dict.fromkeys(grades, 1), "pending": 1, "due": 1, "unmanaged": 1},
        "drift": [drift_entry(hostile, grades[number % 5], number + 1) for number in range(times)],
        "pending": [drift_entry(f"{hostile}pending")],
        "due": [drift_entry(f"{hostile}due")],
        "gone": [drift_entry(f"{hostile}gone")],
        "aws_policies": [{**aws, "affects": affects}] if times else [],
        "not_compared": [f"not compared: {hostile}"],
        "unread": [f"user.{hostile}"],
        "unmanaged": [{"address": f"role/{hostile}", "reason": "nobody declares it", "owner": hostile or None}],
    }
    head = {"format_version": "1.0", "iamsync_version": "1", "created_at": "2026-11-21T10:00:00Z"}
    head |= {"now": "2026-11-21T10:00:00Z", "base": None, "fail_on": "high", "since": "2026-11-20T10:00:00Z"}
    return {**head, "accounts": [account]}


def findings_document(hostile: str = "", times: int = 1) -> Any:
    """Findings of every severity, one of them consented to, as an audit tells them."""
    grades = ("critical", "high", "medium", "low", "info")
    account = {"name": hostile or "prod", "id": "111122223333", "alias": hostile or None}
    found = [
        {
            "id": f"CIS-1.{number % 7}",
            "severity": grades[number % 5],
            "account": account["name"],
            "address": f"user/{hostile}{number}" if number % 3 else None,
            "message": f"{hostile} message {number}",
            "evidence": f"seen {hostile}",
            "remedy": f"mend {hostile}",
            "origin": {"file": f"iam/{hostile}.yaml", "line": number} if number % 2 else None,
            "acknowledged": hostile or "on paper" if number == 4 else None,
            "references": [f"https://example.com/{hostile}"],
        }
        for number in range(times)
    ]
    head = {"format_version": "1.0", "iamsync_version": "1", "created_at": "2026-11-21T10:00:00Z"}
    head |= {"now": "2026-11-21T10:00:00Z", "fail_on": "high"}
    return {**head, "accounts": [{"account": account, "facts": {"Users": hostile or 3}}], "findings": found}


def access_graph(document: Any, people: int = 3) -> Any:
    """A graph of the accounts of a document: everybody holds something and may assume a role."""
    told = document.get("plans") or document["accounts"]
    accounts = [{"account": held["account"]["name"], "id": held["account"]["id"]} for held in told]
    named = [
        (change["kind"], change["name"]) for held in told for change in held.get("changes") or held.get("drift", ())
    ]
    named = [pair for pair in named if pair[0] in ("user", "group", "role", "policy")]
    named += [("user", f"person-{number}") for number in range(people)] + [("role", "shared")]
    shared = "arn:aws:iam::111122223333:role/shared"
    nodes: list[dict[str, Any]] = []
    edges: list[dict[str, Any]] = []
    for kind, name in dict.fromkeys(named):
        text = f"arn:aws:iam::111122223333:{kind}/{name}"
        node = {"id": text, "kind": kind, "name": name, "account": "111122223333", "inline": 1, "mark": ""}
        nodes.append({**node, "account_name": accounts[0]["account"], "address": f"{kind}/{name}", "declared": True})
        if kind == "user":
            edge = {"source": text, "target": shared, "kind": "assume", "certain": False, "mark": ""}
            edges.append({**edge, "note": accounts[0]["account"]})
    outside = {"id": accounts[0]["account"], "kind": "service", "name": accounts[0]["account"], "account": None}
    nodes.append({**outside, "inline": 0, "mark": "added", "account_name": None, "address": None, "declared": None})
    edge = {"source": outside["id"], "target": shared, "kind": "assume", "certain": True, "note": None, "mark": "added"}
    return {"accounts": accounts, "nodes": nodes, "edges": [*edges, edge]}


EXPLAINED = {"IAM-P034": ("a title", "A long text."), "protected": ("protected", "Do not.")}
SOURCES = Sources("/repo", "/repo/infra")


def _sarif(notices: list[Notice]) -> str:
    return sarif(notices, EXPLAINED, version="1", digest="sha256:0")


PLAN: dict[str, Callable[[Any], str]] = {
    "text": lambda d: plan_text(d) + "\n",
    "json": lambda d: json_inert(to_text(d)),
    "markdown": plan_markdown,
    "html": lambda d: plan_html(d, SOURCES, access_graph(d)),
    "aws-cli": plan_awscli,
    "sarif": lambda d: _sarif(of_plan(d, SOURCES)),
    "junit": lambda d: plan_junit(d, SOURCES),
    "gitlab": terraform_report,
    "github": lambda d: workflow_commands(of_plan(d, SOURCES), "plan"),
}
CHECK: dict[str, Callable[[Any], str]] = {
    "text": lambda d: findings_text(d["findings"]) + "\n",
    "json": lambda d: json_text(d) + "\n",
    "markdown": check_markdown,
    "sarif": lambda d: _sarif(of_check(d, SOURCES)),
    "html": lambda d: check_html(d, SOURCES),
    "junit": lambda d: check_junit(d, SOURCES),
    "gitlab-codequality": lambda d: code_quality(of_check(d, SOURCES)),
    "github": lambda d: workflow_commands(of_check(d, SOURCES), "check"),
}
RESULTS: dict[str, Callable[[Any], str]] = {
    "text": lambda d: results_text(d, verbose=True) + "\n",
    "json": lambda d: json_text(d) + "\n",
    "markdown": results_markdown,
    "sarif": lambda d: _sarif(of_tests(d, SOURCES)),
    "html": lambda d: results_html(d, SOURCES),
    "junit": lambda d: results_junit(d, SOURCES),
    "gitlab-codequality": lambda d: code_quality(of_tests(d, SOURCES)),
    "github": lambda d: workflow_commands(of_tests(d, SOURCES), "results"),
}
DRIFT: dict[str, Callable[[Any], str]] = {
    "text": lambda d: drift_text(d, verbose=True) + "\n",
    "json": lambda d: json_text(d) + "\n",
    "markdown": drift_markdown,
    "html": lambda d: drift_html(d, SOURCES, access_graph(d)),
    "sarif": lambda d: _sarif(of_drift(d, SOURCES)),
    "junit": lambda d: drift_junit(d, SOURCES),
    "gitlab": drift_report,
    "gitlab-codequality": lambda d: code_quality(of_drift(d, SOURCES)),
    "github": lambda d: workflow_commands(of_drift(d, SOURCES), "drift"),
}


def findings_html(document: Any, sources: Sources, graph: Any = None, *, title: str = "IAM findings") -> str:
    """The page of any findings document, without what an audit adds to it."""
    return page_html(*findings_page(document, sources, graph, title))


# What a findings document is rendered with, whoever makes it.
FINDINGS: dict[str, Callable[[Any], str]] = {
    "html": lambda d: findings_html(d, SOURCES, access_graph(d), title="IAM audit"),
    "sarif": lambda d: _sarif(of_findings(d, SOURCES)),
    "gitlab-codequality": lambda d: code_quality(of_findings(d, SOURCES)),
    "github": lambda d: workflow_commands(of_findings(d, SOURCES), "audit"),
}
COMMANDS = {
    "plan": (PLAN, plan_document),
    "check": (CHECK, check_document),
    "broken": (CHECK, lambda hostile="", times=1: check_document(hostile, times, valid=False)),
    "results": (RESULTS, results_document),
    "drift": (DRIFT, drift_document),
    "findings": (FINDINGS, findings_document),
}
EVERY = [(command, form) for command, (formats, _) in COMMANDS.items() for form in formats]


def made(command: str, form: str, hostile: str = "", times: int = 1) -> str:
    formats, document = COMMANDS[command]
    return formats[form](document(hostile, times))


_REGISTERED = {"error", "warning", "notice", "add-mask", "add-path", "set-env", "group", "stop-commands", "debug"}


def obeyed(text: str) -> list[str]:
    """The commands that GitHub's runner finds in a log (actions/runner, ActionCommand.cs), and Azure's agent."""
    found = []
    for line in re.split(r"\r\n|\r|\n", text):
        begun = line.lstrip()
        if begun.startswith("::") and (end := begun.find("::", 2)) > 0 and begun[2:end].split(" ")[0] in _REGISTERED:
            found.append(begun)
        elif re.search(r"##(?:\[|vso\[|teamcity\[)", line):
            found.append(line)
    return found


_FENCED = [("code", [("class", f"language-{name}")]) for name in ("diff", "text")]


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.comments: list[str] = []

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.add(tag if not attrs or (tag, attrs) in _FENCED else f"{tag} {attrs}")

    def handle_comment(self, data: str) -> None:
        self.comments.append(data)


def markup(text: str) -> tuple[set[str], list[str]]:
    """The elements and the comments that a reader of markdown makes of a text."""
    parser = _Tags()
    parser.feed(MarkdownIt("commonmark", {"html": True}).enable("table").render(text))
    return parser.tags, parser.comments


# "Common JUnit XML format": what an element may have, what it must have, and what may stand in it.
_JUNIT = {
    "testsuites": ({"name", "tests", "failures", "errors", "skipped", "time"}, set(), {"testsuite"}),
    "testsuite": ({"name", "tests", "failures", "errors", "skipped", "time"}, {"name", "tests"}, {"testcase"}),
    "testcase": (
        {"classname", "name", "time", "file", "line"},
        {"classname", "name"},
        {"failure", "error", "skipped", "system-out"},
    ),
    "failure": ({"message", "type"}, {"message"}, set()),
    "error": ({"message", "type"}, {"message"}, set()),
    "skipped": ({"message"}, set(), set()),
    "system-out": (set(), set(), set()),
}


def read_junit(text: str) -> ElementTree.Element:
    """The root of JUnit XML, read strictly: known elements and attributes, counts that agree, names of one's own."""
    root = ElementTree.fromstring(text.encode())
    assert root.tag == "testsuites"
    for element in root.iter():
        may, must, inside = _JUNIT[element.tag]
        assert set(element.keys()) <= may, (element.tag, element.keys())
        assert must <= set(element.keys()), (element.tag, element.keys())
        assert {child.tag for child in element} <= inside, element.tag
        if inside and element.tag != "testcase":
            assert not (element.text or "").strip()
    for suite in (root, *root):
        cases = list(suite.iter("testcase"))
        counted = [
            len(cases),
            *(sum(c.find(tag) is not None for c in cases) for tag in ("failure", "error", "skipped")),
        ]
        assert counted == [int(suite.get(name, "")) for name in ("tests", "failures", "errors", "skipped")]
    for suite in root:
        names = [(case.get("classname"), case.get("name")) for case in suite]
        assert len(names) == len(set(names))
    return root
