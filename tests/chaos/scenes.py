"""The three plans that everything happens to, and the strangers in the same account whom nothing may happen to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Final

from iamsync.aws.session import Access, connect
from iamsync.kinds import KINDS
from iamsync.kinds.role import Role
from iamsync.kinds.user import User
from iamsync.model import Address, Removal, Resource, State
from iamsync.policy.document import Document
from iamsync.sandbox import Server
from iamsync.sandbox.state import dump
from iamsync.settings import Settings
from tests.behaviour.conftest import operation_of
from tests.chaos.faults import READS
from tests.laws.test_crash import DECLARED
from tests.laws.upheaval import AFTER, BEFORE
from tests.world import ACCOUNT, SESSIONS, World, bare, scope, settings

_TRUST = Document.of(
    {"Statement": {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}}
)
_DOCUMENT = Document.of({"Statement": {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}})
# Out of scope by name, by owner, and undeclared; each holds something of its own.
STRANGERS: Final = (
    Resource(Address("user", "stranger"), User(path="/theirs/", inline_policies=(("own", _DOCUMENT),))),
    Resource(Address("user", "nobodys"), User(tags=(("team", "other"),))),
    Resource(Address("role", "stack-role"), Role(_TRUST, tags=(("aws:cloudformation:stack-name", "web"),))),
    Resource(
        Address("role", "AWSServiceRoleForSupport"), Role(_TRUST, path="/aws-service-role/support.amazonaws.com/")
    ),
)
OPTIONS: Final[Settings] = settings(scope=scope(exclude=["user:/theirs/**"]))


@dataclass(frozen=True, slots=True)
class Scene:
    """From one state to another; `removed` in the desired state is what the other lacks."""

    name: str
    before: State
    after: State


def _gone(state: State) -> State:
    nothing = State.of(ACCOUNT, (), complete=frozenset(KINDS))
    return replace(nothing, removed=tuple(Removal(address) for address in state.resources))


_EMPTY = State.of(ACCOUNT, (), complete=frozenset(KINDS))
SCENES: Final[Mapping[str, Scene]] = {
    "create": Scene("create", _EMPTY, DECLARED),
    "update": Scene("update", BEFORE, AFTER),
    "delete": Scene("delete", DECLARED, _gone(DECLARED)),
}


class Swift(Server):
    """A server that answers a read it has answered since the last write from memory; `pristine` are shared answers."""

    def __init__(self, pristine: dict[tuple[str, bytes], Any]) -> None:
        super().__init__(account_id=ACCOUNT)
        self._answers = pristine

    def handle(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> Any:
        operation = operation_of(headers, body)
        if not operation.startswith(READS):
            self._answers = {}
            return super().handle(method, url, headers, body)
        key = operation, body
        if key not in self._answers:
            self._answers[key] = super().handle(method, url, headers, body)
        return self._answers[key]


_BEFORE: dict[str, tuple[Mapping[str, Any], dict[tuple[str, bytes], Any]]] = {}


def server_of(scene: Scene) -> Server:
    """The account before, strangers and the stranger's access key included; each time with the same unique ids."""
    if scene.name not in _BEFORE:
        _BEFORE[scene.name] = dump(_made(scene)._accounts[ACCOUNT]["aws"]), {}
    content, pristine = _BEFORE[scene.name]
    server = Swift(pristine)
    server.seed(ACCOUNT, content)
    return server


def _made(scene: Scene) -> Server:
    both = {**scene.before.resources, **{resource.address: resource for resource in STRANGERS}}
    world = behind(World().holds(replace(scene.before, resources=both)).server)
    world.connection.iam.create_access_key(UserName="stranger")
    return world.server


_BEHIND: list[Any] = []


def behind(server: Server) -> World:
    """The account behind every fault's back; good until the next one is asked for, since they share their clients."""

    def transport(*request: Any) -> Any:
        return _BEHIND[1].handle(*request)

    if not _BEHIND:
        _BEHIND[:] = [None, server]
        _BEHIND[0] = connect(Access(account_id=ACCOUNT), transport=transport, sessions=SESSIONS)
    _BEHIND[1] = server
    return World(server=server, _connection=_BEHIND[0])


def told(server: Server) -> State:
    """The whole account as it is."""
    return behind(server).read()


def marks(server: Server) -> list[str]:
    """What AWS gave the strangers when they were made: unique ids, and the key of one."""
    iam = server._accounts[ACCOUNT]["aws"]
    names = {resource.address.name for resource in STRANGERS}
    found = [user.id for user in iam.users.values() if user.name in names]
    found += [role.id for role in iam.roles.values() if role.name in names]
    found += [key.access_key_id for user in iam.users.values() for key in user.access_keys if user.name in names]
    return sorted(found)


def untouched(state: State) -> bool:
    """Whether the strangers are in every field what they were."""
    return all(
        (held := state.get(resource.address)) is not None and held.spec == resource.spec for resource in STRANGERS
    )


def ours(state: State, scene: Scene) -> dict[Address, Any]:
    """What is compared: every resource but the strangers."""
    names = {resource.address for resource in STRANGERS}
    return {address: spec for address, spec in bare(state, scene.after).items() if address not in names}


def versions(state: State) -> dict[str, int]:
    """How many versions are stored of each policy."""
    return {r.address.name: len(r.facts["versions"]) for r in state if r.address.kind == "policy"}


@dataclass(frozen=True, slots=True)
class Goal:
    """What a run that nothing disturbs does and leaves."""

    state: Mapping[Address, Any]
    versions: Mapping[str, int]
    writes: tuple[str, ...]


@cache
def goal(name: str) -> Goal:
    """The undisturbed end of a scene."""
    scene = SCENES[name]
    server = server_of(scene)
    world = World(server=server)
    plan = world.plan(scene.after, OPTIONS)
    assert not plan.refusals, plan.refusals
    world.calls.clear()
    ended = world.apply(plan)
    assert (ended.failed, ended.skipped) == (0, 0)
    writes = tuple(world.writes)
    left = told(server)
    assert ours(left, scene) == bare(scene.after)
    assert not world.plan(scene.after, OPTIONS).changes
    return Goal(ours(left, scene), versions(left), writes)
