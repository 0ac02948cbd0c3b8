"""A folder of its own for each test, the command in this process, and the files of other tools."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.journeys.cli import Folder

HERE = Path(__file__).parent
ACCOUNT = "111122223333"


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """An empty folder at a fixed time."""
    return Folder(tmp_path, {"IAMSYNC_NOW": "2026-11-24T00:00:00Z"}, inside=True)


def project(folder: Folder, accounts: str = f"{{prod: {{id: '{ACCOUNT}'}}}}") -> Folder:
    """The folder as a project of these accounts."""
    folder.write("iamsync.yaml", f"version: 1\nmanifests: [iam]\naccounts: {accounts}\n")
    return folder


def written(folder: Folder) -> str:
    """All that was written, in one text."""
    return "".join(path.read_text(encoding="utf-8") for path in sorted((folder.root / "iam").rglob("*.yaml")))


def untouched(folder: Folder) -> bool:
    """Whether nothing was written: no manifest, no block, no project file."""
    return not any((folder.root / name).exists() for name in ("iam", "removed.tf"))
