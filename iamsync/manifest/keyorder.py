"""In which order the keys of a manifest stand: what a resource is, its fields as its kind lists them, what is left out.

Sections, resources and everything whose names their writer chose keep their order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from iamsync.kinds import KINDS, SECTIONS
from iamsync.kinds.account import DEFAULTS
from iamsync.manifest.sections import REMOVAL, SUPPRESSION, TEST, TEST_ENTRY, TEST_EXCEPTION

_FIRST: Final = ("use", "with", "renamed_from", "only_accounts", "expires")
_LAST: Final = ("ignore_changes",)
_TEMPLATE: Final = ("kind", "params", "fields")
# As AWS's own documents have them.
_DOCUMENT: Final = ("Version", "Id", "Statement")
_STATEMENT: Final = (
    "Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource", "Condition",
)  # fmt: skip


def arranged(names: Sequence[str], wanted: Sequence[str]) -> list[int]:
    """The positions of these keys in the order in which they are wanted; an unknown one stays behind its neighbour."""
    places = {name: at for at, name in enumerate(wanted)}
    ranks: list[tuple[int, int]] = []
    for at, name in enumerate(names):
        known = places.get(name)
        ranks.append((known if known is not None else (ranks[-1][0] if ranks else -1), at))
    return [at for _, at in sorted(ranks)]


def in_order(value: Any, path: tuple[str, ...] = ()) -> Any:
    """A manifest's JSON value with the keys of all its tables as `manifest_order` has them."""
    if isinstance(value, Mapping):
        names = tuple(value)
        held = list(value.items())
        return {
            name: in_order(one, (*path, name))
            for name, one in (held[at] for at in arranged(names, manifest_order(path, names)))
        }
    return [in_order(item, (*path, "")) for item in value] if isinstance(value, list) else value


def manifest_order(path: tuple[str, ...], names: tuple[str, ...]) -> Sequence[str]:
    """The order of a table's keys, given where it stands; empty where its writer's order counts."""
    if len(path) >= 2 and path[0] in (*SECTIONS, "templates"):
        if "Statement" in names:
            return _DOCUMENT
        if "Effect" in names:
            return _STATEMENT
    match path:
        case ("account",):
            return _fields("account", names)
        case ("account", "password_policy"):
            return tuple(DEFAULTS)
        case ("templates", _):
            return _TEMPLATE
        case ("templates", _, "fields"):
            return _fields("", names)
        case (section, _) if section in SECTIONS:
            return _fields(section, names)
        case ("removed", ""):
            return REMOVAL
        case ("tests", _):
            return ("only_accounts", *(name for name in TEST if name != "only_accounts"))
        case ("tests", _, "except", *_):
            return TEST_EXCEPTION
        case ("tests", _, _, *_):
            return TEST_ENTRY
        case ("suppress", ""):
            return SUPPRESSION
        case _:
            return ()


def _fields(section: str, names: tuple[str, ...]) -> tuple[str, ...]:
    """The fields of the kind of a section, or of the first kind that has all these."""
    for kind in KINDS.values():
        fields = tuple(field.name for field in kind.fields)
        if kind.section == section or (not section and set(names) <= {*fields, *_FIRST, *_LAST}):
            return (*_FIRST, *fields, *_LAST)
    return ()


def config_order(path: tuple[str, ...], names: tuple[str, ...]) -> Sequence[str]:
    """Project files keep the order of their writer."""
    return ()
