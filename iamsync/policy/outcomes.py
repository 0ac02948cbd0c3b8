"""What becomes of the requests that one set of rules covers: allowed before, allowed after, under which conditions.

Requests covered by the same rules fare alike, whatever their action and resource; only their
conditions tell them apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final, Literal

from iamsync.policy.atoms import Guard, Valuations, Weighing
from iamsync.policy.formula import NEVER, Formula, formula
from iamsync.policy.globs import TooComplex
from iamsync.policy.holdings import Rule, Rules, Sides
from iamsync.policy.regions import bits
from iamsync.policy.request import Values

Kind = Literal["gain", "loss", "loosened", "tightened", "changed", "undecided"]
_BEFORE, _AFTER = 1, 2
_EXAMPLES: Final = 8
_TOO_MANY: Final = "its conditions are too many, or of too many kinds, to weigh against each other"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How the requests of one covering fare: `was` and `now` in words, or for `undecided` why it is."""

    kind: Kind
    was: str
    now: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Case:
    """An outcome, with contexts that show it and the statements that bring it about.

    In `gaining` the requests are allowed after and not before, in `losing` the other way round; there
    are a few of each kind that there is.
    """

    outcome: Outcome
    gaining: tuple[dict[str, Values], ...]
    losing: tuple[dict[str, Values], ...]
    via: tuple[str, ...]


class Cases:
    """The outcome of each covering, a mask over the rules; kept, since coverings come back class after class."""

    def __init__(self, held: Rules, weighing: Weighing) -> None:
        self.rules: Sequence[Rule] = tuple(held.sides)
        self.sides: Sequence[Sides] = tuple(held.sides.values())
        self._layers = held.layers
        self._present = sorted({0, *(rule.layer for rule in self.rules)})
        self._weighing = weighing
        self._kept: dict[int, Case | None] = {}

    def of(self, covering: int) -> Case | None:
        """What changes for requests that exactly these rules cover; None where nothing does."""
        if covering not in self._kept:
            self._kept[covering] = self._case(covering)
        return self._kept[covering]

    def _case(self, covering: int) -> Case | None:
        before, after = self._formula(covering, _BEFORE), self._formula(covering, _AFTER)
        if before == after or (before.hopeless and after.hopeless):
            return None
        try:
            valuations = self._weighing.valuations(before.atoms | after.atoms)
        except TooComplex:
            return Case(
                Outcome(
                    "undecided",
                    "",
                    "",
                    "its conditions are too many, or of too many kinds, to weigh against each other",
                ),
                (),
                (),
                self._via(covering, gained=True, lost=True),
            )
        old, new = before.truth(valuations), after.truth(valuations)
        gained, lost = new & ~old, old & ~new
        if not gained and not lost:
            return None
        via = self._via(covering, gained=bool(gained), lost=bool(lost))
        if reason := hangs_on(valuations, gained, lost):
            word = "gain and loss" if gained and lost else "gain" if gained else "loss"
            return Case(Outcome("undecided", "", word, reason), (), (), via)
        was, now = before.told(valuations), after.told(valuations)
        kind: Kind = "loosened" if not lost else "tightened" if not gained else "changed"
        if was == NEVER or now == NEVER:
            kind = "gain" if was == NEVER else "loss"
        return Case(Outcome(kind, was, now), _examples(valuations, gained), _examples(valuations, lost), via)

    def _formula(self, covering: int, side: int) -> Formula:
        layers: list[list[Guard]] = [[] for _ in range(self._layers)]
        denies: list[Guard] = []
        for index in bits(covering):
            rule = self.rules[index]
            if self.sides[index].mask & side:
                (layers[rule.layer] if rule.allows else denies).append(rule.guard)
        return formula([layers[layer] for layer in self._present], denies)

    def _via(self, covering: int, *, gained: bool, lost: bool) -> tuple[str, ...]:
        """The statements on one side only that give what is gained, or no longer give what is lost."""
        found: dict[str, None] = {}
        for index in bits(covering):
            rule, sides = self.rules[index], self.sides[index]
            if sides.mask == _BEFORE | _AFTER:
                continue
            gives = rule.allows is (sides.mask == _AFTER)
            if (gained and gives) or (lost and not gives):
                for labels in sides.labels:
                    found.update(labels)
        return tuple(sorted(found))


def hangs_on(valuations: Valuations, gained: int, lost: int) -> str:
    """What the change hangs on that nobody can tell; empty where it hangs on nothing of the kind."""
    masks = (gained, lost)
    found = {atom.why: None for atom in valuations.opens if any(valuations.differs(atom, mask) for mask in masks)}
    return "; ".join(found)


def _examples(valuations: Valuations, mask: int) -> tuple[dict[str, Values], ...]:
    return tuple(valuations.context(number) for number in islice(bits(mask), _EXAMPLES))
