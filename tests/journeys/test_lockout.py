"""Locked out on a server that enforces policies: what `self-lockout` foretells is what happens once it is agreed to."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import pytest

from .cli import Folder
from .servers import Absent, Server, running

ACCOUNT = "111122223333"
CONFIG = f"version: 1\nmanifests: [iam]\naccounts: {{prod: {{id: '{ACCOUNT}'}}}}\nsafety: {{settle: 0}}\n"
OPS = "users:\n  ops:\n    inline_policies: {own: {$file: own.json}}\n"
FENCED = OPS + "    permissions_boundary: fence\npolicies:\n  fence: {document: {$file: fence.json}}\n"


def document(*actions: str) -> str:
    statement = {"Effect": "Allow", "Action": list(actions), "Resource": "*"}
    return json.dumps({"Version": "2012-10-17", "Statement": statement})


@pytest.fixture(scope="module")
def strict() -> Iterator[Server]:
    try:
        with running("ministack-auth") as server:
            yield server
    except Absent as missing:
        pytest.skip(str(missing))


@pytest.fixture
def project(strict: Server, inside: Folder) -> Folder:
    """A project that is applied by a user of the account who may do all of IAM."""
    strict.empty()
    iam = strict.client()
    # Somebody else who could help and can sign in: without one, last-admin refuses as well.
    iam.create_user(UserName="boss")
    iam.create_access_key(UserName="boss")
    iam.put_user_policy(UserName="boss", PolicyName="own", PolicyDocument=document("*"))
    iam.create_user(UserName="ops")
    iam.put_user_policy(UserName="ops", PolicyName="own", PolicyDocument=document("iam:*"))
    key = iam.create_access_key(UserName="ops")["AccessKey"]
    inside.environment.update(strict.environment)
    inside.environment.update(AWS_ACCESS_KEY_ID=key["AccessKeyId"], AWS_SECRET_ACCESS_KEY=key["SecretAccessKey"])
    inside.write("iamsync.yaml", CONFIG)
    inside.write("iam/own.json", document("iam:*"))
    inside.write("iam/fence.json", document("s3:*"))
    inside.write("iam/site.yaml", OPS)
    assert "No changes" in inside("plan").out
    return inside


def narrowed(project: Folder) -> None:
    project.write("iam/own.json", document("s3:*"))


def bounded(project: Folder) -> None:
    project.write("iam/site.yaml", FENCED)


@pytest.mark.parametrize("change", [narrowed, bounded])
def test_a_lockout_is_refused_and_is_one_once_it_is_agreed_to(
    strict: Server, project: Folder, change: Callable[[Folder], None]
) -> None:
    change(project)
    refused = project("plan", code=3)
    assert "self-lockout" in refused.out
    assert "user/ops (the caller) could no longer iam:GetAccountAuthorizationDetails" in " ".join(refused.out.split())
    project("apply", "--auto-approve", code=3)
    assert "No changes" not in project("plan", code=3).out
    project("apply", "--auto-approve", "--acknowledge", "self-lockout:user/ops")
    locked_out = project("plan", code=1)
    assert "AccessDenied" in locked_out.err
    assert "GetAccount" in locked_out.err


def test_a_change_that_takes_nothing_from_the_caller_goes_through(strict: Server, project: Folder) -> None:
    project.write("iam/site.yaml", OPS + "  bob: {inline_policies: {read: {$file: fence.json}}}\n")
    project("apply", "--auto-approve")
    assert "No changes" in project("plan").out
