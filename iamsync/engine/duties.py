"""What users have of keys and passwords beside what their manifests want, and what plan and drift say is due."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from iamsync import keys
from iamsync.aws import accesskeys
from iamsync.aws.secretstores import Parameter, SecretsManager
from iamsync.aws.session import Connection
from iamsync.delivery import Place, parse
from iamsync.engine.project import Project
from iamsync.engine.reach import Reached
from iamsync.errors import IamsyncError, InputError
from iamsync.keys import Held, Key, Turn
from iamsync.kinds.keyrules import Wishes
from iamsync.model import Finding, Resource, State
from iamsync.places import File, Hook, sealed

# What a person must see to before anything is done about a user's keys.
_ASKED: Final = frozenset({"two-keys", "place-taken"})


def look(
    connection: Connection,
    user: Resource,
    wish: Wishes,
    open_place: Callable[[str, str], Place],
    *,
    exists: bool = True,
) -> Held:
    """What a user has, and what the place of its keys says that it holds."""
    if not exists:
        return Held(user, exists=False)
    name = user.address.name
    found = tuple(Key(**item) for item in accesskeys.keys_of(connection.iam, name))
    console = accesskeys.has_password(connection.iam, name) if wish.console is not None else None
    if wish.keys is None:
        return Held(user, found, console)
    place = open_place(str(wish.keys.deliver_to), name)
    delivered = place.holds()
    # What was delivered for another user there says nothing about this one's keys.
    mine = {"", *(key.id for key in found)}
    others = "" if delivered in mine else place.taken(name, connection.account_id)
    return Held(user, found, console, "" if others else delivered, others)


def turned(connection: Connection, wish: Wishes, held: Held, open_place: Callable[[str, str], Place], now: str) -> Turn:
    """What is due about a user, with what the places of its deliveries hold of others."""
    turn = keys.turn(wish, held, now)
    name, mine = held.address.name, {key.id for key in held.keys}
    places = dict.fromkeys(target for _, target in keys.targets((turn,)))
    return keys.claimed(
        turn,
        {
            target: accesskeys.taken(open_place(str(target), name), name, connection.account_id, mine)
            for target in places
        },
    )


def opener(project: Project, connection: Connection, cwd: Path) -> Callable[[str, str], Place]:
    """What opens a target, by its text, for a user; files of an operator are seen from `cwd`."""
    clients: dict[str, Any] = {}

    def client(service: str) -> Any:
        if service not in clients:
            clients[service] = connection.client(service)
        return clients[service]

    def opened(text: str, user: str) -> Place:
        target = parse(text, operator=True)
        if target.scheme == "secretsmanager":
            return SecretsManager(client("secretsmanager"), target.name)
        if target.scheme == "ssm":
            return Parameter(client("ssm"), target.name)
        if target.scheme == "age":
            return File(_inside(project.root, target.name), sealed(target.recipient))
        if target.scheme == "file":
            return File((cwd / target.name).absolute())
        return Hook(target.name, user)

    return opened


def _inside(root: Path, name: str) -> Path:
    """A file of the project; InputError where a link leads it out."""
    path = root / name
    if not path.parent.resolve().is_relative_to(root.resolve()) or path.is_symlink():
        raise InputError(
            f"{name} leads out of the project, through a link", code="bad-target", hint="deliver to a file inside it"
        )
    return path


def due(project: Project, reached: Reached, desired: State, live: State) -> tuple[Finding, ...]:
    """What a plan or a drift report says of credentials, which it never touches."""
    known = live.folded()
    if reached.connection is None:
        return ()
    open_place = opener(project, reached.connection, Path())
    found: list[Finding] = []
    for resource in desired:
        user = known.get(resource.address.folded)
        if not resource.credentials or user is None:
            continue
        try:
            held = look(reached.connection, user, resource.credentials, open_place)
            turn = turned(reached.connection, resource.credentials, held, open_place, project.now)
        except IamsyncError as error:
            title = f"{resource.address}: what is due about its credentials is not known"
            found.append(
                Finding("key-due", "info", title, resource.address, evidence=str(error), origin=resource.origin)
            )
            continue
        for act in turn.acts:
            title = (
                f"{resource.address}: {act.wanted or f'{act.gone} goes' if act.gone or act.wanted else act.why} is due"
            )
            remedy = f"iamsync keys rotate --user {resource.address}"
            found.append(
                Finding("key-due", "info", title, resource.address, act.why, remedy=remedy, origin=resource.origin)
            )
        found += [replace(one, severity="medium") for one in turn.findings if one.id in _ASKED]
    return tuple(found)
