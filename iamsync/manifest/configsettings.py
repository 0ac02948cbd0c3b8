"""The settings of a project file that may stand at its top and under an account: scope, safety, defaults."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Final, cast, get_args

from iamsync.kinds import KINDS, SECTIONS
from iamsync.manifest import limits, values
from iamsync.manifest.configscope import EVERYTHING, SCOPE, patterns, read_scope
from iamsync.manifest.nodes import Node, Scalar, Table
from iamsync.manifest.problems import Problems, a_kind, did_you_mean, is_null, one_of
from iamsync.manifest.templates import overlaid
from iamsync.model import Origin
from iamsync.selector import Pattern, Selector
from iamsync.settings import ADDRESSED, GUARDS, Acknowledgement, Safety, Scope, Settings, Unmanaged

SETTINGS: Final = ("scope", "unmanaged", "ignore_changes", "safety", "default_tags", "defaults")
SAFETY: Final = (
    "max_deletes",
    "max_change_percent",
    "settle",
    "recently_used",
    "max_principals_losing_access",
    "protected",
    "break_glass",
)
ACKNOWLEDGE: Final = ("guard", "address", "reason", "until")
MAX_SETTLE: Final = 600
# AWS remembers when a role was used for 400 days.
MAX_RECENTLY_USED: Final = 400 * 86400
UNMANAGED: Final = get_args(Unmanaged)

_WITH_DEFAULTS: Final = tuple(section for section, kind in SECTIONS.items() if not kind.setting)


def no_settings() -> Settings:
    """What holds where no project file says anything."""
    return Settings(Scope(EVERYTHING, Selector(())))


def read_settings(
    layers: Sequence[Table], backend: str, acknowledge: tuple[Acknowledgement, ...], problems: Problems
) -> Settings:
    """The settings of the project file and of an account, the account's last.

    A limit of the account replaces the project's; exclusions, protections and ignored changes add up.
    """
    scopes = _tables(layers, "scope", SCOPE, problems)
    safeties = _tables(layers, "safety", SAFETY, problems)
    unmanaged: Unmanaged = "report"
    ignored: dict[str, None] = {}
    tags: dict[str, str] = {}
    for layer in layers:
        if (node := layer.get("unmanaged")) is not None:
            unmanaged = cast(Unmanaged, values.choice(node, "unmanaged", problems, UNMANAGED) or unmanaged)
        if (node := layer.get("ignore_changes")) is not None:
            ignored |= dict.fromkeys(_ignored(node, problems))
        if (node := layer.get("default_tags")) is not None:
            tags |= _tags(node, problems)
    return Settings(
        read_scope(scopes, problems),
        unmanaged,
        tuple(ignored),
        _safety(safeties, backend, problems),
        acknowledge,
        tuple(sorted(tags.items())),
    )


def read_acknowledge(node: Node | None, problems: Problems) -> tuple[Acknowledgement, ...]:
    """The entries of `acknowledge:`."""
    found = []
    for item in (values.listing(node, "acknowledge", problems) if node is not None else None) or ():
        table = values.table(item, "an acknowledgement", problems)
        if table is None:
            continue
        values.known_keys(table, ACKNOWLEDGE, "an acknowledgement", problems)
        guard_node, until_node = table.get("guard"), table.get("until")
        if guard_node is None:
            problems.add("missing-field", "this acknowledgement names no guard", item, "write guard: max-deletes")
            continue
        guard = values.text(guard_node, "guard", problems)
        if guard is None:
            continue
        if guard not in GUARDS:
            hint = did_you_mean(guard, GUARDS, f"guards are {', '.join(GUARDS)}")
            problems.add("unknown-value", f'there is no guard "{guard}"', guard_node, hint)
            continue
        address = _optional(table, "address", problems) or "*"
        if guard in ADDRESSED and not address.strip("*"):
            hint = "name whose: what it asks about cannot be undone"
            problems.add("missing-field", f"an acknowledgement of {guard} needs an address", item, hint)
            continue
        reason = _optional(table, "reason", problems)
        if reason is None and "reason" not in table:
            problems.add("missing-field", "this acknowledgement has no reason", item, "say why: reason: incident 42")
        if until_node is None:
            hint = "say until when it holds: until: 2027-01-31; the command line agrees for one run"
            problems.add("missing-field", "this acknowledgement has no end", item, hint)
        until = None if until_node is None else values.moment(until_node, "until", problems)
        if until is None:
            continue  # without its end, this would be consent for ever
        place = item.place
        found.append(Acknowledgement(guard, address, reason or "", until, Origin(place.file, place.line, place.column)))
    return tuple(found)


def merged_defaults(project: Node | None, account: Node | None, problems: Problems) -> Mapping[str, Table]:
    """Section -> default fields, the account's over the project's."""
    under, over = _defaults(project, problems), _defaults(account, problems)
    found = {}
    for section in SECTIONS:
        table = overlaid(under.get(section), over.get(section))
        if table is not None:
            found[section] = table
    return MappingProxyType(found)


def _defaults(node: Node | None, problems: Problems) -> dict[str, Table]:
    found: dict[str, Table] = {}
    for key, body in (values.table(node, "defaults", problems) if node is not None else None) or ():
        if key.text not in _WITH_DEFAULTS:
            hint = did_you_mean(key.text, _WITH_DEFAULTS, f"sections are {one_of(_WITH_DEFAULTS)}")
            problems.add("unknown-section", f'defaults: there is no section "{key.text}"', key, hint)
            continue
        kind = SECTIONS[key.text]
        table = values.table(body, f"defaults of {key.text}", problems)
        if table is not None:
            values.known_keys(table, [field.name for field in kind.fields], a_kind(kind.name), problems)
            found[key.text] = table
    return found


def _safety(tables: Sequence[Table], backend: str, problems: Problems) -> Safety:
    protected: tuple[Pattern, ...] = ()
    break_glass: tuple[Pattern, ...] = ()
    for table in tables:
        if (node := table.get("protected")) is not None:
            protected += patterns(node, "safety.protected", problems)
        if (node := table.get("break_glass")) is not None:
            break_glass += patterns(node, "safety.break_glass", problems)

    defaults = Safety()

    def last(name: str, read: Callable[[Node], int | None], default: int) -> int:
        value = default
        for table in tables:
            if (node := table.get(name)) is not None:
                held = read(node)
                value = value if held is None else held
        return value

    return Safety(
        max_deletes=last("max_deletes", lambda node: values.number(node, "max_deletes", problems, 0, 1_000_000), 10),
        max_change_percent=last(
            "max_change_percent", lambda node: values.number(node, "max_change_percent", problems, 0, 100), 30
        ),
        # The embedded IAM has nothing to propagate.
        settle=last(
            "settle",
            lambda node: values.seconds(node, "settle", problems, 0, MAX_SETTLE),
            0 if backend == "sandbox" else 10,
        ),
        recently_used=last(
            "recently_used",
            lambda node: values.seconds(node, "recently_used", problems, 0, MAX_RECENTLY_USED),
            defaults.recently_used,
        ),
        max_principals_losing_access=last(
            "max_principals_losing_access",
            lambda node: values.number(node, "max_principals_losing_access", problems, 0, 1_000_000),
            defaults.max_principals_losing_access,
        ),
        protected=Selector(protected),
        break_glass=Selector(break_glass),
    )


def _tables(layers: Sequence[Table], name: str, known: tuple[str, ...], problems: Problems) -> list[Table]:
    found = []
    for layer in layers:
        node = layer.get(name)
        table = None if node is None else values.table(node, name, problems)
        if table is not None:
            values.known_keys(table, known, name, problems)
            found.append(table)
    return found


def _ignored(node: Node, problems: Problems) -> list[str]:
    found = []
    for text, at in values.texts(node, "ignore_changes", problems):
        if wrong := limits.bad_ignore(text, tuple(KINDS.values())):
            hint = did_you_mean(text.partition("/")[0], wrong[1], f"fields are {one_of(wrong[1])}")
            problems.add("unknown-field", wrong[0], at, hint)
        found.append(text)
    return found


def _tags(node: Node, problems: Problems) -> dict[str, str]:
    found = {}
    folded: dict[str, Scalar] = {}
    for text, (value, key, _) in values.text_table(node, "default_tags", problems).items():
        if wrong := limits.bad_tag(text, value):
            problems.add("bad-tag", wrong, key)
        elif text.lower() in folded:
            other = folded[text.lower()].text
            problems.add("duplicate-tag", f'default_tags "{other}" and "{text}" are one key on users and roles', key)
        else:
            found[text] = value
        folded[text.lower()] = key
    return found


def _optional(table: Table, name: str, problems: Problems) -> str | None:
    node = table.get(name)
    return None if node is None or is_null(node) else values.text(node, name, problems)
