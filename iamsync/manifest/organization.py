"""`organization_policies` of the project file: files of SCPs and RCPs, level by level, inside the project only."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from iamsync.manifest import values
from iamsync.manifest.documents import FILE_KEY, Documents
from iamsync.manifest.expand import Scope
from iamsync.manifest.nodes import Listing, Node, Table, made
from iamsync.manifest.places import places_of
from iamsync.manifest.problems import Problems, is_null
from iamsync.model import Origin
from iamsync.policy.document import Document, statements
from iamsync.policy.evaluate import Source
from iamsync.policy.grammar import Use
from iamsync.policy.organization import Levels, Organization

KEY: Final = "organization_policies"
KEYS: Final = ("scps", "rcps")
# What AWS attaches everywhere at first; it needs no file.
FULL: Final = "FullAWSAccess"
_FULL: Final = Document.of(
    {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
)
_CALLED: Final = {"scps": "service control policy", "rcps": "resource control policy"}


def read_organization(
    layers: Sequence[Table], root: Path, partition: str, scope: Scope, problems: Problems
) -> Organization:
    """The levels of the project file and below them those of the account, each problem at its place."""
    documents = Documents(root)
    found: dict[str, Levels] = {"scps": (), "rcps": ()}
    for layer in layers:
        node = layer.get(KEY)
        table = None if node is None or is_null(node) else values.table(node, KEY, problems)
        if table is None:
            continue
        values.known_keys(table, KEYS, KEY, problems)
        for name in KEYS:
            if (held := table.get(name)) is not None and not is_null(held):
                found[name] += tuple(
                    tuple(_sources(level, name, documents, partition, scope, problems))
                    for level in _levels(held, name, problems)
                )
    return Organization(found["scps"], found["rcps"])


def _levels(node: Node, name: str, problems: Problems) -> Iterator[Listing]:
    levels = values.listing(node, name, problems)
    for level in levels or ():
        if not isinstance(level, Listing):
            hint = "write [[root.json], [unit.json], ...]: a list for each level, the root of the organization first"
            problems.add("wrong-type", f"{name} are levels, each a list of files", level, hint)
        elif not level.items:
            hint = f"write [{FULL}] where AWS's own is all there is" if name == "scps" else "leave the level out"
            problems.add("wrong-type", f"this level of {name} holds no policy", level, hint)
        else:
            yield level


def _sources(
    level: Listing, name: str, documents: Documents, partition: str, scope: Scope, problems: Problems
) -> Iterator[Source]:
    for text, at in values.texts(level, name, problems):
        label = f"{_CALLED[name]} {text}"
        if text == FULL and name == "scps":
            yield Source(label, _FULL)
            continue
        use: Use = "identity" if name == "scps" else "resource"
        document = documents.document(made({FILE_KEY: text}, at), use, partition, scope, problems)
        if document is None:
            continue
        if name == "rcps" and not _of_everyone(document):
            hint = 'write Effect: Deny and Principal: "*", and say in Condition whom it spares'
            problems.add("malformed-policy", f"{text}: a resource control policy denies, and to everyone", at, hint)
            continue
        written = documents.take_written()
        places = places_of(written[-1].node) if written else ()
        yield Source(label, document, Origin(at.place.file, at.place.line, at.place.column), places)


def _of_everyone(document: Document) -> bool:
    return all(
        held.get("Effect") == "Deny" and held.get("Principal") in ("*", {"AWS": "*"})
        for held in statements(document.value)
    )
