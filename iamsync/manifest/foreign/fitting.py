"""Whether what was read is something that IAM can hold, by the limits that manifests are held to as well."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from iamsync.kinds import KINDS
from iamsync.kinds.kind import Field
from iamsync.manifest import limits
from iamsync.manifest.foreign.parts import Part
from iamsync.model import Address, Resource


def resource(address: Address, fields: Mapping[str, Any], at: Part) -> Resource:
    """The resource of these fields; Misfit at `at` for what its kind does not take."""
    kind = KINDS[address.kind]
    if (wrong := limits.bad_name(address.name, kind)) is not None:
        raise at.wrong(wrong)
    for field in kind.fields:
        for wrong in _wrong(field, fields.get(field.name)):
            raise at.wrong(f"{address}: {wrong}")
    return Resource(address, kind.spec(**fields))


def _wrong(field: Field, value: Any) -> Iterator[str]:
    """Why a field cannot have this value."""
    if value is None:
        return
    found: list[str | None] = []
    if field.form == "text" and not isinstance(value, str):
        found.append(f"{field.name} is a text")
    elif field.form == "text" and field.name == "path":
        found.append((limits.bad_path(value, field) or (None,))[0])
    elif field.form == "text":
        found.append(limits.bad_text(value, field))
    elif field.form == "tags":
        found += [limits.bad_tag(key, held) for key, held in value]
    elif field.form == "documents":
        found += [limits.bad_inline_name(name) for name, _ in value]
    elif field.name == "groups":
        found += [limits.bad_name(name, KINDS["group"]) for name in value]
    elif field.form == "settings":
        rules = [(rule, number) for rule, number in value.values().items() if not isinstance(number, bool)]
        found += [(limits.bad_rule(rule, number) or (None,))[0] for rule, number in rules]
    elif field.form == "seconds" and not limits.SESSION[0] <= value <= limits.SESSION[1]:
        found.append(f"a session lasts {limits.SESSION[0]} to {limits.SESSION[1]} seconds, not {value}")
    yield from (wrong for wrong in found if wrong is not None)
