"""Pages whose commands are run: what they show is what a reader gets, in order, from an empty folder on."""

from __future__ import annotations

import contextlib
import importlib.util
import io
import os
import sys
from collections import Counter
from pathlib import Path
from types import ModuleType
from unittest import mock

import pytest

from iamsync.cli.app import run as front_door

ROOT = Path(__file__).resolve().parent.parent
PAGES = [
    path
    for path in (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))
    if "```console" in path.read_text(encoding="utf-8")
]
# What the pages show and nothing here runs: how many commands, and what each would need.
NOT_RUN = {
    "README.md": {"PyPI": 1, "a clone": 2},
    "docs/index.md": {"PyPI": 1},
    "docs/install.md": {
        "PyPI": 3,
        "Docker": 2,
        "it asks which shell started it": 1,
        "GitHub, and a release of yours": 1,
    },
    "docs/tutorial.md": {"PyPI": 1},
    "docs/howto/drift-cron.md": {"it wants an account and a channel of yours": 1, "as above": 2},
}


def _tool() -> ModuleType:
    spec = importlib.util.spec_from_file_location("pages", ROOT / "tools" / "pages.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["pages"] = module  # where dataclasses look for the names of annotations
    spec.loader.exec_module(module)
    return module


pages = _tool()


class Keyboard(io.StringIO):
    """A terminal to type at, where there is something to type; what is typed shows where the command's words do."""

    def __init__(self, answers: list[str], screen: io.StringIO) -> None:
        super().__init__("".join(f"{answer}\n" for answer in answers))
        self._screen = screen

    def isatty(self) -> bool:
        return bool(self.getvalue())

    def readline(self, size: int | None = -1, /) -> str:
        typed = super().readline(-1 if size is None else size)
        self._screen.write(typed)
        return typed


RUN = [page for page in PAGES if any(isinstance(step, pages.Command) for step in pages.steps(page.read_text("utf-8")))]


@pytest.mark.parametrize("page", RUN, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_each_command_of_a_page_says_what_the_page_shows(page: Path, tmp_path: Path) -> None:
    env = pages.environment(Path(sys.executable).parent, tmp_path)

    def inside(words: list[str], folder: Path, answers: list[str]) -> tuple[int, str]:
        """In this process: the command's start is told apart by the other tests, and costs more than all else here."""
        said = io.StringIO()
        with (
            contextlib.chdir(folder),
            mock.patch.dict(os.environ, env, clear=True),
            mock.patch("sys.stdin", Keyboard(answers, said)),
            contextlib.redirect_stdout(said),
            contextlib.redirect_stderr(said),
        ):
            code = front_door(words)
        return code, said.getvalue()

    work = tmp_path / "work"
    work.mkdir()
    found = list(pages.run(page.read_text(encoding="utf-8"), work, inside, pages.process(env), env))
    assert found
    assert [item.difference for item in found if not item.same] == []


def test_what_the_pages_show_and_nothing_runs_is_counted_and_has_a_reason() -> None:
    pages_read = {page: pages.not_run(page.read_text(encoding="utf-8")) for page in PAGES}
    assert {
        page.relative_to(ROOT).as_posix(): dict(Counter(step.why.partition(";")[0] for step in left))
        for page, left in pages_read.items()
        if left
    } == NOT_RUN


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
    env = {"PATH": os.environ["PATH"]}
    found = list(pages.run(text, tmp_path, pages.process({}), pages.process(env), env))
    assert [item.same for item in found] == [False, True]
    assert "-bye" in found[0].difference
    assert "+hello" in found[0].difference
    assert pages.updated(text, found) == text.replace("bye\n", "hello\n")


def test_what_a_page_takes_for_granted_is_run_unseen_and_must_succeed(tmp_path):
    digest = f"sha256:{'0' * 64}"
    text = f"""<!-- $ mkdir made -->
<!-- $ false -->
```console
$ ls
made
$ export NAME=value
$ echo $NAME {digest}
value sha256:...
$ echo sha256:... | tail -c 3
00
$ printf "{pages.QUESTION}"; read -r said; echo "[$said]"
{pages.QUESTION}yes
[yes]
```

<!-- not run: no such thing; really -->
```console
$ docker run x
```

    iamsync forgotten
"""
    env = {"PATH": os.environ["PATH"]}
    found = list(pages.run(text, tmp_path, pages.process({}), pages.process(env), env))
    assert [item.same for item in found] == [True, False, True, True, True, True, True]
    assert [(step.line, step.why) for step in pages.not_run(text)] == [
        ("docker run x", "no such thing; really"),
        ("iamsync forgotten", ""),
    ]
