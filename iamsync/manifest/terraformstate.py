"""Terraform states: which IAM resources Terraform has in its hands, and under which addresses.

Read are the state itself (`terraform state pull`, version 4) and `terraform show -json`, of a state or of a plan. A
state holds secrets: `listed` keeps nothing of it but types, addresses, names and ARNs.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from iamsync import arn
from iamsync.manifest.foreign.parts import Misfit, Part
from iamsync.model import Address

HINT: Final = "make one with: terraform state pull > FILE"

KINDS: Final = {
    "aws_iam_user": "user",
    "aws_iam_group": "group",
    "aws_iam_role": "role",
    "aws_iam_policy": "policy",
    "aws_iam_instance_profile": "instance_profile",
    "aws_iam_openid_connect_provider": "oidc_provider",
    "aws_iam_saml_provider": "saml_provider",
}
SETTINGS: Final = {
    "aws_iam_account_alias": Address("account", "alias"),
    "aws_iam_account_password_policy": Address("account", "password_policy"),
}
# Resources that are a part of another one, by the attributes that name it: (attribute, kind).
PARTS: Final[Mapping[str, tuple[tuple[str, str], ...]]] = {
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


@dataclass(frozen=True, slots=True)
class Instance:
    """One instance of a resource that Terraform manages: its type, its address, its attributes.

    `stale` says why it is not what the account holds: an old object that is still to be destroyed, say.
    """

    type: str
    address: str
    values: Part
    stale: str = ""


@dataclass(frozen=True, slots=True)
class StateFile:
    """What a file tells: the instances, and of a plan the addresses of what it would change."""

    instances: tuple[Instance, ...]
    pending: tuple[str, ...] = ()


def instances(text: str, file: str) -> StateFile:
    """Everything that a state lists; InputError with its place for a text that is none."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Misfit((), f"this is no Terraform state: {error}").told(text, file, "bad-terraform-state", HINT) from None
    try:
        return _state_file(Part(value))
    except Misfit as misfit:
        message = f"this is no Terraform state: {misfit.message}"
        raise Misfit(misfit.path, message).told(text, file, "bad-terraform-state", HINT) from misfit


def listed(text: str, file: str, account_id: str) -> tuple[Listed, ...]:
    """What a state says of one account's IAM, by Terraform address; InputError for a text that is no state.

    What names no account is taken to be of this one.
    """
    try:
        return listing(instances(text, file).instances, account_id)
    except Misfit as misfit:
        raise misfit.told(text, file, "bad-terraform-state", HINT) from misfit


def listing(found: Iterable[Instance], account_id: str) -> tuple[Listed, ...]:
    """The same of instances that were read already; Misfit where an attribute is not what it should be."""
    items = [item for one in found if not one.stale and (item := _item(one, account_id)) is not None]
    return tuple(sorted(items, key=lambda item: item.address))


def removed_blocks(items: Iterable[Listed], taken: frozenset[Address]) -> tuple[str, tuple[str, ...]]:
    """`removed` blocks by which Terraform forgets what was taken over, without destroying it.

    A block forgets all instances of a resource. Where only some were taken over, the answer's second part has the
    commands that forget these (`terraform state rm`).
    """
    of_block: dict[str, list[Listed]] = {}
    older = []
    for item in items:
        of_block.setdefault(item.block, []).append(item)
    blocks, commands = [], []
    for block, instances in sorted(of_block.items()):
        ours = [item for item in instances if _is_taken(item, taken)]
        if len(ours) == len(instances):
            blocks.append(f"removed {{\n  from = {block}\n\n  lifecycle {{\n    destroy = false\n  }}\n}}\n")
            older += [f"#   terraform state rm '{item.address}'" for item in instances]
        else:
            commands += [f"terraform state rm '{item.address}'" for item in ours]
    if blocks:
        head = "# Terraform 1.7 and later lets go of these without destroying them. For an older one, the same is:\n"
        blocks.insert(0, head + "\n".join(older) + "\n")
    return "\n".join(blocks), tuple(commands)


def _is_taken(item: Listed, taken: frozenset[Address]) -> bool:
    if item.resource is not None:
        return item.resource.folded in taken
    return bool(item.of) and all(address.folded in taken for address in item.of)


def _state_file(root: Part) -> StateFile:
    if root.get("values") is not None:
        return StateFile(tuple(_shown(root.need("values").need("root_module"))))
    if root.get("planned_values") is not None:  # a plan: what there is now is its prior state
        prior = root.get("prior_state")
        held = tuple(_shown(prior.need("values").need("root_module"))) if prior is not None else ()
        return StateFile(held, tuple(_pending(root)))
    version = root.table().get("version")
    if "encrypted_data" in root.table():
        raise root.wrong("it is encrypted")
    if version == 4:
        resources = root.get("resources")
        return StateFile(tuple(_stored(resources)) if resources is not None else ())
    raise root.wrong(f"version {version!r} is not known; a state has version 4")


def _pending(root: Part) -> Iterator[str]:
    """The addresses that a plan would create, change or delete."""
    changes = root.get("resource_changes")
    for change in changes.items() if changes is not None else ():
        if set(change.need("change").need("actions").texts()) - {"no-op", "read"}:
            yield change.need("address").text()


def _stored(resources: Part) -> Iterator[Instance]:
    """Each instance of a state of version 4."""
    for resource in resources.items():
        mode = resource.get("mode")
        if mode is None or mode.text() != "managed":
            continue
        module, kind = resource.get("module"), resource.need("type").text()
        start = f"{module.text()}." if module is not None else ""
        for instance in resource.need("instances").items():
            key = instance.table().get("index_key")
            index = "" if key is None else f"[{json.dumps(key, ensure_ascii=False)}]"
            address = f"{start}{kind}.{resource.need('name').text()}{index}"
            values, stale = instance.get("attributes"), ""
            if instance.get("deposed") is not None:
                stale = "this is an object that a replacement left behind (deposed)"
            elif values is None and instance.get("attributes_flat") is not None:
                raise instance.wrong("attributes_flat is how Terraform 0.11 wrote them; run terraform refresh first")
            yield Instance(kind, address, values if values is not None else Part({}, instance.path), stale)


def _shown(module: Part) -> Iterator[Instance]:
    """The same of `terraform show -json`, module by module."""
    resources, children = module.get("resources"), module.get("child_modules")
    for resource in resources.items() if resources is not None else ():
        mode = resource.get("mode")
        if mode is not None and mode.text() == "managed":
            deposed = resource.get("deposed_key") is not None
            stale = "this is an object that a replacement left behind (deposed)" if deposed else ""
            held = resource.get("values") or Part({}, resource.path)
            yield Instance(resource.need("type").text(), resource.need("address").text(), held, stale)
    for child in children.items() if children is not None else ():
        yield from _shown(child)


def _item(one: Instance, account_id: str) -> Listed | None:
    if one.type in SETTINGS:
        return Listed(one.address, one.type, SETTINGS[one.type])
    if one.type in KINDS:
        held = one.values.get("arn")
        parsed = arn.parse(held.text()) if held is not None else None
        if parsed is not None and parsed.account != account_id:
            return None
        name = parsed.name if parsed is not None else _name(one)
        return Listed(one.address, one.type, Address(KINDS[one.type], name)) if name else None
    of: list[Address] = []
    for attribute, kind in PARTS.get(one.type, ()):
        names = one.values.get(attribute)
        of += [Address(kind, name) for name in names.texts()] if names is not None else []
    return Listed(one.address, one.type, None, tuple(of)) if of else None


def _name(one: Instance) -> str:
    held = one.values.get("name")
    return held.text() if held is not None else ""
