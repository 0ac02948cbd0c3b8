"""Changes made by one template that differ only in what their resources were given, told once with what is each one's.

In the lines `<name>` stands for the resource's name and `<1>` for the part of it that is its own, which the pattern of
the names tells; other differences are `<2>` and on, and every name is followed by its own: nothing is left out.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Final

from iamsync.render.changes import ALIKE, Entry, origin_text
from iamsync.render.fieldlines import Json, Line
from iamsync.render.inert import safe

# More differences than this are read faster one by one.
_MOST: Final = 3
# What would be taken for one of ours.
_OURS: Final = re.compile(r"<(?:name|\d+)>")
# What is no single word, and what reaches further than a word of its length seems to.
_MORE: Final = re.compile(r"[*?<\s]")
_EDGE: Final = re.compile(r"[^A-Za-z0-9]")


def condensed(made: Iterable[Entry]) -> list[Entry]:
    """The changes, those of three or more resources of one template as one where only their words differ."""
    buckets: dict[object, list[Entry]] = {}
    order: list[list[Entry]] = []
    for at, entry in enumerate(made):
        held = buckets.setdefault(_frame(entry) or at, [])
        if not held:
            order.append(held)
        held.append(entry)
    return [entry for held in order for entry in _parted(held)]


def alike_findings(findings: Sequence[Json]) -> list[Json]:
    """The findings, those on three or more resources of one template as one where only their words differ.

    Such a one has in `told` how many it is about and all their addresses; `<name>` is an address in it.
    """
    made = condensed(_as_entry(at, finding) for at, finding in enumerate(findings))
    out: list[Json] = []
    for entry in made:
        first = findings[entry.source]
        if len(entry.names) == 1:
            out.append(first)
            continue
        texts = {line.field: line.text for line in entry.lines}
        told = f"{len(entry.names)} alike: {entry.told_names}"
        out.append({**first, **texts, "origin": first["origin"]["template"], "told": told})
    return out


def _as_entry(at: int, finding: Json) -> Entry:
    """A finding in the form of a change of its address; which one it is stands in `source`."""
    origin, address = finding.get("origin") or {}, finding.get("address")
    return Entry(
        action=safe(finding["severity"]),
        kind=safe(finding["id"]),
        names=(safe(address or ""),),
        cause="",
        origin="",
        note=safe(finding.get("acknowledged") or ""),
        renamed_from="",
        lines=tuple(Line("", name, safe(finding[name] or "")) for name in ("message", "evidence", "remedy")),
        template=origin_text(origin["template"]) if address and origin.get("template") else "",
        source=at,
    )


def _frame(entry: Entry) -> object:
    """What changes have in common that may become one; None for a change that stays by itself."""
    if not entry.template or len(entry.names) > 1 or entry.renamed_from or any(map(_OURS.search, _texts(entry))):
        return None
    shape = tuple((line.mark, line.field, line.cause, line.depth) for line in entry.lines)
    return entry.action, entry.kind, entry.cause, entry.note, entry.template, shape


def _texts(entry: Entry) -> Iterator[str]:
    yield entry.names[0]
    yield from (line.text for line in entry.lines)


def _parted(entries: list[Entry]) -> list[Entry]:
    """Groups in each of which every line is, but for the names, either the same for all or another one for each."""
    if len(entries) < ALIKE:
        return entries
    rows = _named(entries)
    for at in range(len(entries[0].lines)):
        counted = Counter(row[at] for row in rows)
        if 1 < len(counted) < len(entries):
            # Whoever differs from most of the others must not stand in their row.
            held: dict[str, list[Entry]] = {}
            for entry, row in zip(entries, rows, strict=True):
                number = counted[row[at]]
                held.setdefault(row[at] if number >= ALIKE else ("pairs", "alone")[number == 1], []).append(entry)
            pairs = held.pop("pairs", [])
            return [one for group in held.values() for one in _parted(group)] + pairs
    together = _together(entries, rows)
    return [together] if together is not None else entries


def _named(entries: Sequence[Entry]) -> list[list[str]]:
    """The lines of each with `<name>` for its name, and `<1>` for the part of it that is its own."""
    names = [entry.names[0] for entry in entries]
    return [
        [_replaced(_replaced(line.text, name, "<name>"), part, "<1>") for line in entry.lines]
        for entry, name, part in zip(entries, names, _hole(names)[1], strict=True)
    ]


def _together(entries: Sequence[Entry], rows: Sequence[Sequence[str]]) -> Entry | None:
    """These changes as one, or None where their differences are too many, or more than words."""
    names = [entry.names[0] for entry in entries]
    before, _, after = _hole(names)
    columns: list[list[str]] = []
    lines = []
    for at, line in enumerate(entries[0].lines):
        texts = [row[at] for row in rows]
        if all(entry.lines[at].text == line.text for entry in entries):
            lines.append(line)
            continue
        text = texts[0] if len(set(texts)) == 1 else _spelled(texts, columns)
        if text is None:
            return None
        lines.append(replace(line, text=text))
    if len(columns) > _MOST:
        return None
    own = [
        ", ".join(f"<{number}> {column[at]}" for number, column in enumerate(columns, 2)) for at in range(len(names))
    ]
    told = any("<1>" in line.text for line in lines)
    return replace(
        entries[0],
        names=tuple(names),
        own=tuple(own) if columns else (),
        pattern=f"{before}<1>{after}" if told else "",
        origin=f"template {entries[0].template}",
        lines=tuple(lines),
    )


def _spelled(texts: list[str], columns: list[list[str]]) -> str | None:
    """The text of all with a mark where they differ; a new difference joins `columns`, from <2> on."""
    before, words, after = _hole(texts)
    if not (before or after) or not all(words) or any(map(_MORE.search, words)):
        return None
    if words not in columns:
        columns.append(words)
    return f"{before}<{columns.index(words) + 2}>{after}"


def _replaced(text: str, word: str, mark: str) -> str:
    """The text with a mark for a word, wherever it stands as a word."""
    return re.sub(rf"(?<![A-Za-z0-9]){re.escape(word)}(?![A-Za-z0-9])", mark, text) if word else text


def _hole(texts: Sequence[str]) -> tuple[str, list[str], str]:
    """What all begin with, what each has between, what all end with; cut where words end."""
    before = _beginning(texts)
    before = before[: _edge(before)]
    rest = [text[len(before) :] for text in texts]
    after = _beginning([text[::-1] for text in rest])
    after = after[: _edge(after)][::-1]
    return before, [text[: len(text) - len(after)] for text in rest], after


def _edge(text: str) -> int:
    """How much of a text ends where a word does."""
    return max((found.end() for found in _EDGE.finditer(text)), default=0)


def _beginning(texts: Sequence[str]) -> str:
    """What all texts begin with: what the first and the last of them in order share."""
    low, high = min(texts), max(texts)
    at = next((at for at, (one, other) in enumerate(zip(low, high, strict=False)) if one != other), len(low))
    return low[:at]
