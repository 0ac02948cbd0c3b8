"""`scope:` of a project file: which undeclared resources are watched, and who is asked what they own."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import PurePosixPath
from typing import Final

from iamsync.kinds import KINDS
from iamsync.manifest import values
from iamsync.manifest.nodes import Listing, Node, Scalar, Table
from iamsync.manifest.problems import Problems, a, did_you_mean, one_of
from iamsync.selector import Pattern, Selector, parse
from iamsync.settings import Scope

SCOPE: Final = ("include", "exclude")
OWNERS: Final = ("cloudformation", "terraform_state")
EVERYTHING: Final = Selector((parse("*", KINDS),))
_REGION: Final = re.compile(r"[a-z]{2,}(-[a-z0-9]+)+-\d", re.ASCII)


def read_scope(tables: Iterable[Table], problems: Problems) -> Scope:
    """The scope of several layers: the last `include` holds, exclusions add up."""
    include = EVERYTHING
    exclude: tuple[Pattern, ...] = ()
    stacks: tuple[str, ...] | None = None
    states: dict[str, None] = {}
    for table in tables:
        if (node := table.get("include")) is not None:
            include = Selector(patterns(node, "scope.include", problems))
        held = values.listing(node, "scope.exclude", problems) if (node := table.get("exclude")) is not None else None
        for item in held or ():
            if isinstance(item, Table):
                for key, value in item:
                    if key.text == "cloudformation":
                        stacks = _regions(value, problems)
                    elif key.text == "terraform_state":
                        states |= dict.fromkeys(_file(value, problems))
                    else:
                        hint = did_you_mean(key.text, OWNERS, f"owners are {one_of(OWNERS)}")
                        problems.add("unknown-field", f'scope.exclude knows no owner "{key.text}"', key, hint)
            else:
                exclude += _pattern(item, "scope.exclude", problems)
    return Scope(include, Selector(exclude), stacks, tuple(states))


def patterns(node: Node, what: str, problems: Problems) -> tuple[Pattern, ...]:
    """The selectors of a list."""
    held = values.listing(node, what, problems)
    return tuple(found for item in held or () for found in _pattern(item, what, problems))


def _pattern(item: Node, what: str, problems: Problems) -> tuple[Pattern, ...]:
    if not isinstance(item, Scalar) or item.value is None:
        problems.add("wrong-type", f"an item of {what} is a text, not {a(item)}", item)
        return ()
    try:
        return (parse(item.text, KINDS),)
    except ValueError as error:
        kind = item.text.removeprefix("!").partition("/")[0].partition(":")[0]
        problems.add("bad-selector", str(error), item, did_you_mean(kind, (*KINDS, "tag")))
        return ()


def _regions(node: Node, problems: Problems) -> tuple[str, ...] | None:
    """`true` for every enabled region, `false` for none, or a list of regions."""
    if isinstance(node, Scalar) and isinstance(node.value, bool):
        return () if node.value else None
    if not isinstance(node, Listing):
        hint = "write {cloudformation: true}, or {cloudformation: [eu-west-1, us-east-1]}"
        problems.add("wrong-type", f"cloudformation is true or a list of regions, not {a(node)}", node, hint)
        return None
    found = []
    for text, at in values.texts(node, "cloudformation", problems):
        if _REGION.fullmatch(text):
            found.append(text)
        else:
            problems.add("unknown-value", f'"{text}" is no region', at, "for example eu-west-1")
    if not node:
        problems.add("wrong-type", "cloudformation names no region", node, "write true for all that are enabled")
    return tuple(found) or None


def _file(node: Node, problems: Problems) -> tuple[str, ...]:
    """A file inside the project."""
    held = values.text(node, "terraform_state", problems)
    if held is None:
        return ()
    path = PurePosixPath(held)
    if path.is_absolute() or ".." in path.parts or "://" in held:
        hint = "write a path inside the project; `terraform state pull > FILE` fetches a remote one"
        problems.add("bad-path", f'terraform_state "{held}" is no file of this project', node, hint)
        return ()
    return (held,)
