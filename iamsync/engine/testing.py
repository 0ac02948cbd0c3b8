"""Permission tests: what the manifests expect, held against the manifests, an account, or a plan."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from iamsync.engine.fleets import Failure
from iamsync.engine.narrowing import stands_in
from iamsync.engine.permitted import Permitted, Subject, permitted
from iamsync.engine.project import Project
from iamsync.errors import InputError, InputErrors, raise_once
from iamsync.expectations import PermissionTest
from iamsync.planner.testing import Row, run
from iamsync.policy.explanation import told

ABOUT = {
    "manifests": "declared principals only",
    "live": "the account as it is",
    "planned": "the account as it will be after the plan",
}


@dataclass(frozen=True, slots=True)
class Tested:
    """How one account's tests came out on one subject."""

    account_name: str
    account_id: str
    subject: Subject
    rows: tuple[Row, ...]

    @property
    def wrong(self) -> int:
        """How many tests fail."""
        return len({row.test for row in self.rows if row.wrong})

    @property
    def count(self) -> int:
        """How many tests there are."""
        return len({row.test for row in self.rows})


def test(project: Project, subject: Subject, failed: list[Failure]) -> tuple[Tested, ...]:
    """The tests of each account of this run; InputErrors with the mistakes of all of them, each once.

    Accounts that cannot be read join `failed`, as in `permitted`. InputError where no account has any test: nothing
    tested is nothing passed.
    """
    found = _gathered([_tested(project, held) for held in permitted(project, subject, failed)])
    return found if failed else some(found)


def some(found: tuple[Tested, ...]) -> tuple[Tested, ...]:
    """The results, if there are any; InputError where no account has a test."""
    if not any(held.rows for held in found):
        raise InputError(
            "there are no permission tests",
            code="no-tests",
            hint="write some below tests: in a manifest, for example: deploy: {principals: role/deploy, deny: iam:*}",
        )
    return found


def tested(project: Project, held: Permitted) -> Tested:
    """The tests of one account on the permissions at hand; InputErrors with every mistake in them."""
    tests = narrowed(project, project.tests(held.account, held.account_id, held.partition))
    return Tested(held.account.name, held.account_id, held.subject, run(tests, held.permissions, project.now))


def narrowed(project: Project, tests: tuple[PermissionTest, ...]) -> tuple[PermissionTest, ...]:
    """The tests in the files that the command line names, all of them where it names none."""
    paths = project.narrowing_paths()
    if not paths:
        return tests
    held = project.rails.source if project.rails is not None else None
    return tuple(
        test for test in tests if test.place.file == held or any(stands_in(test.place.file, path) for path in paths)
    )


def _tested(project: Project, held: Permitted) -> Tested | InputError | InputErrors:
    try:
        return tested(project, held)
    except (InputErrors, InputError) as wrong:
        return wrong


def _gathered(found: list[Tested | InputError | InputErrors]) -> tuple[Tested, ...]:
    raise_once(held for held in found if not isinstance(held, Tested))
    return tuple(held for held in found if isinstance(held, Tested))


def document(found: Iterable[Tested], failed: Sequence[Failure] = ()) -> dict[str, Any]:
    """The results as JSON values: an account each, a row for every expectation of every principal; who failed."""
    return {"accounts": [_account(held) for held in found], **told_failed(failed)}


def told_failed(failed: Sequence[Failure]) -> dict[str, Any]:
    """The accounts that failed, as documents have them; nothing where none did."""
    return {"failed": [one.json() for one in failed]} if failed else {}


def _account(held: Tested) -> dict[str, Any]:
    return {
        "account": held.account_name,
        "id": held.account_id,
        "subject": held.subject,
        "about": ABOUT[held.subject],
        "tests": held.count,
        "failed": held.wrong,
        "rows": [_row(row) for row in held.rows],
    }


def _row(row: Row) -> dict[str, Any]:
    return {
        "test": row.test,
        "file": row.place.file,
        "line": row.place.line,
        "principal": str(row.principal),
        "expected": row.expected,
        "asked": list(row.asked),
        "resource": row.on or None,
        "outcome": row.outcome,
        "actions": list(row.actions),
        "where": list(row.where),
        "example": row.example or None,
        "decision": row.decision.verdict if row.decision else None,
        "certain": row.decision.certain if row.decision else None,
        "because": list(told(row.decision)) if row.decision else [],
        "reason": row.reason or None,
        "aws": None
        if row.aws is None
        else {
            "decision": row.aws.verdict,
            "reasons": list(row.aws.reasons),
            "asked": row.aws.asked,
            "not_asked": list(row.aws.untold),
        },
    }
