"""An account in this process: states put into it, planned against, applied, read back."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from iamsync.apply import apply
from iamsync.aws.execute import Executor
from iamsync.aws.read import confirm, read
from iamsync.aws.session import Access, Connection, Sessions, connect
from iamsync.engine.importing import observe_whole
from iamsync.engine.reach import Reached
from iamsync.engine.sandboxing import as_dump
from iamsync.events import Event, RunEnded
from iamsync.kinds import KINDS
from iamsync.model import Address, Plan, Removal, Resource, State
from iamsync.planner.confirming import questions
from iamsync.planner.plan import plan
from iamsync.planner.scope import looked_at
from iamsync.sandbox import Server
from iamsync.selector import select
from iamsync.settings import Acknowledgement, Safety, Scope, Settings

ACCOUNT = "111122223333"
NOW = "2026-11-24T00:00:00Z"
READS = ("Get", "List", "Generate")
SESSIONS = Sessions()  # AWS's service models, loaded once
GUARDS = (
    *("max-deletes", "max-change-percent", "replace", "deny-removed", "protected", "boundary-replace"),
    *("unknown-principal", "boundary-removed", "principals-losing-access", "whole-kind-deleted", "foreign-owned"),
    *("password-policy", "provider-deleted"),
    *("self-lockout", "last-admin", "escalation", "trust-anyone", "trust-unknown-account"),
)


def scope(include: Iterable[str] = ("*",), exclude: Iterable[str] = ()) -> Scope:
    return Scope(select(include, KINDS), select(exclude, KINDS))


def settings(*, acknowledge: Iterable[str] = GUARDS, settle: int = 0, **more: Any) -> Settings:
    consents = tuple(Acknowledgement(guard) for guard in acknowledge)
    return Settings(more.pop("scope", scope()), acknowledge=consents, safety=Safety(settle=settle), **more)


def bare(state: State, like: State | None = None) -> dict[Address, Any]:
    """What is compared of a state: specs by address, without what `like` leaves to AWS (descriptions, thumbprints)."""
    out = {}
    for resource in state:
        spec = resource.spec
        if resource.address.kind == "policy":
            declared = (like or state).get(resource.address)
            if not spec.description or declared is None or declared.spec.description is None:
                spec = replace(spec, description=None)
        if resource.address.kind == "oidc_provider":
            declared = (like or state).get(resource.address)
            if declared is None or declared.spec.thumbprints is None:
                spec = replace(spec, thumbprints=None)
        out[resource.address] = spec
    return out


@dataclass
class World:
    """One embedded account; `calls` names every operation that reached it."""

    server: Server = field(default_factory=lambda: Server(account_id=ACCOUNT))
    calls: list[str] = field(default_factory=list)
    before: Callable[[str], None] = lambda operation: None
    _connection: Connection | None = None

    @property
    def connection(self) -> Connection:
        if self._connection is None:
            self._connection = connect(
                Access(account_id=ACCOUNT), transport=self.server.handle, tap=self._tapped, sessions=SESSIONS
            )
        return self._connection

    def _tapped(self, operation: str) -> None:
        self.calls.append(operation)
        self.before(operation)

    @property
    def writes(self) -> list[str]:
        return [name for name in self.calls if not name.startswith(READS)]

    def holds(self, state: State) -> World:
        """Put a state into the account, as if it had always been there."""
        self.server.seed(ACCOUNT, as_dump(state, []))
        return self

    def read(self) -> State:
        """The whole live state, tags and descriptions confirmed."""
        from pathlib import Path

        from iamsync.manifest.config import load_config

        account = load_config(None, Path("/nonexistent")).accounts[0]
        return observe_whole(Reached(account, ACCOUNT, "aws", "test", connection=self.connection))

    def plan(self, desired: State, options: Settings | None = None, **more: Any) -> Plan:
        options = options or settings()
        live = read(self.connection, kinds=looked_at((desired,), options.scope))
        live = confirm(self.connection, live, questions(desired, live, options))
        return plan(
            desired,
            replace(live, unread=frozenset()),
            options,
            account_name="test",
            caller="arn:aws:iam::111122223333:user/sandbox",
            now=NOW,
            **{"access": False, **more},
        )

    def plan_against(self, desired: State, live: State, options: Settings | None = None) -> Plan:
        """A plan against a state that was told, not read."""
        return plan(desired, live, options or settings(), account_name="test", caller="", now=NOW, access=False)

    def apply(self, made: Plan, *, parallelism: int = 1, report: Callable[[Event], None] = lambda _: None) -> RunEnded:
        executor = Executor(self.connection, sleep=lambda _: None)
        return apply(made, executor, parallelism=parallelism, report=report)


def towards(after: State, before: State) -> State:
    """The desired state that makes `before` into `after`: what is missing in it is removed."""
    gone = [Removal(address) for address in before.resources if address.folded not in after.folded()]
    return replace(after, removed=tuple(gone), complete=frozenset(KINDS))


def without(state: State, *addresses: Address) -> State:
    return replace(state, resources={a: r for a, r in state.resources.items() if a not in addresses})


def changed(state: State, address: Address, **fields: Any) -> State:
    old: Resource = state.resources[address]
    return replace(state, resources={**state.resources, address: replace(old, spec=replace(old.spec, **fields))})
