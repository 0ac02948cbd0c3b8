"""Reports of many accounts: the changes that several of them have alike told once, and what came to nothing."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from iamsync.render.alike import condensed
from iamsync.render.blocks import Block
from iamsync.render.changes import Entry, entries
from iamsync.render.inert import inline, safe
from iamsync.render.words import count, paint, some, wrap

Json = Mapping[str, Any]

# So many accounts with one change are worth one entry.
ALIKE: Final = 3
_MOST_NAMES: Final = 20
# What an account's own id reads where several accounts are told of at once, as manifests have it.
OWN_ID: Final = "$(account.id)"


@dataclass(frozen=True, slots=True)
class Shared:
    """Changes that several accounts have alike; the account's own id reads $(account.id) in them."""

    accounts: tuple[str, ...]
    entries: tuple[Entry, ...]

    @property
    def title(self) -> str:
        """`same in 41 accounts: dev, prod and 39 more`."""
        return same_in(self.accounts)


@dataclass(frozen=True, slots=True)
class Merged:
    """The accounts of a document: what several share, and for each plan the changes that are its own."""

    shared: tuple[Shared, ...]
    own: tuple[tuple[Entry, ...], ...]
    quiet: tuple[str, ...]  # where nothing changes and nothing is to be said


def merged(document: Json, *, apart: bool = False) -> Merged:
    """What the accounts of this document have in common; of fewer than three, nothing. `apart`: each change alone."""
    plans: Sequence[Json] = document["plans"]
    found = [tuple(entries(plan, apart=True) if apart else condensed(entries(plan))) for plan in plans]
    if apart or len(plans) < ALIKE:
        return Merged((), tuple(found), ())
    holders: dict[Entry, list[int]] = {}
    for at, (plan, made) in enumerate(zip(plans, found, strict=True)):
        for entry in made:
            holders.setdefault(_anywhere(entry, plan["account"]["id"]), []).append(at)
    together: dict[tuple[int, ...], list[Entry]] = {}
    for entry, where in holders.items():
        if len(where) >= ALIKE:
            together.setdefault(tuple(where), []).append(entry)
    known = {(at, entry) for where, held in together.items() for entry in held for at in where}
    own = tuple(
        tuple(entry for entry in made if (at, _anywhere(entry, plan["account"]["id"])) not in known)
        for at, (plan, made) in enumerate(zip(plans, found, strict=True))
    )
    names = [safe(plan["account"]["name"]) for plan in plans]
    shared = [Shared(tuple(names[at] for at in where), tuple(held)) for where, held in together.items()]
    shared.sort(key=lambda one: -len(one.accounts))
    still = tuple(name for name, plan in zip(names, plans, strict=True) if _quiet(plan))
    return Merged(tuple(shared), own, still if len(still) >= ALIKE else ())


@dataclass(frozen=True, slots=True)
class Alike:
    """Rows of a document that several accounts have alike, as JSON values; the account's own id reads $(account.id)."""

    accounts: tuple[str, ...]
    rows: tuple[Json, ...]

    @property
    def title(self) -> str:
        """`same in 41 accounts: dev, prod and 39 more`."""
        return same_in(self.accounts)


def alike(accounts: Sequence[Json], of: Callable[[Json], Iterable[Json]]) -> tuple[list[Alike], list[list[Json]]]:
    """Of the rows that `of` tells, what three or more of these accounts have alike, and what is each one's own."""
    found = [list(of(account)) for account in accounts]
    if len(accounts) < ALIKE:
        return [], found
    texts = [
        [json.dumps(_freed(row, account["account"]["id"]), sort_keys=True) for row in rows]
        for account, rows in zip(accounts, found, strict=True)
    ]
    holders: dict[str, list[int]] = {}
    for at, held in enumerate(texts):
        for text in dict.fromkeys(held):
            holders.setdefault(text, []).append(at)
    together: dict[tuple[int, ...], list[Json]] = {}
    for text, where in holders.items():
        if len(where) >= ALIKE:
            together.setdefault(tuple(where), []).append(json.loads(text))
    own = [
        [row for row, text in zip(rows, held, strict=True) if len(holders[text]) < ALIKE]
        for rows, held in zip(found, texts, strict=True)
    ]
    names = [safe(account["account"]["name"]) for account in accounts]
    shared = [Alike(tuple(names[at] for at in where), tuple(rows)) for where, rows in together.items()]
    return sorted(shared, key=lambda one: -len(one.accounts)), own


def _freed(value: Any, account_id: str) -> Any:
    """JSON values without the id of their account."""
    if isinstance(value, str):
        return value.replace(account_id, OWN_ID) if account_id else value
    if isinstance(value, Mapping):
        return {key: _freed(held, account_id) for key, held in value.items()}
    return [_freed(held, account_id) for held in value] if isinstance(value, list) else value


def same_in(names: Sequence[str]) -> str:
    """`same in 41 accounts: dev, prod and 39 more`."""
    return f"same in {count(len(names), 'account')}: {some(names, _MOST_NAMES)}"


def failures(document: Json) -> Iterator[tuple[str, str, str]]:
    """The accounts that failed: which, what happened, and how to mend it."""
    for item in document.get("failed") or ():
        account, error = item["account"], item["error"]
        where = f"{safe(account['name'])} ({safe(account['id'])})" if account.get("id") else safe(account["name"])
        request = f" (request {safe(error['request_id'])})" if error.get("request_id") else ""
        yield where, f"{safe(error['code'])}: {safe(error['message'])}{request}", safe(error.get("hint") or "")


def failed_texts(document: Json, *, color: bool, width: int) -> Iterator[str]:
    """The accounts that failed, for a terminal or a log: a paragraph each."""
    for where, told, hint in failures(document):
        lines = [paint(f"account {where}: failed", "error", on=color)]
        lines += [f"    {line}" for note in (told, hint and f"help: {hint}") if note for line in wrap(note, width - 4)]
        yield "\n".join(lines)


def failed_blocks(document: Json) -> Iterator[Block]:
    """The accounts that failed, as markdown: an entry each."""
    for where, told, hint in failures(document):
        below = f"\n  - {inline(hint)}" if hint else ""
        yield Block(f"- **failed** {inline(where)} {inline(told)}{below}", entry=True)


def waits(document: Json) -> Iterator[str]:
    """What waits for another account of the run, a line each."""
    for row in document.get("waits") or ():
        names = ", ".join(safe(name) for name in row["waits_for"])
        late = ", which comes later: until then it trusts nobody new" if row["late"] else ""
        yield f"{safe(row['address'])} of account {safe(row['account'])} waits for {names}{late}"


def _quiet(plan: Json) -> bool:
    told = ("changes", "guards", "findings", "reported", "aws_policies", "unread", "expiring")
    return not any(plan.get(name) for name in told)


def _anywhere(entry: Entry, account_id: str) -> Entry:
    """The change without the id of its account."""

    def free(text: str) -> str:
        return text.replace(account_id, OWN_ID)

    if not account_id:
        return entry
    lines = tuple(replace(line, field=free(line.field), text=free(line.text)) for line in entry.lines)
    return replace(
        entry,
        names=tuple(map(free, entry.names)),
        own=tuple(map(free, entry.own)),
        note=free(entry.note),
        origin=free(entry.origin),
        lines=lines,
    )
