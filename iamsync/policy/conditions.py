"""Condition operators: one table of what each compares, and how a missing or a many-valued key is answered.

Source: IAM JSON policy elements: Condition operators; Condition keys with multiple values.
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
import operator
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final, Literal

from iamsync.policy.doubt import Answer, Doubt, every, some
from iamsync.policy.pattern import Pattern, arn_test, pattern, text_test
from iamsync.policy.request import ABSENT, Context

_NUMBER: Final = re.compile(r"[+-]?\d{1,100}(\.\d{1,100})?", re.ASCII)
_EPOCH: Final = re.compile(r"\d{1,12}", re.ASCII)
_NETWORK: Final = re.compile(r"[0-9A-Fa-f.:]+(/\d{1,3})?", re.ASCII)
_DATE: Final = re.compile(r"\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:\d\d)?)?", re.ASCII)
_COLONS: Final = 5

Quantifier = Literal["", "any", "all"]


@dataclass(frozen=True, slots=True)
class Operator:
    """How a value of the policy and one of the request are read and compared; None is what cannot be read.

    `fill` reads the policy's value as a pattern, for the operators whose values may hold variables.
    """

    name: str
    wanted: Callable[[str], Any]
    given: Callable[[str], Any]
    compare: Callable[[Any, Any], object]
    negated: bool = False
    fill: Callable[[Pattern], Any] | None = None


def _number(text: str) -> Decimal | None:
    return Decimal(text) if _NUMBER.fullmatch(text) else None


def _moment(text: str) -> datetime | None:
    try:
        if _EPOCH.fullmatch(text) and len(text) != 4:
            return datetime.fromtimestamp(int(text), UTC)
        if not _DATE.fullmatch(text):
            # The profile of ISO 8601 that AWS names also knows a year and a month alone.
            text = {4: f"{text}-01-01", 7: f"{text}-01"}.get(len(text), "")
        moment = datetime.fromisoformat(text)
    except (OverflowError, OSError, ValueError):
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _truth(text: str) -> str | None:
    lowered = text.lower()
    return lowered if lowered in ("true", "false") else None


def _octets(text: str) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None


def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    try:
        return ipaddress.ip_network(text, strict=False) if _NETWORK.fullmatch(text) else None
    except ValueError:
        return None


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text) if _NETWORK.fullmatch(text) else None
    except ValueError:
        return None


def _inside(address: Any, network: Any) -> bool:
    return address.version == network.version and address in network


def _arn(text: str) -> str | None:
    return text if text.count(":") >= _COLONS else None


def _arn_like(held: Pattern) -> Any:
    return arn_test(held.parts) if held.literal.count(":") >= _COLONS else None


def _passes(text: str, test: Any) -> bool:
    return test(text) is not None


def _like(held: Pattern) -> Any:
    return text_test(held.parts)


def _same(text: str) -> str:
    return text


def _operators() -> Iterator[Operator]:
    def literal(held: Pattern) -> str:
        return held.literal

    def folded(held: Pattern) -> str:
        return held.literal.lower()

    def plain(text: str) -> Pattern:
        return pattern(text, False)

    for negated, equals, like in ((False, "Equals", "Like"), (True, "NotEquals", "NotLike")):
        yield Operator(f"String{equals}", _same, _same, operator.eq, negated, literal)
        yield Operator(f"String{equals}IgnoreCase", str.lower, str.lower, operator.eq, negated, folded)
        yield Operator(f"String{like}", lambda text: _like(plain(text)), _same, _passes, negated, _like)
        for name in (f"Arn{equals}", f"Arn{like}"):
            yield Operator(name, lambda text: _arn_like(plain(text)), _arn, _passes, negated, _arn_like)
        yield Operator(f"Numeric{equals}", _number, _number, operator.eq, negated)
        yield Operator(f"Date{equals}", _moment, _moment, operator.eq, negated)
        yield Operator("NotIpAddress" if negated else "IpAddress", _network, _address, _inside, negated)
    for word, compare in (
        ("LessThan", operator.lt),
        ("LessThanEquals", operator.le),
        ("GreaterThan", operator.gt),
        ("GreaterThanEquals", operator.ge),
    ):
        yield Operator(f"Numeric{word}", _number, _number, compare)
        yield Operator(f"Date{word}", _moment, _moment, compare)
    yield Operator("Bool", _truth, _truth, operator.eq)
    yield Operator("BinaryEquals", _octets, _octets, operator.eq)
    yield Operator("Null", _truth, _same, operator.eq)


TABLE: Final = {found.name.lower(): found for found in _operators()}
_PREFIXES: Final[dict[str, Quantifier]] = {"": "", "foranyvalue:": "any", "forallvalues:": "all"}


@dataclass(frozen=True, slots=True)
class Clause:
    """One key of one operator of a Condition, ready to be asked; `operator` is None where IAM knows no such one."""

    written: str
    operator: Operator | None
    quantifier: Quantifier
    if_exists: bool
    key: str
    shown: str
    texts: tuple[str, ...]
    wanted: tuple[Any, ...]

    def answer(self, context: Context) -> Answer:
        """Whether the request meets it."""
        compare = self.operator
        if compare is None:
            return Doubt(False, (f"{self.written} is no condition operator",))
        held = context.find(self.key)
        if compare.name == "Null":
            return self._null(held)
        if held is None or held == ABSENT:
            return self._missing(known=held is not None)
        if isinstance(held, str):
            return self._one(held, context)
        if not self.quantifier:
            return Doubt(False, (f"{self.shown} holds several values, and {self.written} compares one",))
        found = (self._one(value, context) for value in held)
        return some(found) if self.quantifier == "any" else every(found)

    def _missing(self, *, known: bool) -> Answer:
        assert self.operator is not None
        assumed = self.if_exists or self.quantifier == "all" or (self.operator.negated and self.quantifier != "any")
        return assumed if known else Doubt(assumed, (_unknown(self.shown),))

    def _null(self, held: Any) -> Answer:
        if None in self.wanted:
            return Doubt(False, (f"Null {self.shown} is neither true nor false",))
        absent = held is None or held == ABSENT
        assumed = ("true" if absent else "false") in self.wanted
        if held is None and len(set(self.wanted)) == 1:
            return Doubt(assumed, (_unknown(self.shown),))
        return assumed

    def _one(self, value: str, context: Context) -> Answer:
        """Whether one value of the request meets it: one of the policy's values, or for a negation none."""
        compare = self.operator
        assert compare is not None
        given = compare.given(value)
        if given is None:
            return Doubt(False, (f"{self.shown} is {value!r}, which {self.written} cannot compare",))
        negated = compare.negated
        found: list[Answer] = []
        for text, wanted in zip(self.texts, self.wanted, strict=True):
            if wanted is None:
                found.append(Doubt(False, (f"{self.written} cannot compare with {text!r}",)))
            elif isinstance(wanted, Pattern):
                found.append(self._filled(given, wanted, context))
            elif bool(compare.compare(given, wanted)) is not negated:
                if not negated:
                    return True
            elif negated:
                return False
        if negated:
            return every(found)
        return some(found)

    def _filled(self, given: Any, wanted: Pattern, context: Context) -> Answer:
        """The answer for a value with variables: what cannot be filled in meets nothing, negated or not."""
        compare = self.operator
        assert compare is not None
        assert compare.fill is not None
        values, unknown = fill(wanted, context)
        if values is None:
            absent = not any(context.find(variable.key) is None for variable in wanted.variables)
            return False if absent and not compare.negated else Doubt(False, unknown)
        ready = compare.fill(wanted.filled(values))
        if ready is None:
            return Doubt(False, (f"{self.written} cannot compare with {wanted.text!r}",))
        met = bool(compare.compare(given, ready)) is not compare.negated
        return Doubt(met, unknown) if unknown else met

    def told(self, context: Context) -> str:
        """Why the request does not meet it, in a few words."""
        held = context.find(self.key)
        wanted = " or ".join(self.texts[:3]) + (" or ..." if len(self.texts) > 3 else "")
        if self.operator is not None and self.operator.name == "Null":
            return f"condition {self.shown} {'is there' if 'true' in self.wanted else 'is missing'}"
        if held is None or held == ABSENT:
            return f"condition {self.shown} missing ({self.written} {wanted})"
        given = held if isinstance(held, str) else ", ".join(held)
        return f"condition {self.shown} is {given}, not as {self.written} {wanted} asks"


def fill(held: Pattern, context: Context) -> tuple[dict[str, str] | None, tuple[str, ...]]:
    """The values of a pattern's variables, None where one has none; and what makes that doubtful.

    A key with several values has none here: AWS fills in single-valued keys only.
    """
    values: dict[str, str] = {}
    doubts: list[str] = []
    for variable in held.variables:
        found = context.find(variable.key)
        if isinstance(found, str):
            values[variable.text] = found
            continue
        if variable.default is not None and not found:
            values[variable.text] = variable.default
            if found is None:
                doubts.append(_unknown(variable.key))
            continue
        return None, (f"variable {variable.text} has no value in this request",)
    return values, tuple(doubts)


def _unknown(key: str) -> str:
    return f"context key {key} is not given"


@lru_cache(maxsize=65536)
def clause(written: str, key: str, texts: tuple[str, ...], variables: bool) -> Clause:
    """The clause of an operator as it is written, with its values as texts."""
    name = written.lower()
    prefix, _, bare = name.rpartition(":")
    prefix = f"{prefix}:" if prefix else ""
    if_exists = bare.endswith("ifexists")
    found = TABLE.get(bare.removesuffix("ifexists"))
    if prefix not in _PREFIXES or (if_exists and bare == "nullifexists"):
        found = None
    wanted: tuple[Any, ...] = ()
    if found is not None:
        wanted = tuple(_wanted(found, text, variables) for text in texts)
    return Clause(written, found, _PREFIXES.get(prefix, ""), if_exists, key.lower(), key, texts, wanted)


def _wanted(found: Operator, text: str, variables: bool) -> Any:
    if not variables or found.fill is None or "${" not in text:
        return found.wanted(text)
    held = pattern(text, True)
    return held if held.variables else found.fill(held)
