"""Every error iamsync raises on purpose.

    IamsyncError                      exit code 1
    ├── InputError                    one thing a person wrote is wrong (file, option, plan file)
    ├── InputErrors                   several of them, found in one run
    ├── AwsError                      AWS (or the sandbox) refused or failed a call
    │   ├── AccessDenied              ... because the caller may not do it
    │   ├── CredentialsError          no usable credentials, or those of another account
    │   └── IncompleteRead            a read that did not deliver everything
    ├── Unsupported                   this backend does not offer the operation
    ├── JournalError                  the record of a run cannot be written
    ├── NotTold                       all went well, but who was to be told of it was not
    ├── LockHeld                      somebody else holds the team lock
    ├── WorkerLost                    the machine that had an account of the run is gone
    ├── AccountsFailed                some accounts of several failed, the others are complete
    ├── GuardRefused                  3: a guard said no
    ├── StalePlan                     4: reality or the plan moved since it was made
    ├── PartlyApplied                 5: some steps failed or were skipped
    └── Interrupted                   130

An error knows its code (a stable word for machines and `iamsync explain`), its place where it is
about text, and a hint: how to mend it. Only `cli` turns errors into words and exit codes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A stretch of text in a file: `line` and `column` count from 1, `source` is the line itself."""

    file: str
    line: int = 0
    column: int = 0
    length: int = 1
    source: str = ""

    def __str__(self) -> str:
        if not self.line:
            return self.file
        return f"{self.file}:{self.line}:{self.column}" if self.column else f"{self.file}:{self.line}"


class IamsyncError(Exception):
    """Anything that stops a command, told in words a person can act on."""

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, code: str, place: Place | None = None, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.place = place
        self.hint = hint

    def __str__(self) -> str:
        where = f"{self.place}: " if self.place else ""
        return f"{where}{self.message}"


class InputError(IamsyncError):
    """One thing a person wrote is wrong; nothing was changed."""


class InputErrors(IamsyncError):
    """Several input errors, sorted by place; `errors` is never empty. `stopped`: so many that no more was looked at."""

    def __init__(self, errors: Iterable[InputError], *, stopped: bool = False) -> None:
        self.errors = tuple(sorted(errors, key=_by_place))
        self.stopped = stopped
        first = self.errors[0]
        super().__init__(first.message, code=first.code, place=first.place, hint=first.hint)

    def __str__(self) -> str:
        return "\n".join(str(error) for error in self.errors)


class AwsError(IamsyncError):
    """A call that AWS refused or that never got an answer.

    `doubtful` says that AWS may have done it all the same (no answer, or a failure of its own);
    `retries` counts the repetitions before this answer, any of which may have been the one that worked.
    """

    def __init__(
        self,
        message: str,
        *,
        code: str,
        operation: str = "",
        aws_code: str = "",
        request_id: str = "",
        hint: str = "",
        doubtful: bool = False,
        retries: int = 0,
    ) -> None:
        super().__init__(message, code=code, hint=hint)
        self.operation = operation
        self.aws_code = aws_code
        self.request_id = request_id
        self.doubtful = doubtful
        self.retries = retries


class AccessDenied(AwsError):
    """The caller may not make this call. Never to be read as "it does not exist"."""


class CredentialsError(AwsError):
    """There are no usable credentials, or they belong to another account."""


class IncompleteRead(AwsError):
    """A read was cut short, undecodable, or disagrees with the account's own counts."""


class Unsupported(AwsError):
    """The backend does not offer this operation (emulators; AWS offers all of them)."""


class JournalError(IamsyncError):
    """The record of a run cannot be written; nothing is done without one."""


class NotTold(IamsyncError):
    """A run went well, but somebody who was to be told of it was not."""


class LockHeld(IamsyncError):
    """Somebody else holds the team lock of the account; nothing was changed."""


class WorkerLost(IamsyncError):
    """A worker of `--executor` went away with an account; nothing was changed."""


class AccountsFailed(IamsyncError):
    """Some of the accounts of a run failed; what happened in each stands in its document."""


class GuardRefused(IamsyncError):
    """A guard refused the plan; each refusal stands in the plan's `guards`."""

    exit_code = 3


class StalePlan(IamsyncError):
    """The plan is not, or no longer, what would be done now; `difference` says in which lines."""

    exit_code = 4

    def __init__(self, message: str, *, code: str = "stale-plan", hint: str = "", difference: tuple[str, ...] = ()):
        super().__init__(message, code=code, hint=hint)
        self.difference = difference


class PartlyApplied(IamsyncError):
    """Some steps failed, so others were skipped; running the same command again goes on."""

    exit_code = 5


class Interrupted(IamsyncError):
    """The operator pressed Ctrl-C; calls under way were finished."""

    exit_code = 130


def _by_place(error: InputError) -> tuple[str, int, int, str]:
    place = error.place or Place("")
    return (place.file, place.line, place.column, error.message)


def raise_all(errors: list[InputError], *, stopped: bool = False) -> None:
    """Raise what was collected: nothing, the one error, or all of them together."""
    if len(errors) == 1:
        raise errors[0]
    if errors:
        raise InputErrors(errors, stopped=stopped)


def raise_once(wrong: Iterable[InputError | InputErrors]) -> None:
    """Raise everything of these together, what several of them say once; nothing where there are none."""
    found: dict[str, InputError] = {}
    stopped = False
    for one in wrong:
        if isinstance(one, InputErrors):
            stopped = stopped or one.stopped
        found |= {str(error): error for error in (one.errors if isinstance(one, InputErrors) else (one,))}
    raise_all(list(found.values()), stopped=stopped)
