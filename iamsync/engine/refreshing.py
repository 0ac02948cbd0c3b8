"""Refresh: the documents of the AWS managed policies a project refers to, into its lock file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from iamsync import arn
from iamsync.aws.policies import aws_policies
from iamsync.engine.project import Project
from iamsync.engine.reach import Ways
from iamsync.errors import InputError
from iamsync.kinds import KINDS
from iamsync.manifest import lockfile
from iamsync.model import State
from iamsync.policy.document import Document


@dataclass(frozen=True, slots=True)
class Refreshed:
    """What the new lock file holds and how it differs from the one before; `changed` is (ARN, old, new version)."""

    path: Path
    text: str
    count: int
    added: tuple[str, ...]
    dropped: tuple[str, ...]
    changed: tuple[tuple[str, str, str], ...]


def referred(state: State) -> Iterator[str]:
    """The ARNs of AWS's own policies that a state's resources refer to."""
    for resource in state:
        for field in KINDS[resource.address.kind].fields:
            value = getattr(resource.spec, field.name)
            if field.form == "references":
                yield from (item for item in value if arn.is_aws_managed(item))
            elif field.form == "reference" and value and arn.is_aws_managed(value):
                yield value


def refresh(project: Project, ways: Ways, catalogue: str) -> Refreshed:
    """The lock file as it should be now, from AWS; nothing is written here.

    InputError where a manifest refers to an AWS managed policy that does not exist.
    """
    before = lockfile.read_lock(project.root)
    found: dict[str, tuple[str, Document]] = {}
    for account in project.accounts():
        reached = ways.reach(account)
        wanted = sorted(set(referred(project.desired(account, reached.account_id, reached.partition))) - found.keys())
        if reached.connection is None:
            raise InputError(
                "--live holds no AWS managed policies", code="bad-option", hint="refresh against the account itself"
            )
        found |= aws_policies(reached.connection, wanted)
        if missing := [name for name in wanted if name not in found]:
            raise InputError(
                f"AWS has no policy {missing[0]}",
                code="unknown-reference",
                hint="look at its path: aws/job-function/NAME, aws/service-role/NAME",
            )
    return Refreshed(
        project.root / lockfile.NAME,
        lockfile.to_text(found, catalogue),
        len(found),
        tuple(sorted(found.keys() - before.keys())),
        tuple(sorted(before.keys() - found.keys())),
        tuple(
            (name, before[name][0], found[name][0])
            for name in sorted(found.keys() & before.keys())
            if before[name] != found[name]
        ),
    )
