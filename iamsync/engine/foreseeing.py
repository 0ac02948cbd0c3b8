"""Before the first write: AWS's simulator is asked about the calls that the policies alone leave open."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Final

from iamsync.aws.simulate import Answer, Entry, Request, simulate
from iamsync.engine.planning import Planned
from iamsync.errors import AccessDenied, IncompleteRead, Unsupported
from iamsync.kinds.kind import Context
from iamsync.kinds.operations import WAIT
from iamsync.planner import guards, preflight
from iamsync.planner.permissions import Permissions
from iamsync.planner.preflight import Forecast
from iamsync.planner.required import Whereabouts
from iamsync.policy.explanation import Decision
from iamsync.policy.request import Values

_DENIED: Final = "call-denied"
_OPEN: Final = "call-undecided"


def settled(item: Planned) -> Planned:
    """The plan with what AWS's simulator says of its undecided calls; as it was where nobody may ask, or none is open.

    A verdict that hangs on a condition key the simulator has no value of decides nothing.
    """
    connection, plan = item.reached.connection, item.plan
    if connection is None or not any(finding.id == _OPEN for finding in plan.findings):
        return item
    permissions = Permissions(item.live, item.live.aws_policies)
    who = preflight.acting(item.reached.applier, permissions)
    if who is None or (resource := permissions.resource(who)) is None:
        return item
    where = Whereabouts.of(Context(plan.account_id, plan.partition), plan.steps, plan.prior)
    foreseen = tuple(preflight.forecasts(plan.steps, where, permissions, who))
    asked = {number: _request(one) for number, one in enumerate(foreseen) if not one.denied}
    try:
        answers = simulate(connection, permissions.arn(resource), asked.values())
    except (AccessDenied, Unsupported, IncompleteRead):
        return item  # it was a second opinion
    left = tuple(_told(foreseen, asked, answers))
    calls = sum(step.operation != WAIT for step in plan.steps)
    found = guards.answered(preflight.findings(left, who, calls), item.settings, plan.now)
    kept = tuple(guard for guard in plan.guards if guard.id != _DENIED)
    rest = tuple(finding for finding in plan.findings if finding.id != _OPEN)
    refusing = tuple(one for one in found if one.id == _DENIED)
    noted = tuple(one for one in found if one.id == _OPEN)
    ordered = guards.answered((*kept, *refusing), item.settings, plan.now)
    return replace(item, plan=replace(plan, guards=ordered, findings=(*noted, *rest)))


def _told(
    foreseen: tuple[Forecast, ...], asked: Mapping[int, Request], answers: Mapping[Request, Answer]
) -> Iterator[Forecast]:
    """What is left to tell once the simulator has spoken."""
    for number, one in enumerate(foreseen):
        answer = answers.get(asked[number]) if number in asked else None
        if answer is None or answer.missing:
            yield one
        elif answer.verdict != "allowed":
            yield replace(one, decision=Decision(answer.verdict, True), said=_words(answer))


def _words(answer: Answer) -> str:
    by = f" by {' and '.join(answer.limits)}" if answer.limits else ""
    return f"denied{by}, says AWS's simulator"


def _request(one: Forecast) -> Request:
    entries = tuple(_entry(key, values) for key, values in sorted(one.context.items()) if values)
    return Request(one.need.action, one.need.resource, entries)


def _entry(key: str, values: Values) -> Entry:
    if isinstance(values, str):
        return Entry(key, "string", (values,))
    return Entry(key, "stringList", values)
