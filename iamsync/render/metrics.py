"""Documents as metrics in the text form that Prometheus and node_exporter's textfile collector read.

https://prometheus.io/docs/instrumenting/exposition_formats/: a family is its HELP, its TYPE and its samples together;
a label's value has its backslashes, quotes and line ends escaped.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from iamsync.render.inert import safe
from iamsync.render.notices import GRADES

Json = Mapping[str, Any]
Labels = tuple[tuple[str, str], ...]

# How a run went; every command that has metrics has these.
RUN: Final = "iamsync_last_run_timestamp_seconds"
SUCCESS: Final = "iamsync_last_success_timestamp_seconds"
DURATION: Final = "iamsync_run_duration_seconds"
EXIT: Final = "iamsync_run_exit_code"

_HELP: Final = {
    RUN: "When the command last ended, well or not.",
    SUCCESS: "When the command last came through: it looked at everything, whatever it found.",
    DURATION: "How long the last run took.",
    EXIT: "The exit code of the last run.",
    "iamsync_managed_resources": "Resources that the manifests declare or remove.",
    "iamsync_drift_entries": "What is otherwise in the account than declared, by severity.",
    "iamsync_drift_new_entries": "What drifted since the run that --since-last compares with.",
    "iamsync_drift_pending_entries": "What is declared since the base and not applied yet.",
    "iamsync_drift_due_entries": "What has expired and is not taken away yet.",
    "iamsync_unmanaged_resources": "Live resources that nobody declares, or that another tool owns.",
    "iamsync_plan_changes": "Resources that the plan would change, by action.",
    "iamsync_plan_steps": "API calls of the plan.",
    "iamsync_plan_guards": "Answers of guards, by what they decide.",
    "iamsync_audit_controls": "Controls of CIS AWS Foundations on IAM, by how they come out.",
    "iamsync_findings": "Findings, by severity; what was acknowledged is not among them.",
}
_ACTIONS: Final = ("create", "update", "replace", "delete")
_LINE: Final = re.compile(r"([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{((?:[^\"\\]|\"(?:[^\"\\]|\\.)*\")*)\})? (\S+)")
_LABEL: Final = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"')


@dataclass(frozen=True, slots=True)
class Sample:
    """One figure of a family."""

    name: str
    labels: Labels
    value: float


def of_drift(document: Json) -> Iterator[Sample]:
    """What drifted, by account and severity; all severities are there, so that an alert sees a zero."""
    for account in document["accounts"]:
        told, summary = _labels(account["account"]), account["summary"]
        yield Sample("iamsync_managed_resources", told, summary["managed"])
        for grade, number in summary["drift"].items():
            yield Sample("iamsync_drift_entries", (*told, ("severity", grade)), number)
        if any(entry["status"] for entry in account["drift"]) or document["since"]:
            new = sum(entry["status"] == "new" for entry in account["drift"])
            yield Sample("iamsync_drift_new_entries", told, new)
        yield Sample("iamsync_drift_pending_entries", told, summary["pending"])
        yield Sample("iamsync_drift_due_entries", told, summary["due"])
        yield Sample("iamsync_unmanaged_resources", told, summary["unmanaged"])


def of_plan(document: Json) -> Iterator[Sample]:
    """What would change, what stands against it and what was found, by account."""
    for plan in document["plans"]:
        told, summary = _labels(plan["account"]), plan["summary"]
        managed = sum(summary[key] for key in ("unchanged", *_ACTIONS))
        yield Sample("iamsync_managed_resources", told, managed)
        for action in _ACTIONS:
            yield Sample("iamsync_plan_changes", (*told, ("action", action)), summary[action])
        yield Sample("iamsync_plan_steps", told, summary["steps"])
        held = ["acknowledged" if guard["acknowledged"] else guard["severity"] for guard in plan["guards"]]
        for decision in ("refuse", "warn", "acknowledged"):
            yield Sample("iamsync_plan_guards", (*told, ("decision", decision)), held.count(decision))
        yield from of_findings(plan["account"], plan["findings"])
        yield Sample("iamsync_unmanaged_resources", told, summary["reported"])


def of_audit(document: Json) -> Iterator[Sample]:
    """What an audit found and the baseline does not know, by account and severity, and how the controls come out."""
    for account in document["accounts"]:
        yield from of_findings(account["account"], [row for row in account["findings"] if row["status"] != "known"])
        outcomes = [control["outcome"] for control in account["controls"]]
        for outcome in ("passed", "failed", "not decidable"):
            told = (*_labels(account["account"]), ("outcome", outcome))
            yield Sample("iamsync_audit_controls", told, outcomes.count(outcome))


def of_findings(account: Json, findings: Iterable[Json]) -> Iterator[Sample]:
    """An account's findings, by severity."""
    grades = [finding["severity"] for finding in findings if not finding.get("acknowledged")]
    for grade in GRADES[1:]:
        yield Sample("iamsync_findings", (*_labels(account), ("severity", grade)), grades.count(grade))


def of_run(ended: float, duration: float, code: int, success: float | None) -> Iterator[Sample]:
    """How a run went: times in seconds since 1970; `success` is the last one's time, None where there was none yet."""
    yield Sample(RUN, (), ended)
    if success is not None:
        yield Sample(SUCCESS, (), success)
    yield Sample(DURATION, (), duration)
    yield Sample(EXIT, (), code)


def metrics_text(command: str, samples: Iterable[Sample]) -> str:
    """The samples, each with the command's name, family by family in the order of their names."""
    families: dict[str, list[Sample]] = {}
    for sample in samples:
        families.setdefault(sample.name, []).append(sample)
    lines: list[str] = []
    for name in sorted(families):
        lines += [f"# HELP {name} {_HELP[name]}", f"# TYPE {name} gauge"]
        lines += [_line(sample, command) for sample in families[name]]
    return "\n".join(lines) + "\n"


def _labels(account: Json) -> Labels:
    return (("account", account["name"]), ("account_id", account["id"]))


def _line(sample: Sample, command: str) -> str:
    labels = ",".join(f'{name}="{_escaped(value)}"' for name, value in (("command", command), *sample.labels))
    return f"{sample.name}{{{labels}}} {_number(sample.value)}"


def _escaped(value: str) -> str:
    return safe(value).replace("\\", "\\\\").replace('"', '\\"')


def _number(value: float) -> str:
    return str(int(value)) if float(value).is_integer() else f"{value:.3f}"


def earlier(text: str, command: str) -> list[Sample]:
    """The samples of a command in a file that an earlier run of it wrote; none of what is not of this form."""
    found = []
    for line in text.splitlines():
        if (matched := _LINE.fullmatch(line)) is None or matched[1] not in _HELP:
            continue
        labels = [(name, re.sub(r"\\(.)", r"\1", value)) for name, value in _LABEL.findall(matched[2] or "")]
        if ("command", command) in labels:
            rest = tuple(label for label in labels if label[0] != "command")
            with contextlib.suppress(ValueError):
                found.append(Sample(matched[1], rest, float(matched[3])))
    return found
