"""IAMbic's templates as States: what each of them means for an account, worked out as IAMbic does.

A template holds for the accounts it includes, by id or name, the longest rule deciding; so do the parts of it. Names
of fields are snake_case or CamelCase. Texts may hold variables, `{{var.account_id}}`. What has expired is over.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final

from iamsync import arn
from iamsync.errors import InputError, Place, raise_all
from iamsync.kinds.owners import out_of_reach
from iamsync.manifest.foreign import files, fitting
from iamsync.manifest.foreign.iambicdocument import document
from iamsync.manifest.foreign.iambicparts import Config, Member, accounts_of, applies, rendered, snake
from iamsync.manifest.foreign.parts import Behind, Misfit, Part
from iamsync.manifest.nodes import Node, Table, plain
from iamsync.model import Address, Expiry, Resource, State

HINT: Final = "mend the template, or move it out of the folder and declare the resource by hand"
CODE: Final = "bad-source"
_TYPES: Final = {
    "NOQ::AWS::IAM::Role": "role",
    "NOQ::AWS::IAM::User": "user",
    "NOQ::AWS::IAM::Group": "group",
    "NOQ::AWS::IAM::ManagedPolicy": "policy",
    "NOQ::IAM::ManagedPolicy": "policy",
}
_CONFIG: Final = "NOQ::Core::Config"
_NAMES: Final = {"role": "role_name", "user": "user_name", "group": "group_name", "policy": "policy_name"}
_OTHERS: Final = (
    ("NOQ::AWS::IdentityCenter", "Identity Center is not IAM", "leave it to IAMbic, or move it to Terraform"),
    ("NOQ::AWS::Organizations", "policies of organizations are not IAM", "leave it to IAMbic, or move it to Terraform"),
    ("NOQ::", "another system than AWS's IAM", "leave it to IAMbic"),
)
# What a moment may look like; IAMbic writes the second form itself.
_ZONED: Final = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(:\d\d(\.\d+)?)?([Zz]|[+-]\d\d:?\d\d)?", re.ASCII)
_UTC: Final = re.compile(r"(\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d)?) UTC", re.ASCII)


@dataclass(frozen=True, slots=True)
class Template:
    """One template: its kind, the file it stands in (as messages say it, and seen from the folder), its table."""

    kind: str
    file: str
    name: str
    node: Node
    values: Part


@dataclass(frozen=True, slots=True)
class Repository:
    """A folder of templates, the accounts that its configuration names, and what is not IAM's in it."""

    templates: tuple[Template, ...]
    config: Config | None
    behind: tuple[Behind, ...]


def repository(folder: Path) -> Repository:
    """The templates of a folder; InputErrors with every file that is no YAML, or where there is no template at all."""
    templates: list[Template] = []
    config: Config | None = None
    others: Counter[str] = Counter()
    errors: list[InputError] = []
    for name in files.yaml_files(folder):
        if not files.mentions(folder, name, b"NOQ::"):
            continue  # somebody else's, and perhaps of a YAML that is not read here
        try:
            for told, node in files.documents(folder, name):
                values = Part(_plain(node))
                kind = _kind(values)
                if kind == _CONFIG:
                    config = _told(node, told, lambda held=values: accounts_of(held))
                elif kind in _TYPES:
                    templates.append(Template(_TYPES[kind], told, name, node, values))
                elif kind.startswith("NOQ::"):
                    others[kind] += 1
        except InputError as error:
            errors += getattr(error, "errors", (error,))
    raise_all(errors)
    if not templates and not others:
        raise InputError(
            "there is no IAMbic template in this folder",
            code=CODE,
            place=Place(str(folder)),
            hint="a template begins with template_type: NOQ::AWS::IAM::Role, or another of its types",
        )
    left = []
    for kind, number in sorted(others.items()):
        why, remedy = next((why, remedy) for start, why, remedy in _OTHERS if kind.startswith(start))
        left.append(Behind(f"{number} x {kind}", why, remedy))
    return Repository(tuple(templates), config, tuple(left))


def state(found: Repository, member: Member, now: str) -> tuple[State, tuple[Behind, ...]]:
    """What the templates mean for one account at a time (RFC 3339), and what stays behind; InputErrors for mistakes."""
    made = _Meaning(member, _moment_of(now))
    errors: list[InputError] = []
    for template in found.templates:
        try:
            made.template(template)
        except Misfit as misfit:
            errors.append(misfit.told(template.node, template.file, CODE, HINT))
    raise_all(errors)
    made.summed()
    resources = [resource for resource, _ in made.resources.values()]
    held = State.of(member.id, resources, partition=member.partition, expiries=tuple(sorted(made.expiries)))
    return held, tuple(made.behind)


def elsewhere(found: Repository, members: Sequence[Member]) -> tuple[Behind, ...]:
    """What is said of templates that hold for none of these accounts; they must have been read by `state`."""
    names = [one.name for one in found.templates if not any(applies(one.values, member) for member in members)]
    if not names:
        return ()
    what = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
    return (Behind(what, "for none of these accounts", "add their accounts to accounts:, and import again"),)


@dataclass(slots=True)
class _Meaning:
    member: Member
    now: datetime
    resources: dict[Address, tuple[Resource, str]] = field(default_factory=dict)
    expiries: list[Expiry] = field(default_factory=list)
    behind: list[Behind] = field(default_factory=list)
    seen: dict[str, int] = field(default_factory=dict)

    def template(self, template: Template) -> None:
        values = template.values
        if not applies(values, self.member):
            return
        held = rendered(_get(values, "properties", needed=True), self.member)
        kind = template.kind
        name = _get(held, _NAMES[kind], needed=True)
        address = Address(kind, name.text())
        managed = _text(values, "iambic_managed", "")
        if managed.casefold() == "disabled":
            self.left(template, address, "IAMbic has it switched off (iambic_managed: disabled)", "declare it by hand")
            return
        if _truth(values, "deleted"):
            self.left(template, address, "IAMbic is to delete it", f"if it still exists: removed: [{address}]")
            return
        ends = self.end(values)
        if ends is not None and ends <= self.now:
            self.left(template, address, f"it expired at {_rfc(ends)}", f"if it still exists: removed: [{address}]")
            return
        if address.folded in self.resources:
            other = self.resources[address.folded][1]
            raise name.wrong(f"{address} is declared for account {self.member.name} twice; the other one is {other}")
        resource = fitting.resource(address, self.spec(template, address, held), name)
        if (owner := out_of_reach(resource)) is not None:
            self.left(template, address, f"it is {owner.name}'s: {owner.evidence}", "nothing to do: it stays as it is")
            return
        if managed.casefold() == "import_only":
            why = "IAMbic only read it (iambic_managed: import_only); declared, iamsync would write it too"
            self.left(
                template, address, f"carried over, but {why}", "take it out of the manifests to leave it to others"
            )
        self.resources[address.folded] = (resource, template.file)
        if ends is not None:
            self.expiries.append(Expiry(_rfc(ends), address))
        for key, what in (("owner", "owner:"), ("notes", "notes:")):
            if _get(values, key) is not None or _get(held, key) is not None:
                self.seen[what] = self.seen.get(what, 0) + 1
        if _get(values, "access_rules") is not None:
            why = "access_rules: say who may broker credentials through Noq; nothing of it is in IAM"
            self.left(template, address, why, "let those in by the role's trust_policy, or by Identity Center")

    def spec(self, template: Template, address: Address, held: Part) -> dict[str, Any]:
        kind = template.kind
        out: dict[str, Any] = {"path": self.one(held, "path", "path", "file_path") or "/"}
        if kind == "policy":
            out["document"] = self.document(template, address, self.needed(held, "policy_document"))
            out["description"] = self.one(held, "description", "description") or None
        else:
            out["managed_policies"] = self.members(held, "managed_policies", "policy_arn", address)
            out["inline_policies"] = self.inline(template, held, address)
        if kind == "role":
            trust = self.needed(held, "assume_role_policy_document")
            out["trust_policy"] = self.document(template, address, trust, trust=True)
            out["description"] = self.one(held, "description", "description") or ""
            longest = self.one(held, "max_session_duration", "max_session_duration")
            if longest is not None and not isinstance(longest, int):
                raise _get(held, "max_session_duration", needed=True).wrong("a number of seconds must stand here")
            out["max_session_duration"] = longest or 3600
        if kind in ("role", "user"):
            boundary = self.chosen(held, "permissions_boundary")
            out["permissions_boundary"] = None
            if boundary is not None:
                name = _get(boundary, "policy_arn") or _get(boundary, "permissions_boundary_arn", needed=True)
                out["permissions_boundary"] = self.policy(name)
                if self.end(boundary) is not None:
                    why = "a permissions boundary that expires: without it the principal may do more"
                    self.left(template, address, why, "take the boundary out of the manifest then")
        if kind == "user":
            out["groups"] = self.members(held, "groups", "group_name", address)
            if _get(held, "credentials") is not None:
                self.seen["credentials:"] = self.seen.get("credentials:", 0) + 1
        if kind != "group":
            out["tags"] = tuple(sorted(self.tags(template, held, address).items()))
        return out

    def inline(self, template: Template, held: Part, address: Address) -> tuple[tuple[str, Any], ...]:
        found: dict[str, Any] = {}
        for item in self.items(held, "inline_policies"):
            name = _get(item, "policy_name", needed=True).text()
            if name in found:
                raise item.wrong(f'inline policy "{name}" stands here twice for account {self.member.name}')
            if self.ended(item, address, "inline_policies", name):
                continue
            found[name] = self.document(template, address, item)
        return tuple(sorted(found.items()))

    def members(self, held: Part, fields: str, word: str, address: Address) -> tuple[str, ...]:
        found = set()
        for item in self.items(held, fields):
            name = _get(item, word, needed=True)
            text = self.policy(name) if word == "policy_arn" else name.text()
            if not self.ended(item, address, fields, text):
                found.add(text)
        return tuple(sorted(found))

    def tags(self, template: Template, held: Part, address: Address) -> dict[str, str]:
        found: dict[str, str] = {}
        for item in self.items(held, "tags"):
            key, value = _get(item, "key", needed=True).text(), item.table().get(_key(item, "value") or "")
            ends = self.end(item)
            if ends is not None and ends <= self.now:
                continue
            if ends is not None:
                self.left(template, address, f"tag {key} expires at {_rfc(ends)}; tags do not", "take it out then")
            if not isinstance(value, (str, int)):
                raise item.wrong("a tag has a key and a value")
            found[key] = str(value).lower() if isinstance(value, bool) else str(value)
        return found

    def policy(self, name: Part) -> str:
        parsed = arn.parse(name.text())
        if parsed is None or parsed.kind != "policy":
            raise name.wrong(f"{name.text()!r} is no ARN of a policy")
        return name.text()

    def document(self, template: Template, address: Address, held: Part, *, trust: bool = False) -> Any:
        def over(statement: Part) -> bool:
            if not applies(statement, self.member):
                return True
            ends = self.end(statement)
            if ends is not None and ends > self.now:
                why = f"a statement expires at {_rfc(ends)}; iamsync lets whole inline policies and attachments expire"
                remedy = "put it into an inline policy of its own with expires:, or take it out then"
                self.left(template, address, why, remedy)
            return _truth(statement, "deleted") or (ends is not None and ends <= self.now)

        return document(held, over, self.member.partition, trust=trust)

    def items(self, held: Part, name: str) -> Iterator[Part]:
        """The parts of a list that hold for the account; a single part counts as a list of one."""
        found = _get(held, name)
        if found is None:
            return
        for item in [found] if isinstance(found.value, dict) else found.items():
            if applies(item, self.member) and not _truth(item, "deleted"):
                yield item

    def chosen(self, held: Part, name: str) -> Part | None:
        """The first of a list that holds for the account and is not over, or the one value there is."""
        for item in self.items(held, name):
            ends = self.end(item)
            if ends is None or ends > self.now:
                return item
        return None

    def needed(self, held: Part, name: str) -> Part:
        """The same, which must be there."""
        found = self.chosen(held, name)
        if found is None:
            raise (_get(held, name) or held).wrong(f"there is no {name} for account {self.member.name}")
        return found

    def one(self, held: Part, name: str, *words: str) -> Any:
        """A text or number, or that of the first of a list that holds for the account."""
        found = _get(held, name)
        if found is None or not isinstance(found.value, (list, dict)):
            if found is not None and isinstance(found.value, bool):
                raise found.wrong("a text must stand here")
            return found.value if found is not None else None
        item = self.chosen(held, name)
        if item is None:
            return None
        for word in words:
            if (value := _get(item, word)) is not None:
                return value.value
        raise item.wrong(f'"{words[0]}" is missing here')

    def ended(self, item: Part, address: Address, fields: str, name: str) -> bool:
        ends = self.end(item)
        if ends is None:
            return False
        if ends > self.now:
            self.expiries.append(Expiry(_rfc(ends), address, fields, name))
        return ends <= self.now

    def end(self, values: Part) -> datetime | None:
        held = _get(values, "expires_at")
        return _moment(held) if held is not None else None

    def left(self, template: Template, address: Address, why: str, remedy: str) -> None:
        self.behind.append(Behind(f"{address} ({template.name})", why, remedy, (self.member.name,)))

    def summed(self) -> None:
        """What many templates have alike, told once."""
        told = {
            "owner:": ("iamsync has no such field", "say it by a tag, or by who reviews the file (CODEOWNERS)"),
            "notes:": ("iamsync has no such field", "write a comment"),
            "credentials:": (
                "IAMbic's list of passwords and keys, which only switches them off",
                "nothing to do: what is off stays off; to rotate keys, declare access_keys:",
            ),
        }
        for what, number in self.seen.items():
            noun = "template" if number == 1 else "templates"
            self.behind.append(Behind(f"{what} of {number} {noun}", *told[what], (self.member.name,)))


def _kind(values: Part) -> str:
    if not isinstance(values.value, dict):
        return ""
    held = values.table().get("template_type")
    return held if isinstance(held, str) else ""


def _plain(node: Node) -> Any:
    return plain(node) if isinstance(node, Table) else None


def _told(node: Node, file: str, read: Any) -> Any:
    try:
        return read()
    except Misfit as misfit:
        raise misfit.told(node, file, CODE, "mend the configuration") from misfit


def _key(values: Part, name: str) -> str | None:
    return next((key for key in values.table() if snake(key) == name), None)


def _get(values: Part, name: str, *, needed: bool = False) -> Any:
    key = _key(values, name)
    found = values.get(key) if key is not None else None
    if found is None and needed:
        raise values.wrong(f'"{name}" is missing here')
    return found


def _text(values: Part, name: str, usual: str) -> str:
    held = _get(values, name)
    return str(held.text()) if held is not None else usual


def _truth(values: Part, name: str) -> bool:
    """Whether a flag is set; `deleted` may be a list of accounts in which it is."""
    held = _get(values, name)
    return held is not None and held.value is True


def _moment(held: Part) -> datetime:
    text = held.text().strip()
    found = _UTC.fullmatch(text)
    try:
        if found:
            return datetime.fromisoformat(found[1]).replace(tzinfo=UTC)
        if _ZONED.fullmatch(text):
            then = datetime.fromisoformat(text.upper())
            return then.astimezone(UTC) if then.tzinfo is not None else then.replace(tzinfo=UTC)
        day = date.fromisoformat(text)
        return datetime(day.year, day.month, day.day, tzinfo=UTC)
    except (ValueError, OverflowError):
        raise held.wrong(f"{text!r} is no moment; write it out, as 2027-01-31T18:00:00Z") from None


def _moment_of(now: str) -> datetime:
    then = datetime.fromisoformat(now)
    return then if then.tzinfo is not None else then.replace(tzinfo=UTC)


def _rfc(then: datetime) -> str:
    return then.replace(tzinfo=None, microsecond=0).isoformat() + "Z"
