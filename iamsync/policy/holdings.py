"""All policies that one principal holds at one time, and the rules that they come to.

A rule is one statement without its name: the same statement written twice, in two policies or with
its members in another order is one rule, which is how what does not change drops out of a comparison.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final, TypeAlias

from iamsync.policy.atoms import Guard, Open, Weighing
from iamsync.policy.conditions import Clause, clause
from iamsync.policy.document import Document, either, statements, texts
from iamsync.policy.evaluate import Layers, Source
from iamsync.policy.globs import Glob, of_arn_parts
from iamsync.policy.match import resources as covering
from iamsync.policy.pattern import pattern

_IDENTITY, _BOUNDARY, _SCP = 0, 1, 2
_EVERYTHING: Final = ("*",)


@dataclass(frozen=True, slots=True)
class Unknown:
    """A policy whose document is not known: whatever it could touch is undecided."""

    label: str


Held: TypeAlias = Source | Unknown


@dataclass(frozen=True, slots=True)
class Holdings:
    """What a principal holds: its own policies and its groups', its boundary, and what its organization limits it to.

    SCPs and RCPs are levels from the root down, as in `evaluate.Layers`.
    """

    identity: tuple[Held, ...] = ()
    boundary: Held | None = None
    scps: tuple[tuple[Held, ...], ...] = ()
    rcps: tuple[tuple[Source, ...], ...] = ()

    def layers(self, account_id: str, partition: str = "aws") -> Layers:
        """The layers for a request about a resource of the own account whose own policy leaves all to IAM.

        Unknown documents are left out.
        """
        return Layers(
            identity=tuple(held for held in self.identity if isinstance(held, Source)),
            boundary=self.boundary if isinstance(self.boundary, Source) else None,
            scps=tuple(tuple(held for held in level if isinstance(held, Source)) for level in self.scps),
            rcps=self.rcps,
            resource=_delegating(account_id, partition),
        )


@lru_cache(maxsize=64)
def _delegating(account_id: str, partition: str) -> Source:
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:{partition}:iam::{account_id}:root"},
        "Action": "*",
        "Resource": "*",
    }
    return Source("the resource", Document.of({"Version": "2012-10-17", "Statement": [statement]}, partition))


@dataclass(frozen=True, slots=True)
class Rule:
    """A statement, comparable: actions in lower case; `on` None where every resource is meant."""

    layer: int
    allows: bool
    actions: tuple[str, ...]
    not_actions: bool
    everywhere: bool
    on: tuple[Glob, ...]
    not_on: bool
    guard: Guard


@dataclass(slots=True)
class Sides:
    """Where a rule is in force: a mask (1 before, 2 after), and the statements that say so on each side."""

    mask: int = 0
    labels: tuple[dict[str, None], dict[str, None]] = field(default_factory=lambda: ({}, {}))


@dataclass(frozen=True, slots=True)
class Rules:
    """Every rule of two holdings with its sides, the layers there are, and actions as they were written."""

    sides: dict[Rule, Sides]
    layers: int
    spelling: dict[str, str]


def rules(before: Holdings, after: Holdings, weighing: Weighing) -> Rules:
    """The rules of both sides; a limit that stands on one side only is no limit on the other."""
    limited = not weighing.principal.service_linked
    levels = max(len(before.scps), len(after.scps)) if limited else 0
    sides: dict[Rule, Sides] = {}
    spelling: dict[str, str] = {}
    for side, held in enumerate((before, after)):
        other = (after, before)[side]
        found: list[tuple[int, Sequence[Held] | None, str]] = [(_IDENTITY, held.identity, "")]
        if held.boundary is not None or other.boundary is not None:
            absent = f"permissions boundary {_label(other.boundary)}" if other.boundary is not None else ""
            found.append((_BOUNDARY, None if held.boundary is None else (held.boundary,), absent))
        for level in range(levels):
            present = held.scps[level] if level < len(held.scps) else None
            found.append((_SCP + level, present, f"service control policies, level {level + 1}"))
        for layer, sources, absent in found:
            for rule, label in _free(layer, absent) if sources is None else _layer(layer, sources, weighing, spelling):
                entry = sides.setdefault(rule, Sides())
                entry.mask |= 1 << side
                entry.labels[side][label] = None
        # They deny only, and to everyone; what they allow is no grant.
        for level_of_rcps in held.rcps if limited else ():
            for rule, label in _layer(_IDENTITY, level_of_rcps, weighing, spelling):
                if not rule.allows:
                    entry = sides.setdefault(rule, Sides())
                    entry.mask |= 1 << side
                    entry.labels[side][label] = None
    return Rules(sides, _SCP + levels, spelling)


def _label(held: Held) -> str:
    return held.label


def _free(layer: int, label: str) -> Iterator[tuple[Rule, str]]:
    yield Rule(layer, True, _EVERYTHING, False, True, (), False, frozenset()), label


def _layer(
    layer: int, sources: Sequence[Held], weighing: Weighing, spelling: dict[str, str]
) -> Iterator[tuple[Rule, str]]:
    for held in sources:
        if isinstance(held, Unknown):
            for allows, word in ((True, "allows"), (False, "denies")):
                guard: Guard = frozenset(
                    (Open(f"{held.label} {word} it", f"the document of {held.label} is not known"),)
                )
                yield Rule(layer, allows, _EVERYTHING, False, True, (), False, guard), held.label
            continue
        for written in _written(held.document.text):
            spelling.update(written.spelling)
            label = f"{held.label}, {written.name}"
            if layer == _BOUNDARY:
                label = f"permissions boundary {label}"
            for rule in _rules(layer, written, weighing):
                yield rule, label


@dataclass(frozen=True, slots=True)
class _Written:
    """A statement taken apart, whoever holds it."""

    name: str
    allows: bool
    actions: tuple[str, ...]
    not_actions: bool
    resources: tuple[str, ...]
    not_resources: bool
    variables: bool
    clauses: frozenset[Clause]
    spelling: tuple[tuple[str, str], ...]


@lru_cache(maxsize=16384)
def _written(text: str) -> tuple[_Written, ...]:
    value = json.loads(text)
    variables = isinstance(value, dict) and value.get("Version") == "2012-10-17"
    out = []
    for position, held in enumerate(statements(value), start=1):
        actions, resources = either(held, "Action"), either(held, "Resource")
        if held.get("Effect") not in ("Allow", "Deny") or actions is None or resources is None:
            continue
        sid = held.get("Sid")
        block = held.get("Condition")
        clauses = frozenset(
            clause(operator, key, tuple(sorted(set(texts(values)))), variables)
            for operator, keys in (block.items() if isinstance(block, dict) else ())
            if isinstance(keys, dict)
            for key, values in keys.items()
        )
        out.append(
            _Written(
                f"statement {sid}" if sid else f"statement {position}",
                held["Effect"] == "Allow",
                tuple(sorted({_action(text) for text in actions[0]})),
                actions[1],
                tuple(sorted(set(resources[0]))),
                resources[1],
                variables,
                clauses,
                tuple((_action(text), text) for text in actions[0]),
            )
        )
    return tuple(out)


def _action(text: str) -> str:
    return text.lower() if text.strip("*") else "*"


def _rules(layer: int, held: _Written, weighing: Weighing) -> Iterator[Rule]:
    """The rules of a statement: several where AWS does not say what some of its resources mean."""

    def rule(everywhere: bool, on: Sequence[Glob], *more: Open) -> Rule:
        kept = tuple(sorted(dict.fromkeys(on), key=lambda glob: glob.text))
        guard = held.clauses | needed | frozenset(more)
        return Rule(layer, held.allows, held.actions, held.not_actions, everywhere, kept, held.not_resources, guard)

    # Without a value of its variables NotResource is taken to mean nothing, and not everything.
    needed = frozenset(
        clause("Null", variable.text.strip("${}"), ("false",), True)
        for text in held.resources
        for variable in pattern(text, held.variables).variables
        if held.not_resources and variable.default is None and weighing.known(variable.key) is None
    )
    everywhere, plain, odd, doubt = False, list[Glob](), list[Glob](), Open("", "")
    for text in held.resources:
        if not text.strip("*"):
            everywhere = everywhere or bool(text)
            continue
        taken = pattern(text, held.variables)
        parts = weighing.filled(taken)
        if parts is None:  # a variable that this principal never has: the pattern matches nothing
            if held.not_resources:
                return
            continue
        doubts = covering((text,), False, held.variables).odd
        if doubts and not doubts[0].assumed:
            odd.append(of_arn_parts(text, parts))
            doubt = Open(f"{text} matches", doubts[0].reason)
        else:
            plain.append(of_arn_parts(text, parts))
    if everywhere:
        if not held.not_resources:
            yield rule(True, ())
        return
    if not odd:
        if plain or held.not_resources:
            yield rule(False, plain)
        return
    if held.not_resources:
        yield rule(False, [*plain, *odd])
        yield rule(False, plain, doubt)
    else:
        if plain:
            yield rule(False, plain)
        yield rule(False, odd, doubt)
