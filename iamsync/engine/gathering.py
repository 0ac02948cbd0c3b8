"""What an audit is to know of an account: its state, AWS's reports on it, what its project expects of it.

Everything that is asked of AWS here is a read. What the caller may not read is left out, and the report says why.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar

from iamsync.audit import Evidence, knows_passwords
from iamsync.aws import accountwide
from iamsync.aws.credentialreport import read_report
from iamsync.aws.further import further
from iamsync.aws.lastaccessed import last_accessed
from iamsync.aws.read import read
from iamsync.aws.session import Connection
from iamsync.engine.project import Project
from iamsync.engine.reach import Reached
from iamsync.engine.textfile import read_text
from iamsync.engine.variables import given
from iamsync.errors import AccessDenied, InputError, Place, Unsupported
from iamsync.kinds.reports import CredentialReport, ServiceUse, credential_report
from iamsync.manifest.config import Account
from iamsync.manifest.expand import expand
from iamsync.manifest.fields import reference
from iamsync.manifest.load import outline
from iamsync.manifest.nodes import Scalar
from iamsync.model import EMPTY, Resource, State
from iamsync.planner.situation import names_of

_T = TypeVar("_T")

# What the bulk calls leave out and an audit looks at, by what it is called where it cannot be read.
_FURTHER: Final = {"account": "password-policy", "oidc_provider": "providers", "saml_provider": "providers"}


def gathered(project: Project, reached: Reached, saved: CredentialReport | None) -> Evidence:
    """The state of an account with AWS's reports on it, as far as the caller may have them."""
    untold: dict[str, str] = {}
    if reached.told is not None:
        untold |= dict.fromkeys(("root-mfa", "certificates", "password-policy"), "a file does not tell it")
        untold["report"] = "there is no credential report (--credential-report FILE)"
        return Evidence(state=reached.told, now=project.now, subject="file", report=saved, untold=untold)
    assert reached.connection is not None
    iam = reached.connection.iam
    state = read(reached.connection)
    connection = reached.connection

    def asked(name: str, question: Callable[[Any], _T]) -> _T | None:
        try:
            return question(iam)
        except (AccessDenied, Unsupported) as error:
            untold[name] = error.message
            return None

    for kind, name in _FURTHER.items():
        held = asked(name, partial(_of_kind, connection, kind))
        if held is not None:
            whole = State.of(state.account_id, (*state, *held)).resources
            state = replace(state, resources=whole, complete=state.complete | {kind})
    return Evidence(
        state=state,
        now=project.now,
        subject="live",
        report=saved or asked("report", read_report),
        root_devices=asked("root-mfa", accountwide.root_devices),
        certificates=asked("certificates", accountwide.certificates),
        untold=untold,
    )


def _of_kind(connection: Connection, kind: str, iam: Any) -> tuple[Resource, ...]:
    return further(connection, (kind,))[kind]


def with_accessed(reached: Reached, evidence: Evidence) -> Evidence:
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


def expected(project: Project, account: Account, state: State) -> Mapping[str, str]:
    """The boundary that `defaults:` gives users and roles, as an ARN; it is expected of the undeclared too."""
    named = {
        kind: node
        for kind, section in (("user", "users"), ("role", "roles"))
        if (table := account.defaults.get(section)) is not None
        and (node := table.get("permissions_boundary")) is not None
    }
    if not named or not project.has_manifests(account):
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


def notes(evidence: Evidence, unknown: Sequence[str]) -> Iterator[str]:
    """What this source could not be asked, for whoever reads that something was not found."""
    words = {
        "report": "credentials were not looked at",
        "root-mfa": "the kind of the root user's second factor was not looked at",
        "certificates": "server certificates were not looked at",
        "password-policy": "the password policy was not looked at",
        "providers": "whether identity providers are there was not looked at",
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
    if unknown:
        names = sorted({name.partition(":policy/")[2] for name in unknown})
        shown = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
        yield f"not known is what these policies say, so what they grant was not looked at: {shown} (iamsync refresh)"
    if evidence.reach.cut:
        # More states of the account than are looked at come of what they may change (`planner.paths`).
        who = names_of(sorted(evidence.reach.cut))
        yield f"not every way to administrator was followed of {who}, who may change too much"


def saved_report(path: Path) -> CredentialReport:
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


def report_is_of(account_id: str | None, report: CredentialReport | None) -> None:
    """InputError where a saved credential report is of another account, by the ARNs in it."""
    arns = [row.arn.split(":") for row in report.rows.values()] if report is not None else []
    others = sorted({parts[4] for parts in arns if len(parts) > 5} - {account_id}) if account_id else []
    if others:
        raise InputError(
            f"the credential report is of account {others[0]}, and this audit is of {account_id}",
            code="wrong-account",
            hint="give the report of the same account, or --account NAME",
        )
