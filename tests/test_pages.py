"""Pages whose commands are run: what they show is what a reader gets, in order, from an empty folder on."""

from __future__ import annotations

import contextlib
import importlib.util
import io
import os
import sys
from pathlib import Path
from types import ModuleType
from unittest import mock

import pytest

from iamsync.cli.app import run as front_door

ROOT = Path(__file__).resolve().parent.parent
PAGES = [path for path in sorted((ROOT / "docs").rglob("*.md")) if "```console" in path.read_text(encoding="utf-8")]


def _tool() -> ModuleType:
    spec = importlib.util.spec_from_file_location("pages", ROOT / "tools" / "pages.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["pages"] = module  # where dataclasses look for the names of annotations
    spec.loader.exec_module(module)
    return module


pages = _tool()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_each_command_of_a_page_says_what_the_page_shows(page: Path, tmp_path: Path) -> None:
    env = pages.environment(Path(sys.executable).parent, tmp_path)

    def inside(words: list[str], folder: Path) -> tuple[int, str]:
        """In this process: the command's start is told apart by the other tests, and costs more than all else here."""
        said = io.StringIO()
        with (
            contextlib.chdir(folder),
            mock.patch.dict(os.environ, env, clear=True),
            mock.patch("sys.stdin", io.StringIO()),
            contextlib.redirect_stdout(said),
            contextlib.redirect_stderr(said),
        ):
            code = front_door(words)
        return code, said.getvalue()

    work = tmp_path / "work"
    work.mkdir()
    found = list(pages.run(page.read_text(encoding="utf-8"), work, inside, pages.process(env)))
    assert found
    assert [item.difference for item in found if not item.same] == []


@pytest.mark.parametrize(
    ("shown", "said", "same"),
    [
        (("a", "b"), ("a", "b"), True),
        (("a", "..."), ("a", "b", "c"), True),
        (("a", "...", "c"), ("a", "c"), True),
        (("run 2026...",), ("run 20261231",), True),
        (("a.c",), ("abc",), False),
        (("a",), ("a", "b"), False),
        ((), ("a",), False),
        (("a", ""), ("a",), True),
    ],
)
def test_dots_stand_for_what_differs_each_time_and_for_nothing_else(shown, said, same):
    assert pages.same(shown, said) is same


def test_a_page_that_shows_something_else_is_told_and_mended(tmp_path):
    text = "Write `a.txt`:\n\n```text\nhello\n```\n\n```console\n$ cat a.txt\nbye\n$ echo $?\n0\n```\n"
    found = list(pages.run(text, tmp_path, pages.process({}), pages.process({"PATH": os.environ["PATH"]})))
    assert [item.same for item in found] == [False, True]
    assert "-bye" in found[0].difference
    assert "+hello" in found[0].difference
    assert pages.updated(text, found) == text.replace("bye\n", "hello\n")
