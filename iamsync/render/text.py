"""A plan document as text for a terminal or a log, in the order of a reviewer's attention."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from iamsync.render.alike import alike_findings
from iamsync.render.changes import Entry, expiring, labelled, origin_text
from iamsync.render.fieldlines import Json, Line
from iamsync.render.inert import safe
from iamsync.render.merged import Shared, failed_texts, merged, waits
from iamsync.render.words import cells, columns, count, pad, paint, some, wrap

_STYLES: Final = {"+": "green", "-": "red", "~": "yellow", "-/+": "magenta"}
_SEVERITIES: Final = ("critical", "high", "medium", "low", "info")
_SEVERE: Final = {"critical": "red", "high": "red", "medium": "yellow"}
# Causes that the manifests themselves state; the others are put in brackets.
_FROM_MANIFESTS: Final = {"declared": "", "removed": "(removed)", "expired": "(expired)"}
_LABEL: Final = 22
_TITLE: Final = 64


def plan_text(
    document: Json,
    *,
    color: bool = False,
    verbose: bool = False,
    width: int = 100,
    between: tuple[str, str] | None = None,
) -> str:
    """The whole document, an account after the other; `width` in columns, `verbose` adds the steps and
    shows each change by itself.

    `between` names the two states that were compared where nothing is going to be applied: then
    there are no calls and nothing to approve.
    """
    layout = _Layout(color, verbose, width, between)
    held = merged(document, apart=verbose)
    parts = ["\n".join(layout.shared(one)) for one in held.shared]
    if held.quiet:
        parts.append(
            "\n".join(_hanging(f"No changes in {count(len(held.quiet), 'account')}: {', '.join(held.quiet)}", width))
        )
    for plan, own in zip(document["plans"], held.own, strict=True):
        if safe(plan["account"]["name"]) not in held.quiet:
            parts.append("\n".join(layout.account(plan, own)))
    if waiting := [line for told in waits(document) for line in _hanging(told, layout.width)]:
        parts.append("\n".join([paint("between accounts", "bold", on=color), *waiting]))
    return "\n\n".join([*parts, *failed_texts(document, color=color, width=layout.width)])


def states_text(document: Json, left: str, right: str, *, color: bool = False, width: int = 100) -> str:
    """What differs between two states, as what would make `left` equal to `right`."""
    return plan_text(document, color=color, width=width, between=(left, right))


def account_text(account: Json) -> str:
    """`prod (111122223333, acme-prod)`."""
    alias = f", {safe(account['alias'])}" if account.get("alias") else ""
    return f"{safe(account['name'])} ({safe(account['id'])}{alias})"


def counts_text(summary: Mapping[str, int]) -> str:
    """`1 to create, 2 to delete`, or nothing where there is nothing."""
    return ", ".join(
        f"{summary[action]} to {action}" for action in ("create", "update", "replace", "delete") if summary[action]
    )


def plan_summary(document: Json) -> str:
    """The whole document in a line: what would change, and how many refusals stand against it."""
    plans = document["plans"]
    total: dict[str, int] = {}
    for plan in plans:
        for key, number in plan["summary"].items():
            total[key] = total.get(key, 0) + number
    refused = sum(g["severity"] == "refuse" and not g["acknowledged"] for plan in plans for g in plan["guards"])
    where = f" in {account_text(plans[0]['account'])}" if len(plans) == 1 else f" in {count(len(plans), 'account')}"
    told = (counts_text(total) if total else "") or "no changes"
    return f"iamsync plan: {told}{where}" + (f"; {count(refused, 'refusal')}" if refused else "")


def no_changes(plan: Json) -> str:
    """What is said of a plan without changes; one that looked at a part alone claims nothing of the rest."""
    if plan.get("narrowed"):
        return "No changes in what was looked at. The rest was left out"
    return "No changes. Live IAM matches the manifests"


def managed(summary: Mapping[str, int]) -> int:
    """How many resources the manifests and this plan concern."""
    return sum(summary[key] for key in ("unchanged", "create", "update", "replace", "delete"))


class _Layout:
    """One rendering: the options, and a method a part of the text."""

    def __init__(self, color: bool, verbose: bool, width: int, between: tuple[str, str] | None) -> None:
        self.color = color
        self.verbose = verbose
        self.width = max(width, 60)
        self.between = between

    def shared(self, one: Shared) -> Iterator[str]:
        """The changes that several accounts have alike."""
        yield from _hanging(paint(one.title, "bold", on=self.color), self.width)
        yield ""
        yield from self._changes(one.entries)

    def account(self, plan: Json, own: Sequence[Entry]) -> Iterator[str]:
        """The lines of one account's plan; `own` are the changes that are not told for several accounts at once."""
        yield self._header(plan)
        if plan["changes"] and not own:
            yield "All of its changes are told above, with other accounts'."
        parts = (self._guards(plan), self._changes(own), self._findings(plan), self._expiring(plan), self._rest(plan))
        for part in parts:
            lines = list(part)
            if lines:
                yield ""
                yield from lines
        if self.verbose and plan["steps"] and self.between is None:
            yield ""
            yield from self._steps(plan["steps"])
        if plan["steps"] and self.between is None:
            yield ""
            if plan.get("valid_until"):
                yield f"valid until {safe(plan['valid_until'])}"
            yield f"approval: {safe(plan['digests']['approval'])}"

    def _header(self, plan: Json) -> str:
        summary = plan["summary"]
        name = account_text(plan["account"])
        if self.between is not None:
            left, right = (safe(side) for side in self.between)
            told = counts_text(summary) or "no differences"
            head = f"{left} -> {right}"
            return paint(head, "bold", on=self.color) + f", account {name}: {told}"
        head = paint(f"account {name}", "bold", on=self.color)
        if not plan["changes"]:
            return f"{head}: {managed(summary)} managed\n{no_changes(plan)}."
        return f"{head}: {managed(summary)} managed; {counts_text(summary)}; {count(summary['steps'], 'call')}"

    def _guards(self, plan: Json) -> Iterator[str]:
        refused = {"refuse": 0, "warn": 1}
        guards = sorted(plan["guards"], key=lambda g: (bool(g["acknowledged"]), refused.get(g["severity"], 2)))
        for guard in guards:
            if guard["acknowledged"]:
                mark, word, style = "~", "guard", "yellow"
            elif guard["severity"] == "refuse":
                mark, word, style = "!", "guard", "error"
            else:
                mark, word, style = "*", "warning", "yellow"
            head = f"{mark} {word} {safe(guard['id'])}"
            tail = ""
            if guard["acknowledged"]:
                tail = f"acknowledged {safe(guard['acknowledged'])}"
            elif guard["acknowledge"]:
                tail = f"acknowledge: {safe(guard['acknowledge'])}"
            yield from self._message(head, style, guard, tail)

    def _findings(self, plan: Json) -> Iterator[str]:
        order = {name: at for at, name in enumerate(_SEVERITIES)}
        found = sorted(plan["findings"], key=lambda f: order.get(f["severity"], len(order)))
        if not found:
            return
        yield paint("findings", "bold", on=self.color)
        for finding in found if self.verbose else alike_findings(found):
            severity = safe(finding["severity"])
            head = f"  {severity} {safe(finding['id'])}"
            yield from self._message(head, _SEVERE.get(severity, ""), finding, "")

    def _message(self, head: str, style: str, finding: Json, tail: str) -> Iterator[str]:
        """A guard or finding: its words beside its name, what is known and how to mend it below."""
        text = safe(finding["message"])
        place = origin_text(finding.get("origin"))
        painted = paint(head, style, on=self.color) if style else head
        if cells(head) + 2 + cells(text) <= self.width:
            yield f"{painted}  {text}"
        else:
            yield painted
            yield from (f"    {line}" for line in wrap(text, self.width - 4))
        notes = [
            finding.get("told"),
            finding["evidence"],
            finding["remedy"] and f"remedy: {finding['remedy']}",
            place and f"see {place}",
        ]
        for note in (*(safe(note) for note in notes if note), *((tail,) if tail else ())):
            for at, line in enumerate(wrap(note, self.width - 6)):
                yield f"    {'  ' if at else ''}{line}"

    def _changes(self, made: Sequence[Entry]) -> Iterator[str]:
        titles = [cells(f"{entry.mark} {entry.title}") for entry in made]
        column = min(max(titles, default=0), _TITLE) + 4
        fields = [len(line.field) for entry in made for line in entry.lines]
        label = min(max(fields, default=0), _LABEL) + 2
        for entry in made:
            yield self._title(entry, column)
            yield from self._body(entry, label)

    def _title(self, entry: Entry, column: int) -> str:
        cause = _FROM_MANIFESTS.get(entry.cause, f"[{entry.cause}]")
        right = " ".join(part for part in (entry.origin, cause) if part)
        head = f"{entry.mark} {entry.title}"
        painted = paint(head, "bold", _STYLES.get(entry.mark, "bold"), on=self.color)
        if not right:
            return painted
        return painted + " " * max(column - cells(head), 2) + paint(right, "dim", on=self.color)

    def _body(self, entry: Entry, label: int) -> Iterator[str]:
        if len(entry.names) > 1:
            yield from (f"    {line}" for line in wrap(entry.told_names, self.width - 4))
        if entry.note:
            yield from (f"    {line}" for line in wrap(entry.note, self.width - 4))
        for name, line in labelled(entry.lines):
            yield from self._line(name, line, label)

    def _line(self, name: str, line: Line, label: int) -> Iterator[str]:
        head = "    " + pad(name, label)
        mark = f"{line.mark} " if line.mark else ""
        indent = " " * (2 * line.depth)
        start = cells(head) + len(indent) + len(mark)
        style = _STYLES.get(line.mark)
        lines = wrap(line.text, max(self.width - start - 2, 30))
        for at, text in enumerate(lines):
            lead = f"{head}{indent}" if at == 0 else " " * start
            body = f"{mark}{text}" if at == 0 else f"  {text}"
            painted = paint(body, style, on=self.color) if style else body
            cause = f"   [{safe(line.cause)}]" if at == 0 and line.cause else ""
            yield f"{lead}{painted}{paint(cause, 'yellow', on=self.color)}"

    def _expiring(self, plan: Json) -> Iterator[str]:
        rows = [(f"  {at}", what, place) for at, what, place in expiring(plan)]
        if rows:
            yield paint("expiring", "bold", on=self.color)
            yield from columns(rows)

    def _rest(self, plan: Json) -> Iterator[str]:
        groups: dict[str, list[str]] = {}
        for item in plan["reported"]:
            groups.setdefault(left_alone(item), []).append(safe(item["address"]))
        for reason in sorted(groups, key=lambda reason: (reason != left_alone({}), reason)):
            names = groups[reason]
            verb = "is" if len(names) == 1 else "are"
            text = f"{count(len(names), 'live resource')} {verb} {reason}: {some(names, None if self.verbose else 10)}"
            yield from _hanging(text, self.width)
        if plan.get("unread"):
            names = [safe(name) for name in plan["unread"]]
            yield from _hanging(f"not told by this source, so not compared: {', '.join(names)}", self.width)

    def _steps(self, steps: Sequence[Json]) -> Iterator[str]:
        yield paint("steps", "bold", on=self.color)
        rows = []
        for step in steps:
            what = step.get("address") or f"{step['params'].get('seconds', '')} s"
            after = f"after {', '.join(step['after'])}" if step["after"] else ""
            rows.append((f"  {step['id']}", step["operation"], what, step["effect"], after))
        yield from columns(rows)


def left_alone(item: Mapping[str, Any]) -> str:
    """Why resources are left alone, as words after `are`."""
    if item.get("owner"):
        return f"owned by {safe(item['owner'])}"
    reason = item.get("reason", "nobody declares it")
    return "not declared" if reason == "nobody declares it" else safe(reason)


def _hanging(text: str, width: int) -> Iterator[str]:
    first, *more = wrap(text, width - 2)
    yield first
    yield from (f"  {line}" for line in more)
