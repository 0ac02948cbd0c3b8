"""A fleet of N roles, N/2 users, N/20 groups, N/2 policies and N/25 instance profiles, as accounts have them.

The same fleet as manifests, and as the content of an account. The two are made of one plain description, and neither
by iamsync's own code, so that a plan without changes over them says something. (`terraform.py` has it a third time.)
"""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

ACCOUNT: Final = "111122223333"
MADE: Final = "2026-01-01T00:00:00Z"
PER_FILE: Final = 250

Document = dict[str, Any]

_SERVICES: Final = ("ec2", "lambda", "ecs-tasks", "glue", "codebuild")
# Of AWS's own: what a role or a group gets beside the policies of the account.
_OWN: Final = (
    "aws/AmazonSSMManagedInstanceCore",
    "aws/CloudWatchAgentServerPolicy",
    "aws/AmazonEC2ContainerRegistryReadOnly",
)
_DATA: Final = (
    (("s3:GetObject", "s3:PutObject"), "arn:aws:s3:::bucket-{n}/*"),
    (("s3:ListBucket",), "arn:aws:s3:::bucket-{n}"),
    (("sqs:SendMessage", "sqs:ReceiveMessage", "sqs:DeleteMessage"), "arn:aws:sqs:eu-west-1:{account}:queue-{n}"),
    (("dynamodb:GetItem", "dynamodb:Query"), "arn:aws:dynamodb:eu-west-1:{account}:table/orders-{n}"),
    (("kms:Decrypt",), "arn:aws:kms:eu-west-1:{account}:key/00000000-0000-4000-8000-{n:012d}"),
    (("sns:Publish",), "arn:aws:sns:eu-west-1:{account}:topic-{n}"),
)


@dataclass(frozen=True)
class Fleet:
    """How many there are of each kind; the same numbers and seed are the same fleet."""

    roles: int
    users: int
    groups: int
    policies: int
    profiles: int
    seed: int = 7

    @classmethod
    def of(cls, size: int, seed: int = 7) -> Fleet:
        """The fleet of this many roles, and of the rest what usually comes with them."""
        return cls(size, max(1, size // 2), max(1, size // 20), max(2, size // 2), size // 25, seed)

    @property
    def entities(self) -> int:
        """Roles, users, groups and policies: what GetAccountAuthorizationDetails counts."""
        return self.roles + self.users + self.groups + self.policies

    @cached_property
    def sections(self) -> dict[str, dict[str, dict[str, Any]]]:
        """The sections of a manifest; names stand for ARNs, and what has the default value is left out."""
        draw = random.Random(self.seed)
        return {
            "policies": {f"policy-{n}": self._policy(n, draw) for n in range(self.policies)},
            "groups": {f"group-{n}": self._group(n, draw) for n in range(self.groups)},
            "users": {f"user-{n}": self._user(n, draw) for n in range(self.users)},
            "roles": {f"role-{n}": self._role(n, draw) for n in range(self.roles)},
            "instance_profiles": {
                f"profile-{n}": {"path": "/apps/", "role": f"role-{n}", "tags": _tags(n, draw)}
                for n in range(self.profiles)
            },
        }

    def _policy(self, n: int, draw: random.Random) -> dict[str, Any]:
        chosen = draw.sample(_DATA, draw.randint(1, 4))
        statements = [_allow(actions, where, n, f"part{at}") for at, (actions, where) in enumerate(chosen)]
        return {"document": _document(statements), "tags": _tags(n, draw)}

    def _group(self, n: int, draw: random.Random) -> dict[str, Any]:
        return {"managed_policies": [*self._some(draw, draw.randint(1, 2)), "aws/ReadOnlyAccess"]}

    def _user(self, n: int, draw: random.Random) -> dict[str, Any]:
        first = n % self.groups
        groups = [f"group-{first}"]
        if draw.random() < 0.1 and self.groups > 1:
            groups.append(f"group-{(first + 1) % self.groups}")
        user: dict[str, Any] = {"path": "/people/", "groups": groups, "tags": _tags(n, draw)}
        if draw.random() < 0.2:
            user["permissions_boundary"] = "policy-0"
        return user

    def _role(self, n: int, draw: random.Random) -> dict[str, Any]:
        service = draw.choice(_SERVICES)
        trust: dict[str, Any] = {"Effect": "Allow", "Principal": {"Service": f"{service}.amazonaws.com"}}
        role: dict[str, Any] = {
            "path": "/apps/",
            "description": f"Runs service {n}",
            "trust_policy": _document([{**trust, "Action": "sts:AssumeRole"}]),
            "managed_policies": [*self._some(draw, draw.randint(1, 2)), *draw.sample(_OWN, draw.randint(0, 1))],
            "tags": {**_tags(n, draw), "service": f"service-{n}"},
        }
        if n % 3 == 0:
            actions, where = draw.choice(_DATA)
            logs = _allow(("logs:CreateLogStream", "logs:PutLogEvents"), "*", n, "logs")
            role["inline_policies"] = {"own": _document([logs, _allow(actions, where, n, "data")])}
        if n % 2 == 0:
            role["permissions_boundary"] = "policy-0"
        if n % 10 == 0:
            role["max_session_duration"] = 7200
        return role

    def _some(self, draw: random.Random, count: int) -> list[str]:
        return [f"policy-{n}" for n in sorted(draw.sample(range(self.policies), min(count, self.policies)))]


def arn(kind: str, name: str, path: str = "/") -> str:
    """The ARN of something of the fleet's account."""
    return f"arn:aws:iam::{ACCOUNT}:{kind}{path}{name}"


def policy_arn(name: str) -> str:
    """The ARN of a policy by the name that manifests have for it."""
    return f"arn:aws:iam::aws:policy/{name[4:]}" if name.startswith("aws/") else arn("policy", name)


def identity(prefix: str, name: str) -> str:
    """The id that AWS would have given: stable, so that the account and another tool's records agree."""
    return prefix + hashlib.sha256(name.encode()).hexdigest()[:17].upper()


def dump(fleet: Fleet) -> dict[str, Any]:
    """The fleet as an account that has it, in the shape of GetAccountAuthorizationDetails and what that leaves out."""
    held = fleet.sections
    return {
        "Policies": [
            {
                **_named("Policy", "ANPA", name),
                "Arn": arn("policy", name),
                "DefaultVersionId": "v1",
                "PolicyVersionList": [
                    {"VersionId": "v1", "Document": each["document"], "IsDefaultVersion": True, "CreateDate": MADE}
                ],
                **_labels(each),
            }
            for name, each in held["policies"].items()
        ],
        "GroupDetailList": [
            _named("Group", "AGPA", name) | {"Arn": arn("group", name)} | _holding("Group", each)
            for name, each in held["groups"].items()
        ],
        "UserDetailList": [
            _named("User", "AIDA", name, each["path"])
            | {"Arn": arn("user", name, each["path"]), "GroupList": each["groups"]}
            | _holding("User", each)
            for name, each in held["users"].items()
        ],
        "RoleDetailList": [
            _named("Role", "AROA", name, each["path"])
            | {
                "Arn": arn("role", name, each["path"]),
                "AssumeRolePolicyDocument": each["trust_policy"],
                "Description": each["description"],
                "MaxSessionDuration": each.get("max_session_duration", 3600),
            }
            | _holding("Role", each)
            for name, each in held["roles"].items()
        ],
        "InstanceProfiles": [
            _named("InstanceProfile", "AIPA", name, each["path"])
            | {"Roles": [{"RoleName": each["role"]}]}
            | _labels(each)
            for name, each in held["instance_profiles"].items()
        ],
    }


def write(folder: Path, fleet: Fleet) -> None:
    """The fleet as a project in this folder: manifests as people write them, so many resources a file."""
    (folder / "iam").mkdir(parents=True)
    for section, held in fleet.sections.items():
        names = list(held)
        for at in range(0, len(names), PER_FILE):
            part = {section: {name: held[name] for name in names[at : at + PER_FILE]}}
            path = folder / "iam" / f"{section}-{at // PER_FILE:02d}.yaml"
            path.write_text("\n".join(_lines(part, "")) + "\n", encoding="utf-8")
    account = {"id": ACCOUNT, "safety": {"settle": 0, "max_deletes": 0}}
    config = {"version": 1, "accounts": {"fleet": account}}
    (folder / "iamsync.yaml").write_text("\n".join(_lines(config, "")) + "\n", encoding="utf-8")


def writes(fleet: Fleet) -> int:
    """How many calls make the fleet: one a creation, attachment, membership, inline policy, profile's role."""
    held = fleet.sections
    count = sum(map(len, held.values())) + len(held["instance_profiles"])
    for each in (*held["roles"].values(), *held["groups"].values()):
        count += len(each["managed_policies"]) + len(each.get("inline_policies", ()))
    return count + sum(len(each["groups"]) for each in held["users"].values())


def _document(statements: list[dict[str, Any]]) -> Document:
    return {"Version": "2012-10-17", "Statement": statements}


def _allow(actions: Iterable[str], where: str, n: int, sid: str) -> dict[str, Any]:
    resource = where.format(n=n, account=ACCOUNT)
    return {"Sid": sid, "Effect": "Allow", "Action": list(actions), "Resource": resource}


def _tags(n: int, draw: random.Random) -> dict[str, str]:
    tags = {"team": f"team-{n % 7}", "environment": draw.choice(("production", "staging"))}
    return tags | ({"cost-center": str(1000 + n % 40)} if draw.random() < 0.5 else {})


def _named(noun: str, prefix: str, name: str, path: str = "/") -> dict[str, Any]:
    return {"Path": path, f"{noun}Name": name, f"{noun}Id": identity(prefix, name), "CreateDate": MADE}


def _labels(each: Mapping[str, Any]) -> dict[str, Any]:
    return {"Tags": [{"Key": key, "Value": value} for key, value in each["tags"].items()]} if "tags" in each else {}


def _holding(noun: str, each: Mapping[str, Any]) -> dict[str, Any]:
    held: dict[str, Any] = {
        "AttachedManagedPolicies": [
            {"PolicyName": name.rpartition("/")[2], "PolicyArn": policy_arn(name)}
            for name in each.get("managed_policies", ())
        ],
        f"{noun}PolicyList": [
            {"PolicyName": label, "PolicyDocument": document}
            for label, document in each.get("inline_policies", {}).items()
        ],
    }
    if bound := each.get("permissions_boundary"):
        kind = {"PermissionsBoundaryType": "PermissionsBoundaryPolicy"}
        held["PermissionsBoundary"] = {**kind, "PermissionsBoundaryArn": policy_arn(bound)}
    return held | _labels(each)


def _lines(value: Any, indent: str) -> Iterable[str]:
    """YAML in blocks, as people write manifests; only what the fleet has in it."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            if isinstance(inner, Mapping) and inner:
                yield f"{indent}{name}:"
                yield from _lines(inner, indent + "  ")
            elif isinstance(inner, list) and inner and isinstance(inner[0], Mapping):
                yield f"{indent}{name}:"
                for each in inner:
                    first, *rest = _lines(each, indent + "    ")
                    yield f"{indent}  - {first.lstrip()}"
                    yield from rest
            else:
                yield f"{indent}{name}: {_scalar(inner)}"


def _scalar(value: Any) -> str:
    if isinstance(value, str) and value.replace("-", "").replace(" ", "").isalnum() and not value[0].isdigit():
        return value
    return json.dumps(value)
