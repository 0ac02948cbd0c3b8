"""The accounts of an organization: all of them, with their units and tags where somebody asks for these.

Sources: Organizations ListAccounts, ListRoots, ListOrganizationalUnitsForParent, ListAccountsForParent and
ListTagsForResource; only the management account and delegated administrators may call them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from iamsync.aws.calls import token_pages, whole
from iamsync.aws.session import Access, Sessions, Tap, service_client
from iamsync.members import Member


def members(
    access: Access, sessions: Sessions, *, units: bool, tags: bool, tap: Tap | None = None
) -> tuple[Member, ...]:
    """Every account of the organization by id; without `units` and `tags` these are left empty and cost no call.

    AwsError where there is no organization or the caller may not ask.
    """
    client = service_client("organizations", access, sessions, tap)
    with whole("ListAccounts"):
        found = {item["Id"]: _member(item) for item in token_pages(client, "ListAccounts", {}, "Accounts")}
    with whole("ListRoots"):
        for root in token_pages(client, "ListRoots", {}, "Roots") if units else ():
            for account, path in _below(client, root["Id"], ""):
                if account in found:
                    found[account] = replace(found[account], unit=path)
    if tags and found:
        with ThreadPoolExecutor(max_workers=min(8, len(found))) as pool:
            told = list(pool.map(lambda account: _tags(client, account), found))
        found = {key: replace(found[key], tags=held) for key, held in zip(found, told, strict=True)}
    return tuple(found[key] for key in sorted(found))


def _member(item: Mapping[str, Any]) -> Member:
    # `State` is newer than `Status`, which AWS takes away in September 2026.
    return Member(str(item["Id"]), str(item.get("Name") or item["Id"]), str(item.get("State") or item.get("Status")))


def _below(client: Any, parent: str, path: str) -> Iterator[tuple[str, str]]:
    """The ids of all accounts below a root or unit, each with the path of the unit that it is in."""
    for item in token_pages(client, "ListAccountsForParent", {"ParentId": parent}, "Accounts"):
        yield str(item["Id"]), path
    for unit in token_pages(client, "ListOrganizationalUnitsForParent", {"ParentId": parent}, "OrganizationalUnits"):
        yield from _below(client, unit["Id"], f"{path}/{unit['Name']}".strip("/"))


def _tags(client: Any, account: str) -> Mapping[str, str]:
    found = token_pages(client, "ListTagsForResource", {"ResourceId": account}, "Tags")
    with whole("ListTagsForResource"):
        return MappingProxyType({str(tag["Key"]): str(tag["Value"]) for tag in found})
