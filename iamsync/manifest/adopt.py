"""Live values written back: which value of which file says it, and what it is to be.

A value is changed where the resource itself says it; one that comes from a template or a default is written at the
resource, over it; a document in a file of its own is changed there; a variable where the project file sets it.
Whether that gives the intended state, and nothing else, is for whoever reads the manifests again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from iamsync.errors import InputError
from iamsync.kinds.account import DEFAULTS
from iamsync.kinds.kind import Field
from iamsync.manifest import fields, source
from iamsync.manifest.config import Config
from iamsync.manifest.declare import Item
from iamsync.manifest.documents import document_value
from iamsync.manifest.dump import Spelling
from iamsync.manifest.edit import GONE, Edit
from iamsync.manifest.expand import expand
from iamsync.manifest.files import Manifests
from iamsync.manifest.load import Outline
from iamsync.manifest.nodes import Listing, Node, Scalar, Table, made, plain
from iamsync.manifest.problems import Problems, is_null
from iamsync.manifest.templates import Layer, place_text
from iamsync.manifest.wording import CODE, Wording
from iamsync.model import Address, State
from iamsync.policy.document import Document, statements
from iamsync.policy.ending import bounded

_TIMES: Final = ("DateLessThan", "DateLessThanIfExists")
_HOUR, _MINUTE = 3600, 60


@dataclass(frozen=True, slots=True)
class FileEdit:
    """A change of one file: of one of its values, or of its whole text where it is no YAML and no JSON."""

    file: Path
    edit: Edit | None
    text: str = ""


@dataclass(frozen=True, slots=True)
class Written:
    """What makes the manifests say a value; `note` tells where, unless it is where the resource stands."""

    edits: tuple[FileEdit, ...]
    note: str = ""


@dataclass(slots=True)
class Writing:
    """One account's manifests, and how its live values are written in them.

    `desired` is what they want now, `given` the variables of the command line.
    """

    outline: Outline
    manifests: Manifests
    config: Config
    desired: State
    given: Mapping[str, Any]
    spelling: Spelling = field(init=False)
    _places: dict[int, tuple[Path, int]] = field(init=False)
    _more: list[FileEdit] = field(default_factory=list)
    _note: str = ""

    def __post_init__(self) -> None:
        self.spelling = Spelling(self.desired)
        self._places = {
            id(declaration): (file.path, number)
            for file in self.manifests.files
            for number, part in enumerate(file.parts)
            for declaration in part.declarations
        }

    def item(self, address: Address) -> Item:
        """The declaration of an address; KeyError where there is none."""
        return self.outline.declarations.items[address]

    def written(self, address: Address, shape: Field, old: Any, new: Any) -> Written:
        """What makes the declaration say `new` in a field of which it says `old` (both as a `State` has them).

        Raises InputError where the value comes from somewhere that is not to be changed.
        """
        item = self.item(address)
        self._more, self._note = [], ""
        wording = Wording(self.spelling.text, self.desired.account_id, self.desired.partition)
        node = item.layers[0].fields.get(shape.name)
        lower = next((layer for layer in item.layers[1:] if shape.name in layer.fields), None)
        if shape.form == "tags":
            value = self._tags(item, node, dict(old), dict(new), wording)
        elif node is None or (is_null(node) and new != shape.default):
            value = self._default(lower, shape) if new == shape.default else self.spelling.field(shape, new)
            if lower is not None:
                self._note = f"it comes from {_source(item, lower, shape.name)}; written at the resource, over it"
        elif new == shape.default and shape.form in ("text", "seconds", "reference", "document"):
            value = GONE if lower is None else self._default(lower, shape)
        else:
            value = self._value(item, shape, node, old, new, wording)
        edits = list(self._more)
        if value is GONE or node is None or plain(node) != value or type(plain(node)) is not type(value):
            edits.append(self._at(item, (shape.name,), value, tuple(held.name for held in item.kind.fields)))
        edits += [self._variable(held.name, held.value, held.at) for held in wording.variables]
        return Written(tuple(edits), self._note)

    def gone(self, address: Address) -> Written:
        """What takes a declaration out, with the comments right above it."""
        return Written((self._at(self.item(address), (), GONE, (), whole=True),))

    def _at(
        self, item: Item, keys: tuple[str, ...], value: Any, order: tuple[str, ...], *, whole: bool = False
    ) -> FileEdit:
        path, number = self._places[id(item.declaration)]
        section = item.kind.section
        own = (section,) if item.kind.setting else (section, item.key.text)
        if item.kind.setting and not keys:
            own = (section, item.address.name)
        return FileEdit(path, Edit((number, *own, *keys), value, order, whole))

    @staticmethod
    def _default(lower: Layer | None, shape: Field) -> Any:
        """How a declaration says a field's default: over a layer that has another value, or at all."""
        if shape.form in ("references", "names"):
            return []
        if shape.form == "documents":
            return {}
        return None if lower is not None else GONE

    def _value(self, item: Item, shape: Field, node: Node, old: Any, new: Any, wording: Wording) -> Any:
        layer = item.layers[0]
        if shape.form in ("references", "names"):
            return self._members(item, shape, node, set(old or ()), set(new or ()), wording)
        if shape.form == "documents":
            return self._documents(item, node, dict(old), dict(new), wording)
        if shape.form == "document":
            return self._document(node, layer, new, self._end(item.address), wording)
        if shape.form == "metadata":
            return self._metadata(node, new.text, wording)
        if shape.form == "settings":
            return _rules(node, old.values(), new.values())
        if shape.form == "seconds":
            return _duration(node, new)
        text = self.spelling.reference(shape, new) if shape.form == "reference" else new
        return wording.text(node, layer.scope, text) if isinstance(node, Scalar) else self.spelling.text(text)

    def _end(self, address: Address, name: str = "") -> str | None:
        """When a document of the resource ends: with it, or by itself."""
        ends = [
            e.at
            for e in self.desired.expiries
            if e.address == address
            and (not e.member_of or (name and (e.member_of, e.item) == ("inline_policies", name)))
        ]
        return min(ends, default=None)

    # Lists

    def _members(
        self, item: Item, shape: Field, node: Node, old: set[str], new: set[str], wording: Wording
    ) -> list[Any]:
        out: list[Any] = []
        texts: list[str] = []
        left = old - new
        for part in node.items if isinstance(node, Listing) else ():
            held = list(self._means(item, shape, part))
            going = {value for value in held if value in left}
            if going and len(held) > len(going):
                hint = "change the variable, or write the items here in its place"
                text = part.text if isinstance(part, Scalar) else "a list"
                raise InputError(f"the items come from {text}", code=CODE, place=part.place, hint=hint)
            left -= going
            if not going:
                out.append(plain(part))
                texts.append(part.text if isinstance(part, Scalar) else "")
        if left:
            raise InputError(f"{min(left)} is not found in {shape.name}", code=CODE, place=node.place)
        ordered = texts == sorted(texts) and "" not in texts
        refers = shape.form == "references"
        # Above the first line of a list may stand what is said about it: nothing is put ahead of it.
        lined = "\n" in node.source.text[node.start : node.end]
        for value in sorted(self.spelling.reference(shape, held) if refers else held for held in new - old):
            text = wording.spelled(value)
            at = next((n for n, other in enumerate(texts) if ordered and other > text), len(texts))
            at = at if at or not lined else len(texts)
            out.insert(at, text)
            texts.insert(at, text)
        return out

    def _means(self, item: Item, shape: Field, part: Node) -> Iterator[str]:
        """What an item of a list stands for, as a `State` has it; nothing where it is for other accounts."""
        reading = self.outline.declarations.reading
        held = expand(part, item.layers[0].scope)
        word = getattr(shape, "target", "policy") if shape.form == "references" else str(getattr(shape, "item", "name"))
        if isinstance(held, Table):
            if not reading.applies(held.get(fields.ONLY)):
                return
            inner = held.get(word)
            held = inner if inner is not None else held
        for one in held.items if isinstance(held, Listing) else (held,):
            if not isinstance(one, Scalar):
                continue
            if shape.form == "names":
                yield one.text.lower() if shape.name == "thumbprints" else one.text
            elif (found := fields.reference(word, one.text, one, reading)) is not None:
                yield found

    # Tags

    def _tags(self, item: Item, node: Node | None, old: dict[str, str], new: dict[str, str], wording: Wording) -> Any:
        layer = item.layers[0]
        folds = bool(getattr(item.kind.field("tags"), "folds", False))

        def fold(key: str) -> str:
            return key.lower() if folds else key

        wanted = {fold(key): (key, value) for key, value in new.items()}
        had = {fold(key): (key, value) for key, value in old.items()}
        out: dict[str, Any] = {}
        here: set[str] = set()
        for key, value in node if isinstance(node, Table) else ():
            held = expand(key, layer.scope)
            name = held.text if isinstance(held, Scalar) else key.text
            here.add(fold(name))
            if fold(name) not in wanted:
                self._no_lower(item, fold, name)
                continue
            spelled, text = wanted[fold(name)]
            written = key.text if spelled == name else wording.spelled(spelled)
            same = isinstance(value, Scalar) and had.get(fold(name), ("", None))[1] == text
            out[written] = (
                plain(value) if same or not isinstance(value, Scalar) else wording.text(value, layer.scope, text)
            )
        for gone in sorted(had.keys() - wanted.keys() - here):
            self._no_lower(item, fold, had[gone][0])
        for new_key in sorted(key for key in wanted if key not in here and had.get(key) != wanted[key]):
            if new_key in had:
                self._note = f'the tag "{had[new_key][0]}" comes from below the resource; written at it, over that'
            name, text = (wording.spelled(part) for part in wanted[new_key])
            out = _among(out, name, text)
        if node is None and not out:
            return None
        return GONE if not out and len(item.layers) == 1 and not here else out

    def _no_lower(self, item: Item, fold: Any, name: str) -> None:
        """InputError where a tag that is to go comes (also) from below the resource, which cannot leave it out."""
        for layer in item.layers[1:]:
            table = layer.fields.get("tags")
            for key, _ in table if isinstance(table, Table) else ():
                if fold(key.text) == fold(name):
                    what = _source(item, layer, "tags")
                    hint = "take it out there, if nobody else needs it, or put it back on the resource"
                    raise InputError(f'the tag "{name}" comes from {what}', code=CODE, place=key.place, hint=hint)
        if any(fold(key) == fold(name) for key, _ in self.outline.declarations.account.settings.default_tags):
            hint = "put it back on the resource, or give the resource ignore_changes for it"
            message = f'the tag "{name}" comes from default_tags of the project file'
            raise InputError(message, code=CODE, place=item.key.place, hint=hint)

    # Documents

    def _documents(
        self, item: Item, node: Node, old: dict[str, Document], new: dict[str, Document], wording: Wording
    ) -> dict[str, Any]:
        layer = item.layers[0]
        shape = item.kind.field("inline_policies")
        reading = self.outline.declarations.reading
        out: dict[str, Any] = {}
        for key, value in node if isinstance(node, Table) else ():
            named = expand(key, layer.scope)
            name = named.text if isinstance(named, Scalar) else key.text
            long = isinstance(value, Table) and "document" in value and "Statement" not in value
            only = value.get(fields.ONLY) if long and isinstance(value, Table) else None
            if not reading.applies(expand(only, layer.scope) if only is not None else None) or name not in old:
                out[key.text] = plain(value)
            elif name in new:
                document = new[name]
                out[key.text] = plain(value)
                if document != old[name]:
                    inner = value.get("document") if long and isinstance(value, Table) else value
                    written = self._document(inner or value, layer, document, self._end(item.address, name), wording)
                    out[key.text] = {**plain(value), "document": written} if long else written
        for name in sorted(new.keys() - old.keys()):
            for spelled, fresh in self.spelling.field(shape, ((name, new[name]),)).items():
                out = _among(out, spelled, fresh)
        return out

    def _document(self, node: Node, layer: Layer, new: Document, ends: str | None, wording: Wording) -> Any:
        """What the node of a document is to say; one in a file of its own is changed there."""
        held = self.outline.declarations.reading.documents.file(node, Problems())
        if held is None:
            return self._worded(node, layer, new, ends, wording)
        path, root = held
        self._more.append(FileEdit(path, Edit((0,), self._worded(root, layer, new, ends, wording))))
        self._note = f"in {root.source.file}"
        return plain(node)

    def _worded(self, node: Node, layer: Layer, new: Document, ends: str | None, wording: Wording) -> Any:
        partition = self.desired.partition
        for target in (_unbounded(new.value, ends), new.value) if ends else (new.value,):
            written = wording.document(node, layer.scope, target)
            document = Document.of(document_value(expand(made(written, node), layer.scope)), partition)
            if (bounded(document, ends, partition) if ends else document) == new:
                return written
        if ends and bounded(new, ends, partition) != new:
            raise InputError(
                f"the live document does not end at {ends}, as the manifests say it does",
                code=CODE,
                place=node.place,
                hint="change expires, or adopt nothing of it and apply",
            )
        return self.spelling.everywhere(new.value)

    def _metadata(self, node: Node, text: str, wording: Wording) -> Any:
        held = self.outline.declarations.reading.documents.file(node, Problems())
        if held is None:
            return wording.spelled(text)
        path, _ = held
        self._more.append(FileEdit(path, None, text))
        self._note = f"in {path.name}"
        return plain(node)

    # Variables

    def _variable(self, name: str, value: str, at: Scalar) -> FileEdit:
        """The change of a variable where the project file sets it for this account."""
        bare = name.removeprefix("var.")
        hint = "change the variable where it is set, or write the value here in its place"
        if bare in self.given or self.config.file is None:
            raise InputError(f"the value comes from the variable {name}", code=CODE, place=at.place, hint=hint)
        path = self.config.root / self.config.file
        (root,) = source.read(path, self.config.file)
        account = self.outline.declarations.account.name
        for keys in (("accounts", account, "variables", bare), ("variables", bare)):
            node: Node | None = root
            for key in keys:
                node = node.get(key) if isinstance(node, Table) else None
            if isinstance(node, Scalar) and "$(" not in value:
                self._note = f"the variable {name}, {place_text(node.place)}"
                return FileEdit(path, Edit((0, *keys), value))
        raise InputError(f"the value comes from the variable {name}", code=CODE, place=at.place, hint=hint)


def _source(item: Item, layer: Layer, name: str) -> str:
    node = layer.fields[name]
    if item.template is not None and layer.table is item.template.table:
        return f"template {item.template.name} ({place_text(node.place)})"
    return f"defaults ({place_text(node.place)})"


def _among(table: dict[str, Any], key: str, value: Any) -> dict[str, Any]:
    """The table with one more entry: at its place where the keys are in order, else at the end."""
    entries = list(table.items())
    ordered = list(table) == sorted(table)
    at = next((n for n, other in enumerate(table) if ordered and other > key), len(entries))
    return dict([*entries[:at], (key, value), *entries[at:]])


def _duration(node: Node, new: int) -> Any:
    """Seconds in the unit that stands there: hours, minutes or none."""
    text = node.text if isinstance(node, Scalar) else ""
    if text.endswith("m") and new % _MINUTE == 0:
        return f"{new // _MINUTE}m"
    if text.endswith("s"):
        return f"{new}s"
    return f"{new // _HOUR}h" if new % _HOUR == 0 and not text.isdigit() else new


def _rules(node: Node, old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """The rules of a password policy: those that stand there, and those that are not AWS's default."""
    out: dict[str, Any] = {}
    for key, value in node if isinstance(node, Table) else ():
        if old.get(key.text) == new.get(key.text):
            out[key.text] = plain(value)
        elif key.text in new:
            out[key.text] = new[key.text]
    return out | {rule: value for rule, value in new.items() if rule not in out and value != DEFAULTS[rule]}


def _unbounded(value: Any, ends: str | None) -> Any:
    """A document without the time at which its grants end, which `expires` adds by itself."""
    for statement in statements(value):
        condition = statement.get("Condition")
        if statement.get("Effect") != "Allow" or not isinstance(condition, dict):
            continue
        for operator in _TIMES:
            keys = condition.get(operator)
            if isinstance(keys, dict) and keys.get("aws:CurrentTime") == ends:
                left = {key: held for key, held in keys.items() if key != "aws:CurrentTime"}
                condition = {k: v for k, v in condition.items() if k != operator} | ({operator: left} if left else {})
        statement["Condition"] = condition
        if not condition:
            del statement["Condition"]
    return value
