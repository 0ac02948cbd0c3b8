"""Folders to run the command in."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from .cli import Folder


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Folder]:
    """New folders that outlive one test of a module."""
    return lambda name: Folder(tmp_path_factory.mktemp(name))
