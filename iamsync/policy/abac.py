"""Tags that policies rely on: the keys of `aws:PrincipalTag/...` and `aws:ResourceTag/...` in a document.

Where a policy asks for such a tag, the tag is a permission: whoever may write it grants what the
policy grants. Keys are in lower case, as IAM compares condition keys.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from iamsync.model import EMPTY
from iamsync.policy.document import Document, statements
from iamsync.policy.pattern import pattern

_PRINCIPAL: Final = ("aws:principaltag/",)
# IAM's own key means the tags of users and roles; both are asked about IAM's resources.
_RESOURCE: Final = ("aws:resourcetag/", "iam:resourcetag/")

_VARIABLE: Final = re.compile(r"\$\{\s*([^\s,'{}][^,'{}]*?)\s*(|,[^{}]*)\}")


def principal_tag_keys(documents: Iterable[Document]) -> frozenset[str]:
    """The tag keys of principals that any of these documents asks for, in a condition or a policy variable."""
    return frozenset(key for document in documents for key in _keys(document.text).principal)


def resource_tag_keys(documents: Iterable[Document]) -> frozenset[str]:
    """The tag keys of the resources of IAM that any of these documents asks for."""
    return frozenset(key for document in documents for key in _keys(document.text).resource)


@lru_cache(maxsize=16384)
def keys_named(text: str) -> frozenset[str]:
    """Every condition key that a document asks for, in lower case, and every variable whatever its version."""
    return frozenset(key.lower() for key in _named(json.loads(text), variables=True))


def renamed(document: Document, keys: Mapping[str, str], values: Mapping[str, str] = EMPTY) -> Document:
    """The document with other condition keys, in conditions and variables; `keys` are in lower case.

    Two sides of a comparison in which one tag has two values are told apart by such names. Variables that `values`
    name are filled in: they must hold nothing that means more in a pattern.
    """
    if not any(key in document.text.lower() for key in (*keys, *values)):
        return document
    value = json.loads(document.text)
    # Only in documents of this version is ${...} a variable.
    variables = isinstance(value, dict) and value.get("Version") == "2012-10-17"

    def put(held: Any) -> Any:
        if isinstance(held, list):
            return [put(item) for item in held]
        return _VARIABLE.sub(variable, held) if variables and isinstance(held, str) else held

    def variable(match: re.Match[str]) -> str:
        key = match[1].lower()
        return values[key] if key in values else f"${{{keys.get(key, match[1])}{match[2]}}}"

    for statement in statements(value):
        for name in ("Resource", "NotResource"):
            if name in statement:
                statement[name] = put(statement[name])
        block = statement.get("Condition")
        if isinstance(block, dict):
            statement["Condition"] = {
                operator: {keys.get(key.lower(), key): put(values) for key, values in held.items()}
                if isinstance(held, dict)
                else held
                for operator, held in block.items()
            }
    return Document.of(value)


@dataclass(frozen=True, slots=True)
class _Keys:
    principal: frozenset[str]
    resource: frozenset[str]


@lru_cache(maxsize=16384)
def _keys(text: str) -> _Keys:
    if "tag/" not in text.lower():
        return _Keys(frozenset(), frozenset())
    named = {key.lower() for key in _named(json.loads(text))}
    return _Keys(_behind(_PRINCIPAL, named), _behind(_RESOURCE, named))


def _behind(prefixes: tuple[str, ...], named: Iterable[str]) -> frozenset[str]:
    return frozenset(key[len(prefix) :] for key in named for prefix in prefixes if key.startswith(prefix))


def _named(value: Any, *, variables: bool = False) -> Iterator[str]:
    """Every condition key of a document: those of its conditions, and those of its variables if it has any."""
    variables = variables or (isinstance(value, dict) and value.get("Version") == "2012-10-17")
    for statement in statements(value):
        texts = [text for name in ("Resource", "NotResource") for text in _texts(statement.get(name))]
        block = statement.get("Condition")
        for keys in block.values() if isinstance(block, dict) else ():
            for key, values in keys.items() if isinstance(keys, dict) else ():
                yield key
                texts += _texts(values)
        if variables:
            yield from (variable.key for text in texts for variable in pattern(text, True).variables)


def _texts(values: Any) -> list[str]:
    return [value for value in (values if isinstance(values, list) else [values]) if isinstance(value, str)]
