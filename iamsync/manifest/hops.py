"""`assume_role` of the project file: the roles on the way into an account, for reading and for writing."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from iamsync import arn
from iamsync.manifest import values
from iamsync.manifest.nodes import Listing, Node, Table
from iamsync.manifest.problems import Problems, is_null

HOP: Final = (
    *("arn", "external_id", "session_name", "duration"),
    *("session_tags", "transitive_tags", "source_identity", "mfa_serial"),
)
SESSION: Final = (900, 43200)  # AssumeRole's own bounds
CHAINED: Final = 3600  # of a role that a role assumes
MOST_TAGS: Final = 50

_ID: Final = re.compile(r"\d{12}", re.ASCII)
_NAME: Final = re.compile(r"[\w+=,.@-]{2,64}", re.ASCII)
_SERIAL: Final = re.compile(r"[\w+=/:,.@-]{9,256}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Hop:
    """One role to assume on the way into an account; `duration` is in seconds.

    `session_tags` are the session's tags, of which those in `transitive_tags` go along to the roles after it.
    """

    arn: str
    external_id: str | None = None
    session_name: str | None = None
    duration: int | None = None
    session_tags: tuple[tuple[str, str], ...] = ()
    transitive_tags: tuple[str, ...] = ()
    source_identity: str | None = None
    mfa_serial: str | None = None


def read_hops(node: Node | None, problems: Problems) -> tuple[tuple[Hop, ...], tuple[Hop, ...]]:
    """The roles for reading and for writing."""
    if isinstance(node, Table) and "arn" not in node:
        values.known_keys(node, ("read", "write"), "assume_role", problems)
        if not node.entries:
            problems.add("missing-field", "assume_role names no role", node, "write the role's ARN")
        return read_chain(node.get("read"), problems), read_chain(node.get("write"), problems)
    chain = read_chain(node, problems)
    return chain, chain


def read_chain(node: Node | None, problems: Problems) -> tuple[Hop, ...]:
    """The roles of one chain, the first that is assumed first."""
    if node is None or is_null(node):
        return ()
    items: Sequence[Node] = node.items if isinstance(node, Listing) else (node,)
    hops = []
    for at, item in enumerate(items):
        hop = _hop(item, problems)
        if hop is None:
            continue
        hops.append(hop)
        if at and isinstance(item, Table):
            if hop.duration is not None and hop.duration > CHAINED:
                where = item.get("duration") or item
                hint = "leave duration out: sessions are renewed before they end"
                problems.add("out-of-range", "a role that a role assumes has a session of an hour at most", where, hint)
            if hop.mfa_serial is not None:
                where = item.get("mfa_serial") or item
                hint = "write it at the first role of the chain"
                problems.add(
                    "bad-config", "only a user has an MFA device, and this role is assumed by one", where, hint
                )
    return tuple(hops)


def _hop(node: Node, problems: Problems) -> Hop | None:
    if isinstance(node, Listing):
        problems.add("wrong-type", "a role to assume is an ARN or a mapping, not a list", node)
        return None
    table = node if isinstance(node, Table) else None
    if table is not None:
        values.known_keys(table, HOP, "a role to assume", problems)
    at = table.get("arn") if table is not None else node
    if at is None:
        problems.add("missing-field", "this role to assume has no arn", node, "write arn: and the role's ARN")
        return None
    held = values.text(at, "arn", problems)
    if held is None:
        return None
    parsed = arn.parse(held)
    if parsed is None or parsed.kind != "role" or not _ID.fullmatch(parsed.account):
        hint = "write arn:aws:iam::111122223333:role/NAME"
        problems.add("bad-reference", f'"{held}" is no ARN of a role', at, hint)
        return None
    if table is None:
        return Hop(held)
    duration = table.get("duration")
    tags = _tags(table.get("session_tags"), problems)
    return Hop(
        held,
        _text(table, "external_id", problems),
        _matching(table, "session_name", _NAME, "name for a session", "2 to 64 of A-Z a-z 0-9 + = , . @ _ -", problems),
        None if duration is None else values.seconds(duration, "duration", problems, *SESSION),
        tags,
        _transitive(table.get("transitive_tags"), tags, problems),
        _matching(table, "source_identity", _NAME, "source identity", "2 to 64 of A-Z a-z 0-9 + = , . @ _ -", problems),
        _matching(table, "mfa_serial", _SERIAL, "MFA device", "write the device's ARN, or its serial number", problems),
    )


def _tags(node: Node | None, problems: Problems) -> tuple[tuple[str, str], ...]:
    if node is None or is_null(node):
        return ()
    found = {}
    for key, (value, at, _) in values.text_table(node, "session_tags", problems).items():
        if not 0 < len(key) <= 128 or len(value) > 256 or key.casefold().startswith("aws:"):
            hint = "keys have 1 to 128 characters and do not start with aws:, values at most 256"
            problems.add("bad-tag", f'"{key}" is no session tag', at, hint)
        found[key] = value
    if len(found) > MOST_TAGS:
        problems.add("bad-tag", f"a session has at most {MOST_TAGS} tags, not {len(found)}", node)
    return tuple(sorted(found.items()))


def _transitive(node: Node | None, tags: tuple[tuple[str, str], ...], problems: Problems) -> tuple[str, ...]:
    known = {key for key, _ in tags}
    found = []
    for text, at in values.texts(node, "transitive_tags", problems) if node is not None else ():
        if text not in known:
            problems.add("unknown-value", f'"{text}" is none of the session_tags', at, "they are tags of this session")
        found.append(text)
    return tuple(sorted(found))


def _text(table: Table, name: str, problems: Problems) -> str | None:
    node = table.get(name)
    return None if node is None or is_null(node) else values.text(node, name, problems)


def _matching(table: Table, name: str, form: re.Pattern[str], what: str, hint: str, problems: Problems) -> str | None:
    held = _text(table, name, problems)
    if held is not None and not form.fullmatch(held):
        problems.add("bad-name", f'"{held}" is no {what}', table.get(name) or table, hint)
    return held
