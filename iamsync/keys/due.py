"""What is due about one user, by its rule, its keys and the time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Final

from iamsync.delivery import DELIVER, GENERATED, Target
from iamsync.keys.held import OFF, Act, Held, Key, Turn, deactivated, later, moment, removed, since_noted
from iamsync.kinds.keyrules import CONSOLE, KEYS, NOTE, KeyRule, Wishes, span
from iamsync.model import Call, Effect, Finding

# A key is taken for one that a run lost only if it was made about when that run was: in seconds.
_LOST_WITHIN: Final = 3600
_SKEW: Final = 300


def turn(wishes: Wishes, held: Held, now: str) -> Turn:
    """What is due about one user at this time, by what its manifest wants."""
    if not held.exists:
        return Turn(held, next=(("", f"{held.address} does not exist yet: iamsync apply creates it"),))
    parts = []
    if wishes.keys is not None:
        parts.append(_keys(wishes.keys, held, now))
    if wishes.console is not None and held.console is not None:
        parts.append(_console(wishes, held))
    return Turn(
        held,
        tuple(act for part in parts for act in part.acts),
        tuple(later for part in parts for later in part.next),
        tuple(finding for part in parts for finding in part.findings),
    )


def claimed(turn: Turn, taken: Mapping[Target, str]) -> Turn:
    """The turn, asking about what its deliveries would replace: by target, in words."""
    findings = tuple(
        Finding(
            "place-taken",
            "refuse",
            f"{turn.held.address}: {target} holds {what}, which a delivery would replace",
            turn.held.address,
            evidence="somebody may need it",
            remedy="name another place in its manifest, or move away what is there",
        )
        for target, what in taken.items()
        if what
    )
    known = {str(target): what for target, what in taken.items() if what}
    return replace(turn, findings=(*turn.findings, *findings), taken=known)


def _keys(rule: KeyRule, held: Held, now: str) -> Turn:
    acts: list[Act] = []
    keys = held.keys
    if held.begun is not None:
        since, before = held.begun
        strays = [key for key in keys if key.id not in before and key.id != held.delivered]
        for stray in strays:
            if len(strays) > 1 or stray.used or not stray.active or not _lost(stray, since):
                named = " and ".join(key.id for key in strays)
                return Turn(held, findings=(_two(held, f"{named} appeared while a key was being created"),))
            acts.append(removed(held, stray, "its secret was never delivered: a run ended before that"))
        keys = tuple(key for key in keys if key not in strays)
    rest = _phase(rule, replace(held, keys=keys), now)
    over = [tag for tag in held.tags if tag.startswith(OFF) and tag.removeprefix(OFF) not in {k.id for k in held.keys}]
    if held.begun is not None and not any(_creates(act) for act in (*acts, *rest.acts)):
        over.append(NOTE)
    if over:
        forget = Call("UntagUser", {"UserName": held.address.name, "TagKeys": sorted(over)})
        acts.append(Act(held.address, KEYS, ((forget, "neutral"),), why="what a run noted is over"))
    return replace(rest, held=held, acts=(*acts, *rest.acts))


def _creates(act: Act) -> bool:
    return any(call.operation == "CreateAccessKey" for call, _ in act.calls)


def _lost(key: Key, since: str) -> bool:
    begun, made = moment(since), moment(key.created)
    return begun - timedelta(seconds=_SKEW) <= made <= begun + timedelta(seconds=_LOST_WITHIN)


def _phase(rule: KeyRule, held: Held, now: str) -> Turn:
    """What is due where no run left anything half done."""
    if len(held.keys) < 2:
        return _one(rule, held, now)
    if len(held.keys) > 2:
        return Turn(held, findings=(_two(held, f"{len(held.keys)} keys are there"),))
    new = next((key for key in held.keys if key.id == held.delivered), None)
    if new is None:
        place = f"{rule.deliver_to} holds {held.delivered or held.others or 'none'}"
        return Turn(held, findings=(_two(held, f"{place}, so it is not known which key is the old one"),))
    old = next(key for key in held.keys if key is not new)
    if not new.active:
        return Turn(held, findings=(_two(held, f"{new.id}, which was delivered, is off"),))
    if old.created > new.created:
        return Turn(held, findings=(_two(held, f"{old.id} is newer than {new.id}, which was delivered"),))
    return _old_on(rule, held, old, new, now) if old.active else _old_off(rule, held, old, new, now)


def _one(rule: KeyRule, held: Held, now: str) -> Turn:
    """With one key or none: it is replaced when its time has come, and the first one made."""
    key = held.keys[0] if held.keys else None
    if key is None or not key.active:
        off = f"{key.id} is off" if key is not None else f"{held.delivered} is gone" if held.delivered else ""
        stop = held.quarantined and f"it is in quarantine (policy {held.quarantined})"
        findings = _taken(held, stop or off) if stop or off else ()
        why = "it has no key" if key is None else "its key is off"
        return Turn(held, (_created(rule, held, now, why),), findings=findings)
    if held.delivered and held.delivered != key.id:
        # Whoever takes its key from there has one that does not work.
        why = f"{rule.deliver_to} holds {held.delivered}, which is gone"
        return Turn(held, (_created(rule, held, now, why),), findings=_taken(held, why))
    due = later(key.created, rule.rotate_after)
    if moment(now) < moment(due):
        return Turn(held, next=((due, f"a new key for {held.address}: {key.id} is of {key.created[:10]}"),))
    findings = _taken(held, f"it is in quarantine (policy {held.quarantined})") if held.quarantined else ()
    why = f"{key.id} is of {key.created[:10]}, and rotate_after is {span(rule.rotate_after)}"
    return Turn(held, (_created(rule, held, now, why),), findings=findings)


def _old_on(rule: KeyRule, held: Held, old: Key, new: Key, now: str) -> Turn:
    """Both work: the old one goes off after the overlap, once nobody has used it for a while, or at the deadline."""
    overlap = later(new.created, rule.overlap)
    quiet = later(old.used, rule.quiet) if old.used else overlap
    deadline = later(new.created, rule.deadline) if rule.deadline is not None else ""
    forced = bool(deadline) and moment(now) >= moment(deadline)
    if not forced and moment(now) < max(moment(overlap), moment(quiet)):
        at = max(overlap, quiet, key=moment)
        at = min(at, deadline, key=moment) if deadline else at
        text = f"{old.id} of {held.address} off: {old.last_use}"
        findings: tuple[Finding, ...] = ()
        if moment(now) >= moment(overlap):
            findings = (
                Finding(
                    "key-waiting",
                    "info",
                    f"{held.address}: {old.id} is still used after the overlap, so it stays on",
                    held.address,
                    evidence=old.last_use,
                    remedy=f"let whoever uses it take the key from {rule.deliver_to}",
                ),
            )
        return Turn(held, next=((at, text),), findings=findings)
    why = f"{new.id} is delivered; {old.last_use}"
    found: tuple[Finding, ...] = ()
    if forced and moment(now) < moment(quiet):
        why = f"its deadline has come; {old.last_use}"
        title = f"{held.address}: {old.id} goes off although it was used within {span(rule.quiet)}"
        remedy = f"whoever uses it fails until it takes the key from {rule.deliver_to}"
        found = (Finding("key-in-use", "warn", title, held.address, evidence=old.last_use, remedy=remedy),)
    return Turn(held, (deactivated(held, old, now, why),), findings=found)


def _old_off(rule: KeyRule, held: Held, old: Key, new: Key, now: str) -> Turn:
    """The old one is off: it goes for good when nobody has missed it for long enough."""
    since = held.off_since(old)
    rotate = moment(now) >= moment(later(new.created, rule.rotate_after))
    if since is None:
        call = Call("TagUser", since_noted(held, old, now))
        act = Act(held.address, KEYS, ((call, "neutral"),), why=f"{old.id} is off; from now on its time is counted")
        return Turn(held, (act,), next=((later(now, rule.delete_after), f"{old.id} of {held.address} deleted"),))
    gone = later(since, rule.delete_after)
    if moment(now) < moment(gone):
        return Turn(held, next=((gone, f"{old.id} of {held.address} deleted"),))
    act = removed(held, old, f"it is off since {since[:10]}")
    if not rotate:
        return Turn(held, (act,))
    rest = _one(rule, replace(held, keys=(new,)), now)
    return replace(rest, held=held, acts=(act, *rest.acts))


def _created(rule: KeyRule, held: Held, now: str, why: str) -> Act:
    name = {"UserName": held.address.name}
    before = " ".join(sorted(key.id for key in held.keys))
    note = [{"Key": NOTE, "Value": f"creating {now} beside {before}".rstrip()}]
    generated = {"AccessKeyId": {GENERATED: "access-key-id"}, "SecretAccessKey": {GENERATED: "secret-access-key"}}
    calls: tuple[tuple[Call, Effect], ...] = (
        (Call("TagUser", {**name, "Tags": note}), "neutral"),
        (Call("CreateAccessKey", name), "grant"),
        (Call(DELIVER, {**name, "To": str(rule.deliver_to), **generated}), "neutral"),
        (Call("UntagUser", {**name, "TagKeys": [NOTE]}), "neutral"),
    )
    return Act(held.address, KEYS, calls, wanted=f"a new key, delivered to {rule.deliver_to}", why=why)


def _console(wishes: Wishes, held: Held) -> Turn:
    wanted = wishes.console
    assert wanted is not None
    name = {"UserName": held.address.name}
    if wanted.deliver_to is None:
        if not held.console:
            return Turn(held)
        call = Call("DeleteLoginProfile", name)
        act = Act(held.address, CONSOLE, ((call, "revoke"),), gone="a password", why="console_access is false")
        return Turn(held, (act,))
    if held.console:
        return Turn(held)
    password = {GENERATED: "password"}
    reset = wanted.password_reset_required
    # A password is ours to choose, so it is delivered first: there is never one that nobody knows.
    calls: tuple[tuple[Call, Effect], ...] = (
        (Call(DELIVER, {**name, "To": str(wanted.deliver_to), "Password": password}), "neutral"),
        (Call("CreateLoginProfile", {**name, "Password": password, "PasswordResetRequired": reset}), "grant"),
    )
    act = Act(
        held.address, CONSOLE, calls, wanted=f"a password, delivered to {wanted.deliver_to}", why="it has no password"
    )
    stop = held.quarantined and f"it is in quarantine (policy {held.quarantined})"
    return Turn(held, (act,), findings=_taken(held, stop) if stop else ())


def _taken(held: Held, what: str) -> tuple[Finding, ...]:
    title = f"{held.address} would get credentials again: {what}"
    evidence = "somebody may have taken them away to stop an attacker"
    remedy = "ask who did it; or take access_keys and console_access out of its manifest"
    return (Finding("deny-removed", "refuse", title, held.address, evidence=evidence, remedy=remedy),)


def _two(held: Held, why: str) -> Finding:
    return Finding(
        "two-keys",
        "warn",
        f"{held.address}: {why}; nothing is done about its keys",
        held.address,
        evidence="; ".join(f"{key} of {key.created[:10]}, {key.last_use}" for key in held.keys),
        remedy="find out which key is used, then switch the other one off: iamsync keys deactivate --user "
        f"{held.address} --key ID, and later iamsync keys delete",
    )
