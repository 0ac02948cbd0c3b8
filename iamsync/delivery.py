"""Where a secret that AWS tells once is put: targets as manifests write them, and what every place can do.

A place is asked what it holds by its plain reference (the id of an access key), never by the secret. A
secret is in no repr, and leaves by `text` alone.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from html import escape
from typing import Any, Final, Literal, Protocol
from urllib.parse import quote, quote_plus

from iamsync.selector import glob_matches

Scheme = Literal["secretsmanager", "ssm", "age", "file", "hook"]

# What manifests may say unless an operator's guardrails say otherwise.
USUAL: Final = ("secretsmanager:*", "ssm:*", "age:*")
DELIVER: Final = "deliver"  # the step of a plan that is no call of IAM
GENERATED: Final = "$generated"  # the key of a value that is made when the step is executed
HIDDEN: Final = "(secret)"

_SECRET_NAME: Final = re.compile(r"[A-Za-z0-9/_+=.@-]{1,512}", re.ASCII)
_PARAMETER: Final = re.compile(r"(/[A-Za-z0-9_.-]+)+|[A-Za-z0-9_.-]+", re.ASCII)
_RECIPIENT: Final = re.compile(r"age1[02-9ac-hj-np-z]{58}", re.ASCII)
_WAYS: Final = "secretsmanager:NAME, ssm:NAME or age:RECIPIENT:FILE"


@dataclass(frozen=True, slots=True)
class Target:
    """A place by its scheme: `name` is a secret's, a parameter's, a file's, or a command line; `recipient` is age's."""

    scheme: Scheme
    name: str
    recipient: str = ""

    def __str__(self) -> str:
        return ":".join(part for part in (self.scheme, self.recipient, self.name) if part)


def parse(text: str, *, operator: bool = False) -> Target:
    """A target as it is written; ValueError says what is wrong. `operator`: from a command line, which may say more."""
    scheme, colon, rest = text.partition(":")
    if scheme == "secretsmanager" and colon:
        if _SECRET_NAME.fullmatch(rest):
            return Target("secretsmanager", rest)
        raise ValueError("a secret's name has letters, digits and / _ + = . @ -, 512 at most")
    if scheme == "ssm" and colon:
        if not _PARAMETER.fullmatch(rest) or len(rest) > 1011:
            raise ValueError("a parameter is called NAME or /PATH/NAME, of letters, digits and _ . -")
        if rest.lstrip("/").lower().startswith(("aws", "ssm")):
            raise ValueError("AWS keeps parameter names that begin with aws and ssm for itself")
        return Target("ssm", rest)
    if scheme == "age" and colon:
        recipient, colon, file = rest.partition(":")
        if not _RECIPIENT.fullmatch(recipient):
            raise ValueError("write age:RECIPIENT:FILE, the recipient as age-keygen prints it (age1...)")
        return Target("age", _inside(file), recipient)
    if scheme == "file" and colon:
        if not rest or rest.endswith("/"):
            raise ValueError("write file:PATH")
        return Target("file", rest if operator else _inside(rest))
    if scheme == "hook" and operator:
        if not rest.strip():
            raise ValueError("write hook:COMMAND")
        return Target("hook", rest)
    if scheme == "hook" and colon:
        raise ValueError("a command is run only where an operator says so: --deliver-to hook:COMMAND")
    raise ValueError(f"write {_WAYS}" + (", file:PATH or hook:COMMAND" if operator else ""))


def _inside(file: str) -> str:
    """A path that stays in the project; ValueError for any other."""
    parts = file.split("/")
    if not file or file.startswith(("/", "~")) or "\\" in file or ".." in parts or not parts[-1] or ":" in file:
        raise ValueError("the file lies in the project: write a relative path without ..")
    return file


def allowed(target: Target, patterns: Iterable[str]) -> bool:
    """Whether one of these globs names the target."""
    return any(glob_matches(pattern, str(target)) for pattern in patterns)


def whose(user: str, account: str = "") -> str:
    """What `Place.taken` says of another's secret."""
    return f"what was delivered for user/{user}" + (f" of account {account}" if account else "")


class Secret:
    """What is delivered, once: `reference` tells it apart and is no secret (a key's id); the rest is."""

    __slots__ = ("_fields", "_hidden", "reference", "user")

    def __init__(self, user: str, reference: str, fields: Mapping[str, str], hidden: Iterable[str]) -> None:
        self.user, self.reference = user, reference
        self._fields, self._hidden = dict(fields), tuple(hidden)

    def __repr__(self) -> str:
        return f"Secret({self.user!r}, {self.reference!r})"

    def __reduce__(self) -> Any:
        raise TypeError("a secret is not copied")

    @property
    def fields(self) -> Mapping[str, str]:
        return self._fields

    def scrubbed(self, text: str) -> str:
        """The text without the secret, should somebody have put it there."""
        for name in self._hidden:
            plain = self._fields[name]
            # As it is, and as requests and answers write it.
            for written in (plain, quote(plain, safe=""), quote_plus(plain), escape(plain), json.dumps(plain)[1:-1]):
                text = text.replace(written, HIDDEN)
        return text


class Place(Protocol):
    """One target, opened."""

    def holds(self) -> str:
        """The reference of what was delivered last, as the place keeps it in plain sight; empty for nothing."""

    def taken(self, user: str, account: str) -> str:
        """What stands there that was not delivered for this user of this account, in words; empty for nothing."""

    def put(self, secret: Secret) -> None:
        """Keep the secret in place of the last one; an IamsyncError where that cannot be told to have worked."""
