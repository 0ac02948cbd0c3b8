"""Who gains and loses what: the permissions of one principal under two sets of policies, compared exactly.

Actions are sorted into classes that the same rules cover, each class's resources into cells that the
same patterns match, and the conditions of each cell are weighed against each other. What is
reported has an example request that the evaluator decides differently before and after; what cannot
be told from the documents is reported as undecided, never left out. Actions on resources that the
catalogue says they are never asked about count as no permission.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from iamsync.policy import vocabulary
from iamsync.policy.atoms import Open, Weighing
from iamsync.policy.evaluate import evaluate
from iamsync.policy.gained import HELD, HELD_NO_MORE, Access, Excepted, Region, Undecided, lines, scope
from iamsync.policy.globs import Glob, TooComplex, of_arn
from iamsync.policy.holdings import Holdings, Rule, Unknown, rules
from iamsync.policy.outcomes import Case, Cases, Outcome
from iamsync.policy.regions import Pieces, bits, cells, inhabited, worded
from iamsync.policy.request import Principal, Request
from iamsync.policy.witnesses import Seed, request_of

__all__ = ["Access", "Excepted", "Region", "Undecided", "difference", "lines"]

# Allowed to everyone, whatever the policies say.
_FREE: Final = frozenset({"sts:getcalleridentity"})
_STAR: Final = -1
_EVERYTHING: Final = Pieces(("*",))


@dataclass(slots=True)
class _Part:
    """One outcome on one set of resources, and the actions it befalls as they are found."""

    names: set[str] = field(default_factory=set)
    futures: set[str] = field(default_factory=set)
    indifferent: set[str] = field(default_factory=set)
    via: dict[str, None] = field(default_factory=dict)
    seeds: list[Seed] = field(default_factory=list)

    def add(self, other: _Part) -> None:
        self.names |= other.names
        self.futures |= other.futures
        self.indifferent |= other.indifferent
        self.via |= other.via
        self.seeds += other.seeds


_Parts = dict[tuple[Outcome, Pieces], _Part]


def difference(
    before: Holdings, after: Holdings, *, principal: Principal, account_id: str, partition: str = "aws"
) -> Access:
    """The permissions that a user or role gains and loses from one set of policies to the other."""
    if before == after:
        return Access()
    return _Comparison(before, after, principal, account_id, partition).access()


class _Comparison:
    def __init__(
        self, before: Holdings, after: Holdings, principal: Principal, account_id: str, partition: str
    ) -> None:
        self.before, self.after = before, after
        self.principal, self.account_id, self.partition = principal, account_id, partition
        weighing = Weighing(principal)
        held = rules(before, after, weighing)
        self.cases = Cases(held, weighing)
        self.rules = self.cases.rules
        self.spelling = held.spelling
        self.universe = of_arn(f"arn:{partition}:*:*:*:*")
        patterns = {pattern for rule in self.rules for pattern in rule.actions}
        if any(rule.not_actions for rule in self.rules):
            patterns.add("*")  # of which NotAction leaves out some
        self.patterns = sorted(patterns)
        self.changed = [
            index
            for index, sides in enumerate(self.cases.sides)
            if sides.mask != 3 and not _of_unknown(self.rules[index])
        ]

    def access(self) -> Access:
        undecided = list(self._unknown())
        parts: _Parts = {}
        for mask, members in sorted(self._classes().items()):
            self._compare(mask, members, parts)
        gained: list[Region] = []
        lost: list[Region] = []
        for outcome, pieces, part, excepted in self._merged(parts):
            if outcome.kind == "undecided":
                undecided.append(self._undecided(outcome, pieces, part, excepted))
                continue
            for wanted, found in ((True, gained), (False, lost)):
                if outcome.kind in _WITHOUT[wanted]:
                    continue
                region = self._region(outcome, pieces, part, excepted, gains=wanted)
                if isinstance(region, Region):
                    found.append(region)
                else:
                    undecided.append(region)
        told = sorted(set(undecided), key=lambda one: (one.text, one.reason))
        return Access(tuple(sorted(gained, key=_order)), tuple(sorted(lost, key=_order)), tuple(told))

    def _unknown(self) -> Iterator[Undecided]:
        old, new = (dict.fromkeys(_unknowns(held)) for held in (self.before, self.after))
        for label in sorted(old.keys() ^ new.keys()):
            yield Undecided(f"all that {label} allows or denies", HELD if label in new else HELD_NO_MORE)

    # -- Actions -----------------------------------------------------------------------------------

    def _classes(self) -> dict[int, list[str]]:
        """The actions that a changed rule covers and some identity policy allows, by the rules that cover them."""
        touched = self._covered(self.changed)
        granted = [index for index, rule in enumerate(self.rules) if rule.layer == 0 and rule.allows]
        names = touched & self._covered(granted)
        names -= _FREE
        masks = dict.fromkeys(names, 0)
        for index, rule in enumerate(self.rules):
            bit = 1 << index
            known = vocabulary.known_by_any(rule.actions)
            for name in names - known if rule.not_actions else names & known:
                masks[name] |= bit
        for name in self._specimens:
            if name not in vocabulary.known(name):
                mask = self._mask(name)
                if any(mask >> index & 1 for index in self.changed) and any(mask >> index & 1 for index in granted):
                    masks[name] = mask
        classes: dict[int, list[str]] = {}
        for name, mask in masks.items():
            classes.setdefault(mask, []).append(name)
        return classes

    def _covered(self, indices: Iterable[int]) -> frozenset[str]:
        """The known actions that any of these rules covers."""
        found: frozenset[str] = frozenset()
        for index in indices:
            rule = self.rules[index]
            known = vocabulary.known_by_any(rule.actions)
            found |= vocabulary.known("*") - known if rule.not_actions else known
        return found

    @cached_property
    def _specimens(self) -> dict[str, list[str]]:
        """Actions that nobody knows: those named literally, and one for each pattern with its patterns."""
        found: dict[str, list[str]] = {}
        for pattern in self.patterns:
            found.setdefault(vocabulary.specimen(pattern), []).append(pattern)
        return found

    @cached_property
    def _futures(self) -> dict[str, list[str]]:
        """The specimens that no policy names."""
        return {name: held for name, held in self._specimens.items() if any(map(vocabulary.wild, held))}

    @cached_property
    def _services(self) -> list[frozenset[str | None]]:
        return [frozenset(map(vocabulary.service, rule.actions)) for rule in self.rules]

    def _mask(self, name: str) -> int:
        """The rules that cover an action that is not known."""
        service = vocabulary.service(name)
        mask = 0
        for index, rule in enumerate(self.rules):
            if None in self._services[index] or service in self._services[index]:
                covered = vocabulary.covers(rule.actions, rule.not_actions, name)
            else:
                covered = rule.not_actions
            mask |= covered << index
        return mask

    # -- Resources ---------------------------------------------------------------------------------

    def _compare(self, mask: int, members: list[str], parts: _Parts) -> None:
        """The outcomes of one class of actions, told by its resources."""
        held = [(index, self.rules[index]) for index in bits(mask)]
        globs = tuple(dict.fromkeys(sorted((glob for _, rule in held for glob in rule.on), key=lambda glob: glob.text)))
        try:
            found = cells(globs, self.universe)
        except TooComplex:
            reason = "its resource patterns overlap in too many ways"
            named = tuple(sorted({text for index, rule in held if index in self.changed for text in _texts(rule)}))
            part = parts.setdefault((Outcome("undecided", "", "", reason), Pieces(named)), _Part())
            self._join(part, members)
            return
        covering = {cell: _covering(held, globs, cell) for cell in found}
        cases: dict[Outcome, dict[int, Case]] = {}
        for cell in found:
            if case := self.cases.of(covering[cell]):
                cases.setdefault(case.outcome, {})[cell] = case
        star = self.cases.of(_covering(held, (), _STAR))
        if not cases and star is None:
            return
        kinds: dict[tuple[str, ...] | None, list[str]] = {}
        for name in members:
            kinds.setdefault(vocabulary.templates(name), []).append(name)
        alone = kinds.pop((), [])
        possible = {kind: frozenset(c for c in found if self._possible(globs, c, kind)) for kind in kinds}
        anywhere = [cell for cell in found if any(cell in held for held in possible.values())]
        here: list[tuple[tuple[Outcome, Pieces], _Part]] = []
        for outcome, chosen in cases.items():
            covered = frozenset(cell for cell in chosen if any(cell in held for held in possible.values()))
            for pieces, inside in worded(globs, anywhere, covered, "*") if covered else ():
                part = parts.setdefault((outcome, pieces), _Part())
                here.append(((outcome, pieces), part))
                for kind, names in kinds.items():
                    if at := inside & possible[kind]:
                        self._join(part, names)
                        part.seeds += _seeds(names, kind, globs, {cell: chosen[cell] for cell in sorted(at)[:2]})
                    else:
                        part.indifferent.update(names)
                part.via.update({label: None for cell in sorted(inside) for label in chosen[cell].via})
        if not alone:
            return
        told = [
            part for (outcome, pieces), part in here if star and outcome == star.outcome and pieces.within == ("*",)
        ]
        if star is None:
            for _, part in here:
                part.indifferent.update(alone)
            return
        # Their only resource is no ARN that a region could leave out.
        part = told[0] if told else parts.setdefault((star.outcome, _EVERYTHING), _Part())
        self._join(part, alone)
        part.via.update(dict.fromkeys(star.via))
        part.seeds.append(Seed(min(alone), (), (), _STAR, star))

    def _join(self, part: _Part, names: Collection[str]) -> None:
        future = self._futures.keys() & names
        part.names.update(names)
        part.names -= future
        for name in future:
            part.futures.update(self._futures[name])

    def _possible(self, globs: tuple[Glob, ...], cell: int, templates: tuple[str, ...] | None) -> bool:
        """Whether a cell holds an ARN that actions of these templates can be asked about."""
        return any(
            inhabited(globs, vocabulary.resources(template, self.partition), cell) for template in templates or (None,)
        )

    # -- Words -------------------------------------------------------------------------------------

    def _merged(self, parts: _Parts) -> Iterator[tuple[Outcome, Pieces, _Part, tuple[Excepted, ...]]]:
        """The parts, with those that leave out some resources told as exceptions of those that leave out none."""
        whole: dict[tuple[Outcome, tuple[str, ...]], list[tuple[Pieces, _Part]]] = {}
        for (outcome, pieces), part in parts.items():
            whole.setdefault((outcome, pieces.within), []).append((pieces, part))
        for (outcome, within), held in whole.items():
            main = next((part for pieces, part in held if not pieces.without), None)
            others = [(pieces, part) for pieces, part in held if pieces.without]
            if main is None or not others:
                for pieces, part in held:
                    yield outcome, pieces, part, ()
                continue
            excepted = []
            for pieces, part in others:
                joined = _Part()
                joined.add(main)
                joined.add(part)
                named = tuple(map(vocabulary.uncounted, self._worded(part).patterns))
                if not self._touches(named, main) and len(self._phrase(joined)) < len(self._phrase(main)) + len(
                    self._phrase(part)
                ):
                    main.add(part)
                    excepted.append(Excepted(named, pieces.without))
                else:
                    yield outcome, pieces, part, ()
            yield outcome, Pieces(within), main, tuple(excepted)

    def _touches(self, named: tuple[str, ...], part: _Part) -> bool:
        """Whether these patterns cover any action of a part."""
        patterns = tuple(map(str.lower, named))
        if part.names & vocabulary.known_by_any(patterns):
            return True
        rest = [name for name in part.names if not vocabulary.is_known(name)]
        rest += map(vocabulary.specimen, part.futures)
        return any(vocabulary.covers(patterns, False, name) for name in rest)

    def _worded(self, part: _Part) -> vocabulary.Phrase:
        return vocabulary.phrase(part.names, part.futures, part.indifferent | _FREE, self.patterns, self.spelling)

    def _phrase(self, part: _Part) -> tuple[str, ...]:
        found = self._worded(part)
        return (*found.patterns, *found.without)

    def _told(
        self, pieces: Pieces, part: _Part, excepted: tuple[Excepted, ...]
    ) -> tuple[tuple[str, ...], tuple[Excepted, ...]]:
        """The actions of a part, and all that it leaves out."""
        words = self._worded(part)
        left = list(excepted)
        if words.without:
            left.insert(0, Excepted(words.without, ()))
        if pieces.without:
            left.append(Excepted((), pieces.without))
        return words.patterns, tuple(left)

    def _region(
        self, outcome: Outcome, pieces: Pieces, part: _Part, excepted: tuple[Excepted, ...], *, gains: bool
    ) -> Region | Undecided:
        witness = self._witness(part, gains=gains)
        if witness is None:
            reason = "no request was found that shows it: variables or conditions hang together"
            return self._undecided(
                Outcome("undecided", "", "gain" if gains else "loss", reason), pieces, part, excepted
            )
        actions, left = self._told(pieces, part, excepted)
        return Region(
            outcome.kind,
            actions,
            pieces.within,
            left,
            outcome.was,
            outcome.now,
            len(part.names),
            vocabulary.levels(part.names),
            tuple(sorted(part.via)),
            witness,
        )

    def _undecided(self, outcome: Outcome, pieces: Pieces, part: _Part, excepted: tuple[Excepted, ...]) -> Undecided:
        actions, left = self._told(pieces, part, excepted)
        what = f"{outcome.now} of " if outcome.now else ""
        return Undecided(f"{what}{scope(actions, pieces.within, left)}", outcome.reason, tuple(sorted(part.via)))

    def _witness(self, part: _Part, *, gains: bool) -> Request | None:
        """The first of a part's examples that the evaluator decides as this comparison does."""
        old = self.before.layers(self.account_id, self.partition)
        new = self.after.layers(self.account_id, self.partition)
        for seed in sorted(part.seeds, key=lambda seed: seed.rank)[:_MOST_TRIED]:
            for request in request_of(seed, self.principal, self.account_id, self.partition, gains=gains):
                was, now = (evaluate(request, layers, explain=False).allowed for layers in (old, new))
                if was is not gains and now is gains:
                    return request
        return None


_MOST_TRIED: Final = 12


def _seeds(
    names: Iterable[str], kind: tuple[str, ...] | None, globs: tuple[Glob, ...], found: Mapping[int, Case]
) -> Iterator[Seed]:
    name = min(names)
    for cell, case in found.items():
        yield Seed(name, kind, globs, cell, case)


_WITHOUT: Final = {True: ("loss", "tightened"), False: ("gain", "loosened")}


def _unknowns(held: Holdings) -> Iterator[str]:
    for one in (*held.identity, held.boundary, *(one for level in held.scps for one in level)):
        if isinstance(one, Unknown):
            yield one.label


def _of_unknown(rule: Rule) -> bool:
    """Whether a rule stands for a document that is not known."""
    return rule.everywhere and any(isinstance(atom, Open) for atom in rule.guard)


def _covering(held: list[tuple[int, Rule]], globs: tuple[Glob, ...], cell: int) -> int:
    """The rules whose resources hold a cell; the cell _STAR is the resource `*` of actions that have no other."""
    inside = frozenset(globs[index] for index in bits(cell)) if cell != _STAR else frozenset()
    found = 0
    for index, rule in held:
        if rule.everywhere or (not inside.isdisjoint(rule.on)) is not rule.not_on:
            found |= 1 << index
    return found


def _texts(rule: Rule) -> tuple[str, ...]:
    return ("*",) if rule.everywhere or rule.not_on else tuple(glob.text for glob in rule.on)


def _order(region: Region) -> tuple[str, tuple[str, ...], tuple[str, ...]]:
    return region.kind, region.resources, region.actions
