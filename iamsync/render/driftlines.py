"""What stands under an entry of drift, in lines that every format shows: documents, gains and losses, whose doing.

Lines are safe to show.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from iamsync import arn
from iamsync.render.inert import safe
from iamsync.render.words import some

Json = Mapping[str, Any]


def attribution_text(told: Json) -> str:
    """Who did it, when, from where and how; or that it is not known, and why."""
    if told["who"] is None:
        return f"by unknown: {safe(told['unknown'] or 'no reason given')}"
    parts = [f"by {safe(told['who'])}", f"at {safe(told['when'])}"]
    parts += [f"from {safe(told['source_ip'])}"] if told["source_ip"] else []
    parts += [f"with {safe(told['how'])}"] if told["how"] else []
    return f"{' '.join(parts)} ({safe(told['event'])}, event {safe(told['event_id'])})"


def entry_lines(entry: Json) -> Iterator[str]:
    """What stands under an entry: its document apart, who gains and loses what, who did it."""
    yield from (safe(line) for line in entry["details"])
    for one in entry["access"]:
        names = [safe(name) for name in one["principals"]]
        more = "" if names == [entry["address"]] else f"for {some(names, 6)}: "
        yield from (f"{more}{safe(line)}" for line in one["text"])
    if entry["attribution"] is not None:
        yield attribution_text(entry["attribution"])


def aws_lines(policy: Json) -> Iterator[str]:
    """What stands under a policy that AWS changed: whom that gives and takes what."""
    for one in policy["affects"]:
        names = some([safe(name) for name in one["principals"]], 6)
        yield from (f"for {names}: {safe(line)}" for line in one["text"])


def aws_title(policy: Json) -> str:
    """Which policy AWS changed, and from which version to which."""
    name = arn.short(policy["policy"], "")
    return safe(f"{name}: changed by AWS since it was reviewed: {policy['reviewed']} then, {policy['current']} now")
