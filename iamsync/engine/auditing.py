"""Audits of each account of a run: the evidence is gathered, findings are made, suppressions and origins put to them.

Everything that is asked of AWS here is a read; what the caller may not read leaves controls undecided, and says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Literal, TypeVar

from iamsync import __version__
from iamsync.audit import Answer, Evidence, Observed, Reach, Route, Stage, answers, audit, knows_passwords
from iamsync.audit import document as paper
from iamsync.audit.document import Baseline, Looked
from iamsync.aws import accountwide
from iamsync.aws.credentialreport import read_report
from iamsync.aws.lastaccessed import last_accessed
from iamsync.aws.read import read
from iamsync.engine.options import utc_now
from iamsync.engine.permitted import documents
from iamsync.engine.picture import standing
from iamsync.engine.project import NO_ACCOUNT, Project, given
from iamsync.engine.reach import Reached, Ways, read_text, told_state
from iamsync.errors import AccessDenied, InputError, Place, Unsupported
from iamsync.kinds.reports import CredentialReport, ServiceUse, credential_report
from iamsync.manifest.config import Account
from iamsync.manifest.expand import expand
from iamsync.manifest.fields import reference
from iamsync.manifest.load import Beside, outline
from iamsync.manifest.lockfile import read_lock
from iamsync.manifest.nodes import Scalar
from iamsync.manifest.suppress import Suppression
from iamsync.model import EMPTY, Address, Origin, State
from iamsync.planner.paths import Path as Way
from iamsync.planner.paths import Paths
from iamsync.planner.permissions import Permissions, is_blind
from iamsync.policy.administrator import UNKNOWN
from iamsync.policy.document import Document

Subject = Literal["live", "manifests"]
_T = TypeVar("_T")

failing = paper.failing

_FURTHER: Final = frozenset({"account", "oidc_provider", "saml_provider"})
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
    """The audit of every account of this run.

    `accessed` also asks which services each principal last used, which takes a job a principal; `report` is a saved
    credential report. InputErrors with every mistake in the manifests, where there are any.
    """
    saved = _saved(report) if report is not None else None
    chosen = _chosen(project)
    if saved is not None and len(chosen) > 1:
        raise InputError(
            f"a credential report is of one account, and this run is about {len(chosen)}",
            code="bad-option",
            hint="add --account NAME",
        )
    for account in chosen:
        _declared(project, account, account.id or NO_ACCOUNT, account.partition or "aws")
    return tuple(_audited(project, ways, account, subject, accessed, saved) for account in chosen)


def document(
    project: Project, found: tuple[Audited, ...], fail_on: str | None, before: Baseline | None = None
) -> dict[str, Any]:
    """The audit as JSON values; with a baseline, what is new in it."""
    looked = [
        Looked(
            one.account.name, one.caller, one.evidence, one.found, one.suppressed, one.controls, one.origins, one.notes
        )
        for one in found
    ]
    return paper.document(
        looked,
        version=__version__,
        created_at=utc_now(),
        now=project.now,
        subject=found[0].evidence.subject if found else "live",
        fail_on=fail_on,
        baseline=before,
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
    return paper.read_baseline(read_text(file, "a baseline"), str(file))


def _chosen(project: Project) -> tuple[Account, ...]:
    """The accounts of this run; with a file, the one it is of."""
    accounts = project.accounts()
    if project.options.live is None or len(accounts) == 1:
        return accounts
    told = told_state(project.options.live, replace(project.options, note=lambda _: None))
    return tuple(account for account in accounts if account.id == told.account_id) or accounts[:1]


def _audited(
    project: Project, ways: Ways, account: Account, subject: Subject, accessed: bool, saved: CredentialReport | None
) -> Audited:
    if subject == "manifests":
        account_id, partition = project.offline_id(account), account.partition or "aws"
        declared = _declared(project, account, account_id, partition)
        if declared is None:
            state = project.desired(account, account_id, partition)  # says what is missing
            declared = (state, ())
        known = read_lock(project.root)
        evidence = Evidence(state=declared[0], now=project.now, subject="manifests", report=saved)
        return _judged(project, account, f"manifests of {account.name}", evidence, known, declared)
    reached = ways.reach(account)
    evidence = _gathered(project, reached, saved)
    known = documents(project, reached, evidence.state)
    declared = _declared(project, account, reached.account_id, reached.partition)
    if accessed:
        evidence = _with_accessed(reached, evidence)
    return _judged(project, reached.account, reached.caller, evidence, known, declared)


def _declared(
    project: Project, account: Account, account_id: str, partition: str
) -> tuple[State, tuple[Suppression, ...]] | None:
    """What the manifests declare and suppress, where there are any."""
    if not any((project.root / path).exists() for path in account.manifests):
        return None
    beside = Beside()
    return project.desired_of(account, account_id, partition, beside), beside.suppressions


def _gathered(project: Project, reached: Reached, saved: CredentialReport | None) -> Evidence:
    """The state of an account with AWS's reports on it, as far as the caller may have them."""
    untold: dict[str, str] = {}
    if reached.told is not None:
        untold |= dict.fromkeys(("root-mfa", "certificates", "password-policy"), "a file does not tell it")
        untold["report"] = "there is no credential report (--credential-report FILE)"
        return Evidence(state=reached.told, now=project.now, subject="file", report=saved, untold=untold)
    assert reached.connection is not None
    iam = reached.connection.iam
    state = read(reached.connection, kinds=_FURTHER, lenient=True)

    def asked(name: str, question: Callable[[Any], _T]) -> _T | None:
        try:
            return question(iam)
        except (AccessDenied, Unsupported) as error:
            untold[name] = error.message
            return None

    return Evidence(
        state=state,
        now=project.now,
        subject="live",
        report=saved or asked("report", read_report),
        root_devices=asked("root-mfa", accountwide.root_devices),
        certificates=asked("certificates", accountwide.certificates),
        untold=untold,
    )


def _with_accessed(reached: Reached, evidence: Evidence) -> Evidence:
    """The evidence with what AWS recorded of its principals' calls."""
    if reached.connection is None:
        raise InputError(
            "--last-accessed asks AWS, and this run reads a file",
            code="bad-option",
            hint="leave one of the two out",
        )
    principals = [
        evidence.arn(resource)
        for resource in evidence.of("user", "role")
        if not evidence.is_aws(resource) and not evidence.is_kept(resource)
    ]
    untold = dict(evidence.untold)
    uses: dict[str, tuple[ServiceUse, ...]] = {}
    try:
        told = last_accessed(reached.connection.iam, principals)
    except (AccessDenied, Unsupported) as error:
        untold["accessed"] = error.message
    else:
        uses = told.uses
        if told.failed:
            first = next(iter(sorted(told.failed.values())))
            untold["accessed"] = f"{len(told.failed)} of {len(principals)} principals have no answer: {first}"
    return replace(evidence, accessed=uses, untold=untold)


def _judged(
    project: Project,
    account: Account,
    caller: str,
    evidence: Evidence,
    known: Mapping[str, tuple[str, Document]],
    declared: tuple[State, tuple[Suppression, ...]] | None,
) -> Audited:
    state, settings = evidence.state, project.settings(account)
    aws = {**dict(state.aws_policies), **known}
    aws.setdefault(_ADMINISTRATOR.format(state.partition), ("", Document.of(_EVERYTHING, state.partition)))
    permissions = Permissions(state, aws, organization=account.organization, context=moment_of(project.now))
    evidence = replace(
        evidence,
        documents={name: document for name, (_, document) in aws.items()},
        reach=reach_of(permissions),
        accounts=frozenset(settings.accounts) - {state.account_id},
        kept=settings.safety.break_glass,
        boundaries=_expected(project, account, state),
    )
    suppressions = declared[1] if declared is not None else ()
    everything = audit(evidence)
    found = tuple(one for one in everything if not _suppressed(one, evidence, suppressions, project.now))
    origins = {}
    for resource in declared[0] if declared is not None else ():
        if resource.origin is not None:
            origins[resource.address] = resource.origin
    return Audited(
        account,
        caller,
        evidence,
        found,
        len(everything) - len(found),
        answers(evidence, found),
        origins,
        tuple(_notes(evidence, permissions)),
        permissions,
        declared[0] if declared is not None else None,
    )


def reach_of(permissions: Permissions) -> Reach:
    """Who is administrator or can become one; what hangs on a document that nobody knows says nothing of anybody."""
    return Reach(
        {
            who: _route(way)
            for who, way in Paths(permissions).all().items()
            if way.certainty > UNKNOWN or not any(is_blind(doubt) for doubt in way.doubts)
        }
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


def _expected(project: Project, account: Account, state: State) -> Mapping[str, str]:
    """The boundary that `defaults:` gives users and roles, as an ARN; it is expected of the undeclared too."""
    named = {
        kind: node
        for kind, section in (("user", "users"), ("role", "roles"))
        if (table := account.defaults.get(section)) is not None
        and (node := table.get("permissions_boundary")) is not None
    }
    if not named or not any((project.root / path).exists() for path in account.manifests):
        return EMPTY
    held = outline(
        project.manifests(account), account, state.account_id, state.partition, project.config, given(project.options)
    )
    found: dict[str, str] = {}
    for kind, node in named.items():
        text = expand(node, held.declarations.names)
        if isinstance(text, Scalar) and text.text:
            meant = reference("policy", text.text, text, held.declarations.reading)
            if meant is not None:
                found[kind] = meant
    return found


def _notes(evidence: Evidence, permissions: Permissions) -> Iterator[str]:
    """What this source could not be asked, for whoever reads that something was not found."""
    words = {
        "report": "credentials were not looked at",
        "root-mfa": "the kind of the root user's second factor was not looked at",
        "certificates": "server certificates were not looked at",
        "password-policy": "the password policy was not looked at",
        "accessed": "which services were used is not known of everybody",
    }
    for name, why in evidence.untold.items():
        if (name == "report" and evidence.report is not None) or (
            name == "password-policy" and knows_passwords(evidence)
        ):
            continue
        yield f"{words[name]}: {why}"
    if evidence.report is not None and evidence.report.generated:
        age = evidence.days_since(evidence.report.generated)
        if age > 1:
            yield f"the credential report is of {evidence.report.generated}"
    unknown = sorted(
        name
        for holder in evidence.of("user", "group", "role")
        for name in holder.spec.managed_policies
        if permissions.document(name) is None
    )
    if unknown:
        names = sorted({name.partition(":policy/")[2] for name in unknown})
        shown = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
        yield f"not known is what these policies say, so that some ways are not certain: {shown} (iamsync refresh)"


def _saved(path: Path) -> CredentialReport:
    text = read_text(path, "a credential report")
    try:
        return credential_report(text)
    except ValueError as error:
        raise InputError(
            f"this is no credential report: {error}",
            code="bad-report",
            place=Place(str(path)),
            hint="save one: aws iam get-credential-report --query Content --output text | base64 -d",
        ) from error
