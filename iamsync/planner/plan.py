"""The planner: desired and live, settled, compared, guarded and ordered into a `Plan`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, Final

from iamsync.kinds import codec
from iamsync.kinds.fields import REPLACED
from iamsync.kinds.kind import Context
from iamsync.kinds.operations import WAIT
from iamsync.model import Address, Cause, Change, Finding, Plan, State, Step
from iamsync.planner import awsdrift, guards, preflight
from iamsync.planner.compare import Difference
from iamsync.planner.concern import Concern
from iamsync.planner.contrast import Compared, contrast
from iamsync.planner.expiry import Lapsed, next_end
from iamsync.planner.failing import failing
from iamsync.planner.links import told_once
from iamsync.planner.losing import principals_losing_access
from iamsync.planner.moved import Moved, moved
from iamsync.planner.narrow import Selection, expired, of_cause, selected
from iamsync.planner.order import order
from iamsync.planner.permissions import Permissions
from iamsync.planner.projected import made
from iamsync.planner.readset import read_set
from iamsync.planner.required import Whereabouts
from iamsync.planner.situation import DEFAULT_QUOTAS, Situation
from iamsync.planner.standards import Standards
from iamsync.planner.tagged import left_to_others
from iamsync.planner.ties import without_held
from iamsync.settings import Settings

NO_STANDARDS: Final = Standards()


def plan(
    desired: State,
    live: State,
    settings: Settings,
    *,
    account_name: str,
    caller: str,
    now: str,
    base: State | None = None,
    selection: Selection | None = None,
    only: Cause | None = None,
    access: bool = True,
    standards: Standards = NO_STANDARDS,
    applier: str = "",
    expiring: str = "",
    noted: Iterable[Finding] = (),
    compared: Compared | None = None,
    opened: frozenset[Address] = frozenset(),
) -> Plan:
    """What would make `live` what `desired` says, in order, with everything a reviewer must know.

    `now` is RFC 3339 in UTC. `selection` narrows what is looked at; what a selected change needs
    comes along. `only` keeps the changes of one cause. `applier` is the ARN that would make the calls, where
    policies are enforced. Without `access` nobody's gains and losses are computed, and nothing is held to `standards`.
    `expiring` (a time as `now`) asks for what ends up to then. `noted` are findings of the caller's, acknowledged as
    guards are; `compared` is the `contrast` of these, where it has been made; `opened` as in `order`.
    InputError where resources wait in a ring, InputErrors for tests that test nothing.
    """
    cx = Context(live.account_id, live.partition)
    found = compared if compared is not None else contrast(desired, live, settings, base, now)
    differences: Sequence[Difference] = found.differences
    earlier_findings = found.findings
    if only == "expired":
        differences = expired(differences, Lapsed.agreed(found.settled.desired), cx)
        # What stands in the way of other changes does not stand in the way of these.
        ours = {difference.address for difference in differences}
        earlier_findings = tuple(f for f in found.findings if f.severity != "refuse" or f.address in ours)
        differences, held = without_held(differences, found.live, cx)
        earlier_findings = (*earlier_findings, *held)
    elif only is not None:
        differences = of_cause(differences, only, cx)
    if selection is not None:
        differences = selected(differences, selection, cx)
    differences = told_once(differences)
    before = after = None
    if access and differences:
        above = standards.organization
        before = Permissions(found.settled.live, live.aws_policies, organization=above)
        left_over = replace(made(found.settled.live, differences), lapsed=found.settled.desired.lapsed)
        after = Permissions(left_over, live.aws_policies, organization=above)
    situation = Situation(
        *(found.settled.desired, found.live, differences, settings, now, cx, max(found.managed, 0)),
        caller=caller,
        applier=applier,
        before=before,
        after=after,
        sign_ins=live.sign_ins,
    )
    left = after.state if after is not None else made(found.settled.live, differences)
    concern = Concern(found.settled.live, left, cx, live.aws_policies)
    limits = {**DEFAULT_QUOTAS, **live.quotas}
    steps, residual = order(differences, concern, cx, settle=settings.safety.settle, quotas=limits, opened=opened)
    prior = read_set(differences, found, cx)
    of: dict[Address, list[str]] = {}
    for step in steps:
        if step.address is not None:
            of.setdefault(step.address, []).append(step.id)
    told = Moved()
    more = [*earlier_findings, *noted]
    if before is not None and after is not None:
        more += _foreseen(steps, Whereabouts.of(cx, steps, prior), before, after, applier)
        # A test that misses what has expired must not keep it alive.
        more += failing(standards.tests if only != "expired" else (), before, after, now)
        told = moved(before, after, differences, cx)
        more += principals_losing_access(told, differences, settings.safety)
    answers = guards.guard(situation, more)
    end = after.state if after is not None else found.settled.live
    by_aws = awsdrift.drifted(found.settled.desired, end, standards, live.aws_policies) if access else ()
    changes = tuple(_change(difference, tuple(of.get(difference.address, ())), told) for difference in differences)
    left_out = _in_place(found.differences) - _in_place(differences)
    return Plan(
        account_id=live.account_id,
        partition=live.partition,
        account_name=account_name,
        alias=live.alias,
        caller=caller,
        now=now,
        changes=changes,
        steps=steps,
        guards=tuple(finding for finding in answers if finding.severity in ("refuse", "warn")),
        findings=(
            *(finding for finding in answers if finding.severity not in ("refuse", "warn")),
            *residual,
            *told.findings,
            *awsdrift.findings(by_aws, cx.account_id),
            *left_to_others(found.settled.desired, found.live, settings.ignore_changes, cx.account_id),
        ),
        reported=found.reported,
        unchanged=found.unchanged + left_out,
        desired_digest=codec.digest(_declared(desired)),
        read_set_digest=codec.digest({str(address): value for address, value in prior.items()}),
        approval=approval(live.account_id, differences, [(s.operation, s.params) for s in steps]),
        prior=prior,
        valid_until=next_end(desired, (*prior, *(d.address for d in differences))),
        unread=tuple(sorted(live.unread)),
        expiring=tuple(expiry for expiry in desired.expiries if expiry.at <= expiring),
        aws_policies=by_aws,
        narrowed=selection is not None or only is not None,
    )


def _foreseen(
    steps: Sequence[Step], where: Whereabouts, before: Permissions, after: Permissions, applier: str
) -> tuple[Finding, ...]:
    """What of the steps the applier may not do; nothing of somebody whose policies are not in this account."""
    who = preflight.acting(applier, before)
    if who is None:
        return ()
    calls = sum(step.operation != WAIT for step in steps)
    late = tuple(preflight.lost(steps, where, before, after, who))
    return (
        *preflight.findings(tuple(preflight.forecasts(steps, where, before, who)), who, calls),
        *preflight.lost_finding(late, who, calls),
    )


def approval(account_id: str, differences: Iterable[Difference], steps: Iterable[tuple[str, Any]]) -> str:
    """The digest a reviewer approves: the account, what changes, every call; no times, no places.

    Documents enter by meaning, since AWS may return equal ones in another order. `savedplan.approval_of` makes the
    same of a plan's document.
    """
    changes = []
    for difference in differences:
        names = [change.field for change in difference.fields]
        before = codec.canonical(difference.have) if difference.have is not None else None
        after = codec.canonical(difference.want) if difference.want is not None else None
        changes.append(
            {
                "address": str(difference.address),
                "action": difference.action,
                "before": {name: _told(before[name]) for name in names} if before else None,
                "after": {name: _told(after[name]) for name in names} if after else None,
            }
        )
    calls = [[operation, dict(params)] for operation, params in steps]
    return codec.digest({"account": account_id, "changes": changes, "steps": calls})


def _told(value: Any) -> Any:
    """A value as the plan's document has it, from which the digest can be made again: a replaced policy by its ARN."""
    return sorted({item.removesuffix(REPLACED) for item in value}) if isinstance(value, list) else value


def _declared(desired: State) -> dict[str, Any]:
    return {
        "resources": {
            str(r.address): {**codec.canonical(r), "ignore_changes": list(r.ignore), "renamed_from": r.renamed_from}
            for r in desired
        },
        "removed": sorted(str(removal.address) for removal in desired.removed),
    }


def _change(difference: Difference, steps: tuple[str, ...], told: Moved) -> Change:
    return Change(
        difference.address,
        difference.action,
        difference.cause,
        difference.fields,
        steps,
        difference.origin,
        difference.renamed_from,
        difference.note,
        told.affected_through(difference.address),
        told.outside_of(difference.address),
    )


def _in_place(differences: Iterable[Difference]) -> int:
    return sum(difference.action in ("update", "replace") for difference in differences)
