"""Snapshot files: a whole State as one JSON text, and back.

Fields are spelled as in `kinds.codec` (references are ARNs, documents in their writer's order). A
snapshot tells what was live: not what manifests want removed, and not the versions of policies.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from iamsync.errors import InputError, Place
from iamsync.kinds import KINDS, SECTIONS
from iamsync.kinds.account import is_password_policy
from iamsync.kinds.codec import from_json, to_json
from iamsync.kinds.kind import Field, Kind
from iamsync.manifest.jsontext import parse_json
from iamsync.manifest.nodes import Path, place_in
from iamsync.manifest.problems import did_you_mean
from iamsync.model import Address, Resource, State
from iamsync.strictjson import loads

FORMAT: Final = "1.1"

_VERSION: Final = re.compile(r"(\d{1,6})\.(\d{1,6})", re.ASCII)
_ACCOUNT: Final = re.compile(r"\d{12}", re.ASCII)
_TOP: Final = ("format_version", "account", "taken_at", "complete", "unread", "quotas", "resources")
# What is kept of a live resource beside its fields: how its tags were read matters as much as they do.
_FACTS: Final = ("id", "tags", "instance_profiles", "created", "last_used")


def to_text(state: State, taken_at: str) -> str:
    """The snapshot of a state; `taken_at` is an RFC 3339 time. The same state and time, the same text."""
    unread: dict[str, list[str]] = {}
    for kind, name in sorted(state.unread):
        unread.setdefault(KINDS[kind].section, []).append(name)
    value: dict[str, Any] = {
        "format_version": FORMAT,
        "account": {"id": state.account_id, "partition": state.partition, "alias": state.alias},
        "taken_at": taken_at,
        "complete": {kind.section: name in state.complete for name, kind in KINDS.items()},
        "unread": unread,
    }
    if state.quotas:
        value["quotas"] = dict(sorted(state.quotas.items()))
    value["resources"] = {str(resource.address): _resource(resource) for resource in state}
    return json.dumps(value, ensure_ascii=False, indent=2) + "\n"


def from_text(text: str, file: str) -> State:
    """The state a snapshot holds; `file` is its name in messages.

    Raises InputError with its place for what is no JSON, no snapshot, of a newer major format, or
    holds what this format does not. A newer minor format may add keys: those are passed over.
    """
    try:
        value = loads(text)
    except ValueError as error:
        parse_json(text, file)  # knows the place, and says it better
        raise InputError(f"this is no JSON: {error}", code="json-syntax", place=Place(file)) from error
    try:
        return _Reader(_newer(value)).state(value)
    except _Misfit as misfit:
        raise InputError(
            misfit.message, code=misfit.code, place=_place(text, file, misfit.path), hint=misfit.hint
        ) from misfit


def _resource(resource: Resource) -> dict[str, Any]:
    facts = {
        name: list(held) if isinstance(held, tuple) else held
        for name in _FACTS
        # An empty one tells nothing, but that of a role's last use: not in the 400 days that AWS remembers.
        if (held := resource.facts.get(name)) or (name == "last_used" and held is not None)
    }
    return {**to_json(resource), **({"facts": facts} if facts else {})}


class _Misfit(Exception):
    """What does not fit, and where in the value."""

    def __init__(self, path: Path, message: str, *, code: str = "bad-snapshot", hint: str = "") -> None:
        super().__init__(message)
        hint = hint or "a snapshot is not meant to be edited; take it again: iamsync snapshot --out FILE"
        self.path, self.message, self.code, self.hint = path, message, code, hint


def _newer(value: Any) -> bool:
    """Whether the snapshot is of a later minor format than this one; _Misfit where it cannot be read at all."""
    version = value.get("format_version") if isinstance(value, dict) else None
    found = _VERSION.fullmatch(version) if isinstance(version, str) else None
    if found is None:
        raise _Misfit(
            ("format_version",),
            "this is no snapshot: it has no format_version",
            code="no-snapshot",
            hint="`iamsync snapshot --out FILE` writes one",
        )
    major, minor = (int(part) for part in FORMAT.split("."))
    if int(found[1]) != major:
        raise _Misfit(
            ("format_version",),
            f"this snapshot is of format {version}; this iamsync reads {major}.x",
            code="snapshot-format",
            hint="read it with the iamsync that wrote it, or take it again",
        )
    return int(found[2]) > minor


class _Reader:
    """Reads the parts of a parsed snapshot; `lenient` passes over what this format does not know."""

    def __init__(self, lenient: bool) -> None:
        self.lenient = lenient

    def state(self, value: Mapping[str, Any]) -> State:
        self.known((), value, _TOP)
        account = self.table(("account",), value.get("account"))
        self.known(("account",), account, ("id", "partition", "alias"))
        account_id, partition, alias = account.get("id"), account.get("partition", "aws"), account.get("alias")
        if not isinstance(account_id, str) or not _ACCOUNT.fullmatch(account_id):
            raise _Misfit(("account", "id"), "an account id is a text of 12 digits")
        if not isinstance(partition, str):
            raise _Misfit(("account", "partition"), "the partition is a text, for example aws")
        if alias is not None and not isinstance(alias, str):
            raise _Misfit(("account", "alias"), "the alias is a text, or null where there is none")
        resources = []
        for name, held in self.table(("resources",), value.get("resources")).items():
            if (kind := self.kind(name)) is not None:
                resources.append(self.resource(name, kind, self.table(("resources", name), held), partition))
        return State.of(
            account_id,
            resources,
            partition=partition,
            alias=alias,
            unread=frozenset(self.unread(self.table(("unread",), value.get("unread", {})))),
            complete=frozenset(self.complete(self.table(("complete",), value.get("complete")))),
            quotas=MappingProxyType(self.quotas(self.table(("quotas",), value.get("quotas", {})))),
        )

    def kind(self, name: str) -> Kind | None:
        """The kind of an address; None where a later format has one that is not known here."""
        word, slash, rest = name.partition("/")
        if slash and rest and word in KINDS:
            return KINDS[word]
        if self.lenient and slash and rest:
            return None
        raise _Misfit(("resources", name), f'"{name}" is no address; write KIND/NAME, with {_words(KINDS)} as KIND')

    def resource(self, name: str, kind: Kind, held: Mapping[str, Any], partition: str) -> Resource:
        path: Path = ("resources", name)
        names = tuple(field.name for field in kind.fields)
        self.known(path, held, (*names, "facts"))
        for field in kind.fields:
            if field.name in held and (wanted := _unlike(field, held[field.name])):
                raise _Misfit((*path, field.name), f"{field.name} of {name} is {wanted}")
            if field.name not in held and field.name in kind.required:
                raise _Misfit(path, f"{name} has no {field.name}")
        facts = self.table((*path, "facts"), held.get("facts", {}))
        self.known((*path, "facts"), facts, _FACTS)
        for key, fact in facts.items():
            texts = fact if key == "instance_profiles" and isinstance(fact, list) else [fact]
            if key in _FACTS and not all(isinstance(text, str) for text in texts):
                raise _Misfit((*path, "facts", key), f"{key} of {name} is no text")
        kept = {key: tuple(fact) if isinstance(fact, list) else fact for key, fact in facts.items() if key in _FACTS}
        plain = {key: held[key] for key in names if key in held}
        read = from_json(Address(kind.name, name.partition("/")[2]), plain, partition)
        return Resource(read.address, read.spec, facts=MappingProxyType(kept))

    def unread(self, held: Mapping[str, Any]) -> list[tuple[str, str]]:
        self.known(("unread",), held, tuple(SECTIONS))
        out = []
        for section, names in held.items():
            if section not in SECTIONS:
                continue
            fields = tuple(field.name for field in SECTIONS[section].fields)
            if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
                raise _Misfit(("unread", section), "what was not read is a list of field names")
            for position, name in enumerate(names):
                if name in fields:
                    out.append((SECTIONS[section].name, name))
                elif not self.lenient:
                    raise _Misfit(("unread", section, position), f'{section} have no field "{name}"')
        return out

    def complete(self, held: Mapping[str, Any]) -> list[str]:
        self.known(("complete",), held, tuple(SECTIONS))
        for section, whole in held.items():
            if not isinstance(whole, bool):
                raise _Misfit(("complete", section), "whether a kind is complete is true or false")
        return [kind.name for section, kind in SECTIONS.items() if held.get(section)]

    def quotas(self, held: Mapping[str, Any]) -> dict[str, int]:
        for name, figure in held.items():
            if not isinstance(figure, int) or isinstance(figure, bool):
                raise _Misfit(("quotas", name), "a quota is a whole number")
        return dict(held)

    def known(self, path: Path, held: Mapping[str, Any], names: tuple[str, ...]) -> None:
        for key in held if not self.lenient else ():
            if key not in names:
                raise _Misfit(
                    (*path, key),
                    f'unknown key "{key}" in a snapshot',
                    code="unknown-key",
                    hint=did_you_mean(key, names, f"known: {_words(names)}"),
                )

    def table(self, path: Path, held: Any) -> Mapping[str, Any]:
        if not isinstance(held, dict):
            raise _Misfit(path, f"{'.'.join(map(str, path))} of a snapshot is a JSON object")
        return held


def _unlike(field: Field, value: Any) -> str:
    """What a field's value should be, where it is not."""
    if field.form in ("references", "names"):
        if value is None and getattr(field, "optional", False):
            return ""
        fits = isinstance(value, list) and all(isinstance(item, str) for item in value)
        return "" if fits else "a list of texts"
    if field.form == "tags":
        fits = isinstance(value, dict) and all(isinstance(item, str) for item in value.values())
        return "" if fits else "an object of texts"
    if field.form == "documents":
        fits = isinstance(value, dict) and all(isinstance(item, dict) for item in value.values())
        return "" if fits else "an object of policy documents"
    if field.form == "document":
        return "" if isinstance(value, dict) else "a policy document"
    if field.form == "settings":
        return "" if value is None or is_password_policy(value) else "the rules of a password policy, or null"
    if field.form == "seconds":
        return "" if isinstance(value, int) and not isinstance(value, bool) else "a number of seconds"
    if isinstance(value, str) or (value is None and field.default is None):
        return ""
    return "a text or null" if field.default is None else "a text"


def _place(text: str, file: str, path: Path) -> Place:
    try:
        return place_in(parse_json(text, file), path)
    except InputError:  # a form of JSON that only this reader refuses
        return Place(file)


def _words(names: Mapping[str, Any] | tuple[str, ...]) -> str:
    return ", ".join(names)
