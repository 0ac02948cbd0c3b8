"""Whether the caller may make a plan's calls, foreseen before the first one: by its own policies and boundary.

What a Deny or a missing grant certainly forbids would fail half-way; it is told, and refused, before anything is
done. Whatever hangs on something that only AWS knows stays open and is counted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from iamsync.model import Address, Finding, Step
from iamsync.planner.permissions import Permissions
from iamsync.planner.required import Need, Whereabouts, needs
from iamsync.policy.explanation import Decision, told
from iamsync.policy.request import ABSENT, Values

_MOST: Final = 5
_BOUNDARY: Final = "iam:PermissionsBoundary"
# The kinds whose own boundary AWS compares with the condition key.
_BOUNDED: Final = ("user", "role")
# In the ARN of a resource whose path nobody knows (`Whereabouts.arns`).
_ELSEWHERE: Final = "/*/"


@dataclass(frozen=True, slots=True)
class Forecast:
    """How one call of a step will fare where it is not certainly allowed; `said` is who says so, if not the policies.

    `context` are the condition keys that follow from the call.
    """

    step: Step
    need: Need
    decision: Decision
    context: Mapping[str, Values]
    said: str = ""

    @property
    def denied(self) -> bool:
        """Whether AWS will refuse the call, whatever else it knows."""
        return self.decision.certain and not self.decision.allowed


def acting(caller: str, permissions: Permissions) -> Address | None:
    """The user or role of this account that a caller's ARN means; None where its policies are not known.

    The ARN is the user's, or that of a role's session as STS tells it (`assumed-role/NAME`).
    """
    parts = caller.split(":", 5)
    if len(parts) != 6 or parts[4] != permissions.state.account_id:
        return None
    word, _, rest = parts[5].partition("/")
    if word == "assumed-role":
        found = permissions.resource(Address("role", rest.partition("/")[0]))
    elif word in ("user", "role"):
        found = permissions.resource(Address(word, rest.rpartition("/")[2]))
    else:
        return None
    return found.address if found is not None else None


def forecasts(steps: Sequence[Step], where: Whereabouts, permissions: Permissions, who: Address) -> Iterator[Forecast]:
    """Every call that is not certainly allowed to this principal, in the order of the steps."""
    rebounded = frozenset(step.address for step in steps if step.operation.endswith("PermissionsBoundary"))
    for step in steps:
        found = tuple(needs(step, where))
        anywhere = {need.action for need in found if _ELSEWHERE in need.resource}
        for need in found:
            if _ELSEWHERE in need.resource:
                continue
            context = _context(step, need, permissions, step.address in rebounded)
            decision = permissions.decide(who, need.action, need.resource, context)
            if need.action in anywhere:
                reason = f"the path of {need.resource.rpartition('/')[2]} is not known"
                decision = replace(decision, certain=False, reasons=(*decision.reasons, reason))
            if not (decision.allowed and decision.certain):
                yield Forecast(step, need, decision, context)


def lost(
    steps: Sequence[Step], where: Whereabouts, before: Permissions, after: Permissions, who: Address
) -> Iterator[Forecast]:
    """The calls that may come when the plan has taken from this principal what they need; none that it lacks already.

    A call that every step waits for which takes something from the principal is made in time.
    """
    sources = _sources(who, before) | _sources(who, after)
    takers = {step.id for step in steps if _takes(step, sources)}
    if not takers:
        return
    waits = {step.id: step.after for step in steps}
    ahead = {taker: _ahead(taker, waits) for taker in takers}
    # One that is made again under its name is another: the session, or the key, was the old one's.
    ends = any(step.address == who and step.operation in _ENDS for step in steps)
    here = after.resource(who) is not None and not ends
    rebounded = frozenset(step.address for step in steps if step.operation.endswith("PermissionsBoundary"))
    for step in steps:
        if all(step.id in ahead[taker] for taker in takers - {step.id}):
            continue
        for need in needs(step, where):
            if _ELSEWHERE in need.resource:
                continue
            context = _context(step, need, before, step.address in rebounded)
            if not before.decide(who, need.action, need.resource, context, explain=False).allowed:
                continue
            decision = after.decide(who, need.action, need.resource, context) if here else _GONE
            if not decision.allowed and decision.certain:
                yield Forecast(step, need, decision, context, "" if here else f"{who} is deleted")


_GONE: Final = Decision("implicit_deny", True)
_ENDS: Final = ("DeleteUser", "DeleteRole")


def _ahead(last: str, waits: Mapping[str, Sequence[str]]) -> frozenset[str]:
    """All steps that one waits for, by way of others too; `waits` are those that each waits for itself."""
    found: set[str] = set()
    open_ = list(waits[last])
    while open_:
        one = open_.pop()
        if one not in found:
            found.add(one)
            open_ += waits[one]
    return frozenset(found)


def _takes(step: Step, sources: frozenset[Address]) -> bool:
    """Whether a step may take something from whoever holds these."""
    if step.operation == "UpdateAssumeRolePolicy":
        return False  # a session that is open goes on
    return step.address in sources and (step.operation in _ENDS or step.effect in ("revoke", "mixed"))


def _sources(who: Address, permissions: Permissions) -> frozenset[Address]:
    """A principal, its groups, and the policies of the account that it holds in any way."""
    found = permissions.resource(who)
    if found is None:
        return frozenset((who,))
    groups = [permissions.resource(Address("group", name)) for name in getattr(found.spec, "groups", ())]
    holders = [found, *(group for group in groups if group is not None)]
    texts = {text for holder in holders for text in holder.spec.managed_policies}
    texts |= {found.spec.permissions_boundary} - {None}
    policies = (permissions.named(text) for text in texts)
    return frozenset(one.address for one in (*holders, *policies) if one is not None)


def lost_finding(late: Sequence[Forecast], who: Address, calls: int) -> tuple[Finding, ...]:
    """What a reviewer is told of calls that the plan itself may put out of reach; nothing where there are none."""
    if not late:
        return ()
    return (
        Finding(
            "call-lost",
            "high",
            f"{who}, which would apply this, may lose on the way what {_calls(late)} of the plan's {calls} calls need",
            who,
            evidence=_lines(late),
            remedy=f"apply the rest first, and what takes from {who} in an apply of its own (--target)",
        ),
    )


def findings(foreseen: Sequence[Forecast], who: Address, calls: int) -> Iterator[Finding]:
    """What a reviewer is told of them: a refusal for what will fail, a note for what nobody can tell."""
    denied = [one for one in foreseen if one.denied]
    if denied:
        yield Finding(
            "call-denied",
            "refuse",
            f"{who}, which would apply this, may not make {_calls(denied)} of the plan's {calls} calls",
            who,
            evidence=_lines(denied),
            remedy="apply as somebody who may, or grant it: iamsync required-policy plan.json prints what is needed",
        )
    undecided = [one for one in foreseen if not one.denied]
    if undecided:
        reasons = list(dict.fromkeys(reason for one in undecided for reason in one.decision.reasons))
        yield Finding(
            "call-undecided",
            "info",
            f"whether {who} may make {_calls(undecided)} of the plan's {calls} calls cannot be told beforehand",
            who,
            evidence="; ".join(reasons[:_MOST]),
        )


def _calls(foreseen: Sequence[Forecast]) -> int:
    return len({one.step.id for one in foreseen})


def _lines(some: Sequence[Forecast]) -> str:
    more = f"; and {len(some) - _MOST} more" if len(some) > _MOST else ""
    return "; ".join(map(_line, some[:_MOST])) + more


def _line(one: Forecast) -> str:
    because = one.said or next(iter(told(one.decision)), "denied")
    return f"{one.need.action} on {one.need.resource} ({because})"


def _context(step: Step, need: Need, permissions: Permissions, rebounded: bool) -> Mapping[str, Values]:
    """The condition keys that follow from the call itself; `rebounded`: the plan changes its boundary on the way."""
    context: dict[str, Values] = {"iam:PolicyARN": ABSENT}
    tags = step.params.get("Tags") or ()
    keys = tuple(sorted(tag["Key"] for tag in tags)) or tuple(step.params.get("TagKeys") or ())
    context["aws:TagKeys"] = keys or ABSENT
    context.update({f"aws:RequestTag/{tag['Key']}": tag["Value"] for tag in tags})
    address = step.address
    if address is None or address.kind not in _BOUNDED or step.operation.startswith("Create"):
        context[_BOUNDARY] = ABSENT
    elif not rebounded and (found := permissions.resource(address)) is not None:
        context[_BOUNDARY] = found.spec.permissions_boundary or ABSENT
    if need.key:
        context[need.key] = need.value
    return context
