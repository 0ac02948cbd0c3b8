"""A markdown report in pieces: as many whole entries as a limit allows, and a first line that says so."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Limit:
    """How long a report may be: in characters, or in bytes of UTF-8."""

    most: int
    in_bytes: bool = False

    def size(self, text: str) -> int:
        """How much of the limit a text takes."""
        return len(text.encode()) if self.in_bytes else len(text)

    def holds(self, text: str) -> bool:
        """Whether the text is short enough."""
        return self.size(text) <= self.most


# The longest comment that GitHub takes (its API answers 422 to a longer one).
COMMENT: Final = Limit(65_536)
# The longest summary of one step; GitHub drops a longer one whole ("supports content up to a size of 1024k").
SUMMARY: Final = Limit(1024 * 1024, in_bytes=True)
_MOST_NAMES: Final = 5


@dataclass(frozen=True, slots=True)
class Block:
    """A piece of a report; an `entry` may be left out where it does not fit, the rest always stays."""

    text: str
    entry: bool = False


def incomplete(shown: int, total: int) -> str:
    """What the first line of a report says that holds less than there is."""
    return f"INCOMPLETE, {shown} of {total} shown"


def joined(blocks: Iterable[Block]) -> str:
    """The blocks as one text."""
    return "\n\n".join(block.text for block in blocks) + "\n"


def fitted(blocks: Sequence[Block], limit: Limit) -> str:
    """As many entries as fit under the line that says how many; the frame stays, or its first and last block do."""
    size, total = limit.size, sum(block.entry for block in blocks)
    room = limit.most - len(incomplete(total, total)) - 3
    room -= sum(size(block.text) + 2 for block in blocks if not block.entry)
    if room < 0:
        blocks = [blocks[0], *(Block(block.text, entry=True) for block in blocks[1:-1]), blocks[-1]]
        total = len(blocks) - 2
        room = limit.most - len(incomplete(total, total)) - 3 - size(blocks[0].text) - size(blocks[-1].text) - 4
    kept: list[Block] = []
    shown = 0
    for block in blocks:
        taken = size(block.text) + 2
        if not block.entry:
            kept.append(block)
        elif taken <= room:
            room -= taken
            shown += 1
            kept.append(block)
    return joined([Block(incomplete(shown, total)), *kept])


def whole_or_fitted(blocks: Sequence[Block], limit: Limit) -> str:
    """The report as it is, where it is short enough."""
    text = joined(blocks)
    return text if limit.holds(text) else fitted(blocks, limit)


def marker(command: str, accounts: Sequence[str]) -> str:
    """A comment that nobody sees, by which a bot finds the report that the next one replaces."""
    names = [re.sub(r"[^A-Za-z0-9_.-]|-(?=-)|-$", "_", name) for name in accounts]
    told = ",".join(names)
    if len(names) > _MOST_NAMES or len(told) > 200:
        told = f"{len(names)}_accounts_{hashlib.sha256(told.encode()).hexdigest()[:12]}"
    return f"<!-- iamsync:{command}:{told} -->"
