"""What a run was asked for, wherever it was asked: flags, environment, defaults."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType

from iamsync.events import Watched
from iamsync.model import Cause

Note = Callable[[str], None]


def _quiet(_: str) -> None:
    """Notes nobody asked for."""


@dataclass(frozen=True, slots=True)
class Options:
    """The common options of all commands; `now` is RFC 3339 in UTC, and so is `expiring`, up to when ends are listed.

    `command` is what the team lock says of this run, `lock_timeout` how many seconds to wait for it.
    `shard` is which of how many parts of the accounts this run is about, from 1. `ask_code` gives the code of an MFA
    device, None where nobody can be asked.
    `watch` is told of each call, of each that AWS slows down, and of each account that is done, from any thread.
    `note` is told what a person should know, `warn` what a person must know even if they want quiet.
    """

    cwd: Path
    config: Path | None = None
    paths: tuple[str, ...] = ()
    accounts: tuple[str, ...] = ()
    all_accounts: bool = False
    account_id: str | None = None
    profile: str | None = None
    region: str | None = None
    assume_role: str | None = None
    endpoint_url: str | None = None
    sandbox: bool = False
    live: Path | None = None
    variables: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    variables_from: tuple[Path, ...] = ()
    acknowledge: tuple[str, ...] = ()
    target: tuple[str, ...] = ()
    base: str | None = None
    only: Cause | None = None
    expiring: str = ""
    guardrails: str = ""
    now: str = ""
    command: str = "apply"
    lock_timeout: float = 0.0
    shard: tuple[int, int] | None = None
    ask_code: Callable[[str], str] | None = None
    note: Note = _quiet
    warn: Note = _quiet
    tap: Callable[[str], None] | None = None
    watch: Callable[[Watched], None] | None = None


def utc_now() -> str:
    """The time of day as plans write it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
