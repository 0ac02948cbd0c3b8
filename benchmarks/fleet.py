"""A fleet of N roles, N/2 users, N/20 groups and N/2 policies, as manifests: every one with what real ones have."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

ACCOUNT = "111122223333"


def document(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def allow(actions: list[str], resource: str, sid: str = "") -> dict[str, Any]:
    named = {"Sid": sid} if sid else {}
    return {**named, "Effect": "Allow", "Action": actions, "Resource": resource}


def fleet(size: int) -> dict[str, Any]:
    """The sections of a manifest; one in three roles has an inline policy, one in two a boundary."""
    groups, policies = max(1, size // 20), max(2, size // 2)
    trust = document({"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"})
    bucket = "arn:aws:s3:::bucket-{}/*"
    return {
        "policies": {
            f"policy-{n}": {
                "document": document(
                    allow(["s3:GetObject", "s3:PutObject"], bucket.format(n), "objects"),
                    allow(["sqs:SendMessage"], f"arn:aws:sqs:eu-west-1:{ACCOUNT}:queue-{n}", "queue"),
                ),
                "tags": {"team": f"team-{n % 7}"},
            }
            for n in range(policies)
        },
        "groups": {f"group-{n}": {"managed_policies": [f"policy-{n}", "aws/ReadOnlyAccess"]} for n in range(groups)},
        "users": {
            f"user-{n}": {"path": "/people/", "groups": [f"group-{n % groups}"], "tags": {"team": f"team-{n % 7}"}}
            for n in range(max(1, size // 2))
        },
        "roles": {
            f"role-{n}": {
                "path": "/apps/",
                "description": f"Runs service {n}",
                "trust_policy": trust,
                "managed_policies": [f"policy-{n % policies}", "aws/AmazonSSMManagedInstanceCore"],
                "inline_policies": {"own": document(allow(["logs:PutLogEvents"], "*"))} if n % 3 == 0 else {},
                "permissions_boundary": "policy-0" if n % 2 == 0 else None,
                "tags": {"team": f"team-{n % 7}", "service": f"service-{n}"},
            }
            for n in range(size)
        },
    }


def write(folder: Path, size: int) -> None:
    """A project of this size: a file a section. JSON is YAML, and needs no writer."""
    (folder / "iam").mkdir(parents=True)
    for section, held in fleet(size).items():
        (folder / "iam" / f"{section}.yaml").write_text(json.dumps({section: held}, indent=1), encoding="utf-8")
    account = {"id": ACCOUNT, "safety": {"settle": 0, "max_deletes": 0}}
    config = {"version": 1, "accounts": {"fleet": account}}
    (folder / "iamsync.yaml").write_text(json.dumps(config, indent=1), encoding="utf-8")
