"""What the rules read: a document's statements and conditions taken apart once, and what a rule answers.

Nothing here judges. Whatever is not shaped like a policy is left out: grammar tells of that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final, Literal, NamedTuple

from iamsync.policy.catalog import Catalog
from iamsync.policy.document import OPERATORS

Use = Literal["identity", "trust", "boundary"]
Severity = Literal["info", "low", "medium", "high"]
Path = tuple[str | int, ...]

SEVERITIES: Final[tuple[Severity, ...]] = ("info", "low", "medium", "high")
ALL_USES: Final[frozenset[Use]] = frozenset({"identity", "trust", "boundary"})
# A boundary grants nothing, so what is too wide in it is no risk by itself.
GRANTS: Final[frozenset[Use]] = frozenset({"identity"})
PERMISSIONS: Final[frozenset[Use]] = frozenset({"identity", "boundary"})
TRUST: Final[frozenset[Use]] = frozenset({"trust"})

NEGATED: Final = frozenset(
    {"StringNotEquals", "StringNotEqualsIgnoreCase", "StringNotLike", "NumericNotEquals", "DateNotEquals"}
    | {"NotIpAddress", "ArnNotEquals", "ArnNotLike"}
)
_LIKE: Final = frozenset({"StringLike", "ArnLike", "ArnEquals"})
_OPERATORS: Final = {name.lower(): name for name in OPERATORS}
_QUALIFIERS: Final = {"forallvalues": "ForAllValues", "foranyvalue": "ForAnyValue"}


class Found(NamedTuple):
    """What a rule answers: where, what, how to mend it; `key`: the key at the path is meant, not its value."""

    path: Path
    message: str
    remedy: str = ""
    key: bool = False


@dataclass(frozen=True, slots=True)
class Operator:
    """A condition operator in its parts: `ForAnyValue` or nothing, the plain name, whether IfExists."""

    qualifier: str
    name: str
    if_exists: bool

    @property
    def negated(self) -> bool:
        return self.name in NEGATED

    @property
    def family(self) -> str:
        """String, Numeric, Date, Bool, Binary, Ip, Arn or Null."""
        return _FAMILIES[self.name]


_FAMILIES: Final = {
    name: next(
        (word for word in ("Numeric", "Date", "Bool", "Binary", "Arn", "Null", "String") if name.startswith(word)), "Ip"
    )
    for name in OPERATORS
}


@lru_cache(maxsize=1024)
def operator(written: str) -> Operator | None:
    """The parts of an operator, or None where there is none of that name."""
    qualifier, _, name = written.rpartition(":")
    if qualifier and qualifier.lower() not in _QUALIFIERS:
        return None
    if_exists = name.lower().endswith("ifexists")
    known = _OPERATORS.get((name[:-8] if if_exists else name).lower())
    return None if known is None else Operator(_QUALIFIERS.get(qualifier.lower(), ""), known, if_exists)


@dataclass(slots=True, eq=False)
class Clause:
    """One key of one operator: `key` as written, `name` in lower case, values as texts."""

    path: Path
    operator: Operator
    written: str
    key: str
    name: str
    values: tuple[str, ...]
    listed: bool

    def at(self, position: int) -> Path:
        """The path of one of the values."""
        return (*self.path, position) if self.listed else self.path

    @property
    def demands(self) -> bool:
        """Whether it can only hold when the request has the key."""
        held = self.operator
        if held.name == "Null":
            return self.values == ("false",)
        return not held.if_exists and not held.negated and held.qualifier != "ForAllValues"

    @property
    def narrows(self) -> bool:
        """Whether it asks the key for a value of its own: that there is one, or a mere `*`, asks for nothing."""
        if not self.demands or self.operator.name == "Null":
            return False
        return not (self.operator.name in _LIKE and any(not text.strip("*?") for text in self.values))


@dataclass(slots=True, eq=False)
class Statement:
    """A statement as the rules read it; texts that stand where one is expected, in written order."""

    path: Path
    value: dict[str, Any]
    allows: bool
    actions: tuple[str, ...]
    not_action: bool
    resources: tuple[str, ...]
    not_resource: bool
    clauses: tuple[Clause, ...]

    @property
    def action_word(self) -> str:
        return "NotAction" if self.not_action else "Action"

    @property
    def resource_word(self) -> str:
        return "NotResource" if self.not_resource else "Resource"

    def at(self, element: str, position: int) -> Path:
        """The path of a member of an element."""
        return (*self.path, element, position) if isinstance(self.value[element], list) else (*self.path, element)

    def action_at(self, position: int) -> Path:
        return self.at(self.action_word, position)

    def resource_at(self, position: int) -> Path:
        return self.at(self.resource_word, position)

    def demands(self, *names: str) -> bool:
        """Whether the statement holds only for requests with one of these keys (names in lower case)."""
        return any(clause.name in names and clause.demands for clause in self.clauses)

    def narrowed(self, *names: str) -> bool:
        """Whether one of these keys (in lower case) must have a value that the statement names."""
        return any(clause.name in names and clause.narrows for clause in self.clauses)

    def names(self, *names: str) -> bool:
        """Whether any condition is about one of these keys."""
        return any(clause.name in names for clause in self.clauses)

    def principals(self) -> Iterator[tuple[str, str, Path]]:
        """Kind, text and path of each principal; `"*"` alone has the kind AWS."""
        held = self.value.get("Principal")
        if isinstance(held, str):
            yield "AWS", held, (*self.path, "Principal")
        elif isinstance(held, dict):
            for kind, members in held.items():
                listed = isinstance(members, list)
                for position, name in enumerate(members if listed else [members]):
                    if isinstance(name, str):
                        path: Path = (*self.path, "Principal", kind)
                        yield kind, name, (*path, position) if listed else path


@dataclass(slots=True, eq=False)
class About:
    """What a rule is told beside the statement: the whole document, its use, whose account it is for.

    `ours` are the ids of all accounts of the project, this one included. `variables`: whether `${...}`
    is a variable there and not plain text.
    """

    value: dict[str, Any]
    use: Use
    account_id: str
    partition: str
    ours: frozenset[str]
    catalog: Catalog
    variables: bool = True
    statements: tuple[Statement, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule: what it is called, what `explain` says of it, and the function that finds it.

    `check` is asked once a statement; `whole` once a document.
    """

    id: str
    severity: Severity
    title: str
    text: str
    check: Callable[[Statement, About], Iterable[Found]] | None = None
    whole: Callable[[About], Iterable[Found]] | None = None
    uses: frozenset[Use] = ALL_USES
    conditions: bool = False  # only asked about statements that have conditions


def read(value: dict[str, Any]) -> tuple[Statement, ...]:
    """The statements of a parsed document."""
    held = value.get("Statement")
    if isinstance(held, list):
        return tuple(
            _statement(item, ("Statement", position)) for position, item in enumerate(held) if isinstance(item, dict)
        )
    return (_statement(held, ("Statement",)),) if isinstance(held, dict) else ()


def _statement(value: dict[str, Any], path: Path) -> Statement:
    not_action = "NotAction" in value and "Action" not in value
    not_resource = "NotResource" in value and "Resource" not in value
    return Statement(
        path,
        value,
        value.get("Effect") == "Allow",
        _texts(value.get("NotAction" if not_action else "Action")),
        not_action,
        _texts(value.get("NotResource" if not_resource else "Resource")),
        not_resource,
        tuple(_clauses(value["Condition"], (*path, "Condition"))) if "Condition" in value else (),
    )


def _texts(held: Any) -> tuple[str, ...]:
    if isinstance(held, str):
        return (held,)
    return tuple(str(item) for item in held) if isinstance(held, list) else ()


def _clauses(block: Any, path: Path) -> Iterator[Clause]:
    for written, keys in block.items() if isinstance(block, dict) else ():
        known = operator(written)
        if known is None or not isinstance(keys, dict):
            continue
        for key, held in keys.items():
            listed = isinstance(held, list)
            values = tuple(_scalar(item) for item in (held if listed else [held]))
            yield Clause((*path, written, key), known, written, key, key.lower(), values, listed)


def _scalar(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
