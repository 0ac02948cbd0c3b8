"""Answers that may be doubtful: yes, no, or a best guess with the reasons why it is one.

What AWS does not document and what the asker did not say are not hidden behind a yes or a no: a
`Doubt` keeps the answer that is most likely, and why it could be the other.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Doubt:
    """An answer that could be the other one; `holds` is what is assumed."""

    holds: bool
    reasons: tuple[str, ...]


Answer: TypeAlias = bool | Doubt


def holds(answer: Answer) -> bool:
    """The answer as it is assumed to be."""
    return answer if isinstance(answer, bool) else answer.holds


def reasons(answer: Answer) -> tuple[str, ...]:
    """Why the answer is doubtful; empty where it is not."""
    return () if isinstance(answer, bool) else answer.reasons


def every(answers: Iterable[Answer]) -> Answer:
    """Whether all of them hold: one certain no settles it."""
    held = True
    doubts: list[str] = []
    for answer in answers:
        if answer is False:
            return False
        if answer is not True:
            held = held and answer.holds
            doubts += answer.reasons
    return Doubt(held, tuple(dict.fromkeys(doubts))) if doubts else True


def some(answers: Iterable[Answer]) -> Answer:
    """Whether any of them holds: one certain yes settles it."""
    held = False
    doubts: list[str] = []
    for answer in answers:
        if answer is True:
            return True
        if answer is not False:
            held = held or answer.holds
            doubts += answer.reasons
    return Doubt(held, tuple(dict.fromkeys(doubts))) if doubts else False
