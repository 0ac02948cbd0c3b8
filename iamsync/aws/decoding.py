"""The documents in IAM's answers, freed of their URL encoding before botocore parses them as JSON.

botocore does that too, in Python and sign by sign, which was a tenth of a large plan. What is left of the encoding here
it undoes as ever, so that a document comes out the same. What is no JSON stays a text, with or without its encoding.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final

# What botocore's service model calls a string that holds a document.
_DOCUMENT: Final = "policyDocumentType"
# What AWS encodes in JSON, but for the percent sign itself: two of them must not be undone one after the other.
_SIGNS: Final = tuple((f"%{ord(sign):02X}", sign) for sign in '{}[]":,/*?$=+@ \n\r\t')


@lru_cache(maxsize=512)
def decoded(text: str) -> str:
    """The text without its URL encoding; as it is where it holds what this does not undo."""
    found = text
    for encoded, sign in _SIGNS:
        found = found.replace(encoded, sign)
    return text if "%" in found else found


def undo(parsed: Any, model: Any, **_: Any) -> None:
    """A hook for after-call, to be told before botocore's own: undo the encoding of every document of an answer."""
    if not isinstance(parsed, dict):
        return
    if model.name not in _WAYS:
        _WAYS[model.name] = () if model.output_shape is None else _way(model.output_shape)
    _undo(parsed, _WAYS[model.name])


def _undo(held: Any, way: Any) -> None:
    for item in held if isinstance(held, list) else (held,):
        for name, further in way:
            value = item.get(name)
            if further is not None:
                if value:
                    _undo(value, further)
            elif isinstance(value, str):
                item[name] = decoded(value)


# By the names of operations: shapes are each client's own, and keeping them would keep its whole model.
_WAYS: Final[dict[str, tuple[Any, ...]]] = {}


def _way(shape: Any, above: tuple[str, ...] = ()) -> tuple[Any, ...]:
    """The members of a structure, or of those in a list, that are documents (with None) or lead to some."""
    while shape.type_name == "list":
        shape = shape.member
    if shape.type_name != "structure" or shape.name in above:
        return ()
    found: list[tuple[str, Any]] = []
    for name, member in shape.members.items():
        if member.type_name == "string" and member.name == _DOCUMENT:
            found.append((name, None))
        elif further := _way(member, (*above, shape.name)):
            found.append((name, further))
    return tuple(found)
