"""A project as it stood at another time: `git:REV`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from iamsync.engine.git import checkout
from iamsync.engine.project import Project
from iamsync.engine.variables import given
from iamsync.errors import InputError
from iamsync.manifest.config import FILE, load_config


@contextmanager
def revision(project: Project, text: str) -> Iterator[Project]:
    """The project as it stood at `git:REV`, checked out beside the real one for as long as needed."""
    if not text.startswith("git:"):
        raise InputError(f"{text!r} is no revision", code="bad-option", hint="write git:REV, for example git:main")
    with TemporaryDirectory(prefix="iamsync-") as folder:
        root = checkout(project.root, text.removeprefix("git:"), Path(folder))
        config = root / FILE if project.configured else None
        if config is not None and project.options.config is not None:
            config = root / project.options.config.name
        if config is not None and not config.exists():
            raise InputError(f"{text} has no {config.name}", code="bad-revision", hint="name a later revision")
        options = replace(project.options, cwd=root, config=config)
        yield Project(options, load_config(config, root, given(options)))
