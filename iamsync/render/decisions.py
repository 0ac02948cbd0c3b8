"""Decisions, permission tests and answers about permissions as text, and tests as JUnit XML."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final
from xml.etree import ElementTree

from iamsync.render.words import columns, count, paint, safe, some

Json = Mapping[str, Any]

# What no XML 1.0 text may hold.
_UNFIT: Final = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_LIMITS: Final = "resource policies, SCPs and RCPs are not looked at"


def results_text(document: Json, *, color: bool = False, verbose: bool = False) -> str:
    """The results of permission tests: failures in full, the rest a line each; `verbose` adds every passed row."""
    parts = ["\n".join(_account(account, color, verbose)) for account in document["accounts"]]
    lines = (line for account in document["accounts"] for row in account["rows"] for line in row["because"])
    if any("the document of aws/" in line for line in lines):
        parts.append("iamsync refresh reads the documents of AWS managed policies that are not known")
    return "\n\n".join(parts)


def _account(account: Json, color: bool, verbose: bool) -> Iterator[str]:
    failed = f"{account['failed']} failed" if account["failed"] else "all passed"
    head = f"account {safe(account['account'])} ({account['id']}): {count(account['tests'], 'test')}, {failed}"
    yield f"{head}   [{account['about']}]"
    tests: dict[str, list[Json]] = {}
    for row in account["rows"]:
        tests.setdefault(row["test"], []).append(row)
    for name, rows in tests.items():
        wrong = [row for row in rows if row["outcome"] in ("failed", "uncertain")]
        word = paint("FAIL", "red", on=color) if wrong else paint("ok  ", "green", on=color)
        people = len({row["principal"] for row in rows})
        excepted = sorted({row["principal"] for row in rows if row["outcome"] == "excepted"})
        aside = f"; excepted: {safe(some(excepted, 5))}" if excepted else ""
        yield f"{word}  {safe(name)}   ({count(people, 'principal')}{aside})"
        for row in rows if verbose else wrong:
            yield from _row(row, color)


def _row(row: Json, color: bool) -> Iterator[str]:
    place = f"{row['file']}:{row['line']}"
    if row["outcome"] in ("passed", "excepted"):
        asked = f"{row['expected']} {', '.join(row['asked'])}" + (f" on {row['resource']}" if row["resource"] else "")
        yield f"    {row['outcome']}  {safe(row['principal'])}: {safe(asked)}   {safe(place)}"
        return
    allowed = row["decision"] == "allowed"
    actions = safe(some(row["actions"] or row["asked"], 4))
    where = safe("; ".join(row["where"]) or row["resource"] or "any resource")
    verb = "may or may not" if row["outcome"] == "uncertain" else "can" if allowed else "cannot"
    said = f"{safe(row['principal'])} {verb} {actions} on {where}"
    yield f"    {paint(said, 'bold', on=color)}   expected: {row['expected']}, {safe(place)}"
    if row["example"] and row["example"] not in row["where"] and row["example"] != row["resource"]:
        yield f"        for example on {safe(row['example'])}"
    for line in row["because"]:
        yield f"        {safe(line)}"


def results_junit(document: Json) -> str:
    """The results as JUnit XML: a suite for each account, a case for each test and principal."""
    suites = ElementTree.Element("testsuites")
    for account in document["accounts"]:
        cases: dict[tuple[str, str], list[Json]] = {}
        for row in account["rows"]:
            cases.setdefault((row["test"], row["principal"]), []).append(row)
        wrong = [rows for rows in cases.values() if any(_wrong(row) for row in rows)]
        skipped = [rows for rows in cases.values() if all(row["outcome"] == "excepted" for row in rows)]
        named = {"name": f"{account['account']} ({account['id']}), {account['about']}", "tests": str(len(cases))}
        suite = ElementTree.SubElement(
            suites,
            "testsuite",
            {**_fit(named), "failures": str(len(wrong)), "skipped": str(len(skipped)), "errors": "0"},
        )
        for (test, principal), rows in cases.items():
            first = rows[0]
            where = {"file": first["file"], "line": str(first["line"])}
            case = ElementTree.SubElement(suite, "testcase", _fit({"classname": test, "name": principal, **where}))
            lines = [line.strip() for row in rows if _wrong(row) for line in _row(row, False)]
            if lines:
                failure = ElementTree.SubElement(case, "failure", _fit({"message": lines[0]}))
                failure.text = _UNFIT.sub("\ufffd", "\n".join(lines))
            elif first["outcome"] == "excepted":
                ElementTree.SubElement(case, "skipped", _fit({"message": first["reason"] or ""}))
    ElementTree.indent(suites)
    return ElementTree.tostring(suites, encoding="unicode", xml_declaration=True) + "\n"


def _wrong(row: Json) -> bool:
    return row["outcome"] in ("failed", "uncertain")


def _fit(values: Mapping[str, str]) -> dict[str, str]:
    return {key: _UNFIT.sub("\ufffd", value) for key, value in values.items()}


def decisions_text(document: Json, *, color: bool = False) -> str:
    """The answers to `simulate`: each action with its verdict and the statements that decided."""
    lines: list[str] = []
    for row in document["decisions"]:
        allowed = row["decision"] == "allowed"
        word = "allowed" if allowed else "denied explicitly" if row["decision"] == "explicit_deny" else "not granted"
        word += "" if row["certain"] else ", not certain"
        style = "yellow" if not row["certain"] else "green" if allowed else "red"
        lines.append(f"{paint(word, style, on=color)}: {safe(row['action'])} on {safe(row['resource'])}")
        lines += [f"    {safe(line)}" for line in row["because"]]
    head = (
        f"{safe(document['principal'])} in account {safe(document['account'])} ({document['id']}), {document['about']}"
    )
    return "\n".join([head, *lines, f"({_LIMITS})"])


def grants_text(document: Json, *, verbose: bool = False) -> str:
    """The answers to `who-can` and `what-can`: a line for each grant, with what it comes from and hangs on."""
    out: list[str] = []
    for account in document["accounts"]:
        out.append(f"account {safe(account['account'])} ({account['id']}), {account['about']}: {document['question']}")
        if not account["grants"]:
            out.append(
                "  nobody: not granted by IAM policies" if document["who"] else "  nothing is granted by IAM policies"
            )
        for grant in account["grants"]:
            out += _grant(grant, document["who"], verbose)
        if account["unknown"]:
            out.append("  not known, so that there may be more or less:")
            out += columns(
                [("   ", row["principal"], some(row["policies"], None if verbose else 5)) for row in account["unknown"]]
            )
    return "\n".join([*out, f"({_LIMITS})"])


def _grant(grant: Json, who: bool, verbose: bool) -> Iterator[str]:
    actions = some(grant["actions"], None if verbose else 8)
    actions += f" except {some(grant['without'], None if verbose else 8)}" if grant["without"] else ""
    where = some(grant["where"], None if verbose else 5) or "*"
    subject = f"{grant['principal']}: " if who else ""
    doubt = "" if grant["certain"] else "   not certain"
    doubt = f" {safe(grant['condition'])}{doubt}" if grant["condition"] else doubt
    yield f"  {safe(subject)}{safe(actions)} on {safe(where)}{doubt}"
    for line in grant["because"] if verbose else grant["because"][:3]:
        yield f"      {safe(line)}"


def graph_text(document: Json, form: str) -> str:
    """Who is in what and who may assume whom, for Mermaid or Graphviz (`dot`)."""
    return _dot(document) if form == "dot" else _mermaid(document)


_SHAPES: Final = {"user": ("([", "])"), "group": ("[[", "]]"), "role": ("[", "]")}
_DOT_SHAPES: Final = {"user": "oval", "group": "folder", "role": "box"}


def _mermaid(document: Json) -> str:
    names = {node["id"]: f"n{number}" for number, node in enumerate(document["nodes"])}
    lines = ["flowchart LR"]
    for node in document["nodes"]:
        left, right = _SHAPES.get(node["kind"], ("{{", "}}"))
        lines.append(f'  {names[node["id"]]}{left}"{_mermaid_text(_label(node))}"{right}')
    for edge in document["edges"]:
        arrow = "---" if edge["kind"] == "member" else "-->" if edge["certain"] else "-.->"
        words = "" if edge["kind"] == "member" else "|assumes|" if edge["certain"] else "|assumes under conditions|"
        lines.append(f"  {names[edge['source']]} {arrow}{words} {names[edge['target']]}")
    return "\n".join(lines)


def _mermaid_text(text: str) -> str:
    return safe(text).replace("#", "#35;").replace('"', "#quot;").replace("<", "#lt;").replace(">", "#gt;")


def _dot(document: Json) -> str:
    lines = ["digraph iam {", "  rankdir=LR;"]
    for node in document["nodes"]:
        shape = _DOT_SHAPES.get(node["kind"], "hexagon")
        lines.append(f"  {_dot_text(node['id'])} [label={_dot_text(_label(node))}, shape={shape}];")
    for edge in document["edges"]:
        style = "dir=none, label=member" if edge["kind"] == "member" else "label=assumes"
        style += "" if edge["certain"] else ", style=dashed"
        lines.append(f"  {_dot_text(edge['source'])} -> {_dot_text(edge['target'])} [{style}];")
    return "\n".join([*lines, "}"])


def _dot_text(text: str) -> str:
    return '"' + safe(text).replace("\\", "\\\\").replace('"', '\\"') + '"'


def _label(node: Json) -> str:
    known = node["kind"] in _SHAPES
    return (
        f"{node['kind']}/{node['name']}"
        if known
        else f"{node['kind']} {node['name']}"
        if node["kind"] != node["name"]
        else node["name"]
    )
