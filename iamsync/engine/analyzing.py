"""What IAM Access Analyzer finds in documents, and in the access that a plan gives, as findings beside our own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from iamsync.aws import analyzer
from iamsync.aws.analyzer import Check
from iamsync.aws.session import Connection
from iamsync.engine.options import Note
from iamsync.engine.planning import Planned
from iamsync.engine.project import Project
from iamsync.errors import InputError
from iamsync.manifest.linting import More
from iamsync.manifest.load import Beside
from iamsync.manifest.places import statement_places
from iamsync.model import Finding
from iamsync.planner import checking
from iamsync.policy.combined import Combined
from iamsync.policy.lint import Lint, Severity

PREFIX: Final = "AA-"
EXPLANATION: Final = (
    "IAM Access Analyzer found this: it checks a document by AWS's own grammar and best practices "
    "(validate --access-analyzer). The finding names AWS's page about the check. An error is shown as high, a security "
    "warning as high, a warning as medium, a suggestion as info. It can be suppressed by its id, as any other."
)
# The side of somebody who holds nothing: a document must have a statement, and this one gives nothing.
_NOTHING: Final = '{"Version":"2012-10-17","Statement":[{"Sid":"S0","Effect":"Deny","Action":"*","Resource":"*"}]}'
_SEVERITIES: Final[dict[str, Severity]] = {
    "ERROR": "high",
    "SECURITY_WARNING": "high",
    "WARNING": "medium",
    "SUGGESTION": "info",
}


def title(finding: str) -> str:
    """What a check is called: `AA-MISSING_VERSION` is Access Analyzer's "missing version"."""
    return f"Access Analyzer: {finding.removeprefix(PREFIX).replace('_', ' ').lower()}"


def remarks(connection: Connection, beside: Beside) -> More:
    """AWS's findings in every document that manifests declare, by its text and whether it is a trust policy."""
    asked = {
        analyzer.Document(written.document.text, written.use == "trust"): written for _, written in beside.documents
    }
    return {
        (document.text, document.trust): tuple(map(_lint, found))
        for document, found in analyzer.validate(connection, asked).items()
    }


def _lint(remark: analyzer.Remark) -> Lint:
    severity = _SEVERITIES.get(remark.kind, "medium")
    return Lint(f"{PREFIX}{remark.code}", severity, remark.path, remark.text, f"see {remark.link}", remark.key)


def askable(project: Project) -> None:
    """InputError where a run reads a file in place of an account: then there is nobody to ask."""
    if project.options.live is not None:
        raise InputError(
            "--access-analyzer asks AWS, and --live reads a file", code="bad-option", hint="leave one of them out"
        )


def analyzed(project: Project, planned: Iterable[Planned], patterns: Iterable[str]) -> tuple[Planned, ...]:
    """The plans with what AWS finds in the access that they give; `patterns` as for `--fail-on-gain`.

    Every call is charged by AWS. AccessDenied where the caller may not ask, AwsError where there is no Access Analyzer.
    """
    literal = tuple(dict.fromkeys(pattern for pattern in patterns if ":" in pattern and not set("*?") & set(pattern)))
    return tuple(_with_findings(project, one, literal) for one in planned)


def _with_findings(project: Project, item: Planned, actions: tuple[str, ...]) -> Planned:
    if not item.plan.changes:
        return item
    assert item.reached.connection is not None
    account = item.reached.account
    beside = Beside()
    project.desired_of(account, item.live.account_id, item.live.partition, beside)
    places = statement_places(beside.documents)
    found = [pair for pair in checking.pairs(item.compared, item.live, item.plan, places) if pair.changed]
    known = [pair for pair in found if not pair.unknown]
    ask = _Asking(item.reached.connection, project.options.note, account.name)
    news = {pair: _new(pair) for pair in known if pair.before is not None}
    grants = {pair: _granted(pair.after, actions) for pair in known if actions and not pair.trust}
    answers = ask([*news.values(), *grants.values()])
    failed = [pair for pair, asked in grants.items() if not answers[asked].passed and not answers[asked].refused]
    thens = {pair: _granted(pair.before, actions) for pair in failed if pair.before is not None and pair.before.grants}
    answers |= ask(thens.values(), "more, about the time before")
    organization = bool(account.organization.scps or account.organization.rcps)
    told: list[Finding] = [checking.unasked(pair) for pair in found if pair.unknown]
    for pair in known:
        if pair in news:
            told += checking.new_access(pair, _answer(answers[news[pair]]), organization)
        if pair in grants:
            then = _answer(answers[thens[pair]]) if pair in thens else None
            told += checking.granted(pair, actions, _answer(answers[grants[pair]]), then)
    return replace(item, plan=replace(item.plan, findings=(*item.plan.findings, *told)))


class _Asking:
    """Asks AWS, and says first how often."""

    def __init__(self, connection: Connection, note: Note, account: str) -> None:
        self.connection, self.note, self.account = connection, note, account

    def __call__(self, checks: Iterable[Check], more: str = "") -> dict[Check, analyzer.Verdict]:
        wanted = list(dict.fromkeys(checks))
        if wanted or not more:
            counts = Counter(one.operation for one in wanted)
            of = ", ".join(f"{counts[name]} {name}" for name in sorted(counts))
            calls = "1 call" if len(wanted) == 1 else f"{len(wanted)} calls"
            charged = f" ({of}), each charged by AWS" if wanted else ""
            self.note(f"account {self.account}: {calls} of Access Analyzer{charged}{f'; {more}' if more else ''}")
        return analyzer.check(self.connection, wanted)


def _new(pair: checking.Pair) -> Check:
    assert pair.before is not None
    existing = pair.before.text if pair.before.origins else _NOTHING
    return Check(pair.after.text, pair.trust, existing=existing)


def _granted(side: Combined, actions: tuple[str, ...]) -> Check:
    return Check(side.text, actions=actions)


def _answer(verdict: analyzer.Verdict) -> checking.Answer:
    return checking.Answer(
        verdict.passed, tuple(checking.Reason(*reason) for reason in verdict.reasons), verdict.refused
    )
