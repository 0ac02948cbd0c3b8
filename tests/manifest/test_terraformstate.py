"""Terraform states: what they list, and the blocks by which Terraform lets go of it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from iamsync.errors import InputError
from iamsync.manifest.terraformstate import Listed, listed, removed_blocks
from iamsync.model import Address

ACCOUNT = "111122223333"


def arn(kind: str, name: str, account: str = ACCOUNT) -> str:
    return f"arn:aws:iam::{account}:{kind}/{name}"


def resource(kind: str, name: str, *instances: dict[str, Any], module: str = "") -> dict[str, Any]:
    made = [
        {"index_key": one.pop("key"), "attributes": one} if "key" in one else {"attributes": one} for one in instances
    ]
    return {"mode": "managed", "type": kind, "name": name, "instances": made, **({"module": module} if module else {})}


STATE = {
    "version": 4,
    "resources": [
        resource("aws_iam_role", "app", {"name": "app", "arn": arn("role", "ci/app")}),
        resource(
            "aws_iam_user",
            "people",
            {"key": "alice", "name": "alice", "arn": arn("user", "alice")},
            {"key": "bob", "name": "bob", "arn": arn("user", "bob")},
            module="module.people",
        ),
        resource("aws_iam_policy", "audit", {"key": 0, "name": "audit", "arn": arn("policy", "audit")}),
        resource("aws_iam_role", "elsewhere", {"name": "x", "arn": arn("role", "x", "444455556666")}),
        resource("aws_iam_role_policy_attachment", "app", {"role": "app", "policy_arn": arn("policy", "audit")}),
        resource("aws_iam_group_membership", "all", {"group": "dev", "users": ["alice", "bob"]}),
        resource("aws_iam_access_key", "ci", {"user": "alice", "secret": "kept-out", "id": "AKIAXXXXXXXXEXAMPLE1"}),
        {**resource("aws_iam_role", "read", {"name": "y", "arn": arn("role", "y")}), "mode": "data"},
        resource("aws_s3_bucket", "site", {"bucket": "site"}),
    ],
}


def of(value: Any) -> dict[str, Listed]:
    return {item.address: item for item in listed(json.dumps(value), "x.tfstate", ACCOUNT)}


def test_a_state_tells_its_iam_resources_of_this_account_and_their_parts() -> None:
    found = of(STATE)
    assert {address: item.resource or item.of for address, item in found.items()} == {
        "aws_iam_role.app": Address("role", "app"),
        'module.people.aws_iam_user.people["alice"]': Address("user", "alice"),
        'module.people.aws_iam_user.people["bob"]': Address("user", "bob"),
        "aws_iam_policy.audit[0]": Address("policy", "audit"),
        "aws_iam_role_policy_attachment.app": (Address("role", "app"),),
        "aws_iam_group_membership.all": (Address("group", "dev"), Address("user", "alice"), Address("user", "bob")),
    }


def test_the_output_of_terraform_show_tells_the_same() -> None:
    def shown(module: str) -> list[dict[str, Any]]:
        return [
            {
                "address": f"{module + '.' if module else ''}{one['type']}.{one['name']}"
                + (f"[{json.dumps(instance['index_key'])}]" if "index_key" in instance else ""),
                "mode": one["mode"],
                "type": one["type"],
                "values": instance["attributes"],
            }
            for one in STATE["resources"]  # type: ignore[attr-defined]
            if one.get("module", "") == module
            for instance in one["instances"]
        ]

    child = {"address": "module.people", "resources": shown("module.people")}
    root = {"resources": shown(""), "child_modules": [child]}
    assert of({"format_version": "1.0", "values": {"root_module": root}}) == of(STATE)


def test_blocks_name_what_was_taken_over_whole_and_commands_what_was_in_part() -> None:
    taken = frozenset({Address("role", "app"), Address("user", "alice"), Address("policy", "audit")})
    blocks, commands = removed_blocks(of(STATE).values(), taken)
    assert [line for line in blocks.splitlines() if "from" in line] == [
        "  from = aws_iam_policy.audit",
        "  from = aws_iam_role.app",
        "  from = aws_iam_role_policy_attachment.app",
    ]
    assert blocks.count("destroy = false") == 3
    assert commands == ("terraform state rm 'module.people.aws_iam_user.people[\"alice\"]'",)


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", '{"version": 3}', '{"version": 4, "resources": [{"mode": "managed"}]}', '{"values": {}}',
     '{"version": 4, "resources": 7}', '{"version": 4, "resources": [[]]}'],
)  # fmt: skip
def test_what_is_no_state_is_an_error_with_its_file(text: str) -> None:
    with pytest.raises(InputError) as caught:
        listed(text, "x.tfstate", ACCOUNT)
    assert caught.value.code == "bad-terraform-state"
    assert caught.value.place is not None
    assert caught.value.place.file == "x.tfstate"
