"""Import, snapshot, diff: live states turned into files, and any two states compared."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Literal

from iamsync.aws.read import confirm, read
from iamsync.engine.options import utc_now
from iamsync.engine.project import Project, revision
from iamsync.engine.reach import Reached, Ways, told_state
from iamsync.errors import InputError
from iamsync.kinds.owners import owner_of
from iamsync.manifest import dump, snapshot
from iamsync.manifest.config import Account
from iamsync.model import Address, Finding, Plan, Question, Resource, State
from iamsync.planner.plan import plan
from iamsync.planner.scope import in_scope
from iamsync.selector import select
from iamsync.settings import Scope, Settings

Layout = Literal["file-per-kind", "file-per-resource"]
_MODELINE: Final = "yaml-language-server: $schema=https://iamsync.dev/schemas/manifest.schema.json"


@dataclass(frozen=True, slots=True)
class Left:
    """A live resource that is not imported, and why."""

    address: Address
    reason: str


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import found and would write: file texts by path, what it took, what it left."""

    account_name: str
    account_id: str
    files: dict[str, str]
    taken: tuple[Address, ...]
    left: tuple[Left, ...]
    declared: tuple[Address, ...]


def observe_whole(reached: Reached) -> State:
    """The live state with every tag and description confirmed: what a bulk read leaves out is not lost."""
    if reached.told is not None:
        return reached.told
    assert reached.connection is not None
    live = read(reached.connection)
    asked: list[Question] = []
    for resource in live:
        if resource.address.kind == "policy":
            asked.append(Question("policy-description", str(resource.address)))
            if resource.facts.get("tags") != "bulk" or not resource.spec.tags:
                asked.append(Question("policy-tags", str(resource.address)))
    live = confirm(reached.connection, live, asked)
    return replace(live, unread=frozenset())


def imports(project: Project, ways: Ways, out: Path, layout: Layout) -> tuple[Imported, ...]:
    """What each account's undeclared resources look like as manifests; nothing is written here."""
    accounts = project.accounts()
    if len(accounts) > 1:
        raise InputError(
            f"{len(accounts)} accounts are configured; import one at a time",
            code="which-account",
            hint="add --account NAME and an --out folder of its own",
        )
    return tuple(_imported(project, ways, account, layout) for account in accounts)


def _imported(project: Project, ways: Ways, account: Account, layout: Layout) -> Imported:
    reached = ways.reach(account)
    live = observe_whole(reached)
    declared = _declared(project, account, reached)
    settings, narrowed = project.settings(account), project.narrowed()
    taken: list[Resource] = []
    left: list[Left] = []
    ours: list[Address] = []
    for resource in live:
        owner = owner_of(resource)
        path, tags = getattr(resource.spec, "path", "/"), dict(getattr(resource.spec, "tags", ()))
        if resource.address.folded in declared:
            ours.append(resource.address)
        elif owner is not None:
            left.append(Left(resource.address, f"{owner.name}: {owner.evidence}"))
        elif not in_scope(resource, settings.scope):
            left.append(Left(resource.address, "outside the scope"))
        elif narrowed is not None and not narrowed(resource.address, path, tags):
            left.append(Left(resource.address, "not targeted"))
        else:
            taken.append(resource)
    chosen = replace(live, resources={resource.address: resource for resource in taken})
    files = dump.manifests(
        chosen,
        layout=layout,
        declared=frozenset(ours),
        aliases={live.account_id: "account.id"},
    )
    return Imported(account.name, live.account_id, files, tuple(r.address for r in taken), tuple(left), tuple(ours))


def _declared(project: Project, account: Account, reached: Reached) -> frozenset[Address]:
    """What the project declares already; nothing where it has no manifests yet."""
    if not any((project.root / path).exists() for path in account.manifests):
        return frozenset()
    try:
        desired = project.desired(account, reached.account_id, reached.partition)
    except InputError as error:
        if error.code != "empty-manifests":
            raise
        return frozenset()
    return frozenset(address.folded for address in desired.resources)


def write(files: dict[str, str], out: Path) -> tuple[Path, ...]:
    """Write the files into a folder, beside what is there: nothing is overwritten or deleted."""
    written = []
    for name, text in files.items():
        path = _free(out / name)
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
        written.append(path)
    return tuple(written)


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


def difference(project: Project, ways: Ways, before: str, after: str) -> Plan:
    """What turns one state into another: each a path, `live`, `snapshot:FILE` or `git:REV`."""
    account = project.accounts()[0]
    reached: Reached | None = None
    if "live" in (before, after):
        reached = ways.reach(account)
    account_id = reached.account_id if reached else _first_id(project, account, (before, after))
    partition = reached.partition if reached else account.partition or "aws"
    with ExitStack() as stack:
        sides = []
        for text in (before, after):
            sides.append(_side(project, account, text, account_id, partition, reached, stack))
    old, new = sides
    everything = Scope(select(["*"], ()), select((), ()))
    settings = Settings(everything, unmanaged="delete")
    settings = replace(settings, safety=replace(settings.safety, settle=0, max_deletes=10**9, max_change_percent=100))
    made = plan(
        replace(new, removed=()),
        replace(old, complete=frozenset({"user", "group", "role", "policy"})),
        settings,
        account_name=account.name,
        caller="diff",
        now=project.options.now or utc_now(),
    )
    return replace(made, guards=(), findings=_only_about_names(made.findings))


def _only_about_names(findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
    return tuple(finding for finding in findings if finding.id == "name-case")


def _first_id(project: Project, account: Account, sides: tuple[str, ...]) -> str:
    """The account a file names, so that manifests beside it are read for the same one."""
    for text in sides:
        if text.startswith("snapshot:"):
            told = told_state(project.options.cwd / text.removeprefix("snapshot:"), project.options)
            return told.account_id
    return project.offline_id(account)


def _side(
    project: Project,
    account: Account,
    text: str,
    account_id: str,
    partition: str,
    reached: Reached | None,
    stack: ExitStack,
) -> State:
    if text == "live":
        assert reached is not None
        return observe_whole(reached)
    if text.startswith("snapshot:"):
        return told_state(project.options.cwd / text.removeprefix("snapshot:"), project.options)
    if text.startswith("git:"):
        then = stack.enter_context(revision(project, text))
        found = next((known for known in then.config.accounts if known.name == account.name), None)
        if found is None:
            raise InputError(f"{text} has no account {account.name}", code="bad-revision", hint="name another")
        return then.desired(found, account_id, partition)
    path = project.options.cwd / text
    if not path.exists():
        raise InputError(
            f"{text} is no side of a diff",
            code="bad-option",
            hint="give a path, live, snapshot:FILE or git:REV",
        )
    beside = replace(account, manifests=(str(path.resolve()),))
    return project.desired_of(beside, account_id, partition)
