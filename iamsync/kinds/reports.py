"""AWS's reports about an account's principals: the credential report, and which services somebody last used.

Both are read-only and late by hours; neither holds a secret or the id of a key.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

ROOT: Final = "<root_account>"
_NOTHING: Final = frozenset({"", "n/a", "no_information", "not_supported", "false"})
_COLUMNS: Final = (
    *("user", "arn", "user_creation_time", "password_enabled", "mfa_active"),
    *(f"access_key_{number}_{what}" for number in (1, 2) for what in ("active", "last_rotated")),
)


@dataclass(frozen=True, slots=True)
class Key:
    """One of the two places for an access key; inactive and absent look alike. Times are RFC 3339, empty for never."""

    number: int
    active: bool
    rotated: str = ""
    used: str = ""
    region: str = ""
    service: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """One user, or the root user; `password` is None where the report does not say (the root user's)."""

    user: str
    arn: str
    created: str
    password: bool | None
    password_used: str
    password_changed: str
    mfa: bool
    keys: tuple[Key, Key]
    certificates: int = 0

    @property
    def is_root(self) -> bool:
        return self.user == ROOT

    @property
    def last_used(self) -> str:
        """When anything of it was last used; empty for never."""
        return max(self.password_used, *(key.used for key in self.keys))


@dataclass(frozen=True, slots=True)
class CredentialReport:
    """The rows by user name, and when AWS made the report (RFC 3339, empty where that is not known)."""

    rows: Mapping[str, Row]
    generated: str = ""

    @property
    def root(self) -> Row | None:
        return self.rows.get(ROOT)


@dataclass(frozen=True, slots=True, order=True)
class ServiceUse:
    """That a principal's policies reach a service, and when it last called it; empty: not in the 400 days AWS keeps.

    `actions` are those of the service that AWS keeps the same of one by one, by name; most of them change something.
    """

    service: str
    used: str = ""
    actions: tuple[tuple[str, str], ...] = ()


def credential_report(text: str, generated: str = "") -> CredentialReport:
    """A credential report in AWS's CSV; ValueError where it is none. Columns are found by their names."""
    reader = csv.DictReader(io.StringIO(text.removeprefix("\ufeff")), strict=True)
    try:
        missing = [name for name in _COLUMNS if name not in (reader.fieldnames or ())]
        if missing:
            raise ValueError(f"it has no column {missing[0]}")
        rows: dict[str, Row] = {}
        for held in reader:
            if any(held[name] is None for name in _COLUMNS):
                raise ValueError(f"line {reader.line_num} is shorter than its header")
            row = _row({name: text or "" for name, text in held.items() if isinstance(name, str)})
            if row.user in rows:
                raise ValueError(f"user {row.user} stands twice in it")
            rows[row.user] = row
    except csv.Error as error:
        raise ValueError(str(error)) from error
    return CredentialReport(rows, generated)


def _row(held: Mapping[str, str]) -> Row:
    word = held["password_enabled"].lower()
    return Row(
        held["user"],
        held["arn"],
        _moment(held["user_creation_time"]),
        None if word in ("not_supported", "n/a", "") else word == "true",
        _moment(held.get("password_last_used", "")),
        _moment(held.get("password_last_changed", "")),
        held["mfa_active"].lower() == "true",
        (_key(held, 1), _key(held, 2)),
        sum(held.get(f"cert_{number}_active", "").lower() == "true" for number in (1, 2)),
    )


def _key(held: Mapping[str, str], number: int) -> Key:
    start = f"access_key_{number}"

    def word(name: str) -> str:
        text = held.get(f"{start}_{name}", "")
        return "" if text.lower() in _NOTHING else text

    return Key(
        number,
        held[f"{start}_active"].lower() == "true",
        _moment(held[f"{start}_last_rotated"]),
        _moment(held.get(f"{start}_last_used_date", "")),
        word("last_used_region"),
        word("last_used_service"),
    )


def _moment(text: str) -> str:
    if text.lower() in _NOTHING:
        return ""
    then = datetime.fromisoformat(text)
    then = then.astimezone(UTC) if then.tzinfo is not None else then
    return then.replace(tzinfo=None, microsecond=0).isoformat() + "Z"
