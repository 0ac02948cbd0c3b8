"""A word that is one of a few: a slip in it is told with the word that was meant, an option's variable too."""

from __future__ import annotations

from pathlib import Path

import pytest

from iamsync.cli.app import run
from iamsync.cli.tree import whole_tree
from iamsync.cli.variables import OPTIONS
from tests.behaviour.conftest import Site

SLIPS = [
    ("schema manifst", "manifest"),
    ("version --format jsno", "json"),
    ("plan --format markdwon", "markdown"),
    ("plan --report sarf=x.sarif", "sarif"),
    ("plan --color nevr", "never"),
    ("validate --fail-on hgh", "high"),
    ("drift --fail-on criticl", "critical"),
    ("audit --fail-on mediun", "medium"),
    ("apply --auto-approve --only delcared", "declared"),
    ("graph --format mermiad", "mermaid"),
    ("import --layout file-per-kinds", "file-per-kind"),
    ("import --from teraform x.tfstate", "terraform"),
    ("init there --ci githb", "github"),
    ("explain unknwn-field", "unknown-field"),
    ("plan --account mian", "main"),
    ("plan --target polcy/deploy", "policy"),
]


@pytest.mark.parametrize(("line", "meant"), SLIPS)
def test_a_slip_names_the_word_that_was_meant(
    line: str, meant: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "iamsync.yaml").write_text("version: 1\naccounts: {main: {backend: sandbox}}\n")
    (tmp_path / "iam").mkdir()
    (tmp_path / "iam" / "site.yaml").write_text("groups: {people: {}}\n")
    assert run(line.split()) == 1
    told = capsys.readouterr().err
    assert f"did you mean {meant}?" in told.replace('"', "")
    assert not (tmp_path / "there").exists()


def test_the_options_have_these_variables() -> None:
    found: set[str] = set()
    commands = [whole_tree()]
    for command in commands:
        commands += getattr(command, "commands", {}).values()
        for parameter in command.params:
            name = parameter.envvar or ()
            found |= {name} if isinstance(name, str) else set(name)
    assert found == OPTIONS


def test_a_slip_in_a_variable_is_noted_and_one_of_somebody_elses_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "iam").mkdir()
    (tmp_path / "iam" / "site.yaml").write_text("groups: {people: {}}\n")
    for name in ("IAMSYNC_ACOUNT", "IAMSYNC_OUR_OWN_THING", "IAMSYNC_PAGER"):
        monkeypatch.setenv(name, "cat")
    assert run(["validate", "iam"]) == 0
    told = capsys.readouterr().err
    assert "note: IAMSYNC_ACOUNT is set, and means nothing here; did you mean IAMSYNC_ACCOUNT?" in told
    assert told.count("means nothing here") == 1
    assert run(["validate", "iam", "--quiet"]) == 0
    assert "means nothing here" not in capsys.readouterr().err


@pytest.mark.parametrize("command", [("plan",), ("drift",), ("import", "--live", "snapshot.json"), ("adopt", "--diff")])
def test_a_pattern_that_selects_nothing_is_noted(site: Site, command: tuple[str, ...]) -> None:
    site.fine("apply", "--auto-approve")
    site.fine("snapshot", "--out", "snapshot.json")
    told = site.run(*command, "--target", "role/nobody-*", "--target", "user:/nowhere/**", "--target", "role/s*")
    assert told.code == 0, told
    assert "note: --target role/nobody-* selects nothing that is declared, removed or in the account\n" in told.err
    assert "note: --target user:/nowhere/** selects nothing" in told.err
    assert "role/s*" not in told.err
