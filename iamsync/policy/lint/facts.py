"""What the action catalogue says, as the rules ask it: about texts of policies, with wildcards, each asked once."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from iamsync.policy.catalog import Action, Catalog, ResourceType
from iamsync.policy.lint.keys import GLOBAL_NAMES, Key, global_key
from iamsync.policy.lint.resources import split
from iamsync.policy.lint.statements import covers

_HOLE: Final = re.compile(r"\$\{[^}]*\}|<[^>]*>|\*")
_NAMED: Final = re.compile(r"\$\{[^}]*\}|<[^>]*>|(?<=/)tag-key$", re.IGNORECASE)
_WILD: Final = re.compile(r"\$\{[^}]*\}|[*?]")
_CLOSE: Final = 0.8
_SHOWN: Final = 4


def unknown_prefix(catalog: Catalog, text: str) -> bool:
    """Whether an action's service is written in full and is none that the catalogue has."""
    prefix, colon, _ = text.partition(":")
    return bool(colon) and catalog.available and not _WILD.search(prefix) and not catalog.has_service(prefix)


@lru_cache(maxsize=16384)
def unknown(catalog: Catalog, text: str) -> bool:
    """Whether a known service has no such action, nor any that the pattern matches."""
    prefix, colon, _ = text.partition(":")
    return bool(colon) and "${" not in text and catalog.has_service(prefix) and not catalog.expand(text)


@lru_cache(maxsize=16384)
def close(catalog: Catalog, text: str) -> str:
    """The action or prefix that was most likely meant; empty where nothing is near."""
    prefix, _, name = text.partition(":")
    found = catalog.similar(text)
    if not found or "*" in name or "?" in name:
        return ""
    near = found[0] if catalog.has_service(prefix) else next((one for one in found if not one.endswith(":")), found[0])
    known = catalog.has_service(prefix)
    return near if _alike(near.partition(":")[2] if known else near, name if known else text) else ""


def _alike(one: str, other: str) -> bool:
    return bool(one) and difflib.SequenceMatcher(None, one.lower(), other.lower()).ratio() >= _CLOSE


@lru_cache(maxsize=16384)
def acts_on(catalog: Catalog, action: Action, resource: str) -> bool:
    """Whether the action may act on something that this pattern of a policy stands for; in doubt it may."""
    if not action.resources:
        return resource == "*"
    types = catalog.types(action)
    return not types or any(_meets(held, resource) for held in types)


def _meets(held: ResourceType, resource: str) -> bool:
    parts = split(resource)
    template = held.arn.split(":", 5)
    if parts is None or len(template) != 6:
        return True
    if not _HOLE.search(template[2]) and not covers(parts[2], template[2]):
        return False
    if _WILD.search(parts[5]):
        return _may_meet(template[5], parts[5])
    # A wrong region or account is told by a rule of its own.
    middle = ("" if _HOLE.search(part) else part for part in template[1:5])
    return held.fits(":".join(("arn", *middle, parts[5])))


def _may_meet(template: str, pattern: str) -> bool:
    """Whether beginning, end and slashes let a template and a pattern stand for one text; never a wrong no."""
    theirs, ours = _HOLE.split(template), _WILD.split(pattern)
    if template == "${BucketName}" and any("/" in part for part in ours):
        return False
    if len(theirs) == 1:
        return covers(_WILD.sub("*", pattern), template)
    begin = theirs[0].startswith(ours[0]) or ours[0].startswith(theirs[0])
    return begin and (theirs[-1].endswith(ours[-1]) or ours[-1].endswith(theirs[-1]))


def kinds(action: Action) -> tuple[str, ...]:
    """The types of resource an action acts on, by name."""
    return tuple(dict.fromkeys(one.type for one in action.resources))


def listed(names: Iterable[str]) -> str:
    """The names for a message, the first few of them."""
    known = sorted(set(names))
    return ", ".join(known[:_SHOWN]) + (f" and {len(known) - _SHOWN} more" if len(known) > _SHOWN else "")


def template(catalog: Catalog, action: Action, partition: str) -> str:
    """How an ARN that the action acts on is written: of a required type of resource, the shortest."""
    required = {one.type.lower() for one in action.resources if one.required}
    types = sorted(catalog.types(action), key=lambda held: (held.name.lower() not in required, len(held.arn)))
    text = types[0].arn.replace("${Partition}", partition) if types else "*"
    return re.sub(r"\$\{([^}]*)\}", r"\1", text)


@lru_cache(maxsize=16384)
def key(catalog: Catalog, name: str) -> Key | None:
    """The condition key of this name (lower case), global or a service's; None where nobody has one."""
    found = global_key(name)
    if found is None:
        # A service's key has its prefix as a rule, but for a few that are found in its neighbours only.
        found = _of_service(catalog, name.partition(":")[0], name) or _of_any(catalog, name)
    return found


def _of_service(catalog: Catalog, service: str, name: str) -> Key | None:
    held = catalog.keys_of(service)
    one = held.get(name) or next((held[text] for text in held if _is(text, name)), None)
    return None if one is None else Key(one.name, one.type.removeprefix("ArrayOf"), one.type.startswith("ArrayOf"))


def _of_any(catalog: Catalog, name: str) -> Key | None:
    found = (_of_service(catalog, service, name) for service in catalog.services)
    return next((one for one in found if one is not None), None)


def _is(text: str, name: str) -> bool:
    """Whether a key of the catalogue, which may have a hole for a name, is this one."""
    match = _NAMED.search(text)
    if match is None or len(name) <= len(text) - len(match[0]):
        return False
    return name.startswith(text[: match.start()]) and name.endswith(text[match.end() :])


@lru_cache(maxsize=16384)
def close_key(catalog: Catalog, name: str) -> str:
    """The condition key that was most likely meant; empty where nothing is near."""
    prefix = name.partition(":")[0]
    known = {text.lower(): text for text in GLOBAL_NAMES} | {k: v.name for k, v in catalog.keys_of(prefix).items()}
    found = difflib.get_close_matches(name, list(known), 1, 0.8)
    return known[found[0]] if found else ""


@lru_cache(maxsize=32768)
def may_have(catalog: Catalog, action: str, name: str) -> bool:
    """Whether an action that this pattern covers has the condition key; in doubt it may."""
    held = catalog.expand(action) if action.strip("*") else ()
    return not held or any(_has(catalog, one, name) for one in held)


def _has(catalog: Catalog, action: Action, name: str) -> bool:
    known = _keys(catalog, action)
    return name in known or any(_is(text, name) for text in known)


@lru_cache(maxsize=32768)
def _keys(catalog: Catalog, action: Action) -> frozenset[str]:
    ofs = (held.keys for held in catalog.types(action))
    return frozenset(text.lower() for text in action.all_keys.union(*ofs))
