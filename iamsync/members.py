"""Accounts of an organization, as it tells of them, and which a pattern means: `ou:prod/**`, `account/old-*`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Member:
    """One account: `unit` is the path of names to its organizational unit, empty at the root; `state` is AWS's word."""

    id: str
    name: str
    state: str = "ACTIVE"
    unit: str = ""
    tags: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class MemberPattern:
    """`account/GLOB` (name or id), `ou:PATH`, `tag:KEY=VALUE` or `*`; `!` excludes."""

    exclude: bool
    about: str
    glob: str
    key: str = ""

    def matches(self, member: Member) -> bool:
        if self.about == "account":
            return _fits(self.glob, member.name) or self.glob == member.id
        if self.about == "ou":
            return _fits(self.glob, member.unit)
        if self.about == "tag":
            return self.key in member.tags and _fits(self.glob, member.tags[self.key])
        return True


def member_pattern(text: str) -> MemberPattern:
    """One pattern of its text; ValueError says in words what is wrong."""
    body = text.strip()
    exclude, body = body.startswith("!"), body.removeprefix("!")
    if body == "*":
        return MemberPattern(exclude, "all", "*")
    if body.startswith("account/") and body[8:]:
        return MemberPattern(exclude, "account", body[8:])
    if body.startswith("ou:") and body[3:].strip("/"):
        return MemberPattern(exclude, "ou", body[3:].strip("/"))
    key, equals, value = body.removeprefix("tag:").partition("=")
    if body.startswith("tag:") and key:
        return MemberPattern(exclude, "tag", value if equals else "*", key)
    raise ValueError(f'"{text}" selects no accounts; write account/NAME, ou:PATH/**, tag:KEY=VALUE or *')


def selected(patterns: Iterable[MemberPattern], member: Member) -> bool:
    """Whether a list means this account: the union of its plain patterns minus its exclusions."""
    held = tuple(patterns)
    wanted = [pattern for pattern in held if not pattern.exclude]
    if wanted and not any(pattern.matches(member) for pattern in wanted):
        return False
    return not any(pattern.exclude and pattern.matches(member) for pattern in held)


@lru_cache(maxsize=512)
def _compiled(glob: str) -> re.Pattern[str]:
    # `prod/**` is the unit itself and all below it; `*` and `?` stay within one name.
    text = re.escape(glob).replace(r"/\*\*", "(/.*)?").replace(r"\*\*", ".*").replace(r"\*", "[^/]*")
    return re.compile(text.replace(r"\?", "[^/]"), re.DOTALL | re.IGNORECASE)


def _fits(glob: str, text: str) -> bool:
    return _compiled(glob).fullmatch(text) is not None
