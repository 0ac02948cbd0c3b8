"""One account that everything here happens to: declared in YAML, living in the sandbox."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from iamsync.engine.options import Options
from iamsync.engine.project import Project
from iamsync.model import Plan, State
from tests.world import ACCOUNT, World

SITE = """\
policies:
  deploy:
    path: /ci/
    description: Puts the site in its bucket
    tags: {team: web, cost: "1"}
    document:
      Version: 2012-10-17
      Statement:
        - {Sid: site, Effect: Allow, Action: [s3:PutObject, s3:GetObject], Resource: "arn:aws:s3:::site/*"}
  audit:
    document:
      Version: 2012-10-17
      Statement: {Effect: Allow, Action: cloudtrail:LookupEvents, Resource: "*"}
  fence:
    document:
      Version: 2012-10-17
      Statement: {Effect: Allow, Action: ["s3:*", "ec2:*"], Resource: "*"}
  wide-fence:
    document:
      Version: 2012-10-17
      Statement: {Effect: Allow, Action: "*", Resource: "*"}
groups:
  developers: {path: /people/, managed_policies: [deploy, aws/ReadOnlyAccess]}
  admins:
    inline_policies:
      keys:
        Version: 2012-10-17
        Statement: {Effect: Allow, Action: iam:ListAccessKeys, Resource: "*"}
users:
  alice:
    path: /people/
    groups: [developers]
    managed_policies: [audit]
    permissions_boundary: fence
    tags: {team: web, Cost Center: "12"}
  bob:
    groups: [admins, developers]
    inline_policies:
      home:
        Version: 2012-10-17
        Statement: {Effect: Allow, Action: s3:ListBucket, Resource: "arn:aws:s3:::home"}
roles:
  site:
    path: /ci/
    description: Deploys the site
    max_session_duration: 2h
    tags: {team: web}
    permissions_boundary: fence
    managed_policies: [deploy, aws/job-function/ViewOnlyAccess]
    inline_policies:
      assets:
        Version: 2012-10-17
        Statement: {Sid: assets, Effect: Allow, Action: s3:DeleteObject, Resource: "arn:aws:s3:::site/assets/*"}
    trust_policy:
      Version: 2012-10-17
      Statement: {Effect: Allow, Principal: {Service: ec2.amazonaws.com}, Action: sts:AssumeRole}
  reader:
    trust_policy:
      Version: 2012-10-17
      Statement: {Effect: Allow, Principal: {AWS: $(arn.user/bob)}, Action: sts:AssumeRole}
"""


def load(text: str) -> State:
    """The state that a manifest declares for the account."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "iam").mkdir()
        (Path(folder) / "iam" / "site.yaml").write_text(text, encoding="utf-8")
        project = Project.open(Options(cwd=Path(folder), account_id=ACCOUNT))
        (account,) = project.accounts()
        return project.desired(account, ACCOUNT)


DECLARED = load(SITE)


def arn(address: str) -> str:
    """The ARN of a resource of the declared account."""
    kind, _, name = address.partition("/")
    found = next(r for r in DECLARED if r.address.kind == kind and r.address.name == name)
    return f"arn:aws:iam::{ACCOUNT}:{kind}{found.spec.path}{name}"


def living(state: State = DECLARED) -> World:
    """An account in which exactly this state lives."""
    return World().holds(state)


def rows(plan: Plan) -> list[tuple[str, str, str, tuple[Any, ...], tuple[Any, ...]]]:
    """A plan's changes as (action, address, field, added, removed), a row a field."""
    return [
        (change.action, str(change.address), field.field, field.added, field.removed)
        for change in plan.changes
        for field in change.fields
    ]


def summary(plan: Plan) -> list[str]:
    """A plan's changes as `action address`."""
    return [f"{change.action} {change.address}" for change in plan.changes]


def operations(plan: Plan) -> list[str]:
    """The calls of a plan, in order, without pauses."""
    return [step.operation for step in plan.steps if step.operation != "wait"]


def ids(cases: Iterable[Any]) -> list[str]:
    """Names of cases for pytest."""
    return [case.name.replace(" ", "-") for case in cases]
