"""A plan document as GitHub-flavoured markdown: a comment that nobody's text can break out of."""

from __future__ import annotations

import html
from collections.abc import Iterator, Sequence
from typing import Final

from iamsync.render.alike import alike_findings
from iamsync.render.blocks import COMMENT, Block, Limit, fitted, joined, marker
from iamsync.render.changes import Entry, expiring, labelled, origin_text
from iamsync.render.fieldlines import Json, Line
from iamsync.render.inert import code, inline, longest_run, safe
from iamsync.render.merged import failed_blocks, merged, waits
from iamsync.render.text import account_text, counts_text, left_alone, managed, no_changes
from iamsync.render.words import count, pad, some

_MOST_NAMES: Final = 10


def plan_markdown(document: Json, limit: Limit = COMMENT) -> str:
    """The whole document, whole entries left out where it is longer than the limit.

    Then the first line says INCOMPLETE, and no digest is printed that could approve what is not shown. The last
    line is a hidden marker, by which a comment on the same accounts is found again.
    """
    plans = document["plans"]
    total: dict[str, int] = {}
    for plan in plans:
        for key, number in plan["summary"].items():
            total[key] = total.get(key, 0) + number
    named = f" in {inline(account_text(plans[0]['account']))}" if len(plans) == 1 else ""
    accounts = f" in {count(len(plans), 'account')}" if len(plans) > 1 else ""
    title = f"### iamsync: {(counts_text(total) if total else '') or 'no changes'}{named or accounts}"
    last = Block(marker("plan", [plan["account"]["name"] for plan in plans]))
    full = [Block(title), *_accounts(document, True), last]
    text = joined(full)
    if limit.holds(text):
        return text
    short = [Block(title), *_accounts(document, False), last]
    return fitted(short, limit)


def _accounts(document: Json, whole: bool) -> Iterator[Block]:
    """What several accounts share, then each account, then those that failed."""
    plans = document["plans"]
    several = len(plans) + len(document.get("failed") or ()) > 1
    held = merged(document)
    for one in held.shared:
        yield Block(f"#### {inline(one.title)}")
        yield from (Block(_change(entry), entry=True) for entry in one.entries)
    if held.quiet:
        yield Block(f"No changes in {count(len(held.quiet), 'account')}: {inline(', '.join(held.quiet))}")
    for plan, own in zip(plans, held.own, strict=True):
        if safe(plan["account"]["name"]) not in held.quiet:
            yield from _account(plan, own, several, whole)
    yield from (Block(f"- {inline(told)}", entry=True) for told in waits(document))
    yield from failed_blocks(document)


def _account(plan: Json, own: Sequence[Entry], several: bool, whole: bool) -> Iterator[Block]:
    summary = plan["summary"]
    if several:
        told = counts_text(summary) or "no changes"
        yield Block(f"#### {inline(account_text(plan['account']))}: {told}")
    elif not plan["changes"]:
        yield Block(f"{no_changes(plan)} ({managed(summary)} managed).")
    yield from (Block(_guard(guard), entry=True) for guard in plan["guards"])
    yield from (Block(_finding(finding), entry=True) for finding in alike_findings(plan["findings"]))
    yield from (Block(_change(entry), entry=True) for entry in own)
    rest = "\n".join(_rest(plan))
    if rest:
        yield Block(rest)
    if whole and plan["steps"]:
        valid = f"  \nvalid until {code(plan['valid_until'])}" if plan.get("valid_until") else ""
        calls = count(summary["steps"], "call")
        yield Block(f"{calls}, approval: {code(plan['digests']['approval'])}{valid}")


def _guard(guard: Json) -> str:
    if guard["acknowledged"]:
        head, tail = "acknowledged", f"acknowledged {guard['acknowledged']}"
    elif guard["severity"] == "refuse":
        head = "refused"
        tail = f"Acknowledge: {code(guard['acknowledge'])}" if guard["acknowledge"] else ""
    else:
        head, tail = "warning", ""
    if guard["acknowledged"]:
        tail = inline(tail)
    return _item(head, guard, tail)


def _finding(finding: Json) -> str:
    return _item(safe(finding["severity"]), finding, "")


def _item(head: str, finding: Json, tail: str) -> str:
    notes = [inline(note) for note in (finding.get("told"), finding["evidence"], finding["remedy"]) if note]
    place = origin_text(finding.get("origin"))
    if place:
        notes.append(inline(place))
    if tail:
        notes.append(tail)
    below = "".join(f"\n  - {note}" for note in notes)
    return f"- **{head}** {code(finding['id'])} {inline(finding['message'])}{below}"


def _change(entry: Entry) -> str:
    cause = "" if entry.cause == "declared" else f" [{entry.cause}]"
    place = f" {entry.origin}" if entry.origin else ""
    title = f"<code>{html.escape(f'{entry.mark} {entry.title}')}</code>"
    right = f"<code>{html.escape(place.strip())}</code>" if place else ""
    summary = " ".join(part for part in (title, right, html.escape(cause.strip())) if part)
    body = list(_body(entry))
    if not body:
        body = [f"{entry.mark[0]} {entry.title}"]
    fence = "`" * max(3, max(longest_run(line) for line in body) + 1)
    inside = "\n".join([f"{fence}diff", *body, fence])
    return f"<details><summary>{summary}</summary>\n\n{inside}\n\n</details>"


def _body(entry: Entry) -> Iterator[str]:
    if len(entry.names) > 1:
        sign = {"create": "+", "delete": "-"}.get(entry.action, " ")
        if entry.pattern:
            yield f"  {entry.kind}/{entry.pattern}:"
        own = entry.own or ("",) * len(entry.names)
        told = zip(entry.names, own, strict=True)
        yield from (f"{sign} {entry.kind}/{name}" + (f" ({words})" if words else "") for name, words in told)
    if entry.note:
        yield f"  {entry.note}"
    label = max((len(line.field) for line in entry.lines), default=0)
    for name, line in labelled(entry.lines):
        yield _diff_line(name, line, label)


def _diff_line(name: str, line: Line, label: int) -> str:
    """A line of a diff: its sign goes to the first column, where GitHub looks for it."""
    sign = line.mark if line.mark in ("+", "-") else " "
    change = "~ " if line.mark == "~" else ""
    cause = f"   [{line.cause}]" if line.cause else ""
    return f"{sign} {pad(name, label)}  {'  ' * line.depth}{change}{line.text}{cause}"


def _rest(plan: Json) -> Iterator[str]:
    groups: dict[str, list[str]] = {}
    for item in plan["reported"]:
        groups.setdefault(left_alone(item), []).append(item["address"])
    for reason in sorted(groups):
        names = groups[reason]
        verb = "is" if len(names) == 1 else "are"
        listed = inline(some(names, _MOST_NAMES))
        yield f"- {count(len(names), 'live resource')} {verb} {inline(reason)}: {listed}"
    for at, what, place in expiring(plan):
        yield f"- expires {code(at)}: {inline(what)}" + (f" {inline(place)}" if place else "")
    if plan.get("unread"):
        yield f"- not told by this source, so not compared: {inline(', '.join(plan['unread']))}"
