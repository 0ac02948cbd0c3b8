"""Terraform states: which IAM resources Terraform has in its hands, and under which addresses.

Read are the state itself (`terraform state pull`, version 4) and `terraform show -json`. A state holds secrets:
nothing of it is kept but types, addresses, names and ARNs.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from iamsync import arn
from iamsync.errors import InputError, Place
from iamsync.model import Address

_KINDS: Final = {
    "aws_iam_user": "user",
    "aws_iam_group": "group",
    "aws_iam_role": "role",
    "aws_iam_policy": "policy",
    "aws_iam_instance_profile": "instance_profile",
    "aws_iam_openid_connect_provider": "oidc_provider",
    "aws_iam_saml_provider": "saml_provider",
}
# Resources that are a part of another one, by the attributes that name it: (attribute, kind).
_PARTS: Final[Mapping[str, tuple[tuple[str, str], ...]]] = {
    "aws_iam_role_policy": (("role", "role"),),
    "aws_iam_role_policy_attachment": (("role", "role"),),
    "aws_iam_role_policies_exclusive": (("role_name", "role"),),
    "aws_iam_role_policy_attachments_exclusive": (("role_name", "role"),),
    "aws_iam_user_policy": (("user", "user"),),
    "aws_iam_user_policy_attachment": (("user", "user"),),
    "aws_iam_user_policies_exclusive": (("user_name", "user"),),
    "aws_iam_user_policy_attachments_exclusive": (("user_name", "user"),),
    "aws_iam_user_group_membership": (("user", "user"),),
    "aws_iam_group_policy": (("group", "group"),),
    "aws_iam_group_policy_attachment": (("group", "group"),),
    "aws_iam_group_policies_exclusive": (("group_name", "group"),),
    "aws_iam_group_policy_attachments_exclusive": (("group_name", "group"),),
    "aws_iam_group_membership": (("group", "group"), ("users", "user")),
    "aws_iam_policy_attachment": (("users", "user"), ("roles", "role"), ("groups", "group")),
}
_INDEX: Final = re.compile(r"\[(?:\d+|\"(?:[^\"\\]|\\.)*\")\]")


@dataclass(frozen=True, slots=True)
class Listed:
    """One instance of a resource in a state.

    `address` is Terraform's (`module.ci.aws_iam_role.deploy["site"]`), `block` the same without instance keys, as a
    `removed` block wants it. `resource` is the IAM entity that it is; `of` are those that it is a part of.
    """

    address: str
    type: str
    resource: Address | None
    of: tuple[Address, ...] = ()

    @property
    def block(self) -> str:
        return _INDEX.sub("", self.address)


def listed(text: str, file: str, account_id: str) -> tuple[Listed, ...]:
    """What a state says of one account's IAM, by Terraform address; InputError for a text that is no state.

    What names no account is taken to be of this one.
    """
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _wrong(file, f"it is no JSON: {error}") from error
    if not isinstance(value, dict):
        raise _wrong(file, "it is no JSON object")
    try:
        if "values" in value:
            found = tuple(_shown(value["values"]["root_module"]))
        elif value.get("version") == 4:
            found = tuple(_stored(value.get("resources") or ()))
        else:
            raise _wrong(file, f"version {value.get('version')!r} is not known; a state has version 4")
        items = [item for one in found if (item := _item(*one, account_id)) is not None]
    except (KeyError, TypeError, AttributeError) as error:
        raise _wrong(file, f"{error!r} is missing or not what it should be") from error
    return tuple(sorted(items, key=lambda item: item.address))


def removed_blocks(items: Iterable[Listed], taken: frozenset[Address]) -> tuple[str, tuple[str, ...]]:
    """`removed` blocks by which Terraform forgets what was taken over, without destroying it.

    A block forgets all instances of a resource. Where only some were taken over, the answer's second part has the
    commands that forget these (`terraform state rm`).
    """
    of_block: dict[str, list[Listed]] = {}
    for item in items:
        of_block.setdefault(item.block, []).append(item)
    blocks, commands = [], []
    for block, instances in sorted(of_block.items()):
        ours = [item for item in instances if _is_taken(item, taken)]
        if len(ours) == len(instances):
            blocks.append(f"removed {{\n  from = {block}\n\n  lifecycle {{\n    destroy = false\n  }}\n}}\n")
        else:
            commands += [f"terraform state rm '{item.address}'" for item in ours]
    return "\n".join(blocks), tuple(commands)


def _is_taken(item: Listed, taken: frozenset[Address]) -> bool:
    if item.resource is not None:
        return item.resource.folded in taken
    return bool(item.of) and all(address.folded in taken for address in item.of)


def _stored(resources: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Type, address and attributes of each instance of a state of version 4."""
    for resource in resources:
        if resource.get("mode") != "managed":
            continue
        module = f"{resource['module']}." if resource.get("module") else ""
        for instance in resource["instances"]:
            key = instance.get("index_key")
            index = "" if key is None else f"[{json.dumps(key, ensure_ascii=False)}]"
            yield resource["type"], f"{module}{resource['type']}.{resource['name']}{index}", instance["attributes"]


def _shown(module: Mapping[str, Any]) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """The same of `terraform show -json`, module by module."""
    for resource in module.get("resources") or ():
        if resource.get("mode") == "managed":
            yield resource["type"], resource["address"], resource["values"]
    for child in module.get("child_modules") or ():
        yield from _shown(child)


def _item(kind_of: str, address: str, values: Mapping[str, Any], account_id: str) -> Listed | None:
    if kind_of in _KINDS:
        parsed = arn.parse(str(values.get("arn") or ""))
        if parsed is not None and parsed.account != account_id:
            return None
        name = parsed.name if parsed is not None else values.get("name")
        return Listed(address, kind_of, Address(_KINDS[kind_of], str(name))) if name else None
    held = []
    for attribute, kind in _PARTS.get(kind_of, ()):
        names = values.get(attribute) or ()
        held += [Address(kind, str(name)) for name in ([names] if isinstance(names, str) else names)]
    return Listed(address, kind_of, None, tuple(held)) if held else None


def _wrong(file: str, why: str) -> InputError:
    return InputError(
        f"this is no Terraform state: {why}",
        code="bad-terraform-state",
        place=Place(file),
        hint="make one with: terraform state pull > FILE",
    )
