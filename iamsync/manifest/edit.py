"""Values put into a YAML or JSON text by splices: what differs is rewritten, every other character stays.

An `Edit` names a value by its path and says what it is to be. The text is read, one difference of each collection is
spliced in with the layout of its neighbours, and the text is read again until nothing differs, so that what comes out
says exactly what was asked for. Comments stay with the line below them; a comment at the end of a line that goes
becomes a line of its own. It knows nothing of manifests.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any, Final, TypeAlias

from iamsync.errors import InputError
from iamsync.manifest.nodes import Listing, Node, Scalar, Table, plain
from iamsync.manifest.source import documents_of
from iamsync.manifest.splices import Page, Splice

Path: TypeAlias = tuple[str | int, ...]


class _Gone:
    __slots__ = ()

    def __repr__(self) -> str:
        return "GONE"


GONE: Final = _Gone()  # the value of what is to be taken out


@dataclass(frozen=True, slots=True)
class Edit:
    """What a value is to be: nested dict, list, str, int, bool or None, or `GONE`.

    `path` is the number of the document in its file, then keys as they are written, and positions in lists. Tables
    that lack on the way are made. `order` are the keys among which a new one finds its place; `whole` takes the
    comment lines right above along with what goes.
    """

    path: Path
    value: Any
    order: tuple[str, ...] = ()
    whole: bool = False


def rewritten(text: str, file: str, edits: Sequence[Edit]) -> str:
    """The text with the values that the edits ask for; `file` is its name, which also tells JSON from YAML.

    Raises InputError where a value is shared by an anchor, or cannot be put there.
    """
    for _ in range(_rounds(edits)):
        documents = documents_of(text, file)
        run = _Run(Page(text, file, documents), documents)
        splices = [splice for edit in edits for splice in run.towards(edit)]
        if not splices:
            return text
        before, text = text, run.page.spliced(splices)
        if text == before:
            break
    raise InputError(f"{file} cannot be rewritten", code="not-editable", hint="make the change by hand")


def _rounds(edits: Iterable[Edit]) -> int:
    """More rounds than there can be differences."""
    return 100 + sum(len(str(edit.value)) for edit in edits)


def alike(node: Node, value: Any) -> bool:
    """Whether a node says exactly this value."""
    if isinstance(node, Table):
        held = node.index()
        return (
            isinstance(value, dict)
            and held.keys() == value.keys()
            and all(alike(below, value[key]) for key, below in held.items())
        )
    if isinstance(node, Listing):
        return (
            isinstance(value, (list, tuple))
            and len(value) == len(node.items)
            and all(alike(below, wanted) for below, wanted in zip(node.items, value, strict=True))
        )
    return type(node.value) is type(value) and bool(node.value == value)


class _Run:
    """One reading of a text, and the splices that bring it nearer to what is wanted."""

    def __init__(self, page: Page, documents: tuple[Node, ...]) -> None:
        self.page = page
        self.documents = documents

    def towards(self, edit: Edit) -> list[Splice]:
        number, *keys = edit.path
        assert isinstance(number, int)
        node: Node = self.documents[number]
        parent: Node | None = None
        grand: tuple[Node, int] | None = None  # where the parent stands itself
        at = 0
        for depth, key in enumerate(keys):
            if isinstance(node, Scalar) and node.value is None and edit.value is not GONE and parent is not None:
                return [self.page.replaced(parent, at, _wrapped(keys[depth:], edit.value))]
            found = _position(node, key)
            if found is None:
                if edit.value is GONE:
                    return []
                if not isinstance(node, Table):
                    raise self.page.wrong(node, "there is no place for it here")
                self.unshared(node, parent)
                order = edit.order if depth == len(keys) - 1 or (edit.order and key in edit.order) else ()
                return [self.added(node, str(key), _wrapped(keys[depth + 1 :], edit.value), order)]
            self.unshared(node, parent, only_alias=True)
            grand = (parent, at) if parent is not None else None
            parent, at = node, found
            node = node.entries[at][1] if isinstance(node, Table) else node.items[at]  # type: ignore[union-attr]
        if edit.value is not GONE:
            return self.value(node, parent, at, edit.value)
        if parent is None:
            raise self.page.wrong(node, "a whole document cannot be taken out")
        self.unshared(parent, None)
        count = len(parent.entries) if isinstance(parent, Table) else 0
        if count != 1 or self.page.in_brackets(parent):
            return [self.page.removed(parent, at, whole=edit.whole)]
        owner, position = grand or (None, 0)
        return [self.page.replaced(owner, position, {}, root=parent)]

    def value(self, node: Node, parent: Node | None, at: int, value: Any) -> list[Splice]:
        if alike(node, value):
            return []
        self.unshared(node, parent)
        if isinstance(node, Table) and isinstance(value, dict) and value and node.entries:
            return self.table(node, value)
        if isinstance(node, Listing) and isinstance(value, (list, tuple)) and value and node.items:
            return self.listing(node, list(value))
        if not isinstance(node, Scalar) and not value and isinstance(value, (dict, list, tuple)):
            count = len(node.entries if isinstance(node, Table) else node.items)
            if count > 1 and isinstance(node, Table) == isinstance(value, dict):
                return [self.page.removed(node, count - 1)]  # one by one, so that remarks stay
        return [self.page.replaced(parent, at, value, root=node)]

    def table(self, node: Table, value: dict[str, Any]) -> list[Splice]:
        splices: list[Splice] = []
        for position, (key, below) in enumerate(node.entries):
            if key.text in value:
                splices += self.value(below, node, position, value[key.text])
        new = next((key for key in value if key not in node), None)
        if new is not None:
            order = tuple(value)
            return [*splices, self.added(node, new, value[new], order)]
        gone = next((position for position, (key, _) in enumerate(node.entries) if key.text not in value), None)
        return splices if gone is None else [*splices, self.page.removed(node, gone)]

    def added(self, node: Table, key: str, value: Any, order: tuple[str, ...]) -> Splice:
        """A new entry, right after the last of those that its order puts before it; without an order, at the end."""
        position = len(node.entries)
        if key in order:
            before = frozenset(order[: order.index(key)])
            position = 0
            for index, (held, _) in enumerate(node.entries):
                # What no order knows (use, with, renamed_from) says what the resource is, and stays ahead.
                if held.text in before or held.text not in order:
                    position = index + 1
        return self.page.inserted(node, position, value, key)

    def listing(self, node: Listing, value: list[Any]) -> list[Splice]:
        have = [_fingerprint(plain(below)) for below in node.items]
        want = [_fingerprint(below) for below in value]
        splices: list[Splice] = []
        structural: Splice | None = None
        removal: int | None = None
        matcher = SequenceMatcher(None, have, want, autojunk=False)
        for tag, start, end, first, last in matcher.get_opcodes():
            if tag == "equal":
                continue
            i, j = start, first
            while i < end and j < last and _same_sort(node.items[i], value[j]):
                splices += self.value(node.items[i], node, i, value[j])
                i, j = i + 1, j + 1
            if j < last and structural is None:
                structural = self.page.inserted(node, end, value[j])
            elif i < end and removal is None:
                removal = i
        if structural is None and removal is not None:
            structural = self.page.removed(node, removal)
        return splices if structural is None else [*splices, structural]

    def unshared(self, node: Node, parent: Node | None, *, only_alias: bool = False) -> None:
        """InputError where the value stands behind an alias, or others stand for it."""
        name = self.page.alias(node, parent) or ("" if only_alias else self.page.anchor(node))
        if name:
            raise self.page.wrong(
                node,
                f'the value is shared through the anchor "&{name}"',
                "shared-value",
                "write it out where it is used, then adopt again",
            )


def _same_sort(node: Node, value: Any) -> bool:
    """Whether one is to become the other in place: a text that goes and one that comes are two."""
    return (isinstance(node, Table) and isinstance(value, dict)) or (
        isinstance(node, Listing) and isinstance(value, (list, tuple))
    )


def _position(node: Node, key: str | int) -> int | None:
    if isinstance(node, Table):
        return next((at for at, (name, _) in enumerate(node.entries) if name.text == key), None)
    if isinstance(node, Listing) and isinstance(key, int) and key < len(node.items):
        return key
    return None


def _wrapped(keys: Sequence[str | int], value: Any) -> Any:
    for key in reversed(keys):
        value = {str(key): value}
    return value


def _fingerprint(value: Any) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False)
