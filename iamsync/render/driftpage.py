"""A drift document as a page: what somebody did by hand, who may do too much by it, what else is not as declared."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from iamsync.render.changes import origin_text
from iamsync.render.drift import no_drift
from iamsync.render.driftlines import attribution_text, aws_title
from iamsync.render.findingspage import counted, foot, graded, worst
from iamsync.render.graph import Marks, Picture, inventory
from iamsync.render.html import page_html
from iamsync.render.notices import GRADES, LOCK_FILE, Sources, of_drift
from iamsync.render.page import STAYED, TONES, Card, Detail, Link, Links, Page, Row, Section, Tile, failed, together
from iamsync.render.text import account_text, left_alone
from iamsync.render.words import count, some

Json = Mapping[str, Any]

OF_DRIFT: Final = Marks("changed", "what drifted", "Drift", ("there, and not declared", "declared, and not there"))
_SIGNS: Final = {"GAIN": "+", "LOSS": "-"}
_MOST_NAMES: Final = 10
# What a document is told by is its statements; a whole one would be told twice.
_LONGEST: Final = 240
_BESIDE: Final = {
    "pending": ("Pending", "Declared since the base, and not applied yet."),
    "due": ("Due", "Expired, and not taken away yet."),
    "gone": ("Gone", "There in the last run, and no more."),
}


def drift_html(document: Json, sources: Sources | None = None, graph: Json | None = None) -> str:
    """The whole document as one HTML file; `graph` is who may become whom, by the manifests and in the account."""
    page, picture = drift_page(document, sources or Sources(), graph)
    return page_html(page, picture)


def drift_page(document: Json, sources: Sources, graph: Json | None) -> tuple[Page, Picture | None]:
    """The document's sections, and the picture where there is one."""
    accounts = document["accounts"]
    several = len(accounts) > 1
    notices = of_drift(document, sources)
    drifted, anchors = _drifted(accounts, sources, several)
    picture = Picture.of(graph, anchors, OF_DRIFT) if graph is not None else None
    listed = inventory(picture, anchors) if picture is not None else ()
    access, _ = together(list(_access(accounts, anchors)), "p", several)
    sections = [
        failed(document),
        Section("drift", "Drift", "What is otherwise than declared, the gravest first.", drifted),
        Section("permissions", "Permissions", "Who may do more, or less, than the manifests say, and by what.", access),
        *(
            Section(key, title, lead, _beside(accounts, key, sources, several))
            for key, (title, lead) in _BESIDE.items()
        ),
        Section(
            "credentials",
            "Keys and passwords",
            "Due by their rules, and no drift: nobody changed anything.",
            tuple(_credentials(accounts, sources, several)),
        ),
        Section("inventory", "Inventory", "Everything in the picture, with what it is connected with.", listed),
        Section("left", "Not looked at", "What nobody declares, and what was not compared.", _left(accounts, several)),
    ]
    where = account_text(accounts[0]["account"]) if len(accounts) == 1 else count(len(accounts), "account")
    page = Page(
        title="IAM drift",
        words=f"{where}: {counted(notices) or 'none'}",
        tone="bad" if document.get("failed") else worst(notices),
        cards=tuple(_card(account, document) for account in accounts),
        tiles=(*graded(notices, "drift"), *_tiles(accounts)),
        sections=tuple(section for section in sections if section.rows or section.anchor == "drift"),
        foot=foot(document),
        pictured="drift",
        unpictured="" if picture is not None else STAYED,
    )
    return page, picture


def _card(account: Json, document: Json) -> Card:
    summary = account["summary"]
    facts = [("Caller", account["caller"])] if account.get("caller") else []
    facts.append(("Managed", str(summary["managed"])))
    facts += [("Base", document["base"])] if document["base"] else []
    facts += [("Compared with", f"the run of {document['since']}")] if document["since"] else []
    facts += (
        [("Not compared", f"{', '.join(account['unread'])}: this source does not tell")] if account["unread"] else []
    )
    found = account["drift"] or account["aws_policies"]
    words = "" if found else f"{no_drift(account)}."
    return Card(account_text(account["account"]), tuple(facts), words)


def _tiles(accounts: Sequence[Json]) -> tuple[Tile, ...]:
    new = sum(entry["status"] == "new" for account in accounts for entry in account["drift"])
    tiles = [
        Tile(new, "new", "drift", "warn", "status", "new"),
        *(Tile(sum(len(a[key]) for a in accounts), key, key, "plain") for key in _BESIDE),
        Tile(sum(len(account.get("credentials") or ()) for account in accounts), "keys due", "credentials", "plain"),
        Tile(sum(len(account["unmanaged"]) for account in accounts), "not declared", "left", "plain"),
    ]
    return tuple(tile for tile in tiles if tile.number)


def _drifted(
    accounts: Sequence[Json], sources: Sources, several: bool
) -> tuple[tuple[Row, ...], dict[tuple[str, str], str]]:
    """A row for each entry and each policy of AWS that changed, equal ones of several accounts as one.

    And by account id and address the first that is about it.
    """
    told: list[tuple[str, Json, Row, str]] = []
    for account in accounts:
        held = account["account"]
        told += [(entry["severity"], held, _entry(entry, sources), entry["address"]) for entry in account["drift"]]
        told += [(policy["severity"], held, _aws(policy, sources), "") for policy in account["aws_policies"]]
    told.sort(key=lambda one: GRADES.index(one[0]))
    rows, places = together([(held, row) for _, held, row, _ in told], "d", several)
    anchors: dict[tuple[str, str], str] = {}
    for (_, held, _, address), anchor in zip(told, places, strict=True):
        if address:
            anchors.setdefault((held["id"], address), anchor)
    return rows, anchors


def _entry(entry: Json, sources: Sources) -> Row:
    details = [*_values(entry), *(Detail(_sign(line), "", line) for line in entry["details"])]
    for one in entry["access"]:
        own = one["principals"] == [entry["address"]]
        details += [_gain(text, "" if own else some(one["principals"], 6)) for text in one["text"]]
    if entry["attribution"] is not None:
        details.append(Detail("", "who", attribution_text(entry["attribution"])))
    return Row(
        "",
        TONES.get(entry["severity"], "note"),
        entry["severity"],
        f"{entry['address']}: {entry['message']}",
        _place(entry["origin"], sources),
        facets={
            "kind": (entry["kind"],),
            "severity": (entry["severity"],),
            "status": (entry["status"],) if entry["status"] in ("new", "known") else (),
        },
        details=tuple(details),
        cause="new" if entry["status"] == "new" else "",
        opened=entry["severity"] in ("critical", "high"),
    )


def _values(entry: Json) -> Iterator[Detail]:
    """Both sides of a value that the message does not tell apart by itself."""
    if entry["details"]:
        return
    for sign, name, value in (("-", "declared", entry["expected"]), ("+", "there", entry["actual"])):
        if value is not None:
            text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
            shown = text if len(text) <= _LONGEST else f"{text[:_LONGEST]}... ({len(text)} characters)"
            yield Detail(sign, name, shown)


def _sign(line: str) -> str:
    """The sign that a line of a document's difference begins with."""
    first = line.lstrip()[:2]
    return first[0] if first in ("+ ", "- ") else ""


def _gain(text: str, who: str) -> Detail:
    verb, _, rest = text.partition("  ")
    return Detail(_SIGNS.get(verb, ""), verb, f"{who}: {rest}" if who else rest)


def _aws(policy: Json, sources: Sources) -> Row:
    details: list[Detail] = []
    for one in policy["affects"]:
        details += [_gain(text, some(one["principals"], 6)) for text in one["text"]]
    return Row(
        "",
        TONES.get(policy["severity"], "note"),
        policy["severity"],
        aws_title(policy),
        sources.path(LOCK_FILE),
        facets={"kind": ("policy",), "severity": (policy["severity"],)},
        details=tuple(details),
    )


def _access(accounts: Sequence[Json], anchors: Mapping[tuple[str, str], str]) -> Iterator[tuple[Json, Row]]:
    """The principals that have the same too much or too little, as a row, with what brings it."""
    for account in accounts:
        number = account["account"]["id"]
        alike: dict[tuple[str, ...], tuple[dict[str, None], dict[str, None]]] = {}
        for entry in account["drift"]:
            for one in entry["access"]:
                if one["text"]:
                    held, by = alike.setdefault(tuple(one["text"]), ({}, {}))
                    held.update(dict.fromkeys(one["principals"]))
                    by[entry["address"]] = None
        gaining = sorted(alike.items(), key=lambda item: not any(text.startswith("GAIN") for text in item[0]))
        for texts, (held, by) in gaining:
            gains = any(text.startswith("GAIN") for text in texts)
            links = tuple(Link(address, anchors.get((number, address), "")) for address in [*by][:_MOST_NAMES])
            row = Row(
                "",
                "warn" if gains else "note",
                "too much" if gains else "too little",
                some([*held], _MOST_NAMES),
                facets={"kind": tuple(sorted({one.partition("/")[0] for one in held if "/" in one}))},
                details=tuple(_gain(text, "") for text in texts),
                links=(Links("By the drift of", links, max(0, len(by) - _MOST_NAMES)),),
                opened=True,
            )
            yield account["account"], row


def _beside(accounts: Sequence[Json], key: str, sources: Sources, several: bool) -> tuple[Row, ...]:
    def row(entry: Json) -> Row:
        title, place = f"{entry['address']}: {entry['message']}", _place(entry["origin"], sources)
        return Row("", "plain", key, title, place, facets={"kind": (entry["kind"],)})

    told = [(account["account"], row(entry)) for account in accounts for entry in account[key]]
    return together(told, f"{key[0]}b", several)[0]


def _credentials(accounts: Sequence[Json], sources: Sources, several: bool) -> Iterator[Row]:
    told = ((account["account"]["name"], entry) for account in accounts for entry in account.get("credentials") or ())
    for at, (name, entry) in enumerate(told):
        notes = [f"account {name}"] if several else []
        yield Row(
            f"k{at}",
            "plain",
            "due" if entry["id"] == "key-due" else entry["id"],
            entry["message"],
            _place(entry["origin"], sources),
            facets={"kind": ("user",), "account": (name,)},
            notes=(*notes, *(text for text in (entry["why"], entry["remedy"]) if text)),
        )


def _left(accounts: Sequence[Json], several: bool) -> tuple[Row, ...]:
    rows: list[Row] = []
    for account in accounts:
        name = account["account"]["name"]
        aside = f"account {name}" if several else ""
        groups: dict[str, list[str]] = {}
        for item in account["unmanaged"]:
            groups.setdefault(left_alone(item), []).append(item["address"])
        for reason in sorted(groups):
            names = groups[reason]
            kinds = tuple(sorted({one.partition("/")[0] for one in names}))
            facets = {"kind": kinds, "account": (name,)}
            details = tuple(Detail("", "", one) for one in names)
            rows.append(Row(f"l{len(rows)}", "plain", str(len(names)), reason, aside, facets=facets, details=details))
        for text in account["not_compared"]:
            rows.append(Row(f"l{len(rows)}", "note", "not compared", text, aside, facets={"account": (name,)}))
    return tuple(rows)


def _place(origin: Json | None, sources: Sources) -> str:
    if origin is None:
        return ""
    told = {**origin, "file": sources.path(origin["file"])}
    if told.get("template"):
        told["template"] = {**told["template"], "file": sources.path(told["template"]["file"])}
    return origin_text(told)
