"""Pages of the documentation as programs: their commands are run in order, and must say what the page shows.

A page writes a file with a paragraph that ends in "rite `PATH`:" and the block after it, and runs the lines that begin
with "$ " in its `console` blocks. What follows a command is all that a terminal shows of it, notes included; a line
`...` stands for any number of lines, and "..." in a line for anything.

    python tools/pages.py docs/tutorial.md               # run it with the iamsync on the PATH, in an empty folder
    python tools/pages.py --update docs/tutorial.md      # and write what was said where it is otherwise
"""

from __future__ import annotations

import difflib
import os
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

# A command's words and its folder; its exit code, and what a terminal shows of it.
Run = Callable[[list[str], Path], tuple[int, str]]
# What differs each time, or with each edition of AWS's list of actions: an update writes dots for it.
DIFFERS = (
    r"(?<=sha256:)[0-9a-f]{64}",
    r"\d{8}T\d{6}Z-[0-9a-f]{6}",
    r"(?<=AKIA)[A-Z0-9]{16}",
    r"(?<=\* \()\d{5}(?= actions)",
)
WRITE = re.compile(r"[Ww]rite `([\w./-]+)`(?: anew)?:$")


@dataclass(frozen=True, slots=True)
class File:
    """A file that the page says to write."""

    path: str
    text: str


@dataclass(frozen=True, slots=True)
class Command:
    """A command, what the page shows of it, and where that stands: lines [start, end), from 0."""

    line: str
    shown: tuple[str, ...]
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Said:
    """A command as it was run."""

    command: Command
    said: tuple[str, ...]

    @property
    def same(self) -> bool:
        return same(self.command.shown, self.said)

    @property
    def difference(self) -> str:
        lines = difflib.unified_diff(self.command.shown, self.said, "the page", "the command", lineterm="")
        return "\n".join([f"$ {self.command.line}", *lines])


def steps(text: str) -> Iterator[File | Command]:
    """What a page writes and runs, in order."""
    lines = text.splitlines()
    said_before, at = "", 0
    while at < len(lines):
        fence = re.match(r"```(\w+)$", lines[at])
        if fence is None:
            said_before = lines[at] or said_before
            at += 1
            continue
        end = lines.index("```", at + 1)
        if fence[1] == "console":
            yield from _commands(lines, at + 1, end)
        elif path := WRITE.search(said_before):
            yield File(path[1], "\n".join(lines[at + 1 : end]) + "\n")
        said_before, at = "", end + 1


def _commands(lines: list[str], start: int, end: int) -> Iterator[Command]:
    begun = [at for at in range(start, end) if lines[at].startswith("$ ")]
    for at, following in zip(begun, [*begun[1:], end], strict=True):
        yield Command(lines[at][2:], tuple(lines[at + 1 : following]), at + 1, following)


def same(shown: tuple[str, ...], said: tuple[str, ...]) -> bool:
    """Whether a command said what the page shows; blank lines at the end count for nothing."""
    pattern = "".join(
        r"(?:[^\n]*\n)*?" if line.strip() == "..." else re.escape(line).replace(r"\.\.\.", r"[^\n]*") + "\n"
        for line in _trimmed(shown)
    )
    return re.fullmatch(pattern, "".join(f"{line}\n" for line in _trimmed(said))) is not None


def _trimmed(lines: tuple[str, ...]) -> list[str]:
    held = [line.rstrip() for line in lines]
    while held and not held[-1]:
        held.pop()
    return held


def run(text: str, folder: Path, iamsync: Run, other: Run) -> Iterator[Said]:
    """Each command of a page, as it goes, in an empty folder: `iamsync` by the one way, any other by the other."""
    here, code = folder, 0
    for step in steps(text):
        if isinstance(step, File):
            path = here / step.path
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(step.text, encoding="utf-8")
            continue
        words = shlex.split(step.line, comments=True)
        said = ""
        if words[0] == "cd":
            here = here / words[1]
        elif step.line == "echo $?":
            said = f"{code}\n"
        elif words[0] == "iamsync" and not set(words) & {"|", ">", "&&", "&"}:
            code, said = iamsync(words[1:], here)
        else:
            code, said = other(["bash", "-c", step.line], here)
        yield Said(step, tuple(said.splitlines()))


def environment(bin_: Path | None, home: Path) -> dict[str, str]:
    """A person's shell, as far as the commands of a page may see it: nothing of AWS, no colour, one call at a time."""
    path = os.environ["PATH"] if bin_ is None else f"{bin_}:/usr/local/bin:/usr/bin:/bin"
    held = {"PATH": path, "HOME": str(home), "LANG": "C.UTF-8", "COLUMNS": "100", "NO_COLOR": "1"}
    # Automation shows each step as a line; one at a time, so that they come in the same order always.
    return held | {
        "CI": "true",
        "IAMSYNC_PARALLELISM": "1",
        "AWS_EC2_METADATA_DISABLED": "true",
        # As on a terminal, what goes to the one and to the other stream stays in order.
        "PYTHONUNBUFFERED": "1",
    }


def process(env: dict[str, str]) -> Run:
    """Commands as processes of their own."""

    def ran(words: list[str], folder: Path) -> tuple[int, str]:
        done = subprocess.run(
            words, cwd=folder, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, timeout=120, check=False,
        )  # fmt: skip
        return done.returncode, done.stdout

    return ran


def tried(page: Path, bin_: Path | None = None) -> list[Said]:
    """A page run with the commands of an environment (the PATH's, where none is named), in an empty folder."""
    with tempfile.TemporaryDirectory() as folder:
        other = process(environment(bin_, Path(folder)))
        work = Path(folder, "work")
        work.mkdir()
        text = page.read_text(encoding="utf-8")
        return list(run(text, work, lambda words, here: other(["iamsync", *words], here), other))


def updated(text: str, found: list[Said]) -> str:
    """The page with what the commands said, where it showed something else."""
    lines = text.splitlines()
    for one in reversed([item for item in found if not item.same]):
        lines[one.command.start : one.command.end] = [
            re.sub("|".join(DIFFERS), "...", line) for line in _trimmed(one.said)
        ]
    return "\n".join(lines) + "\n"


def main(arguments: list[str]) -> int:
    update = arguments[:1] == ["--update"]
    failed = 0
    for page in map(Path, arguments[update:]):
        found = tried(page)
        wrong = [item for item in found if not item.same]
        if update:
            page.write_text(updated(page.read_text(encoding="utf-8"), found), encoding="utf-8")
        for item in wrong:
            print(item.difference)
        print(
            f"{page}: {len(found)} commands, {len(wrong)} said something else{' (written)' if update and wrong else ''}"
        )
        failed += len(wrong)
    return int(bool(failed) and not update)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
