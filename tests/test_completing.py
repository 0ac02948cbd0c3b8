"""What the shell completes: names of the project at hand, quickly, and nothing where anything is broken."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import typer

from iamsync.cli.tree import command_tree, whole_tree
from iamsync.engine import completing
from iamsync.engine.explaining import explanations
from iamsync.engine.schemas import NAMES
from iamsync.settings import GUARDS

PROJECT = """\
version: 1
manifests: [iam, more/extra.yaml]
accounts:
  prod:
    id: "111122223333"
  proto: {id: "444455556666"}
"""
PEOPLE = """\
# yaml-language-server: $schema=../schemas/manifest.schema.json
users:
  alice:
    path: /people/
    groups: [developers]
  'bob@example':
    inline_policies:
      notes: {Version: 2012-10-17}

roles:
    deploy: {use: x}
tests:
  a test of mine:
    principals: role/deploy
"""


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "iam").mkdir()
    (tmp_path / "more").mkdir()
    (tmp_path / "iamsync.yaml").write_text(PROJECT, encoding="utf-8")
    (tmp_path / "iam" / "people.yaml").write_text(PEOPLE, encoding="utf-8")
    (tmp_path / "more" / "extra.yaml").write_text("groups:\n  developers: {}\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("asked", "begun", "told"),
    [
        (completing.accounts, "pro", ["prod", "proto"]),
        (completing.accounts, "prot", ["proto"]),
        (completing.addresses, "", ["user/alice", "user/bob@example", "role/deploy", "group/developers"]),
        (completing.addresses, "role/", ["role/deploy"]),
        (completing.principals, "", ["user/alice", "user/bob@example", "role/deploy"]),
        (completing.users, "a", ["alice"]),
        (completing.users, "user/a", ["user/alice"]),
        (completing.roles, "", ["deploy"]),
        (completing.roles, "ro", ["role/deploy"]),
        (completing.roles, "d", ["deploy"]),
        (completing.guards, "last-a", ["last-admin"]),
        (completing.guards, "protected:user/a", ["protected:user/alice"]),
        (completing.actions, "s3-obj", ["s3-object-lambda:"]),
        (completing.actions, "sts:AssumeRoleW", ["sts:AssumeRoleWithSAML", "sts:AssumeRoleWithWebIdentity"]),
        (completing.codes, "last-adm", ["last-admin"]),
        (completing.runs, "", ["latest"]),
    ],
)
def test_a_word_is_completed_by_what_begins_like_it(asked, begun, told):
    assert asked(begun) == told


def test_the_newest_run_comes_first(project):
    (project / ".iamsync" / "runs").mkdir(parents=True)
    for run in ("20260101T000000Z-aaaaaa", "20260201T000000Z-bbbbbb"):
        (project / ".iamsync" / "runs" / f"{run}.jsonl").touch()
    assert completing.runs("20") == ["20260201T000000Z-bbbbbb", "20260101T000000Z-aaaaaa"]


def test_what_is_broken_or_elsewhere_completes_to_nothing(project, tmp_path_factory):
    outside = tmp_path_factory.mktemp("outside")
    (outside / "x.yaml").write_text("users:\n  stranger: {}\n", encoding="utf-8")
    (project / "iamsync.yaml").write_text(f"manifests: [../{outside.name}, {outside}]\n\x00\xff", encoding="utf-8")
    assert completing.addresses("") == []
    (project / "iamsync.yaml").write_bytes(b"\xff\xfe: [")
    (project / "iam" / "people.yaml").write_bytes(b"users:\n  \xff\xfe: {}\n\t{{{\n")
    assert completing.accounts("") == []
    assert completing.addresses("") == ["group/developers"] or completing.addresses("") == []


def test_guards_schemas_and_explanations_are_all_known():
    assert set(completing.guards("")) == set(GUARDS)
    assert set(completing.codes("")) == {item.id for item in explanations()}
    argument = next(item for item in whole_tree().commands["schema"].params if item.name == "name")
    told = argument.shell_complete(None, "")  # as the shell asks, through the command line's own code
    assert {getattr(item, "value", item) for item in told} == set(NAMES)


def test_a_key_press_loads_neither_boto3_nor_yaml_nor_a_schema(project):
    heavy = ["boto3", "botocore", "yaml", "jsonschema", "deepdiff", "rich", "moto"]
    code = (
        "import os, sys\n"
        "from iamsync.cli.app import run\n"
        "try: run([])\n"
        "except SystemExit: pass\n"
        f"print([name for name in {heavy!r} if name in sys.modules], file=sys.stderr)\n"
    )
    env = {"_IAMSYNC_COMPLETE": "complete_bash", "COMP_WORDS": "iamsync plan --target ro", "COMP_CWORD": "3"}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=False)
    assert (done.stdout.split(), done.stderr.strip()) == (["role/deploy"], "[]")


def groups(command, *path):
    """Every group of the command line with the words that lead to it."""
    if hasattr(command, "commands"):
        yield path, command
        for name, inner in command.commands.items():
            yield from groups(inner, *path, name)


def test_each_command_of_each_group_is_told_whole_in_a_line_of_80_columns():
    found = {**dict(groups(whole_tree())), (): command_tree()}
    assert len(found) > 6
    for path, group in found.items():
        context = typer.Context(group, info_name=" ".join(path) or "iamsync", terminal_width=78, max_content_width=100)
        lines = group.get_help(context).splitlines()
        listed = lines[lines.index("Commands:") + 1 :]
        for name in group.commands:
            (line,) = (line for line in listed if line.startswith(f"  {name} "))
            assert line.endswith("."), (path, line)
            assert not line.endswith("..."), (path, line)
            assert len(line) <= 80, (path, line)
