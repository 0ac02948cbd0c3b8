"""Whether a principal may, on one side, as a formula over conditions: its truth, and its words.

A formula is one layer after another that must allow, each under any of its guards, and guards that
deny. Everything is computed on the masks of `atoms.Valuations`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Final

from iamsync.policy.atoms import Atom, Guard, Open, Valuations
from iamsync.policy.conditions import Clause

NEVER: Final = "never"
ALWAYS: Final = "always"
_MOST_TERMS: Final = 64
_MOST_VALUES: Final = 6


@dataclass(frozen=True, slots=True)
class Formula:
    """`layers`: for each that must allow, the guards under any of which it does; `denies`: the guards that deny."""

    layers: tuple[frozenset[Guard], ...]
    denies: frozenset[Guard]

    @property
    def atoms(self) -> Guard:
        guards = [guard for layer in (*self.layers, self.denies) for guard in layer]
        return frozenset[Atom]().union(*guards)

    @property
    def hopeless(self) -> bool:
        """Whether a layer allows nothing at all, or a Deny has no condition."""
        return not all(self.layers) or frozenset() in self.denies

    def truth(self, valuations: Valuations) -> int:
        """The combinations in which the request is allowed."""
        found = valuations.everything
        for layer in self.layers:
            found &= _any(valuations, layer)
        return found & ~_any(valuations, self.denies)

    def told(self, valuations: Valuations) -> str:
        """`never`, `always`, or under which conditions."""
        truth = self.truth(valuations)
        if not truth:
            return NEVER
        if truth == valuations.everything:
            return ALWAYS
        denied = _any(valuations, self.denies)
        terms = [frozenset[Atom]().union(*guards) for guards in self._products()]
        terms = _widest(valuations, terms, truth | denied)
        denies = _widest(valuations, self.denies, _any(valuations, terms))
        always = any(valuations.mask(term) == valuations.everything for term in terms)
        allowing = [term for term in terms if valuations.mask(term) & ~denied] if not always else []
        words = " or ".join(f"if {_and(valuations, term)}" for term in allowing)
        # A Deny on "is not" asks for "is": the one is told by the other.
        needed = [opposite for opposite in map(_opposite, denies) if opposite]
        if needed:
            words = f"{words}, and only if {' and '.join(needed)}" if words else f"if {' and '.join(needed)}"
        unless = " or ".join(_and(valuations, guard) for guard in denies if not _opposite(guard))
        return f"{words}{', ' if words and unless else ''}{f'unless {unless}' if unless else ''}"

    def _products(self) -> Iterable[tuple[Guard, ...]]:
        count = 1
        for layer in self.layers:
            count *= len(layer)
        # Too many to spell out: what each layer asks for is then told by its first guards only.
        held = [sorted(layer, key=_rank) for layer in self.layers]
        return product(*(held if count <= _MOST_TERMS else [guards[:2] for guards in held]))


def formula(layers: Sequence[Iterable[Guard]], denies: Iterable[Guard]) -> Formula:
    """A formula without the guards that wider ones of the same layer make idle."""
    return Formula(tuple(_absorbed(layer) for layer in layers), _absorbed(denies))


def _absorbed(guards: Iterable[Guard]) -> frozenset[Guard]:
    held = frozenset(guards)
    if frozenset() in held:
        return frozenset((frozenset(),))
    return frozenset(guard for guard in held if not any(other < guard for other in held))


def _any(valuations: Valuations, guards: Iterable[Guard]) -> int:
    found = 0
    for guard in guards:
        found |= valuations.mask(guard)
    return found


def _widest(valuations: Valuations, guards: Iterable[Guard], within: int) -> list[Guard]:
    """The guards that hold somewhere within, each only where no other holds as well; in a fixed order."""
    ordered = sorted(set(guards), key=_rank)
    masks = [valuations.mask(guard) & within for guard in ordered]
    return [
        guard
        for at, (guard, mask) in enumerate(zip(ordered, masks, strict=True))
        if mask
        and not any(mask | other == other and (mask != other or to < at) for to, other in enumerate(masks) if to != at)
    ]


def _and(valuations: Valuations, guard: Guard) -> str:
    """The atoms of a guard, without those that follow from the others."""
    kept = sorted(guard, key=_atom_rank)
    whole = valuations.mask(guard)
    for atom in list(kept):
        rest = [other for other in kept if other is not atom]
        if rest and valuations.mask(frozenset(rest)) == whole:
            kept = rest
    return " and ".join(told(atom) for atom in kept)


def _opposite(guard: Guard) -> str:
    """The opposite of a guard of one negated clause in words; empty for any other."""
    if len(guard) != 1:
        return ""
    (atom,) = guard
    if isinstance(atom, Open) or atom.operator is None or not atom.operator.negated or atom.quantifier:
        return ""
    verb = _verb(atom.operator.name).replace("is not", "is", 1)
    return f"{atom.shown} {verb} {_values(atom, negated=False)}"


def _rank(guard: Guard) -> tuple[int, list[tuple[str, ...]]]:
    return len(guard), sorted(_atom_rank(atom) for atom in guard)


def _atom_rank(atom: Atom) -> tuple[str, ...]:
    return ("~", atom.told) if isinstance(atom, Open) else (atom.key, atom.written, *atom.texts)


_WORDS: Final = {
    "Equals": "is",
    "NotEquals": "is not",
    "Like": "is like",
    "NotLike": "is not like",
    "LessThan": "is less than",
    "LessThanEquals": "is at most",
    "GreaterThan": "is more than",
    "GreaterThanEquals": "is at least",
}
_DATES: Final = {
    "LessThan": "is before",
    "LessThanEquals": "is not after",
    "GreaterThan": "is after",
    "GreaterThanEquals": "is not before",
}
_FAMILIES: Final = ("String", "Numeric", "Date", "Arn", "Binary")


def told(atom: Atom) -> str:
    """A condition in words: `aws:MultiFactorAuthPresent is true`."""
    if isinstance(atom, Open):
        return atom.told
    if atom.operator is None:
        return f"{atom.written} {atom.shown} {_values(atom, negated=False)}"
    name = atom.operator.name
    if name == "Null":
        return f"{atom.shown} is {'absent' if set(map(str.lower, atom.texts)) == {'true'} else 'present'}"
    subject = {"": atom.shown, "any": f"some {atom.shown}", "all": f"every {atom.shown}"}[atom.quantifier]
    return f"{subject} {_verb(name)} {_values(atom, negated=atom.operator.negated)}{_suffix(atom)}"


def _verb(name: str) -> str:
    if name == "Bool":
        return "is"
    if name in ("IpAddress", "NotIpAddress"):
        return "is in" if name == "IpAddress" else "is not in"
    family = next((family for family in _FAMILIES if name.startswith(family)), "")
    rest, case = name[len(family) :], ""
    if rest.endswith("IgnoreCase"):
        rest, case = rest.removesuffix("IgnoreCase"), " (in any case)"
    words = _DATES if family == "Date" else {}
    return (words.get(rest) or _WORDS[rest]) + case


def _values(atom: Clause, *, negated: bool) -> str:
    shown = [text or "''" for text in atom.texts[:_MOST_VALUES]]
    more = len(atom.texts) - len(shown)
    return (" nor " if negated else " or ").join([*shown, *([f"{more} more"] if more else [])])


def _suffix(atom: Clause) -> str:
    assert atom.operator is not None
    missing = atom.quantifier == "all" or (atom.operator.negated and atom.quantifier != "any")
    return " (or absent)" if atom.if_exists or missing else ""
