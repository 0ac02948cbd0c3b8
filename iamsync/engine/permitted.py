"""Whose permissions are asked about: those of the manifests, of an account as it is, or as a plan will leave it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from iamsync.aws.policies import aws_policies
from iamsync.aws.read import read
from iamsync.engine.fleets import Failure, each
from iamsync.engine.planning import observe
from iamsync.engine.project import Project
from iamsync.engine.reach import Reached, Ways, meant
from iamsync.engine.refreshing import referred
from iamsync.manifest.config import Account
from iamsync.manifest.load import Beside
from iamsync.manifest.lockfile import read_lock
from iamsync.manifest.places import statement_places
from iamsync.model import State
from iamsync.planner.contrast import contrast
from iamsync.planner.permissions import Permissions, Places
from iamsync.planner.projected import projected
from iamsync.policy.document import Document

Subject = Literal["manifests", "live", "planned"]


@dataclass(frozen=True, slots=True)
class Permitted:
    """One account's permissions; `subject` says of which state they are."""

    account: Account
    subject: Subject
    permissions: Permissions

    @property
    def account_id(self) -> str:
        return self.permissions.state.account_id

    @property
    def partition(self) -> str:
        return self.permissions.state.partition


def permitted(project: Project, subject: Subject, failed: list[Failure]) -> tuple[Permitted, ...]:
    """The permissions of each account of this run; `manifests` asks nobody.

    Of several accounts those that cannot be read join `failed`. InputErrors with every mistake in an account's files.
    """
    if subject == "manifests":
        return tuple(
            declared(project, account, project.offline_id(account), account.partition or "aws")
            for account in project.accounts()
        )
    with Ways(project) as ways:

        def one(account: Account) -> Permitted:
            reached = ways.reach(account)
            return _live(project, reached) if subject == "live" else _planned(project, reached)

        return each(meant(project), one, failed)


def reached_permissions(project: Project, reached: Reached, subject: Subject) -> Permitted:
    """The same, of an account that was reached: documents that manifests do not hold are asked of it."""
    if subject != "manifests":
        return _live(project, reached) if subject == "live" else _planned(project, reached)
    beside = Beside()
    state = project.desired_of(reached.account, reached.account_id, reached.partition, beside)
    places = statement_places(beside.documents)
    known = documents(project, reached, state)
    return Permitted(reached.account, subject, _permissions(reached.account, state, known, places))


def declared(project: Project, account: Account, account_id: str, partition: str) -> Permitted:
    """What the manifests alone give the principals they declare."""
    beside = Beside()
    state = project.desired_of(account, account_id, partition, beside)
    return of_manifests(project, account, state, beside)


def of_manifests(project: Project, account: Account, state: State, beside: Beside) -> Permitted:
    """The same, of manifests that were resolved already; `beside` as `resolve` filled it."""
    places = statement_places(beside.documents)
    return Permitted(account, "manifests", _permissions(account, state, read_lock(project.root), places))


def _live(project: Project, reached: Reached) -> Permitted:
    if reached.told is not None:
        state = reached.told
    else:
        assert reached.connection is not None
        state = read(reached.connection)
    return Permitted(reached.account, "live", _permissions(reached.account, state, documents(project, reached, state)))


def _planned(project: Project, reached: Reached) -> Permitted:
    account, settings = reached.account, project.settings(reached.account)
    beside = Beside()
    desired = project.desired_of(account, reached.account_id, reached.partition, beside)
    live = observe(reached, desired, settings)
    state = projected(contrast(desired, live, settings, now=project.now))
    places = statement_places(beside.documents)
    return Permitted(account, "planned", _permissions(account, state, documents(project, reached, state), places))


def _permissions(
    account: Account, state: State, aws: Mapping[str, tuple[str, Document]], places: Places | None = None
) -> Permissions:
    return Permissions(state, aws, places=places, organization=account.organization)


def documents(project: Project, reached: Reached, state: State) -> dict[str, tuple[str, Document]]:
    """AWS's own policies that a state refers to: from the account, or from what a file and the lock file tell."""
    wanted = set(referred(state))
    if reached.connection is not None:
        return aws_policies(reached.connection, sorted(wanted - state.aws_policies.keys()))
    locked = read_lock(project.root)
    return {arn: locked[arn] for arn in wanted - state.aws_policies.keys() if arn in locked}
