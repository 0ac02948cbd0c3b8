"""What a change of the project weakens of what guards it: settings, tests and suppressions of two revisions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from iamsync.engine.project import Project
from iamsync.errors import InputError, InputErrors
from iamsync.expectations import PermissionTest
from iamsync.guardrails import weakened, weaker
from iamsync.manifest.config import Account, Config
from iamsync.manifest.load import Beside
from iamsync.manifest.suppress import Suppression
from iamsync.model import Finding, Origin


def weakenings(
    project: Project, base: Project, account: Account, account_id: str, partition: str
) -> tuple[Finding, ...]:
    """What guarded the account at the base revision and does so no longer; nothing for an account that is new."""
    then = next((held for held in base.config.accounts if held.name == account.name), None)
    if then is None:
        return ()
    found = [*weakened(base.written(then), project.written(account)), *_ways(base.config, project.config)]
    found += _entered(then, account)
    identity = (account_id, partition)
    found += _tests(_tests_of(base, then, *identity), _tests_of(project, account, *identity))
    found += _suppressions(_suppressed(base, then, *identity), _suppressed(project, account, *identity))
    return tuple(found)


def _ways(before: Config, after: Config) -> Iterator[Finding]:
    """Where runs write or tell now and did not before, and the lock and the journal that are gone."""
    for name, place in sorted(set(after.places) - set(before.places)):
        yield weaker(f"{name} leads to {place}, which is new")
    for name, place in sorted(set(before.places) - set(after.places)):
        if name != "notify":
            yield weaker(f"{name} no longer leads to {place}")


def _entered(before: Account, after: Account) -> Iterator[Finding]:
    """Other credentials or other roles by which the account would be entered."""
    if before.profile != after.profile:
        yield weaker(f"profile was {before.profile or 'not set'} and is {after.profile or 'not set'}")
    for name, was, now in (("read", before.read, after.read), ("write", before.write, after.write)):
        if was != now:
            roles = " -> ".join(hop.arn for hop in now) or "no role"
            yield weaker(f"assume_role ({name}) is another way in: {roles}")


def _tests(before: dict[str, PermissionTest], after: dict[str, PermissionTest]) -> Iterator[Finding]:
    for name, test in before.items():
        now = after.get(name)
        if now is None:
            yield weaker(f'test "{name}" is gone')
        elif _expected(test) != _expected(now):
            yield weaker(f'test "{name}" expects something else', Origin(now.place.file, now.place.line))


def _tests_of(project: Project, account: Account, account_id: str, partition: str) -> dict[str, PermissionTest]:
    try:
        return {test.name: test for test in project.tests(account, account_id, partition)}
    except (InputError, InputErrors):
        return {}  # what is wrong with tests is for validate to say


def _expected(test: PermissionTest) -> Any:
    """A test without its places."""
    return (
        test.principals,
        [(entry.expected, entry.actions, entry.resources) for entry in test.entries],
        dict(test.context),
        [(held.principals, held.until) for held in test.exemptions],
        test.allow_uncertain,
    )


def _suppressions(before: tuple[Suppression, ...], after: tuple[Suppression, ...]) -> Iterator[Finding]:
    known = {(held.finding, held.address.text, held.until) for held in before}
    for held in after:
        if (held.finding, held.address.text, held.until) not in known:
            title = f"suppress: {held.finding} of {held.address.text} is new ({held.reason})"
            yield weaker(title, Origin(held.place.file, held.place.line))


def _suppressed(project: Project, account: Account, account_id: str, partition: str) -> tuple[Suppression, ...]:
    beside = Beside()
    project.desired_of(account, account_id, partition, beside)
    return beside.suppressions
