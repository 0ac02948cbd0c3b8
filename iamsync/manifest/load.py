"""Manifests -> the desired State of one account.

The files are read once (`read_manifests`); `resolve` fills in one account's variables, templates and
defaults, turns references into ARNs and checks everything that can be known without AWS. It makes no
calls and looks at no clock.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from iamsync import arn
from iamsync.errors import InputError, Place
from iamsync.kinds import KINDS
from iamsync.kinds.kind import Kind
from iamsync.kinds.owners import out_of_reach
from iamsync.manifest import limits, values
from iamsync.manifest.config import Account, Config
from iamsync.manifest.documents import Documents
from iamsync.manifest.expand import Scope, Variables, expand
from iamsync.manifest.fields import BAD, Reading, read_field, read_tags
from iamsync.manifest.files import ManifestFile, Manifests, read_manifests
from iamsync.manifest.nodes import Node, Scalar, Table
from iamsync.manifest.problems import WRONG, Problems, did_you_mean, is_null, one_of
from iamsync.manifest.references import arn_of
from iamsync.manifest.sections import Declaration, RemovedLine
from iamsync.manifest.templates import Layer, Parameters, Template, check_arguments, check_use, place_text
from iamsync.model import Address, Origin, Removal, Resource, State
from iamsync.selector import Selector

__all__ = ["Manifests", "read_manifests", "resolve"]

_ARN: Final = "arn."


def resolve(
    manifests: Manifests,
    account: Account,
    *,
    account_id: str,
    partition: str = "aws",
    config: Config,
    variables: Mapping[str, str | Sequence[str]] | None = None,
) -> State:
    """The desired state of one account.

    `variables` (the command line's) go before the account's own. Raises InputError, or InputErrors with
    everything that is wrong in the account's files.
    """
    files = manifests.under(account.manifests)
    run = _Resolution(manifests, files, account, account_id, partition, config, variables or {})
    return run.state()


@dataclass(slots=True)
class _Item:
    """A declaration that holds for this account."""

    address: Address
    declaration: Declaration
    layers: list[Layer]  # the highest first
    template: Template | None = None
    use: Node | None = None
    parameters: Parameters | None = None

    @property
    def key(self) -> Scalar:
        return self.declaration.key

    @property
    def kind(self) -> Kind:
        return self.declaration.kind


@dataclass(slots=True)
class _Names:
    """The scope of an account: its facts, its variables, and the ARNs of what it declares."""

    values: dict[str, str | tuple[str, ...]]
    reading: Reading

    def lookup(self, name: str) -> str | tuple[str, ...]:
        if name.startswith(_ARN):
            return arn_of(name[len(_ARN) :], self.reading.declared, self.reading.account_id, self.reading.partition)
        return self.values[name]

    def names(self) -> Iterable[str]:
        return (*self.values, *(f"{_ARN}{address}" for address in self.reading.declared.arns))


@dataclass(slots=True, init=False)
class _Resolution:
    """One run over one account's files."""

    account: Account
    files: tuple[ManifestFile, ...]
    problems: Problems
    reading: Reading
    names: _Names
    templates: dict[str, Template] = field(default_factory=dict)
    items: dict[Address, _Item] = field(default_factory=dict)

    def __init__(
        self,
        manifests: Manifests,
        files: tuple[ManifestFile, ...],
        account: Account,
        account_id: str,
        partition: str,
        config: Config,
        variables: Mapping[str, str | Sequence[str]],
    ) -> None:
        self.account, self.files = account, files
        self.templates, self.items = {}, {}
        self.problems = Problems()
        known = tuple(held.name for held in config.accounts) if config.file else ()
        documents = Documents(manifests.root, {file.base for file in files}, manifests.documents)
        self.reading = Reading(account.name, account.labels, known, account_id, partition, documents, self.problems)
        self.names = _Names(_facts(account, account_id, partition, config, variables), self.reading)

    def state(self) -> State:
        for file in self.files:
            for error in file.errors:
                self.problems.take(error)
        self.reading.declared.partial = any(file.broken for file in self.files)
        parts = [part for file in self.files for part in file.parts]
        if not any(part.declarations or part.removed for part in parts) and not len(self.problems):
            where = ", ".join(self.account.manifests)
            hint = "an empty set is never taken for a wish to delete everything"
            raise InputError(f'nothing is declared in "{where}"', code="empty-manifests", place=Place(where), hint=hint)
        here = [part for part in parts if self.reading.applies(part.only)]
        chosen = {id(part) for part in here}
        for part in here:
            for template in part.templates:
                self.add_template(template)
        for part in parts:
            for declaration in part.declarations:
                applies = self.reading.applies(declaration.fields.get("only_accounts"))
                if id(part) in chosen and applies:
                    self.add_item(declaration)
                elif declaration.key.text:
                    address = Address(declaration.kind.name, declaration.key.text)
                    self.reading.declared.elsewhere.setdefault(address, declaration.key.place)
        self.name_arns()
        resources = [resource for item in self.items.values() if (resource := self.resource(item)) is not None]
        self.check_renames()
        removed = self.removals([line for part in here for line in part.removed])
        self.problems.raise_if_any()
        return State.of(
            self.reading.account_id,
            resources,
            partition=self.reading.partition,
            complete=frozenset(KINDS),
            removed=removed,
        )

    def add_template(self, template: Template) -> None:
        first = self.templates.setdefault(template.name, template)
        if first is not template:
            message = f'template "{template.name}" is declared twice; the first one is at {place_text(first.at.place)}'
            self.problems.add("duplicate-template", message, template.at, "remove or rename one of the two")

    def add_item(self, declaration: Declaration) -> None:
        kind, key = declaration.kind, declaration.key
        try:
            named = expand(key, self.names) if "$(" in key.text else key
        except WRONG as wrong:
            self.problems.take(wrong)
            return
        name = named.text if isinstance(named, Scalar) else key.text
        if wrong_name := limits.bad_name(name, kind.name, kind.max_name):
            self.problems.add("bad-name", wrong_name, key, limits.name_hint())
        address = Address(kind.name, name)
        folded = self.reading.declared.folded.setdefault(address.folded, address)
        if folded in self.items:
            first = place_text(self.items[folded].key.place)
            same = "is declared twice" if folded == address else f'differs only in case from "{folded.name}"'
            message = f'{kind.name} "{name}" {same}; the first one is at {first}'
            self.problems.add("duplicate-resource", message, key, "remove or rename one of the two")
            return
        self.items[address] = self.item(address, declaration)

    def item(self, address: Address, declaration: Declaration) -> _Item:
        scope = Variables({"name": address.name}, self.names)
        item = _Item(address, declaration, [Layer(declaration.fields, scope)])
        use, given = declaration.fields.get("use"), declaration.fields.get("with")
        if use is None or is_null(use):
            if given is not None:
                self.problems.add("missing-field", '"with" stands without "use"', given, "name the template: use: NAME")
        else:
            self.use_template(item, use, given, scope)
        defaults = self.account.defaults.get(declaration.kind.section)
        if defaults is not None and not self.is_protected(item):
            via = f"a default of {address}"
            item.layers.append(Layer(defaults.index(), scope, via))
        return item

    def use_template(self, item: _Item, use: Node, given: Node | None, scope: Scope) -> None:
        problems = self.problems
        name = values.text(use, "use", problems)
        table = values.table(given, "with", problems) if given is not None else None
        if name is None:
            return
        template = self.templates.get(name)
        if template is None:
            if not self.reading.declared.partial:
                known = self.templates
                hint = did_you_mean(name, known, f"templates are {one_of(known)}" if known else "there are none")
                problems.add("unknown-template", f'there is no template "{name}"', use, hint)
            return
        if template.kind is not item.kind:
            message = f'template "{name}" is one of a {template.kind.name}, not of a {item.kind.name}'
            problems.add("wrong-template", message, use, f"it stands at {place_text(template.at.place)}")
            return
        check_use(template, use, table, problems)
        item.template, item.use = template, use
        item.parameters = Parameters(template, table.index() if table else {}, scope)
        via = f"used by {item.address} ({place_text(item.key.place)})"
        item.layers.append(Layer(template.fields, item.parameters, via))

    def is_protected(self, item: _Item) -> bool:
        """Whether `safety.protected` names the item, by what it says itself."""
        protected: Selector = self.account.settings.safety.protected
        if not protected.patterns:
            return False
        tags: dict[str, str] = {}
        if protected.needs_tags:
            for layer in reversed(item.layers):
                held = _quietly(layer.fields.get("tags"), layer.scope)
                if isinstance(held, Table):
                    tags |= {key.text: value.text for key, value in held if isinstance(value, Scalar)}
        return protected(item.address, self.path(item), tags)

    def path(self, item: _Item) -> str:
        """The item's path as far as it can be told without ARNs; what is wrong with it is said later."""
        for layer in item.layers:
            node = layer.fields.get("path")
            if node is not None:
                held = _quietly(node, layer.scope)
                return held.text if isinstance(held, Scalar) and not is_null(held) else "/"
        return "/"

    def name_arns(self) -> None:
        reading = self.reading
        for address, item in self.items.items():
            reading.declared.arns[address] = arn.build(reading.partition, reading.account_id, address, self.path(item))

    def resource(self, item: _Item) -> Resource | None:
        """The resource of an item, or None where something about it is wrong."""
        before = len(self.problems)
        if item.parameters is not None:
            check_arguments(item.parameters, self.problems)
        spec: dict[str, Any] = {}
        for shape in item.kind.fields:
            value = self.tags(item) if shape.form == "tags" else self.value(item, shape.name)
            if value is not _ABSENT:
                spec[shape.name] = value
        ignore = self.ignore(item)
        renamed_from = self.renamed_from(item)
        missing = [name for name in item.kind.required if name not in spec]
        for name in missing:
            hint = f"write {name}: below it" + (", or a template's with use:" if not item.template else "")
            self.problems.add("missing-field", f'{item.kind.name} "{item.address.name}" has no {name}', item.key, hint)
        if missing or any(value is BAD for value in spec.values()):
            if not len(self.problems):
                raise AssertionError(f"{item.address} was given up without a word")
            return None
        resource = Resource(
            item.address, item.kind.spec(**spec), ignore=ignore, renamed_from=renamed_from, origin=_origin(item)
        )
        self.check_reach(resource, item)
        return resource if len(self.problems) == before else None

    def value(self, item: _Item, name: str) -> Any:
        """A field's value from the highest layer that has it; null means the kind's own default."""
        for layer in item.layers:
            node = layer.fields.get(name)
            if node is None:
                continue
            self.problems.via = layer.via
            try:
                held = expand(node, layer.scope)
                if is_null(held):
                    return _ABSENT
                return read_field(item.kind, item.kind.field(name), held, layer.scope, self.reading)
            except WRONG as wrong:
                self.problems.take(wrong)
                return BAD
            finally:
                self.problems.via = ""
        return _ABSENT

    def tags(self, item: _Item) -> Any:
        """The tags of all layers merged, upon the account's default tags; null in one cuts off those below."""
        layers: list[tuple[Table, str]] = []
        default = True
        for layer in item.layers:
            node = layer.fields.get("tags")
            if node is None:
                continue
            self.problems.via = layer.via
            try:
                held = expand(node, layer.scope)
            except WRONG as wrong:
                self.problems.take(wrong)
                return BAD
            finally:
                self.problems.via = ""
            if is_null(held):
                default = False
                break
            table = values.table(held, "tags", self.problems)
            if table is None:
                return BAD
            layers.append((table, layer.via))
        merged: dict[str, tuple[str, str]] = {}
        folds = bool(getattr(item.kind.field("tags"), "folds", False))
        if default:
            merged = {key.casefold() if folds else key: (key, text) for key, text in self.account.settings.default_tags}
        merged |= read_tags(item.kind, layers[::-1], self.reading)
        if len(merged) > limits.MAX_TAGS:
            where = layers[0][0] if layers else item.key
            message = f"{item.address} has {len(merged)} tags; {limits.MAX_TAGS} are allowed"
            self.problems.add("over-quota", message, where, "default_tags and template tags count too")
            return BAD
        return tuple(sorted(merged.values()))

    def ignore(self, item: _Item) -> tuple[str, ...]:
        """The patterns of the resource and of its template."""
        found: dict[str, None] = {}
        for layer in item.layers:
            node = layer.fields.get("ignore_changes")
            if node is None:
                continue
            self.problems.via = layer.via
            try:
                for text, at in values.texts(expand(node, layer.scope), "ignore_changes", self.problems):
                    if wrong := limits.bad_ignore(text, (item.kind,)):
                        hint = did_you_mean(text.partition("/")[0], wrong[1], f"its fields are {one_of(wrong[1])}")
                        self.problems.add("unknown-field", wrong[0], at, hint)
                    found[text] = None
            except WRONG as bad:
                self.problems.take(bad)
            self.problems.via = ""
        return tuple(found)

    def renamed_from(self, item: _Item) -> str | None:
        node = item.declaration.fields.get("renamed_from")
        if node is None or is_null(node):
            return None
        held = _quietly(node, item.layers[0].scope)
        name = values.text(held or node, "renamed_from", self.problems)
        if name is None:
            return None
        if wrong := limits.bad_name(name, item.kind.name, item.kind.max_name):
            self.problems.add("bad-name", wrong, node, limits.name_hint())
            return None
        return name

    def check_renames(self) -> None:
        declared = self.reading.declared
        seen: dict[Address, _Item] = {}
        for item in self.items.values():
            node = item.declaration.fields.get("renamed_from")
            name = self.renamed_from(item) if node is not None else None
            if node is None or name is None:
                continue
            old = Address(item.kind.name, name).folded
            if old in declared.folded:
                other = self.items.get(declared.folded[old])
                itself = other is item
                message = f'"{name}" is declared itself' if not itself else f'"{name}" is the name it already has'
                where = f"it stands at {place_text(other.key.place)}" if other and not itself else ""
                self.problems.add("bad-rename", message, node, where or "remove renamed_from")
            elif old in seen:
                first = place_text(seen[old].key.place)
                message = f'"{name}" cannot become two resources; the other is {seen[old].address} at {first}'
                self.problems.add("bad-rename", message, node, "remove one of the two")
            else:
                seen[old] = item

    def check_reach(self, resource: Resource, item: _Item) -> None:
        owner = out_of_reach(resource)
        if owner is not None:
            hint = "nobody else can change it; remove it from the manifests"
            self.problems.add("out-of-reach", f"{item.address} belongs to AWS: {owner.evidence}", item.key, hint)
        patterns = self.account.settings.scope.exclude.patterns
        path, tags = resource.spec.path, dict(getattr(resource.spec, "tags", ()))
        hits = [held for held in patterns if not held.exclude and held.form in ("name", "path")]
        hit = next((held for held in hits if held.matches(item.address, path, {})), None)
        if hit is not None and not any(held.exclude and held.matches(item.address, path, tags) for held in patterns):
            message = f'{item.address} is declared, yet scope.exclude has "{hit.text}"'
            hint = "remove the declaration, or except it there: " + f'"!{item.address}"'
            self.problems.add("excluded-resource", message, item.key, hint)

    def removals(self, lines: list[RemovedLine]) -> tuple[Removal, ...]:
        found: dict[Address, Removal] = {}
        for line in lines:
            if not self.reading.applies(line.only):
                continue
            try:
                held = expand(line.address, self.names)
                reason = expand(line.reason, self.names) if line.reason is not None else None
            except WRONG as wrong:
                self.problems.take(wrong)
                continue
            address = self.removed_address(held, line)
            if address is None:
                continue
            place = line.at.place
            if address.folded in self.reading.declared.folded:
                same = self.items[self.reading.declared.folded[address.folded]]
                message = f"{address} is both declared and removed; it is declared at {place_text(same.key.place)}"
                self.problems.add("removed-and-declared", message, line.address, "remove one of the two")
            elif address.folded in found:
                self.problems.add("duplicate-removal", f"{address} stands twice in removed:", line.address)
            else:
                why = reason.text if isinstance(reason, Scalar) else ""
                found[address.folded] = Removal(address, why, Origin(place.file, place.line, place.column))
        return tuple(sorted(found.values(), key=lambda removal: removal.address))

    def removed_address(self, node: Node, line: RemovedLine) -> Address | None:
        text = node.text if isinstance(node, Scalar) else ""
        kind, _, name = text.partition("/")
        if kind not in KINDS:
            hint = did_you_mean(kind, KINDS, f"write KIND/NAME; kinds are {one_of(KINDS)}")
            self.problems.add("unknown-kind", f'"{text}" names no kind of resource', line.address, hint)
            return None
        if wrong := limits.bad_name(name, kind, 128):  # names of resources that exist may be longer than new ones
            self.problems.add("bad-name", wrong, line.address, "write KIND/NAME, without the path")
            return None
        return Address(kind, name)


_ABSENT: Final = object()


def _quietly(node: Node | None, scope: Scope) -> Node | None:
    """The node expanded, or None where it cannot be; whoever reads its value complains."""
    try:
        return None if node is None else expand(node, scope)
    except WRONG:
        return None


def _origin(item: _Item) -> Origin:
    place = item.key.place
    template = None
    if item.template is not None:
        at = item.template.at.place
        template = Origin(at.file, at.line, at.column)
    return Origin(place.file, place.line, place.column, template)


def _facts(
    account: Account,
    account_id: str,
    partition: str,
    config: Config,
    variables: Mapping[str, str | Sequence[str]],
) -> dict[str, str | tuple[str, ...]]:
    facts: dict[str, str | tuple[str, ...]] = {
        "account.id": account_id,
        "account.name": account.name,
        "partition": partition,
    }
    facts |= {f"accounts.{held.name}.id": held.id for held in config.accounts if held.id}
    facts[f"accounts.{account.name}.id"] = account_id
    for name, value in (*account.variables.items(), *variables.items()):
        facts[f"var.{name}"] = value if isinstance(value, str) else tuple(value)
    return facts
