"""Where each statement of each document of the manifests is written, for explanations."""

from __future__ import annotations

from collections.abc import Iterable

from iamsync.manifest.documents import Written
from iamsync.manifest.nodes import Listing, Node, Table
from iamsync.model import Address, Origin


def statement_places(documents: Iterable[tuple[Address, Written]]) -> dict[tuple[Address, str], tuple[Origin, ...]]:
    """The places of the statements in order, by the document's holder and text."""
    found: dict[tuple[Address, str], tuple[Origin, ...]] = {}
    made: dict[int, tuple[Origin, ...]] = {}
    for address, written in documents:
        if id(written.node) not in made:
            made[id(written.node)] = places_of(written.node)
        found.setdefault((address, written.document.text), made[id(written.node)])
    return found


def places_of(node: Node) -> tuple[Origin, ...]:
    """The places of the statements of one document, in order."""
    held = node.get("Statement") if isinstance(node, Table) else None
    items = held.items if isinstance(held, Listing) else (held,)
    places = (item.place for item in items if isinstance(item, Table))
    return tuple(Origin(place.file, place.line, place.column) for place in places)
