"""Which of the configured accounts are meant: `prod`, `*-prod`, `label:tier=prod`, `*`, `!` to exclude.

A list is the union of its plain patterns minus its exclusions; exclusions alone select the rest.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from iamsync.selector import glob_matches


@dataclass(frozen=True, slots=True)
class AccountPattern:
    """One pattern: over names where `label` is None, else over a label's value (None: any value)."""

    exclude: bool
    glob: str
    label: str | None = None

    def matches(self, name: str, labels: Mapping[str, str]) -> bool:
        if self.label is None:
            return glob_matches(self.glob, name)
        return self.label in labels and glob_matches(self.glob, labels[self.label])

    @property
    def exact(self) -> str | None:
        """The one account name this pattern can mean, where it is no glob and no label."""
        return None if self.label is not None or "*" in self.glob or "?" in self.glob else self.glob


@dataclass(frozen=True, slots=True)
class AccountSelector:
    """A list of patterns; empty selects nothing."""

    patterns: tuple[AccountPattern, ...]

    def __call__(self, name: str, labels: Mapping[str, str]) -> bool:
        wanted = [pattern for pattern in self.patterns if not pattern.exclude]
        if not self.patterns or (wanted and not any(pattern.matches(name, labels) for pattern in wanted)):
            return False
        return not any(pattern.exclude and pattern.matches(name, labels) for pattern in self.patterns)


def account_pattern(text: str) -> AccountPattern:
    """One pattern of its text; ValueError says in words what is wrong."""
    body = text.strip()
    exclude = body.startswith("!")
    body = body.removeprefix("!")
    if body.startswith("label:"):
        key, equals, value = body[6:].partition("=")
        if not key:
            raise ValueError(f'"{text}" names no label; write label:KEY=VALUE')
        return AccountPattern(exclude, value if equals else "*", key)
    if not body:
        raise ValueError("an account selector is empty")
    if ":" in body or "/" in body:
        raise ValueError(f'"{text}" is no account selector; write an account name, a glob, or label:KEY=VALUE')
    return AccountPattern(exclude, body)


def account_selector(texts: Iterable[str]) -> AccountSelector:
    """A selector of its texts; ValueError as in `account_pattern`."""
    return AccountSelector(tuple(account_pattern(text) for text in texts))
