"""Turns -> a Plan, with its guards and the digest that is approved."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from iamsync.delivery import DELIVER, Target, parse
from iamsync.keys.held import Turn
from iamsync.kinds.codec import digest
from iamsync.model import Change, FieldChange, Finding, Plan, Step
from iamsync.settings import Settings

_ENDING: Final = ("DeleteAccessKey", "UpdateAccessKey")
_MAKING: Final = frozenset(("CreateAccessKey", "CreateLoginProfile"))


@dataclass(frozen=True, slots=True)
class Whose:
    """Whose keys a plan is about: the account, who makes it, and the ARN that would make its calls."""

    account_id: str
    partition: str
    account_name: str
    alias: str | None
    caller: str
    applier: str = ""
    settings: Settings | None = None


def plan(turns: Iterable[Turn], whose: Whose, now: str, more: Iterable[Finding] = ()) -> Plan:
    """The plan of these turns: a change for each user, its calls one after the other, users side by side."""
    known = tuple(turns)
    made, steps = changes(known)
    findings = [finding for item in known for finding in item.findings]
    findings += [*more, *_guards(known, whose)]
    findings += [
        Finding("key-waiting", "info", f"{text}, at {at}" if at else text, item.held.address)
        for item in known
        for at, text in item.next
    ]
    findings.sort(key=lambda one: (one.severity != "refuse", one.id, str(one.address or ""), one.title))
    read = [[str(item.held.address), [[key.id, key.active] for key in item.held.keys]] for item in known if item.acts]
    return Plan(
        account_id=whose.account_id,
        partition=whose.partition,
        account_name=whose.account_name,
        alias=whose.alias,
        caller=whose.caller,
        now=now,
        changes=made,
        steps=steps,
        guards=tuple(one for one in findings if one.severity in ("refuse", "warn")),
        findings=tuple(one for one in findings if one.severity not in ("refuse", "warn")),
        reported=(),
        unchanged=sum(not item.acts for item in known),
        desired_digest=digest([[str(item.held.address), [act.why for act in item.acts]] for item in known]),
        read_set_digest=digest(read),
        approval=approval(whose.account_id, steps, read),
    )


def changes(
    turns: Iterable[Turn], first: int = 1, *, apart: bool = False
) -> tuple[tuple[Change, ...], tuple[Step, ...]]:
    """The changes and steps of these turns; steps are numbered from `first`.

    A user's acts wait for each other, or with `apart` none for another: then a failure stops the rest of its own act.
    """
    steps: list[Step] = []
    made: list[Change] = []
    for item in turns:
        mine: list[Step] = []
        for act in item.acts:
            for place, (call, effect) in enumerate(act.calls):
                after = (mine[-1].id,) if mine and (place or not apart) else ()
                number = f"s{first + len(steps) + len(mine)}"
                mine.append(Step(number, item.held.address, call, effect, after, touches=(item.held.address,)))
        if not mine:
            continue
        fields = []
        for name in dict.fromkeys(act.field for act in item.acts):
            here = [act for act in item.acts if act.field == name]
            wanted, gone = (
                [text for text in texts if text] for texts in zip(*((a.wanted, a.gone) for a in here), strict=True)
            )
            fields.append(FieldChange(name, "declared", gone, wanted, added=tuple(wanted), removed=tuple(gone)))
        note = "; ".join(dict.fromkeys(act.why for act in item.acts))
        ids = tuple(step.id for step in mine)
        made.append(
            Change(item.held.address, "update", "declared", tuple(fields), ids, item.held.user.origin, note=note)
        )
        steps += mine
    return tuple(made), tuple(steps)


def approval(account_id: str, steps: Iterable[Step], read: Any = ()) -> str:
    """The digest a reviewer approves: the account, what was read, every call; without the times that notes carry."""
    calls = []
    for step in steps:
        params = dict(step.params)
        if step.operation == "TagUser":
            params["Tags"] = [tag["Key"] for tag in params["Tags"]]
        calls.append([step.operation, params])
    return digest({"account": account_id, "keys": read, "credentials": calls})


def _guards(turns: Collection[Turn], whose: Whose) -> Iterator[Finding]:
    """What an operator wants asked about whatever makes the change, and what would lock out who makes it."""
    settings = whose.settings
    shut = bereft(turns)
    for item in turns:
        user = item.held.user
        if not item.acts or settings is None:
            continue
        tags = dict(user.spec.tags)
        if settings.safety.protected(user.address, user.spec.path, tags):
            remedy = "take the rule out of its manifest, or consent"
            title = f"{user.address} is protected, and the plan would change its credentials"
            yield Finding("protected", "refuse", title, user.address, remedy=remedy)
        if user.address.name in shut and settings.safety.break_glass(user.address, user.spec.path, tags):
            perhaps = "perhaps " if shut[user.address.name] is None else ""
            title = f"{user.address} is kept for emergencies, and {perhaps}the last key or password it has would go"
            remedy = "let it keep a way to sign in: it is there for when nothing else works"
            yield Finding("break-glass", "refuse", title, user.address, remedy=remedy, origin=user.origin)
        bounds = settings.bounds
        if bounds is not None and (
            not bounds.include(user.address, user.spec.path, tags) or bounds.exclude(user.address, user.spec.path, tags)
        ):
            title = f"{user.address} lies outside of what the guardrails let this project change"
            yield Finding("outside-guardrails", "refuse", title, user.address, remedy="have the guardrails changed")
        own = f":user{user.spec.path}{user.address.name}"
        revokes = any(effect == "revoke" for act in item.acts for _, effect in act.calls)
        if revokes and whose.applier.endswith(own):
            title = f"{user.address} makes these calls itself, perhaps with the key that would end"
            remedy = "run iamsync with the new key first; then consent"
            yield Finding("self-lockout", "refuse", title, user.address, remedy=remedy)


def bereft(turns: Iterable[Turn]) -> dict[str, bool | None]:
    """Users whose last way to sign in goes, or may, by name.

    False where nothing is left, None where nobody looked whether they have a password.
    """
    found: dict[str, bool | None] = {}
    for item in turns:
        calls = [call for act in item.acts for call, effect in act.calls if effect in ("grant", "revoke")]
        does = {call.operation for call in calls}
        ends = {call.params["AccessKeyId"] for call in calls if call.operation in _ENDING}
        on = {key.id for key in item.held.keys if key.active}
        console = item.held.console if "DeleteLoginProfile" not in does else False
        if not (on & ends or "DeleteLoginProfile" in does) or does & _MAKING or on - ends or console:
            continue
        found[item.held.address.name] = console
    return found


def targets(turns: Iterable[Turn]) -> Iterator[tuple[Turn, Target]]:
    """The places that the plan of these turns delivers to."""
    for item in turns:
        for act in item.acts:
            for call, _ in act.calls:
                if call.operation == DELIVER:
                    yield item, parse(call.params["To"], operator=True)
