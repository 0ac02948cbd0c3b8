"""One declaration with its template and defaults -> a Resource, field by field."""

from __future__ import annotations

from typing import Any, Final

from iamsync.manifest import limits, values
from iamsync.manifest.config import Account
from iamsync.manifest.credentials import wishes
from iamsync.manifest.declare import Item
from iamsync.manifest.expand import expand
from iamsync.manifest.fields import BAD, EXPIRES, Reading, read_field, read_tags
from iamsync.manifest.nodes import Table
from iamsync.manifest.problems import WRONG, did_you_mean, is_null, one_of
from iamsync.manifest.templates import check_arguments
from iamsync.model import Origin, Resource

_ABSENT: Final = object()  # the value of a field that nobody wrote: the kind's own default holds


def resource(item: Item, account: Account, reading: Reading) -> Resource | None:
    """The resource of an item, or None where something about it is wrong and has been collected."""
    problems = reading.problems
    if item.parameters is not None:
        check_arguments(item.parameters, problems)
    reading.address, reading.ends = item.address, None
    reading.ends = _expires(item, reading)
    spec: dict[str, Any] = {}
    for shape in item.kind.fields:
        value = _tags(item, account, reading) if shape.form == "tags" else _value(item, shape.name, reading)
        if value is not _ABSENT:
            spec[shape.name] = value
    ignore = _ignore(item, reading)
    old_name = renamed_from(item, reading)
    credentials = wishes(item, problems)
    missing = [name for name in item.kind.required if name not in spec]
    for name in missing if not item.unsure else ():
        hint = f"write {name}: below it" + (", or a template's with use:" if not item.template else "")
        problems.add("missing-field", f'{item.kind.name} "{item.address.name}" has no {name}', item.key, hint)
    if missing or any(value is BAD for value in spec.values()):
        if not len(problems):
            raise AssertionError(f"{item.address} was given up without a word")
        return None
    return Resource(
        item.address,
        item.kind.spec(**spec),
        ignore=ignore,
        renamed_from=old_name,
        credentials=credentials,
        origin=_origin(item),
    )


def renamed_from(item: Item, reading: Reading) -> str | None:
    """The name the resource had, where one is written and can be one."""
    problems = reading.problems
    node = item.declaration.fields.get("renamed_from")
    if node is None or is_null(node):
        return None
    try:
        name = values.text(expand(node, item.layers[0].scope), "renamed_from", problems)
    except WRONG as wrong:
        problems.take(wrong)
        return None
    if name is None:
        return None
    if bad := limits.bad_name(name, item.kind):
        problems.add("bad-name", bad, node, item.kind.name_hint)
        return None
    return name


def _value(item: Item, name: str, reading: Reading) -> Any:
    """A field's value from the highest layer that has it; null means the kind's own default."""
    problems = reading.problems
    for layer in item.layers:
        node = layer.fields.get(name)
        if node is None:
            continue
        if id(node) in reading.broken:
            return BAD
        problems.via = layer.via
        try:
            held = expand(node, layer.scope)
            if is_null(held):
                return _ABSENT
            return read_field(item.kind, item.kind.field(name), held, layer, reading)
        except WRONG as wrong:
            problems.take(wrong)
            reading.broken.add(id(node))
            return BAD
        finally:
            problems.via = ""
    return _ABSENT


def _tags(item: Item, account: Account, reading: Reading) -> Any:
    """The tags of all layers merged, upon the account's default tags; null in one cuts off those below."""
    problems = reading.problems
    layers: list[tuple[Table, str]] = []
    default = True
    for layer in item.layers:
        node = layer.fields.get("tags")
        if node is None:
            continue
        problems.via = layer.via
        try:
            held = expand(node, layer.scope)
        except WRONG as wrong:
            problems.take(wrong)
            return BAD
        finally:
            problems.via = ""
        if is_null(held):
            default = False
            break
        table = values.table(held, "tags", problems)
        if table is None:
            return BAD
        layers.append((table, layer.via))
    merged: dict[str, tuple[str, str]] = {}
    folds = bool(getattr(item.kind.field("tags"), "folds", False))
    if default:
        merged = {key.lower() if folds else key: (key, text) for key, text in account.settings.default_tags}
    merged |= read_tags(item.kind, layers[::-1], reading)
    if len(merged) > limits.MAX_TAGS:
        where = layers[0][0] if layers else item.key
        message = f"{item.address} has {len(merged)} tags; {limits.MAX_TAGS} are allowed"
        problems.add("over-quota", message, where, "default_tags and template tags count too")
        return BAD
    return tuple(sorted(merged.values()))


def _ignore(item: Item, reading: Reading) -> tuple[str, ...]:
    """The patterns of the resource and of its template."""
    problems = reading.problems
    found: dict[str, None] = {}
    for layer in item.layers:
        node = layer.fields.get("ignore_changes")
        if node is None:
            continue
        problems.via = layer.via
        try:
            for text, at in values.texts(expand(node, layer.scope), "ignore_changes", problems):
                if wrong := limits.bad_ignore(text, (item.kind,)):
                    hint = did_you_mean(text.partition("/")[0], wrong[1], f"its fields are {one_of(wrong[1])}")
                    problems.add("unknown-field", wrong[0], at, hint)
                found[text] = None
        except WRONG as bad:
            problems.take(bad)
        problems.via = ""
    return tuple(found)


def _expires(item: Item, reading: Reading) -> str | None:
    """When the resource ends, by the highest layer that says so."""
    problems = reading.problems
    for layer in item.layers:
        node = layer.fields.get(EXPIRES)
        if node is None:
            continue
        problems.via = layer.via
        try:
            return reading.end(expand(node, layer.scope))
        except WRONG as wrong:
            problems.take(wrong)
            return None
        finally:
            problems.via = ""
    return None


def _origin(item: Item) -> Origin:
    place = item.key.place
    template = None
    if item.template is not None:
        at = item.template.at.place
        template = Origin(at.file, at.line, at.column)
    return Origin(place.file, place.line, place.column, template)
