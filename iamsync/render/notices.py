"""What a report tells, in one form whoever found it: the rows that SARIF, code quality and annotations are made of.

Made from the documents of `plan`, `validate` and `test` and from nothing else.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from iamsync.render.decisions import row_lines, wrong
from iamsync.render.driftlines import aws_lines, aws_title, entry_lines
from iamsync.render.inert import safe
from iamsync.render.words import some

Json = Mapping[str, Any]
Grade = Literal["error", "critical", "high", "medium", "low", "info"]

GRADES: Final[tuple[Grade, ...]] = ("error", "critical", "high", "medium", "low", "info")
# Where a risk is shown that no line of a manifest is to blame for.
PROJECT_FILE: Final = "iamsync.yaml"
# Where it stands which version of AWS's policies was reviewed.
LOCK_FILE: Final = "iamsync.lock.json"
# What drift is called by the field it is in; "" is a resource as a whole.
_DRIFTED: Final = {
    "": "resource",
    "managed_policies": "permissions",
    "inline_policies": "permissions",
    "groups": "permissions",
    "document": "permissions",
    "permissions_boundary": "boundary",
    "trust_policy": "trust",
    "tags": "tag",
}
_GUARDS: Final[dict[str, Grade]] = {"refuse": "high", "warn": "medium"}


@dataclass(frozen=True, slots=True)
class Sources:
    """Where files are in their repository: `top` is its root, `root` the project's folder, both absolute paths."""

    top: str = ""
    root: str = ""

    def path(self, file: str) -> str:
        """A file of the project as its repository names it; as it is where it lies outside."""
        if not self.top:
            return file
        found = os.path.relpath(os.path.join(self.root, file), self.top)
        return file if found.startswith("..") else found.replace(os.sep, "/")


@dataclass(frozen=True, slots=True)
class Notice:
    """One thing a reader is told.

    `text` is one line, `detail` more of them, and `labels` what each of these is called, where they have names; all
    are raw, for the format to make harmless. `line` and `column` count from 1, 0 where unknown. `fails` says that the
    command's exit code is about it. `accepted` is who consented and why. `identity` is what stays the same while files
    are edited elsewhere.
    """

    rule: str
    grade: Grade
    text: str
    file: str
    identity: tuple[str, ...]
    detail: tuple[str, ...] = ()
    line: int = 0
    column: int = 0
    length: int = 0
    about: tuple[str, ...] = ()
    account: str = ""
    fails: bool = False
    accepted: str = ""
    labels: tuple[str, ...] = ()


def of_plan(document: Json, sources: Sources) -> list[Notice]:
    """Guards, findings, gains and what is undecided, the gravest first."""
    found = [notice for plan in document["plans"] for notice in _plan(plan, sources)]
    found += _failed(document, sources)
    return sorted(found, key=_gravity)


def _failed(document: Json, sources: Sources) -> Iterator[Notice]:
    """The accounts of several that came to nothing."""
    for item in document.get("failed") or ():
        account, error = item["account"], item["error"]
        yield Notice(
            rule=error["code"],
            grade="error",
            text=f"account {account['name']}: {error['message']}",
            file=sources.path(PROJECT_FILE),
            identity=(str(account["name"]), str(error["code"])),
            detail=(error["hint"],) if error.get("hint") else (),
            account=str(account["name"]),
            fails=True,
        )


def of_drift(document: Json, sources: Sources) -> list[Notice]:
    """Everything that is otherwise than declared, the gravest first; what fails is what the exit code is about."""
    floor = GRADES.index(document["fail_on"] or GRADES[-1])
    found = []
    for account in document["accounts"]:
        name = str(account["account"]["name"])
        for entry in account["drift"]:
            file, line = _origin(entry["origin"], sources)
            grade: Grade = entry["severity"]
            found.append(
                Notice(
                    rule=f"drift-{_DRIFTED.get(entry['field'] or '', 'field')}",
                    grade=grade,
                    text=f"{entry['address']}: {entry['message']}",
                    file=file,
                    identity=(name, entry["address"], entry["field"] or "", entry["item"] or "", entry["what"]),
                    detail=tuple(entry_lines(entry)),
                    line=line,
                    about=(entry["address"],),
                    account=name,
                    fails=GRADES.index(grade) <= floor,
                )
            )
        for policy in account["aws_policies"]:
            grade = policy["severity"]
            found.append(
                Notice(
                    rule="aws-policy-changed",
                    grade=grade,
                    text=aws_title(policy),
                    file=sources.path(LOCK_FILE),
                    identity=(name, policy["policy"]),
                    detail=tuple(aws_lines(policy)),
                    about=tuple(who for one in policy["affects"] for who in one["principals"]),
                    account=name,
                    fails=GRADES.index(grade) <= floor,
                )
            )
    found += _failed(document, sources)
    return sorted(found, key=_gravity)


def of_audit(document: Json, sources: Sources) -> list[Notice]:
    """Everything that an audit found and that the baseline does not know, the gravest first.

    What fails is what the exit code is about; without a floor nothing does.
    """
    floor = document["fail_on"]
    found = list(_failed(document, sources))
    for account in document["accounts"]:
        for row in account["findings"]:
            if row["status"] == "known":
                continue
            file, line = _origin(row["origin"], sources)
            grade: Grade = row["severity"]
            steps = row["path"]["lines"] if row["path"] is not None and row["path"]["steps"] else (row["evidence"],)
            told = [("evidence", text) for text in steps]
            told += [("remedy", row["remedy"]), ("answers", "; ".join(row["references"]))]
            told = [(label, text) for label, text in told if text]
            found.append(
                Notice(
                    rule=row["id"],
                    grade=grade,
                    text=row["title"],
                    file=file,
                    identity=(row["fingerprint"],),
                    detail=tuple(text for _, text in told),
                    line=line,
                    about=(row["address"],),
                    account=row["account"],
                    fails=floor is not None and GRADES.index(grade) <= GRADES.index(floor),
                    labels=tuple(label for label, _ in told),
                )
            )
    return sorted(found, key=_gravity)


def of_check(document: Json, sources: Sources) -> list[Notice]:
    """Mistakes, findings and failing tests of `validate`, the gravest first."""
    found = [*_errors(document, sources), *(_finding(row, document, sources) for row in document["findings"])]
    found += _tests(document["tests"], sources)
    found += _failed(document, sources)
    return sorted(found, key=_gravity)


def of_tests(document: Json, sources: Sources) -> list[Notice]:
    """Mistakes and failing tests of `test`, the gravest first."""
    found = [*_errors(document, sources), *_tests(document["accounts"], sources), *_failed(document, sources)]
    return sorted(found, key=_gravity)


def of_findings(document: Json, sources: Sources) -> list[Notice]:
    """The findings of a findings document (`render.findingspage`), the gravest first, consent given last."""
    found = [_judged(finding, document.get("fail_on"), sources) for finding in document["findings"]]
    return sorted(found, key=lambda notice: (bool(notice.accepted), _gravity(notice)))


def _judged(finding: Json, floor: str | None, sources: Sources) -> Notice:
    address, account = finding["address"] or "", str(finding["account"] or "")
    accepted = str(finding.get("acknowledged") or "")
    file, line = _origin(finding.get("origin"), sources)
    told = [("evidence", finding["evidence"]), ("remedy", finding["remedy"])]
    told += [("see", text) for text in finding.get("references") or ()]
    told = [(label, text) for label, text in told if text]
    return Notice(
        rule=finding["id"],
        grade=finding["severity"],
        text=finding["message"],
        file=file,
        identity=(account, address, "" if address else finding["message"]),
        detail=tuple(text for _, text in told),
        line=line,
        about=(address,) if address else (),
        account=account,
        fails=bool(floor) and not accepted and GRADES.index(finding["severity"]) <= GRADES.index(floor),
        accepted=accepted,
        labels=tuple(label for label, _ in told),
    )


def _gravity(notice: Notice) -> int:
    return GRADES.index(notice.grade)


def _plan(plan: Json, sources: Sources) -> Iterator[Notice]:
    account = str(plan["account"]["name"])
    for guard in plan["guards"]:
        accepted = str(guard["acknowledged"] or "")
        grade: Grade = "info" if accepted else _GUARDS.get(guard["severity"], "medium")
        refused = guard["severity"] == "refuse" and not accepted
        consent = (f"acknowledge: {guard['acknowledge']}",) if refused and guard["acknowledge"] else ()
        yield _message(guard, grade, account, sources, consent, fails=refused, accepted=accepted)
    for finding in plan["findings"]:
        yield _message(finding, finding["severity"], account, sources, ())
    for change in plan["changes"]:
        told = [((change["address"],), change["access"])] if change.get("access") else []
        told += [(tuple(others["principals"]), others) for others in change.get("affects") or ()]
        for who, access in told:
            yield from _access(change, who, access, account, sources)


def _message(
    found: Json,
    grade: Grade,
    account: str,
    sources: Sources,
    more: tuple[str, ...],
    *,
    fails: bool = False,
    accepted: str = "",
) -> Notice:
    address = found["address"] or ""
    file, line = _origin(found.get("origin"), sources)
    return Notice(
        rule=found["id"],
        grade=grade,
        text=found["message"],
        file=file,
        identity=(account, address, "" if address else found["message"]),
        detail=tuple(text for text in (found["evidence"], found["remedy"], *more) if text),
        line=line,
        about=(address,) if address else (),
        account=account,
        fails=fails,
        accepted=accepted,
    )


def _access(change: Json, who: tuple[str, ...], access: Json, account: str, sources: Sources) -> Iterator[Notice]:
    file, line = _origin(change.get("origin"), sources)
    lines = tuple(access["text"])
    for rule, held in (("permission-gain", access["gained"]), ("permission-undecided", access["undecided"])):
        if held:
            verb = "gains permissions" if rule == "permission-gain" else "gains or loses what cannot be told"
            yield Notice(
                rule=rule,
                grade="info",
                text=f"{some([safe(name) for name in who], 6)} {verb} by the {change['action']} of {change['address']}",
                file=file,
                identity=(account, change["address"], *who),
                detail=lines,
                line=line,
                about=who,
                account=account,
            )


def _origin(origin: Json | None, sources: Sources) -> tuple[str, int]:
    if origin is None:
        return sources.path(PROJECT_FILE), 0
    return sources.path(origin["file"]), int(origin.get("line") or 0)


def _errors(document: Json, sources: Sources) -> Iterator[Notice]:
    for error in document.get("errors") or ():
        place = error["place"] or {"file": PROJECT_FILE, "line": 0, "column": 0, "length": 0}
        yield Notice(
            rule=error["code"],
            grade="error",
            text=error["message"],
            file=sources.path(place["file"]),
            identity=(error["message"],),
            detail=(error["hint"],) if error["hint"] else (),
            line=place["line"],
            column=place["column"],
            length=place["length"],
            fails=True,
        )


def _finding(row: Json, document: Json, sources: Sources) -> Notice:
    place, floor = row["place"], document.get("fail_on")
    grade: Grade = row["severity"]
    return Notice(
        rule=row["id"],
        grade=grade,
        text=row["message"],
        file=sources.path(place["file"]),
        identity=(row["message"], *row["addresses"]),
        detail=(row["remedy"],) if row["remedy"] else (),
        line=place["line"],
        column=place["column"],
        length=place["length"],
        about=tuple(row["addresses"]),
        account=", ".join(row["accounts"]),
        labels=("remedy",) if row["remedy"] else (),
        fails=bool(floor) and GRADES.index(grade) <= GRADES.index(floor),
    )


_OUTCOMES: Final = {"uncertain": "permission-test-uncertain", "contradicted": "permission-test-contradiction"}


def _tests(accounts: Iterable[Json], sources: Sources) -> Iterator[Notice]:
    for account in accounts:
        for row in account["rows"]:
            if not wrong(row):
                continue
            head, *more = (line.strip() for line in row_lines(row))
            yield Notice(
                rule=_OUTCOMES.get(row["outcome"], "permission-test"),
                grade="medium" if row["outcome"] == "uncertain" else "high",
                text=f"{row['test']}: {head}",
                file=sources.path(row["file"]),
                identity=(account["account"], row["test"], row["principal"], row["expected"], *row["actions"]),
                detail=tuple(more),
                line=row["line"],
                about=(row["principal"],),
                account=account["account"],
                fails=True,
            )
