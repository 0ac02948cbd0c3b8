"""From parsed options to engine options, and from documents to the streams: stdout for results only."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from iamsync.cli.options import FORMATS, Common
from iamsync.errors import InputError, Place

WIDTH: Final = 100  # columns of a terminal that does not say how many it has


def started_in() -> Path:
    """The folder that the command was started in; InputError where it is gone."""
    try:
        return Path.cwd()
    except OSError as error:
        raise InputError(
            f"the folder that this was started in cannot be read: {error.strerror or error}",
            code="unreadable",
            hint="go to a folder that is there",
        ) from error


def engine_options(common: Common, **more: Any) -> Any:
    """The engine's options; InputError for an option whose text makes no sense."""
    from iamsync.cli.watching import watch
    from iamsync.engine.options import Options, utc_now

    watched, ask = watch(common, automated=in_automation(), color=colored(common, sys.stderr)), codes(common.mfa_token)
    return Options(
        cwd=started_in(),
        config=common.config,
        accounts=tuple(common.account or ()),
        all_accounts=common.all_accounts,
        shard=_shard(common.shard) if common.shard else None,
        account_id=_account_id(common.account_id),
        profile=common.profile,
        region=common.region,
        assume_role=common.assume_role,
        endpoint_url=common.endpoint_url,
        sandbox=common.sandbox,
        variables=_variables(common.var or []),
        variables_from=tuple(common.variables_from or ()),
        guardrails=common.guardrails or "",
        now=_moment(common.now) if common.now else utc_now(),
        ask_code=watched.aside(ask) if watched is not None and ask is not None else ask,
        watch=watched,
        note=(lambda _: None) if common.quiet else note,
        warn=note,
        **more,
    )


def codes(given: str | None) -> Callable[[str], str] | None:
    """Who tells the code of an MFA device: --mfa-token, else the person at the terminal, else nobody.

    A code works once, so the option is good for one device; InputError where it is none, or another is asked for.
    """
    if given is None:
        return _asked if sys.stdin.isatty() else None
    if not (given.isascii() and given.isdigit() and len(given) == 6):
        raise InputError("--mfa-token is no code of a device", code="bad-option", hint="give the 6 digits it shows now")
    used: list[str] = []

    def code(serial: str) -> str:
        if used:
            raise InputError(
                f"--mfa-token was used up by {used[0]}, and {serial} wants one of its own",
                code="mfa-needed",
                hint="run it on a terminal, which is asked for each, or account by account",
            )
        used.append(serial)
        return given

    return code


def _asked(serial: str) -> str:
    print(f"MFA code of {serial}: ", end="", file=sys.stderr, flush=True)
    return answer() or ""


def answer() -> str | None:
    """The line that the person at the terminal types, without its blanks; None for the end of the input."""
    line = sys.stdin.readline()
    if not line:
        print(file=sys.stderr)  # Ctrl-D leaves the cursor behind the question
        return None
    return line.strip()


def note(text: str) -> None:
    """Something a person should know that is no result."""
    print(_fitted(f"note: {text}", columns(sys.stderr)), file=sys.stderr)


def in_automation() -> bool:
    """Whether nobody is watching: CI systems say so in the environment."""
    return bool(os.environ.get("CI") or os.environ.get("IAMSYNC_IN_AUTOMATION"))


def colored(common: Common, stream: Any = None) -> bool:
    """--color, then what the environment says, then whether the stream is a terminal (`takes_color`)."""
    return common.color == "always" if common.color != "auto" else takes_color(stream or sys.stdout)


def takes_color(stream: Any) -> bool:
    """NO_COLOR, FORCE_COLOR and CLICOLOR_FORCE, CLICOLOR=0, then whether this is a terminal that knows colours."""
    told = os.environ.get
    if told("NO_COLOR"):
        return False
    if told("FORCE_COLOR") or told("CLICOLOR_FORCE", "0") not in ("", "0"):
        return True
    return told("CLICOLOR") != "0" and told("TERM") != "dumb" and bool(stream.isatty())


def columns(stream: Any = None) -> int | None:
    """How wide the terminal is that a stream (stdout) writes to; None where it is none: text is laid out as it is."""
    stream = stream or sys.stdout
    if not stream.isatty():
        return None
    told = os.environ.get("COLUMNS", "")
    if told.isascii() and told.isdigit() and int(told[:6]) > 0:
        return int(told[:6])
    try:  # of this stream: the other one may go to a file
        return os.get_terminal_size(stream.fileno()).columns or WIDTH
    except (OSError, ValueError):
        return WIDTH


def laid_out(text: str) -> str:
    """A text for stdout: on a terminal no line is wider than that is, as far as words allow it."""
    return _fitted(text, columns())


def _fitted(text: str, width: int | None) -> str:
    if width is None:
        return text
    from iamsync.render.words import fold

    return fold(text, width)


def known_format(form: str, known: tuple[str, ...] = FORMATS) -> str:
    """The format, if there is one of this name."""
    if form not in known:
        from iamsync.engine.choosing import unknown

        raise unknown(f"unknown format {form!r}", form, known, are="formats:")
    return form


def reports(texts: list[str], known: tuple[str, ...] = FORMATS) -> list[tuple[str, Path]]:
    """--report FORMAT=FILE, taken apart before anything is done."""
    out = []
    for text in texts:
        form, equals, file = text.partition("=")
        if not equals or not file:
            raise InputError(
                f"--report {text!r} is not FORMAT=FILE", code="bad-option", hint="for example --report markdown=plan.md"
            )
        out.append((known_format(form, known), Path(file)))
    return out


def write_file(path: Path, text: str, *, mode: int = 0o644) -> None:
    """Write a result to a file; InputError where that is not possible."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise _unwritable(path, error) from error


def replace_file(path: Path, text: str, *, mode: int = 0o644) -> None:
    """Put a text in place of a file in one step, so that a reader sees the old one or the new one; else InputError.

    A link stays one; what is no file (a device, a pipe, a folder) is not replaced, whoever runs this.
    """
    from iamsync.files import put

    try:
        if path.exists() and not path.is_file():
            raise InputError("this is no file", code="unwritable", place=Place(str(path)), hint="name a file")
        target = Path(os.path.realpath(path))
        put(target, text.encode("utf-8"), mode=mode)
    except OSError as error:
        raise _unwritable(path, error) from error


def _unwritable(path: Path, error: OSError) -> InputError:
    from iamsync.files import room

    return InputError(
        f"cannot write: {error.strerror}",
        code="unwritable",
        place=Place(str(path)),
        hint=room(error, "check the folder"),
    )


def _account_id(text: str | None) -> str | None:
    if text is not None and not (len(text) == 12 and text.isascii() and text.isdigit()):
        raise InputError(
            f"--account-id {text!r} is no account id", code="bad-account-id", hint="an account id has 12 digits"
        )
    return text


def _shard(text: str) -> tuple[int, int]:
    part, slash, count = text.partition("/")
    if not (slash and part.isdecimal() and count.isdecimal() and 1 <= int(part) <= int(count) <= 10_000):
        raise InputError(f"--shard {text!r} is not I/N", code="bad-option", hint="for example --shard 2/10")
    return int(part), int(count)


def _variables(texts: list[str]) -> dict[str, str]:
    out = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise InputError(f"--var {text!r} is not NAME=VALUE", code="bad-option", hint="for example --var env=prod")
        out[name] = value
    return out


def within(text: str, now: str) -> str:
    """The time that lies `14d` (or `8h`, `90m`) after a time; InputError where the text is no such span."""
    from datetime import datetime, timedelta

    units = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
    number, unit = text[:-1], text[-1:]
    if unit not in units or not (number.isascii() and number.isdigit() and len(number) < 6):
        raise InputError(f"{text!r} is no span of time", code="bad-option", hint="for example --expiring 14d")
    moment = datetime.fromisoformat(now)
    try:
        moment += timedelta(**{units[unit]: int(number)})
    except OverflowError:
        return "9999-12-31T23:59:59Z"
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _moment(text: str) -> str:
    from datetime import UTC, datetime

    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise InputError(
            f"--now {text!r} is no time", code="bad-option", hint="for example 2027-01-31T18:00:00Z"
        ) from error
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def waited(text: str, option: str = "--lock-timeout") -> float:
    """The seconds of a duration such as 90, 30s, 5m or 1h; InputError for anything else."""
    units = {"s": 1, "m": 60, "h": 3600}
    number, unit = (text[:-1], units[text[-1]]) if text[-1:] in units else (text, 1)
    if not (number.isascii() and number.isdigit() and len(number) < 7):
        raise InputError(f"{option} {text!r} is no length of time", code="bad-option", hint=f"for example {option} 5m")
    return float(int(number) * unit)
