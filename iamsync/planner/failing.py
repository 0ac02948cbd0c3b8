"""Permission tests as a guard: those that would not hold on the account as a plan leaves it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from iamsync.expectations import PermissionTest
from iamsync.model import Address, Finding, Origin, State
from iamsync.planner.permissions import Permissions
from iamsync.planner.testing import Row, again, run, selected
from iamsync.policy.explanation import told

_MOST = 3


def failing(tests: Iterable[PermissionTest], before: Permissions, after: Permissions, now: str) -> Iterator[Finding]:
    """A refusal for each principal and test that fails on `after`, a warning where that hangs on what is not known.

    InputError(s) for tests that test nothing there, as `testing.run` raises them.
    """
    held = tuple(tests)
    wrong: dict[tuple[Address, str], list[Row]] = {}
    for row in run(held, after, now):
        if row.wrong:
            wrong.setdefault((row.principal, row.test), []).append(row)
    named = {test.name: test for test in held}
    for (principal, name), rows in sorted(wrong.items()):
        failed = [row for row in rows if row.outcome == "failed"]
        earlier = principal in before.state.resources and any(
            row.wrong for row in again(named[name], before, principal, now)
        )
        shown = failed or rows
        verb = "fails for" if failed else "cannot be decided for"
        since = ", as it does now" if earlier else ""
        yield Finding(
            "failing-test",
            "refuse" if failed else "warn",
            f'test "{name}" {verb} {principal}{since}: {_said(shown[0])}{_more(shown)}',
            principal,
            evidence="; ".join(dict.fromkeys(line for row in shown[:_MOST] for line in _because(row))),
            remedy="mend the policies, or the test if it asks for too much",
            origin=Origin(shown[0].place.file, shown[0].place.line or 0),
        )


def documents_tested(tests: Iterable[PermissionTest], states: Iterable[State]) -> frozenset[Address]:
    """The principals whose documents these tests are about, in any of the states."""
    held = tuple(tests)
    found: set[Address] = set()
    for state in states if held else ():
        permissions = Permissions(state)
        found.update(address for test in held for address in selected(test, permissions))
    return frozenset(found)


def _said(row: Row) -> str:
    on = ", ".join(row.where) or row.on
    what = ", ".join(row.actions or row.asked) + (f" on {on}" if on else "")
    if row.outcome == "uncertain":
        return f"whether {what} is allowed"
    return f"{what} is allowed" if row.expected == "deny" else f"{what} is denied"


def _more(rows: list[Row]) -> str:
    return f" (and {len(rows) - 1} more)" if len(rows) > 1 else ""


def _because(row: Row) -> tuple[str, ...]:
    return told(row.decision) if row.decision is not None else ()
