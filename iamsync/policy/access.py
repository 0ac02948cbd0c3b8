"""Who gains and loses what: the permissions of one principal under two sets of policies, compared exactly.

Actions are sorted into classes that the same rules cover, each class's resources into cells that the
same patterns match, and the conditions of each cell are weighed against each other. What is
reported has an example request that the evaluator decides differently before and after; what cannot
be told from the documents is reported as undecided, never left out. Actions on resources that the
catalogue says they are never asked about count as no permission.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, reduce
from operator import or_
from typing import Final

from iamsync.policy import actionset, vocabulary
from iamsync.policy.atoms import Open, Weighing
from iamsync.policy.evaluate import evaluate
from iamsync.policy.gained import HELD, HELD_NO_MORE, Access, Excepted, Region, Undecided, lines, scope
from iamsync.policy.globs import Glob, TooComplex, contains, of_arn
from iamsync.policy.holdings import Holdings, Rule, Unknown, rules
from iamsync.policy.outcomes import Case, Cases, Outcome
from iamsync.policy.regions import Pieces, bits, cells, inhabited, worded
from iamsync.policy.request import Principal, Request
from iamsync.policy.witnesses import Seed, request_of

__all__ = ["Access", "Excepted", "Region", "Undecided", "difference", "lines"]

# Allowed to everyone, whatever the policies say.
_FREE: Final = "sts:getcalleridentity"
_STARS: Final = ("*",)
_STAR: Final = -1
_EVERYTHING: Final = Pieces(("*",))


@dataclass(slots=True)
class _Part:
    """One outcome on one set of resources, and the actions it befalls as they are found: sets of `actionset`."""

    names: int = 0
    futures: int = 0
    indifferent: int = 0
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
        self.elements = tuple(actionset.element(rule.actions) for rule in self.rules)
        every = dict.fromkeys(self.elements)
        if any(rule.not_actions for rule in self.rules):
            every[actionset.element(_STARS)] = None  # of which NotAction leaves out some
        self.different = tuple(every)
        # What a pattern may mean one day.
        self.futures = reduce(or_, (element.coming for element in self.different), 0)
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

    def _classes(self) -> dict[int, int]:
        """The actions that a changed rule covers and some identity policy allows, by the rules that cover them."""
        changed = sum(1 << index for index in self.changed)
        granted = sum(1 << index for index, rule in enumerate(self.rules) if rule.layer == 0 and rule.allows)
        # Names that nobody knows are those that policies name, and one for each pattern.
        found = reduce(or_, (element.strange for element in self.different), 0)
        known = self._known(self.changed) & self._known(bits(granted)) & ~actionset.known(_FREE)
        found |= known & actionset.known("*") if known < 0 else known
        classes = {0: found} if found else {}
        for index in range(len(self.rules)):
            covered, bit = self._covered(index), 1 << index
            cut: dict[int, int] = {}
            for mask, members in classes.items():
                inside = members & covered
                if inside:
                    cut[mask | bit] = inside
                if inside != members:
                    cut[mask] = members & ~covered
            classes = cut
        return {mask: members for mask, members in classes.items() if mask & changed and mask & granted}

    def _known(self, indices: Iterable[int]) -> int:
        """The known actions that any of these rules covers."""
        found = 0
        for index in indices:
            known = self.elements[index].known
            found |= ~known if self.rules[index].not_actions else known
        return found

    def _covered(self, index: int) -> int:
        """What a rule covers, of actions that are known and of those that are not."""
        element = self.elements[index]
        found = element.known
        for other in self.different:
            found |= actionset.taken(element, other)
        return ~found if self.rules[index].not_actions else found

    # -- Resources ---------------------------------------------------------------------------------

    def _compare(self, mask: int, members: int, parts: _Parts) -> None:
        """The outcomes of one class of actions, told by its resources."""
        held = [(index, self.rules[index]) for index in bits(mask)]
        globs = tuple(dict.fromkeys(sorted((glob for _, rule in held for glob in rule.on), key=lambda glob: glob.text)))
        try:
            where = self._where(held, globs)
        except TooComplex:
            reason = "its resource patterns overlap in too many ways"
            named = tuple(sorted({text for index, rule in held if index in self.changed for text in _texts(rule)}))
            part = parts.setdefault((Outcome("undecided", "", "", reason), Pieces(named)), _Part())
            self._join(part, members)
            return
        found = tuple(where)
        covering = {cell: _covering(held, globs, cell) for cell in found}
        cases: dict[Outcome, dict[int, Case]] = {}
        for cell in found:
            if case := self.cases.of(covering[cell]):
                cases.setdefault(case.outcome, {})[cell] = case
        star = self.cases.of(_covering(held, (), _STAR))
        if not cases and star is None:
            return
        alone, groups = self._by_cells(members, globs, where)
        anywhere = [cell for cell in found if any(cell in group.cells for group in groups)]
        here: list[tuple[tuple[Outcome, Pieces], _Part]] = []
        for outcome, chosen in cases.items():
            covered = frozenset(cell for cell in chosen if any(cell in group.cells for group in groups))
            for pieces, inside in worded(globs, anywhere, covered, "*") if covered else ():
                part = parts.setdefault((outcome, pieces), _Part())
                here.append(((outcome, pieces), part))
                for group in groups:
                    if at := inside & group.cells:
                        self._join(part, group.members)
                        part.seeds += _seeds(group.kinds, {where[cell]: chosen[cell] for cell in sorted(at)[:2]})
                    else:
                        part.indifferent |= group.members
                part.via.update({label: None for cell in sorted(inside) for label in chosen[cell].via})
        if not alone:
            return
        told = [
            part for (outcome, pieces), part in here if star and outcome == star.outcome and pieces.within == ("*",)
        ]
        names = actionset.again(alone)
        if star is None:
            for _, part in here:
                part.indifferent |= names
            return
        # Their only resource is no ARN that a region could leave out.
        part = told[0] if told else parts.setdefault((star.outcome, _EVERYTHING), _Part())
        self._join(part, names)
        part.via.update(dict.fromkeys(star.via))
        part.seeds.append(Seed(alone[0], (), (), _STAR, star))

    def _where(self, held: Sequence[tuple[int, Rule]], globs: tuple[Glob, ...]) -> Mapping[int, _Cell]:
        """The cells of these patterns, and where the texts of each are looked for; TooComplex where they are too many.

        Of many patterns whose rules all say the same, it does not matter which of them hold a text, but whether any
        does: then the cells are the patterns themselves, each in those that hold all of it.
        """
        alike = (
            len(globs) > _MANY
            and all(rule.layer == 0 and rule.allows and not rule.everywhere and not rule.not_on for _, rule in held)
            and len({rule.guard for _, rule in held}) == 1
            and len({self.cases.sides[index].mask for index, _ in held}) == 1
        )
        if alike:
            around = [sum(1 << at for at, wide in enumerate(globs) if contains(wide, glob)) for glob in globs]
            return {0: ((), 0), **{cell: ((glob,), 1) for cell, glob in zip(around, globs, strict=True)}}
        return {cell: (globs, cell) for cell in cells(globs, self.universe)}

    def _by_cells(
        self, members: int, globs: tuple[Glob, ...], where: Mapping[int, _Cell]
    ) -> tuple[tuple[str, ...], list[_Group]]:
        """Actions that are about no resource, and the others by the cells that hold ARNs they are asked about."""
        alone, kinds = actionset.kinds(members)
        rest = members & ~actionset.again(alone)
        if not globs:
            return alone, [_Group(frozenset(where), rest, kinds)] if kinds else []
        groups: dict[frozenset[int], list[actionset.Kind]] = {}
        for kind in kinds:
            at = frozenset(cell for cell, texts in where.items() if self._possible(*texts, kind.templates))
            groups.setdefault(at, []).append(kind)
        if len(groups) == 1:
            return alone, [_Group(at, rest, kinds) for at in groups]
        sets = {at: actionset.again(name for kind in held for name in kind.actions) for at, held in groups.items()}
        return alone, [_Group(at, sets[at], held) for at, held in groups.items()]

    def _join(self, part: _Part, members: int) -> None:
        part.names |= members & ~self.futures
        part.futures |= members & self.futures

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
        element = actionset.element(tuple(map(str.lower, named)))
        if part.names & element.known:
            return True
        rest = actionset.unheard(part.names) | part.futures
        return any(map(element.covering.cover, actionset.names(rest)))

    @cached_property
    def _phrases(self) -> vocabulary.Phrases:
        return vocabulary.Phrases(self.different, self.spelling)

    def _worded(self, part: _Part) -> vocabulary.Phrase:
        futures = self._phrases.patterns_of(part.futures)
        return self._phrases.phrase(part.names, futures, part.indifferent | actionset.known(_FREE))

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
            part.names.bit_count(),
            actionset.levels(part.names),
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
_MANY: Final = 16  # patterns, whose cells may be very many

_Cell = tuple[tuple[Glob, ...], int]  # patterns, and which of them a text matches


@dataclass(frozen=True, slots=True)
class _Group:
    """Actions that can be asked about ARNs of these cells, as a set and by kinds."""

    cells: frozenset[int]
    members: int
    kinds: Sequence[actionset.Kind]


def _seeds(kinds: Sequence[actionset.Kind], found: Mapping[_Cell, Case]) -> Iterator[Seed]:
    # Where no pattern tells resources apart they come in the order of their ranks.
    for kind in kinds if any(globs for globs, _ in found) else kinds[:_MOST_TRIED]:
        for (globs, cell), case in found.items():
            yield Seed(kind.first, kind.templates, globs, cell, case)


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
