"""The sandbox as a command: seeded from a file, emptied, served to other tools."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from iamsync import arn
from iamsync.engine.project import NO_ACCOUNT, Project
from iamsync.engine.reach import is_dump, open_sandbox, told_whole
from iamsync.kinds import FURTHER
from iamsync.kinds.account import RULES
from iamsync.kinds.owners import owner_of
from iamsync.model import Resource, State


@dataclass(frozen=True, slots=True)
class Seeded:
    """What went into the sandbox: the account, how many of each kind, notes on the file."""

    account_id: str
    counts: Mapping[str, int]
    notes: tuple[str, ...]


def seed(project: Project, path: Path, *, foreign_only: bool) -> Seeded:
    """Put a dump's or snapshot's content into the project's sandbox, under its own account id.

    `foreign_only` takes just what iamsync does not manage: service-linked roles, Identity Center,
    resources of other tools, AWS's policies.
    """
    state, notes, value = told_whole(path)
    held = value.get("Policies", ()) if is_dump(value) else ()
    aws = [item for item in held if str(item.get("Arn", "")).split(":")[4:5] == ["aws"]]
    if foreign_only:
        state = replace(state, resources={r.address: r for r in state if owner_of(r) is not None})
    with open_sandbox(project.home, state.account_id) as server:
        server.seed(state.account_id, as_dump(state, aws))
    if state.account_id not in {project.options.account_id, *(account.id for account in project.config.accounts)}:
        where = f"commands find it with --account-id {state.account_id}, or with that id in iamsync.yaml"
        notes = (*notes, where)
    counts: dict[str, int] = {}
    for resource in state:
        counts[resource.address.kind] = counts.get(resource.address.kind, 0) + 1
    return Seeded(state.account_id, counts, notes)


def as_dump(state: State, aws_policies: list[Any]) -> dict[str, Any]:
    """A state in the shape of GetAccountAuthorizationDetails, with what its answer cannot carry besides."""
    out: dict[str, Any] = {"UserDetailList": [], "GroupDetailList": [], "RoleDetailList": [], "Policies": []}
    for resource in state:
        if resource.address.kind in FURTHER:
            _further(resource, out)
            continue
        section, item = _item(resource, state)
        out[section].append(item)
    out["Policies"] += aws_policies
    return out


def _further(resource: Resource, out: dict[str, Any]) -> None:
    """Put in a resource of a kind that the answer has no place for, as the sandbox keeps its state."""
    spec, name = resource.spec, resource.address.name
    if resource.address.kind == "instance_profile":
        role = arn.parse(spec.role) if spec.role else None
        item = {"Path": spec.path, "InstanceProfileName": name, "Tags": _tags(spec.tags)}
        item["Roles"] = [{"RoleName": role.name}] if role is not None else []
        if resource.facts.get("id"):
            item["InstanceProfileId"] = resource.facts["id"]
        out.setdefault("InstanceProfiles", []).append(item)
    elif resource.address.kind == "oidc_provider":
        lists = {"ClientIDList": list(spec.client_ids), "ThumbprintList": list(spec.thumbprints or ())}
        out.setdefault("OpenIDConnectProviders", []).append({"Url": name, **lists, "Tags": _tags(spec.tags)})
    elif resource.address.kind == "saml_provider":
        item = {"Name": name, "SAMLMetadataDocument": spec.metadata.text, "Tags": _tags(spec.tags)}
        out.setdefault("SAMLProviders", []).append(item)
    elif spec.alias is not None:
        out["AccountAliases"] = [spec.alias]
    else:
        # The sandbox keeps 0 where there is no such rule.
        out["PasswordPolicy"] = {rule: getattr(spec.password_policy, rule) for rule in RULES}


def _item(resource: Resource, state: State) -> tuple[str, dict[str, Any]]:
    spec, name, kind = resource.spec, resource.address.name, resource.address.kind
    own = arn.build(state.partition, state.account_id, resource.address, spec.path)
    noun = kind.capitalize()
    item: dict[str, Any] = {"Path": spec.path, "Arn": own, f"{noun}Name": name}
    if resource.facts.get("id"):
        item[f"{noun}Id"] = resource.facts["id"]
    if kind == "policy":
        versions = resource.facts.get("versions") or (("v1", spec.document, True),)
        item["PolicyVersionList"] = [
            {"VersionId": version, "Document": document.value, "IsDefaultVersion": default}
            for version, document, default in versions
        ]
        item["DefaultVersionId"] = next(version for version, _, default in versions if default)
        item["Tags"] = _tags(spec.tags)
        if spec.description:
            item["Description"] = spec.description
        return "Policies", item
    item["AttachedManagedPolicies"] = [
        {"PolicyName": held.rpartition("/")[2], "PolicyArn": held} for held in spec.managed_policies
    ]
    item[f"{noun}PolicyList"] = [
        {"PolicyName": label, "PolicyDocument": document.value} for label, document in spec.inline_policies
    ]
    if kind == "group":
        return "GroupDetailList", item
    item["Tags"] = _tags(spec.tags)
    if spec.permissions_boundary:
        item["PermissionsBoundary"] = {
            "PermissionsBoundaryType": "Policy",
            "PermissionsBoundaryArn": spec.permissions_boundary,
        }
    if kind == "user":
        item["GroupList"] = list(spec.groups)
        return "UserDetailList", item
    item["AssumeRolePolicyDocument"] = spec.trust_policy.value
    item["Description"] = spec.description
    item["MaxSessionDuration"] = spec.max_session_duration
    profiles = resource.facts.get("instance_profiles", ())
    item["InstanceProfileList"] = [{"InstanceProfileName": profile} for profile in profiles]
    return "RoleDetailList", item


def _tags(tags: tuple[tuple[str, str], ...]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags]


def reset(project: Project) -> None:
    """Empty the project's sandbox, all accounts of it."""
    with open_sandbox(project.home, NO_ACCOUNT) as server:
        server.reset()


def serve(project: Project, port: int, ready: Callable[[str], None], wait: Callable[[], None]) -> None:
    """Listen on 127.0.0.1 until `wait` returns; the state is saved then."""
    with served(project, project.config.accounts[0].id, port) as url:
        ready(url)
        wait()


@contextmanager
def served(project: Project, account_id: str | None, port: int = 0) -> Iterator[str]:
    """The sandbox as an endpoint on 127.0.0.1, for as long as this is open; the state is saved at the end."""
    with open_sandbox(project.home, account_id or NO_ACCOUNT) as server:
        # Only now: what it needs comes with the sandbox's extra, and `open_sandbox` says so where that is missing.
        from iamsync.sandbox import serve as listen

        url, stop = listen(server, port)
        try:
            yield url
        finally:
            stop()
