"""Manifests in their canonical layout."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from iamsync.engine.project import Project
from iamsync.engine.unified import unified_files
from iamsync.errors import InputError, InputErrors, Place, raise_all
from iamsync.manifest.documents import file_name
from iamsync.manifest.files import read_manifests
from iamsync.manifest.keyorder import config_order, manifest_order
from iamsync.manifest.tidy import tidy


@dataclass(frozen=True, slots=True)
class Formatted:
    """The texts of the files that are laid out otherwise, as they are and as they are to be."""

    root: Path
    looked_at: int
    before: dict[Path, str]
    after: dict[Path, str]

    @property
    def names(self) -> tuple[str, ...]:
        """The files that change, relative to the project."""
        return tuple(file_name(path, self.root) for path in sorted(self.after))

    def diff(self) -> str:
        """The unified diff of the files."""
        return unified_files(self.before, self.after, self.root)


def formatted(project: Project) -> Formatted:
    """The manifests of the project and its iamsync.yaml, or those of the PATHs, laid out; nothing is written.

    Raises InputError(s) with all that is wrong where a file cannot be read as YAML.
    """
    before: dict[Path, str] = {}
    after: dict[Path, str] = {}
    errors: list[InputError] = []
    paths = _files(project, errors)
    for path, config in paths.items():
        name = file_name(path, project.root)
        try:
            text = path.read_bytes().decode("utf-8")
            made = tidy(text, name, config_order if config else manifest_order)
        except InputError as error:
            errors.append(error)
        except InputErrors as several:
            errors += several.errors
        except OSError as error:
            hint = "run the command again"
            place = Place(name)
            errors.append(InputError(f"{error.strerror or error}", code="unreadable-file", place=place, hint=hint))
        else:
            if made != text:
                before[path], after[path] = text, made
    raise_all(errors)
    return Formatted(project.root, len(paths), before, after)


def _files(project: Project, errors: list[InputError]) -> dict[Path, bool]:
    """The files to lay out, and whether each is the project's own."""
    narrowed = project.narrowing_paths(anywhere=True)
    config = project.root / project.config.file if project.config.file is not None else None
    found: dict[Path, bool] = {}
    if config is not None and not narrowed:
        found[config] = True
    if narrowed and config is not None and config in {project.root / path for path in narrowed}:
        found[config] = True
        narrowed = tuple(path for path in narrowed if project.root / path != config)
        if not narrowed:
            return found
    every = [read_manifests(project.root, narrowed)] if narrowed else []
    every += [project.manifests(account) for account in project.accounts()] if not narrowed else []
    for manifests in every:
        for file in manifests.files:
            if file.broken:
                errors += [error for error in file.errors if error not in errors]
            elif file.path != config:
                found.setdefault(file.path, False)
    return found
