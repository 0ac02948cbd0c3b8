"""From iamy: a folder an account, a file a resource; what it does not keep is left as it is."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from iamsync.errors import InputError
from iamsync.kinds import KINDS
from iamsync.manifest.foreign.iamy import folders
from iamsync.manifest.snapshot import to_text
from tests.foreign.conftest import ACCOUNT, HERE, project, untouched, written
from tests.journeys.cli import Folder

FILES = str(HERE / "iamy")


def test_folders_become_a_project_that_validates(folder: Folder) -> None:
    said = folder("import", "--from", "iamy", FILES).out
    assert f"account acme-prod ({ACCOUNT}): 5 resources" in said
    assert "1 x s3/*.yaml" in said
    folder("validate", "--fail-on", "high")
    folder("fmt", "--check")
    assert "managed_policies: [audit, aws/ReadOnlyAccess]" in written(folder)
    assert "ignore_changes: [description, permissions_boundary, tags]" in written(folder)
    assert "main:" in (folder.root / "iamsync.yaml").read_text()


def test_a_project_takes_its_own_accounts_alone(folder: Folder) -> None:
    project(folder)
    said = folder("import", "--from", "iamy", FILES).out
    assert "account 444455556666\n" in said
    assert "only_accounts" not in written(folder)
    live = replace(folders(HERE / "iamy")[0][0].state, complete=frozenset(KINDS), unread=frozenset())
    folder.write("live.json", to_text(live, "2026-11-24T00:00:00Z"))
    assert "No changes" in folder("plan", "--live", "live.json", "--detailed-exitcode").out
    project(folder, "{prod: {id: '777788889999'}}")
    assert "wrong-account" in folder("import", "--from", "iamy", FILES, code=1).err


def test_a_target_that_the_files_do_not_have_is_told_and_nothing_is_written(folder: Folder) -> None:
    project(folder)
    said = folder("import", "--from", "iamy", FILES, "--target", "role/deploy-siet", code=1)
    assert "error[unknown-target]: --target role/deploy-siet names nothing that is declared or in " in said.err
    assert untouched(folder)


@pytest.mark.parametrize(
    ("name", "text", "line", "message"),
    [
        ("role/x.yaml", "{}", 1, '"AssumeRolePolicyDocument" is missing'),
        ("role/x.yaml", "AssumeRolePolicyDocument: [1]", 1, "a policy document is a JSON object"),
        ("user/x.yaml", "Policies:\n- [1]", 2, "a text must stand here"),
        ("user/x.yaml", "Policies:\n- 'arn:x'", 2, "is no policy"),
        ("user/x.yaml", "InlinePolicies:\n- Name: a", 2, '"Policy" is missing'),
        ("user/x y.yaml", "Tags: {}", 1, "is no name for a user"),
        ("user/x.yaml", "- a", 1, "a table must stand here"),
        ("user/x.yaml", "a: *b", 1, "no anchor"),
    ],
)
def test_a_wrong_file_is_an_error_with_its_place(tmp_path: Path, name: str, text: str, line: int, message: str) -> None:
    path = tmp_path / ACCOUNT / "iam" / name
    path.parent.mkdir(parents=True)
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=re.escape(message)) as caught:
        folders(tmp_path)
    assert caught.value.place is not None
    assert (caught.value.place.file, caught.value.place.line) == (str(path), line)


def test_a_folder_of_something_else_is_told(folder: Folder) -> None:
    folder.write("files/x.yaml", "a: 1\n")
    assert untouched(folder)
    assert "no folder of iamy's" in folder("import", "--from", "iamy", "files", code=1).err
