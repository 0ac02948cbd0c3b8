"""Policy documents of manifests: written inline or as `{$file: PATH}`, checked, each problem at its place."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from iamsync.errors import InputError
from iamsync.kinds.metadata import SIZE
from iamsync.manifest.expand import Scope, expand
from iamsync.manifest.nodes import Listing, Node, Scalar, Table
from iamsync.manifest.problems import WRONG, Problems, Wrong, a, did_you_mean, is_null
from iamsync.manifest.source import documents_of, read
from iamsync.policy.document import Document, compact
from iamsync.policy.grammar import Path as StepPath
from iamsync.policy.grammar import Use, problems

FILE_KEY: Final = "$file"
SUFFIXES: Final = (".json", ".yaml", ".yml")
_RELATIVE: Final = "paths are relative to the file that says them"
_LONGEST: Final = 4096  # of a path, as Linux has it
# Elements whose values are texts: a number that YAML reads there (an account id, a Sid) is meant as text.
_TEXTS: Final = frozenset({"Condition"})


@dataclass(frozen=True, slots=True)
class Written:
    """A document with the node that says it; `via` tells through what a text came to be read that stands elsewhere."""

    document: Document
    node: Node
    use: Use
    via: str = ""


class Documents:
    """Reads documents, each file and each text once.

    No file may lie outside of `root` and `others`; names in messages are relative to `root`. `files` keeps
    what was read, for the next account. One of these serves one run of `resolve`: a document
    that is wrong is complained about once and answered with None from then on.
    """

    def __init__(self, root: Path, others: Iterable[Path] = (), files: dict[Path, Node | Wrong] | None = None) -> None:
        self._root = root
        self._bases = (root, *others)
        self._files: dict[Path, Node | Wrong] = {} if files is None else files
        self._made: dict[tuple[int, Use, str], tuple[Node, Document | None]] = {}
        self._right: dict[tuple[str, Use, str], Document] = {}
        self._written: list[Written] = []

    def take_written(self) -> list[Written]:
        """The documents that were read since this was last asked."""
        found, self._written = self._written, []
        return found

    def document(self, node: Node, use: Use, partition: str, scope: Scope, found: Problems) -> Document | None:
        """The document that an expanded node stands for, or None where it is wrong.

        `scope` is for the variables of a file that the node names.
        """
        if isinstance(node, Table) and FILE_KEY in node:
            target = self._target(node, found)
            if target is None:
                return None
            path, at = target
            via, found.via = found.via, found.via or f"read through {at.place.file}:{at.place.line}"
            try:
                return self._document(expand(self._read(path, at), scope), use, partition, found)
            except WRONG as wrong:
                found.take(wrong)
                return None
            finally:
                found.via = via
        return self._document(node, use, partition, found)

    def file(self, node: Node, found: Problems) -> tuple[Path, Node] | None:
        """The file that `{$file: PATH}` names and what was read from it; None where the node names none."""
        if not isinstance(node, Table) or FILE_KEY not in node:
            return None
        target = self._target(node, found, (*SUFFIXES, ".xml"))
        held = self._files.get(target[0]) if target is not None else None
        return None if target is None or held is None or isinstance(held, WRONG) else (target[0], held)

    def text(self, node: Node, what: str, found: Problems) -> str | None:
        """A text of its own kind (SAML metadata): written there, or in an .xml file, which is taken as it is."""
        if isinstance(node, Table) and FILE_KEY in node:
            target = self._target(node, found, (".xml",))
            if target is None:
                return None
            path, at = target
            if path not in self._files:
                self._files[path] = _whole(path, file_name(path, self._root), at)
            held = self._files[path]
            if isinstance(held, WRONG):
                found.take(held)
                return None
            assert isinstance(held, Scalar)
            return held.text
        if isinstance(node, Scalar) and isinstance(node.value, str):
            return node.text
        found.add("wrong-type", f"{what} is a text, not {a(node)}", node, "write {$file: okta.xml}")
        return None

    def _document(self, node: Node, use: Use, partition: str, found: Problems) -> Document | None:
        if isinstance(node, Scalar):
            if is_null(node):
                found.add("missing-document", "a policy document is missing here", node)
            elif node.text.lstrip().startswith(("{", "[")):
                hint = "paste the JSON without the quotes around it, or write {$file: PATH}"
                found.add("wrong-type", "a document is a mapping, not JSON inside a text", node, hint)
            else:
                hint = "write Version and Statement below it, or {$file: PATH}"
                found.add("wrong-type", f'a policy document is a mapping, not "{node.text[:60]}"', node, hint)
            return None
        key = (id(node), use, partition)
        if key not in self._made:  # the node is kept, so that its id stays its own
            self._made[key] = (node, self._checked(node, use, partition, found))
        document = self._made[key][1]
        if document is not None:
            self._written.append(Written(document, node, use, found.via))
        return document

    def _checked(self, node: Node, use: Use, partition: str, found: Problems) -> Document | None:
        value = document_value(node)
        text = compact(value)
        known = self._right.get((text, use, partition))  # many roles trust alike
        if known is not None:
            return known
        wrong = list(problems(value, use))
        for problem in wrong:
            hint = problem.hint
            if problem.candidates:
                hint = did_you_mean(problem.wrong, problem.candidates, hint)
            found.add("malformed-policy", problem.message, place_of(node, problem.path, problem.wrong), hint)
        if wrong:
            return None
        document = self._right[text, use, partition] = Document.of(value, partition)
        return document

    def _target(self, node: Table, found: Problems, suffixes: tuple[str, ...] = SUFFIXES) -> tuple[Path, Scalar] | None:
        """The file that `{$file: PATH}` names."""
        target = node.get(FILE_KEY)
        for key, _ in node:
            if key.text != FILE_KEY:
                found.add("unknown-field", f'"{key.text}" cannot stand beside {FILE_KEY}', key, "remove one of the two")
                return None
        if not isinstance(target, Scalar) or is_null(target):
            hint = f"write {{$file: documents/x{suffixes[0]}}}"
            found.add("wrong-type", f"{FILE_KEY} is the path of a file", target or node, hint)
            return None
        if os.path.isabs(target.text) or "\\" in target.text:
            hint = "paths are relative to the file that says them, with /"
            found.add("outside-project", f'"{target.text}" is no path inside the project', target, hint)
            return None
        written = Path(os.path.normpath(self._root / Path(target.source.file).parent / target.text))
        if not any(inside(written, base) for base in self._bases):
            hint = "documents lie in the project's own directory; links out of it do not count"
            found.add("outside-project", f'"{target.text}" lies outside the project', target, hint)
            return None
        if written.suffix.lower() not in suffixes:
            hint = _nearby(written, suffixes, f"it ends in {', '.join(suffixes)}")
            found.add("unreadable-file", f'"{target.text}" is no document', target, hint)
            return None
        if not exists(written) or not written.is_file():
            found.add("unreadable-file", f'there is no file "{target.text}"', target, _nearby(written, suffixes))
            return None
        return written, target

    def _read(self, path: Path, at: Scalar) -> Node:
        if path not in self._files:
            self._files[path] = _one(path, file_name(path, self._root), at)
        held = self._files[path]
        if isinstance(held, WRONG):
            raise held
        return held


def _one(path: Path, name: str, at: Scalar) -> Node | Wrong:
    try:
        documents = read(path, name)
    except WRONG as wrong:
        return wrong
    if len(documents) == 1:
        return documents[0]
    count = "no document" if not documents else f"{len(documents)} documents"
    return InputError(f'"{at.text}" holds {count}; one is needed', code="wrong-type", place=at.place)


def _whole(path: Path, name: str, at: Scalar) -> Node | Wrong:
    """A file's text as one scalar; the file may be as long as AWS takes metadata, and no longer."""
    try:
        if path.stat().st_size > SIZE[1]:
            return InputError(f"{name} has more than {SIZE[1]:,} bytes", code="out-of-range", place=at.place)
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError:
        return InputError(f"{name} is not UTF-8", code="unreadable-file", place=at.place, hint="save it as UTF-8")
    except OSError as error:
        return InputError(f"cannot read {name}: {error.strerror}", code="unreadable-file", place=at.place)
    return Scalar(text, text, True, at.source, at.start, at.end)


def reread_document(path: Path, before: Node | Wrong, text: str) -> Node:
    """What a document file says with this text in it, in the place of what was read before.

    Raises InputError(s) where it is none.
    """
    if isinstance(before, WRONG):
        raise before
    if path.suffix.lower() == ".xml":
        return Scalar(text, text, True, before.source, before.start, before.end)
    documents = documents_of(text, before.source.file)
    if len(documents) != 1:
        raise InputError(f"{before.source.file} holds no single document", code="wrong-type", place=before.place)
    return documents[0]


def file_name(path: Path, root: Path) -> str:
    """A file's name in messages: relative to the project's directory, or whole where it lies elsewhere."""
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else path.as_posix()


def inside(path: Path, base: Path) -> bool:
    """Whether a path lies in a directory, links followed."""
    if len(str(path)) > _LONGEST:
        return False  # no system takes it, and looking for links in each of its folders takes seconds
    try:
        return path.resolve().is_relative_to(base.resolve())
    except (OSError, ValueError, RuntimeError):  # a null byte, a name too long, links in a ring
        return False


def exists(path: Path) -> bool:
    """Whether there is something of that name; a name that cannot be one is none."""
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


def document_value(node: Node, texts: bool = True) -> Any:
    """A document's JSON. Numbers are texts everywhere but in conditions: an unquoted account id keeps its zeros."""
    if isinstance(node, Scalar):
        number = isinstance(node.value, int) and not isinstance(node.value, bool)
        return node.text if texts and number else node.value
    if isinstance(node, Table):
        return {key.text: document_value(value, texts and key.text not in _TEXTS) for key, value in node.entries}
    return [document_value(item, texts) for item in node.items]


def follow(node: Node, path: StepPath) -> tuple[Scalar | None, Node]:
    """The value that a path inside a document leads to, and its key where it has one; as far as the path goes."""
    key: Scalar | None = None
    for step in path:
        key = None
        if isinstance(node, Table):
            for name, value in node:
                if name.text == step:
                    key, node = name, value
                    break
        elif isinstance(node, Listing) and isinstance(step, int) and step < len(node.items):
            node = node.items[step]
    return key, node


def place_of(node: Node, path: StepPath, wrong: str = "") -> Node:
    """The node that a path inside a document leads to; a key where it is the wrong one, or a whole block is meant."""
    key, node = follow(node, path)
    if key is not None and (wrong == key.text or not isinstance(node, Scalar)):
        return key
    return node


def _nearby(path: Path, suffixes: tuple[str, ...], otherwise: str = _RELATIVE) -> str:
    try:
        names = [entry.name for entry in path.parent.iterdir() if entry.suffix.lower() in suffixes]
    except OSError:
        return otherwise
    return did_you_mean(path.name, names, otherwise)
