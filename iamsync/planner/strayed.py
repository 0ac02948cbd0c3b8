"""Whether a live value is on the way between two known ones, or somebody else's."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

from iamsync import arn
from iamsync.kinds import KINDS
from iamsync.kinds.codec import canonical_value
from iamsync.kinds.kind import Field
from iamsync.model import Address, Resource
from iamsync.policy.document import Document
from iamsync.policy.ending import NOBODY

_PRINCIPALS: Final = ("Principal", "NotPrincipal")
_NOBODY: Final = Document.parse(NOBODY).key


def strayed(
    have: Resource,
    name: str,
    one: Resource | None,
    other: Resource | None,
    *,
    again: frozenset[Address] = frozenset(),
    in_part: bool = False,
) -> bool:
    """`astray` of a field of a resource, between two others that may not be there."""
    field = KINDS[have.address.kind].field(name)
    sides = [canonical_value(field, getattr(side.spec, name)) for side in (one, other) if side is not None]
    return astray(field, canonical_value(field, getattr(have.spec, name)), sides, again=again, in_part=in_part)


def astray(
    field: Field, value: Any, sides: Sequence[Any], *, again: frozenset[Address] = frozenset(), in_part: bool = False
) -> bool:
    """Whether a value is neither one of `sides`, nor made of parts of both; all of them as `canonical_value` says.

    A single side stands beside a resource that is not there: whoever makes or takes away the other one does it
    bit by bit, so any part of it may be missing; as it may where `in_part` says so, and where a reference is to
    a resource of `again`, which is taken off and put on again.
    """
    if value in sides or (getattr(field, "optional", False) and None in (value, *sides)):  # nobody asked for it
        return False
    partly = in_part or len(sides) < 2
    if field.name == "thumbprints" and (None in (value, *sides) or (partly and not any(sides))):
        return False  # AWS finds them itself where a provider is created without
    if partly and value in (_bare(field), _NOBODY):
        return False
    if value is None and getattr(field, "target", "") == "role":
        # A profile holds one role: it is empty for a moment while another one takes its place.
        comes_back = any((parsed := arn.parse(side or "")) is not None and parsed.address in again for side in sides)
        return len(set(sides)) < 2 and not comes_back
    if field.form in ("references", "names"):
        known = [set(side or ()) for side in sides]
        both = set.intersection(*known) if known else set()
        loose = {item for item in both if (parsed := arn.parse(item)) is not None and parsed.address in again}
        missing = both - loose - set(value or ())
        return bool(set(value or ()) - set().union(*known)) or (bool(missing) and not partly)
    if field.form in ("tags", "documents"):
        if any(all(held != side.get(key) for side in sides) for key, held in value.items()):
            return True
        missing = {key for key in set().union(*sides) - value.keys() if all(key in side for side in sides)}
        return bool(missing) and not partly
    return True


def _bare(field: Field) -> Any:
    """What a field is where it was not given; a document has no such value."""
    return canonical_value(field, field.default) if field.form not in ("document", "metadata") else None


def lost_ours(before: str, current: str, addresses: frozenset[Address], account_id: str) -> bool:
    """Whether two trust policies (canonical JSON) differ only in principals of the account that are gone.

    `addresses` are theirs; another account's principal of the same name is somebody else.

    AWS shows a deleted user or role by its bare id from then on.
    """

    def masked(value: Any, named: bool = False) -> Any:
        if isinstance(value, dict):
            return {key: masked(held, named or key in _PRINCIPALS) for key, held in value.items()}
        if isinstance(value, list):
            return sorted({json.dumps(masked(item, named), sort_keys=True) for item in value})
        if named and isinstance(value, str):  # AWS leaves conditions as they were written
            parsed = arn.parse(value)
            gone = parsed is not None and parsed.account == account_id and parsed.address in addresses
            return "?" if gone or value.startswith(("AROA", "AIDA")) else value
        return value

    return bool(masked(json.loads(before)) == masked(json.loads(current)))
