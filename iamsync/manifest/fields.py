"""The values of a resource's fields: expanded nodes -> what the kind's spec holds, by the field's form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from iamsync.kinds.kind import Field, Kind
from iamsync.manifest import forms, limits, references, values
from iamsync.manifest.accounts import AccountSelector, account_selector
from iamsync.manifest.documents import Documents
from iamsync.manifest.nodes import Listing, Node, Scalar, Table
from iamsync.manifest.problems import Problems, did_you_mean, is_null, one_of
from iamsync.manifest.references import Declared
from iamsync.manifest.templates import Layer
from iamsync.model import Address, Expiry, Origin
from iamsync.policy.document import Document
from iamsync.policy.ending import bounded
from iamsync.policy.grammar import Use

ONLY: Final = "only_accounts"
EXPIRES: Final = "expires"
BAD: Final = object()  # the value of a field that is wrong; what is wrong has been collected
_LONG_INLINE: Final = ("document", EXPIRES, ONLY)  # the long form of an inline policy


@dataclass(slots=True)
class Reading:
    """What reading one account's manifests needs at every field."""

    account: str
    labels: Mapping[str, str]
    known_accounts: tuple[str, ...]  # empty: not known, nothing to check names against
    account_id: str
    partition: str
    documents: Documents
    problems: Problems
    declared: Declared = field(default_factory=Declared)
    # Ids of unexpanded nodes with unknown variables: a template's field is tried once, not at each use.
    broken: set[int] = field(default_factory=set)
    # The resource that is being read, when it ends, and all ends that were read so far.
    address: Address = field(default_factory=lambda: Address("", ""))
    ends: str | None = None
    expiries: list[Expiry] = field(default_factory=list)
    _selectors: dict[tuple[str, ...], AccountSelector] = field(default_factory=dict)

    def applies(self, node: Node | None) -> bool:
        """Whether an `only_accounts` lets this account in; none at all does, a wrong one does not."""
        if node is None:
            return True
        held: tuple[tuple[str, Scalar], ...]
        if isinstance(node, Scalar) and not is_null(node):
            held = ((node.text, node),)
        else:
            held = values.texts(node, ONLY, self.problems)
        if not held:
            if not is_null(node):
                self.problems.add("bad-selector", f"{ONLY} names no account", node, "leave it out to mean all of them")
            return is_null(node)
        texts = tuple(text for text, _ in held)
        if texts not in self._selectors:
            self._selectors[texts] = self._selector(held)
        return self._selectors[texts](self.account, self.labels)

    def end(self, node: Node | None, member_of: str = "", item: str = "") -> str | None:
        """The time of an `expires` of the resource being read or of a part of it, kept in `expiries`."""
        if node is None or is_null(node):
            return None
        until = values.moment(node, EXPIRES, self.problems)
        if until is not None:
            place = node.place
            origin = Origin(place.file, place.line, place.column)
            self.expiries.append(Expiry(until, self.address, member_of, item, origin))
        return until

    def bounded(self, document: Document, *ends: str | None) -> Document:
        """The document as AWS enforces it: its grants end with the first of these, or with the resource."""
        known = [end for end in (self.ends, *ends) if end is not None]
        return bounded(document, min(known), self.partition) if known else document

    def _selector(self, held: tuple[tuple[str, Scalar], ...]) -> AccountSelector:
        patterns = []
        for text, node in held:
            try:
                (pattern,) = account_selector([text]).patterns
            except ValueError as error:
                self.problems.add("bad-selector", str(error), node)
                continue
            patterns.append(pattern)
            if pattern.exact is not None and self.known_accounts and pattern.exact not in self.known_accounts:
                hint = did_you_mean(pattern.exact, self.known_accounts, f"accounts are {one_of(self.known_accounts)}")
                self.problems.add("unknown-account", f'no account is called "{pattern.exact}"', node, hint)
        return AccountSelector(tuple(patterns))


def read_field(kind: Kind, shape: Field, node: Node, layer: Layer, reading: Reading) -> Any:
    """The value of one field, or `BAD`; the node is expanded, not null, and comes from that layer."""
    if shape.form == "text":
        return _text(shape, node, reading)
    if shape.form == "seconds":
        value = values.seconds(node, shape.name, reading.problems, *limits.SESSION)
        return BAD if value is None else value
    if shape.form == "document":
        return _document(kind, shape, node, layer, reading)
    if shape.form == "documents":
        return _documents(kind, node, layer, reading)
    if shape.form == "reference":
        held = values.text(node, shape.name, reading.problems)
        target: str = getattr(shape, "target", "policy")
        found = None if held is None else reference(target, held, node, reading)
        return BAD if found is None else found
    if shape.form == "references":
        return _references(shape, node, reading)
    rarer: Any = None
    if shape.form == "names":
        rarer = forms.names(shape, node, reading)
    elif shape.form == "metadata":
        rarer = forms.metadata(kind, shape, node, reading)
    elif shape.form == "settings":
        rarer = forms.settings(shape, node, reading)
    if rarer is not None or shape.form in ("names", "metadata", "settings"):
        return BAD if rarer is None else rarer
    raise ValueError(f"a field of form {shape.form} is not read alone")


def read_tags(kind: Kind, layers: list[tuple[Table, str]], reading: Reading) -> dict[str, tuple[str, str]]:
    """Folded key -> key and value, of expanded tables from the lowest layer to the highest; wrong ones left out."""
    problems = reading.problems
    folds = bool(getattr(kind.field("tags"), "folds", False))
    held: dict[str, tuple[str, str]] = {}
    for table, via in layers:
        problems.via = via
        here: dict[str, Scalar] = {}
        for key, node in table:
            value = values.text(node, f'tag "{key.text}"', problems)
            wrong = None if value is None else limits.bad_tag(key.text, value)
            folded = key.text.lower() if folds else key.text
            if wrong:
                problems.add("bad-tag", wrong, key)
            elif folded in here:
                message = f'tags "{here[folded].text}" and "{key.text}" are one key: {kind.name} tags ignore case'
                problems.add("duplicate-tag", message, key, "remove one of the two")
            elif value is not None:
                held[folded] = (key.text, value)
            here[folded] = key
        problems.via = ""
    return held


def _text(shape: Field, node: Node, reading: Reading) -> Any:
    problems = reading.problems
    held = values.text(node, shape.name, problems)
    if held is None:
        return BAD
    if shape.name == "path":
        if wrong := limits.bad_path(held, shape):
            problems.add("bad-path", wrong[0], node, wrong[1])
            return BAD
    elif wrong_text := limits.bad_text(held, shape):
        problems.add("bad-text", wrong_text, node)
        return BAD
    return held


def _document(kind: Kind, shape: Field, node: Node, layer: Layer, reading: Reading) -> Any:
    trust = shape.name == "trust_policy"
    use: Use = "trust" if trust else "identity"
    made = reading.documents.document(node, use, reading.partition, layer.scope, reading.problems)
    if made is None:
        return BAD
    made = reading.bounded(made)
    limit = limits.TRUST_SIZE if trust else limits.MANAGED_SIZE
    if made.size > limit:
        message = f"this document has {made.size:,} characters without white space; a {kind.name} may have {limit:,}"
        hint = "use wildcards in it, or split it" if not trust else "use conditions, or fewer principals"
        reading.problems.add("over-quota", message, layer.table.key_place(shape.name), hint)
        return BAD
    return made


def _documents(kind: Kind, node: Node, layer: Layer, reading: Reading) -> Any:
    problems = reading.problems
    table = values.table(node, "inline_policies", problems)
    if table is None:
        return BAD
    made: list[tuple[str, Document]] = []
    good = True
    for key, held in table:
        if wrong := limits.bad_inline_name(key.text):
            problems.add("bad-name", wrong, key, kind.name_hint)
            good = False
        until = None
        if isinstance(held, Table) and "Statement" not in held and any(name in held for name in _LONG_INLINE):
            values.known_keys(held, _LONG_INLINE, "the long form of an inline policy", problems)
            if not reading.applies(held.get(ONLY)):
                continue
            until = reading.end(held.get(EXPIRES), "inline_policies", key.text)
            inner = held.get("document")
            if inner is None:
                problems.add("missing-field", "this inline policy has no document", key, "write document: below it")
                good = False
                continue
            held = inner
        document = reading.documents.document(held, "identity", reading.partition, layer.scope, problems)
        if document is None:
            good = False
        else:
            made.append((key.text, reading.bounded(document, until)))
    total, limit = sum(document.size for _, document in made), limits.INLINE_SIZE[kind.name]
    if total > limit:
        message = (
            f"the inline policies have {total:,} characters together, without white space; "
            f"those of a {kind.name} may have {limit:,}"
        )
        hint = "move some of it to a managed policy under policies:"
        problems.add("over-quota", message, layer.table.key_place("inline_policies"), hint)
        good = False
    # IAM tells inline policy names apart as it does other names.
    folded = {name.casefold() for name, _ in made}
    if len(folded) != len(made):
        problems.add("duplicate-name", "two inline policies differ only in the case of their names", node)
        good = False
    return tuple(sorted(made, key=lambda item: item[0])) if good else BAD


def _references(shape: Field, node: Node, reading: Reading) -> Any:
    problems = reading.problems
    target: str = getattr(shape, "target", "policy")
    if not isinstance(node, Listing):
        values.listing(node, shape.name, problems)
        return BAD
    found: dict[str, Node] = {}
    good = True
    for text, at, ends in forms.items(shape, target, "name", node, reading):
        value = reference(target, text, at, reading)
        if value is None:
            good = False
        elif value in found:
            problems.add("duplicate-reference", f'"{text}" stands twice in {shape.name}', at, "remove one of the two")
            good = False
        else:
            found[value] = at
            reading.end(ends, shape.name, value)
    return tuple(sorted(found)) if good and not len(_broken(node, target)) else BAD


def _broken(node: Listing, word: str) -> list[Node]:
    """The items of a list that are no reference at all."""
    held = [item.get(word) if isinstance(item, Table) else item for item in node]
    return [item for item, value in zip(node, held, strict=True) if not isinstance(value, Scalar) or is_null(value)]


def reference(target: str, text: str, at: Node, reading: Reading) -> str | None:
    if target == "group":
        return references.group(text, at, reading.declared, reading.problems)
    if target == "role":
        return references.role(text, at, reading.declared, reading.problems)
    return references.policy(text, at, reading.declared, reading.partition, reading.problems)
