"""Which resources the manifests declare for one account: names, templates, layers, ARNs; no values yet."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from iamsync import arn
from iamsync.kinds.kind import Kind
from iamsync.manifest import limits, values
from iamsync.manifest.config import Account, Config
from iamsync.manifest.expand import Scope, Variables, expand
from iamsync.manifest.fields import Reading
from iamsync.manifest.nodes import Node, Scalar, Table
from iamsync.manifest.problems import WRONG, did_you_mean, is_null, one_of
from iamsync.manifest.references import arn_of
from iamsync.manifest.sections import Declaration, Part
from iamsync.manifest.templates import Layer, Parameters, Template, check_use, place_text
from iamsync.model import Address
from iamsync.selector import Selector

_ARN: Final = "arn."


@dataclass(slots=True)
class Item:
    """A declaration that holds for this account."""

    address: Address
    declaration: Declaration
    layers: list[Layer]  # the highest first
    template: Template | None = None
    use: Node | None = None
    parameters: Parameters | None = None
    unsure: bool = False  # its template is missing or wrong, so what it lacks is not known

    @property
    def key(self) -> Scalar:
        return self.declaration.key

    @property
    def kind(self) -> Kind:
        return self.declaration.kind


@dataclass(slots=True)
class Names:
    """The scope of an account: its facts, its variables, and the ARNs of what it declares."""

    values: dict[str, str | tuple[str, ...]]
    reading: Reading
    asked: str = ""  # the last name looked up: suggestions are asked for when it is not known

    def lookup(self, name: str) -> str | tuple[str, ...]:
        self.asked = name
        if name.startswith(_ARN):
            return arn_of(name[len(_ARN) :], self.reading.declared, self.reading.account_id, self.reading.partition)
        return self.values[name]

    def names(self) -> Iterable[str]:
        if not self.asked.startswith(_ARN):
            return self.values
        # Thousands of resources may be declared; only those of the kind asked for can be meant.
        kind = self.asked[len(_ARN) :].partition("/")[0]
        near = [address for address in self.reading.declared.arns if address.kind == kind]
        return [f"{_ARN}{address}" for address in near or self.reading.declared.arns]


class Declarations:
    """Collects what holds for one account; `items` are by address, in the order of the files."""

    def __init__(self, account: Account, names: Names) -> None:
        self.account = account
        self.names = names
        self.reading = names.reading
        self.problems = names.reading.problems
        self.templates: dict[str, Template] = {}
        self.unusable: set[str] = set()
        self.items: dict[Address, Item] = {}

    def add(self, parts: Sequence[Part]) -> tuple[Part, ...]:
        """Take in the parts of all files; those that hold for this account are answered."""
        here = tuple(part for part in parts if self.reading.applies(part.only))
        chosen = {id(part) for part in here}
        for part in here:
            self.unusable.update(part.unusable)
            for template in part.templates:
                self.add_template(template)
        for part in parts:
            for declaration in part.declarations:
                applies = self.reading.applies(declaration.fields.get("only_accounts"))
                if id(part) in chosen and applies:
                    self.add_item(declaration)
                else:
                    address = Address(declaration.kind.name, declaration.key.text)
                    self.reading.declared.elsewhere.setdefault(address, declaration.key.place)
        self.name_arns()
        return here

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
        if wrong_name := limits.bad_name(name, kind):
            self.problems.add("bad-name", wrong_name, key, kind.name_hint)
        address = Address(kind.name, name)
        folded = self.reading.declared.folded.setdefault(address.folded, address)
        if folded in self.items:
            first = place_text(self.items[folded].key.place)
            same = "is declared twice" if folded == address else f'differs only in case from "{folded.name}"'
            message = f'{kind.name} "{name}" {same}; the first one is at {first}'
            self.problems.add("duplicate-resource", message, key, "remove or rename one of the two")
            return
        self.items[address] = self.item(address, declaration)

    def item(self, address: Address, declaration: Declaration) -> Item:
        scope = Variables({"name": address.name}, self.names)
        item = Item(address, declaration, [Layer(declaration.table, declaration.fields, scope)])
        use, given = declaration.fields.get("use"), declaration.fields.get("with")
        if use is None or is_null(use):
            if given is not None:
                self.problems.add("missing-field", '"with" stands without "use"', given, "name the template: use: NAME")
        else:
            self.use_template(item, use, given, scope)
        defaults = self.account.defaults.get(declaration.kind.section)
        if defaults is not None and not self.is_protected(item):
            via = f"a default of {address}"
            item.layers.append(Layer(defaults, defaults.index(), scope, via))
        return item

    def use_template(self, item: Item, use: Node, given: Node | None, scope: Scope) -> None:
        problems = self.problems
        name = values.text(use, "use", problems)
        table = values.table(given, "with", problems) if given is not None else None
        template = self.templates.get(name) if name is not None else None
        item.unsure = template is None or template.kind is not item.kind
        if name is None or name in self.unusable:
            return
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
        via = f"used by {item.address} at {place_text(item.key.place)}"
        item.layers.append(Layer(template.table, template.fields, item.parameters, via))

    def is_protected(self, item: Item) -> bool:
        """Whether `safety.protected` names the item, by what it says itself."""
        protected: Selector = self.account.settings.safety.protected
        if not protected:
            return False
        tags: dict[str, str] = {}
        if protected.needs_tags:
            for layer in reversed(item.layers):
                held = quietly(layer.fields.get("tags"), layer.scope)
                if isinstance(held, Table):
                    tags |= {key.text: value.text for key, value in held if isinstance(value, Scalar)}
        return protected(item.address, self.path(item), tags)

    def path(self, item: Item) -> str:
        """The item's path as far as it can be told without ARNs; what is wrong with it is said later."""
        for layer in item.layers:
            node = layer.fields.get("path")
            if node is not None:
                held = quietly(node, layer.scope)
                return held.text if isinstance(held, Scalar) and not is_null(held) else "/"
        return "/"

    def name_arns(self) -> None:
        reading = self.reading
        for address, item in self.items.items():
            if item.kind.setting:
                continue  # has no ARN
            reading.declared.arns[address] = arn.build(reading.partition, reading.account_id, address, self.path(item))


def quietly(node: Node | None, scope: Scope) -> Node | None:
    """The node expanded, or None where it cannot be; whoever reads its value complains."""
    try:
        return None if node is None else expand(node, scope)
    except WRONG:
        return None


def facts_of(
    account: Account,
    account_id: str,
    partition: str,
    config: Config,
    variables: Mapping[str, str | Sequence[str]],
) -> dict[str, str | tuple[str, ...]]:
    """What an account's variables stand for; those of the command line go before its own."""
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
