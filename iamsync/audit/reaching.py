"""Who is administrator, and who can become one by what they may do already."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from iamsync.audit.evidence import Evidence, Observed, Route, observed
from iamsync.controls import Grade
from iamsync.model import Address
from iamsync.policy.administrator import CONDITIONAL, SURE, UNKNOWN

_GRADES: Final[dict[int, Grade]] = {SURE: "critical", CONDITIONAL: "high", UNKNOWN: "medium"}
_SURELY: Final = {SURE: "", CONDITIONAL: ", on conditions", UNKNOWN: ", perhaps"}


def reaching(evidence: Evidence) -> Iterator[Observed]:
    """A finding for each administrator, and for each principal that has a way to become one."""
    for who, route in sorted(evidence.reach.routes.items()):
        held = evidence.state.get(who)
        kept = held is not None and evidence.is_kept(held)
        if not route.stages:
            yield observed(
                *("IAM-A051", who, f"{who} is administrator{_SURELY[route.certainty]}"),
                "; ".join((*route.lines, *(("kept for emergencies",) if kept else ()))),
                mark="administrator",
                route=route,
            )
        elif not kept:
            yield _path(who, route)


def _path(who: Address, route: Route) -> Observed:
    steps = f"{len(route.stages)} step{'s' if len(route.stages) > 1 else ''}"
    through = list(dict.fromkeys(stage.at for stage in route.stages if stage.at and stage.at != str(who)))
    words = f" through {', '.join(through)}" if through else ""
    links = dict.fromkeys(text for stage in route.stages for text in stage.references)
    return observed(
        *("IAM-A050", who, f"{who} reaches administrator in {steps}{words}{_SURELY[route.certainty]}"),
        "; ".join(route.lines),
        "take out one of the permissions that a step uses, or hold the principal by a boundary",
        mark=" ".join(f"{stage.rule}:{stage.at}" for stage in route.stages),
        severity=_GRADES[route.certainty],
        more=tuple(links),
        route=route,
    )
