"""Conditions weighed against each other: every way in which the clauses of some keys can come out together.

For each condition key enough values are tried to tell all its clauses apart (one for each stretch
between compared numbers, moments and networks, one for each cell that patterns cut out of all texts,
several values at once where a clause asks for them, and none). Clauses are asked through
`conditions.Clause`, so that what is said here is what the evaluator would say.
"""

from __future__ import annotations

import base64
import ipaddress
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from itertools import pairwise, product
from typing import Final, TypeAlias

from iamsync.policy.conditions import Clause
from iamsync.policy.doubt import holds
from iamsync.policy.globs import Glob, TooComplex, of_arn, of_arn_parts, of_text, of_text_parts
from iamsync.policy.pattern import Part, Pattern, Variable, pattern
from iamsync.policy.regions import cells, example
from iamsync.policy.request import ABSENT, Context, Principal, Request, Values

_MOST_VALUATIONS: Final = 4096
_MOST_TRIED: Final = 20_000
_ALL: Final = of_text("*")
_ARNS: Final = of_arn("*")
# What no policy compares with.
_OTHER: Final = "other+"
_NOBODY: Final = Principal.of("*")
# What follows from the resource and not from the principal, although the evaluator derives it for a request.
_OPEN: Final = frozenset({"aws:resourceaccount"})


@dataclass(frozen=True, slots=True)
class Open:
    """Something that nobody can tell from the documents at hand; `told` says what, `why` why not."""

    told: str
    why: str


Atom: TypeAlias = Clause | Open
Guard: TypeAlias = frozenset[Atom]
_Fill: TypeAlias = Callable[[Pattern], tuple[Part, ...] | None]


@dataclass(frozen=True, slots=True)
class _Choice:
    """One way some keys can be: the values that make it so, and which of their atoms then hold."""

    context: Mapping[str, Values]
    truth: tuple[bool, ...]


class Valuations:
    """Every combination of truths that some atoms can have together, as bits of masks.

    `masks[atom]` has a one for each combination in which the atom holds; `everything` has all ones.
    """

    __slots__ = ("_parts", "everything", "masks", "opens")

    def __init__(self, parts: Sequence[tuple[tuple[Atom, ...], Sequence[_Choice]]]) -> None:
        self._parts = parts
        total = 1
        for _, choices in parts:
            total *= len(choices)
            if total > _MOST_VALUATIONS:
                raise TooComplex
        self.everything = (1 << total) - 1
        self.masks: dict[Atom, int] = {}
        self.opens = tuple(atom for atoms, _ in parts for atom in atoms if isinstance(atom, Open))
        stride = 1
        for atoms, choices in parts:
            span = stride * len(choices)
            repeat = self.everything // ((1 << span) - 1)
            for position, atom in enumerate(atoms):
                block = 0
                for number, choice in enumerate(choices):
                    if choice.truth[position]:
                        block |= ((1 << stride) - 1) << (number * stride)
                self.masks[atom] = block * repeat
            stride = span

    def mask(self, guard: Guard) -> int:
        """The combinations in which all of a guard holds."""
        found = self.everything
        for atom in guard:
            found &= self.masks[atom]
        return found

    def differs(self, atom: Atom, mask: int) -> bool:
        """Whether some combination of a mask leaves it when this atom alone turns; for `Open` atoms only."""
        # An open atom is a part of its own with two choices: its combinations stand `stride` bits apart.
        holding = self.masks[atom]
        stride = (holding & -holding).bit_length() - 1
        return (mask & holding) >> stride != mask & ~holding

    def context(self, number: int) -> dict[str, Values]:
        """The context of one combination, by its position in the masks."""
        found: dict[str, Values] = {}
        for _, choices in self._parts:
            number, at = divmod(number, len(choices))
            found.update(choices[at].context)
        return found


class Weighing:
    """Valuations for one principal, kept: guards of a policy come back class after class."""

    def __init__(self, principal: Principal) -> None:
        self.principal = principal
        self._own = Context(Request(principal, "iam:GetUser"))
        self._kept: dict[Guard, Valuations | None] = {}

    def known(self, key: str) -> Values | None:
        """What every request of the principal holds for a key, None where requests differ."""
        return None if key in _OPEN else self._own.find(key)

    def valuations(self, atoms: Guard) -> Valuations:
        """The ways in which these atoms can come out together; TooComplex where there are too many."""
        if atoms not in self._kept:
            try:
                self._kept[atoms] = Valuations(list(self._parts(atoms)))
            except TooComplex:
                self._kept[atoms] = None
        found = self._kept[atoms]
        if found is None:
            raise TooComplex
        return found

    def _parts(self, atoms: Guard) -> Iterator[tuple[tuple[Atom, ...], Sequence[_Choice]]]:
        for atom in sorted((a for a in atoms if isinstance(a, Open)), key=lambda a: a.told):
            yield (atom,), (_Choice({}, (False,)), _Choice({}, (True,)))
        clauses = sorted(
            (a for a in atoms if isinstance(a, Clause)), key=lambda c: (c.key, c.written, c.texts, bool(_variables(c)))
        )
        for group in _connected(clauses):
            keys = {key for one in group for key in (one.key, *_variables(one))}
            # Texts that look like variables where there are none stand for the principal's values too.
            like = {key for one in group for key in _like_variables(one.texts)} - keys
            own, beside = (tuple((key, self.known(key)) for key in sorted(some)) for some in (keys, like))
            yield tuple(group), _choices(tuple(group), own, beside)

    def filled(self, held: Pattern) -> tuple[Part, ...] | None:
        """A pattern with what is known of its variables put in; None where one is known to have no value."""
        return _with_known(held, self.known)


_Own: TypeAlias = tuple[tuple[str, Values | None], ...]


@lru_cache(maxsize=8192)
def _choices(clauses: tuple[Clause, ...], own: _Own, beside: _Own) -> tuple[_Choice, ...]:
    """The distinct outcomes of clauses that share keys or variables, by what is known of each of these."""
    return _Choosing(own, beside).choices(clauses)


def _like_variables(texts: Iterable[str]) -> Iterator[str]:
    yield from (variable.key for text in texts if "${" in text for variable in pattern(text, True).variables)


class _Choosing:
    """Outcomes of clauses for whoever has these values of their keys; None where requests differ."""

    def __init__(self, own: _Own, beside: _Own) -> None:
        self._own, self._known = dict(own), dict((*own, *beside))

    def choices(self, clauses: Sequence[Clause]) -> tuple[_Choice, ...]:
        """The distinct outcomes of clauses that share keys or variables."""
        tried = {key: self._tried(key, [one for one in clauses if one.key == key]) for key in self._own}
        # A variable can take any value that a key it is compared with is tried with.
        for one in clauses:
            for name in _variables(one):
                if self._own.get(name) is None:
                    seen = tried[one.key] + [held for value in tried[one.key] for held in _captured(one, value)]
                    more = [value for value in seen if isinstance(value, str)]
                    tried[name] = list(dict.fromkeys([*tried[name], *more, "other"]))
        for one in clauses:
            if _variables(one) and self._own.get(one.key) is None:
                names = _variables(one)
                more = [text for row in product(*(tried[name] for name in names)) for text in _put(one, row)]
                tried[one.key] = list(dict.fromkeys([*tried[one.key], *more]))
        count = 1
        for values in tried.values():
            count *= len(values)
        if count > _MOST_TRIED:
            raise TooComplex
        found: dict[tuple[bool, ...], _Choice] = {}
        for combined in product(*(tried[key] for key in self._own)):
            context = dict(zip(self._own, combined, strict=True))
            truth = _truth(clauses, context)
            found.setdefault(truth, _Choice(context, truth))
        return tuple(found.values())

    def _filled(self, held: Pattern) -> tuple[Part, ...] | None:
        return _with_known(held, self._known.get)

    def _tried(self, key: str, clauses: Sequence[Clause]) -> list[Values]:
        """The values of a key that are enough to tell these clauses apart."""
        known = self._own[key]
        if known is not None:
            return [known]
        singles = list(dict.fromkeys(_singles(clauses, self._filled)))
        if not any(one.quantifier for one in clauses):
            return [*singles, ABSENT]
        plain = [one for one in clauses if not _variables(one)]
        found: dict[tuple[bool, ...], tuple[str, ...]] = {}
        queue: list[tuple[str, ...]] = [(value,) for value in singles]
        several: list[Values] = []
        while queue:
            held = queue.pop(0)
            for value in singles:
                if value in held:
                    continue
                more = (*held, value)
                truth = _truth(plain, {key: more})
                if truth not in found:
                    found[truth] = more
                    several.append(more)
                    queue.append(more)
        return [*singles, *several, ABSENT]


def _truth(clauses: Sequence[Clause], values: Mapping[str, Values]) -> tuple[bool, ...]:
    """Which clauses hold where their keys and variables have these values, whoever asks."""
    context = Context(Request(_NOBODY, "iam:GetUser", context=values))
    return tuple(holds(one.answer(context)) for one in clauses)


def _with_known(held: Pattern, known: Callable[[str], Values | None]) -> tuple[Part, ...] | None:
    parts: list[Part] = []
    for part in held.parts:
        value = known(part.key) if isinstance(part, Variable) else None
        if value == ABSENT and isinstance(part, Variable):
            value = part.default
            if value is None:
                return None
        parts.append(value if isinstance(value, str) else part)
    return tuple(parts)


def _variables(one: Clause) -> tuple[str, ...]:
    return tuple(v.key for held in one.wanted if isinstance(held, Pattern) for v in held.variables)


def _connected(clauses: Sequence[Clause]) -> list[list[Clause]]:
    """The clauses in groups that share no key and no variable."""
    groups: list[tuple[set[str], list[Clause]]] = []
    for one in clauses:
        keys = {one.key, *_variables(one)}
        members = [one]
        rest = []
        for held, others in groups:
            if held & keys:
                keys |= held
                members = others + members
            else:
                rest.append((held, others))
        groups = [*rest, (keys, members)]
    return [members for _, members in groups]


def _captured(one: Clause, value: Values) -> Iterator[str]:
    """What a lone variable in a pattern of the clause must hold for the pattern to match the value."""
    for text, held in zip(one.texts, one.wanted, strict=True):
        if isinstance(held, Pattern) and isinstance(value, str) and len(held.variables) == 1:
            before, _, after = text.partition(held.variables[0].text)
            if not set(before) & set("*?") and value.startswith(before):
                rest = value[len(before) :]
                tail = after.partition("*")[0]
                yield rest.removesuffix(after) if tail == after else rest.partition(tail)[0] if tail else rest


def _put(one: Clause, values: tuple[Values, ...]) -> Iterator[str]:
    """What the key of a clause must hold to match its patterns when their variables hold these values."""
    held = dict(zip(_variables(one), values, strict=True))
    for wanted in one.wanted:
        if isinstance(wanted, Pattern) and all(isinstance(held[v.key], str) for v in wanted.variables):
            yield "".join(
                str(held[part.key]) if isinstance(part, Variable) else part if isinstance(part, str) else "x"
                for part in wanted.parts
            )


def _singles(clauses: Sequence[Clause], filled: _Fill) -> Iterator[str]:
    """Single values that tell apart all that these clauses compare with."""
    names = {one.operator.name for one in clauses if one.operator is not None}
    families = {_FAMILY.get(name.removesuffix("IgnoreCase")[:4], "") for name in names} - {""}
    if len(families) > 1:
        raise TooComplex
    if families <= {"text"} and not any(name.startswith("Arn") for name in names):
        yield _OTHER
    if "Bool" in names:
        yield from ("true", "false")
    wanted = [held for one in clauses for held in one.wanted]
    if families == {"text"}:
        yield from _texts(clauses, filled)
    elif families == {"number"}:
        yield from _numbers({held for held in wanted if isinstance(held, Decimal)})
    elif families == {"moment"}:
        yield from _moments({held for held in wanted if isinstance(held, datetime)})
    elif families == {"network"}:
        yield from _addresses(
            held for held in wanted if isinstance(held, (ipaddress.IPv4Network, ipaddress.IPv6Network))
        )
    elif families == {"octets"}:
        yield from (
            base64.b64encode(held).decode() for held in (b"other", *(w for w in wanted if isinstance(w, bytes)))
        )


_FAMILY: Final = {
    "Stri": "text",
    "ArnE": "text",
    "ArnL": "text",
    "ArnN": "text",
    "Nume": "number",
    "Date": "moment",
    "IpAd": "network",
    "NotI": "network",
    "Bina": "octets",
}


def _texts(clauses: Sequence[Clause], filled: _Fill) -> Iterator[str]:
    globs: dict[Glob, None] = {}
    arns = strings = False
    for one in clauses:
        assert one.operator is not None
        name = one.operator.name
        arn = name.startswith("Arn")
        arns = arns or arn
        strings = strings or name.startswith("String")
        for text, held in zip(one.texts, one.wanted, strict=True):
            parts = filled(pattern(text, isinstance(held, Pattern) or "${" in text))
            if parts is None:
                continue
            if arn:
                globs.setdefault(of_arn_parts(text, parts))
            elif name != "Null" and name != "Bool":
                globs.setdefault(of_text_parts(text, parts, "Like" in name, name.endswith("IgnoreCase")))
    found = tuple(globs)
    for universe in ([_ARNS] if arns else []) + ([_ALL] if strings or not arns else []):
        for cell in cells(found, universe):
            told = example(found, universe, cell)
            if told is not None:
                yield told


def _numbers(wanted: set[Decimal]) -> Iterator[str]:
    ordered = sorted(wanted)
    for number in (*ordered, *((low + high) / 2 for low, high in pairwise(ordered))):
        yield format(number, "f")
    if ordered:
        yield from (format(ordered[0] - 1, "f"), format(ordered[-1] + 1, "f"))


def _moments(wanted: set[datetime]) -> Iterator[str]:
    ordered = sorted(wanted)
    for moment in (*ordered, *(low + (high - low) / 2 for low, high in pairwise(ordered))):
        yield moment.isoformat()
    if ordered:
        day = timedelta(days=1)
        yield from (moment.isoformat() for moment in (ordered[0] - day, ordered[-1] + day))


def _addresses(wanted: Iterable[ipaddress.IPv4Network | ipaddress.IPv6Network]) -> Iterator[str]:
    """Where networks begin and what comes after them: no stretch between such points is told apart any further."""
    yield from ("0.0.0.0", "::")  # noqa: S104 - an address to compare, nothing listens
    for network in wanted:
        last = int(network.broadcast_address)
        kind = ipaddress.IPv4Address if network.version == 4 else ipaddress.IPv6Address
        yield str(network.network_address)
        if last + 1 < 2**network.max_prefixlen:
            yield str(kind(last + 1))
