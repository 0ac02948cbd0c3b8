"""Drift as the JSON document that every format is rendered from, and compared with the document of the last run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from iamsync.errors import InputError, Place
from iamsync.kinds import codec
from iamsync.model import Plan
from iamsync.planner.drift import AwsDrift, Drift
from iamsync.planner.planfile import alike, origin_json
from iamsync.planner.severity import GRADES, at_least
from iamsync.strictjson import misfit, read_object

FORMAT_VERSION: Final = "1.0"

Json = Mapping[str, Any]
Entry = dict[str, Any]
# What a plan says of credentials: no drift, since nobody changed anything, but somebody must see to it.
_OF_CREDENTIALS: Final = frozenset({"key-due", "two-keys", "place-taken"})
# What an entry is known by from one run to the next: what it is about, and what is there.
_HINT: Final = "name a file that --since-last wrote, or a new one"
_IDENTITY: Final = ("address", "field", "item", "what", "actual")


@dataclass(frozen=True, slots=True)
class Seen:
    """One account's drift, and who did what of it as far as that was asked (`attributions`, by its place in it)."""

    plan: Plan
    drift: tuple[Drift, ...]
    aws: tuple[AwsDrift, ...]
    attributions: Mapping[int, Json] = field(default_factory=dict)


def document(
    seen: Sequence[Seen],
    *,
    version: str,
    created_at: str,
    base: str | None = None,
    fail_on: str | None = None,
    failed: Sequence[Json] = (),
) -> dict[str, Any]:
    """The drift document; `base` and `fail_on` are what the run was given.

    `failed` are the accounts of several that could not be read, each with what happened.
    """
    now = seen[0].plan.now if seen else created_at
    return document_of(
        map(account_json, seen),
        version=version,
        created_at=created_at,
        now=now,
        base=base,
        fail_on=fail_on,
        failed=failed,
    )


def document_of(
    rows: Iterable[Json],
    *,
    version: str,
    created_at: str,
    now: str,
    base: str | None = None,
    fail_on: str | None = None,
    failed: Sequence[Json] = (),
) -> dict[str, Any]:
    """The same of accounts that are JSON values already (`account_json`)."""
    return {
        "format_version": FORMAT_VERSION,
        "iamsync_version": version,
        "created_at": created_at,
        "now": now,
        "base": base,
        "fail_on": fail_on,
        "since": None,
        "accounts": list(rows),
        **({"failed": list(failed)} if failed else {}),
    }


def failing(made: Json) -> int:
    """How many entries the exit code is about: all drift, or what is at or over the document's `fail_on`."""
    floor = made["fail_on"] or GRADES[-1]
    return sum(
        at_least(entry["severity"], floor)
        for account in made["accounts"]
        for entry in (*account["drift"], *account["aws_policies"])
    )


def account_json(seen: Seen) -> dict[str, Any]:
    """One account's drift."""
    plan = seen.plan
    told: dict[str, list[Entry]] = {"drift": [], "pending": [], "due": []}
    for at, one in enumerate(seen.drift):
        told[one.standing].append(_entry(one, seen.attributions.get(at)))
    aws = [
        {
            "policy": one.policy,
            "reviewed": one.reviewed,
            "current": one.current,
            "severity": one.severity,
            "affects": alike((str(address), access) for address, access in one.affected),
        }
        for one in seen.aws
    ]
    existing = sum(plan.count(action) for action in ("update", "replace", "delete"))
    grades = [entry["severity"] for entry in (*told["drift"], *aws)]
    return {
        "account": {"name": plan.account_name, "id": plan.account_id, "partition": plan.partition, "alias": plan.alias},
        "caller": plan.caller,
        "summary": {
            "managed": plan.unchanged + existing + plan.count("create"),
            "drift": {grade: grades.count(grade) for grade in GRADES},
            "pending": len(told["pending"]),
            "due": len(told["due"]),
            "unmanaged": len(plan.reported),
        },
        **told,
        "aws_policies": aws,
        "credentials": [
            {
                "id": one.id,
                "address": str(one.address),
                "message": one.title,
                "why": one.evidence or None,
                "remedy": one.remedy or None,
                "origin": origin_json(one.origin),
            }
            for one in (*plan.guards, *plan.findings)
            if one.id in _OF_CREDENTIALS
        ],
        "unmanaged": [
            {"address": str(item.address), "reason": item.reason, "owner": item.owner or None} for item in plan.reported
        ],
        "gone": [],
        "not_compared": [guard.title for guard in plan.guards if guard.id == "not-compared"],
        "unread": [f"{kind}.{name}" for kind, name in plan.unread],
        **({"narrowed": True} if plan.narrowed else {}),
    }


def _entry(one: Drift, attribution: Json | None) -> Entry:
    return {
        "address": str(one.address),
        "kind": one.address.kind,
        "name": one.address.name,
        "field": one.field or None,
        "item": one.item or None,
        "what": one.what,
        "message": one.text,
        "severity": one.severity,
        "expected": one.expected,
        "actual": one.actual,
        "details": list(one.details),
        "access": alike(one.access),
        "origin": origin_json(one.origin),
        "attribution": None if attribution is None else dict(attribution),
        "status": None,
    }


# -- Since the last run ------------------------------------------------------------------------------


def last_run(text: str, file: str) -> dict[str, Any]:
    """The document of an earlier run; InputError where it is none, or of a format this version cannot read."""
    try:
        made = read_object(text, file, "drift of an earlier run", code="bad-drift-file", hint=_HINT)
        major = str(made["format_version"]).partition(".")[0]
        for account in made["accounts"]:
            _ = account["account"]["id"], [entry["status"] for entry in account["drift"]], account["summary"]
    except (KeyError, TypeError) as error:
        raise _unreadable(
            f"this is not the drift of an earlier run: {misfit(error)}",
            file,
            _HINT,
        ) from error
    if major != FORMAT_VERSION.partition(".")[0]:
        said = f"this is of format {made['format_version']!r}; this iamsync reads {FORMAT_VERSION}"
        raise _unreadable(said, file, "delete it: the next run writes a new one")
    return made


def _unreadable(said: str, file: str, hint: str) -> InputError:
    return InputError(said, code="bad-drift-file", place=Place(file), hint=hint)


def keys(made: Json) -> dict[tuple[str, str], Entry]:
    """The drift of a document by account and identity."""
    return {
        (account["account"]["id"], identity(entry)): entry for account in made["accounts"] for entry in account["drift"]
    }


def identity(entry: Json) -> str:
    """What an entry is known by from one run to the next."""
    return codec.digest([entry.get(name) for name in _IDENTITY])


def attributed(account: str, found: Sequence[Drift], last: Json | None) -> dict[int, Entry]:
    """What an earlier run found out of who did what is still there: CloudTrail forgets it after 90 days."""
    before = keys(last) if last is not None else {}
    told: dict[int, Entry] = {}
    for at, one in enumerate(found):
        held = (before.get((account, identity(_entry(one, None)))) or {}).get("attribution")
        if one.standing == "drift" and held and held.get("who"):
            told[at] = held
    return told


def since(made: dict[str, Any], last: Json | None) -> dict[str, Any]:
    """The document with each entry marked `new` or `known`, and what was there in the last run and is `gone`."""
    before = keys(last) if last is not None else {}
    now = keys(made)
    gone: dict[str, list[Entry]] = {}
    for (account, name), entry in before.items():
        if (account, name) not in now:
            gone.setdefault(account, []).append({**entry, "status": "gone"})
    accounts = []
    for held in made["accounts"]:
        number = held["account"]["id"]
        drift = [
            {**entry, "status": "known" if (number, identity(entry)) in before else "new"} for entry in held["drift"]
        ]
        accounts.append({**held, "drift": drift, "gone": gone.get(number, [])})
    return {**made, "since": last["now"] if last is not None else None, "accounts": accounts}


def kept(made: Json, last: Json | None) -> dict[str, Any]:
    """What the next run is compared with: this document, and of accounts it is not about what was known of them."""
    looked_at = {account["account"]["id"] for account in made["accounts"]}
    others: Iterable[Json] = last["accounts"] if last is not None else ()
    rest = [account for account in others if account["account"]["id"] not in looked_at]
    return {**made, "accounts": [*made["accounts"], *rest]}
