"""Folders to run the command in."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from botocore.loaders import create_loader

from iamsync.aws.session import Sessions

from .cli import Folder

# AWS's service models, read once: they are most of a command's time.
LOADER = create_loader()


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


@pytest.fixture
def inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Folder:
    """A folder whose commands run in this process."""
    for module in ("iamsync.engine.reach", "iamsync.aws.session"):
        monkeypatch.setattr(f"{module}.Sessions", lambda: Sessions(_loader=LOADER))
    return Folder(tmp_path, inside=True)


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Folder]:
    """New folders that outlive one test of a module."""
    return lambda name: Folder(tmp_path_factory.mktemp(name))
