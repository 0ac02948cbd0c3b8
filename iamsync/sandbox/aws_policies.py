"""AWS managed policies: moto's copy of the 1,500 or so documents, parsed only when one is asked for."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from functools import cache
from typing import Any

from iamsync.sandbox.entities import Policy, PolicyVersion, moment


def find(arn: str) -> Policy | None:
    """The AWS managed policy with this ARN, in any partition; None if AWS (as of moto's copy) has none."""
    partition, _, rest = arn.removeprefix("arn:").partition(":iam::aws:policy/")
    name = rest.rpartition("/")[2]
    data = _catalogue().get(name) if rest else None
    if data is None or f"{data['Path']}{name}" != f"/{rest}":
        return None
    return _policy(partition, name)


def every(partition: str) -> Iterator[Policy]:
    """All AWS managed policies of a partition."""
    return (_policy(partition, name) for name in _catalogue())


@cache
def _catalogue() -> dict[str, dict[str, Any]]:
    from moto.iam.aws_managed_policies import aws_managed_policies_data

    catalogue: dict[str, dict[str, Any]] = json.loads(aws_managed_policies_data)
    return catalogue


@cache
def _policy(partition: str, name: str) -> Policy:
    data = _catalogue()[name]
    policy = Policy(name, "aws", partition, path=data["Path"])
    # AWS's own ids are not in the copy: these are stable, and the same in every account, as AWS's are.
    digest = base64.b32encode(hashlib.sha256(policy.arn.encode()).digest()).decode()
    policy.id = f"ANPA{digest[:17]}"
    policy.create_date, policy.update_date = moment(data["CreateDate"]), moment(data["UpdateDate"])
    policy.default_version_id = data["DefaultVersionId"]
    document = json.dumps(data["Document"], indent=4)
    policy.versions = [PolicyVersion(policy.arn, document, True, policy.default_version_id, policy.update_date)]
    return policy
