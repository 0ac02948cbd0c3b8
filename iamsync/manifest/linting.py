"""Findings of an account's manifests: every document linted, each finding at its place, suppressions applied."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final

from iamsync import arn
from iamsync.errors import Place
from iamsync.manifest.documents import Written, follow, place_of
from iamsync.manifest.load import Beside
from iamsync.manifest.nodes import Node, Scalar, Table
from iamsync.manifest.suppress import Suppression
from iamsync.model import Address, Expiry, State
from iamsync.policy.catalog import Catalog
from iamsync.policy.lint import RULES_BY_ID, Lint, Severity, Use, lint

More = Mapping[tuple[str, bool], tuple[Lint, ...]]
NO_MORE: Final[More] = MappingProxyType({})


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """One finding where it is written, and the resources it is about (a template's are many)."""

    place: Place
    id: str
    message: str
    severity: Severity
    remedy: str = ""
    addresses: tuple[Address, ...] = ()


@dataclass(frozen=True, slots=True)
class Findings:
    """What was found in an account: what is left, how many were suppressed, by which suppressions."""

    found: tuple[Finding, ...] = ()
    suppressed: int = 0
    used: frozenset[Place] = frozenset()


def findings(
    state: State,
    beside: Beside,
    *,
    account_id: str,
    ours: Iterable[str],
    catalog: Catalog,
    now: str,
    more: More = NO_MORE,
) -> Findings:
    """The findings of the documents of an account, sorted by place, each once.

    `ours` are the ids of the project's accounts; `now` (RFC 3339, UTC) decides which suppressions hold.
    `more` is what others found in documents, by their text and whether they are trust policies.
    """
    own = frozenset(ours)
    made: dict[tuple[int, Use], tuple[tuple[Lint, Place], ...]] = {}
    kept: dict[tuple[Place, str, str], Finding] = {}
    used: set[Place] = set()
    suppressed = 0
    boundaries = _boundaries(state)
    for address, written in beside.documents:
        own_use: Use = "trust" if written.use == "trust" else "identity"
        use: Use = "boundary" if address in boundaries else own_use
        key = (id(written.node), use)
        if key not in made:
            held = lint(
                written.document.value, use, account_id=account_id, partition=state.partition, catalog=catalog, ours=own
            )
            held += more.get((written.document.text, use == "trust"), ())
            made[key] = tuple((item, lint_place(written.node, item)) for item in held if not _varies(written, item))
        for item, place in made[key]:
            covering = _covering(item.id, address, state, beside.suppressions)
            used.update(suppression.place for suppression in covering)
            if any(not suppression.expired(now) for suppression in covering):
                suppressed += 1
                continue
            finding = Finding(place, item.id, item.message, item.severity, _remedy(item, written), (address,))
            same = (place, item.id, item.message)
            before = kept.get(same)
            kept[same] = finding if before is None else replace(before, addresses=(*before.addresses, address))
    over: list[Expiry] = []
    for end in state.lapsed:
        covering = _covering(_PAST, end.address, state, beside.suppressions)
        used.update(suppression.place for suppression in covering)
        if any(not suppression.expired(now) for suppression in covering):
            suppressed += 1
        else:
            over.append(end)
    found = [replace(finding, addresses=tuple(sorted(set(finding.addresses)))) for finding in kept.values()]
    found += [_over(suppression) for suppression in beside.suppressions if suppression.expired(now)]
    found += _past(over)
    return Findings(tuple(sorted(found)), suppressed, frozenset(used))


def unused(suppressions: Iterable[Suppression], used: Iterable[Place], now: str) -> tuple[Finding, ...]:
    """A finding for each suppression that nothing was found for; whose time is over has one already."""
    known = frozenset(used)
    return tuple(
        _about(suppression, "IAM-P091", f"nothing is found that this would suppress: no {suppression.finding} there")
        for suppression in suppressions
        if suppression.place not in known and not suppression.expired(now)
    )


def _over(suppression: Suppression) -> Finding:
    return _about(suppression, "IAM-P090", f"this suppression of {suppression.finding} ended at {suppression.until}")


def _past(over: Iterable[Expiry]) -> Iterator[Finding]:
    """The lines that have come to their end, each once."""
    lines: dict[tuple[Place, str], list[Expiry]] = {}
    for end in over:
        if end.origin is not None:
            place = Place(end.origin.file, end.origin.line, end.origin.column)
            lines.setdefault((place, end.at), []).append(end)
    for (place, at), ends in lines.items():
        some = f"{ends[0]} and {len(ends) - 1} more" if len(ends) > 1 else str(ends[0])
        addresses = tuple(sorted({end.address for end in ends}))
        yield Finding(
            place, _PAST, f"{some}: this end is past, {at}", RULES_BY_ID[_PAST].severity, _MEND[_PAST], addresses
        )


def _about(suppression: Suppression, rule: str, message: str) -> Finding:
    return Finding(suppression.place, rule, message, RULES_BY_ID[rule].severity, _MEND[rule])


_PAST: Final = "IAM-P092"
_MEND: Final = {
    "IAM-P090": "mend what it was for, or give it a new end",
    "IAM-P091": "remove it, or mend its address",
    _PAST: "delete the line when what it declares is gone, or correct the time",
}


def _covering(finding: str, address: Address, state: State, known: Sequence[Suppression]) -> list[Suppression]:
    if not known:
        return []
    resource = state.get(address)
    path = getattr(resource.spec, "path", None) if resource is not None else None
    tags = dict(getattr(resource.spec, "tags", ())) if resource is not None else {}
    return [held for held in known if held.covers(finding, address, path, tags)]


def _boundaries(state: State) -> frozenset[Address]:
    """Policies that are boundaries and nothing else: they grant nothing."""
    bounding: set[str] = set()
    attached: set[str] = set()
    for resource in state:
        boundary = getattr(resource.spec, "permissions_boundary", None)
        if boundary:
            bounding.add(boundary)
        attached.update(getattr(resource.spec, "managed_policies", ()))
    held = (arn.parse(text) for text in bounding - attached)
    return frozenset(item.address for item in held if item is not None)


def _remedy(item: Lint, written: Written) -> str:
    if not written.via:
        return item.remedy
    return f"{item.remedy} ({written.via})" if item.remedy else written.via


def _varies(written: Written, item: Lint) -> bool:
    """Whether this is about tidiness alone, of a text that other values of its variables make another."""
    if item.severity != "info":
        return False
    _, found = follow(written.node, item.path)
    return "$(" in found.source.text[found.start : found.end]


def lint_place(node: Node, item: Lint) -> Place:
    """Where in a document's text a finding is."""
    found = place_of(node, item.path, str(item.path[-1]) if item.key and item.path else "")
    if isinstance(found, Table) and not item.path and (version := _first_key(found)) is not None:
        return version.place
    return found.place


def _first_key(table: Table) -> Scalar | None:
    return table.entries[0][0] if table.entries else None
