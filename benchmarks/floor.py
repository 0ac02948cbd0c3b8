"""The least that reading an account can cost: its bulk calls in plain boto3, and nothing done with the answers.

    python benchmarks/floor.py ENDPOINT [--tags]

Two operations hold nearly everything. `--tags` reads as well what they leave out of this fleet: tags of policies and
instance profiles (in bulk from the tagging API).
"""

from __future__ import annotations

import sys
from typing import Any

import boto3

FILTER = ["User", "Role", "Group", "LocalManagedPolicy"]


def main(arguments: list[str]) -> int:
    endpoint, *flags = arguments
    iam = boto3.client("iam", endpoint_url=endpoint)
    found = sum(len(page.get(name, ())) for page in _pages(iam) for name in _LISTS)
    roles = sum(len(page["Roles"]) for page in iam.get_paginator("list_roles").paginate(**_WIDE))
    print(found, roles)
    if "--tags" in flags:
        profiles = sum(
            len(page["InstanceProfiles"]) for page in iam.get_paginator("list_instance_profiles").paginate(**_WIDE)
        )
        tagging = boto3.client("resourcegroupstaggingapi", endpoint_url=endpoint)
        types = ["iam:policy", "iam:instance-profile"]
        pages = tagging.get_paginator("get_resources").paginate(ResourceTypeFilters=types, ResourcesPerPage=100)
        print(profiles, sum(len(page["ResourceTagMappingList"]) for page in pages))
    return 0


_WIDE: dict[str, Any] = {"PaginationConfig": {"PageSize": 1000}}
_LISTS = ("UserDetailList", "RoleDetailList", "GroupDetailList", "Policies")


def _pages(iam: Any) -> Any:
    return iam.get_paginator("get_account_authorization_details").paginate(Filter=FILTER, **_WIDE)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
