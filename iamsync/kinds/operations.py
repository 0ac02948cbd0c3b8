"""Every API operation that a kind can emit, taken from the descriptors: what a plan may ever call."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from iamsync.delivery import DELIVER
from iamsync.kinds import KINDS
from iamsync.kinds.account import PasswordPolicy
from iamsync.kinds.credentials import ORDER, Credential
from iamsync.kinds.fields import Attribute, Boundary, Documents, Members, Names, Tags, Versions
from iamsync.kinds.instance_profile import Link
from iamsync.kinds.kind import Context, Field, Kind
from iamsync.kinds.metadata import Metadata
from iamsync.model import Address, Resource
from iamsync.policy.document import Document

WAIT: Final = "wait"  # a pause of `seconds`: the one step that is no call


# What plans of `keys` and `respond` have beside: nothing that `apply` ever makes.
OF_CREDENTIALS: Final = frozenset(
    {"CreateAccessKey", "UpdateAccessKey", "DeleteAccessKey", "CreateLoginProfile", "DeleteLoginProfile", DELIVER}
    | {"UpdateServiceSpecificCredential", "UpdateSSHPublicKey", "UpdateSigningCertificate"}
)


def _samples(kind: Kind) -> Iterator[Resource]:
    """Resources with just what their spec insists on, and something for each cascade to take away."""
    if kind.setting:
        yield Resource(Address(kind.name, "alias"), kind.spec(alias="sample"))
        yield Resource(Address(kind.name, "password_policy"), kind.spec(password_policy=PasswordPolicy()))
        return
    given: dict[str, Any] = {
        name: Metadata.of("") if kind.field(name).form == "metadata" else Document.of({}) for name in kind.required
    }
    facts = {"instance_profiles": ("sample",), "credentials": tuple(Credential(what, "sample") for what in ORDER)}
    yield Resource(Address(kind.name, "sample"), kind.spec(**given), facts=facts)


def _of_field(field: Field, sample: Resource, cx: Context) -> Iterator[str]:
    if isinstance(field, Attribute):
        yield field.update(sample, cx).operation
    elif isinstance(field, (Members, Names)):
        yield from (field.add, field.remove)
    elif isinstance(field, Documents):
        yield from (f"Put{field.noun}Policy", f"Delete{field.noun}Policy")
    elif isinstance(field, Boundary):
        yield from (f"Put{field.noun}PermissionsBoundary", f"Delete{field.noun}PermissionsBoundary")
    elif isinstance(field, Link):
        yield from ("AddRoleToInstanceProfile", "RemoveRoleFromInstanceProfile")
    elif isinstance(field, Versions):
        yield from ("CreatePolicyVersion", "SetDefaultPolicyVersion", "DeletePolicyVersion")
    elif isinstance(field, Tags):
        yield from (f"Tag{field.noun}", f"Untag{field.noun}")


def _of_kind(kind: Kind, sample: Resource) -> Iterator[str]:
    cx = Context("000000000000")
    yield kind.creation(sample, cx).call.operation
    yield kind.deletion(sample, cx).call.operation
    for field in kind.fields:
        yield from _of_field(field, sample, cx)
    if kind.rename:
        yield kind.rename("old", sample, cx).operation
    if kind.before_delete:
        yield from (act.call.operation for act in kind.before_delete(sample, cx))
    if kind.after_replace:
        yield from (act.call.operation for act in kind.after_replace(sample, sample, cx))


OPERATIONS: Final[frozenset[str]] = frozenset(
    name for kind in KINDS.values() for sample in _samples(kind) for name in _of_kind(kind, sample)
)
# What a creation is called, and the kind of what it makes; not what overwrites the same thing when it is repeated.
CREATIONS: Final = {
    operation: kind
    for kind in KINDS.values()
    for sample in _samples(kind)
    if (operation := kind.creation(sample, Context("000000000000")).call.operation).startswith("Create")
}
