"""Who may assume a role, before and after: the role's trust policy and the asker's own side, compared exactly.

The conditions of both sides are weighed against each other (`policy/atoms.py`); what is told as gained
or lost has a request that the evaluator decides differently, and what hangs on something that nobody
can tell from the documents is undecided.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import Final

from iamsync.policy import vocabulary
from iamsync.policy.atoms import Guard, Open, Valuations, Weighing
from iamsync.policy.document import Document
from iamsync.policy.doubt import reasons
from iamsync.policy.evaluate import Layers, Source, evaluate
from iamsync.policy.formula import NEVER, Formula, formula
from iamsync.policy.gained import Access, Region, Undecided
from iamsync.policy.globs import TooComplex
from iamsync.policy.holdings import Holdings, Unknown
from iamsync.policy.match import Reach
from iamsync.policy.outcomes import Kind, hangs_on
from iamsync.policy.regions import bits
from iamsync.policy.request import Context, Principal, Request, Values
from iamsync.policy.statement import Statement, concerning

# The calls that enter a role, and those that say more of the session entered.
ENTRIES: Final = ("sts:AssumeRole", "sts:AssumeRoleWithSAML", "sts:AssumeRoleWithWebIdentity")
_MORE: Final = ("sts:TagSession", "sts:SetSourceIdentity")
_SAML, _WEB = ENTRIES[1:]
# What the policies of somebody outside the account are taken to say: theirs are never known here.
_GENEROUS: Final = Source(
    "the own policies of who asks",
    Document.of({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:*", "Resource": "*"}]}),
)
OUTSIDE: Final = Holdings(identity=(_GENEROUS,))
_TOO_MANY: Final = "its conditions are too many, or of too many kinds, to weigh against each other"
_MOST_SUBJECTS: Final = 4096
_EXAMPLES: Final = 8
_EVERYONE_DOUBT: Final = "whether a grant to everyone passes by a permissions boundary is not documented"


@dataclass(frozen=True, slots=True)
class Door:
    """One side of a role: its trust policy, and what the asker holds; without trust there is no such role."""

    trust: Source | None
    holdings: Holdings = OUTSIDE

    def layers(self, account_id: str, partition: str) -> Layers:
        """The layers of a request to assume the role."""
        return replace(self.holdings.layers(account_id, partition), resource=self.trust, is_trust=True)


@dataclass(frozen=True, slots=True)
class Admission:
    """What one asker gains and loses at a role; `subjects` are values of a key that come to be let in."""

    access: Access
    subjects: tuple[str, ...] = ()


def calls_of(subject: Principal) -> tuple[str, ...]:
    """The STS calls by which such a principal enters a role."""
    if subject.kind != "federated":
        return (ENTRIES[0], *_MORE)
    return (_SAML if ":saml-provider/" in subject.arn else _WEB, *_MORE)


def admission(
    subject: Principal, role: str, before: Door, after: Door, *, partition: str = "aws", key: str = ""
) -> Admission:
    """What `subject` gains and loses of the calls that assume the role of this ARN.

    With `key` (a condition key in lower case, as `token.actions.githubusercontent.com:sub`) also which
    of its values are let in after and were not before.
    """
    return _Comparison(subject, role, before, after, partition, key).found()


class _Comparison:
    def __init__(self, subject: Principal, role: str, before: Door, after: Door, partition: str, key: str) -> None:
        self.subject, self.role, self.key = subject, role, key
        self.account = role.split(":")[4]
        self.doors = (before, after)
        self.layers = tuple(door.layers(self.account, partition) for door in self.doors)
        self.weighing = Weighing(subject)
        self.subjects: dict[str, None] = {}

    def found(self) -> Admission:
        regions: dict[tuple[Kind, str, str, tuple[str, ...]], Region] = {}
        undecided: dict[tuple[str, str, tuple[str, ...]], list[str]] = {}
        for action in calls_of(self.subject):
            told = self._compare(action)
            if isinstance(told, Undecided):
                undecided.setdefault((told.text, told.reason, told.via), []).append(action)
            elif told is not None:
                same = (told.kind, told.was, told.now, told.via)
                held = regions.get(same)
                regions[same] = told if held is None else _joined(held, told)
        gained = tuple(one for one in regions.values() if one.kind not in ("loss", "tightened"))
        lost = tuple(one for one in regions.values() if one.kind not in ("gain", "loosened"))
        doubts = tuple(
            Undecided(f"{what} of {', '.join(actions)} on {self.role}", reason, via)
            for (what, reason, via), actions in undecided.items()
        )
        return Admission(Access(gained, lost, doubts), tuple(self.subjects))

    def _compare(self, action: str) -> Region | Undecided | None:
        sides = [_Side(self.subject, action, self.role, *pair) for pair in zip(self.doors, self.layers, strict=True)]
        before, after = (side.formula() for side in sides)
        if before == after or (before.hopeless and after.hopeless):
            return None
        via = _via(*sides)
        try:
            valuations = self.weighing.valuations(before.atoms | after.atoms)
        except TooComplex:
            return Undecided("gain or loss", _TOO_MANY, via)
        old, new = before.truth(valuations), after.truth(valuations)
        gained, lost = new & ~old, old & ~new
        if not gained and not lost:
            return None
        word = "gain and loss" if gained and lost else "gain" if gained else "loss"
        if reason := hangs_on(valuations, gained, lost):
            return Undecided(word, reason, via)
        witness = self._witness(action, valuations, gained or lost, gains=bool(gained))
        if witness is None or (gained and lost and self._witness(action, valuations, lost, gains=False) is None):
            return Undecided(word, "no request was found that shows it: conditions hang together", via)
        if gained and self.key:
            self.subjects.update(dict.fromkeys(self._let_in(valuations, old, new)))
        was, now = before.told(valuations), after.told(valuations)
        kind: Kind = "loosened" if not lost else "tightened" if not gained else "changed"
        if was == NEVER or now == NEVER:
            kind = "gain" if was == NEVER else "loss"
        return Region(kind, (action,), (self.role,), (), was, now, 1, vocabulary.levels({action.lower()}), via, witness)

    def _witness(self, action: str, valuations: Valuations, mask: int, *, gains: bool) -> Request | None:
        """A request of these combinations that the evaluator decides as this comparison does."""
        for number in islice(bits(mask), _EXAMPLES):
            request = Request(self.subject, action, self.role, context=valuations.context(number))
            was, now = (
                door.trust is not None and evaluate(request, layers, explain=False).allowed
                for door, layers in zip(self.doors, self.layers, strict=True)
            )
            if was is not gains and now is gains:
                return request
        return None

    def _let_in(self, valuations: Valuations, old: int, new: int) -> Iterator[str]:
        """The values of the key with which somebody is let in now and nobody was."""
        held: tuple[set[Values], set[Values]] = (set(), set())
        for mask, values in zip((old, new), held, strict=True):
            for number in islice(bits(mask), _MOST_SUBJECTS):
                if (value := valuations.context(number).get(self.key)) is not None:
                    values.add(value)
        yield from sorted(value for value in held[1] - held[0] if isinstance(value, str))


class _Side:
    """One side of one call: its formula, and the statements behind it."""

    def __init__(self, subject: Principal, action: str, role: str, door: Door, layers: Layers) -> None:
        self.subject, self.action, self.door, self.layers = subject, action.lower(), door, layers
        self.context = Context(Request(subject, action, role))
        self.role = role
        self.same_account = subject.account == role.split(":")[4]
        self.by_policy = subject.kind in ("user", "role", "session")
        self.labels: dict[tuple[bool, bool, Reach, Guard], set[str]] = {}

    def formula(self) -> Formula:
        """Whether the call is allowed, as layers that must allow and guards that deny."""
        trust, layers = self.door.trust, self.layers
        if trust is None:
            return formula([()], ())
        denies: list[Guard] = []
        said = list(self._said((trust,), reached=True, denies=denies))
        speaks = [guard for _, guard in said]
        if not self.by_policy:
            foreign = self.subject.kind == "federated" and self.subject.account is not None and not self.same_account
            granted = [] if foreign else [guard for reach, guard in said if reach > Reach.ACCOUNT]
            self._limited(layers.rcps, denies)
            return formula([granted], denies)
        held = self.door.holdings
        alone = [(reach, guard) for reach, guard in said if reach > Reach.ACCOUNT and self.same_account]
        own = [*self._plain(layers.identity, denies), *_unknown(held.identity, True)]
        denies += _unknown(held.identity, False)
        must = [[*own, *(guard for _, guard in alone)], speaks]
        if held.boundary is not None:
            limit = (held.boundary,)
            allowed = [*self._plain([layers.boundary] if layers.boundary else [], denies), *_unknown(limit, True)]
            denies += _unknown(limit, False)
            doubt = Open("a grant to everyone passes by a permissions boundary", _EVERYONE_DOUBT)
            allowed += [guard for reach, guard in alone if reach is Reach.DIRECT]
            allowed += [guard | {doubt} for reach, guard in alone if reach is Reach.EVERYONE]
            must.append(allowed)
        if not self.subject.service_linked:
            must += [self._plain(level, denies) for level in layers.scps]
            self._limited(layers.rcps, denies)
        return formula(must, denies)

    def _plain(self, sources: Iterable[Source], denies: list[Guard]) -> list[Guard]:
        """The guards under which policies of the asker's side allow; those that deny go to `denies`."""
        return [guard for _, guard in self._said(sources, reached=False, denies=denies)]

    def _limited(self, levels: Iterable[Iterable[Source]], denies: list[Guard]) -> None:
        """Put what resource control policies deny to `denies`; what they allow is no grant."""
        for level in levels:
            list(self._said(level, reached=True, denies=denies, bounded=False))

    def _said(
        self, sources: Iterable[Source], *, reached: bool, denies: list[Guard], bounded: bool | None = None
    ) -> Iterator[tuple[Reach, Guard]]:
        if bounded is None:
            bounded = self.door.holdings.boundary is not None
        for source in sources:
            for statement in concerning(source.document.text, self.action):
                for reach, guard in self._guards(source, statement, reached, bounded):
                    same = (reached, statement.allows, reach, guard)
                    self.labels.setdefault(same, set()).add(_label(source, statement))
                    if statement.allows:
                        yield reach, guard
                    else:
                        denies.append(guard)

    def _guards(
        self, source: Source, statement: Statement, reached: bool, bounded: bool
    ) -> Iterator[tuple[Reach, Guard]]:
        """The guards of a statement with how closely it names who asks, as the evaluator reads it."""
        reach, doubts = Reach.DIRECT, tuple[str, ...]()
        if reached:
            if statement.principals is None:
                return
            reach, doubts = statement.principals.reach(self.subject, denies=not statement.allows, bounded=bounded)
            if reach is Reach.NONE and not doubts:
                return
        covers = True if statement.resources is None else statement.resources.cover(self.role, self.context)
        if covers is False:
            return
        guard: Guard = frozenset(statement.clauses)
        # Told without the statement's number: moved, it hangs on the same.
        if covers is not True:
            guard |= {Open(f"{source.label} covers it", "; ".join(reasons(covers)))}
        if not doubts:
            yield reach, guard
            return
        named = guard | {Open(f"{source.label} names {self.subject.arn}", "; ".join(doubts))}
        if reach is Reach.ACCOUNT:
            yield reach, guard
            yield Reach.DIRECT, named
        else:
            yield reach or Reach.DIRECT, named


def _unknown(held: Iterable[object], allows: bool) -> list[Guard]:
    """What policies whose documents are not known may say."""
    word = "allows" if allows else "denies"
    return [
        frozenset((Open(f"{one.label} {word} it", f"the document of {one.label} is not known"),))
        for one in held
        if isinstance(one, Unknown)
    ]


def _label(source: Source, statement: Statement) -> str:
    return f"{source.label}, statement {statement.sid or statement.position}"


def _via(before: _Side, after: _Side) -> tuple[str, ...]:
    """The statements that one side has and the other has not; of a role that one side lacks, its own alone."""
    told: set[str] = set()
    ended = before.door.trust is None or after.door.trust is None
    for one, other in ((before, after), (after, before)):
        for same in one.labels.keys() - other.labels.keys():
            if same[0] or not ended:
                told |= one.labels[same]
    return tuple(sorted(told))


def _joined(one: Region, other: Region) -> Region:
    actions = (*one.actions, *other.actions)
    levels = vocabulary.levels({action.lower() for action in actions})
    return replace(one, actions=actions, count=len(actions), levels=levels)
