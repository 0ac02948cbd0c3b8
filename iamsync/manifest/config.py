"""The project file, `iamsync.yaml`: which accounts there are, how to reach them, and how careful to be."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, Literal, cast

from iamsync.buckets import Bucket
from iamsync.errors import InputError, InputErrors, Place
from iamsync.manifest import values
from iamsync.manifest.configsettings import SETTINGS, merged_defaults, no_settings, read_acknowledge, read_settings
from iamsync.manifest.discover import KEY as DISCOVER
from iamsync.manifest.discover import Discover, Left, names, read_discover
from iamsync.manifest.documents import inside
from iamsync.manifest.expand import Variables, expand
from iamsync.manifest.hops import Hop, read_hops
from iamsync.manifest.nodes import Listing, Node, Scalar, Table
from iamsync.manifest.notify import NOTIFY, read_notify
from iamsync.manifest.organization import KEY, read_organization
from iamsync.manifest.problems import WRONG, Problems, Wrong, a, is_null
from iamsync.manifest.source import parse, read
from iamsync.members import Member
from iamsync.model import EMPTY
from iamsync.notification import Target
from iamsync.policy.organization import Organization
from iamsync.settings import Settings

Backend = Literal["aws", "sandbox"]

FILE: Final = "iamsync.yaml"
DEFAULT_MANIFESTS: Final = ("iam",)
DEFAULT_ACCOUNT: Final = "default"
FIRST_WAVE: Final = 1
MOST_WAVES: Final = 1000
TOP: Final = (
    "version",
    "manifests",
    "variables",
    "accounts",
    DISCOVER,
    *SETTINGS,
    "acknowledge",
    "lock",
    "journal",
    NOTIFY,
    KEY,
)
ACCOUNT: Final = (
    *("id", "manifests", "variables", "labels", "profile", "region", "partition", "backend", "assume_role", "wave"),
    *SETTINGS,
    KEY,
)

_ID: Final = re.compile(r"\d{12}", re.ASCII)
_NAME: Final = re.compile(r"[\w][\w.@-]*", re.ASCII)
_VARIABLE: Final = re.compile(r"[\w.-]+", re.ASCII)
_NESTED: Final = re.compile(r"\$\([^()\s]+\)")
_WORD: Final = re.compile(r"[a-z0-9-]+", re.ASCII)


@dataclass(frozen=True, slots=True)
class Account:
    """One account: `read` and `write` are the roles to assume, in order, for either.

    Accounts are written to wave by wave. `settings` are the project's with the account's own over them. `defaults`
    are, by section, the fields of `defaults:` as nodes.
    """

    name: str
    settings: Settings
    id: str | None = None
    manifests: tuple[str, ...] = DEFAULT_MANIFESTS
    variables: Mapping[str, str | tuple[str, ...]] = field(default_factory=lambda: EMPTY)
    labels: Mapping[str, str] = field(default_factory=lambda: EMPTY)
    profile: str | None = None
    region: str | None = None
    partition: str | None = None
    backend: Backend = "aws"
    read: tuple[Hop, ...] = ()
    write: tuple[Hop, ...] = ()
    wave: int = FIRST_WAVE
    defaults: Mapping[str, Table] = field(default_factory=lambda: EMPTY)
    organization: Organization = field(default_factory=Organization)


@dataclass(frozen=True, slots=True)
class Config:
    """The project: `root` is its directory, `file` the project file's name in it, None where there is none.

    `lock` and `journal` are where a team keeps them, if it does; `notify` is who is told where a run is asked to;
    `discover` is how accounts are found beside those that are named.
    """

    file: str | None
    root: Path
    accounts: tuple[Account, ...]
    lock: Bucket | None = None
    journal: Bucket | None = None
    notify: tuple[Target, ...] = ()
    discover: Discover | None = None
    _project: _Project | None = field(default=None, repr=False, compare=False)

    def with_members(self, members: Sequence[Member]) -> tuple[Config, tuple[Left, ...]]:
        """The project with the accounts that `discover:` means of these, after those it names, and who is left out.

        InputError(s) where what the project file says of one cannot be.
        """
        assert self.discover is not None
        assert self._project is not None
        accounts, left = self._project.discovered(self.discover, members)
        self._project.problems.raise_if_any()
        return replace(self, accounts=accounts), left

    @property
    def places(self) -> tuple[tuple[str, str], ...]:
        """Where runs of this project write or tell beside their accounts: the setting, and the bucket or topic."""
        buckets = (("lock", self.lock), ("journal", self.journal))
        found = [(name, str(bucket)) for name, bucket in buckets if bucket is not None]
        return (*found, *(("notify", str(target)) for target in self.notify))

    @property
    def manifests(self) -> tuple[str, ...]:
        """The manifest paths of all accounts, each once."""
        return tuple(dict.fromkeys(path for account in self.accounts for path in account.manifests))


def load_config(
    path: Path | None,
    cwd: Path,
    variables: Mapping[str, str | Sequence[str]] | None = None,
    text: str | None = None,
) -> Config:
    """The project file given, else `iamsync.yaml` of the directory, else a project without one.

    `variables` (the command line's) go before those of the file where its settings use them. `text` stands in the
    place of what lies on disk.
    Raises InputError, or InputErrors with everything that is wrong in it.
    """
    target = Path(os.path.abspath(cwd / (path or FILE)))
    if path is None and not os.path.lexists(target):
        if (other := target.with_suffix(".yml")).is_file():
            hint = f"call it {FILE}, or name it: --config {other.name}"
            raise InputError(f"{other.name} is not read", code="bad-config", place=Place(other.name), hint=hint)
        return Config(None, target.parent, (Account(DEFAULT_ACCOUNT, no_settings()),))
    if path is None and text is None and not inside(target, target.parent):
        hint = "copy the file, or name it: --config FILE"
        message = f'"{target.name}" is a link that leaves the project'
        raise InputError(message, code="outside-project", place=Place(target.name), hint=hint)
    documents = read(target, target.name) if text is None else parse(text, target.name)
    if len(documents) != 1 or not isinstance(documents[0], Table):
        what = "holds nothing" if not documents else "is not one mapping"
        hint = "write version: 1 and what else is to be set"
        raise InputError(f"the project file {what}", code="bad-config", place=Place(target.name), hint=hint)
    project = _Project(documents[0], variables or {}, target.parent)
    accounts = project.accounts()
    lock, journal = project.bucket("lock"), project.bucket("journal")
    notify = read_notify(documents[0].get(NOTIFY), project.problems)
    project.problems.raise_if_any()
    return Config(target.name, target.parent, accounts, lock, journal, notify, project.discover, project)


class _Project:
    """Reads one project file."""

    def __init__(self, table: Table, given: Mapping[str, str | Sequence[str]], root: Path) -> None:
        self.table = table
        self.root = root
        self.given = {name: value if isinstance(value, str) else tuple(value) for name, value in given.items()}
        self.problems = Problems()
        self.ids: dict[str, str] = {}
        self.discover: Discover | None = None

    def accounts(self) -> tuple[Account, ...]:
        problems = self.problems
        values.known_keys(self.table, TOP, "the project file", problems)
        version = self.table.get("version")
        if version is not None and (not isinstance(version, Scalar) or version.text != "1"):
            problems.add("bad-config", f"version is {a(version)}; this iamsync reads version 1", version)
        acknowledge = read_acknowledge(self.table.get("acknowledge"), problems)
        self.discover = read_discover(self.table.get(DISCOVER), problems)
        held = self.table.get("accounts")
        table = values.table(held, "accounts", problems) if held is not None else None
        pairs = [(key.text, key, body) for key, body in table or ()]
        for name, key, _ in pairs:
            if not _NAME.fullmatch(name):
                hint = "use letters, digits, - _ . @"
                problems.add("bad-name", f'"{name}" is no name for an account', key, hint)
        if not pairs:
            return (self.account(DEFAULT_ACCOUNT, None, acknowledge),)
        return tuple(self.account(name, body, acknowledge, key) for name, key, body in pairs)

    def discovered(self, discover: Discover, members: Sequence[Member]) -> tuple[tuple[Account, ...], tuple[Left, ...]]:
        """The accounts that are named, with what discovery says of them, then the others that are meant; who is not."""
        table = self.table.get("accounts")
        named = {key.text: (key, body) for key, body in (table if isinstance(table, Table) else ())}
        own = {
            body_id.text: name
            for name, (_, body) in named.items()
            if isinstance(body, Table) and isinstance(body_id := body.get("id"), Scalar)
        }
        acknowledge = read_acknowledge(self.table.get("acknowledge"), Problems())
        called = names([member for member in members if member.id not in own], list(named))
        found: dict[str, Account] = {}
        left: list[Left] = []
        for member in members:
            name = own.get(member.id) or called[member.id]
            if reason := discover.reason(member):
                left.append(Left(name, member.id, reason))
                continue
            key, body = named.get(name, (None, None)) if member.id in own else (None, None)
            found[name] = self.account(name, discover.body(member, body), acknowledge, key)
        given = [
            found.pop(name) if name in found else self.account(name, body, acknowledge, key)
            for name, (key, body) in named.items()
        ]
        return (*given, *found.values()), tuple(left)

    def bucket(self, name: str) -> Bucket | None:
        """`lock` or `journal`: a place in S3."""
        text, node = self.text(self.table, name), self.table.get(name)
        if text is None or node is None:
            return None
        try:
            return Bucket.parse(text)
        except ValueError as error:
            self.problems.add("bad-config", str(error), node, f"write {name}: s3://BUCKET/PREFIX/")
            return None

    def account(self, name: str, body: Node | None, acknowledge: Any, key: Scalar | None = None) -> Account:
        problems = self.problems
        what = f'account "{name}"'
        own = values.table(body, what, problems) if body is not None else None
        own = own or Table((), self.table.source, self.table.start, self.table.end)
        values.known_keys(own, ACCOUNT, "an account", problems)
        account_id = self.account_id(own.get("id"), name)
        partition = self.word(own, "partition")
        backend = self.backend(own)
        variables = self.variables(self.table.get("variables")) | self.variables(own.get("variables"))
        scope = Variables(self.facts(name, account_id, partition, {**variables, **self.given}))
        layers = [self.expanded(table, scope) for table in (self.table, own)]
        settings = read_settings(layers, backend, acknowledge, problems)
        read, write = read_hops(layers[1].get("assume_role"), problems)
        return Account(
            name=name,
            settings=settings,
            id=account_id,
            manifests=self.manifests(own),
            variables=MappingProxyType(variables),
            labels=MappingProxyType(self.labels(own.get("labels"))),
            profile=self.text(layers[1], "profile"),
            region=self.word(own, "region"),
            partition=partition,
            backend=backend,
            read=read,
            write=write,
            wave=self.wave(own.get("wave")),
            defaults=merged_defaults(self.table.get("defaults"), own.get("defaults"), problems),
            organization=read_organization((self.table, own), self.root, partition or "aws", scope, problems),
        )

    def facts(
        self, name: str, account_id: str | None, partition: str | None, variables: Mapping[str, str | tuple[str, ...]]
    ) -> dict[str, str | tuple[str, ...]]:
        facts: dict[str, str | tuple[str, ...]] = {"account.name": name}
        if account_id:
            facts["account.id"] = account_id
        facts["partition"] = partition or "aws"
        accounts = self.table.get("accounts")
        for key, body in accounts if isinstance(accounts, Table) else ():
            held = body.get("id") if isinstance(body, Table) else None
            if isinstance(held, Scalar) and _ID.fullmatch(held.text):
                facts[f"accounts.{key.text}.id"] = held.text
        return facts | {f"var.{name}": value for name, value in variables.items()}

    def expanded(self, table: Table, scope: Variables) -> Table:
        """The settings and roles of a table with their variables filled in; `defaults` wait for a resource."""
        entries = []
        for key, value in table:
            if key.text in ("assume_role", "profile", *SETTINGS) and key.text != "defaults":
                try:
                    value = expand(value, scope)
                except WRONG as wrong:
                    self.problems.take(wrong if "account.id" in scope.values else _needs_id(wrong))
                    continue
            entries.append((key, value))
        return Table(tuple(entries), table.source, table.start, table.end)

    def account_id(self, node: Node | None, name: str) -> str | None:
        held = None if node is None else values.text(node, "id", self.problems)
        if node is None or held is None:
            return None
        if not _ID.fullmatch(held):
            hint = "write it as 12 digits, zeros at the front included"
            self.problems.add("bad-account-id", f'an account id has 12 digits, "{held}" has not', node, hint)
            return None
        other = self.ids.setdefault(held, name)
        if other != name:
            message = f'accounts "{other}" and "{name}" have one id, {held}'
            self.problems.add("duplicate-account", message, node, "remove one of the two")
        return held

    def backend(self, own: Table) -> Backend:
        node = own.get("backend")
        held = None if node is None else values.choice(node, "backend", self.problems, ("aws", "sandbox"))
        return cast(Backend, held or "aws")

    def wave(self, node: Node | None) -> int:
        held = None if node is None else values.number(node, "wave", self.problems, FIRST_WAVE, MOST_WAVES)
        return held or FIRST_WAVE

    def text(self, own: Table, name: str) -> str | None:
        node = own.get(name)
        return None if node is None or is_null(node) else values.text(node, name, self.problems)

    def word(self, own: Table, name: str) -> str | None:
        held, node = self.text(own, name), own.get(name)
        if held is not None and node is not None and not _WORD.fullmatch(held):
            self.problems.add("bad-config", f'"{held}" is no {name}', node, "write it as AWS does, in lower case")
            return None
        return held

    def variables(self, node: Node | None) -> dict[str, str | tuple[str, ...]]:
        found: dict[str, str | tuple[str, ...]] = {}
        for key, value in (values.table(node, "variables", self.problems) if node is not None else None) or ():
            what = f'variable "{key.text}"'
            if not _VARIABLE.fullmatch(key.text):
                hint = "use letters, digits, - _ ."
                self.problems.add("bad-name", f'"{key.text}" is no name for a variable', key, hint)
            elif isinstance(value, Listing):
                texts = values.texts(value, what, self.problems)
                found[key.text] = tuple(text for text, at in texts if self.final(text, what, at))
            elif (held := values.text(value, what, self.problems)) is not None and self.final(held, what, value):
                found[key.text] = held
        return found

    def final(self, text: str, what: str, at: Node) -> bool:
        """Whether a variable's value holds no variable: it would reach AWS as it is, since none is filled in."""
        nested = _NESTED.search(text)
        if nested is not None:
            hint = "write it where the variable is used, or give each account a value of its own"
            self.problems.add("nested-variable", f"{what} holds {nested[0]}, which is not filled in there", at, hint)
        return nested is None

    def labels(self, node: Node | None) -> dict[str, str]:
        if node is None:
            return {}
        return {key: held for key, (held, _, _) in values.text_table(node, "labels", self.problems).items()}

    def manifests(self, own: Table) -> tuple[str, ...]:
        found: dict[str, None] = {}
        for table in (self.table, own):
            node = table.get("manifests")
            for text, at in values.texts(node, "manifests", self.problems) if node is not None else ():
                path = os.path.normpath(text)
                if os.path.isabs(text) or path.startswith(".."):
                    hint = "manifests lie in the directory of the project file, or below it"
                    self.problems.add("outside-project", f'"{text}" lies outside the project', at, hint)
                else:
                    found[Path(path).as_posix()] = None
        return tuple(found) or DEFAULT_MANIFESTS


def _needs_id(wrong: Wrong) -> Wrong:
    """The same errors; where `$(account.id)` is asked for and the account has none, the hint says so."""
    for error in wrong.errors if isinstance(wrong, InputErrors) else (wrong,):
        if '"account.id"' in error.message:
            error.hint = "write id: and twelve digits under this account"
    return wrong
