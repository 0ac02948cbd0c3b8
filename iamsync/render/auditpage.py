"""An audit's document as one HTML file: findings, who may become whom, and how published controls come out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from iamsync.render.audited import controls_text, references_text
from iamsync.render.findingspage import findings_page
from iamsync.render.html import page_html
from iamsync.render.notices import Sources
from iamsync.render.page import STAYED, Detail, Row, Section, Tone, failed
from iamsync.render.words import count

Json = Mapping[str, Any]

_OUTCOMES: Final[dict[str, Tone]] = {"passed": "good", "failed": "bad", "not decidable": "plain"}
_ORDER: Final = ("failed", "not decidable", "passed")
_LEAD: Final = "By their numbers in versions 3 and 6 of the benchmark; what no source here can tell is said to be so."


def audit_html(document: Json, sources: Sources | None = None, graph: Json | None = None) -> str:
    """The whole document; `graph` (see `engine.picture`) is what the page draws."""
    several = len(document["accounts"]) > 1
    page, picture = findings_page(_as_findings(document), sources or Sources(), graph, "IAM audit")
    rows = tuple(row for account in document["accounts"] for row in _controls(account, several))
    controls = Section("controls", "CIS AWS Foundations", _LEAD, rows)
    findings, *rest = page.sections
    left_out = [failed(document)] if document.get("failed") else []
    tone: Tone = "bad" if left_out else page.tone
    unpictured = "" if picture is not None else STAYED
    page = replace(page, tone=tone, sections=(*left_out, findings, controls, *rest), unpictured=unpictured)
    return page_html(page, picture)


def _as_findings(document: Json) -> Json:
    """The document in the form of any findings: one list for all accounts, facts beside each account."""
    rows = [row for account in document["accounts"] for row in account["findings"] if row["status"] != "known"]
    return {
        **document,
        "accounts": [{"account": one["account"], "facts": _facts(one)} for one in document["accounts"]],
        "findings": [
            {
                **{name: row[name] for name in ("id", "severity", "address", "account", "origin", "remedy")},
                "message": row["title"],
                "evidence": _evidence(row),
                "references": [references_text(row["references"])] if row["references"] else [],
            }
            for row in rows
        ],
    }


def _evidence(row: Json) -> str | None:
    if row["path"] is not None and row["path"]["steps"]:
        return "; ".join(row["path"]["lines"])
    return str(row["evidence"]) if row["evidence"] else None


def _facts(account: Json) -> dict[str, str]:
    facts = {"Controls": controls_text(account)}
    known = sum(row["status"] == "known" for row in account["findings"])
    if known:
        facts["Known before"] = count(known, "finding")
    if account["gone"]:
        facts["Gone"] = count(len(account["gone"]), "finding")
    if account["summary"]["suppressed"]:
        facts["Suppressed"] = count(account["summary"]["suppressed"], "finding")
    if account["notes"]:
        facts["Not looked at"] = "; ".join(account["notes"])
    return facts


def _controls(account: Json, several: bool) -> Iterator[Row]:
    name = account["account"]["name"]
    for control in sorted(account["controls"], key=lambda held: _ORDER.index(held["outcome"])):
        outcome = control["outcome"]
        why = control["why"] or ""
        if control["findings"]:
            why = f"{count(control['findings'], 'finding')} of {control['rule']}"
        yield Row(
            f"c-{name}-{control['v3']}",
            _OUTCOMES[outcome],
            outcome,
            f"{control['v3']} ({control['v6']}) {control['title']}",
            code=control["rule"] or "",
            facets={"account": (name,), "outcome": (outcome,)},
            notes=(f"account {name}",) if several else (),
            details=(Detail("", "", why),) if why else (),
            opened=bool(why),
        )
