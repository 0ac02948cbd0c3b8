"""A live value in the words of what is written already: what means the same stays, variables included.

Statements, lists and texts of a policy document are matched by meaning, not by place, so that only what AWS has
otherwise is written anew. It changes no file; it says what a value is to be.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from typing import Any, Final

from iamsync.errors import InputError
from iamsync.manifest.documents import document_value
from iamsync.manifest.expand import Scope, escape, expand
from iamsync.manifest.keyorder import in_order
from iamsync.manifest.nodes import Listing, Node, Scalar, Table, plain
from iamsync.policy.document import canonical, compact

CODE: Final = "not-adoptable"
_REFERENCE: Final = re.compile(r"\$\$\(|\$\(([^()\r\n]*)\)")
_ACTIONS: Final = ("Action", "NotAction")
_ACCOUNT: Final = re.compile(r"\d{12}", re.ASCII)
# Wherever a document stands in a manifest, its keys have the same order.
_SOMEWHERE: Final = ("roles", "")
# What a person chose; everything else that a variable can be names something of the account, and may give way.
_CHOSEN: Final = ("var.", "param.")


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable that is to get another value, and where it was used."""

    name: str
    value: str
    at: Scalar


@dataclass(slots=True)
class Wording:
    """How one account's texts are written; `variables` collects those that are to get another value."""

    spelled: Callable[[str], str]
    account_id: str
    partition: str
    variables: list[Variable] = field(default_factory=list)

    def text(self, node: Scalar, scope: Scope, new: str) -> Any:
        """What a text is to be, that is to say `new`: the variables in it stay, where their values do.

        Raises InputError where a variable that a person chose would have to go.
        """
        held = expand(node, scope)
        if isinstance(held, Scalar) and held.text == new:
            return plain(node)
        if "$(" not in node.text:
            return escape(new) if self.account_id in node.text else self.spelled(new)
        parts = list(_parts(node.text, node, scope))
        blocks = SequenceMatcher(None, "".join(value for _, value, _ in parts), new, autojunk=False)
        return self._kept(node, parts, blocks, new)

    def _kept(self, node: Scalar, parts: list[tuple[str, str, str]], found: SequenceMatcher[str], new: str) -> str:
        out: list[str] = []
        at = done = 0
        for written, value, name in parts:
            end = at + len(value)
            if name:
                block = next((b for b in found.get_matching_blocks() if b.a <= at and end <= b.a + b.size), None)
                if block is None or not value:
                    return self._lost(node, name, parts, new)
                start = block.b + at - block.a
                out += (self.spelled(new[done:start]), written)
                done = start + len(value)
            at = end
        return "".join((*out, self.spelled(new[done:])))

    def _lost(self, node: Scalar, name: str, parts: list[tuple[str, str, str]], new: str) -> str:
        chosen = [held for _, _, held in parts if held.startswith(_CHOSEN)]
        if not chosen:
            return self.spelled(new)
        if len(parts) == 1 and name.startswith("var."):
            self.variables.append(Variable(name, new, node))
            return node.text
        raise InputError(
            f"the value comes from the variable {chosen[0]}",
            code=CODE,
            place=node.place,
            hint="change the variable, or write the value here in its place",
        )

    def document(self, node: Node, scope: Scope, target: Any) -> Any:
        """What the node of a policy document is to say, that is to mean the parsed JSON `target`."""
        return self._table(node, scope, target, "") if isinstance(node, Table) else self._fresh(target)

    def _table(self, node: Table, scope: Scope, target: Any, role: str) -> Any:
        if not isinstance(target, dict):
            return self._fresh(target)
        out: dict[str, Any] = {}
        known: set[str] = set()
        for key, value in node:
            held = expand(key, scope)
            name = held.text if isinstance(held, Scalar) else key.text
            if name in target:
                out[key.text] = self._value(value, scope, target[name], name, role)
                known.add(name)
        return out | {self.spelled(name): self._fresh(held) for name, held in target.items() if name not in known}

    def _value(self, node: Node, scope: Scope, target: Any, name: str, role: str) -> Any:
        if name == "Statement":
            return self._statements(node, scope, target)
        named = name == "Condition" or role == "Condition" or name in ("Principal", "NotPrincipal")
        if named and isinstance(node, Table):
            below = "Condition" if name == "Condition" else "operator" if role == "Condition" else "principal"
            return self._table(node, scope, target, below)
        if _is_leaf(target) and all(isinstance(item, Scalar) for item in _members(node)):
            return self._set(node, scope, target, name, role)
        if isinstance(node, Table):
            return self._table(node, scope, target, role)
        return self._fresh(target)

    def _set(self, node: Node, scope: Scope, target: Any, name: str, role: str) -> Any:
        """A value, or a list of which the order does not count."""
        wanted = {_same(item, name, role, self.partition): item for item in _listed(target)}
        kept: list[Any] = []
        gone: list[Scalar] = []
        found: set[str] = set()
        for item in _members(node):
            assert isinstance(item, Scalar)
            held = expand(item, scope)
            texts = [document_value(part, role != "operator") for part in _members(held)]
            keys = {_same(text, name, role, self.partition) for text in texts}
            if keys <= wanted.keys():
                kept.append(plain(item))
                found |= keys
            elif len(keys) > 1 and keys & wanted.keys():
                hint = "change the variable, or write the values here in its place"
                raise InputError(f"the values come from {item.text}", code=CODE, place=item.place, hint=hint)
            else:
                gone.append(item)
        new = [item for key, item in wanted.items() if key not in found]
        if isinstance(node, Scalar):
            if not kept and len(new) == 1:
                return self.text(node, scope, new[0]) if isinstance(new[0], str) else self._fresh(new[0])
            if len(kept) == 1 and not new:
                return kept[0]
        return [*kept, *(self._fresh(item) for item in new)]

    def _statements(self, node: Node, scope: Scope, target: Any) -> Any:
        """Statements in the order they are written in, each beside the one that it became; new ones at the end."""
        written = list(_members(node))
        left = list(_listed(target))
        values = [document_value(expand(item, scope)) for item in written]
        became: dict[int, Any] = {}
        for measure in (self._equal, _sid, _overlap):
            for at, value in enumerate(values):
                if at in became or not left:
                    continue
                best = max(left, key=lambda held: measure(value, held))
                if measure(value, best) > 0:
                    became[at] = best
                    left.remove(best)
        made = []
        for at, item in enumerate(written):
            if at in became:
                same = self._equal(values[at], became[at])
                table = item if isinstance(item, Table) else None
                made.append(plain(item) if same or table is None else self._table(table, scope, became[at], ""))
        made += [self._fresh(held) for held in left]
        return made[0] if isinstance(node, Table) and len(made) == 1 else made

    def _equal(self, one: Any, other: Any) -> int:
        alike = [compact(canonical({"Statement": [held]}, self.partition)) for held in (one, other)]
        return int(alike[0] == alike[1])

    def _fresh(self, value: Any) -> Any:
        """A part of a document that was not written yet, its keys as `fmt` has them."""
        return in_order(self._spell(value), _SOMEWHERE)

    def _spell(self, value: Any) -> Any:
        if isinstance(value, str):
            return self.spelled(value)
        if isinstance(value, dict):
            return {self.spelled(key): self._spell(held) for key, held in value.items()}
        if isinstance(value, (list, tuple)):
            return [self._spell(held) for held in value]
        return str(value) if isinstance(value, float) else value  # manifests hold no fractions; IAM reads texts alike


def _parts(text: str, node: Scalar, scope: Scope) -> Iterator[tuple[str, str, str]]:
    """The pieces of a text: as written, as filled in, and the name of the variable where it is one."""
    done = 0
    for found in _REFERENCE.finditer(text):
        if text[done : found.start()]:
            yield text[done : found.start()], text[done : found.start()], ""
        if found[1] is None:
            yield "$$(", "$(", ""
        else:
            held = scope.lookup(found[1])
            if not isinstance(held, str):
                hint = "change the variable, or write the values here in its place"
                raise InputError(f"the value comes from {found[0]}", code=CODE, place=node.place, hint=hint)
            yield found[0], held, found[1]
        done = found.end()
    if text[done:]:
        yield text[done:], text[done:], ""


def _is_leaf(value: Any) -> bool:
    return all(not isinstance(item, (dict, list)) for item in _listed(value)) and not isinstance(value, dict)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _members(node: Node) -> tuple[Node, ...]:
    return node.items if isinstance(node, Listing) else (node,)


def _same(value: Any, name: str, role: str, partition: str) -> str:
    """What tells values apart in their element."""
    text = str(value).lower() if isinstance(value, bool) else str(value)
    if name in _ACTIONS:
        return text.lower()
    if role == "principal" and name == "AWS" and _ACCOUNT.fullmatch(text):
        return f"arn:{partition}:iam::{text}:root"
    return text


def _sid(one: Any, other: Any) -> int:
    return int(isinstance(one, dict) and isinstance(other, dict) and "Sid" in one and one["Sid"] == other.get("Sid"))


def _overlap(one: Any, other: Any) -> int:
    """How much two statements have in common; nothing where they do not decide alike or say who they are."""
    if not isinstance(one, dict) or not isinstance(other, dict) or one.get("Effect") != other.get("Effect"):
        return 0
    if one.get("Sid", "") != other.get("Sid", "") and "Sid" in one and "Sid" in other:
        return 0
    ours, theirs = _atoms(one), _atoms(other)
    return len(ours & theirs)


def _atoms(statement: dict[str, Any]) -> set[str]:
    found: set[str] = set()
    for element, value in statement.items():
        if element not in ("Sid", "Effect"):
            found |= {f"{element}={compact(item).lower()}" for item in _listed(value)}
    return found
