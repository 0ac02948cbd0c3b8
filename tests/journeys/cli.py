"""The command as a person runs it: a process of its own, in a folder, in an environment that holds nothing else."""

from __future__ import annotations

import contextlib
import io
import os
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from unittest import mock

from iamsync.cli.app import run
from tests.journeys import forked

# Nothing of the machine that runs the tests may be found: no profile, no metadata service, no project.
_BARE = {
    "PATH": os.environ.get("PATH", ""),
    "HOME": "/nonexistent",
    "AWS_EC2_METADATA_DISABLED": "true",
    "NO_COLOR": "1",
    "COLUMNS": "100",
    "PYTHONUTF8": "1",
}


@dataclass(frozen=True, slots=True)
class Ran:
    """How a command ended, and what it said."""

    code: int
    out: str
    err: str


@dataclass(slots=True)
class Folder:
    """A project's folder; calling it runs `iamsync` there and checks the exit code.

    `inside`: in this process, through the same front door, where a process of its own would tell no more.
    """

    root: Path
    environment: dict[str, str] = field(default_factory=dict)
    inside: bool = False

    def __call__(self, *arguments: str, code: int | tuple[int, ...] = 0) -> Ran:
        ended = self._inside(arguments) if self.inside else self._process(arguments)
        said = f"iamsync {' '.join(arguments)}\n{ended.out}\n{ended.err}"
        assert "Traceback" not in ended.err, said
        assert "error[defect]" not in ended.err, said
        assert ended.code in (code if isinstance(code, tuple) else (code,)), f"exit code {ended.code}: {said}"
        return ended

    def _process(self, arguments: tuple[str, ...]) -> Ran:
        with tempfile.TemporaryDirectory() as said:
            out, err = Path(said, "out"), Path(said, "err")
            code = forked.command(arguments, self.root, {**_BARE, **self.environment}, out, err)
            return Ran(code, out.read_text(encoding="utf-8"), err.read_text(encoding="utf-8"))

    def _inside(self, arguments: tuple[str, ...]) -> Ran:
        out, err = io.StringIO(), io.StringIO()
        with (
            contextlib.chdir(self.root),
            mock.patch.dict(os.environ, {**_BARE, **self.environment}, clear=True),
            mock.patch("sys.stdin", io.StringIO()),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
        ):
            code = run(list(arguments))
        return Ran(code, out.getvalue(), err.getvalue())

    def write(self, name: str, text: str) -> Path:
        """A file of the project."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def files(self, folder: str = "iam") -> dict[str, str]:
        """The texts of a folder's files, by name."""
        top = self.root / folder
        return {
            path.relative_to(top).as_posix(): path.read_text(encoding="utf-8")
            for path in sorted(top.rglob("*"))
            if path.is_file()
        }

    @property
    def sandbox(self) -> bytes:
        """What the embedded IAM holds, as its file says it: equal bytes, nothing was written."""
        return (self.root / ".iamsync" / "sandbox.json").read_bytes()
