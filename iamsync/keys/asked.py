"""Keys that somebody wants off or gone now, and a user who is to have nothing left to sign with."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

from iamsync.keys.held import Act, Held, Key, Turn, deactivated, later, moment, removed
from iamsync.kinds.keyrules import CONSOLE, KeyRule, Wishes
from iamsync.model import Call, Finding

_USUAL_QUIET: Final = 48 * 3600


def switched_off(held: Held, wishes: Wishes | None, ids: Sequence[str], now: str) -> Turn:
    """These keys of a user, or the old one of its rotation, off at once."""
    rule = wishes.keys if wishes is not None else None
    chosen = [key for key in held.keys if key.id in ids]
    if not ids and rule is not None and any(key.id == held.delivered for key in held.keys):
        chosen = [key for key in held.keys if key.id != held.delivered]
    chosen = [key for key in chosen if key.active]
    acts = tuple(deactivated(held, key, now, "asked for") for key in chosen)
    findings = [_in_use(held, key, "off") for key in chosen if _recent(key, rule, now)]
    if chosen and not any(key.active and key not in chosen for key in held.keys):
        title = f"{held.address} would have no working key left"
        remedy = "rotate instead: iamsync keys rotate; or consent where it is to have none"
        findings.append(Finding("last-key", "refuse", title, held.address, remedy=remedy))
    return Turn(held, acts, findings=tuple(findings))


def deleted(held: Held, wishes: Wishes | None, ids: Sequence[str], now: str) -> Turn:
    """These keys of a user, or all that are off, gone for good."""
    rule = wishes.keys if wishes is not None else None
    chosen = [key for key in held.keys if (key.id in ids if ids else not key.active)]
    findings = []
    for key in chosen:
        since = held.off_since(key)
        ripe = rule is not None and since is not None and moment(now) >= moment(later(since, rule.delete_after))
        if key.active:
            findings.append(_in_use(held, key, "deleted while it is on"))
        if not ripe or key.active:
            title = f"{held.address}: {key} would be deleted, which cannot be undone"
            told = f"off since {since[:10]}" if since else "iamsync did not switch it off"
            remedy = "switch it off first and wait: iamsync keys deactivate"
            found = Finding(
                "delete-credentials", "refuse", title, held.address, evidence=f"{told}; {key.last_use}", remedy=remedy
            )
            findings.append(found)
    acts = tuple(removed(held, key, "asked for") for key in chosen)
    return Turn(held, acts, findings=tuple(findings))


def _recent(key: Key, rule: KeyRule | None, now: str) -> bool:
    quiet = rule.quiet if rule is not None else _USUAL_QUIET
    return bool(key.used) and moment(now) < moment(later(key.used, quiet))


def _in_use(held: Held, key: Key, what: str) -> Finding:
    title = f"{held.address}: {key.id} would be {what}, and somebody may be using it"
    remedy = "wait until it is not used any more, or consent"
    return Finding("key-in-use", "refuse", title, held.address, evidence=key.last_use, remedy=remedy)


def quarantined(held: Held, others: Iterable[tuple[str, Call]], now: str) -> tuple[Act, ...]:
    """All that a user signs in or signs requests with, off: `others` are calls for what is no key, in words.

    A password that could not be looked at is taken away as well: where there is none, that is no failure.
    """
    # The key first, then the note of it: in an incident nothing waits for a note.
    acts = [
        replace(act, calls=tuple(reversed(act.calls)))
        for act in (deactivated(held, key, now, "quarantine") for key in held.keys if key.active)
    ]
    acts += [
        Act(held.address, "credentials", ((call, "revoke"),), gone=what, why="quarantine") for what, call in others
    ]
    if held.console is not False:
        call = Call("DeleteLoginProfile", {"UserName": held.address.name})
        gone = "a password" if held.console else "a password, if it has one"
        acts.append(Act(held.address, CONSOLE, ((call, "revoke"),), gone=gone, why="quarantine"))
    return tuple(acts)
