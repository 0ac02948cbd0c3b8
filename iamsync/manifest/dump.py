"""State -> manifest files: what an import writes, and what loads back as the same State.

It decides what stands in which file and how references are spelled; layout and quoting are the
writer's. It reads nothing and writes no file.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, Literal

from iamsync import arn
from iamsync.kinds import KINDS
from iamsync.kinds.account import DEFAULTS
from iamsync.kinds.codec import value_to_json
from iamsync.kinds.keyrules import to_json
from iamsync.kinds.kind import Context, Field, Kind
from iamsync.manifest.expand import escape
from iamsync.manifest.keyorder import in_order
from iamsync.manifest.writer import Commented, dump
from iamsync.model import Address, Resource, State

Layout = Literal["file-per-kind", "file-per-resource"]

SCHEMA: Final = "./schemas/manifest.schema.json"
UNTOLD: Final = "not told by this source"

# Windows refuses these as file names, whatever follows the first dot.
_DEVICE: Final = re.compile(r"(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\..*)?", re.IGNORECASE)
_HOUR: Final = 3600


def manifests(
    state: State,
    *,
    layout: Layout = "file-per-kind",
    declared: Container[Address] = (),
    aliases: Mapping[str, str] = MappingProxyType({}),
    schema: str = SCHEMA,
    only_accounts: tuple[str, ...] = (),
) -> dict[str, str]:
    """The state as manifests: relative file name -> YAML text, the same for the same state.

    `declared` are resources that other manifests already hold: they are referred to by bare name.
    `aliases` maps account ids to variables (`accounts.prod.id`); the state's own id is always
    `account.id`. `schema` is where the JSON Schema lies, seen from where the files will lie; empty for none.
    `only_accounts` are the names of the accounts that all of it is for, empty for every one. The keys stand as `fmt`
    puts them, those of documents too: AWS keeps them in whatever order they were written in.
    """
    ours = _Ours(state, declared)
    spelled = _spelling({**aliases, state.account_id: "account.id"})
    files: dict[str, dict[str, Any]] = {}
    top: dict[str, Any] = {"only_accounts": list(only_accounts)} if only_accounts else {}
    for kind in KINDS.values():
        for resource in state:
            if resource.address.kind == kind.name:
                name = _file(kind, resource.address.name, layout)
                table = files.setdefault(name, dict(top)).setdefault(kind.section, {})
                entry = _entry(resource, kind, ours, spelled)
                if kind.setting:
                    table.update(entry)
                else:
                    table[spelled(resource.address.name)] = entry
    headers = {name: _modeline(name, schema) if schema else "" for name in files}
    return {name: dump(in_order(value), header=headers[name], spaced=True) for name, value in files.items()}


class Spelling:
    """How manifests that declare a state spell values of its account: bare names, variables, short forms."""

    def __init__(self, declared: State, aliases: Mapping[str, str] = MappingProxyType({})) -> None:
        self._ours = _Ours(declared, ())
        self._spelled = _spelling({**aliases, declared.account_id: "account.id"})

    def text(self, text: str) -> str:
        """A live text with variables where it names an account."""
        return self._spelled(text)

    def everywhere(self, value: Any) -> Any:
        """A JSON value with every text so."""
        return _everywhere(value, self._spelled)

    def field(self, field: Field, value: Any) -> Any:
        """A field's value as it stands in a new declaration."""
        written = _everywhere(_written(field, value, self._ours, {}), self._spelled)
        return in_order(written, ("roles", "", field.name))  # documents have one order in every section

    def reference(self, field: Field, value: str) -> str:
        """A member of a field of references, or its one reference, not yet with variables."""
        if field.name == "groups":
            return self._ours.group(value)
        return self._ours.role(value) if getattr(field, "target", "policy") == "role" else self._ours.policy(value)


def file_of(resource: Resource, layout: Layout) -> str:
    """The name of the file that holds a resource."""
    return _file(KINDS[resource.address.kind], resource.address.name, layout)


@dataclass(frozen=True, slots=True)
class _Ours:
    """How this state's resources refer to one another."""

    state: State
    declared: Container[Address]

    def policy(self, text: str) -> str:
        """A policy's ARN as a manifest spells it."""
        parsed = arn.parse(text)
        if parsed is None or parsed.kind != "policy" or parsed.partition != self.state.partition:
            return text
        if parsed.account != self.state.account_id:
            return arn.short(text, self.state.account_id)
        held = self.state.get(parsed.address)
        cx = Context(self.state.account_id, self.state.partition)
        if parsed.address in self.declared or (held is not None and KINDS["policy"].arn(held, cx) == text):
            return parsed.name
        return f"live/{parsed.name}"

    def role(self, text: str) -> str:
        """A role's ARN as a manifest spells it."""
        parsed = arn.parse(text)
        if parsed is None or parsed.kind != "role" or parsed.account != self.state.account_id:
            return text
        held = self.state.get(parsed.address)
        cx = Context(self.state.account_id, self.state.partition)
        if parsed.address in self.declared or (held is not None and KINDS["role"].arn(held, cx) == text):
            return parsed.name
        return f"live/{parsed.name}"

    def group(self, name: str) -> str:
        """A group's name as a manifest spells it."""
        address = Address("group", name)
        return name if address in self.state.resources or address in self.declared else f"live/{name}"


def _entry(resource: Resource, kind: Kind, ours: _Ours, spelled: Callable[[str], str]) -> Any:
    """The table of one resource: fields that differ from their default, and what is left to others."""
    out: dict[str, Any] = {}
    unread = []
    if resource.renamed_from is not None:
        out["renamed_from"] = resource.renamed_from
    ends = {(e.member_of, e.item): e.at for e in ours.state.expiries if e.address == resource.address}
    if ("", "") in ends:
        out["expires"] = ends["", ""]
    for field in kind.fields:
        if (kind.name, field.name) in ours.state.unread and not _known(resource, field):
            # An absent description of a policy is not compared anyway; every other field has a default.
            if (kind.name, field.name) != ("policy", "description"):
                unread.append(field.name)
            continue
        value = getattr(resource.spec, field.name)
        if field.name in kind.required or value not in (field.default, None, "", ()):
            out[field.name] = _written(field, value, ours, ends)
    if resource.credentials is not None:
        out |= to_json(resource.credentials)
    out = _everywhere(out, spelled)
    ignored = [spelled(pattern) for pattern in resource.ignore]
    missing = [name for name in unread if name not in ignored]
    if missing:
        out["ignore_changes"] = Commented([*ignored, *missing], f"{', '.join(missing)}: {UNTOLD}")
    elif ignored:
        out["ignore_changes"] = ignored
    return out


def _known(resource: Resource, field: Field) -> bool:
    """Whether this one resource's value was read although its source does not tell it of all."""
    if field.name == "description":
        return getattr(resource.spec, field.name) is not None and resource.address.kind == "policy"
    return field.form == "tags" and resource.facts.get("tags") in ("bulk", "confirmed")


def _written(field: Field, value: Any, ours: _Ours, ends: Mapping[tuple[str, str], str]) -> Any:
    if field.form == "references":
        spell, word = (ours.group, "group") if field.name == "groups" else (ours.policy, "policy")
        pairs = sorted((spell(item), ends.get((field.name, item))) for item in value)
        return [text if until is None else {word: text, "expires": until} for text, until in pairs]
    if field.form == "documents":
        return {
            name: held if (until := ends.get((field.name, name))) is None else {"document": held, "expires": until}
            for name, held in value_to_json(field, value).items()
        }
    if field.form == "reference":
        return ours.role(value) if getattr(field, "target", "policy") == "role" else ours.policy(value)
    if field.form == "settings":
        return {rule: held for rule, held in value.values().items() if held != DEFAULTS[rule]}
    if field.form == "seconds":
        return f"{value // _HOUR}h" if value % _HOUR == 0 else value
    return value_to_json(field, value)


def _everywhere(value: Any, spelled: Callable[[str], str]) -> Any:
    """The value with every text, keys included, as a manifest spells it."""
    if isinstance(value, str):
        return spelled(value)
    if isinstance(value, dict):
        return {spelled(key): _everywhere(held, spelled) for key, held in value.items()}
    if isinstance(value, (list, tuple)):
        return [_everywhere(item, spelled) for item in value]
    # YAML manifests hold no fractions: a document's are written as text, which IAM reads alike.
    return str(value) if isinstance(value, float) else value


def _spelling(variables: Mapping[str, str]) -> Callable[[str], str]:
    """What turns a live text into one that says the same where variables are filled in.

    An account id counts only as a whole number, and not after a "$", which would escape the variable.
    """
    ids = "|".join(re.escape(account) for account in sorted(variables, reverse=True))
    found = re.compile(rf"(?<![\d$])(?:{ids})(?!\d)", re.ASCII)

    def spelled(text: str) -> str:
        return found.sub(lambda match: f"$({variables[match[0]]})", escape(text))

    return spelled


def _file(kind: Kind, name: str, layout: Layout) -> str:
    """The file of a resource; names that a file system or a reader would not take get a prefix.

    "~" is in no IAM name, so a prefixed name cannot be another resource's.
    """
    if layout == "file-per-kind":
        return f"{kind.section}.yaml"
    if kind.setting:
        return f"{kind.section}.yaml"
    # The name of an OIDC provider is a URL's host and path, in which "~" may stand too.
    name = name.replace("~", "~0").replace("/", "~1")
    safe = f"{kind.name}~{name}" if name.startswith((".", "-")) or _DEVICE.fullmatch(name) else name
    return f"{kind.section}/{safe}.yaml"


def _modeline(file: str, schema: str) -> str:
    if "/" in file and not schema.startswith("/") and "://" not in schema:
        schema = f"../{schema.removeprefix('./')}"
    return f"yaml-language-server: $schema={schema}"
