"""Templates: fields written once and used by several resources, and how layers of fields lie over each other.

A resource lies over its template, which lies over the `defaults:` of the project file.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from iamsync.errors import Place
from iamsync.kinds import KINDS
from iamsync.kinds.keyrules import BESIDE
from iamsync.kinds.kind import Kind
from iamsync.manifest import values
from iamsync.manifest.expand import Scope, expand
from iamsync.manifest.nodes import Node, Scalar, Table
from iamsync.manifest.problems import WRONG, Problems, a_kind, did_you_mean, is_null, one_of

PARAM: Final = "param."
TEMPLATED: Final = tuple(name for name, kind in KINDS.items() if not kind.setting)
_PARTS: Final = ("kind", "params", "fields")


@dataclass(frozen=True, slots=True)
class Template:
    """A template; a parameter whose default is null must be given."""

    name: str
    at: Scalar
    kind: Kind
    params: Mapping[str, Scalar]
    table: Table
    fields: Mapping[str, Node]


@dataclass(frozen=True, slots=True)
class Layer:
    """Fields from one place: `scope` is what their variables mean, `via` says through what they came in."""

    table: Table
    fields: Mapping[str, Node]
    scope: Scope
    via: str = ""


@dataclass(slots=True)
class Parameters:
    """A scope of `param.NAME`: what the use gives, else the defaults; expanded when first asked for."""

    template: Template
    given: Mapping[str, Node]
    rest: Scope
    known: dict[str, str] = field(default_factory=dict)

    def lookup(self, name: str) -> str | tuple[str, ...]:
        if not name.startswith(PARAM):
            return self.rest.lookup(name)
        bare = name.removeprefix(PARAM)
        if bare not in self.template.params:
            raise KeyError(name)
        if bare not in self.known:
            node = expand(self.given.get(bare, self.template.params[bare]), self.rest)
            self.known[bare] = node.text if isinstance(node, Scalar) and not is_null(node) else ""
        return self.known[bare]

    def names(self) -> Iterable[str]:
        return (*(PARAM + name for name in self.template.params), *self.rest.names())


def read_template(key: Scalar, node: Node, problems: Problems) -> Template | None:
    """The template of an entry of `templates:`, or None where it is wrong."""
    what = f'template "{key.text}"'
    body = values.table(node, what, problems)
    if body is None:
        return None
    values.known_keys(body, _PARTS, what, problems)
    kind_node = body.get("kind")
    if kind_node is None:
        problems.add("missing-field", f"{what} does not say of which kind it is", key, f"kind: {one_of(TEMPLATED)}")
        return None
    kind = values.choice(kind_node, f"kind of {what}", problems, TEMPLATED)
    if kind is None:
        return None
    params: dict[str, Scalar] = {}
    for name, default in values.table(body.get("params") or _nothing(key), f"params of {what}", problems) or ():
        if isinstance(default, Scalar):
            params[name.text] = default
        else:
            hint = "parameters are texts; null makes one required"
            problems.add("wrong-type", f'the default of parameter "{name.text}" is no text', default, hint)
    fields = values.table(body.get("fields") or _nothing(key), f"fields of {what}", problems)
    if fields is None:
        return None
    beside = BESIDE.get(kind, ())
    allowed = (*(held.name for held in KINDS[kind].fields), *beside, "ignore_changes", "expires")
    values.known_keys(fields, allowed, f"{a_kind(kind)} template", problems)
    return Template(key.text, key, KINDS[kind], params, fields, fields.index())


def check_use(template: Template, use: Node, given: Table | None, problems: Problems) -> None:
    """Complain about parameters that the template does not know, or that it needs and does not get."""
    for name, value in given or ():
        if name.text not in template.params:
            hint = did_you_mean(name.text, template.params, _takes(template))
            problems.add("unknown-parameter", f'template "{template.name}" has no parameter "{name.text}"', name, hint)
        elif not isinstance(value, Scalar) or is_null(value):
            problems.add("wrong-type", f'parameter "{name.text}" is a text', value)
    missing = [name for name, value in template.params.items() if is_null(value) and not (given and name in given)]
    if missing:
        names = one_of(f'"{name}"' for name in missing)
        hint = "write with: {" + ", ".join(f"{name}: ..." for name in missing) + "}"
        problems.add("missing-parameter", f'template "{template.name}" needs the parameter {names}', use, hint)


def check_arguments(parameters: Parameters, problems: Problems) -> None:
    """Complain about variables in the values given to a template."""
    for node in parameters.given.values():
        try:
            held = expand(node, parameters.rest)
        except WRONG as wrong:
            problems.take(wrong)
        else:
            if not isinstance(held, Scalar):
                problems.add("wrong-type", "a parameter is a text, not a list", node)


def overlaid(under: Table | None, over: Table | None) -> Table | None:
    """Two tables as one: what `over` has replaces what `under` has; only tags merge."""
    if under is None or over is None:
        return over if under is None else under
    entries = {key.text: (key, value) for key, value in under}
    for key, value in over:
        held = entries.get(key.text)
        if key.text == "tags" and held and isinstance(value, Table) and isinstance(held[1], Table):
            value = merged(held[1], value)
        entries[key.text] = (key, value)
    return Table(tuple(entries.values()), over.source, over.start, over.end)


def merged(under: Table, over: Table) -> Table:
    """Two tables as one, key by key."""
    entries = {key.text: (key, value) for key, value in under} | {key.text: (key, value) for key, value in over}
    return Table(tuple(entries.values()), over.source, over.start, over.end)


def place_text(place: Place) -> str:
    """A place for a hint: file and line."""
    return f"{place.file}:{place.line}" if place.line else place.file


def _takes(template: Template) -> str:
    return f"it has {one_of(template.params)}" if template.params else "it has none"


def _nothing(key: Scalar) -> Table:
    return Table((), key.source, key.start, key.end)
