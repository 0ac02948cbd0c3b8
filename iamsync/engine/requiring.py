"""What IAM policy iamsync itself needs: for reading, or for reading and one saved plan."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from iamsync.buckets import Bucket, Use
from iamsync.engine.project import NO_ACCOUNT, Project
from iamsync.engine.showing import saved_document
from iamsync.errors import InputError
from iamsync.kinds.kind import Context
from iamsync.model import Address, Call, Step
from iamsync.planner import required
from iamsync.planner.required import MANAGED, Whereabouts

SIZE: Final = MANAGED


# What `drift --attribute` asks; its events have no resources that a policy could name.
_ATTRIBUTE: Final = {"Sid": "Attribute", "Effect": "Allow", "Action": "cloudtrail:LookupEvents", "Resource": "*"}


def reading(project: Project) -> dict[str, Any]:
    """The policy for plan, drift, import, snapshot and whatever else only reads, and for telling topics of it.

    What is due about keys is told by the places that manifests deliver to, which are asked what they hold.
    """
    around = {"Statement": [_ATTRIBUTE, *_discover(project), *_topics(project)]}
    return required.joined(required.reading(), around, *_places(project))


def _places(project: Project) -> Iterator[dict[str, Any]]:
    for account in project.accounts() if project.configured else ():
        cx = Context(account.id or "*", account.partition or "aws")
        desired = project.desired(account, account.id or NO_ACCOUNT, cx.partition)
        targets = {target for one in desired if one.credentials for target in one.credentials.targets}
        if targets:
            yield required.looking(sorted(targets, key=str), cx)


def applying(project: Project, file: Path, account: str | None) -> dict[str, Any]:
    """The policy for applying one account's part of a plan file: reads, calls, the project's lock, journal and topics.

    InputError where the file holds several accounts and none was named, or not the one that was.
    """
    plans = saved_document(file)["plans"]
    names = [str(item["account"]["name"]) for item in plans]
    chosen = [item for item in plans if account in (None, item["account"]["name"], item["account"]["id"])]
    if len(chosen) != 1:
        told = f"is about {len(names)} accounts" if account is None else f"has no account {account}"
        raise InputError(f"{file} {told}", code="which-account", hint=f"--account NAME, one of {', '.join(names)}")
    found = chosen[0]
    steps = tuple(_steps(found["steps"]))
    prior = {Address.parse(name): spec for name, spec in found["prior"].items()}
    cx = Context(found["account"]["id"], found["account"]["partition"])
    calls = required.applying(steps, Whereabouts.of(cx, steps, prior))
    around = [*_buckets(project, cx.partition), *_discover(project), *_topics(project)]
    return required.joined(required.reading(), calls, {"Statement": around})


def _buckets(project: Project, partition: str) -> Iterator[dict[str, Any]]:
    uses: tuple[tuple[Use, Bucket | None], ...] = (("lock", project.config.lock), ("journal", project.config.journal))
    for use, bucket in uses:
        for number, (actions, on) in enumerate(bucket.needs(use, partition) if bucket is not None else ()):
            sid = f"{use.title()}{'List' if number else ''}"
            yield {"Sid": sid, "Effect": "Allow", "Action": list(actions), "Resource": on}


def _discover(project: Project) -> Iterator[dict[str, Any]]:
    """What finding the accounts of the organization asks; none of it is about a resource that is known before."""
    discover = project.config.discover
    if discover is not None:
        asked = ["ListAccounts"]
        if discover.units:
            asked += ["ListRoots", "ListOrganizationalUnitsForParent", "ListAccountsForParent"]
        if discover.tags:
            asked.append("ListTagsForResource")
        actions = sorted(f"organizations:{name}" for name in asked)
        yield {"Sid": "Discover", "Effect": "Allow", "Action": actions, "Resource": "*"}


def _topics(project: Project) -> Iterator[dict[str, Any]]:
    topics = [target.topic for target in project.config.notify if target.topic]
    if topics:
        yield {"Sid": "Notify", "Effect": "Allow", "Action": "sns:Publish", "Resource": sorted(topics)}


def size(document: Mapping[str, Any]) -> int:
    """How much of a managed policy's room a document takes: its characters without white space."""
    return sum(not character.isspace() for character in required.compact(document))


def _steps(listed: Iterable[Mapping[str, Any]]) -> Iterable[Step]:
    for item in listed:
        address = Address.parse(item["address"]) if item.get("address") else None
        yield Step(str(item["id"]), address, Call(str(item["operation"]), item["params"]), item["effect"])
