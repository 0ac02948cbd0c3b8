"""The account's own settings, each a resource of its own: `account/alias` and `account/password_policy`.

Each is then created, changed, removed and left alone by itself, like anything else.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Final

from iamsync.kinds.fields import Attribute
from iamsync.kinds.kind import Context, Kind
from iamsync.model import Call, Resource

ALIAS: Final = re.compile(r"(?!\d{12}$)[a-z0-9](?:[a-z0-9]|-(?!-)){1,61}[a-z0-9]", re.ASCII)
SETTINGS: Final = re.compile(r"alias|password_policy")


@dataclass(frozen=True, slots=True)
class PasswordPolicy:
    """What passwords of users must be; a value left out is AWS's default, which it gets too.

    `max_password_age` (days) and `password_reuse_prevention` (how many) are None where there is no such rule.
    """

    minimum_password_length: int = 6
    require_symbols: bool = False
    require_numbers: bool = False
    require_uppercase_characters: bool = False
    require_lowercase_characters: bool = False
    allow_users_to_change_password: bool = False
    max_password_age: int | None = None
    password_reuse_prevention: int | None = None
    hard_expiry: bool = False

    def values(self) -> dict[str, int | bool]:
        """The rules that there are, by their names."""
        held = {item.name: getattr(self, item.name) for item in fields(self)}
        return {name: value for name, value in held.items() if value is not None}


# Lowest and highest value of each rule that is a number.
BOUNDS: Final = {
    "minimum_password_length": (6, 128),
    "max_password_age": (1, 1095),
    "password_reuse_prevention": (1, 24),
}
RULES: Final = tuple(item.name for item in fields(PasswordPolicy))
DEFAULTS: Final[Mapping[str, Any]] = {item.name: item.default for item in fields(PasswordPolicy)}


def is_password_policy(value: Any) -> bool:
    """Whether a JSON value is what `PasswordPolicy.values` gives."""

    def fits(rule: str, held: Any) -> bool:
        return rule in RULES and isinstance(held, int) and isinstance(held, bool) != (rule in BOUNDS)

    return isinstance(value, dict) and all(fits(rule, held) for rule, held in value.items())


@dataclass(frozen=True, slots=True)
class Account:
    """One setting of an account: the field of its name holds it, the other one is None."""

    alias: str | None = None
    password_policy: PasswordPolicy | None = None


def wire_name(rule: str) -> str:
    """A rule of the password policy as the API calls it: `MaxPasswordAge`."""
    return "".join(part.capitalize() for part in rule.split("_"))


def _key(setting: Resource, cx: Context) -> dict[str, str]:
    return {}


def _call(setting: Resource) -> Call:
    """The call that makes a setting so, whether or not there was one; the password policy is replaced whole."""
    policy = setting.spec.password_policy
    if policy is None:
        # An account has one alias; a new one takes the old one's place.
        return Call("CreateAccountAlias", {"AccountAlias": setting.spec.alias})
    return Call("UpdateAccountPasswordPolicy", {wire_name(rule): value for rule, value in policy.values().items()})


def _create(setting: Resource, carried: Mapping[str, Any]) -> Call:
    return _call(setting)


def _update(setting: Resource, cx: Context) -> Call:
    return _call(setting)


def _delete(setting: Resource, cx: Context) -> Call:
    if setting.spec.password_policy is None:
        return Call("DeleteAccountAlias", {"AccountAlias": setting.spec.alias})
    return Call("DeleteAccountPasswordPolicy", {})


ACCOUNT = Kind(
    name="account",
    section="account",
    noun="Account",
    spec=Account,
    max_name=64,
    about="The account's own settings; each is left alone where it is left out.",
    key=_key,
    name_pattern=SETTINGS,
    name_hint="settings of an account are alias and password_policy",
    bulk=False,
    setting=True,
    creates=_create,
    deletes=_delete,
    fields=(
        Attribute(
            "alias", "AccountAlias", _update, "Name of the account in its sign-in address; unique in all of AWS.",
            pattern=ALIAS, max_length=63, carried=False,
        ),
        Attribute(
            "password_policy", "", _update, "Rules for users' passwords; what is left out gets AWS's default.",
            form="settings", carried=False,
        ),
    ),
)  # fmt: skip
