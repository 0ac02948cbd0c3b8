"""A SAML metadata document: its writer's text is what is sent, its meaning what is compared.

AWS gives back what was uploaded, perhaps laid out otherwise. So two documents are equal
where their canonical XML is: attributes in order, no comments, no white space around texts.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

from iamsync.strictjson import MAX_DEPTH, TOO_DEEP

SIZE: Final = (1000, 10_000_000)
# What begins an element that is not closed at once, and what ends one; an upper bound is enough.
_TAG: Final = re.compile(r"<(/)?[^\s<>/!?][^<>]*+(?<!/)>")
_ENTITY: Final = re.compile(r"""\bentityID\s*=\s*("[^"]*"|'[^']*')""")


@dataclass(frozen=True, slots=True)
class Metadata:
    """A metadata document; only `key` is compared."""

    text: str = field(compare=False, repr=False)
    key: str = field(repr=False)

    @classmethod
    def of(cls, text: str) -> Metadata:
        """The document of a text; what is no XML is compared as it is written."""
        try:
            return cls(text, canonical(text))
        except ValueError:
            return cls(text, text)

    @property
    def entity(self) -> str:
        """The identity provider's own name for itself, empty where none is found."""
        found = _ENTITY.search(self.text)
        return found[1][1:-1] if found else ""

    def __str__(self) -> str:
        called = f"{self.entity}, " if self.entity else ""
        return f"{called}{len(self.text):,} characters"


def canonical(text: str) -> str:
    """Canonical XML; ValueError says what is wrong, a document type included: its entities could be anything."""
    from xml.etree.ElementTree import ParseError, canonicalize

    if "<!DOCTYPE" in text:
        raise ValueError("a document type (<!DOCTYPE>) is not taken")
    text = text.removeprefix("\ufeff")
    _shallow(text)
    try:
        return canonicalize(text, strip_text=True)
    except ParseError as error:
        raise ValueError(f"this is no XML: {error}") from error


def _shallow(text: str) -> None:
    """ValueError where elements stand in each other without end, which takes minutes to make canonical."""
    depth = 0
    for found in _TAG.finditer(text):
        depth += -1 if found[1] else 1
        if depth > MAX_DEPTH:
            raise ValueError(TOO_DEEP)
