"""A run about keys whose time is over: what it began is ended, what it did not begin is told, the next run goes on."""

from __future__ import annotations

import signal
from collections.abc import Callable
from typing import Any

import pytest

from iamsync.aws.accesskeys import CredentialExecutor
from iamsync.aws.execute import Executor
from iamsync.cli.running import Stop
from tests.keys.test_commands import ACCOUNT, MANIFEST, Project, project

__all__ = ["project"]
WHY = "the time limit of 60 s was reached"


@pytest.fixture
def over_after(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], list[str]]:
    """Has the time be over once so many calls were begun; the answer is what was called."""

    def begin(calls: int) -> list[str]:
        called: list[str] = []
        real = CredentialExecutor.__call__

        def counted(self: CredentialExecutor, step: Any, created: Any) -> Any:
            called.append(step.operation)
            return real(self, step, created)

        monkeypatch.setattr(CredentialExecutor, "__call__", counted)
        monkeypatch.setattr(Stop, "over", property(lambda self: WHY if len(called) >= calls else ""))
        return called

    return begin


def only_bot(project: Project) -> None:
    project.write(MANIFEST.replace('    console_access: {deliver_to: "ssm:/iam/$(name)"}\n', "    tags: {a: b}\n"))
    assert project("apply", "--auto-approve")[0] == 0


def test_a_rotation_begins_no_call_after_its_time_and_the_next_one_goes_on(
    project: Project, over_after: Callable[[int], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    only_bot(project)
    with monkeypatch.context():
        called = over_after(1)
        code, said = project("keys", "rotate", "--auto-approve", "--timeout", "1m")
        assert (code, called) == (5, ["TagUser"])
        assert "1 of 4 calls done, 3 skipped" in said
        assert WHY in said
        assert "to go on: run the same command again" in said
    monkeypatch.undo()
    monkeypatch.chdir(project.folder)
    assert project("keys", "rotate", "--auto-approve", "--timeout", "1h")[0] == 0
    assert list(project.held().values()) == ["Active"]


def test_a_key_that_was_made_is_delivered_although_the_time_is_over(
    project: Project, over_after: Callable[[int], list[str]]
) -> None:
    only_bot(project)
    called = over_after(2)
    code, said = project("keys", "rotate", "--auto-approve", "--timeout", "1m")
    assert code == 5
    assert called == ["TagUser", "CreateAccessKey", "deliver"]
    assert "3 of 4 calls done, 1 skipped" in said
    (account,) = project.json("keys", "list", "--user", "bot")["accounts"]
    assert [key["delivered"] for row in account["users"] for key in row["keys"]] == [True]


@pytest.mark.parametrize("verb", ["rotate", "deactivate", "delete"])
def test_a_limit_that_is_no_length_of_time_is_refused_before_anything_is_looked_at(project: Project, verb: str) -> None:
    (project.folder / ".iamsync" / "sandbox.json").write_text("no state")
    code, said = project("keys", verb, "--user", "bot", "--auto-approve", "--timeout", "soon")
    assert code == 1
    assert "error[bad-option]: --timeout 'soon' is no length of time" in said


OTHER = "444455556666"


def two_accounts(project: Project) -> None:
    accounts = f"{{demo: {{id: '{ACCOUNT}', backend: sandbox}}, more: {{id: '{OTHER}', backend: sandbox}}}}"
    (project.folder / "iamsync.yaml").write_text(f"version: 1\naccounts: {accounts}\n")
    assert project("apply", "--auto-approve", "--all-accounts")[0] == 0


@pytest.mark.parametrize("calls", [1, 4])
def test_accounts_that_were_not_begun_are_named(
    project: Project, over_after: Callable[[int], list[str]], calls: int
) -> None:
    only_bot(project)
    two_accounts(project)
    over_after(calls)
    code, said = project("keys", "rotate", "--auto-approve", "--all-accounts", "--timeout", "1m")
    assert code == 5, "the first account begun or done: what is left is left to the next run"
    assert f"more ({OTHER}): not begun: {WHY}" in said
    assert "accounts not begun: more" in said


def test_an_interrupt_in_the_last_call_of_an_account_leaves_the_next_one_out_and_says_so(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    only_bot(project)
    two_accounts(project)
    real = CredentialExecutor.__call__

    def last(self: CredentialExecutor, step: Any, created: Any) -> Any:
        if step.operation == "UntagUser":
            signal.raise_signal(signal.SIGINT)
        return real(self, step, created)

    monkeypatch.setattr(CredentialExecutor, "__call__", last)
    code, said = project("keys", "rotate", "--auto-approve", "--all-accounts")
    assert (code, f"more ({OTHER}): not begun: the run was interrupted" in said) == (130, True)


def test_an_apply_whose_time_is_over_between_two_accounts_ends_in_part(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    two_accounts(project)
    project.write(MANIFEST.replace("  bot:\n", "  bot:\n    tags: {team: web}\n"))
    called: list[str] = []
    real = Executor.__call__

    def counted(self: Executor, step: Any, created: Any) -> Any:
        called.append(step.operation)
        return real(self, step, created)

    monkeypatch.setattr(Executor, "__call__", counted)
    monkeypatch.setattr(Stop, "over", property(lambda self: WHY if called else ""))
    code, said = project("apply", "--auto-approve", "--all-accounts", "--timeout", "1m")
    assert (code, called) == (5, ["TagUser"])
    assert "the time was over; accounts not begun: more" in said


def test_a_rollback_begins_no_call_after_its_time(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    project.write(MANIFEST.replace("  bot:\n", "  bot:\n    tags: {team: web}\n"))
    assert project("apply", "--auto-approve")[0] == 0
    assert project("runs", "rollback", "latest", "--auto-approve", "--timeout", "soon")[0] == 1
    with monkeypatch.context() as patched:
        patched.setattr(Stop, "over", property(lambda self: WHY))
        code, said = project("runs", "rollback", "latest", "--auto-approve", "--timeout", "1m")
        assert code == 5
        assert "0 of 1 call done, 1 skipped" in said
        assert WHY in said
    before = [run["run"] for run in project.json("runs", "list")][-2]
    assert project("runs", "rollback", before, "--auto-approve", "--timeout", "1m")[0] == 0
