"""Documents of findings as pages: what validate and test found, and any other document of findings (an audit's).

A findings document has `accounts` (each with `account`: name, id, alias; and `facts`, what else is said of it) and
`findings`: id, severity, account (a name), address, message, evidence, remedy, origin (file and line),
acknowledged, references. `validate` has its own form, with `place`, `addresses` and `accounts`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from iamsync.render.decisions import row_lines, wrong
from iamsync.render.graph import Marks, Picture, inventory
from iamsync.render.html import page_html
from iamsync.render.notices import GRADES, Notice, Sources, of_check, of_findings, of_tests
from iamsync.render.page import TONES, Card, Detail, Page, Row, Section, Tile, Tone, failed, notice_row
from iamsync.render.text import account_text
from iamsync.render.words import count

Json = Mapping[str, Any]
Anchors = Mapping[tuple[str, str], str]

OF_FINDINGS: Final = Marks("found", "what the findings are about", "Finding")
_OUTCOMES: Final[dict[str, Tone]] = {"passed": "good", "excepted": "plain", "uncertain": "warn"}
_LEAD: Final = "The gravest first: what it is, where it stands, and what to do about it."


def findings_page(document: Json, sources: Sources, graph: Json | None, title: str) -> tuple[Page, Picture | None]:
    """The findings as rows of one section, and the picture where there is one."""
    accounts = document["accounts"]
    notices = of_findings(document, sources)
    rows = tuple(notice_row(notice, f"f{at}", len(accounts) > 1) for at, notice in enumerate(notices))
    ids = {account["account"]["name"]: account["account"]["id"] for account in accounts}
    anchors = _anchors(notices, rows, ids)
    picture = Picture.of(graph, anchors, OF_FINDINGS) if graph is not None else None
    listed = inventory(picture, anchors) if picture is not None else ()
    sections = [Section("findings", "Findings", _LEAD, rows)]
    if listed:
        lead = "Everything in the picture, with what it is connected with."
        sections.append(Section("inventory", "Inventory", lead, listed))
    where = account_text(accounts[0]["account"]) if len(accounts) == 1 else count(len(accounts), "account")
    page = Page(
        title=title,
        words=f"{where}: {counted(notices) or 'nothing found'}",
        tone=worst(notices),
        cards=tuple(_card(account) for account in accounts),
        tiles=graded(notices, "findings"),
        sections=tuple(sections),
        foot=foot(document),
        pictured="findings",
    )
    return page, picture


def check_html(document: Json, sources: Sources | None = None) -> str:
    """What `validate` found, as one HTML file."""
    found = of_check({**document, "failed": ()}, sources or Sources())
    notices = [notice for notice in found if not notice.rule.startswith("permission-test")]
    several = len(document["accounts"]) > 1
    rows = tuple(notice_row(notice, f"f{at}", several) for at, notice in enumerate(notices))
    tested = tuple(_tested(document["tests"], sources or Sources()))
    sections = [Section("findings", "Findings", _LEAD, rows)]
    if tested:
        sections.append(_tests(tested))
    sections[:0] = _failed(document)
    words = f"{_accounts(document['accounts'])}{counted(notices) or 'nothing found'}"
    words += f"; {_outcome(document['tests'])}" if tested else ""
    page = Page(
        title="IAM manifests",
        words=words if document["valid"] else count(len(document["errors"]), "mistake"),
        tone="bad" if document.get("failed") else worst(found),
        cards=tuple(_checked(account) for account in document["accounts"]),
        tiles=(*graded(notices, "findings"), *_test_tiles(document["tests"])),
        sections=tuple(sections),
        foot=foot(document, "iamsync validate"),
    )
    return page_html(page)


def results_html(document: Json, sources: Sources | None = None) -> str:
    """How permission tests came out, as one HTML file."""
    accounts = document["accounts"]
    found = of_tests({**document, "failed": ()}, sources or Sources())
    mistakes = [notice for notice in found if notice.grade == "error"]
    rows = tuple(notice_row(notice, f"f{at}", several=False) for at, notice in enumerate(mistakes))
    sections = [Section("findings", "Mistakes", "What has to be mended before anything can be tested.", rows)]
    page = Page(
        title="IAM permission tests",
        words=count(len(mistakes), "mistake") if mistakes else f"{_accounts(accounts)}{_outcome(accounts)}",
        tone="bad" if document.get("failed") else worst(found),
        cards=tuple(_subject(account) for account in accounts),
        tiles=(*graded(mistakes, "findings"), *_test_tiles(accounts)),
        sections=(
            *_failed(document),
            *(sections if mistakes else ()),
            _tests(tuple(_tested(accounts, sources or Sources()))),
        ),
        foot=foot(document, "iamsync test"),
    )
    return page_html(page)


def _failed(document: Json) -> list[Section]:
    return [failed(document)] if document.get("failed") else []


# -- What pages of findings share --------------------------------------------------------------------


def counted(notices: Iterable[Notice]) -> str:
    """`1 critical, 3 low`, or nothing where there is nothing; what was consented to is counted apart."""
    held = [notice.grade for notice in notices if not notice.accepted]
    told = [f"{held.count(grade)} {grade}" for grade in GRADES if grade in held]
    accepted = sum(bool(notice.accepted) for notice in notices)
    return ", ".join([*told, *([f"{accepted} acknowledged"] if accepted else [])])


def graded(notices: Sequence[Notice], anchor: str) -> tuple[Tile, ...]:
    """A figure for each severity there is, which leads to its rows."""
    held = [notice.grade for notice in notices if not notice.accepted]
    tiles = [Tile(held.count(g), g, anchor, TONES.get(g, "note"), "severity", g) for g in GRADES if g in held]
    accepted = sum(bool(notice.accepted) for notice in notices)
    return (
        *tiles,
        *([Tile(accepted, "acknowledged", anchor, "plain", "severity", "acknowledged")] if accepted else []),
    )


def worst(notices: Iterable[Notice]) -> Tone:
    """The tone of the page: bad where the exit code is about something or it is grave."""
    open_ones = [notice for notice in notices if not notice.accepted]
    if any(notice.fails or TONES.get(notice.grade) == "bad" for notice in open_ones):
        return "bad"
    return "update" if open_ones else "good"


def foot(document: Json, otherwise: str = "iamsync") -> str:
    """Which version made the document, when, and at which time it was looked at."""
    if "iamsync_version" not in document:
        return otherwise
    made = f"iamsync {document['iamsync_version']}, made {document['created_at']}"
    return f"{made}, as of {document['now']}" if document.get("now") else made


def _anchors(notices: Sequence[Notice], rows: Sequence[Row], ids: Mapping[str, str]) -> dict[tuple[str, str], str]:
    """By account id and address the first row that is about it."""
    found: dict[tuple[str, str], str] = {}
    for notice, row in zip(notices, rows, strict=True):
        for address in notice.about:
            found.setdefault((ids.get(notice.account, ""), address), row.anchor)
    return found


def _card(account: Json) -> Card:
    facts = account.get("facts") or {}
    return Card(account_text(account["account"]), tuple((str(name), str(value)) for name, value in facts.items()))


def _checked(account: Json) -> Card:
    held = ", ".join(count(number, kind) for kind, number in account["resources"].items())
    facts = [("Resources", held or "none"), ("Files", str(account["files"]))]
    if account["suppressed"]:
        facts.append(("Suppressed", count(account["suppressed"], "finding")))
    return Card(f"{account['account']} ({account['id']})", tuple(facts))


def _subject(account: Json) -> Card:
    outcome = f"{account['failed']} failed" if account["failed"] else "all passed"
    facts = (("Tests", f"{account['tests']}, {outcome}"), ("Tested", account["about"]))
    return Card(f"{account['account']} ({account['id']})", facts)


def _accounts(accounts: Sequence[Json]) -> str:
    if not accounts:
        return ""
    one = f"{accounts[0]['account']} ({accounts[0]['id']})"
    return f"{one if len(accounts) == 1 else count(len(accounts), 'account')}: "


def _tests(rows: tuple[Row, ...]) -> Section:
    return Section("tests", "Permission tests", "What somebody must be able to do, or must not; failures first.", rows)


def _tested(accounts: Iterable[Json], sources: Sources) -> Iterator[Row]:
    """A row for each test and the principals it came out the same for, failures first."""
    alike: dict[tuple[str, ...], list[Json]] = {}
    held = list(accounts)
    several = len(held) > 1
    for account in held:
        for row in account["rows"]:
            alike.setdefault((account["account"], row["test"], row["outcome"], *_told(row)), []).append(row)
    ordered = sorted(alike.items(), key=lambda item: not wrong(item[1][0]))
    for at, ((name, test, outcome, *lines), rows) in enumerate(ordered):
        names = list(dict.fromkeys(row["principal"] for row in rows))
        yield Row(
            f"t{at}",
            _OUTCOMES.get(outcome, "bad"),
            outcome,
            test,
            f"{sources.path(rows[0]['file'])}:{rows[0]['line']}",
            facets={
                "kind": tuple(sorted({name.partition("/")[0] for name in names if "/" in name})),
                "account": (name,),
                "outcome": (outcome,),
            },
            notes=(f"account {name}",) if several else (),
            details=tuple(Detail("", "", text) for text in lines or names),
            opened=bool(lines),
        )


def _told(row: Json) -> list[str]:
    """How a row came out in words, nothing where it passed."""
    return [line.strip() for line in row_lines(row)] if wrong(row) else []


def _outcome(accounts: Sequence[Json]) -> str:
    tests, wrong_ones = (sum(account[key] for account in accounts) for key in ("tests", "failed"))
    return f"{wrong_ones} of {count(tests, 'test')} failed" if wrong_ones else f"{count(tests, 'test')} passed"


def _test_tiles(accounts: Sequence[Json]) -> tuple[Tile, ...]:
    tests, wrong_ones = (sum(account[key] for account in accounts) for key in ("tests", "failed"))
    tiles = [Tile(wrong_ones, "failed", "tests", "bad"), Tile(tests - wrong_ones, "passed", "tests", "good")]
    return tuple(tile for tile in tiles if tile.number)
