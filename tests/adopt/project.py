"""A project in a folder and an account that differs from it: what adopting makes of the files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from iamsync.engine.adopting import adoption
from iamsync.engine.options import Options
from iamsync.engine.project import Project
from iamsync.engine.reach import Ways
from iamsync.engine.replacing import replace_files
from iamsync.engine.rewriting import Adoption
from iamsync.kinds import KINDS
from iamsync.kinds.codec import value_from_json
from iamsync.manifest.snapshot import to_text
from iamsync.model import Address, Resource, State

ACCOUNT = "111122223333"
NOW = "2026-11-25T12:00:00Z"
CONFIG = f'manifests: [iam]\naccounts:\n  demo: {{id: "{ACCOUNT}"}}\n'


@dataclass(slots=True)
class Place:
    """A project's folder; `options` are those of every run."""

    root: Path
    options: Mapping[str, Any] = field(default_factory=dict)

    def write(self, files: Mapping[str, str]) -> None:
        for name, text in files.items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text.encode())

    def files(self) -> dict[str, str]:
        paths = (path for path in self.root.rglob("*") if path.is_file() and path.name != "live.json")
        return {path.relative_to(self.root).as_posix(): path.read_bytes().decode() for path in paths}

    def desired(self, account: str = "demo") -> State:
        """What the files want of an account."""
        project = Project.open(Options(cwd=self.root, now=NOW))
        held = next(item for item in project.config.accounts if item.name == account)
        return project.desired(held, held.id or ACCOUNT)

    def look(self, live: State, *, deleted: bool = False, **options: Any) -> Adoption:
        """What adopting this account would change."""
        told = self.root / "live.json"
        told.write_text(to_text(live, NOW), encoding="utf-8")
        project = Project.open(Options(cwd=self.root, live=told, now=NOW, **{**self.options, **options}))
        with Ways(project) as ways:
            return adoption(project, ways, deleted=deleted)

    def adopt(self, live: State, **options: Any) -> Adoption:
        found = self.look(live, **options)
        replace_files(found.before, found.after)
        return found


def changed(state: State, changes: Mapping[str, Mapping[str, Any] | None]) -> State:
    """The account as it would be after an apply, and then changed: fields by address as JSON, None for deleted."""
    resources = {resource.address: _live(resource) for resource in state}
    for text, fields in changes.items():
        address = Address.parse(text)
        if fields is None:
            del resources[address]
            continue
        kind, held = KINDS[address.kind], resources.get(address)
        values = {name: value_from_json(kind.field(name), value) for name, value in fields.items()}
        spec = kind.spec(**values) if held is None else replace(held.spec, **values)
        resources[address] = Resource(address, spec)
    return State.of(state.account_id, resources.values(), complete=frozenset(KINDS))


def _live(resource: Resource) -> Resource:
    """A declared resource as an account has it: policies that live there have ARNs."""
    spec = resource.spec
    for shape in KINDS[resource.address.kind].fields:
        value = getattr(spec, shape.name)
        if shape.form == "references" and shape.name != "groups":
            spec = replace(spec, **{shape.name: tuple(sorted(_arn(item) for item in value))})
        elif shape.form == "reference" and value:
            spec = replace(spec, **{shape.name: _arn(value)})
    return Resource(resource.address, spec)


def _arn(item: str) -> str:
    return f"arn:aws:iam::{ACCOUNT}:policy/{item[5:]}" if item.startswith("live/") else item
