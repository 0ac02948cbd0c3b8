"""A changed document told to a person: statement by statement, member by member.

It never decides whether there is a change; equality is `Document`'s. What is compared is the
canonical form, what is shown is the writer's own spelling.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from iamsync.policy.document import Document, canonical, compact, statements

Kind = Literal["added", "removed", "changed"]
# An element of a statement by meaning: ("Action",), ("Principal", "AWS"), ("Condition", operator, key).
_Name: TypeAlias = tuple[str, ...]

_ORDER = (
    *("Version", "Id", "Sid", "Effect", "Principal", "NotPrincipal"),
    *("Action", "NotAction", "Resource", "NotResource", "Condition"),
)
_WORDS = ("Sid", "Effect")
_SETS = ("Action", "NotAction", "Resource", "NotResource")
_PRINCIPALS = ("Principal", "NotPrincipal")
_NOTHING = "(none)"
_LONG_KEY = 24


@dataclass(frozen=True, slots=True)
class ElementChange:
    """One element of a statement (`Action`, `Principal.AWS`, `Condition StringEquals aws:SourceIp`) and
    the members it lost and won, in the writer's spelling."""

    element: str
    removed: tuple[str, ...] = ()
    added: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class StatementChange:
    """A statement that is new, gone or edited; an added or removed one has all its members as such.

    `label` is `Statement github` after its Sid, else `Statement 2, Allow` after its position (from 1, in
    the document that has it, the later one where both do); `Document` for what belongs to no statement.
    """

    label: str
    kind: Kind
    elements: tuple[ElementChange, ...]


@dataclass(frozen=True, slots=True)
class _Part:
    """An element as it is shown, and its members: canonical spelling -> written spelling."""

    shown: str
    members: dict[str, str]


@dataclass(frozen=True, slots=True)
class _Statement:
    """A statement taken apart; `rest` is what has no shape that a policy's element has."""

    position: int
    written: dict[str, Any]
    meaning: dict[str, Any]
    parts: dict[_Name, _Part]
    rest: dict[str, Any]

    @property
    def sid(self) -> str:
        sid = self.written.get("Sid")
        return sid if isinstance(sid, str) else ""

    @property
    def bare(self) -> str:
        """The meaning without the Sid, as text."""
        return _text({name: held for name, held in self.meaning.items() if name != "Sid"})

    @property
    def label(self) -> str:
        effect = self.written.get("Effect")
        if self.sid:
            return f"Statement {self.sid}"
        return f"Statement {self.position}, {effect}" if isinstance(effect, str) else f"Statement {self.position}"


def lines(before: Document, after: Document, partition: str = "aws") -> tuple[str, ...]:
    """What changes from one document to the other, a line for each element; one line where no permission does."""
    if before.text == after.text:
        return ()
    if before == after:
        return ("only the layout differs; no permission changes",)
    if before.permissions_key == after.permissions_key:
        return (f"only {_cosmetic(before, after)}; no permission changes",)
    out = []
    for change in statements_diff(before, after, partition):
        if change.kind == "changed":
            brief = _brief(change.elements)
            for element in change.elements:
                marks = [f"- {item}" for item in element.removed] + [f"+ {item}" for item in element.added]
                out.append("   ".join((f"{change.label}: {brief[element.element]}", *marks)))
        else:
            out.append("   ".join((f"{change.label}: {change.kind}", *_whole(change))))
    return tuple(out)


def statements_diff(before: Document, after: Document, partition: str = "aws") -> tuple[StatementChange, ...]:
    """The statements that differ in more than layout, in order of position; empty for equal documents.

    Statements are matched by Sid, then by meaning, then by greatest overlap of effect, principals,
    actions and resources.
    """
    if before == after:
        return ()
    old, new = _taken_apart(before, partition), _taken_apart(after, partition)
    found: list[tuple[int, int, StatementChange]] = []
    for one, other in _matched(old, new):
        if one is None and other is not None:
            found.append((other.position, 1, StatementChange(other.label, "added", _all(other, added=True))))
        elif other is None and one is not None:
            found.append((one.position, 0, StatementChange(one.label, "removed", _all(one, added=False))))
        elif one is not None and other is not None and one.meaning != other.meaning:
            label = other.label if other.sid or not one.sid else one.label
            found.append((other.position, 2, StatementChange(label, "changed", _edited(one, other))))
    found.sort(key=lambda item: item[:2])
    top = _top(before.value, after.value)
    if not found and not top:  # a difference between shapes that no policy has
        top = tuple(_leaves(json.loads(before.key), json.loads(after.key)))
    document = (StatementChange("Document", "changed", top),) if top else ()
    return (*document, *(change for _, _, change in found))


# -- Taking apart ----------------------------------------------------------------------------------


def _taken_apart(document: Document, partition: str) -> list[_Statement]:
    """The statements, a repeated one once."""
    seen: set[str] = set()
    out = []
    for position, written in enumerate(statements(document.value), 1):
        meaning = _meaning(written, partition)
        if (text := _text(meaning)) not in seen:
            seen.add(text)
            parts, rest = _parts(written, partition)
            out.append(_Statement(position, written, meaning, parts, rest))
    return out


def _parts(statement: dict[str, Any], partition: str) -> tuple[dict[_Name, _Part], dict[str, Any]]:
    parts: dict[_Name, _Part] = {}
    rest: dict[str, Any] = {}
    for element, held in statement.items():
        found: dict[_Name, _Part] | None = None
        if element in _WORDS and isinstance(held, str):
            found = {(element,): _Part(element, {held: held})}
        elif element in _SETS:
            found = _set((element,), element, held, lambda item, element=element: {element: item}, partition)
        elif element in _PRINCIPALS:
            found = _principals(element, held, partition)
        elif element == "Condition":
            found = _conditions(held, partition)
        if found is None:
            rest[element] = held
        else:
            parts |= found
    return parts, rest


def _set(name: _Name, shown: str, held: Any, within: Any, partition: str) -> dict[_Name, _Part] | None:
    """A text or a list of texts as a part; None for anything else. `within` puts a member into a statement."""
    members = held if isinstance(held, list) else [held]
    if not all(isinstance(item, str) for item in members):
        return None
    table = {_leaf(_meaning(within(item), partition)): item for item in members}
    return {name: _Part(shown, table or {_NOTHING: _NOTHING})}


def _principals(element: str, held: Any, partition: str) -> dict[_Name, _Part] | None:
    if not isinstance(held, dict):
        return {(element,): _Part(element, {held: held})} if isinstance(held, str) else None
    parts: dict[_Name, _Part] = {}
    for kind, names in held.items():
        found = _set(
            (element, kind), f"{element}.{kind}", names, lambda item, kind=kind: {element: {kind: item}}, partition
        )
        if found is None:
            return None
        parts |= found
    return parts or {(element,): _Part(element, {_NOTHING: _NOTHING})}


def _conditions(held: Any, partition: str) -> dict[_Name, _Part] | None:
    if not isinstance(held, dict) or not all(isinstance(keys, dict) for keys in held.values()):
        return None
    parts: dict[_Name, _Part] = {}
    for operator, keys in held.items():
        for key, values in keys.items():
            members = values if isinstance(values, list) else [values]
            if any(item is None or isinstance(item, (dict, list)) for item in members):
                return None
            ((known, table),) = _meaning({"Condition": {operator: {key: members}}}, partition)["Condition"].items()
            name = ("Condition", known, next(iter(table)))
            if name in parts:  # two spellings of one operator: both must hold, so they are no one set
                return None
            values = {
                _leaf(_meaning({"Condition": {operator: {key: item}}}, partition)): _shown(item) for item in members
            }
            parts[name] = _Part(f"Condition {operator} {key}", values or {_NOTHING: _NOTHING})
    return parts


def _meaning(statement: dict[str, Any], partition: str) -> dict[str, Any]:
    meaning: dict[str, Any] = canonical({"Statement": statement}, partition)["Statement"][0]
    return meaning


def _leaf(value: Any) -> str:
    """The one text at the bottom of nested tables of one key each."""
    while isinstance(value, dict):
        (value,) = value.values()
    return value if isinstance(value, str) else _text(value)


# -- Matching --------------------------------------------------------------------------------------


def _matched(old: list[_Statement], new: list[_Statement]) -> Iterator[tuple[_Statement | None, _Statement | None]]:
    """Each statement of either side once, with its counterpart where it has one."""
    old, new = list(old), list(new)
    once = {sid for held in (old, new) for sid, count in Counter(one.sid for one in held).items() if count > 1}
    keys: tuple[Callable[[_Statement], str], ...] = (
        lambda one: "" if one.sid in once else one.sid,
        lambda one: one.bare,
    )
    for key in keys:
        there = {key(other): other for other in reversed(new)}
        for one in list(old):
            if key(one) and (other := there.pop(key(one), None)) is not None:
                yield one, other
                old.remove(one)
                new.remove(other)
    scores = [(-_overlap(one, other), at, to) for at, one in enumerate(old) for to, other in enumerate(new)]
    olds, news = dict(enumerate(old)), dict(enumerate(new))
    for score, at, to in sorted(scores):
        if score < 0 and at in olds and to in news:
            yield olds.pop(at), news.pop(to)
    yield from ((one, None) for one in olds.values())
    yield from ((None, other) for other in news.values())


def _overlap(one: _Statement, other: _Statement) -> float:
    """How much two statements have in common; 0 where nothing says that one became the other."""
    principals = _common(one, other, *_PRINCIPALS)
    actions = _common(one, other, "Action", "NotAction")
    resources = _common(one, other, "Resource", "NotResource")
    services = _share(_services(one), _services(other))
    particular = (_members(one, "Resource", "NotResource") & _members(other, "Resource", "NotResource")) - {"*"}
    if not (principals or actions or services or particular):
        return 0
    effect = one.written.get("Effect") == other.written.get("Effect")
    return principals + actions + resources + services / 4 + effect / 2


def _common(one: _Statement, other: _Statement, *elements: str) -> float:
    return _share(_members(one, *elements), _members(other, *elements))


def _members(statement: _Statement, *elements: str) -> set[str]:
    return {member for name, part in statement.parts.items() if name[0] in elements for member in part.members}


def _services(statement: _Statement) -> set[str]:
    actions = _members(statement, "Action", "NotAction")
    return {service for action in actions if (service := action.partition(":")[0]) != "*"}


def _share(one: set[str], other: set[str]) -> float:
    return len(one & other) / len(one | other) if one and other else 0


# -- Differences -----------------------------------------------------------------------------------


def _edited(one: _Statement, other: _Statement) -> tuple[ElementChange, ...]:
    out = []
    for name in sorted(one.parts.keys() | other.parts.keys(), key=_rank):
        old, new = one.parts.get(name), other.parts.get(name)
        have, want = (old.members if old else {}), (new.members if new else {})
        removed = tuple(shown for member, shown in have.items() if member not in want)
        added = tuple(shown for member, shown in want.items() if member not in have)
        part = new or old
        if (removed or added) and part is not None:
            out.append(ElementChange(part.shown, removed, added))
    out += _leaves(one.rest, other.rest)
    # Only shapes that no policy has get here without a difference found.
    return tuple(out or _leaves(one.meaning, other.meaning))


def _all(statement: _Statement, *, added: bool) -> tuple[ElementChange, ...]:
    out = []
    for name in sorted(statement.parts, key=_rank):
        part = statement.parts[name]
        members = tuple(part.members.values())
        out.append(ElementChange(part.shown, *(((), members) if added else (members, ()))))
    return (*out, *(_leaves({}, statement.rest) if added else _leaves(statement.rest, {})))


def _top(before: Any, after: Any) -> tuple[ElementChange, ...]:
    """What differs outside of the statements."""
    if not isinstance(before, dict) or not isinstance(after, dict):
        return tuple(_leaves(before, after))
    out = []
    if canonical(before)["Version"] != canonical(after)["Version"]:
        have, want = (_shown(held.get("Version", "2008-10-17")) for held in (before, after))
        if have != want:
            out.append(ElementChange("Version", (have,), (want,)))
    return (*out, *_leaves(_outside(before), _outside(after)))


def _outside(value: dict[str, Any]) -> dict[str, Any]:
    """A document without its version and its statements, but for those that are none."""
    out = {name: held for name, held in value.items() if name not in ("Version", "Statement")}
    held = value.get("Statement", {})
    odd = [one for one in (held if isinstance(held, list) else [held]) if not isinstance(one, dict)]
    return {**out, "Statement": odd} if odd else out


def _leaves(before: Any, after: Any) -> list[ElementChange]:
    """The differences between values of any shape, each by its path."""
    if before == after and _text(before) == _text(after):
        return []
    from deepdiff import DeepDiff  # takes longer to import than the rest of a command

    # At its usual threshold deepdiff would tell tables of little in common as one in place of the other.
    tree = DeepDiff(before, after, view="tree", threshold_to_diff_deeper=0)
    found = []
    for category, items in tree.items():
        for item in items:
            path = ".".join(str(part) for part in item.path(output_format="list"))
            removed = () if category.endswith("_added") else (_shown(item.t1),)
            added = () if category.endswith("_removed") else (_shown(item.t2),)
            found.append(ElementChange(path or "value", removed, added))
    return sorted(found, key=lambda change: (_rank((change.element,)), change.removed, change.added))


# -- Words -----------------------------------------------------------------------------------------


def _cosmetic(before: Document, after: Document) -> str:
    one, other = before.value, after.value
    names = []
    if _sids(one) != _sids(other):
        names.append("Sid")
    if isinstance(one, dict) and isinstance(other, dict) and one.get("Id") != other.get("Id"):
        names.append("Id")
    # The same Sids on other statements: neither set differs.
    return f"{' and '.join(names or ['Sid'])} {'differ' if len(names) > 1 else 'differs'}"


def _sids(value: Any) -> Counter[str]:
    return Counter(_text(held.get("Sid")) for held in statements(value))


def _whole(change: StatementChange) -> Iterator[str]:
    """The elements of an added or removed statement, in words."""
    brief = _brief(change.elements)
    for element in change.elements:
        members = ", ".join(element.added or element.removed)
        if element.element == "Effect":
            if not change.label.endswith(f", {members}"):
                yield members
        elif element.element != "Sid":
            yield f"{brief[element.element]} {members}"


def _brief(elements: tuple[ElementChange, ...]) -> dict[str, str]:
    """How elements are called in a line: long condition keys by their last word, unless two would be alike."""
    out = {}
    for element in elements:
        words = element.element.split(" ", 2)
        prefix, colon, last = words[-1].rpartition(":")
        if len(words) == 3 and colon and "." in prefix and len(words[2]) > _LONG_KEY:
            words[2] = f"...:{last}"
        out[element.element] = " ".join(words)
    alike = {name for name, count in Counter(out.values()).items() if count > 1}
    return {full: full if short in alike else short for full, short in out.items()}


def _rank(name: _Name) -> tuple[int, _Name]:
    first = name[0].partition(".")[0]
    return (_ORDER.index(first) if first in _ORDER else len(_ORDER), name)


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else compact(value)


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False)
