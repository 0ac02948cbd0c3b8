"""Reports of many accounts: the changes that several of them have alike told once, and what came to nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from iamsync.render.blocks import Block
from iamsync.render.changes import Entry, entries
from iamsync.render.inert import inline, safe
from iamsync.render.words import count, paint, some, wrap

Json = Mapping[str, Any]

# So many accounts with one change are worth one entry.
_ALIKE: Final = 3
_MOST_NAMES: Final = 20


@dataclass(frozen=True, slots=True)
class Shared:
    """Changes that several accounts have alike; the account's own id reads $(account.id) in them."""

    accounts: tuple[str, ...]
    entries: tuple[Entry, ...]

    @property
    def title(self) -> str:
        """`same in 41 accounts: dev, prod and 39 more`."""
        return f"same in {count(len(self.accounts), 'account')}: {some(self.accounts, _MOST_NAMES)}"


@dataclass(frozen=True, slots=True)
class Merged:
    """The accounts of a document: what several share, and for each plan the changes that are its own."""

    shared: tuple[Shared, ...]
    own: tuple[tuple[Entry, ...], ...]
    quiet: tuple[str, ...]  # where nothing changes and nothing is to be said


def merged(document: Json) -> Merged:
    """What the accounts of this document have in common; of fewer than three, nothing."""
    plans: Sequence[Json] = document["plans"]
    found = [tuple(entries(plan)) for plan in plans]
    if len(plans) < _ALIKE:
        return Merged((), tuple(found), ())
    holders: dict[Entry, list[int]] = {}
    for at, (plan, made) in enumerate(zip(plans, found, strict=True)):
        for entry in made:
            holders.setdefault(_anywhere(entry, plan["account"]["id"]), []).append(at)
    together: dict[tuple[int, ...], list[Entry]] = {}
    for entry, where in holders.items():
        if len(where) >= _ALIKE:
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
    return Merged(tuple(shared), own, still if len(still) >= _ALIKE else ())


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
        return text.replace(account_id, "$(account.id)")

    if not account_id:
        return entry
    lines = tuple(replace(line, field=free(line.field), text=free(line.text)) for line in entry.lines)
    return replace(
        entry, names=tuple(map(free, entry.names)), note=free(entry.note), origin=free(entry.origin), lines=lines
    )
