"""Permission tests as single requests for somebody else to decide, and what comes of two opinions on each.

An expectation becomes every action that it names (patterns by the catalogue) on the resource that it names; where
that is a pattern or any resource, on an example of each set of resources that the policies tell apart.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final, Literal

from iamsync.expectations import PermissionTest
from iamsync.model import EMPTY
from iamsync.planner.areas import FREE, aimed, areas, classes
from iamsync.planner.permissions import TRUST_ACTIONS, Permissions
from iamsync.planner.testing import Row, Second, actions_of, context_of, expected_rows
from iamsync.policy.actionset import wild
from iamsync.policy.document import Document, statements
from iamsync.policy.explanation import Decision
from iamsync.policy.request import ABSENT, Context, Request, Values
from iamsync.policy.vocabulary import spelled

# Over so many actions, those that the same statements cover are asked about by one of them.
MOST_ACTIONS: Final = 300
_ABOUT_TRUST: Final = "AWS's simulator does not look at trust policies"
_ABROAD: Final = "AWS's simulator does not decide on resources of other accounts"
_TOO_MANY: Final = "{} of {} actions asked: one of those that the same statements cover"
_TYPES: Final = {"Bool": "boolean", "Numeric": "numeric", "Date": "date", "IpAddress": "ip", "NotIpAddress": "ip"}
_VARIABLE: Final = re.compile(r"\$\{([A-Za-z0-9.-]+:[^},]+)")
Value = tuple[str, str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Ask:
    """One request and our own answer; `context` is known (key, type, values), `absent` known not to be."""

    action: str
    resource: str
    decision: Decision
    context: tuple[Value, ...]
    absent: frozenset[str]


@dataclass(frozen=True, slots=True)
class Opinion:
    """The other answer to a request; `missing` are condition keys that it had no value of."""

    verdict: Literal["allowed", "explicit_deny", "implicit_deny"]
    missing: tuple[str, ...] = ()
    limits: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Question:
    """One expectation of one principal with its requests; `untold` says what could not be asked, and why."""

    row: Row
    asks: tuple[Ask, ...]
    untold: tuple[str, ...]
    lenient: bool
    own: tuple[Row, ...]


def questions(tests: Iterable[PermissionTest], permissions: Permissions, now: str) -> Iterator[Question]:
    """Every expectation as requests; of what is excepted or cannot be asked there are none, and our own rows count."""
    for test in tests:
        context = context_of(test, now)
        for row, own in expected_rows(test, permissions, now):
            if any(one.outcome == "excepted" for one in own):
                yield Question(row, (), (), test.allow_uncertain, own)
                continue
            asks, untold = _asks(row, permissions, context)
            yield Question(row, asks, untold, test.allow_uncertain, own)


def judged(question: Question, answers: Callable[[Ask], Opinion]) -> Iterator[Row]:
    """The rows of an expectation with both opinions.

    `contradicted` where both are sure and differ, whatever was expected; else the other opinion decides, and
    `uncertain` where it lacked the value of a condition key. Without requests our own rows stand, and say so.
    """
    if not question.asks:
        told = "; ".join(question.untold) or "nothing to ask"
        second = Second("not_asked", (), 0, question.untold or (told,))
        for row in question.own:
            yield row if row.outcome == "excepted" else replace(row, aws=second)
        return
    groups: dict[str, list[tuple[Ask, Opinion]]] = {}
    first: tuple[Ask, Opinion] | None = None
    for ask in question.asks:
        opinion = answers(ask)
        opinion = replace(opinion, missing=tuple(key for key in opinion.missing if key not in ask.absent))
        first = first or (ask, opinion)
        outcome = _outcome(question, ask, opinion)
        if outcome != "passed":
            groups.setdefault(outcome, []).append((ask, opinion))
    for outcome in ("contradicted", "failed", "uncertain"):
        held = groups.get(outcome, [])
        if held:
            ask, opinion = held[0]
            yield replace(
                question.row,
                outcome=outcome,  # type: ignore[arg-type]
                actions=tuple(dict.fromkeys(one.action for one, _ in held)),
                where=tuple(dict.fromkeys(one.resource for one, _ in held)),
                example=ask.resource,
                decision=ask.decision,
                aws=_second(opinion, question),
            )
    if not groups and first is not None:
        yield replace(question.row, decision=first[0].decision, aws=_second(first[1], question))


def _second(opinion: Opinion, question: Question) -> Second:
    reasons = [f"denied by {limit}" for limit in opinion.limits]
    reasons += [f"it was given no value of {key}" for key in opinion.missing]
    return Second(opinion.verdict, tuple(reasons), len(question.asks), question.untold)


def _outcome(question: Question, ask: Ask, opinion: Opinion) -> str:
    allowed = opinion.verdict == "allowed"
    if opinion.missing:
        return "passed" if question.lenient else "uncertain"
    if ask.decision.certain and ask.decision.allowed is not allowed:
        return "contradicted"
    return "passed" if allowed is (question.row.expected == "allow") else "failed"


def _asks(row: Row, permissions: Permissions, context: Mapping[str, Values]) -> tuple[tuple[Ask, ...], tuple[str, ...]]:
    untold: dict[str, None] = {}
    found: dict[tuple[str, str], Ask] = {}
    types = key_types(source.document for source in permissions.sources(row.principal))
    account = permissions.state.account_id
    for action in _actions(row, permissions, untold):
        if action.lower() in TRUST_ACTIONS:
            untold[_ABOUT_TRUST] = None
            continue
        for area in areas(permissions, row.principal, action, context, row.on or None).areas:
            owner = area.example.split(":")[4:5]
            if owner not in ([], [""], ["*"], [account], ["aws"]):
                untold[_ABROAD] = None
            elif (action, area.example) not in found:
                known, absent = _context(row, action, area.example, permissions, context, types)
                found[action, area.example] = Ask(action, area.example, area.decision, known, absent)
    return tuple(found.values()), tuple(untold)


def _actions(row: Row, permissions: Permissions, untold: dict[str, None]) -> Iterable[str]:
    if row.expected == "allow":
        return [action for asked in row.asked for action in actions_of(asked, row.on, permissions)]
    wanted = [
        str(action)
        for asked in row.asked
        for action in permissions.catalog.expand(asked)
        if not (wild(asked) and str(action).lower() in FREE)
    ]
    if row.on:
        wanted = [action for action in wanted if permissions.catalog.applies(action, row.on) is not False]
    if len(wanted) <= MOST_ACTIONS:
        return dict.fromkeys(wanted)
    within = row.on or None
    kinds = classes(permissions, row.principal, row.asked, within)
    about = filter(None, (aimed(permissions, held, row.asked, within) for held in kinds))
    few = [spelled(some[0], EMPTY) for some in about]
    untold[_TOO_MANY.format(len(few), len(wanted))] = None
    return few


def key_types(documents: Iterable[Document]) -> Mapping[str, str]:
    """The simulator's type of each condition key in these documents, by the operators that test it."""
    found: dict[str, str] = {}
    for document in documents:
        for statement in statements(document.value):
            block = statement.get("Condition")
            for operator, keys in block.items() if isinstance(block, dict) else ():
                bare = str(operator).rpartition(":")[2]
                kind = next((held for begin, held in _TYPES.items() if bare.startswith(begin)), "string")
                for key in keys if isinstance(keys, dict) else ():
                    if bare != "Null":
                        found.setdefault(str(key).lower(), kind)
        for key in _VARIABLE.findall(document.text):
            found.setdefault(key.lower(), "string")
    return found


def _context(
    row: Row,
    action: str,
    resource: str,
    permissions: Permissions,
    context: Mapping[str, Values],
    types: Mapping[str, str],
) -> tuple[tuple[Value, ...], frozenset[str]]:
    """What is known of a request: the keys that the policies test, with their values, and those known to be absent."""
    held = permissions.named(resource)
    tags = dict(held.spec.tags) if held is not None and hasattr(held.spec, "tags") else None
    known = Context(
        Request(permissions.principal(row.principal), action, resource, context=context, resource_tags=tags)
    )
    values: list[Value] = []
    absent = set()
    for key, kind in sorted(types.items()):
        found = known.find(key)
        if found == ABSENT:
            absent.add(key)
        elif isinstance(found, str):
            values.append((key, kind, (found,)))
        elif found is not None:
            values.append((key, f"{kind}List", found))
    return tuple(values), frozenset(absent)
