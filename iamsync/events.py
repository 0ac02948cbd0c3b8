"""What a run reports while it goes: small frozen facts, folded by progress, journal and JSON."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from iamsync.model import Step

Outcome = Literal["done", "already", "failed", "skipped"]


@dataclass(frozen=True, slots=True)
class Result:
    """How a step's call ended well: `already` = its effect was live before; `attempts` counts from 1."""

    outcome: Literal["done", "already"]
    request_id: str = ""
    attempts: int = 1


@dataclass(frozen=True, slots=True)
class RunStarted:
    """A plan's steps are about to be executed."""

    account_id: str
    total: int


@dataclass(frozen=True, slots=True)
class StepStarted:
    """A step's call is about to be made; whoever keeps records must have recorded it when this returns."""

    step: Step


@dataclass(frozen=True, slots=True)
class StepEnded:
    """How a step ended: `already` = its effect was live before, `skipped` = what it waits for failed."""

    step: Step
    outcome: Outcome
    request_id: str = ""
    reason: str = ""
    attempts: int = 1


@dataclass(frozen=True, slots=True)
class RunEnded:
    """All steps that could be executed were."""

    done: int
    failed: int
    skipped: int
    interrupted: bool = False


@dataclass(frozen=True, slots=True)
class Called:
    """A call to AWS is about to be made."""

    operation: str


@dataclass(frozen=True, slots=True)
class Slowed:
    """AWS refused a call since too many were made, and it will be made again."""

    operation: str


@dataclass(frozen=True, slots=True)
class Seen:
    """One of the `of` accounts of a run was looked at, or failed."""

    account: str
    of: int


Watched = Called | Slowed | Seen
Event = RunStarted | StepStarted | StepEnded | RunEnded
