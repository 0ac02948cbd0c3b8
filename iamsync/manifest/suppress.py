"""Suppressions: findings that somebody looked at and found right, with the reason and perhaps an end."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from iamsync.controls import RULES_BY_ID as AUDIT
from iamsync.errors import Place
from iamsync.kinds import KINDS
from iamsync.manifest import values
from iamsync.manifest.expand import Scope, expand
from iamsync.manifest.nodes import Scalar
from iamsync.manifest.problems import WRONG, Problems, did_you_mean
from iamsync.manifest.sections import SuppressLine
from iamsync.model import Address
from iamsync.selector import Pattern, parse

# What Access Analyzer finds: AWS adds checks, so that there is no list of them.
ANALYZER: Final = re.compile(r"AA-[A-Z0-9_]+")


@dataclass(frozen=True, slots=True)
class Suppression:
    """An entry of `suppress:`; `until` is an RFC 3339 time in UTC, `place` where it stands."""

    finding: str
    address: Pattern
    reason: str
    until: str | None
    place: Place

    def covers(self, finding: str, address: Address, path: str | None, tags: Mapping[str, str]) -> bool:
        """Whether it is about this finding of this resource, whatever the time."""
        return self.finding == finding and self.address.matches(address, path, tags)

    def expired(self, now: str) -> bool:
        """Whether its time is over at `now` (RFC 3339, UTC)."""
        return self.until is not None and now >= self.until


def read_suppressions(lines: Iterable[SuppressLine], scope: Scope, problems: Problems) -> tuple[Suppression, ...]:
    """The suppressions of an account; what is wrong with them is collected."""
    found = []
    for line in lines:
        try:
            address, reason = expand(line.address, scope), expand(line.reason, scope)
        except WRONG as wrong:
            problems.take(wrong)
            continue
        made = _suppression(line, address.text if isinstance(address, Scalar) else "", problems)
        if made is not None:
            why = reason.text if isinstance(reason, Scalar) else line.reason.text
            found.append(Suppression(*made[:2], why, made[2], line.at.place))
    return tuple(found)


def _suppression(line: SuppressLine, address: str, problems: Problems) -> tuple[str, Pattern, str | None] | None:
    # The rules are a large table, which only files with suppressions have a use for.
    from iamsync.policy.lint import RULES_BY_ID

    finding = line.finding.text
    known = (*RULES_BY_ID, *AUDIT)
    if finding not in known and not ANALYZER.fullmatch(finding):
        hint = did_you_mean(finding, known, "validate and audit show the id of each finding, for example IAM-P034")
        problems.add("unknown-finding", f'there is no finding "{finding}"', line.finding, hint)
        return None
    try:
        pattern = parse(address, KINDS)
    except ValueError as error:
        problems.add("bad-selector", str(error), line.address, "write for example role/deploy or role:/ci/**")
        return None
    if pattern.exclude:
        hint = "write one entry for each selector that is meant"
        problems.add("bad-selector", f'"{address}" excludes; a suppression names what it is for', line.address, hint)
        return None
    until = None if line.until is None else values.moment(line.until, "until", problems)
    if line.until is not None and until is None:
        return None  # without its end, this would hold for ever
    return finding, pattern, until
