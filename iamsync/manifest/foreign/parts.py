"""The parts of somebody else's file, each knowing its path; what does not fit is told with its place."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

from iamsync.errors import InputError, Place
from iamsync.manifest.jsontext import parse_json
from iamsync.manifest.nodes import Node, Path, place_in
from iamsync.policy.document import Document
from iamsync.strictjson import loads

_WORDS: Final = {dict: "a table", list: "a list", str: "a text", bool: "true or false", int: "a whole number"}


@dataclass(frozen=True, slots=True)
class Behind:
    """Something that was not carried over: what, why, what to do about it, and in which accounts of several."""

    what: str
    why: str
    remedy: str
    accounts: tuple[str, ...] = ()


class Misfit(Exception):
    """A value that does not fit, and its path in the file."""

    def __init__(self, path: Path, message: str) -> None:
        super().__init__(message)
        self.path, self.message = path, message

    def told(self, root: Node | str, file: str, code: str, hint: str) -> InputError:
        """The error with its place in the file, whose root node or JSON text is given.

        Of a JSON text the line itself is not shown: a state may hold secrets, and may be a single line.
        """
        if not isinstance(root, str):
            return InputError(self.message, code=code, place=place_in(root, self.path), hint=hint)
        try:
            message, place = self.message, place_in(parse_json(root, file), self.path)
        except InputError as error:
            # What json.loads lets through and this does not (a key that stands twice) is the better message.
            message, place = error.message, error.place or Place(file)
        return InputError(message, code=code, place=replace(place, length=1, source=""), hint=hint)


@dataclass(frozen=True, slots=True)
class Part:
    """A value and where it stands."""

    value: Any
    path: Path = ()

    def get(self, key: str) -> Part | None:
        """The part of a table under this key; None where it is missing, null or the empty text."""
        held = self.table().get(key)
        return None if held is None or held == "" else Part(held, (*self.path, key))

    def need(self, key: str) -> Part:
        """The same, which must be there."""
        found = self.get(key)
        if found is None:
            raise Misfit(self.path, f'"{key}" is missing here')
        return found

    def table(self) -> dict[str, Any]:
        held: dict[str, Any] = self._of(dict)
        return held

    def items(self) -> Iterator[Part]:
        """The parts of a list."""
        for position, held in enumerate(self._of(list)):
            yield Part(held, (*self.path, position))

    def entries(self) -> Iterator[tuple[str, Part]]:
        """The parts of a table with their keys."""
        for key, held in self.table().items():
            yield key, Part(held, (*self.path, key))

    def text(self) -> str:
        held: str = self._of(str)
        return held

    def texts(self) -> tuple[str, ...]:
        """The texts of a list, or the one text."""
        return (self.value,) if isinstance(self.value, str) else tuple(item.text() for item in self.items())

    def number(self) -> int:
        held: int = self._of(int)
        return held

    def truth(self) -> bool:
        held: bool = self._of(bool)
        return held

    def document(self, partition: str) -> Document:
        """A policy document that stands as JSON text, or as a table."""
        try:
            value = loads(self.value) if isinstance(self.value, str) else self.value
        except ValueError as error:
            raise Misfit(self.path, f"this policy document is no JSON: {error}") from error
        if not isinstance(value, dict):
            raise Misfit(self.path, "a policy document is a JSON object")
        return Document.of(value, partition)

    def wrong(self, message: str) -> Misfit:
        """What is wrong with this value."""
        return Misfit(self.path, message)

    def _of(self, kind: type) -> Any:
        if not isinstance(self.value, kind) or (kind is int and isinstance(self.value, bool)):
            raise Misfit(self.path, f"{_WORDS[kind]} must stand here")
        return self.value
