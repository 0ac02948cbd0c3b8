"""The Resource Groups Tagging API, as far as it knows IAM: GetResources over policies, profiles, providers."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from iamsync.sandbox.backend import Backend
from iamsync.sandbox.entities import tag_list
from iamsync.sandbox.refusal import Answer, Refused

_PAGE = 100


def answer(iam: Backend, action: str, body: bytes) -> Answer:
    """Answer one call; users, roles and groups are not among what this API knows."""
    if action != "GetResources":
        raise Refused("NotImplemented", f"The sandbox does not offer tagging:{action}.")
    request: dict[str, Any] = json.loads(body or b"{}")
    token = request.get("PaginationToken") or "0"
    size = request.get("ResourcesPerPage", _PAGE)
    if not token.isdecimal() or not 1 <= size <= _PAGE:
        raise Refused("InvalidParameterException", "PaginationToken or ResourcesPerPage is not valid.")
    found = [{"ResourceARN": arn, "Tags": tag_list(dict(tags))} for arn, tags in _tagged(iam, request) if tags]
    start, end = int(token), int(token) + size
    result = {
        "ResourceTagMappingList": found[start:end],
        "PaginationToken": str(end) if len(found) > end else "",
    }
    return 200, {"Content-Type": "application/x-amz-json-1.1"}, json.dumps(result).encode()


def _tagged(iam: Backend, request: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, str]]]:
    kinds, arns = request.get("ResourceTypeFilters") or (), request.get("ResourceARNList") or ()
    stores: dict[str, Mapping[str, Any]] = {
        "iam:policy": iam.managed_policies,
        "iam:instance-profile": iam.instance_profiles,
        "iam:oidc-provider": iam.open_id_providers,
        "iam:saml-provider": iam.saml_providers,
    }
    for kind, store in stores.items():
        if kinds and kind not in kinds and "iam" not in kinds:
            continue
        for each in store.values():
            if (not arns or each.arn in arns) and _matches(each.tag_map, request.get("TagFilters") or ()):
                yield each.arn, each.tag_map


def _matches(tags: Mapping[str, str], filters: Any) -> bool:
    return all(
        wanted["Key"] in tags and (not wanted.get("Values") or tags[wanted["Key"]] in wanted["Values"])
        for wanted in filters
    )
