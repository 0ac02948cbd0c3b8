"""Pages of the documentation as programs: their commands are run in order, and must say what the page shows.

A page writes a file with a paragraph that ends in "rite `PATH`:" and the block after it, and runs the lines that begin
with "$ " in its `console` blocks. What follows a command is all that a terminal shows of it, notes included; a line
`...` stands for any number of lines, and "..." in a line for anything. In a command `sha256:...` is the last digest
that was shown. A line that ends in "is accepted: yes" is a question and its answer.

Comments of the page are for this program: `<!-- $ COMMAND -->` makes what the page takes for granted (an account, a
repository), and `<!-- not run: WHY -->` before a block excuses it. Whatever else looks like a command is one too many.

    python tools/pages.py docs/tutorial.md               # run it with the iamsync on the PATH, in an empty folder
    python tools/pages.py --update docs/tutorial.md      # and write what was said where it is otherwise
"""

from __future__ import annotations

import difflib
import os
import pty
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

# A command's words, its folder and what is typed at its questions; its exit code, and what a terminal shows of it.
Run = Callable[[list[str], Path, list[str]], tuple[int, str]]
# What differs each time, or with each edition of AWS's list of actions: an update writes dots for it.
DIFFERS = (
    r"(?<=sha256:)[0-9a-f]{64}",
    r"\d{8}T\d{6}Z-[0-9a-f]{6}",
    r"(?<=AKIA)[A-Z0-9]{16}",
    r"(?<=\* \()\d{5}(?= actions)",
)
WRITE = re.compile(r"[Ww]rite `([\w./-]+)`(?: anew)?:$")
QUESTION = "is accepted: "
UNSEEN = re.compile(r"<!-- \$ (.+) -->$")
EXCUSED = re.compile(r"<!-- not run: (.+) -->$")
PROGRAMS = ("aws", "cd", "docker", "gh", "git", "iamsync", "make", "mkdir", "pip", "pipx", "uv", "uvx")
INDENTED = re.compile(rf"    (?:\$ )?(?:[A-Z_]+=\S+ )*(?:{'|'.join(PROGRAMS)}) ")


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
    seen: bool = True

    @property
    def answers(self) -> list[str]:
        """What is typed at its questions."""
        return [line.rpartition(QUESTION)[2] for line in self.shown if QUESTION in line]


@dataclass(frozen=True, slots=True)
class NotRun:
    """A command that the page shows and nothing runs, and why; no reason is a fault of the page."""

    line: str
    why: str


@dataclass(frozen=True, slots=True)
class Said:
    """A command as it was run."""

    command: Command
    said: tuple[str, ...]
    code: int = 0

    @property
    def same(self) -> bool:
        # What nobody sees may say what it likes, but must succeed.
        return same(self.command.shown, self.said) if self.command.seen else self.code == 0

    @property
    def difference(self) -> str:
        lines = difflib.unified_diff(self.command.shown, self.said, "the page", "the command", lineterm="")
        return "\n".join([f"$ {self.command.line}", *lines])


def steps(text: str) -> Iterator[File | Command | NotRun]:
    """What a page writes and runs, in order, and what it shows and nothing runs."""
    lines = text.splitlines()
    said_before, why, at = "", "", 0
    while at < len(lines):
        line = lines[at]
        if unseen := UNSEEN.match(line):
            yield Command(unseen[1], (), at, at, seen=False)
        elif excused := EXCUSED.match(line):
            why = excused[1]
        elif fence := re.match(r"```(\w+)$", line):
            end = lines.index("```", at + 1)
            if fence[1] == "console":
                commands = _commands(lines, at + 1, end)
                yield from (NotRun(command.line, why) for command in commands) if why else commands
            elif path := WRITE.search(said_before):
                yield File(path[1], "\n".join(lines[at + 1 : end]) + "\n")
            said_before, why, at = "", "", end
        elif INDENTED.match(line):
            yield NotRun(line.strip(), why)
        elif line:
            said_before, why = line, ""
        at += 1


def not_run(text: str) -> list[NotRun]:
    """What a page shows and nothing runs."""
    return [step for step in steps(text) if isinstance(step, NotRun)]


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


def run(text: str, folder: Path, iamsync: Run, other: Run, env: dict[str, str]) -> Iterator[Said]:
    """Each command of a page, as it goes, in an empty folder: `iamsync` by the one way, any other by the other.

    Both ways read `env` at each command; `export` and what is served change it.
    """
    here, code, digest, served = folder, 0, "", list[subprocess.Popen[str]]()
    try:
        for step in steps(text):
            if isinstance(step, NotRun):
                continue
            if isinstance(step, File):
                path = here / step.path
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(step.text, encoding="utf-8")
                continue
            line = step.line.replace("sha256:...", digest)
            words = shlex.split(line, comments=True)
            said = ""
            if words[0] == "cd":
                here = here / words[1]
            elif words[0] == "export":
                env.update([words[1].split("=", 1)])
            elif words[-1] == "&":
                served.append(_served(words[:-1], here, env))
            elif line == "echo $?":
                said = f"{code}\n"
            elif words[0] == "iamsync" and not set(words) & {"|", ">", "&&"}:
                code, said = iamsync(words[1:], here, step.answers)
            else:
                code, said = other(["bash", "-c", line], here, step.answers)
            digest = (re.findall(r"sha256:[0-9a-f]{64}", said) or [digest])[-1]
            yield Said(step, tuple(said.splitlines()), code)
    finally:
        for one in served:
            one.terminate()
            one.communicate()


def _served(words: list[str], here: Path, env: dict[str, str]) -> subprocess.Popen[str]:
    """An account that is served from now on, which the commands after it take for AWS."""
    server = subprocess.Popen(
        words, cwd=here, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    assert server.stdout is not None
    secrets = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing", "AWS_REGION": "us-east-1"}
    env.update(secrets, AWS_ENDPOINT_URL=server.stdout.readline().strip())
    return server


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
    """Commands as processes of their own; where something is asked, with a terminal to type at."""

    def ran(words: list[str], folder: Path, answers: list[str]) -> tuple[int, str]:
        if answers:
            return _typed(words, folder, env, answers)
        done = subprocess.run(
            words, cwd=folder, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, timeout=120, check=False,
        )  # fmt: skip
        return done.returncode, done.stdout

    return ran


def _typed(words: list[str], folder: Path, env: dict[str, str], answers: list[str]) -> tuple[int, str]:
    keyboard, terminal = pty.openpty()
    command = subprocess.Popen(
        words, cwd=folder, env=env, stdin=terminal, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    assert command.stdout is not None
    said, left = b"", list(answers)
    while more := os.read(command.stdout.fileno(), 65536):
        said += more
        if left and said.endswith(QUESTION.encode()):
            # What is typed shows on a terminal, and only there.
            typed = f"{left.pop(0)}\n".encode()
            os.write(keyboard, typed)
            said += typed
    command.stdout.close()
    os.close(terminal)
    os.close(keyboard)
    return command.wait(), said.decode()


def tried(page: Path, bin_: Path | None = None) -> list[Said]:
    """A page run with the commands of an environment (the PATH's, where none is named), in an empty folder."""
    with tempfile.TemporaryDirectory() as folder:
        env = environment(bin_, Path(folder))
        other = process(env)
        work = Path(folder, "work")
        work.mkdir()
        text = page.read_text(encoding="utf-8")
        return list(run(text, work, lambda words, here, typed: other(["iamsync", *words], here, typed), other, env))


def updated(text: str, found: list[Said]) -> str:
    """The page with what the commands said, where it showed something else."""
    lines = text.splitlines()
    for one in reversed([item for item in found if item.command.seen and not item.same]):
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
        for left in not_run(page.read_text(encoding="utf-8")):
            print(f"  not run: {left.line} ({left.why})")
        print(
            f"{page}: {len(found)} commands, {len(wrong)} said something else{' (written)' if update and wrong else ''}"
        )
        failed += len(wrong)
    return int(bool(failed) and not update)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
