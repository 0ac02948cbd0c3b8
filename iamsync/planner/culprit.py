"""Which recorded call brought about what was found: by the operations that can, and what they were about."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from iamsync.kinds import KINDS
from iamsync.kinds.trail import Record
from iamsync.planner.drift import Drift

# How CloudTrail spells the parameter that names a resource.
_NAMES: Final = {
    "user": "userName",
    "group": "groupName",
    "role": "roleName",
    "instance_profile": "instanceProfileName",
}
# Fields whose calls are few and the same whatever was changed; {0} is AWS's word for the kind.
_FIELDS: Final[Mapping[str, tuple[str, ...]]] = {
    "trust_policy": ("UpdateAssumeRolePolicy", "CreateRole"),
    "document": ("CreatePolicyVersion", "SetDefaultPolicyVersion", "CreatePolicy"),
    "description": ("UpdateRole", "UpdateRoleDescription", "CreateRole", "CreatePolicy"),
    "max_session_duration": ("UpdateRole", "CreateRole"),
    "path": ("Update{0}", "Create{0}"),
    "name": ("Update{0}",),
    "metadata": ("UpdateSAMLProvider", "CreateSAMLProvider"),
    "client_ids": ("AddClientIDToOpenIDConnectProvider", "RemoveClientIDFromOpenIDConnectProvider"),
    "thumbprints": ("UpdateOpenIDConnectProviderThumbprint", "CreateOpenIDConnectProvider"),
    "role": ("AddRoleToInstanceProfile", "RemoveRoleFromInstanceProfile"),
    "password_policy": ("UpdateAccountPasswordPolicy", "DeleteAccountPasswordPolicy"),
    "alias": ("CreateAccountAlias", "DeleteAccountAlias"),
}


def operations(one: Drift) -> tuple[str, ...]:
    """The calls that can have brought this about."""
    noun = KINDS[one.address.kind].noun
    if not one.field:
        return (f"Delete{noun}",) if one.what == "deleted" else (f"Create{noun}",)
    if one.field == "managed_policies":
        return (f"{'Attach' if one.what == 'attached' else 'Detach'}{noun}Policy",)
    if one.field == "groups":
        return ("AddUserToGroup",) if one.what == "joined" else ("RemoveUserFromGroup",)
    if one.field == "inline_policies":
        return (f"Delete{noun}Policy",) if one.what == "removed" else (f"Put{noun}Policy",)
    if one.field == "tags":
        return (f"Untag{noun}",) if one.what == "removed" else (f"Tag{noun}", f"Create{noun}")
    if one.field == "permissions_boundary":
        gone = one.what == "taken off"
        return (f"Delete{noun}PermissionsBoundary",) if gone else (f"Put{noun}PermissionsBoundary", f"Create{noun}")
    return tuple(name.format(noun) for name in _FIELDS.get(one.field, ()))


def culprit(one: Drift, records: Iterable[Record]) -> Record | None:
    """The newest of the records (newest first) that fits; nothing that only might be about something else."""
    wanted = operations(one)
    return next((held for held in records if held.event in wanted and _is_about(held, one)), None)


def _is_about(held: Record, one: Drift) -> bool:
    if not held.params:
        # Shortened: the resources that the event is filed under are all there is to tell it by.
        named = not one.item or one.item.casefold() in held.names
        return named and _filed(held, one)
    return _names(held, one) and _says(held, one)


def _filed(held: Record, one: Drift) -> bool:
    name = one.address.name.casefold()
    return any(text == name or text.endswith(f"/{name}") for text in held.names)


def _names(held: Record, one: Drift) -> bool:
    name = one.address.name
    if one.field == "name":
        return held.says("userName", one.expected) or held.says(f"new{one.address.kind.capitalize()}Name", one.actual)
    if (key := _NAMES.get(one.address.kind)) is not None:
        return held.says(key, name)
    if one.address.kind == "policy":
        arn = held.params.get("policyArn")
        return held.says("policyName", name) or (
            isinstance(arn, str) and arn.casefold().endswith(f"/{name.casefold()}")
        )
    return (
        one.address.kind == "account"
        or _filed(held, one)
        or any(isinstance(value, str) and value.casefold().endswith(name.casefold()) for value in held.params.values())
    )


def _says(held: Record, one: Drift) -> bool:
    """Whether the call's parameters name the member of the field."""
    if one.field == "managed_policies":
        return held.says("policyArn", one.item)
    if one.field == "groups":
        return held.says("groupName", one.item)
    if one.field == "inline_policies":
        return held.says("policyName", one.item)
    if one.field == "tags":
        return one.item.casefold() in _keys(held.params)
    if one.field == "permissions_boundary" and one.actual is not None:
        return held.says("permissionsBoundary", str(one.actual))
    if one.field == "client_ids":
        return held.says("clientID", one.item) and held.event.startswith("Add" if one.what == "added" else "Remove")
    return True


def _keys(params: Mapping[str, Any]) -> set[str]:
    """The keys of the tags that a call sets or takes away."""
    tags, keys = params.get("tags"), params.get("tagKeys")
    found = (
        {str(tag.get("key", "")).casefold() for tag in tags if isinstance(tag, Mapping)}
        if isinstance(tags, list)
        else set()
    )
    return found | ({str(key).casefold() for key in keys} if isinstance(keys, list) else set())
