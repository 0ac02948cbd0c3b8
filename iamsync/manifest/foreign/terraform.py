"""A Terraform state as a State: what its resources say of one account's IAM, and what stays behind.

Parts that Terraform keeps apart (attachments, inline policies, memberships) become fields of the entity they belong
to. What a state lists as a secret is not read.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from iamsync import arn
from iamsync.kinds.account import BOUNDS, RULES, PasswordPolicy
from iamsync.kinds.kind import Context
from iamsync.kinds.metadata import Metadata
from iamsync.kinds.owners import out_of_reach
from iamsync.manifest import terraformstate
from iamsync.manifest.foreign import fitting
from iamsync.manifest.foreign.parts import Behind, Misfit, Part
from iamsync.manifest.foreign.terraformleft import LEFT, OTHERS
from iamsync.manifest.terraformstate import HINT, Instance, Listed
from iamsync.model import Address, Resource, State

# Types that put something into a field of another entity: the entity's attribute and kind, what is put there.
_PARTS: Final[Mapping[str, tuple[str, str, str]]] = {
    "aws_iam_role_policy": ("role", "role", "inline"),
    "aws_iam_user_policy": ("user", "user", "inline"),
    "aws_iam_group_policy": ("group", "group", "inline"),
    "aws_iam_role_policy_attachment": ("role", "role", "policy_arn"),
    "aws_iam_user_policy_attachment": ("user", "user", "policy_arn"),
    "aws_iam_group_policy_attachment": ("group", "group", "policy_arn"),
    "aws_iam_role_policy_attachments_exclusive": ("role_name", "role", "policy_arns"),
    "aws_iam_user_policy_attachments_exclusive": ("user_name", "user", "policy_arns"),
    "aws_iam_group_policy_attachments_exclusive": ("group_name", "group", "policy_arns"),
    "aws_iam_role_policies_exclusive": ("role_name", "role", "names"),
    "aws_iam_user_policies_exclusive": ("user_name", "user", "names"),
    "aws_iam_group_policies_exclusive": ("group_name", "group", "names"),
    "aws_iam_user_group_membership": ("user", "user", "groups"),
}
_HOLDERS: Final = (("users", "user"), ("roles", "role"), ("groups", "group"))


@dataclass(frozen=True, slots=True)
class Carried:
    """What a state tells of one account: as a State, as Terraform's own list of it, and what stays behind."""

    state: State
    listed: tuple[Listed, ...]
    behind: tuple[Behind, ...]


def accounts(text: str, file: str) -> Counter[tuple[str, str]]:
    """Which accounts a state is about: (partition, id) -> how many of its IAM resources; InputError for no state."""
    found = terraformstate.instances(text, file)
    try:
        return Counter(
            (parsed.partition, parsed.account)
            for one in found.instances
            if one.type in terraformstate.KINDS
            and (held := one.values.get("arn")) is not None
            and (parsed := arn.parse(held.text())) is not None
        )
    except Misfit as misfit:
        raise misfit.told(text, file, "bad-terraform-state", HINT) from misfit


def carried(text: str, file: str, account_id: str, partition: str = "aws") -> Carried:
    """What a state tells of this account; InputError with its place for what is no state, or holds what IAM has not."""
    found = terraformstate.instances(text, file)
    try:
        made = _Carrying(Context(account_id, partition))
        made.take(found.instances)
        if found.pending:
            some = ", ".join(found.pending[:3]) + (", ..." if len(found.pending) > 3 else "")
            made.behind.append(Behind(some, f"the plan would change {len(found.pending)} resources", "apply it first"))
        state = State.of(account_id, made.resources(), partition=partition)
        return Carried(state, terraformstate.listing(found.instances, account_id), tuple(made.behind))
    except Misfit as misfit:
        raise misfit.told(text, file, "bad-terraform-state", HINT) from misfit


@dataclass(slots=True)
class _Entity:
    """An entity that is being put together: the fields of its spec, those with members as sets and tables."""

    one: Instance
    fields: dict[str, Any]


@dataclass(slots=True)
class _Carrying:
    cx: Context
    entities: dict[Address, _Entity] = field(default_factory=dict)
    behind: list[Behind] = field(default_factory=list)
    others: Counter[str] = field(default_factory=Counter)

    def take(self, instances: Iterable[Instance]) -> None:
        """Everything of the account: entities first, since their parts may stand before them."""
        parts = []
        for one in instances:
            if one.type not in terraformstate.KINDS and not one.type.startswith("aws_iam_"):
                if one.type.startswith(tuple(OTHERS)):
                    self.others[next(held for held in OTHERS if one.type.startswith(held))] += 1
            elif one.stale:
                self.left(one, one.stale, "let Terraform destroy it: terraform apply")
            elif one.type in terraformstate.KINDS or one.type in terraformstate.SETTINGS:
                self.entity(one)
            elif one.type in _PARTS or one.type in ("aws_iam_policy_attachment", "aws_iam_group_membership"):
                parts.append(one)
            else:
                why, remedy = LEFT.get(one.type, LEFT[""])
                self.left(one, why, remedy)
        for one in sorted(parts, key=lambda part: part.type.endswith("_exclusive")):
            self.part(one)
        for held, number in self.others.items():
            self.behind.append(Behind(f"{number} x {held}*", *OTHERS[held]))

    def left(self, one: Instance, why: str, remedy: str) -> None:
        self.behind.append(Behind(one.address, why, remedy))

    def entity(self, one: Instance) -> None:
        if one.type in terraformstate.SETTINGS:
            address, fields = terraformstate.SETTINGS[one.type], _SETTINGS[one.type](one.values)
        else:
            held = one.values.get("arn")
            parsed = arn.parse(held.text()) if held is not None else None
            if parsed is not None and parsed.account != self.cx.account_id:
                self.left(one, f"it is of account {parsed.account}", f"import it with --account-id {parsed.account}")
                return
            named = one.values.get("name") if parsed is not None else one.values.need("name")
            if parsed is not None and named is not None and named.text() != parsed.name:
                raise Misfit(named.path, "the name is not the one that the ARN ends in: one of them is another's")
            name = parsed.name if parsed is not None else one.values.need("name").text()
            address = Address(terraformstate.KINDS[one.type], name)
            fields = _READERS[address.kind](one.values, self.cx)
        if address.folded in self.entities:
            other = self.entities[address.folded].one.address
            self.left(
                one, f"{address} is {other} already", f"have Terraform forget it: terraform state rm '{one.address}'"
            )
            return
        self.entities[address.folded] = _Entity(one, {"": address, **fields})

    def part(self, one: Instance) -> None:
        if one.type == "aws_iam_policy_attachment":
            policy = one.values.need("policy_arn").text()
            for attribute, kind in _HOLDERS:
                names = one.values.get(attribute)
                for name in names.texts() if names is not None else ():
                    self.member(one, Address(kind, name), "managed_policies", policy)
            return
        if one.type == "aws_iam_group_membership":
            group = one.values.need("group").text()
            for user in one.values.need("users").texts():
                self.member(one, Address("user", user), "groups", group)
            return
        attribute, kind, what = _PARTS[one.type]
        holder = Address(kind, one.values.need(attribute).text())
        if what == "inline":
            name = one.values.need("name").text()
            document = one.values.need("policy").document(self.cx.partition)
            if (entity := self.holder(one, holder, f"its inline policy {name}")) is not None:
                entity.fields["inline_policies"][name] = document
        elif what == "names":
            known = self.entities.get(holder.folded)
            names = one.values.get("policy_names")
            for name in names.texts() if names is not None and known is not None else ():
                if known is not None and name not in known.fields["inline_policies"]:
                    remedy = f"after the import: iamsync adopt --target {holder}"
                    self.left(one, f"the state does not tell what inline policy {name} says", remedy)
        elif what == "groups":
            for group in one.values.need("groups").texts():
                self.member(one, holder, "groups", group)
        else:
            policies = one.values.get(what)
            for policy in policies.texts() if policies is not None else ():
                self.member(one, holder, "managed_policies", policy)

    def member(self, one: Instance, holder: Address, name: str, item: str) -> None:
        if name == "managed_policies" and ((parsed := arn.parse(item)) is None or parsed.kind != "policy"):
            raise one.values.wrong(f"{item!r} is no ARN of a policy")
        said = f"{name.removesuffix('s')} {item}".replace("managed_policie", "policy").replace("_", " ")
        if (entity := self.holder(one, holder, said)) is not None:
            entity.fields[name].add(item)

    def holder(self, one: Instance, holder: Address, what: str) -> _Entity | None:
        entity = self.entities.get(holder.folded)
        if entity is None:
            remedy = f"declare it too (iamsync import --target {holder}), or leave both in Terraform"
            self.left(one, f"{holder}, to which it gives {what}, is not in this state", remedy)
        return entity

    def resources(self) -> list[Resource]:
        """The entities as resources, but for those that AWS lets nobody change."""
        out = []
        for entity in self.entities.values():
            fields = dict(entity.fields)
            address = fields.pop("")
            for name, held in fields.items():
                if isinstance(held, set):
                    fields[name] = tuple(sorted(held))
                elif isinstance(held, dict):
                    fields[name] = tuple(sorted(held.items()))
            if address.kind == "instance_profile" and (role := fields["role"]) is not None:
                known = self.entities.get(Address("role", role).folded)
                path = known.fields["path"] if known is not None else "/"
                fields["role"] = self.cx.arn(known.fields[""] if known is not None else Address("role", role), path)
            resource = fitting.resource(address, fields, entity.one.values)
            if (owner := out_of_reach(resource)) is not None:
                self.left(entity.one, f"it is {owner.name}'s: {owner.evidence}", "nothing to do: it stays as it is")
            else:
                out.append(resource)
        return out


def _tags(values: Part) -> dict[str, str]:
    # tags_all has the provider's default_tags too, and so has the account.
    held = values.get("tags_all") or values.get("tags")
    return {key: item.text() for key, item in held.entries() if item.value is not None} if held is not None else {}


def _text(values: Part, name: str, usual: Any) -> Any:
    held = values.get(name)
    return held.text() if held is not None else usual


def _inline(values: Part, cx: Context) -> dict[str, Any]:
    """The inline policies that stand in a role itself; an empty block says that there are none."""
    held = values.get("inline_policy")
    found = {}
    for item in held.items() if held is not None else ():
        if item.get("name") is not None and item.get("policy") is not None:
            found[item.need("name").text()] = item.need("policy").document(cx.partition)
    return found


def _user(values: Part, cx: Context) -> dict[str, Any]:
    return {
        "path": _text(values, "path", "/"),
        "permissions_boundary": _text(values, "permissions_boundary", None),
        "tags": _tags(values),
        "groups": set(),
        "managed_policies": set(),
        "inline_policies": {},
    }


def _group(values: Part, cx: Context) -> dict[str, Any]:
    return {"path": _text(values, "path", "/"), "managed_policies": set(), "inline_policies": {}}


def _role(values: Part, cx: Context) -> dict[str, Any]:
    attached, longest = values.get("managed_policy_arns"), values.get("max_session_duration")
    return {
        "trust_policy": values.need("assume_role_policy").document(cx.partition),
        "path": _text(values, "path", "/"),
        "description": _text(values, "description", ""),
        "max_session_duration": longest.number() if longest is not None and longest.value else 3600,
        "permissions_boundary": _text(values, "permissions_boundary", None),
        "tags": _tags(values),
        "managed_policies": set(attached.texts()) if attached is not None else set(),
        "inline_policies": _inline(values, cx),
    }


def _policy(values: Part, cx: Context) -> dict[str, Any]:
    return {
        "document": values.need("policy").document(cx.partition),
        "path": _text(values, "path", "/"),
        "description": _text(values, "description", None),
        "tags": _tags(values),
    }


def _profile(values: Part, cx: Context) -> dict[str, Any]:
    return {"path": _text(values, "path", "/"), "role": _text(values, "role", None), "tags": _tags(values)}


def _oidc(values: Part, cx: Context) -> dict[str, Any]:
    clients, prints = values.get("client_id_list"), values.get("thumbprint_list")
    return {
        "client_ids": set(clients.texts()) if clients is not None else set(),
        "thumbprints": {text.lower() for text in prints.texts()} if prints is not None else None,
        "tags": _tags(values),
    }


def _saml(values: Part, cx: Context) -> dict[str, Any]:
    return {"metadata": Metadata.of(values.need("saml_metadata_document").text()), "tags": _tags(values)}


def _alias(values: Part) -> dict[str, Any]:
    return {"alias": values.need("account_alias").text()}


def _password_policy(values: Part) -> dict[str, Any]:
    given: dict[str, Any] = {}
    for rule in RULES:
        held = values.get(rule)
        if held is not None and not (rule in BOUNDS and held.value == 0):  # 0: there is no such rule
            given[rule] = held.number() if rule in BOUNDS else held.truth()
    return {"password_policy": PasswordPolicy(**given)}


_READERS: Final[Mapping[str, Callable[[Part, Context], dict[str, Any]]]] = {
    "user": _user,
    "group": _group,
    "role": _role,
    "policy": _policy,
    "instance_profile": _profile,
    "oidc_provider": _oidc,
    "saml_provider": _saml,
}
_SETTINGS: Final[Mapping[str, Callable[[Part], dict[str, Any]]]] = {
    "aws_iam_account_alias": _alias,
    "aws_iam_account_password_policy": _password_policy,
}
