"""Audits of each account of a run: the evidence is gathered, findings are made, suppressions and origins put to them.

Everything that is asked of AWS here is a read; what the caller may not read leaves controls undecided, and says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

from iamsync import __version__, arn
from iamsync.audit import Answer, Evidence, Observed, Reach, Route, Stage, answers, audit
from iamsync.audit import document as paper
from iamsync.audit.document import Baseline, Looked
from iamsync.engine.fleets import each
from iamsync.engine.gathering import expected, gathered, notes, report_is_of, saved_report, with_accessed
from iamsync.engine.options import utc_now
from iamsync.engine.permitted import documents
from iamsync.engine.picture import standing
from iamsync.engine.project import NO_ACCOUNT, Project
from iamsync.engine.reach import Ways, meant
from iamsync.engine.shapes import shaped
from iamsync.engine.textfile import read_text
from iamsync.errors import InputError
from iamsync.fleet import Failure
from iamsync.kinds.reports import CredentialReport
from iamsync.manifest.config import Account
from iamsync.manifest.load import Beside
from iamsync.manifest.lockfile import read_lock
from iamsync.manifest.suppress import Suppression
from iamsync.model import Address, Origin, State
from iamsync.planner.paths import Path as Way
from iamsync.planner.paths import Paths
from iamsync.planner.permissions import Permissions, is_blind
from iamsync.policy.administrator import UNKNOWN
from iamsync.policy.document import Document
from iamsync.strictjson import loads

Subject = Literal["live", "manifests"]
# What manifests want of an account, and what of an audit they suppress.
Declared: TypeAlias = tuple[State, tuple[Suppression, ...]]
failing = paper.failing

# What this one says has not changed since there is IAM, and no saved answer needs to hold it for us to know.
_ADMINISTRATOR: Final = "arn:{}:iam::aws:policy/AdministratorAccess"
_EVERYTHING: Final = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}],
}


@dataclass(frozen=True, slots=True)
class Audited:
    """One account's audit: what was found and is not suppressed, how many were, what the controls come to.

    `notes` tell what this source could not be asked; `declared` is what the manifests want, where there are any.
    """

    account: Account
    caller: str
    evidence: Evidence
    found: tuple[Observed, ...]
    suppressed: int
    controls: tuple[Answer, ...]
    origins: Mapping[Address, Origin]
    notes: tuple[str, ...]
    permissions: Permissions
    declared: State | None

    @property
    def state(self) -> State:
        return self.evidence.state


def audited(
    project: Project, ways: Ways, subject: Subject, *, accessed: bool = False, report: Path | None = None
) -> tuple[Audited, ...]:
    """The audit of every account of this run; of several, those that fail join `ways.failed`.

    `accessed` also asks which services each principal last used, which takes a job a principal; `report` is a saved
    credential report. InputErrors with every mistake in the manifests, where there are any.
    """
    saved = saved_report(report) if report is not None else None
    chosen = meant(project)
    if saved is not None and len(chosen) > 1:
        raise InputError(
            f"a credential report is of one account, and this run is about {len(chosen)}",
            code="bad-option",
            hint="add --account NAME",
        )
    first = looked_over(project, chosen)

    def work(account: Account) -> Audited:
        return one_audited(project, ways, account, subject, accessed=accessed, saved=saved, first=first)

    return each(chosen, work, ways.failed, watch=project.options.watch)


def looked_over(project: Project, accounts: Iterable[Account]) -> Mapping[tuple[str, str, str], Declared | None]:
    """What the manifests declare of these accounts, by name, id and partition as far as they are known.

    InputErrors with every mistake in the files, before the first call, whatever the accounts' ids turn out to be.
    """
    first = {}
    for account in accounts:
        where = account.id or NO_ACCOUNT, account.partition or "aws"
        first[account.name, *where] = _declared(project, account, *where)
    return first


def document(
    project: Project,
    found: tuple[Audited, ...],
    fail_on: str | None,
    before: Baseline | None = None,
    failed: Sequence[Failure] = (),
) -> dict[str, Any]:
    """The audit as JSON values; with a baseline, what is new in it; `failed` are the accounts that were not reached."""
    subject = found[0].evidence.subject if found else "live"
    return document_of(project, [row(one, before) for one in found], subject, fail_on, before, failed)


def row(one: Audited, before: Baseline | None) -> dict[str, Any]:
    """One account's audit as JSON values."""
    looked = Looked(
        one.account.name, one.caller, one.evidence, one.found, one.suppressed, one.controls, one.origins, one.notes
    )
    return paper.account_json(looked, before)


def document_of(
    project: Project,
    rows: Sequence[dict[str, Any]],
    subject: str,
    fail_on: str | None,
    before: Baseline | None = None,
    failed: Sequence[Failure] = (),
) -> dict[str, Any]:
    """The audit of these rows."""
    return paper.document(
        rows,
        version=__version__,
        created_at=utc_now(),
        now=project.now,
        subject=subject,
        fail_on=fail_on,
        baseline=before,
        failed=[item.json() for item in failed],
    )


def graph(found: tuple[Audited, ...]) -> dict[str, Any]:
    """Who may become whom and who holds what in these accounts: what a report draws."""
    return standing(
        [one.permissions for one in found],
        {one.state.account_id: one.account.name for one in found},
        {one.state.account_id: one.declared for one in found if one.declared is not None},
    )


def baseline(file: Path) -> Baseline:
    """The findings that an earlier audit left; InputError where the file is none."""
    text = read_text(file, "a baseline")
    try:
        return paper.read_baseline(text, str(file))
    except InputError as wrong:
        if isinstance(wrong.__cause__, (KeyError, TypeError, AttributeError)):
            hint = wrong.hint
            shaped(loads(text), text, str(file), "findings", code="bad-baseline", hint=hint)  # knows the place
        raise


def one_audited(
    project: Project,
    ways: Ways,
    account: Account,
    subject: Subject,
    *,
    accessed: bool = False,
    saved: CredentialReport | None = None,
    first: Mapping[tuple[str, str, str], Declared | None] | None = None,
) -> Audited:
    """The audit of one account; `first` as `looked_over` gives it."""

    def declared(account: Account, account_id: str, partition: str) -> Declared | None:
        key = account.name, account_id, partition
        return first[key] if first is not None and key in first else _declared(project, account, account_id, partition)

    if subject == "manifests":
        account_id, partition = project.offline_id(account), account.partition or "aws"
        # Where there are none, reading them says so.
        wanted = declared(account, account_id, partition) or (project.desired(account, account_id, partition), ())
        report_is_of(account.id, saved)
        known = read_lock(project.root)
        evidence = Evidence(state=wanted[0], now=project.now, subject="manifests", report=saved)
        return _judged(project, account, f"manifests of {account.name}", evidence, known, wanted)
    reached = ways.reach(account)
    report_is_of(reached.account_id, saved)
    evidence = gathered(project, reached, saved)
    known = documents(project, reached, evidence.state)
    manifests = declared(account, reached.account_id, reached.partition)
    if accessed:
        evidence = with_accessed(reached, evidence)
    return _judged(project, reached.account, reached.caller, evidence, known, manifests)


def _declared(project: Project, account: Account, account_id: str, partition: str) -> Declared | None:
    """What the manifests declare and suppress, where there are any."""
    if not project.has_manifests(account):
        return None
    beside = Beside()
    return project.desired_of(account, account_id, partition, beside), beside.suppressions


def _judged(
    project: Project,
    account: Account,
    caller: str,
    evidence: Evidence,
    known: Mapping[str, tuple[str, Document]],
    declared: Declared | None,
) -> Audited:
    state, settings = evidence.state, project.settings(account)
    aws = {**dict(state.aws_policies), **known}
    aws.setdefault(_ADMINISTRATOR.format(state.partition), ("", Document.of(_EVERYTHING, state.partition)))
    # A document that nobody knows is taken to grant nothing, and told: taken for anything, everybody would be perhaps
    # administrator. As a boundary it stays unknown.
    unknown = sorted(_unknown(state, aws))
    taken = aws | {name: ("", _nothing(state.partition)) for name in unknown}
    permissions = Permissions(state, taken, organization=account.organization, context=moment_of(project.now))
    evidence = replace(
        evidence,
        documents={name: document for name, (_, document) in aws.items()},
        reach=reach_of(permissions),
        accounts=frozenset(settings.accounts) - {state.account_id},
        kept=settings.safety.break_glass,
        boundaries=expected(project, account, state),
    )
    suppressions = declared[1] if declared is not None else ()
    everything = audit(evidence)
    found: list[Observed] = []
    excused: list[Observed] = []
    for one in everything:
        (excused if _suppressed(one, evidence, suppressions, project.now) else found).append(one)
    origins = {}
    for resource in declared[0] if declared is not None else ():
        if resource.origin is not None:
            origins[resource.address] = resource.origin
    return Audited(
        account,
        caller,
        evidence,
        tuple(found),
        len(excused),
        answers(evidence, found, excused),
        origins,
        tuple(notes(evidence, unknown)),
        permissions,
        declared[0] if declared is not None else None,
    )


def _unknown(state: State, known: Mapping[str, object]) -> frozenset[str]:
    """The managed policies that somebody holds, that bound nobody, and whose documents are not known."""
    own = {
        arn.build(state.partition, state.account_id, resource.address, resource.spec.path)
        for resource in state
        if resource.address.kind == "policy"
    }
    held = {name for resource in state for name in getattr(resource.spec, "managed_policies", ())}
    bounds = {getattr(resource.spec, "permissions_boundary", None) for resource in state}
    return frozenset(held - own - known.keys() - bounds)


def _nothing(partition: str) -> Document:
    return Document.of({"Version": "2012-10-17", "Statement": []}, partition)


def reach_of(permissions: Permissions) -> Reach:
    """Who is administrator or can become one; what hangs on a boundary that nobody knows says nothing of anybody."""
    found = Paths(permissions)
    return Reach(
        {
            who: _route(way)
            for who, way in found.all().items()
            if way.certainty > UNKNOWN or not any(is_blind(doubt) for doubt in way.doubts)
        },
        found.cut,
    )


def moment_of(now: str) -> Mapping[str, str]:
    """What every request of this moment carries; a session can always be a new one."""
    epoch = str(int(datetime.fromisoformat(now).timestamp()))
    return {"aws:CurrentTime": now, "aws:TokenIssueTime": now, "aws:EpochTime": epoch}


def _route(way: Way) -> Route:
    """A path of the planner as an audit has it: data alone."""
    stages = tuple(
        Stage(
            step.rule.id,
            step.rule.title,
            step.at,
            tuple(need.action for need in step.rule.needs),
            step.held.via,
            step.rule.references,
        )
        for step in way.steps
    )
    return Route(stages, way.end, way.certainty, way.doubts, way.lines())


def _suppressed(
    one: Observed, evidence: Evidence, suppressions: tuple[Suppression, ...], now: str
) -> Suppression | None:
    if not suppressions:
        return None
    resource = evidence.state.get(one.address)
    path = getattr(resource.spec, "path", None) if resource is not None else None
    tags = dict(getattr(resource.spec, "tags", ())) if resource is not None else {}
    covering = (held for held in suppressions if held.covers(one.id, one.address, path, tags))
    return next((held for held in covering if not held.expired(now)), None)
