"""Who did what drift found: CloudTrail asked once for each resource, and never more than it allows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from iamsync.arn import WORDS, build
from iamsync.aws.cloudtrail import MOST_PAGES, Trail
from iamsync.engine.planning import Planned
from iamsync.errors import AccessDenied, AwsError, Unsupported
from iamsync.kinds.trail import Record
from iamsync.model import Address
from iamsync.planner.culprit import culprit
from iamsync.planner.drift import Drift

Attribution = dict[str, Any]
_EMPTY: Attribution = dict.fromkeys(
    ("who", "when", "source_ip", "how", "user_agent", "event", "event_id", "unknown"), None
)


def attributions(
    item: Planned, found: tuple[Drift, ...], known: Mapping[int, Attribution], trail: Trail | None = None
) -> dict[int, Attribution]:
    """Whose doing each entry of drift is, by its place; `known` are those that an earlier run found out already."""
    asked = {at: one for at, one in enumerate(found) if one.standing == "drift" and at not in known}
    told: dict[int, Attribution] = dict(known)
    if not asked:
        return told
    connection = item.reached.connection
    if trail is None and connection is None:
        return told | dict.fromkeys(asked, unknown("no account is asked with --live"))
    asking = _Asking(trail if trail is not None else Trail.of(connection), item)  # type: ignore[arg-type]
    for address in dict.fromkeys(one.address for one in asked.values()):
        mine = {at: one for at, one in asked.items() if one.address == address}
        told |= asking.of(address, mine)
    return told


def unknown(reason: str) -> Attribution:
    """That it is not known who did it, and why."""
    return {**_EMPTY, "unknown": reason}


def _known(held: Record) -> Attribution:
    return {
        **_EMPTY,
        "who": held.who,
        "when": held.when or None,
        "source_ip": held.source_ip or None,
        "how": held.how or None,
        "user_agent": held.user_agent or None,
        "event": held.event,
        "event_id": held.id,
    }


@dataclass(slots=True)
class _Asking:
    """One account's CloudTrail; once it refuses, nobody asks again."""

    trail: Trail
    item: Planned
    refused: str = ""

    def of(self, address: Address, wanted: Mapping[int, Drift]) -> dict[int, Attribution]:
        left = dict(wanted)
        told: dict[int, Attribution] = {}
        seen = 0
        for name in self._names(address):
            if self.refused or not left:
                break
            try:
                for one in self.trail.records(name):
                    seen += 1
                    for at, entry in list(left.items()):
                        if culprit(entry, (one,)) is not None:
                            told[at] = _known(one)
                            del left[at]
                    if not left:
                        break
            except AccessDenied:
                self.refused = "the caller may not look: AccessDenied for cloudtrail:LookupEvents"
            except Unsupported:
                self.refused = "this endpoint has no CloudTrail"
            except AwsError as error:
                self.refused = f"CloudTrail does not answer: {error.aws_code or error.code}"
        much = seen >= MOST_PAGES * 50
        none = f"not among the last {seen} events about it" if much else "no event found in the last 90 days"
        return told | dict.fromkeys(left, unknown(self.refused or none))

    def _names(self, address: Address) -> Iterator[str]:
        """What its events may be filed under: mostly the name alone, for a policy the ARN."""
        yield address.name
        if address.kind in WORDS:
            for state in (self.item.live, self.item.desired):
                resource = state.get(address)
                if resource is not None:
                    path = getattr(resource.spec, "path", "/")
                    yield build(self.item.plan.partition, self.item.plan.account_id, address, path)
                    return
