"""The options many commands share, declared once: flag, environment variable, help.

`@shared` gives a command the parameters of `Common` and passes it one value of that class.
"""

from __future__ import annotations

import inspect
import os
import sys
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass, field, fields
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Annotated, Any, Final, get_type_hints

import typer

from iamsync.cli.variables import slips

PROJECT, ACCOUNT, OUTPUT = "Project", "Account", "Output"

COLORS: Final = ("auto", "always", "never")
FORMATS: Final = ("text", "json", "markdown", "html", "aws-cli", "sarif", "junit", "gitlab", "github")  # of plans
Paths = Annotated[list[str] | None, typer.Argument(help="Manifest files or folders.", show_default=False)]


Executor = Annotated[
    str | None,
    typer.Option(
        "--executor",
        help="Look at the accounts on the workers of a Dask scheduler: dask://HOST:PORT.",
        envvar="IAMSYNC_EXECUTOR",
    ),
]


def completed(by: str) -> Callable[[str], list[str]]:
    """What completes a word in the shell: a function of `engine.completing`, loaded when it is asked."""

    def found(incomplete: str) -> list[str]:
        from iamsync.engine import completing

        names: Callable[[str], list[str]] = getattr(completing, by)
        return names(incomplete)

    return found


def one_of(*words: str) -> Callable[[str], list[str]]:
    """What completes a word that is one of these."""

    def found(incomplete: str) -> list[str]:
        return [word for word in words if word.startswith(incomplete)]

    return found


def _option(*flags: str, env: str, text: str, panel: str, **more: Any) -> Any:
    return typer.Option(*flags, envvar=f"IAMSYNC_{env}", help=text, rich_help_panel=panel, **more)


# Of the commands that plan, and of those that write.
Format = Annotated[str, typer.Option("--format", help=f"{', '.join(FORMATS)}.", envvar="IAMSYNC_FORMAT")]
Report = Annotated[
    list[str] | None, typer.Option("--report", help="Also write FORMAT=FILE (repeatable).", envvar="IAMSYNC_REPORT")
]
Live = Annotated[
    Path | None, typer.Option("--live", help="A snapshot or dump instead of the account.", envvar="IAMSYNC_LIVE")
]
Target = Annotated[
    list[str] | None,
    typer.Option(
        "--target",
        help="Look at these resources only, by selector (repeatable).",
        envvar="IAMSYNC_TARGET",
        autocompletion=completed("addresses"),
    ),
]
Base = Annotated[
    str | None, typer.Option("--base", help="git:REV to tell this change from drift.", envvar="IAMSYNC_BASE")
]
Acknowledge = Annotated[
    list[str] | None,
    typer.Option(
        "--acknowledge",
        help="Consent to GUARD or GUARD:ADDRESS (repeatable).",
        envvar="IAMSYNC_ACKNOWLEDGE",
        autocompletion=completed("guards"),
    ),
]
PlanOnly = Annotated[
    bool, typer.Option("--plan-only", help="Show what would be done and do nothing.", envvar="IAMSYNC_PLAN_ONLY")
]
AutoApprove = Annotated[bool, typer.Option("--auto-approve", help="Do not ask.", envvar="IAMSYNC_AUTO_APPROVE")]
Approved = Annotated[
    str | None,
    typer.Option("--approved", help="Go on only if the plan is the one of this digest.", envvar="IAMSYNC_APPROVED"),
]
Approvals = Annotated[
    list[str] | None,
    typer.Option(
        "--approved",
        help="Go on only if the plan is the one of this digest (repeatable: one for each account that changes).",
        envvar="IAMSYNC_APPROVED",
    ),
]
Parallelism = Annotated[
    int, typer.Option("--parallelism", help="Calls at once.", min=1, max=64, envvar="IAMSYNC_PARALLELISM")
]
Restrict = Annotated[
    bool,
    typer.Option(
        "--restrict",
        help="Make the calls in sessions of the assumed role that may do nothing but the plan.",
        envvar="IAMSYNC_RESTRICT",
    ),
]
LockTimeout = Annotated[
    str,
    typer.Option("--lock-timeout", help="How long to wait for the team lock, as 5m.", envvar="IAMSYNC_LOCK_TIMEOUT"),
]
Timeout = Annotated[
    str | None,
    typer.Option(
        "--timeout",
        help="Begin no call after this time, as 30m: calls under way are finished, and the next run does the rest.",
        envvar="IAMSYNC_TIMEOUT",
    ),
]
TextOrJson = Annotated[str, typer.Option("--format", help="text or json.", envvar="IAMSYNC_FORMAT")]


@dataclass(slots=True)
class Common:
    """What most commands take; see each field's help."""

    config: Annotated[
        Path | None,
        _option("--config", "-c", env="CONFIG", text="Project file (default ./iamsync.yaml).", panel=PROJECT),
    ] = None
    var: Annotated[
        list[str] | None, _option("--var", env="VAR", text="Set a variable: NAME=VALUE (repeatable).", panel=PROJECT)
    ] = None
    variables_from: Annotated[
        list[Path] | None,
        _option("--variables-from", env="VARIABLES_FROM", text="JSON file of variables (repeatable).", panel=PROJECT),
    ] = None
    guardrails: Annotated[
        str | None,
        _option("--guardrails", env="GUARDRAILS", text="Operator's settings: FILE or git:REV:PATH.", panel=PROJECT),
    ] = None
    account: Annotated[
        list[str] | None,
        _option(
            "--account",
            "-a",
            env="ACCOUNT",
            text="Accounts: name, glob or label:K=V (repeatable).",
            panel=ACCOUNT,
            autocompletion=completed("accounts"),
        ),
    ] = None
    all_accounts: Annotated[
        bool, _option("--all-accounts", env="ALL_ACCOUNTS", text="All configured accounts.", panel=ACCOUNT)
    ] = False
    shard: Annotated[
        str | None, _option("--shard", env="SHARD", text="A part of the accounts: I/N, by their ids.", panel=ACCOUNT)
    ] = None
    account_id: Annotated[
        str | None, _option("--account-id", env="ACCOUNT_ID", text="The account id to expect.", panel=ACCOUNT)
    ] = None
    profile: Annotated[
        str | None, _option("--profile", env="PROFILE", text="AWS profile for credentials.", panel=ACCOUNT)
    ] = None
    region: Annotated[str | None, _option("--region", env="REGION", text="AWS region for STS.", panel=ACCOUNT)] = None
    assume_role: Annotated[
        str | None, _option("--assume-role", env="ASSUME_ROLE", text="ARN of a role to assume first.", panel=ACCOUNT)
    ] = None
    mfa_token: Annotated[
        str | None,
        _option("--mfa-token", env="MFA_TOKEN", text="Code of the MFA device, for all accounts.", panel=ACCOUNT),
    ] = None
    endpoint_url: Annotated[
        str | None, _option("--endpoint-url", env="ENDPOINT_URL", text="Another endpoint than AWS's.", panel=ACCOUNT)
    ] = None
    sandbox: Annotated[
        bool, _option("--sandbox", env="SANDBOX", text="Use the embedded IAM instead of AWS.", panel=ACCOUNT)
    ] = False
    now: Annotated[
        str | None, _option("--now", env="NOW", text="The time to plan at, RFC 3339 (default: now).", panel=OUTPUT)
    ] = None
    quiet: Annotated[bool, _option("--quiet", "-q", env="QUIET", text="No notes, no progress.", panel=OUTPUT)] = False
    verbose: Annotated[
        bool, _option("--verbose", "-v", env="VERBOSE", text="Say more: steps, all names.", panel=OUTPUT)
    ] = False
    color: Annotated[
        str,
        _option(
            "--color",
            env="COLOR",
            text="Colour: auto, always or never.",
            panel=OUTPUT,
            autocompletion=one_of(*COLORS),
        ),
    ] = "auto"
    rest: dict[str, Any] = field(default_factory=dict)


_GIVEN: Final[ContextVar[Common | None]] = ContextVar("given", default=None)


def forget() -> None:
    """A new command line: nothing is given yet."""
    _GIVEN.set(None)


def given() -> Common:
    """The options of the command that runs, for whoever tells its errors; what the environment says until it runs."""
    color = os.environ.get("IAMSYNC_COLOR", "auto")
    return _GIVEN.get() or Common(color=color if color in COLORS else "auto")


def takes_common() -> bool:
    """Whether the command that runs has the shared options."""
    return _GIVEN.get() is not None


def shared(command: Callable[..., None]) -> Callable[..., None]:
    """The command with `Common`'s parameters after its own; its `common` parameter is filled from them."""
    return _Shared(command)


class _Shared:
    """A command whose parameters are only put together where somebody asks for its signature."""

    def __init__(self, command: Callable[..., None]) -> None:
        self.__name__, self.__doc__ = command.__name__, command.__doc__
        self._command = command

    def __call__(self, **given: Any) -> None:
        values = {name: given.pop(name) for name in _common()}
        common = Common(**values)
        if common.color not in COLORS:
            from iamsync.engine.choosing import unknown

            raise unknown(f"unknown --color {common.color!r}", common.color, COLORS)
        _GIVEN.set(common)
        for name, near in slips() if not common.quiet else ():
            print(f"note: {name} is set, and means nothing here; did you mean {near}?", file=sys.stderr)
        self._command(common=common, **given)

    @cached_property
    def __signature__(self) -> inspect.Signature:
        hints = get_type_hints(self._command, include_extras=True)
        own = (
            parameter.replace(annotation=hints[name], kind=inspect.Parameter.KEYWORD_ONLY)
            for name, parameter in inspect.signature(self._command).parameters.items()
            if name != "common"
        )
        return inspect.Signature([*own, *_common().values()])

    @property
    def __annotations__(self) -> dict[str, Any]:  # type: ignore[override]
        return {parameter.name: parameter.annotation for parameter in self.__signature__.parameters.values()}


@lru_cache(maxsize=1)
def _common() -> dict[str, inspect.Parameter]:
    """The parameters that the fields of `Common` are."""
    hints = get_type_hints(Common, include_extras=True)
    return {
        item.name: inspect.Parameter(
            item.name, inspect.Parameter.KEYWORD_ONLY, default=item.default, annotation=hints[item.name]
        )
        for item in fields(Common)
        if item.name != "rest"
    }
