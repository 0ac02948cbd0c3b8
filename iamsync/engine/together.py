"""What several accounts were imported as, in one folder: resources that are equal in some of them are written once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from iamsync.engine.importing import Imported, Layout, schema_from
from iamsync.engine.project import Project
from iamsync.manifest import dump
from iamsync.model import Address


@dataclass(frozen=True, slots=True)
class Together:
    """Files by path, how many resources each holds, and of how many accounts they are."""

    files: dict[str, str]
    counts: dict[str, int]


def together(project: Project, found: Sequence[Imported], out: Path, layout: Layout) -> Together:
    """The manifests of these accounts: what all have at the top, an account's own in a folder of its name.

    What some of them share is in folders `shared-1`, `shared-2`, ... Every file but those that hold for all accounts
    of the project says `only_accounts`, so the folder as a whole can be the manifests of each of them.
    """
    holders: dict[tuple[Address, str], list[int]] = {}
    for at, one in enumerate(found):
        whole = frozenset(one.declared)
        for address in one.taken:
            alone = replace(one.state, resources={address: one.state.resources[address]})
            others = whole | (frozenset(one.taken) - {address})
            (text,) = dump.manifests(alone, layout="file-per-resource", declared=others, schema="").values()
            holders.setdefault((address, text), []).append(at)
    groups: dict[tuple[int, ...], list[Address]] = {}
    for (address, _), where in sorted(holders.items(), key=lambda held: held[0]):
        groups.setdefault(tuple(where), []).append(address)
    named = {account.name for account in project.config.accounts}
    every = not project.configured or named == {one.account_name for one in found}
    files: dict[str, str] = {}
    counts: dict[str, int] = {}
    number = 0
    for holding, addresses in sorted(groups.items(), key=lambda held: (-len(held[0]), held[0])):
        first = found[holding[0]]
        names = [found[at].account_name for at in holding]
        folder = ""
        if len(holding) == 1:
            folder = f"{names[0]}/"
        elif len(holding) < len(found):
            number += 1
            folder = f"shared-{number}/"
        state = replace(first.state, resources={address: first.state.resources[address] for address in addresses})
        made = dump.manifests(
            state,
            layout=layout,
            declared=frozenset((*first.declared, *first.taken)) - frozenset(addresses),
            schema=schema_from(project, out / folder),
            only_accounts=() if every and len(holding) == len(found) else tuple(names),
        )
        for name, text in made.items():
            files[f"{folder}{name}"] = text
            counts[f"{folder}{name}"] = sum(dump.file_of(held, layout) == name for held in state)
    return Together(files, counts)
