"""Which files are manifests, read once for all accounts."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from iamsync.errors import InputError, Place
from iamsync.manifest.config import DEFAULT_MANIFESTS, FILE
from iamsync.manifest.documents import exists, file_name, inside, reread_document
from iamsync.manifest.nodes import Node
from iamsync.manifest.problems import WRONG, Problems, Wrong
from iamsync.manifest.sections import Part, read_part
from iamsync.manifest.source import documents_of, read
from iamsync.nearness import closest

SUFFIXES: Final = (".yaml", ".yml")


@dataclass(frozen=True, slots=True)
class ManifestFile:
    """One file: its name in messages, its parts, and what is wrong with its shape.

    `broken`: it could not be read at all, so what it declares is not known. `base` is the directory
    that its `$file` paths may not leave.
    """

    file: str
    path: Path
    base: Path
    parts: tuple[Part, ...]
    errors: tuple[InputError, ...] = ()
    broken: bool = False


@dataclass(frozen=True, slots=True)
class Manifests:
    """All manifest files of a project, parsed; `documents` keeps what `$file` named."""

    root: Path
    files: tuple[ManifestFile, ...]
    documents: dict[Path, Node | Wrong] = field(default_factory=dict, compare=False, repr=False)

    @property
    def errors(self) -> tuple[InputError, ...]:
        """What is wrong with the files whatever the account; `resolve` raises these with its own."""
        return tuple(error for file in self.files for error in file.errors)

    def under(self, paths: Iterable[str]) -> tuple[ManifestFile, ...]:
        """The files that these paths name, or that lie in the directories they name."""
        wanted = [_absolute(self.root, path) for path in paths]
        return tuple(file for file in self.files if any(file.path.is_relative_to(path) for path in wanted))


def read_manifests(root: Path, paths: Sequence[str]) -> Manifests:
    """The manifests of these files and directories, in sorted order, without dot-folders.

    Paths are relative to `root`, the project's directory; a path outside of it (the command line's) is
    a project of its own. Raises InputError where a path does not exist, where a link leaves the project
    and where there is nothing to read: an empty set would mean "delete everything". What is wrong
    inside the files stands in `errors`.
    """
    root = Path(os.path.abspath(root))
    found: dict[Path, tuple[Path, str]] = {}
    problems = Problems()
    for written in paths:
        path = _absolute(root, written)
        base = root if path.is_relative_to(root) else path if path.is_dir() else path.parent
        before = len(found)
        if not exists(path):
            message, hint = _missing(root, written, path)
            problems.add("no-such-path", message, Place(written), hint)
            continue
        for file in _manifests_in(path):
            name = file_name(file, root)
            if file == root / FILE and file != path:
                continue  # the project file lies among its manifests where these are "."
            if file.is_dir():
                hint = "name the directory itself under manifests:, or copy it"
                problems.add("outside-project", f'"{name}" is a link to a directory', Place(name), hint)
            elif not inside(file, base):
                hint = "copy the file into the project; links may not leave it"
                problems.add("outside-project", f'"{name}" is a link that leaves the project', Place(name), hint)
            else:
                found.setdefault(file, (base, name))
        if len(found) == before and not any(file.is_relative_to(path) for file in found) and not len(problems):
            raise _empty(written)
    problems.raise_if_any()
    if not found:
        raise _empty(", ".join(paths) or str(root))
    return Manifests(root, tuple(_read(path, *found[path]) for path in sorted(found, key=lambda path: found[path][1])))


def _missing(root: Path, written: str, path: Path) -> tuple[str, str]:
    """What to say of a path that does not exist: who is in no project, or below one, is told so."""
    if (written,) != DEFAULT_MANIFESTS or (root / FILE).is_file():
        there = [entry.name for entry in path.parent.iterdir()] if path.parent.is_dir() else []
        near = closest(path.name, there)
        meant = f'did you mean "{(Path(written).parent / near).as_posix()}"? ' if near is not None else ""
        hint = f"{meant}Write the path of a file or directory; without one, manifests: of {FILE} or ./iam are read"
        return f'there is no "{written}"', hint
    above = next((folder for folder in root.parents if (folder / FILE).is_file()), None)
    hint = "`iamsync init DIR` writes one; `cd` to yours, or name it: --config FILE"
    if above is not None:
        name = os.path.relpath(above / FILE, root)
        hint = f"there is one above: `cd` there, or name it: --config {name}"
    return f"there is no project here: neither {FILE} nor {written}", hint


def _absolute(root: Path, path: str) -> Path:
    return Path(os.path.normpath(root / path))


def _manifests_in(path: Path) -> Iterator[Path]:
    if not path.is_dir():
        yield path
        return
    for directory, folders, names in os.walk(path):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        # os.walk does not follow links to directories; passing over one in silence would undeclare what is in it.
        yield from (link for name in folders if (link := Path(directory, name)).is_symlink())
        for name in sorted(names):
            if not name.startswith(".") and Path(name).suffix.lower() in SUFFIXES:
                yield Path(directory, name)


def reread(manifests: Manifests, texts: Mapping[Path, str]) -> Manifests:
    """The same manifests with these texts in the place of what lies on disk; the rest is not read again.

    Raises InputError where a document file holds no single document any more.
    """
    files = tuple(
        _read(file.path, file.base, file.file, texts[file.path]) if file.path in texts else file
        for file in manifests.files
    )
    documents = dict(manifests.documents)
    documents |= {path: reread_document(path, documents[path], texts[path]) for path in documents if path in texts}
    return Manifests(manifests.root, files, documents)


def _read(path: Path, base: Path, name: str, text: str | None = None) -> ManifestFile:
    problems = Problems()
    try:
        nodes = read(path, name) if text is None else documents_of(text, name)
    except WRONG as wrong:
        problems.take(wrong)
        return ManifestFile(name, path, base, (), problems.errors, broken=True)
    parts = tuple(read_part(node, problems) for node in nodes)
    return ManifestFile(name, path, base, parts, problems.errors)


def _empty(written: str) -> InputError:
    return InputError(
        f'there is no manifest in "{written}"',
        code="empty-manifests",
        place=Place(written),
        hint="an empty set is never taken for a wish to delete everything; write a .yaml file there",
    )
