"""Validate: everything that can be known of a project without asking AWS."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from iamsync.aws.session import Connection
from iamsync.engine.analyzing import remarks
from iamsync.engine.fleets import Failure, each
from iamsync.engine.permitted import of_manifests
from iamsync.engine.project import NO_ACCOUNT, Project
from iamsync.engine.reach import Ways
from iamsync.engine.testing import Tested, tested
from iamsync.errors import InputError, InputErrors, raise_once
from iamsync.kinds import codec, keyrules
from iamsync.kinds.keyrules import Wishes
from iamsync.manifest.config import Account
from iamsync.manifest.linting import NO_MORE, Findings, findings
from iamsync.manifest.load import Beside
from iamsync.manifest.suppress import Suppression
from iamsync.model import State
from iamsync.policy import catalog


@dataclass(frozen=True, slots=True)
class Validated:
    """One account's desired state, as its manifests resolve, what was found in its documents, its permission tests."""

    account_name: str
    state: State
    findings: Findings = field(default_factory=Findings)
    suppressions: tuple[Suppression, ...] = ()
    tested: Tested | None = None
    analyzed: bool = False

    @property
    def counts(self) -> Mapping[str, int]:
        """How many resources of each kind are declared."""
        found: dict[str, int] = {}
        for resource in self.state:
            found[resource.address.kind] = found.get(resource.address.kind, 0) + 1
        return found

    def expanded(self) -> dict[str, object]:
        """Every resource with all its fields, references as ARNs."""
        return {
            "account": {"name": self.account_name, "id": self.state.account_id},
            "resources": {
                str(resource.address): {**codec.to_json(resource), **keyrules.to_json(resource.credentials or Wishes())}
                for resource in self.state
            },
            "removed": [str(removal.address) for removal in self.state.removed],
        }


def analyzed(project: Project, failed: list[Failure]) -> tuple[Validated, ...]:
    """As `validate`, with what AWS's Access Analyzer finds in the documents; nothing is asked before all is right.

    Of several accounts those that cannot be asked join `failed`, and stay as they were without it.
    """
    offline = validate(project)
    with Ways(project) as ways:
        asked = each(project.accounts(), lambda account: _analyzed(project, ways, account), failed)
    by_name = {item.account_name: item for item in asked}
    return tuple(by_name.get(item.account_name, item) for item in offline)


def _analyzed(project: Project, ways: Ways, account: Account) -> Validated:
    reached = ways.reach(account)
    assert reached.connection is not None
    known = replace(account, id=reached.account_id, partition=reached.partition)
    return _checked(project, known, reached.connection)


def validate(project: Project) -> tuple[Validated, ...]:
    """The desired state of each account; InputErrors with the mistakes of all of them, each once."""
    wrongs: list[InputError | InputErrors] = []
    out = []
    for account in project.accounts():
        try:
            out.append(_checked(project, account))
        except (InputErrors, InputError) as wrong:
            wrongs += [wrong, *_wrong_tests(project, account)]
    raise_once(wrongs)
    return tuple(out)


def _wrong_tests(project: Project, account: Account) -> list[InputError | InputErrors]:
    """What is wrong with the tests of an account beside whatever else is."""
    try:
        project.tests(account, account.id or NO_ACCOUNT, account.partition or "aws")
    except (InputErrors, InputError) as wrong:
        return [wrong]
    return []


def _checked(project: Project, account: Account, connection: Connection | None = None) -> Validated:
    account_id, beside = project.offline_id(account), Beside()
    state = project.desired_of(account, account_id, account.partition or "aws", beside)
    found = findings(
        state,
        beside,
        account_id=account_id,
        ours=[held.id for held in project.config.accounts if held.id],
        catalog=catalog.load(),
        now=project.now,
        more=remarks(connection, beside) if connection is not None else NO_MORE,
    )
    results = tested(project, of_manifests(project, account, state, beside))
    return Validated(account.name, state, found, beside.suppressions, results, connection is not None)
