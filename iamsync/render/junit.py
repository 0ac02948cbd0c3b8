"""Plans, checks and permission tests as JUnit XML; a case fails where the exit code of its command says so."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from xml.etree import ElementTree

from iamsync.render.blocks import incomplete
from iamsync.render.changes import entries, labelled
from iamsync.render.decisions import row_lines, wrong
from iamsync.render.inert import safe, xml_fit
from iamsync.render.notices import Notice, Sources, of_audit, of_check, of_drift, of_plan, of_tests

Json = Mapping[str, Any]

# GitLab takes 30 MB a file, and gives up over 250,000 XML objects: a case is a dozen of them at most.
MOST_CASES: Final = 10_000
MOST_BYTES: Final = 25_000_000
_LONGEST: Final = 20_000


@dataclass(frozen=True, slots=True)
class Case:
    """One case: `outcome` is passed, failed, error or skipped; `text` is why, or what else is known."""

    classname: str
    name: str
    outcome: str = "passed"
    file: str = ""
    line: int = 0
    message: str = ""
    text: str = ""


Suites = Mapping[str, Sequence[Case]]


def plan_junit(document: Json, sources: Sources) -> str:
    """A suite for each account: a case for each guard and finding, and one for each change, which passes."""
    suites: dict[str, list[Case]] = {}
    risks = of_plan(document, sources)
    for plan in document["plans"]:
        account = plan["account"]
        told = [n for n in risks if n.account == account["name"] and not n.rule.startswith("permission-")]
        found = [_notice_case(notice) for notice in told]
        for entry in entries(plan):
            text = "\n".join(f"{name} {line.mark} {line.text}".strip() for name, line in labelled(entry.lines))
            title = entry.title if len(entry.names) == 1 else f"{entry.title}: {', '.join(entry.names)}"
            file, _, line = entry.origin.partition(":") if entry.origin.count(":") == 1 else ("", "", "")
            where = (sources.path(file), int(line)) if line.isdigit() else ("", 0)
            found.append(Case(f"changes.{entry.kind}", title, "passed", *where, text=text))
        suites[f"plan of account {account['name']} ({account['id']})"] = found
    return junit({**suites, **_failed(document, risks)})


def drift_junit(document: Json, sources: Sources) -> str:
    """A suite for each account: a case for each thing that drifted, or one that passes where nothing did."""
    notices = of_drift(document, sources)
    suites: dict[str, list[Case]] = {}
    for account in document["accounts"]:
        held = account["account"]
        found = [_notice_case(notice) for notice in notices if notice.account == held["name"]]
        told = [Case("drift", "live IAM is what the manifests say")]
        suites[f"drift of account {held['name']} ({held['id']})"] = found or told
    return junit({**suites, **_failed(document, notices)})


def _failed(document: Json, notices: list[Notice]) -> dict[str, list[Case]]:
    """A suite for each account that came to nothing."""
    names = [str(item["account"]["name"]) for item in document.get("failed") or ()]
    return {f"account {name}": [_notice_case(notice) for notice in notices if notice.account == name] for name in names}


def audit_junit(document: Json, sources: Sources) -> str:
    """A suite for each account: a case for each finding, and one that passes for each control that does."""
    notices = of_audit(document, sources)
    suites: dict[str, list[Case]] = {}
    for account in document["accounts"]:
        held = account["account"]
        found = [_notice_case(notice) for notice in notices if notice.account == held["name"]]
        for control in account["controls"]:
            if control["outcome"] != "failed":
                name = f"{control['v3']} ({control['v6']}) {control['title']}"
                skipped = control["outcome"] != "passed"
                found.append(
                    Case(
                        "controls.CIS AWS Foundations",
                        name,
                        "skipped" if skipped else "passed",
                        message=f"not decidable: {control['why']}" if skipped else "",
                    )
                )
        suites[f"audit of account {held['name']} ({held['id']})"] = found
    return junit({**suites, **_failed(document, notices)})


def check_junit(document: Json, sources: Sources) -> str:
    """A suite of the files, a case each, and one of the permission tests of each account."""
    by_file: dict[str, list[Notice]] = {sources.path(file): [] for file in document["files"]}
    notices = of_check(document, sources)
    for notice in of_check({**document, "failed": ()}, sources):
        if not notice.rule.startswith("permission-test"):
            by_file.setdefault(notice.file, []).append(notice)
    suites = {"manifests": [_file_case(file, found) for file, found in by_file.items()]}
    return junit({**suites, **_test_suites(document["tests"], sources), **_failed(document, notices)})


def results_junit(document: Json, sources: Sources) -> str:
    """A suite for each account, a case for each test and principal; mistakes in the files are errors."""
    errors = [_notice_case(n) for n in of_tests({**document, "failed": ()}, sources) if n.grade == "error"]
    suites = {"manifests": errors} if errors else {}
    failed = _failed(document, of_tests(document, sources))
    return junit({**suites, **_test_suites(document["accounts"], sources), **failed})


def _notice_case(notice: Notice) -> Case:
    outcome = "error" if notice.grade == "error" else "failed" if notice.fails else "passed"
    if notice.accepted:
        outcome = "skipped"
    about = notice.about[0] if notice.about else ""
    return Case(
        classname=f"{_family(notice)}.{notice.rule}",
        name=f"{about}: {notice.text}" if about and about not in notice.text else notice.text,
        outcome=outcome,
        file=notice.file if notice.line else "",
        line=notice.line,
        message=f"acknowledged {notice.accepted}" if notice.accepted else f"{notice.grade} {notice.rule}",
        text="\n".join((notice.text, *notice.detail)),
    )


def _family(notice: Notice) -> str:
    if notice.rule.startswith("drift-"):
        return "drift"
    if notice.rule.startswith("IAM-A"):
        return "audit"
    return "guards and findings" if notice.account else "manifests"


def _file_case(file: str, found: Sequence[Notice]) -> Case:
    lines = [
        f"{notice.file}:{notice.line}:{notice.column}: {notice.grade} {notice.rule}: {safe(notice.text)}"
        + "".join(f"\n    {safe(line)}" for line in notice.detail)
        for notice in found
    ]
    broken = any(notice.grade == "error" for notice in found)
    failing = [notice for notice in found if notice.fails]
    first = next(iter(failing or found), None)
    return Case(
        classname="manifests",
        name=file,
        outcome="error" if broken else "failed" if failing else "passed",
        file=file,
        line=first.line if first is not None else 0,
        message=first.text if first is not None else "",
        text="\n".join(lines),
    )


def _test_suites(accounts: Iterable[Json], sources: Sources) -> dict[str, list[Case]]:
    out: dict[str, list[Case]] = {}
    for account in accounts:
        cases: dict[tuple[str, str], list[Json]] = {}
        for row in account["rows"]:
            cases.setdefault((row["test"], row["principal"]), []).append(row)
        suite = f"{account['account']} ({account['id']}), {account['about']}"
        out[suite] = [_test_case(*key, rows, sources) for key, rows in cases.items()]
    return out


def _test_case(test: str, principal: str, rows: Sequence[Json], sources: Sources) -> Case:
    first = rows[0]
    lines = [line.strip() for row in rows if wrong(row) for line in row_lines(row)]
    where = (sources.path(first["file"]), first["line"])
    if lines:
        return Case(test, principal, "failed", *where, message=lines[0], text="\n".join(lines))
    if all(row["outcome"] == "excepted" for row in rows):
        return Case(test, principal, "skipped", *where, message=first["reason"] or "")
    return Case(test, principal, "passed", *where)


def junit(suites: Suites) -> str:
    """The suites as XML; of too many cases those that failed come first, and the first suite says INCOMPLETE."""
    total = sum(map(len, suites.values()))
    most = MOST_CASES
    while True:
        shown = suites if total <= most else _less(suites, most)
        text = _xml(shown, total)
        if len(text.encode()) <= MOST_BYTES or most < 2:
            return text
        most = min(most, total) * 2 // 3


def _less(suites: Suites, most: int) -> Suites:
    """So many cases, those that did not pass before the others, in their places."""
    ranked = [
        (case.outcome in ("passed", "skipped"), name, at)
        for name, cases in suites.items()
        for at, case in enumerate(cases)
    ]
    order = sorted(range(len(ranked)), key=lambda place: (ranked[place][0], place))[:most]
    kept = {ranked[place][1:] for place in order}
    return {name: [case for at, case in enumerate(cases) if (name, at) in kept] for name, cases in suites.items()}


def _xml(suites: Suites, total: int) -> str:
    shown = sum(map(len, suites.values()))
    root = ElementTree.Element("testsuites", _counts([case for cases in suites.values() for case in cases]))
    root.set("name", "iamsync" if shown == total else f"{incomplete(shown, total)}: iamsync")
    for name, cases in suites.items():
        named = name if shown == total else f"{incomplete(shown, total)}: {name}"
        suite = ElementTree.SubElement(root, "testsuite", {"name": _fit(named), **_counts(cases)})
        for case, unique in _unique(cases):
            suite.append(_case(case, unique))
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _unique(cases: Sequence[Case]) -> Iterator[tuple[Case, str]]:
    """Each case with a name of its own: of two of one name GitLab looks at the first alone."""
    seen: dict[tuple[str, str], int] = {}
    for case in cases:
        key = (case.classname, case.name)
        seen[key] = seen.get(key, 0) + 1
        yield case, case.name if seen[key] == 1 else f"{case.name} ({seen[key]})"


def _counts(cases: Sequence[Case]) -> dict[str, str]:
    held = [case.outcome for case in cases]
    counts = {"tests": len(cases), "failures": held.count("failed")}
    counts |= {"errors": held.count("error"), "skipped": held.count("skipped")}
    return {**{name: str(number) for name, number in counts.items()}, "time": "0"}


def _case(case: Case, name: str) -> ElementTree.Element:
    where = {"file": _fit(case.file), "line": str(case.line)} if case.file and case.line else {}
    made = ElementTree.Element(
        "testcase", {"classname": _fit(case.classname), "name": _fit(name), "time": "0", **where}
    )
    text = _fit(case.text[:_LONGEST])
    if case.outcome in ("failed", "error"):
        kind = "failure" if case.outcome == "failed" else "error"
        told = {"message": _fit(case.message), "type": _fit(case.classname)}
        ElementTree.SubElement(made, kind, told).text = text
    elif case.outcome == "skipped":
        ElementTree.SubElement(made, "skipped", {"message": _fit(case.message)})
    elif text:
        ElementTree.SubElement(made, "system-out").text = text
    return made


def _fit(text: str) -> str:
    return "\n".join(xml_fit(safe(line)) for line in text.split("\n"))
