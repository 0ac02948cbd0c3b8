"""What a kind of resource is: a spec, a few fields with a shape each, and its own few calls.

Everything about a kind derives from its descriptor: schema, loading, dumping, reading back,
comparing, the calls of each change, teardown and the references that order resources. Nothing
here knows YAML, a client or another resource.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final, Literal, Protocol

from iamsync import arn
from iamsync.model import Address, Call, Effect, Resource
from iamsync.policy.document import Document
from iamsync.policy.edits import Moves

Form = Literal[
    "text", "seconds", "document", "documents", "references", "reference", "names", "tags", "metadata", "settings"
]

NAME: Final = re.compile(r"[\w+=,.@-]+", re.ASCII)
PATH: Final = re.compile(r"/|/[\x21-\x7e]*/", re.ASCII)
POLICY_PATH: Final = re.compile(r"(/[A-Za-z0-9.,+@=_-]+)*/", re.ASCII)
DESCRIPTION: Final = re.compile(r"[\t\n\r\x20-\x7e\xa1-\xff]*")


class Phase(IntEnum):
    """When an act's turn comes, for the principals it concerns: what takes away waits for what gives."""

    CREATE = 0
    DENY_ON = 10
    GRANT = 20
    MIXED = 30
    REVOKE = 40
    DENY_OFF = 50
    DELETE = 60
    NEUTRAL = 70  # tags, descriptions: no permission moves, so nobody waits


_PHASES: Final = {
    Moves.NOTHING: Phase.NEUTRAL,
    Moves.DENIES: Phase.DENY_ON,
    Moves.GRANTS: Phase.GRANT,
    Moves.REVOKES: Phase.REVOKE,
    Moves.ALLOWS_AGAIN: Phase.DENY_OFF,
}
_MOVES: Final = {phase: moves for moves, phase in _PHASES.items()} | {Phase.MIXED: Moves.EVERYTHING}
_GIVES: Final = Moves.GRANTS | Moves.ALLOWS_AGAIN
_TAKES: Final = Moves.DENIES | Moves.REVOKES


def phase_of(moves: Moves) -> Phase:
    """The phase of a call that does this to permissions."""
    return _PHASES.get(moves, Phase.MIXED)


def effect_of(moves: Moves) -> Effect:
    """What a reviewer is told about a call that does this to permissions."""
    if moves & _GIVES:
        return "mixed" if moves & _TAKES else "grant"
    return "revoke" if moves & _TAKES else "neutral"


@dataclass(frozen=True, slots=True)
class Context:
    """Whose IAM it is: the account and partition that ARNs are built from."""

    account_id: str
    partition: str = "aws"

    def arn(self, address: Address, path: str) -> str:
        """The ARN of a resource of this account."""
        return arn.build(self.partition, self.account_id, address, path)


@dataclass(frozen=True, slots=True)
class Act:
    """One call that a change needs, before it is ordered among the others.

    `needs` are resources that must exist, `frees` those whose deletion waits for this call,
    `names` principals a trust policy names (they must exist too, but a ring of them can be broken).
    `moves` says exactly what the phase says roughly; where it is not told, the phase tells. `was` and
    `will` are the document before and after, where the call carries one.
    """

    address: Address
    phase: Phase
    effect: Effect
    field: str
    item: str
    call: Call
    needs: tuple[str, ...] = ()
    frees: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    moves: Moves = Moves.NOTHING
    was: Document | None = None
    will: Document | None = None

    def __post_init__(self) -> None:
        if not self.moves:
            object.__setattr__(self, "moves", _MOVES.get(self.phase, Moves.NOTHING))


class Field(Protocol):
    """A field's shape: how a value enters a creation, and which calls turn one value into another."""

    @property
    def name(self) -> str: ...
    @property
    def form(self) -> Form: ...
    @property
    def immutable(self) -> bool: ...
    @property
    def about(self) -> str: ...
    @property
    def default(self) -> Any: ...

    def create(self, new: Resource, cx: Context) -> Mapping[str, Any]:
        """What the creating call carries of this field."""

    def change(self, old: Resource, new: Resource, cx: Context) -> Iterator[Act]:
        """The calls that make `new` of `old`, both existing under the new name."""

    def fill(self, new: Resource, cx: Context) -> Iterator[Act]:
        """The calls that follow a creation for what it cannot carry."""

    def teardown(self, old: Resource, cx: Context) -> Iterator[Act]:
        """The calls that must precede the deletion."""


@dataclass(frozen=True, slots=True)
class Kind:
    """The descriptor of a kind: `noun` is AWS's word in operation names, `section` the manifests' word.

    `bulk`: a read of the account brings it anyway; any other kind is read where it is asked for. `setting`: the
    resources are the account's own settings, each under a fixed name, and never deleted unasked. `creates` and
    `deletes` are for calls that are not made like everybody's: `Create` and the noun with its name, `Delete` and it.
    """

    name: str
    section: str
    noun: str
    spec: type
    fields: tuple[Field, ...]
    max_name: int
    about: str
    key: Callable[[Resource, Context], Mapping[str, Any]]
    name_pattern: re.Pattern[str] = NAME
    name_hint: str = "names hold letters, digits and + = , . @ _ -"
    bulk: bool = True
    setting: bool = False
    creates: Callable[[Resource, Mapping[str, Any]], Call] | None = None
    deletes: Callable[[Resource, Context], Call] | None = None
    rename: Callable[[str, Resource, Context], Call] | None = None
    required: tuple[str, ...] = ()
    before_delete: Callable[[Resource, Context], Iterator[Act]] | None = None
    after_replace: Callable[[Resource, Resource, Context], Iterator[Act]] | None = None

    def field(self, name: str) -> Field:
        """The field of this name; KeyError where the kind has none."""
        for field in self.fields:
            if field.name == name:
                return field
        raise KeyError(name)

    @property
    def taggable(self) -> bool:
        return any(field.form == "tags" for field in self.fields)

    def creation(self, new: Resource, cx: Context) -> Act:
        """The call that creates the resource, carrying all it can."""
        carried: dict[str, Any] = {}
        for field in self.fields:
            carried |= field.create(new, cx)
        if self.creates is not None:
            call = self.creates(new, carried)
        else:
            call = Call(f"Create{self.noun}", {f"{self.noun}Name": new.address.name, **carried})
        effect: Effect = "grant" if "AssumeRolePolicyDocument" in carried else "neutral"
        needs = self._bounds(new)
        return Act(new.address, Phase.CREATE, effect, "", "", call, needs=needs, names=self.trusted(new))

    def deletion(self, old: Resource, cx: Context) -> Act:
        """The call that deletes the resource once its teardown is done; it lets go of its boundary and providers."""
        call = self.deletes(old, cx) if self.deletes is not None else Call(f"Delete{self.noun}", self.key(old, cx))
        effect: Effect = "neutral" if self.setting else "revoke"
        providers = tuple(item for item in self.trusted(old) if arn.is_provider(item))
        return Act(old.address, Phase.DELETE, effect, "", "", call, frees=(*self._bounds(old), *providers))

    def _bounds(self, resource: Resource) -> tuple[str, ...]:
        """What the resource holds from its creation to its deletion: its boundary."""
        held = (getattr(resource.spec, field.name) for field in self.fields if getattr(field, "for_life", False))
        return tuple(item for item in held if item)

    def trusted(self, resource: Resource) -> tuple[str, ...]:
        """The principals that the resource's own trust policy names."""
        from iamsync.policy.document import principals

        documents = [getattr(resource.spec, field.name) for field in self.fields if field.form == "document"]
        if self.name != "role" or not documents:
            return ()
        return tuple(sorted(principals(documents[0])))

    def arn(self, resource: Resource, cx: Context) -> str:
        """The resource's ARN."""
        return cx.arn(resource.address, getattr(resource.spec, "path", "/"))
