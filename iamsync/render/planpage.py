"""A plan document as a page: risks first, then who gains and loses what, the changes, the calls, what is left alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from iamsync.render.alike import condensed
from iamsync.render.changes import Entry, entries, expiring, labelled
from iamsync.render.fieldlines import Json, Line
from iamsync.render.graph import Picture, inventory
from iamsync.render.html import page_html
from iamsync.render.notices import Notice, Sources, of_plan
from iamsync.render.page import Card, Detail, Link, Links, Page, Row, Section, Tile, Tone, failed, notice_row, together
from iamsync.render.text import account_text, counts_text, left_alone, managed, no_changes
from iamsync.render.words import count, some

_ACTIONS: Final[dict[str, Tone]] = {"create": "create", "update": "update", "replace": "replace", "delete": "delete"}
_VERBS: Final[dict[str, tuple[str, Tone]]] = {"GAIN": ("+", "bad"), "LOSS": ("-", "good")}
_EFFECTS: Final[dict[str, Tone]] = {"grant": "create", "revoke": "delete", "mixed": "update"}
_MOST_NAMES: Final = 10
_NO_PICTURE: Final = (
    "A plan that was saved, or made by workers of --executor, holds what changes, not the whole account, of which the "
    "picture is drawn. iamsync plan --report html=FILE draws the picture, without --executor."
)
# What is told elsewhere on the page: who gains what has a section of its own.
_ELSEWHERE: Final = ("permission-gain", "permission-undecided")


def plan_html(document: Json, sources: Sources | None = None, graph: Json | None = None) -> str:
    """The whole document as one HTML file; `graph` is who may become whom before and after, with what is declared."""
    page, picture = plan_page(document, sources or Sources(), graph)
    return page_html(page, picture)


def plan_page(document: Json, sources: Sources, graph: Json | None = None) -> tuple[Page, Picture | None]:
    """The document's sections, and the picture of who may become whom where there is one."""
    plans = document["plans"]
    several = len(plans) > 1
    notices = [notice for notice in of_plan(document, sources) if notice.rule not in _ELSEWHERE]
    changes, anchors = _changes(plans, several)
    access, _ = together(list(_access(plans, anchors)), "p", several)
    picture = Picture.of(graph, anchors) if graph is not None else None
    listed = inventory(picture, anchors) if picture is not None else ()
    sections = [
        failed(document),
        Section("risks", "Risks", "What refuses, warns or is found, the gravest first.", _risks(notices, several)),
        Section("permissions", "Permissions", "Who gains and who loses what by these changes.", access),
        Section("changes", "Changes", "Deletions and replacements first; changes that are alike are one row.", changes),
        Section(
            "aws", "AWS's own policies", "Managed policies that AWS changed since they were reviewed.", _aws(plans)
        ),
        Section("expiring", "Expiring", "What ends by itself, soonest first.", _expiring(plans, several)),
        Section("inventory", "Inventory", "Everything in the picture, with what it is connected with.", listed),
        Section(
            "steps",
            "Calls",
            "The API calls of this plan in their order.",
            _steps(plans, anchors, several),
            ("Step", "Call", "Resource", "Parameters", "After"),
        ),
        Section("left", "Left alone", "Live resources that this plan does not touch, and why.", _left(plans, several)),
    ]
    kept = {"changes"} | {section.anchor for section in sections if section.rows}
    page = Page(
        title="IAM plan",
        words=_words(plans),
        tone="bad" if document.get("failed") else _tone(plans, notices),
        cards=tuple(_card(plan) for plan in plans),
        tiles=_tiles(plans, notices, access),
        sections=tuple(section for section in sections if section.anchor in kept),
        foot=f"iamsync {document['iamsync_version']}, made {document['created_at']}, planned for {document['now']}",
        unpictured="" if picture is not None else _NO_PICTURE,
    )
    return page, picture


def _total(plans: Sequence[Json]) -> dict[str, int]:
    total: dict[str, int] = {}
    for plan in plans:
        for key, number in plan["summary"].items():
            total[key] = total.get(key, 0) + number
    return total


def _words(plans: Sequence[Json]) -> str:
    told = (counts_text(_total(plans)) if plans else "") or "no changes"
    where = account_text(plans[0]["account"]) if len(plans) == 1 else count(len(plans), "account")
    return f"{where}: {told}"


def _tone(plans: Sequence[Json], notices: Sequence[Notice]) -> Tone:
    if any(notice.fails for notice in notices):
        return "bad"
    return "update" if any(plan["changes"] for plan in plans) else "good"


def _card(plan: Json) -> Card:
    summary = plan["summary"]
    facts = [("Caller", plan["caller"])] if plan["caller"] else []
    facts.append(("Managed", f"{managed(summary)}, of them {summary['unchanged']} unchanged"))
    if plan["steps"]:
        facts += [("Calls", str(summary["steps"])), ("Approval", plan["digests"]["approval"])]
    if plan.get("valid_until"):
        facts.append(("Valid until", plan["valid_until"]))
    if plan.get("unread"):
        facts.append(("Not compared", f"{', '.join(plan['unread'])}: this source does not tell"))
    words = "" if plan["changes"] else f"{no_changes(plan)}."
    return Card(account_text(plan["account"]), tuple(facts), words)


def _tiles(plans: Sequence[Json], notices: Sequence[Notice], access: Sequence[Row]) -> tuple[Tile, ...]:
    total = _total(plans)
    refused = sum(notice.fails for notice in notices)
    tiles = [
        Tile(refused, "refused" if refused != 1 else "refusal", "risks", "bad", "severity", "refused"),
        *(Tile(total.get(a, 0), f"to {a}", "changes", tone, "action", a) for a, tone in _ACTIONS.items()),
        Tile(sum(_gains(row, "GAIN") for row in access), "who gain", "permissions", "warn"),
        Tile(sum(_gains(row, "LOSS") for row in access), "who lose", "permissions", "good"),
        Tile(total.get("reported", 0), "left alone", "left", "plain"),
    ]
    return tuple(tile for tile in tiles if tile.number)


def _gains(row: Row, verb: str) -> int:
    """How many principals a row of the permissions speaks of, where it tells of a gain (or loss)."""
    return len(row.facets["who"]) if any(line.name == verb for line in row.details) else 0


def _risks(notices: Sequence[Notice], several: bool) -> tuple[Row, ...]:
    ordered = sorted(notices, key=lambda notice: (bool(notice.accepted), not notice.fails))
    return tuple(notice_row(notice, f"r{at}", several, "refused") for at, notice in enumerate(ordered))


def _changes(plans: Sequence[Json], several: bool) -> tuple[tuple[Row, ...], dict[tuple[str, str], str]]:
    """A row for each change, by account id and address where it stands too.

    Equal ones of several accounts are one row, and those of one template that differ in words alone.
    """
    told = [(plan["account"], entry) for plan in plans for entry in condensed(entries(plan))]
    rows, places = together([(account, _change(entry)) for account, entry in told], "c", several)
    anchors: dict[tuple[str, str], str] = {}
    for (account, entry), anchor in zip(told, places, strict=True):
        anchors.update({(account["id"], f"{entry.kind}/{name}"): anchor for name in entry.names})
    for plan in plans:
        for address in (
            change["address"] for change in plan["changes"]
        ):  # names that `safe` spells otherwise are found by their own spelling too
            spelled = anchors.get((plan["account"]["id"], _safe(address)))
            if spelled is not None:
                anchors[plan["account"]["id"], address] = spelled
    return rows, anchors


def _safe(text: str) -> str:
    from iamsync.render.inert import safe

    kind, slash, name = text.partition("/")
    return f"{safe(kind)}{slash}{safe(name)}"


def _change(entry: Entry) -> Row:
    details = [_detail(name, line) for name, line in labelled(entry.lines)]
    if len(entry.names) > 1:
        own = [f" ({text})" for text in entry.own] or [""] * len(entry.names)
        alike = [Detail("", "alike", f"{entry.kind}/{name}{text}") for name, text in zip(entry.names, own, strict=True)]
        details = [*([Detail("", "names", entry.pattern)] if entry.pattern else []), *alike, *details]
    causes = {entry.cause, *(line.cause for line in entry.lines if line.cause)}
    return Row(
        "",
        _ACTIONS.get(entry.action, "plain"),
        entry.action,
        entry.title.partition(" ")[2],
        entry.origin,
        facets={
            "kind": (entry.kind,),
            "action": (entry.action,),
            "cause": tuple(sorted(causes)),
        },
        notes=(entry.note,) if entry.note else (),
        details=tuple(details),
        cause="" if entry.cause == "declared" else entry.cause,
    )


def _detail(name: str, line: Line) -> Detail:
    if line.field in _VERBS:
        return Detail(line.mark, line.field, line.text, line.cause, line.depth)
    return Detail(line.mark, name, line.text, line.cause, line.depth)


def _access(plans: Sequence[Json], anchors: Mapping[tuple[str, str], str]) -> Iterator[tuple[Json, Row]]:
    """The principals that one gain or loss is the same for, as a row, with the changes that bring it."""
    for plan in plans:
        account = plan["account"]
        alike: dict[tuple[str, ...], tuple[dict[str, None], dict[str, None]]] = {}
        for change in plan["changes"]:
            own = [((change["address"],), change["access"])] if change.get("access") else []
            others = [*(change.get("affects") or ()), *(change.get("outside") or ())]
            for who, access in [*own, *((tuple(one["principals"]), one) for one in others)]:
                if access["text"]:
                    held, by = alike.setdefault(tuple(access["text"]), ({}, {}))
                    held.update(dict.fromkeys(who))
                    by[change["address"]] = None
        ordered = sorted(alike.items(), key=lambda item: (_loses_only(item[0]), *item[1][0]))
        for texts, (held, by) in ordered:
            lines = [text.partition("  ") for text in texts]
            names = list(held)
            gains = any(verb == "GAIN" for verb, _, _ in lines)
            undecided = not gains and any(verb not in _VERBS for verb, _, _ in lines)
            row = Row(
                "",
                "warn" if gains else "note" if undecided else "good",
                "gain" if gains else "undecided" if undecided else "loss",
                some(names, _MOST_NAMES),
                facets={
                    "kind": tuple(sorted({name.partition("/")[0] for name in names if "/" in name})),
                    "who": tuple(names),
                },
                details=tuple(Detail(_VERBS.get(verb, ("", ""))[0], verb, rest) for verb, _, rest in lines),
                links=(_to_changes("By the change of", list(by), account["id"], anchors),),
                opened=True,
            )
            yield account, row


def _loses_only(texts: Sequence[str]) -> int:
    """Gains before what is undecided before losses."""
    verbs = {text.partition("  ")[0] for text in texts}
    return 0 if "GAIN" in verbs else 2 if verbs == {"LOSS"} else 1


def _to_changes(label: str, addresses: Sequence[str], account: str, anchors: Mapping[tuple[str, str], str]) -> Links:
    links = tuple(Link(name, anchors.get((account, name), "")) for name in addresses[:_MOST_NAMES])
    return Links(label, links, max(0, len(addresses) - _MOST_NAMES))


def _aws(plans: Sequence[Json]) -> tuple[Row, ...]:
    rows: list[Row] = []
    for plan in plans:
        for one in plan.get("aws_policies") or ():
            details: list[Detail] = []
            for told in one["affects"]:
                details.append(Detail("", "for", some(told["principals"], _MOST_NAMES)))
                for text in told["text"]:
                    verb, _, rest = text.partition("  ")
                    details.append(Detail(_VERBS.get(verb, ("", ""))[0], verb, rest))
            moved = f"{one['reviewed']} to {one['current']}"
            rows.append(
                Row(
                    f"w{len(rows)}",
                    "warn",
                    "changed",
                    one["policy"],
                    moved,
                    facets={"kind": ("policy",), "account": (plan["account"]["name"],)},
                    details=tuple(details),
                )
            )
    return tuple(rows)


def _expiring(plans: Sequence[Json], several: bool) -> tuple[Row, ...]:
    told = sorted((at, what, place, plan["account"]["name"]) for plan in plans for at, what, place in expiring(plan))
    return tuple(
        Row(
            f"e{number}",
            "note",
            at,
            what,
            place,
            facets={"account": (account,)},
            notes=(f"account {account}",) if several else (),
        )
        for number, (at, what, place, account) in enumerate(told)
    )


def _steps(plans: Sequence[Json], anchors: Mapping[tuple[str, str], str], several: bool) -> tuple[Row, ...]:
    rows: list[Row] = []
    for plan in plans:
        account = plan["account"]
        name = f"{account['name']} " if several else ""
        for step in plan["steps"]:
            address = step.get("address") or ""
            params = ", ".join(f"{key}={_short(value)}" for key, value in step["params"].items())
            cells = (f"{name}{step['id']}", step["operation"], address, params, " ".join(step["after"]))
            rows.append(
                Row(
                    f"s{len(rows)}",
                    _EFFECTS.get(step["effect"], "plain"),
                    step["effect"],
                    step["operation"],
                    facets={
                        "kind": (address.partition("/")[0],) if address else (),
                        "account": (account["name"],),
                    },
                    details=tuple(Detail("", "", cell) for cell in cells),
                    links=(Links("", (Link(address, anchors.get((account["id"], address), "")),)),) if address else (),
                )
            )
    return tuple(rows)


def _short(value: object, most: int = 160) -> str:
    import json

    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= most else f"{text[:most]}... ({len(text)} characters)"


def _left(plans: Sequence[Json], several: bool) -> tuple[Row, ...]:
    rows: list[Row] = []
    for plan in plans:
        groups: dict[str, list[str]] = {}
        for item in plan["reported"]:
            groups.setdefault(left_alone(item), []).append(item["address"])
        for reason in sorted(groups):
            names = groups[reason]
            rows.append(
                Row(
                    f"l{len(rows)}",
                    "plain",
                    str(len(names)),
                    reason,
                    f"account {plan['account']['name']}" if several else "",
                    facets={
                        "kind": tuple(sorted({name.partition("/")[0] for name in names})),
                        "account": (plan["account"]["name"],),
                    },
                    details=tuple(Detail("", "", name) for name in names),
                )
            )
    return tuple(rows)
