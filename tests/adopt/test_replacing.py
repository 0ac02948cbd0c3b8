"""Files replaced together: all or none, whoever writes to them meanwhile and whatever the disk refuses."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from iamsync import files
from iamsync.engine import replacing
from iamsync.engine.replacing import replace_files
from iamsync.errors import InputError


def three(folder: Path) -> tuple[dict[Path, str], dict[Path, str]]:
    before = {folder / f"{name}.yaml": f"old {name}\n" for name in "abc"}
    for path, text in before.items():
        path.write_text(text, encoding="utf-8")
    return before, {path: text.replace("old", "new") for path, text in before.items()}


def held(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text(encoding="utf-8") for path in sorted(folder.iterdir()) if path.is_file()}


OLD = {f"{name}.yaml": f"old {name}\n" for name in "abc"}
NEW = {f"{name}.yaml": f"new {name}\n" for name in "abc"}


def test_all_files_have_the_new_text_with_the_rights_they_had(tmp_path: Path) -> None:
    before, after = three(tmp_path)
    (tmp_path / "b.yaml").chmod(0o640)
    replace_files(before, after)
    assert held(tmp_path) == NEW
    assert (tmp_path / "b.yaml").stat().st_mode & 0o777 == 0o640


def test_a_link_stays_a_link_and_what_it_leads_to_is_changed(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    before, after = three(tmp_path / "real")
    link = tmp_path / "a.yaml"
    link.symlink_to("real/a.yaml")
    replace_files({link: before[tmp_path / "real" / "a.yaml"]}, {link: "new a\n"})
    assert link.is_symlink()
    assert held(tmp_path / "real")["a.yaml"] == "new a\n"
    assert after.keys() == before.keys()


@pytest.mark.parametrize("gone", [False, True])
def test_a_file_that_somebody_changed_since_it_was_read_stops_all(tmp_path: Path, gone: bool) -> None:
    before, after = three(tmp_path)
    (tmp_path / "c.yaml").unlink() if gone else (tmp_path / "c.yaml").write_text("theirs\n", encoding="utf-8")
    with pytest.raises(InputError) as caught:
        replace_files(before, after)
    assert (caught.value.code, str(caught.value.place)) == ("file-changed", str(tmp_path / "c.yaml"))
    theirs = {"a.yaml": OLD["a.yaml"], "b.yaml": OLD["b.yaml"]}
    assert held(tmp_path) == (theirs if gone else {**theirs, "c.yaml": "theirs\n"})


def test_a_file_that_is_changed_while_the_new_ones_are_written_stops_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, after = three(tmp_path)
    beside = replacing._beside

    def slow(target: Path, text: str) -> Path:
        if target.name == "c.yaml":
            (tmp_path / "a.yaml").write_text("theirs\n", encoding="utf-8")
        return beside(target, text)

    monkeypatch.setattr(replacing, "_beside", slow)
    with pytest.raises(InputError, match="changed since it was read"):
        replace_files(before, after)
    assert held(tmp_path) == {**OLD, "a.yaml": "theirs\n"}


def failing(monkeypatch: pytest.MonkeyPatch, name: str, times: int) -> None:
    """Renames over a file of this name fail, so many times from the second rename on."""
    replace, failed = os.replace, [0]

    def rename(source: Any, target: Any) -> None:
        if Path(target).name == name and failed[0] < times:
            failed[0] += 1
            raise OSError(28, "No space left on device", str(target))
        replace(source, target)

    monkeypatch.setattr(replacing.os, "replace", rename)


def test_where_a_rename_fails_those_before_it_get_their_old_text_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, after = three(tmp_path)
    failing(monkeypatch, "c.yaml", 1)
    with pytest.raises(InputError) as caught:
        replace_files(before, after)
    assert caught.value.code == "unwritable"
    assert "No space left on device" in caught.value.message
    assert "no file was changed" in caught.value.hint
    assert held(tmp_path) == OLD


def test_what_cannot_be_put_back_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before, after = three(tmp_path)
    beside = replacing._beside
    failing(monkeypatch, "c.yaml", 1)

    def full(target: Path, text: str) -> Path:
        if text.startswith("old"):
            raise OSError(28, "No space left on device", str(target))
        return beside(target, text)

    monkeypatch.setattr(replacing, "_beside", full)
    with pytest.raises(InputError, match="was changed and cannot be put back") as caught:
        replace_files(before, after)
    assert str(caught.value.place) == str(tmp_path / "a.yaml")
    assert caught.value.hint == "take it from git"
    assert held(tmp_path) == {**OLD, "a.yaml": NEW["a.yaml"], "b.yaml": NEW["b.yaml"]}


def test_where_no_new_file_can_be_made_nothing_is_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before, after = three(tmp_path)

    def full(**given: Any) -> tuple[int, str]:
        raise OSError(30, "Read-only file system", str(given["dir"]))

    monkeypatch.setattr(files.tempfile, "mkstemp", full)
    with pytest.raises(InputError, match="Read-only file system"):
        replace_files(before, after)
    assert held(tmp_path) == OLD
