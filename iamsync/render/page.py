"""A report as a page: sections of rows that can be searched, filtered and folded, before any markup.

Texts are raw: whoever writes the page makes them harmless.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal

from iamsync.render.merged import ALIKE, OWN_ID, failures, same_in
from iamsync.render.notices import PROJECT_FILE, Notice
from iamsync.render.words import kind_word, some

Tone = Literal["create", "update", "replace", "delete", "bad", "warn", "note", "good", "plain"]

TONES: Final[dict[str, Tone]] = {"error": "bad", "critical": "bad", "high": "bad", "medium": "warn", "low": "warn"}
# How many rows a section shows before more is asked for; a browser lays thousands out for minutes.
AT_ONCE: Final = 200
# What the filters are called, in their order; the keys are facets of rows.
FACETS: Final = {
    "account": ("account", "All accounts"),
    "kind": ("kind", "All kinds"),
    "action": ("action", "All actions"),
    "severity": ("severity", "All severities"),
    "cause": ("cause", "All causes"),
    "outcome": ("outcome", "All outcomes"),
    "rule": ("rule", "All rules"),
    "status": ("status", "New and known"),
}
# Why a page of what was found elsewhere has no picture.
STAYED: Final = (
    "The picture is drawn of all that the accounts hold, which stays with the workers of --executor. Without it, for "
    "example with --account NAME, the picture is drawn."
)
_RANKS: Final = {
    "severity": ("refused", "error", "critical", "high", "medium", "low", "info", "acknowledged"),
    "action": ("create", "update", "replace", "delete"),
    "outcome": ("failed", "uncertain", "contradicted", "excepted", "passed"),
    "status": ("new", "known"),
}


@dataclass(frozen=True, slots=True)
class Detail:
    """One line inside a row: a sign (+, -, ~ or none), what it is about, and the text."""

    sign: str
    name: str
    text: str
    cause: str = ""
    depth: int = 0


@dataclass(frozen=True, slots=True)
class Link:
    """A way to another row of the page; `anchor` is empty where there is nothing to go to."""

    text: str
    anchor: str = ""


@dataclass(frozen=True, slots=True)
class Links:
    """What a row is connected with in one way: the first few, and how many more there are."""

    label: str
    links: tuple[Link, ...]
    more: int = 0


@dataclass(frozen=True, slots=True)
class Row:
    """One thing a reader looks at; `facets` are what the filters ask for."""

    anchor: str
    tone: Tone
    label: str
    title: str
    side: str = ""
    code: str = ""
    facets: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    details: tuple[Detail, ...] = ()
    links: tuple[Links, ...] = ()
    cause: str = ""
    where: str = ""
    opened: bool = False

    @property
    def folded(self) -> bool:
        """Whether there is more than fits the row's own line."""
        return bool(self.details or self.links)


@dataclass(frozen=True, slots=True)
class Section:
    """Rows under a heading; `columns` makes a table of them, whose cells are a row's details."""

    anchor: str
    title: str
    lead: str
    rows: tuple[Row, ...]
    columns: tuple[str, ...] = ()
    at_once: int = AT_ONCE


@dataclass(frozen=True, slots=True)
class Tile:
    """A figure at the top, and where it leads; `facet` and `value` are what is filtered for on the way."""

    number: int
    text: str
    anchor: str
    tone: Tone
    facet: str = ""
    value: str = ""


@dataclass(frozen=True, slots=True)
class Card:
    """What is said of one account: its name and a list of facts."""

    title: str
    facts: tuple[tuple[str, str], ...]
    words: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """The whole report; the access graph comes after the section that `pictured` names."""

    title: str
    words: str
    tone: Tone
    cards: tuple[Card, ...]
    tiles: tuple[Tile, ...]
    sections: tuple[Section, ...]
    foot: str
    unpictured: str = ""
    pictured: str = "changes"

    @property
    def filters(self) -> tuple[tuple[str, str, str, tuple[tuple[str, str], ...]], ...]:
        """The filters that have something to choose: facet, label, the choice of all, each value with its words."""
        out = []
        for facet, (label, everything) in FACETS.items():
            held = {value for section in self.sections for row in section.rows for value in row.facets.get(facet, ())}
            if len(held) > 1:
                values = ranked(facet, held)
                words = [kind_word(value) if facet == "kind" else value for value in values]
                out.append((facet, label, everything, tuple(zip(values, words, strict=True))))
        return tuple(out)


def ranked(facet: str, values: Iterable[str]) -> Sequence[str]:
    """The values of a facet in the order they are chosen from."""
    order = _RANKS.get(facet, ())
    return sorted(values, key=lambda value: (order.index(value) if value in order else len(order), value))


def together(
    found: Sequence[tuple[Mapping[str, Any], Row]], letter: str, several: bool
) -> tuple[tuple[Row, ...], tuple[str, ...]]:
    """Rows with the accounts they are of; those that three or more accounts have alike are one. And where each is now.

    Each is numbered behind `letter`, and says in a note whose it is where there are `several` accounts.
    """
    told = [_anywhere(row, account["id"]) for account, row in found]
    holders: dict[str, dict[str, None]] = {}
    for (account, _), row in zip(found, told, strict=True):
        holders.setdefault(repr(row), {})[account["name"]] = None
    rows: list[Row] = []
    anchors: list[str] = []
    known: dict[str, str] = {}
    for (account, own), row in zip(found, told, strict=True):
        names = tuple(holders[repr(row)])
        shared = len(names) >= ALIKE
        if shared and repr(row) in known:
            anchors.append(known[repr(row)])
            continue
        anchors.append(f"{letter}{len(rows)}")
        if shared:
            known[repr(row)] = anchors[-1]
        whose = same_in(names) if shared else f"account {account['name']}"
        made = row if shared else own
        facets = {**own.facets, "account": names if shared else (account["name"],)}
        notes = (*made.notes, whose) if several else made.notes
        rows.append(replace(made, anchor=anchors[-1], facets=facets, notes=notes))
    return tuple(rows), tuple(anchors)


def _anywhere(row: Row, account_id: str) -> Row:
    """The row without the id of its account."""

    def free(text: str) -> str:
        return text.replace(account_id, OWN_ID) if account_id else text

    details = tuple(replace(one, text=free(one.text)) for one in row.details)
    return replace(row, anchor="", title=free(row.title), notes=tuple(map(free, row.notes)), details=details)


def failed(document: Mapping[str, Any]) -> Section:
    """The accounts of several that could not be looked at, each with what happened and how to mend it."""
    rows = []
    for number, (where, told, hint) in enumerate(failures(document)):
        notes = (hint,) if hint else ()
        account = str(document["failed"][number]["account"]["name"])
        rows.append(Row(f"x{number}", "bad", "failed", where, facets={"account": (account,)}, notes=(told, *notes)))
    return Section(
        "failed", "Failed", "Accounts that could not be looked at; nothing here speaks of them.", tuple(rows)
    )


def notice_row(notice: Notice, anchor: str, several: bool, failing: str = "") -> Row:
    """A risk, a finding or a mistake as a row that is read without unfolding anything.

    `failing` is the word for one that the exit code is about, where that is another than its severity.
    """
    word = "acknowledged" if notice.accepted else failing if failing and notice.fails else notice.grade
    place = f"{notice.file}:{notice.line}" if notice.line else notice.file
    if not notice.line and notice.file.endswith(PROJECT_FILE):
        place = ""  # where a format must name a file and there is none to name
    kinds = tuple(sorted({name.partition("/")[0] for name in notice.about if "/" in name}))
    facets = {"severity": (word,), "kind": kinds, "account": (notice.account,) if notice.account else ()}
    facets |= {"rule": (notice.rule,)} if not failing else {}
    details = tuple(Detail("", *told) for told in zip(notice.labels, notice.detail, strict=False))
    notes = notice.detail if not details else ()
    if notice.accepted:
        notes = (*notes, f"acknowledged: {notice.accepted}")
    where = [some(notice.about, 8)] if notice.about else []
    where += [f"account {notice.account}"] if several and notice.account else []
    return Row(
        anchor,
        "bad" if word == "refused" else TONES.get(word, "note"),
        word,
        notice.text,
        place,
        notice.rule,
        facets,
        notes,
        details,
        where=", ".join(where),
        opened=True,
    )
