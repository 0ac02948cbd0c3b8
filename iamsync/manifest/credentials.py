"""`access_keys` and `console_access` of a user: what is wanted of its credentials, with every mistake at its place."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from iamsync.delivery import Target, parse
from iamsync.kinds.keyrules import BESIDE, CONSOLE, KEYS, SPANS, ConsoleAccess, KeyRule, Wishes
from iamsync.manifest import values
from iamsync.manifest.declare import Item
from iamsync.manifest.expand import expand
from iamsync.manifest.nodes import Node, Scalar, Table
from iamsync.manifest.problems import WRONG, Problems, a, is_null
from iamsync.model import Resource

RESET: Final = "password_reset_required"
TO: Final = "deliver_to"
_RULE: Final = (*SPANS, TO)
_EXAMPLE: Final = 'for example {rotate_after: 90d, deliver_to: "secretsmanager:iam/$(name)"}'


def wishes(item: Item, problems: Problems) -> Wishes | None:
    """What a declaration says of credentials; None where it says nothing, or what is wrong has been collected."""
    made: dict[str, Any] = {}
    for name in BESIDE.get(item.kind.name, ()):
        for layer in item.layers:
            node = layer.fields.get(name)
            if node is None:
                continue
            problems.via = layer.via
            try:
                held = expand(node, layer.scope)
                if not is_null(held):
                    if name == KEYS:
                        made |= {"keys": _rule(held, problems), "keys_at": node.place}
                    else:
                        made |= {"console": _console(held, problems), "console_at": node.place}
            except WRONG as wrong:
                problems.take(wrong)
            finally:
                problems.via = ""
            break
    found = Wishes(**made)
    return found if found else None


def twice(resources: Iterable[Resource], problems: Problems, places: Any) -> None:
    """Complain about a target that two secrets are delivered to: one would push the other out."""
    seen: dict[Target, str] = {}
    for resource in resources:
        wanted = resource.credentials
        if wanted is None:
            continue
        keys = wanted.keys.deliver_to if wanted.keys is not None else None
        console = wanted.console.deliver_to if wanted.console is not None else None
        for target, what in ((keys, f"{KEYS} of {resource.address}"), (console, f"{CONSOLE} of {resource.address}")):
            if target is None:
                continue
            if target in seen:
                message = f'"{target}" is where {seen[target]} is delivered already'
                hint = 'give each a place of its own, for example with "$(name)" in it'
                problems.add("delivered-twice", message, places(resource.address), hint)
            seen.setdefault(target, what)


def _rule(node: Node, problems: Problems) -> KeyRule | None:
    if not isinstance(node, Table):
        problems.add("wrong-type", f"{KEYS} is a mapping, not {a(node)}", node, _EXAMPLE)
        return None
    before = len(problems)
    values.known_keys(node, _RULE, KEYS, problems)
    held = node.index()
    spans: dict[str, int] = {}
    for name, (low, high, _) in SPANS.items():
        at = held.get(name)
        if at is not None and not is_null(at):
            value = values.seconds(at, name, problems, low, high)
            if value is not None:
                spans[name] = value
        elif name == "rotate_after":
            problems.add("missing-field", f"{KEYS} has no rotate_after", node, _EXAMPLE)
    target = _target(held.get(TO), node, KEYS, problems)
    if len(problems) != before or target is None:
        return None
    rule = KeyRule(deliver_to=target, **spans)
    if rule.overlap + rule.delete_after >= rule.rotate_after:
        message = "the old key would still be there when the next one is due: a user has two at most"
        hint = "let overlap and delete_after together be shorter than rotate_after"
        problems.add("out-of-range", message, held["rotate_after"], hint)
        return None
    if rule.deadline is not None and rule.deadline < rule.overlap:
        message = "deadline comes before overlap: the old key would be forced off while it is promised to work"
        problems.add("out-of-range", message, held["deadline"], "let deadline be longer than overlap")
        return None
    return rule


def _console(node: Node, problems: Problems) -> ConsoleAccess | None:
    if isinstance(node, Scalar) and node.value is False:
        return ConsoleAccess(None)
    hint = 'write false, or {deliver_to: "secretsmanager:iam/$(name)/console"}'
    if not isinstance(node, Table):
        problems.add("wrong-type", f"{CONSOLE} is false or a mapping, not {a(node)}", node, hint)
        return None
    values.known_keys(node, (TO, RESET), CONSOLE, problems)
    held = node.index()
    target = _target(held.get(TO), node, CONSOLE, problems)
    at = held.get(RESET)
    reset = True
    if at is not None and not is_null(at):
        if not isinstance(at, Scalar) or not isinstance(at.value, bool):
            problems.add("wrong-type", f"{RESET} is true or false, not {a(at)}", at)
            return None
        reset = at.value
    return None if target is None else ConsoleAccess(target, reset)


def _target(node: Node | None, table: Table, what: str, problems: Problems) -> Target | None:
    if node is None or is_null(node):
        hint = f"{TO}: secretsmanager:NAME, ssm:NAME or age:RECIPIENT:FILE"
        problems.add("missing-field", f"{what} does not say where the secret is delivered to", table, hint)
        return None
    text = values.text(node, TO, problems)
    if text is None:
        return None
    try:
        return parse(text)
    except ValueError as wrong:
        problems.add("bad-target", f'"{text}" is no place to deliver to', node, str(wrong))
        return None
