"""Who owns what, asked of those who keep lists: CloudFormation's stacks, Terraform's states.

Stacks are asked once an hour where the scope says so, and always afresh before anything undeclared is deleted.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from iamsync.aws import stacks
from iamsync.engine.project import Project
from iamsync.engine.reach import Reached
from iamsync.engine.textfile import read_text
from iamsync.errors import InputError, Place
from iamsync.files import put
from iamsync.kinds.owners import FACT, Owner
from iamsync.manifest.documents import inside
from iamsync.manifest.terraformstate import Listed, listed
from iamsync.model import Address, State
from iamsync.planner.contrast import contrast
from iamsync.settings import Settings

_FRESH: Final = 3600.0  # seconds
_FORMAT: Final = 1


def with_owners(project: Project, reached: Reached, desired: State, live: State, settings: Settings) -> State:
    """The live state whose resources know their owners; AccessDenied where stacks may not be asked."""
    owners = _of_states(project, reached, settings)
    marked = _marked(live, owners)
    if reached.connection is None or reached.is_sandbox:
        return marked
    if settings.unmanaged == "delete" and any(
        difference.cause == "unmanaged" for difference in contrast(desired, marked, settings).differences
    ):
        return _marked(marked, _of_stacks(project, reached, settings.scope.stacks or (), 0.0))
    if settings.scope.stacks is not None:
        return _marked(marked, _of_stacks(project, reached, settings.scope.stacks, _FRESH))
    return marked


def observed_owners(project: Project, reached: Reached, live: State, settings: Settings) -> State:
    """The same for an import, which declares nothing yet."""
    marked = _marked(live, _of_states(project, reached, settings))
    if settings.scope.stacks is None or reached.connection is None or reached.is_sandbox:
        return marked
    return _marked(marked, _of_stacks(project, reached, settings.scope.stacks, _FRESH))


def state_file(path: Path, account_id: str, told: str) -> tuple[Listed, ...]:
    """What a Terraform state lists of an account; InputError where it is none."""
    return listed(read_text(path, "the Terraform state"), told, account_id)


def terraform_owner(file: str, item: Listed) -> Owner:
    """Terraform as an owner, by the line of its state."""
    return Owner("Terraform", f"{item.address} in {file}", yields=True)


def _of_states(project: Project, reached: Reached, settings: Settings) -> Mapping[Address, Owner]:
    found: dict[Address, Owner] = {}
    root = project.root.resolve()
    for file in settings.scope.terraform_states:
        path = root / file
        if not inside(path, root) or (path.exists() and not path.is_file()):
            raise InputError(
                f"{file} is no file of the project",
                code="bad-path",
                place=Place(file),
                hint="copy the state into the project: terraform state pull > FILE",
            )
        for item in state_file(path, reached.account_id, file):
            if item.resource is not None:
                found.setdefault(item.resource.folded, terraform_owner(file, item))
    return found


def _of_stacks(project: Project, reached: Reached, where: tuple[str, ...], fresh: float) -> Mapping[Address, Owner]:
    assert reached.connection is not None
    cache = project.home / f"stacks-{reached.account_id}.json"
    items = _cached(cache, where, fresh)
    if items is None:
        items = stacks.owned(reached.connection, where or stacks.regions(reached.connection))
        _keep(cache, where, items)
    return {item.address.folded: Owner("CloudFormation", f"stack {item.stack} in {item.region}") for item in items}


def _cached(path: Path, where: tuple[str, ...], fresh: float) -> tuple[stacks.Owned, ...] | None:
    """What was asked a while ago; None where it is too old, about other regions, or not as it was written."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
        if value["format"] != _FORMAT or value["regions"] != list(where):
            return None
        if not 0 <= time.time() - float(value["taken_at"]) < fresh:
            return None
        rows = [[str(word) for word in row] for row in value["owned"]]
        return tuple(stacks.Owned(Address.parse(address), stack, region) for address, stack, region in rows)
    except (OSError, ValueError, KeyError, TypeError, RecursionError, OverflowError):
        return None


def _keep(path: Path, where: tuple[str, ...], items: Iterable[stacks.Owned]) -> None:
    rows = [[str(item.address), item.stack, item.region] for item in items]
    value: dict[str, Any] = {"format": _FORMAT, "taken_at": time.time(), "regions": list(where), "owned": rows}
    try:
        path.parent.mkdir(exist_ok=True)
        put(path, json.dumps(value).encode())
    except OSError:
        return  # a cache that cannot be kept is asked again


def _marked(live: State, owners: Mapping[Address, Owner]) -> State:
    if not owners:
        return live
    resources = {
        address: replace(resource, facts={**resource.facts, FACT: owners[address.folded]})
        if address.folded in owners
        else resource
        for address, resource in live.resources.items()
    }
    return replace(live, resources=resources)
