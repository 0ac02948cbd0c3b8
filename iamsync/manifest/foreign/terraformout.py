"""A State as Terraform configuration: an `import` block and a `resource` block for everything in it.

Terraform 1.5 takes the account over with it: `terraform plan` has everything to import and nothing to change.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from iamsync import arn
from iamsync.kinds import KINDS
from iamsync.kinds.kind import Context
from iamsync.manifest.foreign.hcl import Encoded, Expression, block, name_of
from iamsync.manifest.terraformstate import KINDS as TYPES
from iamsync.manifest.terraformstate import SETTINGS
from iamsync.model import Address, Resource, State

_OF_KIND: Final = {kind: type_ for type_, kind in TYPES.items()}
_OF_SETTING: Final = {address: type_ for type_, address in SETTINGS.items()}
_ATTACHED: Final = {"user": "user", "group": "group", "role": "role"}


def configuration(state: State) -> str:
    """The blocks of a whole state, in the order of its kinds; the same state, the same text."""
    made = _Made(state, Context(state.account_id, state.partition))
    head = (
        f"# The IAM of account {state.account_id}: {len(state)} resources, to be imported by Terraform 1.5 or later.\n"
        "# terraform plan must say that nothing is to be added, changed or destroyed.\n"
    )
    return "\n\n".join([head.rstrip("\n"), *made.blocks()]) + "\n"


@dataclass(slots=True)
class _Made:
    state: State
    cx: Context
    names: dict[Address, str] = field(default_factory=dict)
    taken: dict[str, set[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for resource in self.state:
            self.names[resource.address] = self.name(self.type(resource.address), resource.address.name)

    def type(self, address: Address) -> str:
        return _OF_SETTING[address] if address in _OF_SETTING else _OF_KIND[address.kind]

    def name(self, type_: str, text: str) -> str:
        return name_of(text, self.taken.setdefault(type_, set()))

    def blocks(self) -> Iterator[str]:
        for kind in KINDS:
            for resource in self.state:
                if resource.address.kind == kind:
                    yield from self.resource(resource)

    def resource(self, resource: Resource) -> Iterator[str]:
        type_, name = self.type(resource.address), self.names[resource.address]
        yield from self.both(type_, name, self.id(resource), self.attributes(resource))
        yield from self.parts(resource, Expression(f"{type_}.{name}.name"))

    def both(self, type_: str, name: str, id_: str, attributes: Mapping[str, Any]) -> Iterator[str]:
        yield block("import", {"to": Expression(f"{type_}.{name}"), "id": id_})
        yield block(f'resource "{type_}" "{name}"', attributes)

    def id(self, resource: Resource) -> str:
        """What Terraform imports it by."""
        kind = resource.address.kind
        if kind in ("policy", "oidc_provider", "saml_provider"):
            return KINDS[kind].arn(resource, self.cx)
        if resource.address == SETTINGS["aws_iam_account_alias"]:
            return str(resource.spec.alias)
        if resource.address == SETTINGS["aws_iam_account_password_policy"]:
            return "iam-account-password-policy"
        return resource.address.name

    def attributes(self, resource: Resource) -> dict[str, Any]:
        spec, kind = resource.spec, resource.address.kind
        if kind == "account":
            return {"account_alias": spec.alias} if spec.alias is not None else spec.password_policy.values()
        out: dict[str, Any] = {}
        if kind == "oidc_provider":
            out |= {"url": f"https://{resource.address.name}", "client_id_list": list(spec.client_ids)}
            if spec.thumbprints is not None:
                out["thumbprint_list"] = list(spec.thumbprints)
        else:
            out["name"] = resource.address.name
        if (path := getattr(spec, "path", "/")) != "/":
            out["path"] = path
        if description := getattr(spec, "description", None):
            out["description"] = description
        if kind == "role":
            out["max_session_duration"] = spec.max_session_duration
            out["assume_role_policy"] = Encoded(spec.trust_policy.value)
        elif kind == "policy":
            out["policy"] = Encoded(spec.document.value)
        elif kind == "saml_provider":
            out["saml_metadata_document"] = spec.metadata.text
        elif kind == "instance_profile" and spec.role is not None:
            out["role"] = self.reference(spec.role, "name")
        if boundary := getattr(spec, "permissions_boundary", None):
            out["permissions_boundary"] = self.reference(boundary, "arn")
        if tags := getattr(spec, "tags", ()):
            out["tags"] = dict(tags)
        return out

    def parts(self, resource: Resource, of: Expression) -> Iterator[str]:
        """What Terraform keeps apart from an entity: inline policies, attachments, memberships."""
        kind, name, spec = resource.address.kind, resource.address.name, resource.spec
        if kind not in _ATTACHED:
            return
        for called, document in spec.inline_policies:
            type_ = f"aws_iam_{kind}_policy"
            held = {"name": called, kind: of, "policy": Encoded(document.value)}
            yield from self.both(type_, self.name(type_, f"{name}_{called}"), f"{name}:{called}", held)
        for policy in spec.managed_policies:
            type_ = f"aws_iam_{kind}_policy_attachment"
            parsed = arn.parse(policy)
            label = self.name(type_, f"{name}_{parsed.name if parsed is not None else policy}")
            held = {kind: of, "policy_arn": self.reference(policy, "arn")}
            yield from self.both(type_, label, f"{name}/{policy}", held)
        if kind == "user" and spec.groups:
            type_ = "aws_iam_user_group_membership"
            groups = [self.named("group", group) for group in spec.groups]
            held = {"user": of, "groups": groups}
            yield from self.both(type_, self.name(type_, name), "/".join((name, *spec.groups)), held)

    def reference(self, text: str, attribute: str) -> Any:
        """A resource of this state by reference, which orders creations; any other by its ARN or name."""
        parsed = arn.parse(text)
        held = self.state.get(parsed.address) if parsed is not None and parsed.account == self.cx.account_id else None
        if parsed is None or held is None or KINDS[parsed.kind].arn(held, self.cx) != text:
            return parsed.name if parsed is not None and attribute == "name" else text
        return Expression(f"{self.type(parsed.address)}.{self.names[parsed.address]}.{attribute}")

    def named(self, kind: str, name: str) -> Any:
        address = Address(kind, name)
        return Expression(f"{self.type(address)}.{self.names[address]}.name") if address in self.names else name
