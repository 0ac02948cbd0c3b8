"""Resources as JSON and back, canonical bytes, digests: one spelling for plans, snapshots, digests.

Fields are named as in manifests; references are ARNs (groups: names), documents parsed JSON.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from iamsync.kinds import KINDS
from iamsync.kinds.account import PasswordPolicy
from iamsync.kinds.kind import Field
from iamsync.kinds.metadata import Metadata
from iamsync.model import Address, Resource
from iamsync.policy.document import Document


def value_to_json(field: Field, value: Any) -> Any:
    """One field's value as JSON; documents in their writer's order."""
    if field.form == "tags":
        return dict(value)
    if field.form == "documents":
        return {name: document.value for name, document in value}
    if field.form == "document":
        return value.value
    if field.form == "metadata":
        return value.text
    if field.form == "settings":
        return None if value is None else value.values()
    return list(value) if isinstance(value, tuple) else value


def value_from_json(field: Field, value: Any, partition: str = "aws") -> Any:
    """The inverse of `value_to_json`: members sorted, documents parsed; TypeError for a rule nobody knows."""
    if field.form == "tags":
        return tuple(sorted(value.items()))
    if field.form == "documents":
        return tuple(sorted((name, Document.of(held, partition)) for name, held in value.items()))
    if field.form == "document":
        return Document.of(value, partition)
    if field.form == "metadata":
        return Metadata.of(value)
    if field.form == "settings":
        return None if value is None else PasswordPolicy(**value)
    return tuple(sorted(set(value))) if isinstance(value, list) else value


def to_json(resource: Resource) -> dict[str, Any]:
    """Every field of a resource, in its kind's order."""
    kind = KINDS[resource.address.kind]
    return {field.name: value_to_json(field, getattr(resource.spec, field.name)) for field in kind.fields}


def from_json(address: Address, value: Mapping[str, Any], partition: str = "aws") -> Resource:
    """The resource of what `to_json` gave; KeyError or TypeError on anything else."""
    kind = KINDS[address.kind]
    unknown = value.keys() - {field.name for field in kind.fields}
    if unknown:
        raise KeyError(sorted(unknown)[0])
    given = {
        field.name: value_from_json(field, value[field.name], partition) for field in kind.fields if field.name in value
    }
    return Resource(address, kind.spec(**given))


def canonical(resource: Resource) -> dict[str, Any]:
    """Every field by meaning: documents as their canonical key, so that layout does not count."""
    kind = KINDS[resource.address.kind]
    return {field.name: canonical_value(field, getattr(resource.spec, field.name)) for field in kind.fields}


def canonical_value(field: Field, value: Any) -> Any:
    """One field's value by meaning."""
    if field.form in ("document", "metadata"):
        return value.key
    if field.form == "documents":
        return {name: document.key for name, document in value}
    return value_to_json(field, value)


def canonical_bytes(value: Any) -> bytes:
    """JSON with sorted keys and no blanks: the same value, the same bytes."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def digest(value: Any) -> str:
    """`sha256:` and the hex digest of a JSON value's canonical bytes."""
    return f"sha256:{hashlib.sha256(canonical_bytes(value)).hexdigest()}"
