"""Variables in texts: `$(account.id)`, `$(var.team)`, `$(arn.role/deployer)`; `$$(` is a literal `$(`.

It knows nothing of accounts or templates: what a name stands for is told by a `Scope`. IAM's own `${aws:username}`
has other brackets and is left alone.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

from iamsync.errors import InputError, Place, raise_all
from iamsync.manifest.nodes import Listing, Node, Scalar, Table

Value: TypeAlias = str | tuple[str, ...]

MAX_ERRORS = 100
_SHOWN_NAMES = 8

# "$$(" first: of a row of dollars, the last two belong to the bracket.
_OPENING = re.compile(r"\$\$\(|\$\(")
_REFERENCE = re.compile(r"\$\(([^()\r\n]*)\)")


class Scope(Protocol):
    """What names stand for."""

    def lookup(self, name: str) -> Value:
        """The value of a variable. Raises KeyError for an unknown one."""

    def names(self) -> Iterable[str]:
        """The names that are known, for suggestions."""


@dataclass(frozen=True, slots=True)
class Variables:
    """A scope of given values; what it does not know is asked of `rest`."""

    values: Mapping[str, Value]
    rest: Scope | None = None

    def lookup(self, name: str) -> Value:
        if name in self.values or self.rest is None:
            return self.values[name]
        return self.rest.lookup(name)

    def names(self) -> Iterable[str]:
        return (*self.values, *(self.rest.names() if self.rest else ()))


def expand(node: Node, scope: Scope) -> Node:
    """The node with the variables of all its texts and keys replaced; parts without any are the same objects.

    A list stands for a whole value, or is spliced where the variable is a whole item of a list. A replaced value is
    text, and is not expanded again. Raises InputError(s) for unknown names, `$(` without end, lists inside texts,
    and keys that become equal.
    """
    if isinstance(node, Scalar) and "$(" not in node.text:
        return node
    run = _Run(scope)
    expanded = run.node(node)
    raise_all(list(run.errors.values()))
    return expanded


def references(node: Node) -> tuple[tuple[str, Place], ...]:
    """The names used in a node, keys included, in order, each with its place."""
    found: list[tuple[str, Place]] = []
    _collect(node, found)
    return tuple(found)


def escape(text: str) -> str:
    """A text that `expand` turns into the given one, for texts that come from elsewhere (an import)."""
    return text.replace("$(", "$$(")


def _collect(node: Node, found: list[tuple[str, Place]]) -> None:
    if isinstance(node, Scalar):
        if "$(" in node.text:
            offsets = node.find("$(")
            for opening in _OPENING.finditer(node.text):
                reference = _REFERENCE.match(node.text, opening.start())
                if reference:
                    found.append((reference[1], _place(node, offsets, reference)))
    elif isinstance(node, Table):
        for key, value in node.entries:
            _collect(key, found)
            _collect(value, found)
    else:
        for item in node.items:
            _collect(item, found)


def _place(node: Scalar, offsets: dict[int, int], found: re.Match[str]) -> Place:
    start = offsets.get(found.start())
    return node.place if start is None else node.source.place(start, start + found.end() - found.start())


@dataclass(slots=True)
class _Run:
    """One pass over a tree."""

    scope: Scope
    # By place and message: a node that stands behind several aliases is wrong once.
    errors: dict[tuple[Place, str], InputError] = field(default_factory=dict)
    hints: dict[str, str] = field(default_factory=dict)

    def node(self, node: Node) -> Node:
        if isinstance(node, Scalar):
            if "$(" not in node.text:
                return node
            value = self.value(node)
            return value if isinstance(value, Scalar) else Listing(value, node.source, node.start, node.end)
        if isinstance(node, Table):
            return self.table(node)
        return self.listing(node)

    def table(self, node: Table) -> Table:
        changed = renamed = False
        entries = []
        for key, value in node.entries:
            new_key = key
            if "$(" in key.text:
                renamed = True
                new_key = self.key(key)
            new_value = self.node(value)
            changed = changed or new_key is not key or new_value is not value
            entries.append((new_key, new_value))
        if renamed:
            self.check_keys(entries)
        return Table(tuple(entries), node.source, node.start, node.end) if changed else node

    def listing(self, node: Listing) -> Listing:
        changed = False
        items: list[Node] = []
        for item in node.items:
            if isinstance(item, Scalar) and "$(" in item.text:
                changed = True
                value = self.value(item)
                items += (value,) if isinstance(value, Scalar) else value
                continue
            new = self.node(item)
            changed = changed or new is not item
            items.append(new)
        return Listing(tuple(items), node.source, node.start, node.end) if changed else node

    def key(self, key: Scalar) -> Scalar:
        value = self.value(key, whole=False)
        return value if isinstance(value, Scalar) else key

    def check_keys(self, entries: list[tuple[Scalar, Node]]) -> None:
        seen: dict[str, Scalar] = {}
        for key, _ in entries:
            first = seen.setdefault(key.text, key)
            if first is not key:
                self.wrong(
                    f'the key "{key.text}" stands here twice once its variables are filled in; '
                    f"the first one is on line {first.place.line}",
                    "duplicate-key",
                    key.place,
                    "remove or rename one of the two",
                )

    def value(self, node: Scalar, *, whole: bool = True) -> Scalar | tuple[Node, ...]:
        """A text with its variables replaced; several where a list stands for a `whole` value."""
        text = node.text
        offsets: dict[int, int] | None = None
        parts: list[str] = []
        done = 0
        for opening in _OPENING.finditer(text):
            start = opening.start()
            parts.append(text[done:start])
            done = opening.end()
            if opening[0] == "$$(":
                parts.append("$(")
                continue
            reference = _REFERENCE.match(text, start)
            if reference is None:
                offsets = node.find("$(") if offsets is None else offsets
                self.wrong(
                    'this "$(" has no ")"',
                    "unclosed-variable",
                    _place(node, offsets, opening),
                    'write $(NAME), or "$$(" for a "$(" that is meant as text',
                )
                continue
            done = reference.end()
            try:
                value = self.scope.lookup(reference[1])
            except KeyError:
                offsets = node.find("$(") if offsets is None else offsets
                self.unknown(reference[1], _place(node, offsets, reference))
                continue
            if isinstance(value, str):
                parts.append(value)
            elif whole and reference[0] == text:
                return tuple(_filled(node, item) for item in value)
            else:
                offsets = node.find("$(") if offsets is None else offsets
                self.wrong(
                    f'"$({reference[1]})" is a list and cannot stand {"inside a text" if whole else "in a key"}',
                    "list-variable",
                    _place(node, offsets, reference),
                    "a list stands for a whole value or a whole item of a list",
                )
        parts.append(text[done:])
        return _filled(node, "".join(parts))

    def unknown(self, name: str, place: Place) -> None:
        if not name.strip():
            self.wrong("a variable without a name", "unknown-variable", place, 'write "$$(" for a "$(" meant as text')
            return
        if name not in self.hints:
            self.hints[name] = _suggestion(name, sorted(set(self.scope.names())))
        self.wrong(f'there is no variable "{name}"', "unknown-variable", place, self.hints[name])

    def wrong(self, message: str, code: str, place: Place, hint: str) -> None:
        self.errors[place, message] = InputError(message, code=code, place=place, hint=hint)
        if len(self.errors) >= MAX_ERRORS:
            raise_all(list(self.errors.values()), stopped=True)


def _filled(node: Scalar, text: str) -> Scalar:
    return Scalar(text, text, True, node.source, node.start, node.end)


def _suggestion(name: str, names: list[str]) -> str:
    close = difflib.get_close_matches(name, names, 1, 0.6)
    if close:
        return f"did you mean $({close[0]})?"
    literal = 'write "$$(" for a "$(" that is meant as text'
    if not names:
        return f"there are none here; {literal}"
    # Of thousands of names, those of the family that was meant say most.
    family = name.split(".", 1)[0] + "."
    shown = [known for known in names if known.startswith(family)] or names
    more = f" and {len(shown) - _SHOWN_NAMES} more" if len(shown) > _SHOWN_NAMES else ""
    return f"known here: {', '.join(f'$({known})' for known in shown[:_SHOWN_NAMES])}{more}; {literal}"
