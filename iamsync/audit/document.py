"""An audit as JSON values, from which every format is made; and the baseline that an earlier one is for a later one."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from iamsync.audit.controls import Answer
from iamsync.audit.evidence import Evidence, Observed
from iamsync.controls import GRADES, RULES_BY_ID
from iamsync.errors import InputError, Place
from iamsync.model import Address, Origin
from iamsync.policy.administrator import CONDITIONAL, SURE, UNKNOWN
from iamsync.strictjson import misfit, read_object

FORMAT_VERSION: Final = "1.0"
_HINT: Final = "write one: iamsync audit --report json=FILE"
_CERTAIN: Final = {SURE: "certain", CONDITIONAL: "on conditions", UNKNOWN: "not known"}

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Looked:
    """One account that was audited: what it is called, and everything that came of it."""

    name: str
    caller: str
    evidence: Evidence
    found: Sequence[Observed]
    suppressed: int
    controls: Sequence[Answer]
    origins: Mapping[Address, Origin]
    notes: Sequence[str]


@dataclass(frozen=True, slots=True)
class Baseline:
    """The findings of an earlier audit by account id: fingerprint to the row that is left of it."""

    file: str
    known: Mapping[str, Mapping[str, Json]] = field(default_factory=dict)


def document(
    rows: Iterable[Json],
    *,
    version: str,
    created_at: str,
    now: str,
    subject: str,
    fail_on: str | None = None,
    baseline: Baseline | None = None,
    failed: Sequence[Json] = (),
) -> Json:
    """Everything that was found, the gravest first within each account; `rows` as `account_json` makes them.

    `failed` are the accounts of several that could not be read, each with what happened.
    """
    return {
        "format_version": FORMAT_VERSION,
        "iamsync_version": version,
        "created_at": created_at,
        "now": now,
        "subject": subject,
        "fail_on": fail_on,
        "baseline": baseline.file if baseline is not None else None,
        "accounts": list(rows),
        **({"failed": list(failed)} if failed else {}),
    }


def failing(made: Json) -> bool:
    """Whether the exit code is about what was found: something new of the severity that was named, or over it."""
    if made["fail_on"] is None:
        return False
    floor = [*GRADES].index(made["fail_on"])
    return any(
        row["status"] != "known" and [*GRADES].index(row["severity"]) <= floor
        for account in made["accounts"]
        for row in account["findings"]
    )


def fingerprint(account_id: str, one: Observed) -> str:
    """What a finding is known by from one run to the next, whatever its words and figures are by then."""
    parts = (account_id, one.id, str(one.address), one.mark)
    return hashlib.sha256("\0".join(parts).encode("utf-8", "backslashreplace")).hexdigest()[:32]


def read_baseline(text: str, file: str) -> Baseline:
    """The findings of an audit's JSON; InputError where it is none."""

    def wrong(what: str) -> InputError:
        return InputError(
            f"this is no audit: {what}",
            code="bad-baseline",
            place=Place(file),
            hint=_HINT,
        )

    value = read_object(text, file, "audit", code="bad-baseline", hint=_HINT)
    version = value.get("format_version")
    if not isinstance(version, str) or "accounts" not in value:
        raise wrong("it has no format_version or no accounts")
    if version.partition(".")[0] != FORMAT_VERSION.partition(".")[0]:
        raise wrong(f"it is of format {version}; this iamsync reads {FORMAT_VERSION.partition('.')[0]}.x")
    known: dict[str, dict[str, Json]] = {}
    try:
        for account in value["accounts"]:
            rows = known.setdefault(str(account["account"]["id"]), {})
            for row in account["findings"]:
                kept = {name: row[name] for name in ("id", "address", "severity", "title")}
                if not all(isinstance(held, str) for held in kept.values()):
                    raise wrong("a finding in it is not shaped as audit writes it")
                rows[str(row["fingerprint"])] = kept
    except (KeyError, TypeError, AttributeError) as error:
        raise wrong(f"what it holds is not shaped as audit writes it: {misfit(error)}") from error
    return Baseline(file, known)


def account_json(one: Looked, baseline: Baseline | None) -> Json:
    """One account's audit; with a baseline, what is new in it."""
    state = one.evidence.state
    known = baseline.known.get(state.account_id, {}) if baseline is not None else {}
    rows = [_row(item, one, known, baseline is not None) for item in one.found]
    here = {row["fingerprint"] for row in rows}
    return {
        "account": {
            "name": one.name,
            "id": state.account_id,
            "partition": state.partition,
            "alias": state.alias,
        },
        "caller": one.caller,
        "summary": {
            **{grade: sum(row["severity"] == grade for row in rows) for grade in GRADES},
            "new": sum(row["status"] == "new" for row in rows) if baseline is not None else None,
            "suppressed": one.suppressed,
        },
        "controls": [
            {
                "standard": "CIS AWS Foundations",
                "v3": answer.control.v3,
                "v6": answer.control.v6,
                "title": answer.control.title,
                "rule": answer.control.rule or None,
                "outcome": answer.outcome,
                "findings": answer.found,
                "why": answer.why or None,
            }
            for answer in one.controls
        ],
        "findings": rows,
        "gone": [row for mark, row in sorted(known.items()) if mark not in here],
        "notes": list(one.notes),
    }


def _row(item: Observed, one: Looked, known: Mapping[str, Json], compared: bool) -> Json:
    state = one.evidence.state
    mark = fingerprint(state.account_id, item)
    origin = one.origins.get(item.address)
    return {
        "id": item.id,
        "severity": item.severity,
        "address": str(item.address),
        "account": one.name,
        "origin": {"file": origin.file, "line": origin.line or None} if origin is not None else None,
        "rule": RULES_BY_ID[item.id].title,
        "title": item.title,
        "evidence": item.evidence or None,
        "remedy": item.remedy or None,
        "references": list(item.references),
        "fingerprint": mark,
        "status": ("known" if _as_before(item, known.get(mark)) else "new") if compared else None,
        "path": _path(item),
    }


def _as_before(item: Observed, before: Json | None) -> bool:
    """Whether a baseline has a finding as it is; one that has become graver since is news."""
    grades = [*GRADES]
    if before is None or before["severity"] not in grades:
        return False
    return grades.index(item.severity) >= grades.index(before["severity"])


def _path(item: Observed) -> Json | None:
    """The way to administrator, as data: who, by which steps, and who is one in the end."""
    route = item.route
    if route is None:
        return None
    return {
        "from": str(item.address),
        "to": route.end,
        "certainty": _CERTAIN[route.certainty],
        "doubts": list(route.doubts),
        "steps": [
            {
                "rule": stage.rule,
                "title": stage.title,
                "at": stage.at or None,
                "actions": list(stage.actions),
                "via": list(stage.via),
            }
            for stage in route.stages
        ],
        "lines": list(route.lines),
    }
