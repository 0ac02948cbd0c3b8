"""The guardrails file: an operator's settings that the repository's own can only tighten."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final, cast

from iamsync.errors import InputError, Place
from iamsync.guardrails import Guardrails
from iamsync.manifest import values
from iamsync.manifest.configsettings import SAFETY, UNMANAGED, read_settings
from iamsync.manifest.nodes import Node, Table
from iamsync.manifest.problems import Problems, did_you_mean
from iamsync.manifest.sections import Part, read_part
from iamsync.settings import GUARDS, Unmanaged

TOP: Final = (
    *("version", "accounts", "scope", "unmanaged", "safety"),
    *("refuse_acknowledgements", "deliver_to", "send_to", "tests"),
)
_ID: Final = re.compile(r"\d{12}", re.ASCII)


def read_guardrails(documents: Sequence[Node], file: str) -> Guardrails:
    """The guardrails of a parsed file; InputError(s) with everything that is wrong in it."""
    if len(documents) != 1 or not isinstance(documents[0], Table):
        hint = "write version: 1 and what is to be held, for example safety: {max_deletes: 5}"
        raise InputError("the guardrails file is not one mapping", code="bad-config", place=Place(file), hint=hint)
    table, problems = documents[0], Problems()
    values.known_keys(table, TOP, "the guardrails file", problems)
    version = table.get("version")
    if version is not None and values.text(version, "version", problems) not in ("1", None):
        problems.add("bad-config", "this iamsync reads version 1 of guardrails", version)
    settings = read_settings((table,), "aws", (), problems)
    safety = table.get("safety")
    unmanaged = table.get("unmanaged")
    held = None if unmanaged is None else values.choice(unmanaged, "unmanaged", problems, UNMANAGED)
    tests = _tests(table, problems)
    refused = _refused(table.get("refuse_acknowledgements"), problems)
    accounts = _accounts(table.get("accounts"), problems)
    targets, places = _globs(table, "deliver_to", problems), _globs(table, "send_to", problems)
    problems.raise_if_any()
    return Guardrails(
        file,
        settings.scope,
        settings.safety,
        frozenset(name for name in SAFETY if isinstance(safety, Table) and name in safety),
        accounts,
        cast(Unmanaged, held) if held else None,
        refused,
        targets,
        places,
        tests,
    )


def _globs(table: Table, name: str, problems: Problems) -> tuple[str, ...] | None:
    node = table.get(name)
    return None if node is None else tuple(text for text, _ in values.texts(node, name, problems))


def _accounts(node: Node | None, problems: Problems) -> tuple[str, ...]:
    found = []
    for text, at in values.texts(node, "accounts", problems) if node is not None else ():
        if _ID.fullmatch(text):
            found.append(text)
        else:
            hint = "write it as 12 digits, zeros at the front included"
            problems.add("bad-account-id", f'an account id has 12 digits, "{text}" has not', at, hint)
    if node is not None and not found and not len(problems):
        problems.add("bad-account-id", "accounts names none", node, "leave it out to allow any")
    return tuple(found)


def _refused(node: Node | None, problems: Problems) -> frozenset[str]:
    found: set[str] = set()
    for text, at in values.texts(node, "refuse_acknowledgements", problems) if node is not None else ():
        if text == "*":
            found.update(GUARDS)
        elif text in GUARDS:
            found.add(text)
        else:
            hint = did_you_mean(text, GUARDS, f'guards are {", ".join(GUARDS)}; "*" means all')
            problems.add("unknown-value", f'there is no guard "{text}"', at, hint)
    return frozenset(found)


def _tests(table: Table, problems: Problems) -> tuple[Part, ...]:
    entries: tuple[Any, ...] = tuple((key, node) for key, node in table if key.text == "tests")
    if not entries:
        return ()
    return (read_part(Table(entries, table.source, table.start, table.end), problems),)
