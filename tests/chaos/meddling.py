"""Somebody else with a console: one change of the same account at a time, never of the strangers."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final

from iamsync.aws.calls import call
from iamsync.errors import AwsError
from iamsync.sandbox import Server
from tests.chaos.scenes import behind

THEIRS: Final = ("stranger", "nobodys", "stack-role", "AWSServiceRoleForSupport")
_DOCUMENT: Final = json.dumps({"Statement": {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}})
_AWS: Final = "arn:aws:iam::aws:policy/SecurityAudit"
Call = tuple[str, dict[str, Any]]


def meddling(server: Server) -> Callable[[int], str]:
    """A function that makes one change, which the number picks among all that make sense, and tells which."""

    def meddle(number: int) -> str:
        iam = behind(server).connection.iam
        calls = possible(iam)
        if not calls:
            return ""
        operation, params = calls[number % len(calls)]
        try:
            call(iam, operation, params)
        except AwsError as refused:
            return f"{operation} {params} ({refused.aws_code})"
        return f"{operation} {params}"

    return meddle


def possible(iam: Any) -> list[Call]:
    """The changes that could be made now, always in the same order."""
    calls: list[Call] = []
    told = iam.get_account_authorization_details(Filter=["User", "Role", "Group", "LocalManagedPolicy"], MaxItems=1000)
    for noun in ("User", "Role", "Group"):
        for item in sorted(told[f"{noun}DetailList"], key=lambda one: one[f"{noun}Name"]):
            name = item[f"{noun}Name"]
            if name not in THEIRS:
                calls += _of_holder(noun, item, {f"{noun}Name": name})
    for item in sorted(told["Policies"], key=lambda one: one["Arn"]):
        key = {"PolicyArn": item["Arn"]}
        if len(item["PolicyVersionList"]) < 4:
            calls.append(("CreatePolicyVersion", {**key, "PolicyDocument": _DOCUMENT, "SetAsDefault": True}))
        calls.append(("TagPolicy", {**key, "Tags": [{"Key": "by", "Value": "hand"}]}))
    return calls


def _of_holder(noun: str, item: dict[str, Any], key: dict[str, str]) -> list[Call]:
    calls: list[Call] = [
        (f"Attach{noun}Policy", {**key, "PolicyArn": _AWS}),
        (f"Put{noun}Policy", {**key, "PolicyName": "by-hand", "PolicyDocument": _DOCUMENT}),
    ]
    calls += [
        (f"Detach{noun}Policy", {**key, "PolicyArn": held["PolicyArn"]}) for held in item["AttachedManagedPolicies"]
    ]
    calls += [
        (f"Delete{noun}Policy", {**key, "PolicyName": held["PolicyName"]})
        for held in item.get(f"{noun}PolicyList") or ()
    ]
    if noun != "Group":
        calls.append((f"Tag{noun}", {**key, "Tags": [{"Key": "by", "Value": "hand"}]}))
        if "PermissionsBoundary" in item:
            calls.append((f"Delete{noun}PermissionsBoundary", dict(key)))
    if noun == "User":
        calls += [("RemoveUserFromGroup", {**key, "GroupName": name}) for name in item.get("GroupList") or ()]
    if noun == "Role":
        calls.append(("UpdateRole", {**key, "Description": "by hand", "MaxSessionDuration": 7200}))
    if not (item["AttachedManagedPolicies"] or item.get(f"{noun}PolicyList") or item.get("GroupList")):
        calls.append((f"Delete{noun}", dict(key)))
    return calls
