"""iamy's folders as States: a folder an account, `ALIAS-ID/iam/role/PATH/NAME.yaml` a resource.

Read are the files of 99designs' iamy and of Envato's; what neither of them keeps is not told.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from iamsync import arn
from iamsync.errors import InputError, Place, raise_all
from iamsync.kinds.kind import Context
from iamsync.manifest.foreign import files, fitting
from iamsync.manifest.foreign.parts import Behind, Misfit, Part
from iamsync.manifest.nodes import plain
from iamsync.model import Address, State

CODE: Final = "bad-source"
HINT: Final = "mend the file, or pull it again: iamy pull"
_FILE: Final = re.compile(
    r"(?:(?P<alias>[\w-]+)-)?(?P<id>\d{12})/(?:iam/)?(?P<kind>user|group|role|policy|instance-profile)"
    r"(?P<path>/(?:.*/)?)(?P<name>[^/]+)\.ya?ml"
)
_BUCKET: Final = re.compile(r"(?:[\w-]+-)?\d{12}/s3/.+\.ya?ml")
_KINDS: Final = {"instance-profile": "instance_profile"}
# What a version of iamy may not keep: told where any file has it.
_UNSURE: Final[Mapping[tuple[str, str], str]] = {
    ("role", "description"): "Description",
    ("role", "max_session_duration"): "MaxSessionDuration",
    ("user", "tags"): "Tags",
    ("policy", "tags"): "Tags",
    ("instance_profile", "tags"): "Tags",
}
_NEVER: Final = frozenset({("role", "permissions_boundary"), ("user", "permissions_boundary"), ("role", "tags")})


@dataclass(frozen=True, slots=True)
class Folder:
    """One account's folder: its id, its alias where it has one, what it says."""

    state: State
    alias: str


def folders(root: Path) -> tuple[tuple[Folder, ...], tuple[Behind, ...]]:
    """The accounts of a folder and what stays behind; InputErrors with every mistake in it."""
    accounts: dict[str, _Account] = {}
    behind: list[Behind] = []
    errors: list[InputError] = []
    buckets = 0
    for name in files.yaml_files(root):
        found = _FILE.fullmatch(name)
        buckets += bool(_BUCKET.fullmatch(name))
        if found is None:
            continue
        account = accounts.setdefault(found["id"], _Account(Context(found["id"]), found["alias"] or ""))
        try:
            for told, node in files.documents(root, name):
                try:
                    kind = _KINDS.get(found["kind"], found["kind"])
                    account.add(Address(kind, found["name"]), found["path"], Part(plain(node)), told)
                except Misfit as misfit:
                    raise misfit.told(node, told, CODE, HINT) from misfit
        except InputError as error:
            errors += getattr(error, "errors", (error,))
    raise_all(errors)
    if not accounts:
        raise InputError(
            "there is no folder of iamy's in this one",
            code=CODE,
            place=Place(str(root)),
            hint="give the folder that holds ALIAS-ACCOUNTID/iam/...",
        )
    if buckets:
        what, remedy = f"{buckets} x s3/*.yaml", "leave them to whoever has the buckets"
        behind.append(Behind(what, "policies of buckets are not IAM's", remedy))
    return tuple(account.folder() for _, account in sorted(accounts.items())), tuple(behind)


@dataclass(slots=True)
class _Account:
    cx: Context
    alias: str
    held: dict[Address, tuple[Address, str, Part, str]] = field(default_factory=dict)
    words: set[tuple[str, str]] = field(default_factory=set)

    def add(self, address: Address, path: str, values: Part, file: str) -> None:
        values.table()
        if address.folded in self.held:
            raise values.wrong(f"{address} stands in {self.held[address.folded][3]} too")
        # Looked at here, where the file is known; made when all are known.
        fitting.resource(address, _READERS[address.kind](values, path, self), values)
        self.held[address.folded] = (address, path, values, file)
        self.words |= {(address.kind, word) for word in values.table()}

    def folder(self) -> Folder:
        made = [
            fitting.resource(address, _READERS[address.kind](values, path, self), values)
            for address, path, values, _ in self.held.values()
        ]
        unsure = {pair for pair, word in _UNSURE.items() if (pair[0], word) not in self.words}
        return Folder(State.of(self.cx.account_id, made, unread=frozenset(unsure | _NEVER)), self.alias)

    def policies(self, values: Part) -> tuple[str, ...]:
        held = values.get("Policies")
        found = set()
        for item in held.items() if held is not None else ():
            text = item.text()
            if not text.startswith("arn:"):
                text = f"arn:{self.cx.partition}:iam::{self.cx.account_id}:policy/{text}"
            if arn.parse(text) is None:
                raise item.wrong(f"{item.text()!r} is no policy")
            found.add(text)
        return tuple(sorted(found))

    def inline(self, values: Part) -> tuple[tuple[str, Any], ...]:
        held = values.get("InlinePolicies")
        found = {}
        for item in held.items() if held is not None else ():
            found[item.need("Name").text()] = item.need("Policy").document(self.cx.partition)
        return tuple(sorted(found.items()))


def _tags(values: Part) -> tuple[tuple[str, str], ...]:
    held = values.get("Tags")
    return tuple(sorted((key, str(item.value)) for key, item in held.entries())) if held is not None else ()


def _names(values: Part, word: str) -> tuple[str, ...]:
    held = values.get(word)
    return tuple(sorted(set(held.texts()))) if held is not None else ()


def _text(values: Part, word: str) -> str | None:
    held = values.get(word)
    return held.text() if held is not None else None


def _user(values: Part, path: str, account: _Account) -> dict[str, Any]:
    return {"groups": _names(values, "Groups"), "tags": _tags(values), **_group(values, path, account)}


def _group(values: Part, path: str, account: _Account) -> dict[str, Any]:
    return {"path": path, "managed_policies": account.policies(values), "inline_policies": account.inline(values)}


def _role(values: Part, path: str, account: _Account) -> dict[str, Any]:
    longest = values.get("MaxSessionDuration")
    return {
        "trust_policy": values.need("AssumeRolePolicyDocument").document(account.cx.partition),
        "description": _text(values, "Description") or "",
        "max_session_duration": longest.number() if longest is not None else 3600,
        **_group(values, path, account),
    }


def _policy(values: Part, path: str, account: _Account) -> dict[str, Any]:
    document = values.need("Policy").document(account.cx.partition)
    return {"path": path, "document": document, "description": _text(values, "Description"), "tags": _tags(values)}


def _profile(values: Part, path: str, account: _Account) -> dict[str, Any]:
    roles: Iterable[str] = _names(values, "Roles")
    role = None
    for name in roles:
        known = account.held.get(Address("role", name).folded)
        role = account.cx.arn(Address("role", name), known[1] if known is not None else "/")
    return {"path": path, "role": role, "tags": _tags(values)}


_READERS: Final[Mapping[str, Callable[[Part, str, _Account], dict[str, Any]]]] = {
    "user": _user,
    "group": _group,
    "role": _role,
    "policy": _policy,
    "instance_profile": _profile,
}
