"""Import from other tools: their files turned into manifests, and what stays behind. No account is asked."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from iamsync.engine import aiming
from iamsync.engine.importing import Imported, Layout, Left, declared_of, schema_from
from iamsync.engine.project import Project
from iamsync.engine.textfile import read_text
from iamsync.engine.together import together
from iamsync.errors import InputError, Place
from iamsync.manifest import dump, writer
from iamsync.manifest.config import FILE, Account
from iamsync.manifest.foreign import iambic, iamy, terraform
from iamsync.manifest.foreign.iambicparts import Member
from iamsync.manifest.foreign.parts import Behind
from iamsync.manifest.terraformstate import removed_blocks
from iamsync.model import State

_NOT_IN_NAME: Final = re.compile(r"[^A-Za-z0-9_-]+", re.ASCII)
CONFIG: Final = FILE  # as `carried_over` names the project file
SOURCES: Final = ("terraform", "iambic", "iamy")


@dataclass(frozen=True, slots=True)
class Carried:
    """What an import from another tool found and would write, account by account, and what stays behind."""

    accounts: tuple[Imported, ...]
    files: Mapping[str, str]
    counts: Mapping[str, int]
    behind: tuple[Behind, ...]
    blocks: str = ""
    commands: tuple[str, ...] = ()
    config: str = ""


def carried_over(project: Project, source: str, path: Path, out: Path, layout: Layout) -> Carried:
    """What another tool's files say, as manifests; nothing is written here."""
    readers = {"terraform": _terraform, "iambic": _iambic, "iamy": _iamy}
    made = readers[source](project, path, out, layout)
    missed = [one.missed for one in made.accounts]
    aiming.told(missed, whole=True, note=project.options.note, where=f"declared or in {path}")
    return made


def _terraform(project: Project, path: Path, out: Path, layout: Layout) -> Carried:
    text = read_text(path, "the Terraform state")
    account, account_id, partition = _account_of(project, text, path)
    found = terraform.carried(text, str(path), account_id, partition)
    if not len(found.state):
        raise InputError(
            f"the state lists nothing of the IAM of account {account_id}",
            code="bad-terraform-state",
            place=Place(str(path)),
            hint="give the state that holds its aws_iam_* resources",
        )
    made = taken(project, account, found.state, out, layout)
    ours = frozenset(address.folded for address in (*made.taken, *made.declared))
    blocks, commands = removed_blocks(found.listed, ours)
    return Carried((made,), made.files, made.counts, found.behind, blocks=blocks, commands=commands)


def _iambic(project: Project, path: Path, out: Path, layout: Layout) -> Carried:
    found = iambic.repository(_folder(path))
    named = found.config.members if found.config is not None else ()
    behind, made, members = list(found.behind), [], []
    for account in _members(project, [(member.name, member.id, member.partition) for member in named]):
        known = next((one for one in named if one.id == account.id), None)
        if known is None:
            known = next((one for one in named if account.id is None and one.name == account.name), None)
        member = known or Member(account.name, account.id or project.offline_id(account))
        member = replace(member, name=account.name, partition=account.partition or member.partition)
        state, left = iambic.state(found, member, project.now)
        members.append(member)
        behind += left
        made.append(taken(project, account, state, out, layout))
    return _several(project, made, [*behind, *iambic.elsewhere(found, members)], out, layout)


def _iamy(project: Project, path: Path, out: Path, layout: Layout) -> Carried:
    found, behind = iamy.folders(_folder(path))
    accounts = _members(project, [(folder.alias or "main", folder.state.account_id, "aws") for folder in found])
    states = {folder.state.account_id: folder.state for folder in found}
    told, made = list(behind), []
    for account in accounts:
        if account.id is not None and account.id in states:
            made.append(taken(project, account, states.pop(account.id), out, layout))
    told += [Behind(f"account {other}", "this project is not about it", "add it to accounts:") for other in states]
    if not made:
        ours = ", ".join(account.id or account.name for account in accounts)
        raise InputError(
            f"{path} is of account {', '.join(states)}; this project is about {ours}",
            code="wrong-account",
            hint="give the folder of that account, or --config of its project",
        )
    return _several(project, made, told, out, layout)


def _folder(path: Path) -> Path:
    if not path.is_dir():
        raise InputError(f"{path} is no folder", code="no-such-path", hint="give the folder with the tool's files")
    return path


def _members(project: Project, named: Sequence[tuple[str, str, str]]) -> list[Account]:
    """The accounts of a run: the project's; without a project file those that the tool names."""
    known = project.accounts()
    if project.configured or len(known) != 1 or known[0].id is not None:
        return list(known)
    if not named:
        raise InputError(
            "nothing here says which account this is about", code="which-account", hint="add --account-id ID"
        )
    if len(named) == 1:
        (_, account_id, partition), only = named[0], known[0]
        return [replace(only, id=account_id, partition=only.partition or partition)]
    found: list[Account] = []
    seen: set[str] = set()
    for name, account_id, partition in named:
        plain = _NOT_IN_NAME.sub("-", name).strip("-") or account_id
        plain = plain if plain not in seen else f"{plain}-{account_id}"
        seen.add(plain)
        found.append(replace(known[0], name=plain, id=account_id, partition=partition))
    return found


def _several(
    project: Project, made: Sequence[Imported], behind: Sequence[Behind], out: Path, layout: Layout
) -> Carried:
    """What of several accounts is equal is written once; a project file is written where these are its first."""
    if len(made) == 1:
        alone = [replace(item, accounts=()) for item in behind]
        return Carried(tuple(made), made[0].files, made[0].counts, _merged(alone))
    joined = together(project, made, out, layout)
    config = "" if project.configured else _config(made, out)
    return Carried(tuple(made), joined.files, joined.counts, _merged(behind), config=config)


def _merged(behind: Sequence[Behind]) -> tuple[Behind, ...]:
    """What is the same in several accounts, told once."""
    found: dict[tuple[str, str, str], list[str]] = {}
    for item in behind:
        found.setdefault((item.what, item.why, item.remedy), []).extend(item.accounts)
    return tuple(Behind(*told, tuple(dict.fromkeys(accounts))) for told, accounts in found.items())


def _config(made: Sequence[Imported], out: Path) -> str:
    """A project file that names the accounts and their manifests."""
    accounts = {one.account_name: {"id": one.account_id} for one in made}
    value = {"version": 1, "manifests": [out.as_posix()], "accounts": accounts}
    return writer.dump(value)


def taken(
    project: Project, account: Account, state: State, out: Path, layout: Layout, only: Sequence[str] | None = None
) -> Imported:
    """A state as the manifests of an account, less what these declare already and what is not targeted."""
    project.check_allowed(account, state.account_id)
    declared, narrowed = declared_of(project, account, state.account_id, state.partition), project.narrowed()
    chosen, left, ours = [], [], []
    for resource in state:
        path, tags = getattr(resource.spec, "path", "/"), dict(getattr(resource.spec, "tags", ()))
        if resource.address.folded in declared:
            ours.append(resource.address)
        elif narrowed is not None and not narrowed(resource.address, path, tags):
            left.append(Left(resource.address, "not targeted"))
        else:
            chosen.append(resource)
    kept = replace(state, resources={resource.address: resource for resource in chosen})
    if only is None:
        only = (account.name,) if len(project.config.accounts) > 1 else ()
    files = dump.manifests(
        kept, layout=layout, declared=frozenset(ours), schema=schema_from(project, out), only_accounts=tuple(only)
    )
    by_file = {name: sum(dump.file_of(resource, layout) == name for resource in chosen) for name in files}
    addresses = tuple(resource.address for resource in chosen)
    missed = aiming.missing(project, (state,), declared)
    return Imported(
        account.name, state.account_id, files, addresses, tuple(left), tuple(ours), by_file, state=kept, missed=missed
    )


def _account_of(project: Project, text: str, path: Path) -> tuple[Account, str, str]:
    """The account of a state among those of the project, its id and partition."""
    found = terraform.accounts(text, str(path))
    ids = {account_id: partition for partition, account_id in found}
    known = project.accounts()
    named = [account for account in known if account.id is not None]
    chosen = [account for account in named if account.id in ids]
    if not ids and len(known) == 1:
        return known[0], project.offline_id(known[0]), known[0].partition or "aws"
    if len(known) == 1 and known[0].id is None and len(ids) == 1:
        ((account_id, partition),) = ids.items()
        return known[0], account_id, partition
    if len(chosen) == 1:
        account_id = str(chosen[0].id)
        return chosen[0], account_id, ids[account_id]
    listed = ", ".join(sorted(ids)) or "none"
    if named and not chosen:
        ours = ", ".join(f"{account.name} ({account.id})" for account in named)
        raise InputError(
            f"the state is of account {listed}; this project is about {ours}",
            code="wrong-account",
            hint="give the state of that account, or --config of its project",
        )
    hint = "add --account NAME" if len(chosen) > 1 else "add --account-id ID"
    raise InputError(f"the state is of several accounts: {listed}", code="which-account", hint=hint)
