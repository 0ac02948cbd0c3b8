"""Permission differences of principals that hold the same policies: computed once, and told of each.

Whatever a difference can depend on is in its key: the texts of all documents, under which names they are held, and
what is known of the principal for each condition key that any of them asks for (`aws:username`, its tags, its ARN).
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import replace
from typing import Final

from iamsync.policy.abac import keys_named
from iamsync.policy.access import Access, difference
from iamsync.policy.evaluate import Source
from iamsync.policy.gained import Region, Undecided
from iamsync.policy.holdings import Held, Holdings
from iamsync.policy.request import Context, Principal, Request
from iamsync.policy.statement import compiled

_EVERYONE: Final = (("*", "*"), ("AWS", "*"))


class Shared:
    """Differences of one account's principals, kept for as long as they are asked for."""

    def __init__(self, account_id: str, partition: str = "aws") -> None:
        self._account_id, self._partition = account_id, partition
        self._kept: dict[Hashable, tuple[str, Access]] = {}

    def difference(self, before: Holdings, after: Holdings, *, principal: Principal, holder: str = "") -> Access:
        """What `access.difference` answers; raises as it does.

        `holder` is how the names of the principal's own inline policies begin, which are nobody else's.
        """
        key = (_who(before, after, principal), _held(before, holder), _held(after, holder))
        if key not in self._kept:
            found = difference(
                before, after, principal=principal, account_id=self._account_id, partition=self._partition
            )
            self._kept[key] = (holder, found)
            return found
        first, found = self._kept[key]
        return Access(
            tuple(_region(one, principal, first, holder) for one in found.gained),
            tuple(_region(one, principal, first, holder) for one in found.lost),
            tuple(_undecided(one, first, holder) for one in found.undecided),
        )


def _who(before: Holdings, after: Holdings, principal: Principal) -> Hashable:
    """All of a principal that these policies look at."""
    own = Context(Request(principal, "iam:GetUser"))
    asked = {key for held in (before, after) for source in _sources(held) for key in keys_named(source.document.text)}
    known = tuple((key, own.find(key)) for key in sorted(asked))
    named = any(
        statement.principals is not None
        and (statement.principals.negated or not set(statement.principals.names) <= set(_EVERYONE))
        for held in (before, after)
        for level in held.rcps
        for source in level
        for statement in compiled(source.document.text)
    )
    whole = (principal.arn, principal.unique_id, principal.issuer) if named else None
    return principal.kind, principal.account, principal.service_linked, known, whole


def _sources(held: Holdings) -> Iterator[Source]:
    limits = (one for level in (*held.scps, *held.rcps) for one in level)
    yield from (one for one in (*held.identity, held.boundary, *limits) if isinstance(one, Source))


def _held(held: Holdings, holder: str) -> Hashable:
    return (
        tuple(_told(one, holder) for one in held.identity),
        None if held.boundary is None else _told(held.boundary, ""),
        tuple(tuple(_told(one, "") for one in level) for level in held.scps),
        tuple(tuple(_told(one, "") for one in level) for level in held.rcps),
    )


def _told(held: Held, holder: str) -> tuple[bool, str, str | None]:
    """A policy by its name, which may begin with its holder's, and its text; None where nobody knows that."""
    own = bool(holder) and held.label.startswith(holder)
    label = held.label.removeprefix(holder) if own else held.label
    return own, label, held.document.text if isinstance(held, Source) else None


def _region(one: Region, principal: Principal, first: str, holder: str) -> Region:
    return replace(one, via=_via(one.via, first, holder), witness=replace(one.witness, principal=principal))


def _undecided(one: Undecided, first: str, holder: str) -> Undecided:
    return replace(one, via=_via(one.via, first, holder))


def _via(labels: tuple[str, ...], first: str, holder: str) -> tuple[str, ...]:
    """Names of statements, with another holder's name before those that are its own; their order stays."""
    if first == holder or not first:
        return labels
    return tuple(holder + label.removeprefix(first) if label.startswith(first) else label for label in labels)
