"""`iamsync adopt` as a command: who is asked what, what a no leaves, and what several accounts stop."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest

from tests.behaviour.conftest import CONFIG, Site


class Person(io.StringIO):
    """Somebody at a terminal; `meanwhile` happens before the answer."""

    def __init__(self, answer: str, meanwhile: Callable[[], object] = lambda: None) -> None:
        super().__init__(f"{answer}\n")
        self.meanwhile = meanwhile

    def isatty(self) -> bool:
        return True

    def readline(self, size: int | None = -1, /) -> str:
        self.meanwhile()
        return super().readline()


def drifted(site: Site) -> str:
    """Somebody tags alice; the manifest as it is."""
    site.by_hand(lambda iam: iam.tag_user(UserName="alice", Tags=[{"Key": "by", "Value": "hand"}]))
    return manifest(site)


def manifest(site: Site) -> str:
    return (site.root / "iam" / "site.yaml").read_text(encoding="utf-8")


def test_yes_writes_the_lines_that_were_shown_and_the_account_stays(
    applied: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = drifted(applied)
    monkeypatch.setattr("sys.stdin", Person("yes"))
    told = applied.fine("adopt")
    assert "Change this file? Only 'yes' is accepted: " in told.err
    assert "note: wrote 1 file; nothing in the account was changed" in told.err
    new = [line for line in manifest(applied).splitlines() if line not in before.splitlines()]
    shown = [line[1:] for line in told.out.splitlines() if line.startswith("+") and not line.startswith("+++")]
    assert (shown, len(new)) == (new, 1)
    assert "hand" in new[0]
    assert applied.writes == []
    assert applied.run("drift").code == 0
    assert "nothing" in applied.fine("adopt", "--auto-approve").out.lower()


@pytest.mark.parametrize("answer", ["no", "y", ""])
def test_any_other_answer_writes_nothing(applied: Site, monkeypatch: pytest.MonkeyPatch, answer: str) -> None:
    before = drifted(applied)
    monkeypatch.setattr("sys.stdin", Person(answer))
    told = applied.run("adopt")
    assert (told.code, "error[declined]" in told.err) == (1, True)
    assert manifest(applied) == before


def test_nobody_to_ask_is_an_error_before_any_call(applied: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    drifted(applied)
    applied.calls.clear()
    monkeypatch.setattr("sys.stdin", io.StringIO("yes\n"))
    told = applied.run("adopt")
    assert (told.code, "error[needs-approval]" in told.err, applied.calls) == (1, True, [])


def test_a_look_writes_nothing_and_exits_with_2(applied: Site) -> None:
    before = drifted(applied)
    told = applied.run("adopt", "--diff")
    assert (told.code, manifest(applied)) == (2, before)
    assert "+++ " in told.out


def test_who_edits_the_file_while_the_question_stands_keeps_the_edit(
    applied: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = f"{drifted(applied)}\n# theirs\n"
    monkeypatch.setattr("sys.stdin", Person("yes", lambda: applied.write(theirs)))
    told = applied.run("adopt")
    assert (told.code, "error[file-changed]" in told.err) == (1, True)
    assert manifest(applied) == theirs


def test_a_manifest_of_two_accounts_is_not_changed_for_one(applied: Site) -> None:
    before = drifted(applied)
    applied.write(CONFIG + '  other: {id: "444455556666", backend: sandbox}\n', "iamsync.yaml")
    told = applied.run("adopt", "--auto-approve", "--account", "site")
    assert (told.code, "error[not-adopted]" in told.err) == (1, True), told
    assert "other" in told.out
    assert manifest(applied) == before
    assert applied.writes == []
