"""A part of what differs: by selector or by cause, with everything that part could not do without."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from iamsync.kinds.kind import Context
from iamsync.model import Address, Cause
from iamsync.planner import compare
from iamsync.planner.compare import Difference
from iamsync.planner.expiry import Lapsed, lapse
from iamsync.planner.order import named, target

Selection = Callable[[Difference], bool]


def selected(differences: Sequence[Difference], selection: Selection, cx: Context) -> list[Difference]:
    """The selected differences, and those without which they could not be applied."""
    return _closed({d.address: d for d in differences if selection(d)}, differences, cx)


def of_cause(differences: Sequence[Difference], cause: Cause, cx: Context) -> list[Difference]:
    """The parts of the differences that have this cause, and what they need, whatever its cause."""
    chosen = {d.address: part for d in differences if (part := _part(d, cause, cx)) is not None}
    return _closed(chosen, differences, cx)


def expired(differences: Sequence[Difference], lapsed: Lapsed, cx: Context) -> list[Difference]:
    """What is over, and nothing else: deletions agreed to in advance, and of every other resource what has ended.

    Whatever holds an expired resource lets go of it, and of nothing else: its other differences wait.
    """
    chosen = {d.address: part for d in differences if (part := _ended(d, lapsed, cx)) is not None}
    return _closed(chosen, differences, cx, freeing=False)


def _ended(difference: Difference, lapsed: Lapsed, cx: Context) -> Difference | None:
    if difference.action == "delete" and difference.cause == "expired":
        return difference
    have = difference.have
    if have is None or (want := lapse(have, lapsed)) == have:
        return None
    found = compare.update(have, want, cx, None, difference.renamed_from, want)
    return None if found is None else replace(found, cause="expired", origin=difference.origin)


def _part(difference: Difference, cause: Cause, cx: Context) -> Difference | None:
    """An update as if only the fields of this cause differed; a rename comes with them."""
    if difference.action != "update":
        return difference if difference.cause == cause else None
    fields = tuple(change for change in difference.fields if change.cause == cause)
    if not fields and (difference.rename is None or cause != "declared"):
        return None
    if len(fields) == len(difference.fields):
        return difference
    assert difference.have is not None
    assert difference.want is not None
    values = {change.field: getattr(difference.want.spec, change.field) for change in fields}
    want = replace(difference.want, spec=replace(difference.have.spec, **values))
    found = compare.update(difference.have, want, cx, None, difference.renamed_from)
    assert found is not None
    return replace(found, cause=cause if difference.rename is None else difference.cause, fields=fields)


def _closed(
    chosen: dict[Address, Difference], differences: Sequence[Difference], cx: Context, *, freeing: bool = True
) -> list[Difference]:
    by_address = {difference.address: difference for difference in differences}
    freed_by: dict[Address, set[Address]] = defaultdict(set)
    for difference in differences if freeing else ():
        for act in difference.acts:
            for item in act.frees:
                if (freed := target(item, act, cx)) is not None:
                    freed_by[freed].add(difference.address)
    frontier = list(chosen)
    while frontier:
        difference = chosen[frontier.pop()]
        wanted = {address for address in _needed(difference, cx) if _makes(by_address.get(address))}
        if difference.action in ("delete", "replace"):
            wanted |= freed_by[difference.address]
        for address in sorted(wanted):
            if chosen.get(address) is not by_address[address]:
                chosen[address] = by_address[address]
                frontier.append(address)
    return [chosen[difference.address] for difference in differences if difference.address in chosen]


def _needed(difference: Difference, cx: Context) -> Iterable[Address]:
    """Whatever must bear its name and path before this difference's calls can name it."""
    if difference.successor is not None:
        yield difference.successor
    for act in difference.acts:
        for item in act.needs:
            if (address := target(item, act, cx)) is not None:
                yield address
        yield from named(act, cx)
        if act.field == "groups":
            yield Address("group", act.item)


def _makes(difference: Difference | None) -> bool:
    """Whether a resource exists under its declared ARN only after this."""
    if difference is None:
        return False
    # A group is called by its name alone, wherever it moves.
    moves = difference.address.kind != "group" and any(act.field == "path" for act in difference.after)
    return difference.create is not None or difference.rename is not None or moves
