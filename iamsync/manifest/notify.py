"""`notify:` of the project file: who is told of a run that is asked to; their URLs are the operator's alone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from iamsync.manifest import values
from iamsync.manifest.nodes import Node, Table
from iamsync.manifest.problems import Problems, did_you_mean
from iamsync.notification import Target

NOTIFY: Final = "notify"
WORDS: Final = ("slack", "webhook")


def read_notify(node: Node | None, problems: Problems) -> tuple[Target, ...]:
    """The places, each once, in the order they are written."""
    found: dict[Target, None] = {}
    for item in (values.listing(node, NOTIFY, problems) if node is not None else None) or ():
        target = _topic(item, problems) if isinstance(item, Table) else _word(item, problems)
        if target is not None:
            found[target] = None
    return tuple(found)


def _topic(table: Table, problems: Problems) -> Target | None:
    values.known_keys(table, ("sns",), "a place to notify", problems)
    node = table.get("sns")
    if node is None:
        problems.add("missing-field", "this place to notify has no topic", table, "write {sns: ARN}")
        return None
    held = values.text(node, "sns", problems)
    try:
        return Target.sns(held) if held is not None else None
    except ValueError as error:
        hint = "write arn:aws:sns:us-east-1:111122223333:NAME, of a topic that is not FIFO"
        problems.add("bad-reference", str(error), node, hint)
        return None


def _word(node: Node, problems: Problems) -> Target | None:
    held = values.text(node, "a place to notify", problems)
    if held is None:
        return None
    if held == "slack":
        return Target("slack")
    if held == "webhook":
        return Target("webhook")
    if "://" in held:
        # Neither the value nor its line is repeated: a webhook's URL is a secret.
        place = replace(node.place, source="")
        message = "a URL has no place in a project file, which a pull request can change"
        hint = "write slack or webhook, and set a new URL in IAMSYNC_SLACK_WEBHOOK or IAMSYNC_WEBHOOK_URL"
        problems.add("secret-in-file", message, place, hint)
        return None
    hint = did_you_mean(held, WORDS, "slack, webhook or {sns: ARN}")
    problems.add("unknown-value", f'"{held}" is no place to notify', node, hint)
    return None


def notify_schema() -> dict[str, Any]:
    """The JSON Schema of `notify:`."""
    topic = {
        "type": "object",
        "properties": {"sns": {"description": "ARN of a topic.", "type": "string", "pattern": "^arn:aws[a-z-]*:sns:"}},
        "required": ["sns"],
        "additionalProperties": False,
    }
    return {
        "description": "Who is told where --notify is given; URLs and secrets come from the environment.",
        "type": ["array", "null"],
        "items": {"oneOf": [{"enum": list(WORDS)}, topic]},
    }
