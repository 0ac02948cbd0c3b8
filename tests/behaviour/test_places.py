"""Where iamsync keeps its own things and writes what is asked of it: what stands in the way is told, and what to do."""

from __future__ import annotations

import errno
import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.behaviour.conftest import Site


@pytest.mark.parametrize("command", ["plan", "drift", "apply --auto-approve", "runs list", "adopt --diff"])
def test_a_file_where_the_folder_for_records_is_to_be_is_told(site: Site, command: str) -> None:
    site.write("users: {alice: {}}\n")
    held = site.write("mine", ".iamsync")
    told = site.run(*command.split())
    assert told.code == 1
    assert "error[bad-path]: .iamsync is no folder, and iamsync keeps records" in told.err
    assert "move it away" in told.err
    assert held.read_text(encoding="utf-8") == "mine"
    assert not site.writes


@pytest.mark.parametrize(
    ("number", "hint"),
    [
        (errno.ENOSPC, "make room on the disk"),
        (errno.EDQUOT, "make room on the disk"),
        (errno.EROFS, "the file system is read-only"),
        (errno.EACCES, "check the directory, its owner and free space"),
    ],
)
def test_a_sandbox_that_cannot_be_kept_is_told_with_what_to_do(
    site: Site, monkeypatch: pytest.MonkeyPatch, number: int, hint: str
) -> None:
    site.write("users: {alice: {}}\n")
    real = os.open

    def refused(path: Any, *more: Any, **named: Any) -> int:
        if str(path).endswith("sandbox.json.lock"):
            raise OSError(number, os.strerror(number), str(path))
        return real(path, *more, **named)

    monkeypatch.setattr(os, "open", refused)
    told = site.run("plan")
    assert told.code == 1
    assert "error[sandbox-state]: cannot use the sandbox's file" in told.err
    assert hint in told.err


@contextmanager
def small_files(most: int) -> Iterator[None]:
    """No file of this process grows beyond so many bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_file_that_must_not_grow_is_told_and_leaves_what_was_there(applied: Site, tmp_path: Path) -> None:
    before = applied.write("old", "plan.json")
    with small_files(20):
        told = applied.run("plan", "--out", "plan.json", "--live", "live.json")
        asked = applied.run("init", "new", "--sandbox")
    assert told.code == asked.code == 1
    assert "lift the limit on the size of files" in asked.err
    assert "nothing was written" in asked.err
    assert before.read_text(encoding="utf-8") == "old"
    assert not (applied.root / "new").exists()
