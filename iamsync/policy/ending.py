"""What the end of a permission makes of a document: a time in its grants, principals taken out of a trust."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

from iamsync.policy.document import Document, compact, moment, statements

_OPERATOR: Final = "DateLessThan"
# The key is in every request, so the two hold alike; both must hold where both stand.
_SPARE: Final = "DateLessThanIfExists"
_KEY: Final = "aws:CurrentTime"

# A trust policy cannot be empty: this one trusts nobody.
NOBODY: Final = compact(
    {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Deny", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}],
    }
)


def bounded(document: Document, until: str, partition: str) -> Document:
    """The document with every Allow statement ending at `until` (RFC 3339, UTC), or earlier where it does already."""
    value = document.value
    changed = [_end(statement, until) for statement in statements(value) if statement.get("Effect") == "Allow"]
    return Document.of(value, partition) if any(changed) else document


def ends_at(document: Document, until: str) -> bool:
    """Whether an Allow statement has exactly this end (RFC 3339, UTC), as `bounded` writes it."""
    end = datetime.fromisoformat(until)
    for statement in statements(document.value):
        block = statement.get("Condition")
        held = block.get(_OPERATOR) if isinstance(block, dict) else None
        value = held.get(_KEY) if isinstance(held, dict) else None
        if statement.get("Effect") == "Allow" and _time(value) == end:
            return True
    return False


def without_principals(document: Document, gone: Callable[[str], bool], partition: str) -> Document:
    """A trust policy without the principals that are gone; a statement that named nobody else goes with them.

    NotPrincipal is left as it is: taking a name out of it could deny everybody.
    """
    value = document.value
    if not isinstance(value, dict):
        return document
    held = value.get("Statement")
    kept, changed = [], False
    for statement in held if isinstance(held, list) else [held]:
        principal = statement.get("Principal") if isinstance(statement, dict) else None
        if not isinstance(statement, dict) or not isinstance(principal, dict):
            kept.append(statement)
            continue
        left = {kind: _without(names, gone) for kind, names in principal.items()}
        left = {kind: names for kind, names in left.items() if names != []}
        changed = changed or left != principal
        if left:
            kept.append({**statement, "Principal": left})
    if not changed:
        return document
    if not kept:
        return Document.parse(NOBODY, partition)
    return Document.of({**value, "Statement": kept if isinstance(held, list) else kept[0]}, partition)


def _without(names: Any, gone: Callable[[str], bool]) -> Any:
    """The names that stay, in the form they had; an empty list where none does and one did."""
    if isinstance(names, str):
        return [] if gone(names) else names
    if not isinstance(names, list) or not names:
        return names
    return [name for name in names if not (isinstance(name, str) and gone(name))]


def _end(statement: dict[str, Any], until: str) -> bool:
    """Put the end into one statement; whether that took a change."""
    block = statement.get("Condition")
    block = block if isinstance(block, dict) else {}
    operator = next((name for name in block if name.lower() == _OPERATOR.lower()), _OPERATOR)
    held = block.get(operator)
    keys = held if isinstance(held, dict) else {}
    key = next((name for name in keys if name.lower() == _KEY.lower()), _KEY)
    if key in keys:
        values = keys[key] if isinstance(keys[key], list) else [keys[key]]
        ends = [_time(value) for value in values]
        known = [end for end in ends if end is not None]
        if len(known) < len(ends):  # what cannot be read cannot be compared: both are to hold
            spare = next((name for name in block if name.lower() == _SPARE.lower()), _SPARE)
            if block.get(spare) == {_KEY: until}:
                return False
            statement["Condition"] = {**block, spare: {_KEY: until}}
            return True
        # Several values are alternatives, so the latest of them is the end.
        if known and max(known) <= datetime.fromisoformat(until):
            return False
    statement["Condition"] = {**block, operator: {**keys, key: until}}
    return True


def _time(value: Any) -> datetime | None:
    text = moment(str(value) if isinstance(value, int) else value)
    if not isinstance(text, str) or text.isdigit():
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)
