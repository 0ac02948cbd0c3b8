"""An audit's document as text for a terminal or a log, and as GitHub-flavoured markdown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from iamsync.render.blocks import COMMENT, Block, Limit, marker, whole_or_fitted
from iamsync.render.changes import origin_text
from iamsync.render.inert import code, inline, longest_run, safe
from iamsync.render.merged import failed_blocks, failed_texts
from iamsync.render.notices import GRADES
from iamsync.render.text import account_text
from iamsync.render.words import cells, columns, count, pad, paint, some, wrap

Json = Mapping[str, Any]

_SEVERE: Final = {"critical": "red", "high": "red", "medium": "yellow"}
_LABEL: Final = 10
# A reader of text sees so many findings of a kind; JSON has all, and so has --verbose.
_MOST: Final = 12
_MOST_LINES: Final = 6


def audit_text(document: Json, *, color: bool = False, verbose: bool = False, width: int = 110) -> str:
    """The whole document, an account after the other; `verbose` leaves nothing out."""
    layout = _Layout(color, verbose, max(width, 60))
    parts = ["\n".join(layout.account(account)) for account in document["accounts"]]
    return "\n\n".join([*parts, *failed_texts(document, color=color, width=width)])


def audit_summary(document: Json) -> str:
    """The whole document in a line."""
    accounts = document["accounts"]
    where = account_text(accounts[0]["account"]) if len(accounts) == 1 else count(len(accounts), "account")
    return f"iamsync audit: {_counts(accounts) or 'nothing found'} in {where}"


def _counts(accounts: Sequence[Json]) -> str:
    grades = [row["severity"] for account in accounts for row in account["findings"] if row["status"] != "known"]
    return ", ".join(f"{grades.count(grade)} {grade}" for grade in GRADES if grade in grades)


def controls_text(account: Json) -> str:
    """How many of the controls passed, failed and cannot be decided."""
    outcomes = [control["outcome"] for control in account["controls"]]
    told = (f"{outcomes.count(word)} {word}" for word in ("passed", "failed", "not decidable"))
    return f"CIS AWS Foundations: {', '.join(told)}"


def below(row: Json) -> list[str]:
    """What stands under a finding: its steps or its evidence, what to do, whose controls it answers; safe to show."""
    lines = []
    if row["path"] is not None and row["path"]["steps"]:
        lines += [safe(line) for line in row["path"]["lines"]]
    elif row["evidence"]:
        lines.append(safe(row["evidence"]))
    if row["remedy"]:
        lines.append(f"remedy: {safe(row['remedy'])}")
    if row["references"]:
        lines.append(safe(references_text(row["references"])))
    return lines


def references_text(references: Sequence[str]) -> str:
    """Controls by standard in a few words: `CIS AWS Foundations 3.0: 1.4; 6.0: 2.3; PCI DSS 4.0: 8.2.2, 8.6.1`."""
    held: dict[str, list[str]] = {}
    rest = []
    for text in references:
        standard, colon, number = text.partition(": ")
        if colon and "://" not in standard:
            held.setdefault(standard, []).append(number)
        else:
            rest.append(text)
    return "; ".join([*(f"{standard}: {', '.join(numbers)}" for standard, numbers in held.items()), *rest])


class _Layout:
    """One rendering as text: the options, and a method a part of it."""

    def __init__(self, color: bool, verbose: bool, width: int) -> None:
        self.color, self.verbose, self.width = color, verbose, width

    def account(self, account: Json) -> Iterator[str]:
        head = paint(f"account {account_text(account['account'])}", "bold", on=self.color)
        yield f"{head}: {_counts([account]) or 'nothing found'}"
        rows = [row for row in account["findings"] if self.verbose or row["status"] != "known"]
        if rows:
            yield ""
        for group in _grouped(rows):
            yield from self._group(group)
        yield ""
        yield controls_text(account)
        shown = [c for c in account["controls"] if self.verbose or c["outcome"] != "passed"]
        cells_of = [(f"  {c['v3']}", f"({c['v6']})", c["outcome"], _why(c)) for c in shown if c["rule"] or self.verbose]
        yield from columns(cells_of)
        if not self.verbose and (open_ := [c["v3"] for c in shown if not c["rule"]]):
            yield f"  not decidable from IAM alone: {', '.join(open_)} (--verbose says why)"
        rest = list(_rest(account))
        if rest:
            yield ""
            for line in rest:
                yield from wrap(line, self.width)

    def _group(self, rows: Sequence[Json]) -> Iterator[str]:
        most = len(rows) if self.verbose or len(rows) <= _MOST + 1 else _MOST
        for at, row in enumerate(rows[:most]):
            # Of neighbours that are to be mended alike, the last one says how.
            same = at + 1 < most and rows[at + 1]["remedy"] == row["remedy"]
            yield from self._entry(row, {**row, "remedy": None} if same and not self.verbose else row)
        if most < len(rows):
            first = rows[0]
            names = some([safe(row["address"]) for row in rows[most:]], 5)
            label = pad(first["severity"], _LABEL)
            yield from self._wrapped(
                f"{label}{first['id']} and {len(rows) - most} more of this kind: {names}; --verbose shows all",
                _LABEL + 2,
            )

    def _entry(self, row: Json, told: Json) -> Iterator[str]:
        severity = row["severity"]
        label = paint(pad(severity, _LABEL), _SEVERE.get(severity, ""), on=self.color and severity in _SEVERE)
        status = f" ({row['status']})" if row["status"] else ""
        title = f"{row['id']} {safe(row['title'])}{status}"
        place = origin_text(row["origin"])
        first, *more = wrap(title, self.width - _LABEL)
        right = paint(f"   {place}", "dim", on=self.color) if place else ""
        if place and cells(first) + _LABEL + cells(place) + 3 > self.width:
            more.append(place)
            right = ""
        yield f"{label}{first}{right}"
        yield from (f"{' ' * (_LABEL + 2)}{line}" for line in more)
        lines = below(told)
        if not self.verbose:
            lines = [line for line in lines if not line.startswith(("CIS ", "PCI "))]
        if not self.verbose and len(lines) > _MOST_LINES + 1:
            lines = [*lines[:_MOST_LINES], f"and {len(lines) - _MOST_LINES} more lines; --verbose shows all"]
        for line in lines:
            for at, text in enumerate(wrap(line, self.width - _LABEL - 4)):
                yield f"{' ' * (_LABEL + 2 + (2 if at else 0))}{text}"

    def _wrapped(self, text: str, indent: int) -> Iterator[str]:
        first, *more = wrap(text, self.width - indent)
        yield first
        yield from (f"{' ' * indent}{line}" for line in more)


def _grouped(rows: Sequence[Json]) -> Iterator[list[Json]]:
    """Neighbours of one severity and id together."""
    group: list[Json] = []
    for row in rows:
        if group and (group[0]["severity"], group[0]["id"]) != (row["severity"], row["id"]):
            yield group
            group = []
        group.append(row)
    if group:
        yield group


def _why(control: Json) -> str:
    if control["outcome"] == "failed":
        return f"{control['title']}: {count(control['findings'], 'finding')} ({control['rule']})"
    why = f": {control['why']}" if control["why"] else ""
    return f"{control['title']}{why}"


def _rest(account: Json) -> Iterator[str]:
    known = sum(row["status"] == "known" for row in account["findings"])
    if known:
        yield f"{count(known, 'finding')} of the baseline {'is' if known == 1 else 'are'} there as before"
    if account["gone"]:
        names = [f"{row['id']} {safe(row['address'])}" for row in account["gone"]]
        yield f"{count(len(names), 'finding')} of the baseline {'is' if len(names) == 1 else 'are'} gone: {some(names)}"
    if account["summary"]["suppressed"]:
        yield f"{count(account['summary']['suppressed'], 'finding')} suppressed by the manifests"
    yield from (safe(note) for note in account["notes"])


# -- Markdown ----------------------------------------------------------------------------------------


def audit_markdown(document: Json, limit: Limit = COMMENT) -> str:
    """The whole document, the gravest first; whole entries left out over the limit, and then INCOMPLETE on top."""
    accounts = document["accounts"]
    blocks = [Block(f"### {inline(audit_summary(document))}")]
    for account in accounts:
        if len(accounts) > 1:
            told = _counts([account]) or "nothing found"
            blocks.append(Block(f"#### {inline(account_text(account['account']))}: {told}"))
        blocks += [Block(_item(row), entry=True) for row in account["findings"] if row["status"] != "known"]
        blocks.append(Block(_table(account)))
        rest = "\n".join(f"- {inline(line)}" for line in _rest(account))
        if rest:
            blocks.append(Block(rest))
    blocks += failed_blocks(document)
    names = [account["account"]["name"] for account in accounts]
    return whole_or_fitted([*blocks, Block(marker("audit", names))], limit)


def _item(row: Json) -> str:
    place = origin_text(row["origin"])
    head = f"- **{safe(row['severity'])}** {code(row['id'])} {inline(row['title'])}{f' {code(place)}' if place else ''}"
    lines = below(row)
    if not lines:
        return head
    fence = "`" * max(3, max(longest_run(line) for line in lines) + 1)
    inside = "\n".join([f"{fence}text", *lines, fence])
    return f"{head}\n\n" + "\n".join(
        f"  {line}" for line in f"<details><summary>more</summary>\n\n{inside}\n\n</details>".split("\n")
    )


def _table(account: Json) -> str:
    rows = ["| CIS 3.0 | CIS 6.0 | control | outcome |", "|---|---|---|---|"]
    for control in account["controls"]:
        why = f": {control['why']}" if control["why"] else ""
        found = f" ({control['findings']})" if control["findings"] else ""
        cell = inline(f"{control['outcome']}{found}{why}").replace("|", "\\|")
        rows.append(f"| {control['v3']} | {control['v6']} | {inline(control['title'])} | {cell} |")
    inside = "\n".join(rows)
    return f"<details><summary>{inline(controls_text(account))}</summary>\n\n{inside}\n\n</details>"
