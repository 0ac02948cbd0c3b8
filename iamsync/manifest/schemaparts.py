"""The JSON Schema shapes (draft-07, what editors speak) that every schema of a file is made of."""

from __future__ import annotations

from typing import Any, Final

Schema = dict[str, Any]

DRAFT: Final = "http://json-schema.org/draft-07/schema#"
VARIABLE: Final = r"\$\("  # a text with a variable in it may be anything until it is filled in
SCALAR: Final[Schema] = {"type": ["string", "integer", "boolean"]}
TEXT: Final[Schema] = {"type": "string"}


def closed(properties: dict[str, Schema], *, typed: bool = True, **rest: Any) -> Schema:
    """An object that holds nothing but these properties; not `typed`: whose type `rest` or its place tells."""
    base: Schema = {"type": "object"} if typed else {}
    return {**base, "properties": properties, "additionalProperties": False, **rest}


def one_or_list(item: Schema) -> Schema:
    """One of it, or a list."""
    return {"oneOf": [item, {"type": "array", "items": item}]}


def or_variable(pattern: str) -> str:
    """A pattern that a text with a variable in it passes too."""
    return f"^({pattern})$|{VARIABLE}"
