"""What is wrong in the files of a run, collected so that one run tells all of it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, TypeAlias

from iamsync.errors import InputError, InputErrors, Place, raise_all
from iamsync.manifest.nodes import Listing, Node, Scalar, Table
from iamsync.nearness import closest

Wrong: TypeAlias = "InputError | InputErrors"
WRONG: Final = (InputError, InputErrors)  # what to catch around functions that raise instead of collecting

_SHOWN: Final = 12
_ENOUGH: Final = 200


class Problems:
    """A growing list of input errors; the same one at the same place is kept once.

    While `via` is set, it is added to every hint: it says through what a text came to be read that
    stands elsewhere (a template, a document file).
    """

    def __init__(self) -> None:
        self._found: dict[tuple[Place | None, str], InputError] = {}
        self.via = ""
        self._stopped = False

    def add(self, code: str, message: str, at: Node | Place, hint: str = "") -> None:
        """One thing that is wrong, at a node or a place."""
        place = at if isinstance(at, Place) else at.place
        self._keep(InputError(message, code=code, place=place, hint=hint))

    def take(self, wrong: Wrong) -> None:
        """What another function raised."""
        self._stopped = self._stopped or (isinstance(wrong, InputErrors) and wrong.stopped)
        for error in wrong.errors if isinstance(wrong, InputErrors) else (wrong,):
            self._keep(error)

    def _keep(self, error: InputError) -> None:
        if (error.place, error.message) in self._found:
            return
        if self.via:
            hint = f"{error.hint} ({self.via})" if error.hint else self.via
            error = InputError(error.message, code=error.code, place=error.place, hint=hint)
        self._found[error.place, error.message] = error

    def __len__(self) -> int:
        return len(self._found)

    @property
    def full(self) -> bool:
        """Whether there is more than anybody reads, so that whoever loops may stop."""
        return len(self._found) >= _ENOUGH

    @property
    def errors(self) -> tuple[InputError, ...]:
        return tuple(self._found.values())

    def raise_if_any(self) -> None:
        """Raise InputError or InputErrors where something was collected."""
        raise_all(list(self._found.values()), stopped=self._stopped or self.full)


def did_you_mean(word: str, known: Iterable[str], otherwise: str = "") -> str:
    """A hint that names the closest word, or else `otherwise`."""
    found = closest(word, known)
    return f'did you mean "{found}"?' if found else otherwise


def one_of(words: Iterable[str]) -> str:
    """The words for a message, the first dozen of them."""
    names = list(words)
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more


def a(node: Node) -> str:
    """What a node is, for a message."""
    if isinstance(node, Table):
        return "a mapping"
    if isinstance(node, Listing):
        return "a list"
    return "nothing" if is_null(node) else f'"{shown(node.text)}"'


def a_kind(name: str) -> str:
    """A kind of resource for a message: `an instance profile`."""
    words = name.replace("_", " ")
    return f"{'an' if words[0] in 'aeio' else 'a'} {words}"


def shown(text: str) -> str:
    """A text for a message: its first line, cut where it is long."""
    line = text.splitlines()[0] if text else ""
    return line if len(line) <= 80 and line == text else f"{line[:77]}..."


def is_null(node: Node) -> bool:
    """Whether this is YAML's null."""
    return isinstance(node, Scalar) and node.value is None
