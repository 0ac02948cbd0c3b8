"""Decisions, permission tests and answers about permissions as text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from iamsync.render.inert import safe
from iamsync.render.merged import failed_texts
from iamsync.render.words import columns, count, paint, some

Json = Mapping[str, Any]

# Outcomes of an expectation that make its test fail.
_WIDTH: Final = 100
WRONG: Final = ("failed", "uncertain", "contradicted")


def results_text(document: Json, *, color: bool = False, verbose: bool = False) -> str:
    """The results of permission tests: failures in full, the rest a line each; `verbose` adds every passed row."""
    parts = ["\n".join(_account(account, color, verbose)) for account in document["accounts"]]
    lines = (line for account in document["accounts"] for row in account["rows"] for line in row["because"])
    parts += _refresh(lines)
    return "\n\n".join([*parts, *failed_texts(document, color=color, width=_WIDTH)])


def _refresh(lines: Iterable[str]) -> list[str]:
    """How documents of AWS's policies come to be known, where any of these lines says that one is not."""
    unknown = any("the document of aws/" in line for line in lines)
    return ["iamsync refresh reads the documents of AWS managed policies that are not known"] if unknown else []


def _account(account: Json, color: bool, verbose: bool) -> Iterator[str]:
    failed = f"{account['failed']} failed" if account["failed"] else "all passed"
    head = f"account {safe(account['account'])} ({account['id']}): {count(account['tests'], 'test')}, {failed}"
    yield f"{head}   [{account['about']}]"
    tests: dict[str, list[Json]] = {}
    for row in account["rows"]:
        tests.setdefault(row["test"], []).append(row)
    for name, rows in tests.items():
        bad = [row for row in rows if wrong(row)]
        word = paint("FAIL", "red", on=color) if bad else paint("ok  ", "green", on=color)
        people = len({row["principal"] for row in rows})
        excepted = sorted({row["principal"] for row in rows if row["outcome"] == "excepted"})
        aside = f"; excepted: {safe(some(excepted, 5))}" if excepted else ""
        yield f"{word}  {safe(name)}   ({count(people, 'principal')}{aside})"
        for row in rows if verbose else [row for row in rows if wrong(row) or _unasked(row)]:
            yield from row_lines(row, color=color)


def _unasked(row: Json) -> bool:
    """Whether AWS was to be asked and could not be, so that our own answer stands alone."""
    return bool(row.get("aws")) and row["aws"]["decision"] not in _VERDICTS


def row_lines(row: Json, *, color: bool = False) -> Iterator[str]:
    """How one expectation came out: a line for what passed, the reasons below for what did not; texts are safe."""
    place = f"{row['file']}:{row['line']}"
    if row["outcome"] in ("passed", "excepted"):
        asked = f"{row['expected']} {', '.join(row['asked'])}" + (f" on {row['resource']}" if row["resource"] else "")
        yield f"    {row['outcome']}  {safe(row['principal'])}: {safe(asked)}   {safe(place)}"
        yield from _second(row)
        return
    # With two opinions the other one decides.
    decided = row["aws"]["decision"] if row.get("aws") and row["aws"]["decision"] in _VERDICTS else row["decision"]
    allowed = decided == "allowed"
    actions = safe(some(row["actions"] or row["asked"], 4))
    where = safe("; ".join(row["where"]) or row["resource"] or "any resource")
    verb = "may or may not" if row["outcome"] == "uncertain" else "can" if allowed else "cannot"
    said = f"{safe(row['principal'])} {verb} {actions} on {where}"
    if row["outcome"] == "contradicted":
        said = f"AWS's simulator contradicts iamsync: {safe(row['principal'])}, {actions} on {where}"
    yield f"    {paint(said, 'bold', on=color)}   expected: {row['expected']}, {safe(place)}"
    if row["example"] and row["example"] not in row["where"] and row["example"] != row["resource"]:
        yield f"        for example on {safe(row['example'])}"
    ours = "iamsync: " if row.get("aws") else ""
    for line in row["because"]:
        yield f"        {ours}{safe(line)}"
    yield from _second(row)


_VERDICTS: Final = {"allowed": "allowed", "explicit_deny": "denied explicitly", "implicit_deny": "not granted"}


def _second(row: Json) -> Iterator[str]:
    """What AWS's simulator says beside our own answer, and what it was not asked."""
    aws = row.get("aws")
    if not aws:
        return
    if aws["decision"] in _VERDICTS:
        reasons = f" ({'; '.join(aws['reasons'])})" if aws["reasons"] else ""
        yield f"        AWS: {_VERDICTS[aws['decision']]}{safe(reasons)}; {count(aws['asked'], 'request')} asked"
    for text in aws["not_asked"]:
        yield f"        not asked: {safe(text)}"


def wrong(row: Json) -> bool:
    """Whether a test fails for this row."""
    return row["outcome"] in WRONG


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
    failed = failed_texts(document, color=color, width=_WIDTH)
    return "\n".join([head, *lines, *_refresh(lines), *failed, f"({_unseen(document)})"])


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
    unknown = (row for account in document["accounts"] for row in account["unknown"])
    out += _refresh(f"the document of {policy}" for row in unknown for policy in row["policies"])
    out += failed_texts(document, color=False, width=_WIDTH)
    return "\n".join([*out, *([f"({_unseen(document)})"] if document["accounts"] else [])])


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


def _unseen(document: Json) -> str:
    """What has no say in the answers, in words."""
    accounts = document.get("accounts", [document])
    *most, last = dict.fromkeys(name for account in accounts for name in account["unseen"])
    return f"{', '.join(most)} and {last} are not looked at" if most else f"{last} are not looked at"
