"""Whom of an account trust policies are about: each name of a Principal element looked up once, whoever writes it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeAlias

from iamsync.model import Address
from iamsync.policy.match import Principals, Reach, meant
from iamsync.policy.request import Principal
from iamsync.policy.statement import Statement

Person: TypeAlias = tuple[Address, Principal]


class Named:
    """The users and roles of an account, sorted, and whom of them statements are about, perhaps."""

    def __init__(self, people: Iterable[Person]) -> None:
        self.people = tuple(people)
        self._at: dict[str, set[int]] = {}
        for at, (_, who) in enumerate(self.people):
            self._at.setdefault(who.arn, set()).add(at)
        self._kept: dict[tuple[Principals, bool], frozenset[int]] = {}

    def about(self, statements: Iterable[Statement]) -> Iterator[Person]:
        """Those that any of the statements reaches, or may reach, in their order."""
        found: set[int] = set()
        for statement in statements:
            if statement.principals is not None:
                found |= self._reached(statement.principals, statement.allows)
        yield from (self.people[at] for at in sorted(found))

    def _reached(self, held: Principals, allows: bool) -> frozenset[int]:
        key = (held, allows)
        if key not in self._kept:
            found: set[int] = set()
            if held.negated:
                found |= self._asked(held, allows)
            else:  # several names reach whomever one of them reaches
                for name in held.names:
                    found |= self._of_name(name)
            self._kept[key] = frozenset(found)
        return self._kept[key]

    def _of_name(self, name: tuple[str, str]) -> frozenset[int]:
        arns = meant(*name)
        if arns is not None:
            return frozenset(at for arn in arns for at in self._at.get(arn, ()))
        one = (Principals((name,), negated=False), True)
        if one not in self._kept:
            self._kept[one] = self._asked(*one)
        return self._kept[one]

    def _asked(self, held: Principals, allows: bool) -> frozenset[int]:
        found = set()
        for at, (_, who) in enumerate(self.people):
            reach, doubts = held.reach(who, denies=not allows, bounded=True)
            if reach is not Reach.NONE or doubts:
                found.add(at)
        return frozenset(found)
