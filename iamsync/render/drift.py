"""A drift document as text for a terminal or a log, and as GitHub-flavoured markdown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from iamsync.render.blocks import COMMENT, Block, Limit, marker, whole_or_fitted
from iamsync.render.changes import origin_text
from iamsync.render.driftlines import aws_lines, aws_title, entry_lines
from iamsync.render.inert import code, inline, longest_run, safe
from iamsync.render.merged import ALIKE, Alike, alike, failed_blocks, failed_texts
from iamsync.render.notices import GRADES
from iamsync.render.text import account_text, left_alone
from iamsync.render.words import cells, count, pad, paint, some, wrap

Json = Mapping[str, Any]

_SEVERE: Final = {"critical": "red", "high": "red", "medium": "yellow"}
_LABEL: Final = 10
# Of one entry's gains and losses; a report in JSON has all.
_MOST_LINES: Final = 8
_MOST_NAMES: Final = 10
_ABOVE: Final = "All of its drift is told above, with other accounts'."
# What may be said of an account.
_SAID: Final = ("drift", "aws_policies", "pending", "due", "gone", "unmanaged", "not_compared", "unread")
# What is listed beside drift, with what it is.
_BESIDE: Final = {
    "pending": "pending: declared since the base, and not applied yet",
    "due": "due: expired, and not taken away yet",
    "gone": "gone since the last run",
}


_CREDENTIALS: Final = "keys and passwords: due by their rules, and no drift"


def drift_text(document: Json, *, color: bool = False, verbose: bool = False, width: int = 100) -> str:
    """The whole document, an account after the other; `verbose` leaves no line out."""
    layout = _Layout(color, verbose, max(width, 60))
    held = _merged(document)
    parts = ["\n".join(layout.shared(one)) for one in held.shared]
    if held.quiet:
        parts.append("\n".join(wrap(_still(held.quiet), width)))
    for account, own in zip(document["accounts"], held.own, strict=True):
        if safe(account["account"]["name"]) not in held.quiet:
            parts.append("\n".join(layout.account(account, own)))
    return "\n\n".join([*parts, *failed_texts(document, color=color, width=width)])


@dataclass(frozen=True, slots=True)
class _Merged:
    """What several accounts have alike, what of each is its own, and where there is nothing to be said."""

    shared: tuple[Alike, ...]
    own: tuple[tuple[Json, ...], ...]
    quiet: tuple[str, ...]


def _merged(document: Json) -> _Merged:
    accounts = document["accounts"]
    shared, own = alike(accounts, _told)
    still = tuple(safe(account["account"]["name"]) for account in accounts if not any(map(account.get, _SAID)))
    return _Merged(tuple(shared), tuple(map(tuple, own)), still if len(still) >= ALIKE else ())


def _told(account: Json) -> list[Json]:
    """The drift of an account, then the policies that AWS changed."""
    return [*account["drift"], *account["aws_policies"]]


def _still(names: Sequence[str]) -> str:
    return f"No drift in {count(len(names), 'account')}: {', '.join(names)}"


def no_drift(account: Json) -> str:
    """What is said of an account without drift; where a part alone was looked at, nothing of the rest."""
    if account.get("narrowed"):
        return "No drift in what was looked at. The rest was left out"
    return "No drift. Live IAM is what the manifests say"


def drift_summary(document: Json) -> str:
    """The whole document in a line."""
    accounts = document["accounts"]
    where = f" in {account_text(accounts[0]['account'])}" if len(accounts) == 1 else ""
    where = where or f" in {count(len(accounts), 'account')}"
    return f"iamsync drift: {_counts(accounts) or 'none'}{where}"


def _counts(accounts: Sequence[Json]) -> str:
    grades = [entry["severity"] for account in accounts for entry in _told(account)]
    return ", ".join(f"{grades.count(grade)} {grade}" for grade in GRADES if grade in grades)


def _title(entry: Json) -> str:
    new = " (new)" if entry["status"] == "new" else ""
    return f"{safe(entry['address'])}: {safe(entry['message'])}{new}"


def _credential(entry: Json) -> str:
    """What is due, why, and what does it."""
    why = f" ({safe(entry['why'])})" if entry["why"] else ""
    return f"{safe(entry['message'])}{why}" + (f": {safe(entry['remedy'])}" if entry["remedy"] else "")


class _Layout:
    """One rendering as text: the options, and a method a part of it."""

    def __init__(self, color: bool, verbose: bool, width: int) -> None:
        self.color, self.verbose, self.width = color, verbose, width

    def shared(self, one: Alike) -> Iterator[str]:
        """What several accounts have alike."""
        yield from self._wrapped(paint(one.title, "bold", on=self.color), 2)
        yield ""
        yield from self._entries(one.rows)

    def account(self, account: Json, own: Sequence[Json]) -> Iterator[str]:
        """One account; `own` is of its drift what is not told for several accounts at once."""
        head = paint(f"account {account_text(account['account'])}", "bold", on=self.color)
        told = _counts([account])
        number = len(account["drift"]) + len(account["aws_policies"])
        tail = f"; {count(number, 'difference')}: {told}" if told else ""
        yield f"{head}: {account['summary']['managed']} managed{tail}"
        if told and not own:
            yield _ABOVE
        elif told:
            yield ""
            yield from self._entries(own)
        else:
            yield f"{no_drift(account)}."
        for key, title in _BESIDE.items():
            if account[key]:
                yield ""
                yield paint(title, "bold", on=self.color)
                for entry in account[key]:
                    yield from self._wrapped(f"  {_title(entry)}", 4)
        if account.get("credentials"):
            yield ""
            yield paint(_CREDENTIALS, "bold", on=self.color)
            for entry in account["credentials"]:
                yield from self._wrapped(f"  {_credential(entry)}", 4)
        rest = list(_rest(account, None if self.verbose else _MOST_NAMES))
        if rest:
            yield ""
            for line in rest:
                yield from self._wrapped(line, 2)

    def _entries(self, rows: Sequence[Json]) -> Iterator[str]:
        for row in rows:
            yield from self._entry(row["severity"], *_parts(row))

    def _entry(self, severity: str, title: str, origin: Any, below: list[str]) -> Iterator[str]:
        label = paint(pad(severity, _LABEL), _SEVERE.get(severity, ""), on=self.color and severity in _SEVERE)
        place = origin_text(origin)
        first, *more = wrap(title, self.width - _LABEL)
        right = paint(f"   {place}", "dim", on=self.color) if place else ""
        if place and cells(first) + _LABEL + cells(place) + 3 > self.width:
            more.append(place)
            right = ""
        yield f"{label}{first}{right if not more else ''}"
        yield from (f"{' ' * (_LABEL + 2)}{line}" for line in more)
        shown = below if self.verbose or len(below) <= _MOST_LINES + 1 else _shortened(below)
        for line in shown:
            for at, text in enumerate(wrap(line, self.width - _LABEL - 4)):
                yield f"{' ' * (_LABEL + 2 + (2 if at else 0))}{text}"

    def _wrapped(self, text: str, indent: int) -> Iterator[str]:
        lead = " " * (len(text) - len(text.lstrip(" ")))
        first, *more = wrap(text.lstrip(" "), self.width - indent)
        yield f"{lead}{first}"
        yield from (f"{' ' * indent}{line}" for line in more)


def _parts(row: Json) -> tuple[str, Any, list[str]]:
    """Title, place and what stands under a row of drift, or a policy that AWS changed."""
    if "policy" in row:
        return aws_title(row), None, list(aws_lines(row))
    return _title(row), row.get("origin"), list(entry_lines(row))


def _shortened(lines: list[str]) -> list[str]:
    """The first lines, how many there are more, and who did it, which stands last."""
    last = lines[-1:] if lines[-1].startswith("by ") else []
    shown = lines[: _MOST_LINES - len(last)]
    return [*shown, f"and {len(lines) - len(shown) - len(last)} more lines; --verbose shows all", *last]


def _rest(account: Json, most: int | None) -> Iterator[str]:
    groups: dict[str, list[str]] = {}
    for item in account["unmanaged"]:
        groups.setdefault(left_alone(item), []).append(safe(item["address"]))
    for reason in sorted(groups, key=lambda reason: (reason != left_alone({}), reason)):
        names = groups[reason]
        yield f"{count(len(names), 'live resource')} {'is' if len(names) == 1 else 'are'} {reason}: {some(names, most)}"
    yield from (safe(text) for text in account["not_compared"])
    if account["unread"]:
        yield f"not told by this source, so not compared: {', '.join(map(safe, account['unread']))}"


# -- Markdown ----------------------------------------------------------------------------------------


def drift_markdown(document: Json, limit: Limit = COMMENT) -> str:
    """The whole document, the gravest first; whole entries left out over the limit, and then INCOMPLETE on top."""
    accounts = document["accounts"]
    named = f" in {inline(account_text(accounts[0]['account']))}" if len(accounts) == 1 else ""
    named = named or f" in {count(len(accounts), 'account')}"
    blocks = [Block(f"### iamsync drift: {_counts(accounts) or 'none'}{named}")]
    held = _merged(document)
    for one in held.shared:
        blocks.append(Block(f"#### {inline(one.title)}"))
        blocks += [Block(_item(row["severity"], *_parts(row)), True) for row in one.rows]
    if held.quiet:
        blocks.append(Block(inline(_still(held.quiet))))
    for account, own in zip(accounts, held.own, strict=True):
        if safe(account["account"]["name"]) in held.quiet:
            continue
        if len(accounts) > 1:
            blocks.append(Block(f"#### {inline(account_text(account['account']))}: {_counts([account]) or 'no drift'}"))
            if _counts([account]) and not own:
                blocks.append(Block(_ABOVE))
        elif not _counts([account]):
            blocks.append(Block(f"{no_drift(account)} ({account['summary']['managed']} managed)."))
        blocks += [Block(_item(row["severity"], *_parts(row)), True) for row in own]
        for key, title in _BESIDE.items():
            if account[key]:
                blocks.append(Block(f"**{title}**"))
                blocks += [Block(f"- {inline(_title(entry))}", True) for entry in account[key]]
        if account.get("credentials"):
            blocks.append(Block(f"**{_CREDENTIALS}**"))
            blocks += [Block(f"- {inline(_credential(entry))}", True) for entry in account["credentials"]]
        rest = "\n".join(f"- {inline(line)}" for line in _rest(account, _MOST_NAMES))
        if rest:
            blocks.append(Block(rest))
    blocks += failed_blocks(document)
    names = [account["account"]["name"] for account in accounts]
    return whole_or_fitted([*blocks, Block(marker("drift", names))], limit)


def _item(severity: str, title: str, origin: Any, below: list[str]) -> str:
    place = origin_text(origin)
    head = f"- **{safe(severity)}** {inline(title)}{f' {code(place)}' if place else ''}"
    if not below:
        return head
    fence = "`" * max(3, max(longest_run(line) for line in below) + 1)
    inside = "\n".join([f"{fence}text", *below, fence])
    return f"{head}\n\n" + "\n".join(
        f"  {line}" for line in f"<details><summary>more</summary>\n\n{inside}\n\n</details>".split("\n")
    )
