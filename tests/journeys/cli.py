"""The command as a person runs it: a process of its own, in a folder, in an environment that holds nothing else."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

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
    """A project's folder; calling it runs `iamsync` there and checks the exit code."""

    root: Path
    environment: dict[str, str] = field(default_factory=dict)

    def __call__(self, *arguments: str, code: int = 0, answer: str = "") -> Ran:
        ended = subprocess.run(
            [sys.executable, "-m", "iamsync", *arguments],
            cwd=self.root,
            env={**_BARE, **self.environment},
            input=answer,
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=120,
            check=False,
        )
        said = f"iamsync {' '.join(arguments)}\n{ended.stdout}\n{ended.stderr}"
        assert "Traceback" not in ended.stderr, said
        assert "error[defect]" not in ended.stderr, said
        assert ended.returncode == code, f"exit code {ended.returncode}, not {code}: {said}"
        return Ran(ended.returncode, ended.stdout, ended.stderr)

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
