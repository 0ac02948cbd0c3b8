"""Import and snapshot: live states turned into files."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, Literal

from iamsync.aws.read import confirm, read
from iamsync.engine import aiming
from iamsync.engine.fleets import each
from iamsync.engine.options import utc_now
from iamsync.engine.owning import observed_owners, state_file
from iamsync.engine.project import Project
from iamsync.engine.reach import Reached, Ways
from iamsync.errors import InputError
from iamsync.kinds import FURTHER
from iamsync.kinds.owners import owner_of
from iamsync.manifest import dump, snapshot
from iamsync.manifest.config import Account
from iamsync.manifest.keyorder import manifest_order
from iamsync.manifest.terraformstate import removed_blocks
from iamsync.manifest.tidy import tidy
from iamsync.model import Address, Question, Resource, State
from iamsync.planner.confirming import TAGS_IN_BULK
from iamsync.planner.scope import in_scope

Layout = Literal["file-per-kind", "file-per-resource"]

# Owners that can be told to forget a resource without destroying it.
_HANDS_OVER: Final = ("Terraform", "OpenTofu")
REMOVED: Final = "removed.tf"


@dataclass(frozen=True, slots=True)
class Left:
    """A live resource that is not imported, and why."""

    address: Address
    reason: str


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import found and would write: file texts by path, what it took, what it left.

    `blocks` are what Terraform forgets it by, `commands` the same for single instances; `missed` are the targets that
    are nobody's name here (`aiming`).
    """

    account_name: str
    account_id: str
    files: dict[str, str]
    taken: tuple[Address, ...]
    left: tuple[Left, ...]
    declared: tuple[Address, ...]
    counts: Mapping[str, int]
    state: State
    blocks: str = ""
    commands: tuple[str, ...] = ()
    missed: Mapping[str, str] = field(default_factory=dict)

    def owners(self) -> list[tuple[str, list[str]]]:
        """Who owns what: these manifests already, whoever imports now, and everyone who is left alone."""
        rows: dict[str, list[str]] = {}
        if self.declared:
            rows["declared already"] = [str(address) for address in self.declared]
        if self.taken:
            rows["nobody: imported now"] = [str(address) for address in self.taken]
        for item in sorted(self.left, key=lambda held: held.reason):
            rows.setdefault(item.reason.partition(": ")[0], []).append(str(item.address))
        return list(rows.items())


def observe_whole(reached: Reached) -> State:
    """The live state with every tag and description confirmed: what a bulk read leaves out is not lost."""
    if reached.told is not None:
        return reached.told
    assert reached.connection is not None
    live = read(reached.connection, kinds=FURTHER, lenient=True)
    asked: list[Question] = []
    for resource in live:
        if resource.address.kind == "policy":
            asked.append(Question("policy-description", str(resource.address)))
        told = resource.facts.get("tags") == "bulk" and resource.spec.tags
        if resource.address.kind in TAGS_IN_BULK and not told:
            asked.append(Question(TAGS_IN_BULK[resource.address.kind], str(resource.address)))
    live = confirm(reached.connection, live, asked)
    return replace(live, unread=frozenset())


def imports(
    project: Project, ways: Ways, out: Path, layout: Layout, take_over: Path | None = None
) -> tuple[Imported, ...]:
    """What each account's undeclared resources look like as manifests; nothing is written here.

    Of several accounts, those that fail join `ways.failed`. `take_over` is a Terraform state: only what it lists is
    imported.
    """
    accounts = project.accounts()
    if len(accounts) > 1 and take_over is not None:
        raise InputError(
            f"a Terraform state is of one account, and this run is about {len(accounts)}",
            code="which-account",
            hint="add --account NAME",
        )
    found = each(accounts, lambda account: _imported(project, ways, account, out, layout, take_over), ways.failed)
    aiming.told([one.missed for one in found], whole=not ways.failed, note=project.options.note)
    return found


def _imported(
    project: Project, ways: Ways, account: Account, out: Path, layout: Layout, take_over: Path | None
) -> Imported:
    reached = ways.reach(account)
    settings, narrowed = project.settings(account), project.narrowed()
    items = state_file(take_over, reached.account_id, str(take_over)) if take_over is not None else ()
    terraforms = {item.resource.folded for item in items if item.resource is not None}
    live = observed_owners(project, reached, observe_whole(reached), settings)
    declared = declared_of(project, account, reached.account_id, reached.partition)
    taken: list[Resource] = []
    left: list[Left] = []
    ours: list[Address] = []
    for resource in live:
        owner = owner_of(resource)
        path, tags = getattr(resource.spec, "path", "/"), dict(getattr(resource.spec, "tags", ()))
        if resource.address.folded in declared:
            ours.append(resource.address)
        elif take_over is not None and resource.address.folded not in terraforms:
            left.append(Left(resource.address, "not in the Terraform state"))
        elif owner is not None and not (take_over is not None and owner.name in _HANDS_OVER):
            left.append(Left(resource.address, f"{owner.name}: {owner.evidence}"))
        elif not in_scope(resource, settings.scope):
            left.append(Left(resource.address, "outside the scope"))
        elif narrowed is not None and not narrowed(resource.address, path, tags):
            left.append(Left(resource.address, "not targeted"))
        else:
            taken.append(resource)
    chosen = replace(live, resources={resource.address: resource for resource in taken})
    files = dump.manifests(chosen, layout=layout, declared=frozenset(ours), schema=schema_from(project, out))
    # A live document has its keys in anybody's order; what is written is as `fmt` would have it.
    files = {name: tidy(text, name, manifest_order) for name, text in files.items()}
    ours_now = frozenset(address.folded for address in (*chosen.resources, *ours))
    blocks, commands = removed_blocks(items, ours_now)
    by_file = {name: sum(dump.file_of(resource, layout) == name for resource in taken) for name in files}
    return Imported(
        *(account.name, live.account_id, files, tuple(r.address for r in taken), tuple(left), tuple(ours), by_file),
        chosen,
        blocks=blocks,
        commands=commands,
        missed=aiming.missing(project, (live,), declared, complete=live.complete),
    )


def schema_from(project: Project, out: Path) -> str:
    """Where editors find the manifests' schema, seen from the folder; nothing where the project has none."""
    schema = project.root / "schemas" / "manifest.schema.json"
    return os.path.relpath(schema, (project.options.cwd / out).resolve()) if schema.exists() else ""


def declared_of(project: Project, account: Account, account_id: str, partition: str) -> frozenset[Address]:
    """What the project declares already, folded; nothing where it has no manifests yet."""
    if not project.has_manifests(account):
        return frozenset()
    try:
        desired = project.desired(account, account_id, partition)
    except InputError as error:
        if error.code != "empty-manifests":
            raise
        return frozenset()
    return frozenset(address.folded for address in desired.resources)


def write(files: Mapping[str, str], out: Path) -> dict[str, Path]:
    """Write the files into a folder, beside what is there: nothing is overwritten or deleted."""
    written = {}
    for name, text in files.items():
        path = _free(out / name)
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
        written[name] = path
    return written


def _free(path: Path) -> Path:
    number = 2
    free = path
    while free.exists():
        free = path.with_name(f"{path.stem}-{number}{path.suffix}")
        number += 1
    return free


def snapshot_text(project: Project, ways: Ways) -> str:
    """One account's whole live state as a snapshot file."""
    accounts = project.accounts()
    if len(accounts) != 1:
        raise InputError(
            f"{len(accounts)} accounts are configured; a snapshot is of one",
            code="which-account",
            hint="add --account NAME",
        )
    live = observe_whole(ways.reach(accounts[0]))
    return snapshot.to_text(live, project.options.now or utc_now())
