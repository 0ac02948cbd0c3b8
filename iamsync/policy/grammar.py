"""Whether a document is a policy at all: what IAM would answer MalformedPolicyDocument to.

Each problem names the path inside the document (keys and list positions), so that whoever knows
where the text stands can point at it. Source: IAM User Guide, grammar of the IAM JSON policy language.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, Literal

from iamsync.policy.document import OPERATORS

Use = Literal["identity", "trust", "resource"]
Path = tuple[str | int, ...]

_TOP: Final = ("Version", "Id", "Statement")
_ELEMENTS: Final = (
    *("Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction"),
    *("Resource", "NotResource", "Condition"),
)
_SID: Final = re.compile(r"[A-Za-z0-9]*")
_PREFIX: Final = re.compile(r"[A-Za-z0-9-]+\*+")
_ACTION: Final = re.compile(r"\*|(?:\*|[A-Za-z0-9.-]+):[A-Za-z0-9*?_-]+")
# IAM also takes an ARN that ends early, as long as no part of it is empty.
_RESOURCE: Final = re.compile(r"\*|arn:[^:]*:[^:]*:[^:]*:[^:]*:.*|arn(?::[^:]+){3,4}", re.DOTALL)
_PRINCIPAL_KINDS: Final = ("AWS", "Service", "Federated", "CanonicalUser")
# IAM stores documents in Latin-1: anything above U+00FF is refused on the wire.
_FOREIGN: Final = re.compile(r"[^\t\n\r\x20-\xff]")


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong, and at which key or list position of the document."""

    path: Path
    message: str
    hint: str = ""
    candidates: tuple[str, ...] = ()
    wrong: str = ""


def problems(value: Any, use: Use) -> Iterator[Problem]:
    """Everything that makes this parsed document no policy of that use."""
    if not isinstance(value, dict):
        yield Problem((), "a policy document is a mapping with Version and Statement")
        return
    yield from _foreign_characters(value, ())
    for key in value:
        if key not in _TOP:
            yield _unknown((key,), key, "a policy document", _TOP)
    version = value.get("Version")
    if "Version" in value and version not in ("2012-10-17", "2008-10-17"):
        yield Problem(("Version",), f"Version is {version!r}; IAM knows 2012-10-17 and 2008-10-17")
    if "Statement" not in value:
        yield Problem((), "a policy document needs Statement")
        return
    held = value["Statement"]
    if isinstance(held, list) and not held:
        yield Problem(("Statement",), "Statement is empty; a policy needs at least one")
    sids: set[str] = set()
    for position, statement in enumerate(held) if isinstance(held, list) else [(None, held)]:
        path: Path = ("Statement",) if position is None else ("Statement", position)
        if not isinstance(statement, dict):
            yield Problem(path, "a statement is a mapping with Effect and Action")
            continue
        yield from _statement(statement, use, path)
        sid = statement.get("Sid")
        if isinstance(sid, str) and sid:
            if sid in sids:
                yield Problem((*path, "Sid"), f"Sid {sid!r} stands twice in this document; each is unique")
            sids.add(sid)


def _statement(statement: dict[str, Any], use: Use, path: Path) -> Iterator[Problem]:
    for key in statement:
        if key not in _ELEMENTS:
            yield _unknown((*path, key), key, "a statement", _ELEMENTS)
    effect = statement.get("Effect")
    if "Effect" not in statement:
        yield Problem(path, "this statement has no Effect; write Allow or Deny")
    elif effect not in ("Allow", "Deny"):
        yield _unknown((*path, "Effect"), str(effect), "Effect", ("Allow", "Deny"), what="value")
    sid = statement.get("Sid")
    if sid is not None and (not isinstance(sid, str) or not _SID.fullmatch(sid)):
        yield Problem((*path, "Sid"), f"Sid {sid!r} may hold letters and digits only (A-Z, a-z, 0-9)")
    yield from _one_of(statement, "Action", "NotAction", path)
    for element in ("Action", "NotAction"):
        for place, item in _strings(statement, element, path):
            if not isinstance(item, str):
                yield Problem(place, f"{element} is a text or a list of texts, not {_a(item)}")
            elif not _ACTION.fullmatch(item):
                yield _no_action(place, item)
    if use == "identity":
        for element in ("Principal", "NotPrincipal"):
            if element in statement:
                yield Problem((*path, element), f"{element} belongs in trust and resource policies only")
    if use != "trust":
        yield from _one_of(statement, "Resource", "NotResource", path)
        for element in ("Resource", "NotResource"):
            for place, item in _strings(statement, element, path):
                if not isinstance(item, str):
                    yield Problem(place, f"{element} is a text or a list of texts, not {_a(item)}")
                elif not _RESOURCE.fullmatch(item) and not item.startswith("${"):
                    yield Problem(place, f'{item!r} is neither an ARN nor "*"')
    else:
        for element in ("Resource", "NotResource"):
            if element in statement:
                yield Problem((*path, element), f"{element} is not allowed in a trust policy: the role is the resource")
    if use != "identity":
        yield from _one_of(statement, "Principal", "NotPrincipal", path)
        for element in ("Principal", "NotPrincipal"):
            if element in statement:
                yield from _principal(statement[element], (*path, element))
    if "Condition" in statement:
        yield from _condition(statement["Condition"], (*path, "Condition"))


def _no_action(place: Path, item: str) -> Problem:
    if ":" in item or not _PREFIX.fullmatch(item):
        return Problem(place, f"{item!r} is no action", 'write SERVICE:NAME, for example "s3:GetObject", or "*"')
    hint = f'IAM refuses it; write "{item.rstrip("*").rstrip("-")}:*", or the actions that are meant'
    return Problem(place, f"{item!r} is no action: it names no service before a colon", hint)


def _principal(held: Any, path: Path) -> Iterator[Problem]:
    if held == "*":
        return
    if not isinstance(held, dict) or not held:
        yield Problem(path, 'a principal is "*" or a mapping such as {AWS: ARN} or {Service: ec2.amazonaws.com}')
        return
    for kind, names in held.items():
        if kind not in _PRINCIPAL_KINDS:
            yield _unknown((*path, kind), kind, "Principal", _PRINCIPAL_KINDS)
        members = names if isinstance(names, list) else [names]
        if not members:
            yield Problem((*path, kind), f"{kind} names nobody")
        for position, name in enumerate(members):
            place: Path = (*path, kind, position) if isinstance(names, list) else (*path, kind)
            if not isinstance(name, str) or not name:
                yield Problem(place, f"a principal is a text, not {_a(name)}", "put quotes around an account id")
            elif "*" in name and name != "*":
                yield Problem(place, f"principal {name!r}: a wildcard stands alone or not at all")


def _condition(block: Any, path: Path) -> Iterator[Problem]:
    if not isinstance(block, dict):
        yield Problem(path, "Condition is a mapping of operators")
        return
    for operator, keys in block.items():
        name = operator.rpartition(":")[2]
        bare = name.removesuffix("IfExists")
        prefix = operator[: -len(name)] if name else operator
        if bare not in OPERATORS or prefix not in ("", "ForAllValues:", "ForAnyValue:"):
            yield _unknown((*path, operator), operator, "Condition", OPERATORS, what="operator")
        elif bare == "Null" and name != bare:
            yield Problem((*path, operator), "Null takes no IfExists")
        if not isinstance(keys, dict) or not keys:
            yield Problem((*path, operator), f"{operator} is a mapping of condition keys to values")
            continue
        for key, values in keys.items():
            members = values if isinstance(values, list) else [values]
            if not members or any(isinstance(item, (dict, list)) or item is None for item in members):
                yield Problem((*path, operator, key), f"{key} needs a value: a text, a number, true, false or a list")


def _one_of(statement: dict[str, Any], element: str, other: str, path: Path) -> Iterator[Problem]:
    if element in statement and other in statement:
        yield Problem((*path, other), f"a statement has {element} or {other}, not both")
    elif element not in statement and other not in statement:
        yield Problem(path, f"this statement has no {element}")
    for name in (element, other):
        if statement.get(name) == []:
            yield Problem((*path, name), f"{name} is empty")


def _strings(statement: dict[str, Any], element: str, path: Path) -> Iterator[tuple[Path, Any]]:
    if element not in statement:
        return
    held = statement[element]
    if isinstance(held, list):
        for position, item in enumerate(held):
            yield (*path, element, position), item
    else:
        yield (*path, element), held


def _foreign_characters(value: Any, path: Path) -> Iterator[Problem]:
    if isinstance(value, dict):
        for key, held in value.items():
            yield from _foreign_characters(key, (*path, key))
            yield from _foreign_characters(held, (*path, key))
    elif isinstance(value, list):
        for position, held in enumerate(value):
            yield from _foreign_characters(held, (*path, position))
    elif isinstance(value, str) and (found := _FOREIGN.search(value)):
        yield Problem(path, f"character {found[0]!r} (U+{ord(found[0]):04X}) is not allowed: IAM stores Latin-1 only")


def _unknown(path: Path, wrong: str, where: str, candidates: tuple[str, ...], what: str = "element") -> Problem:
    return Problem(path, f"unknown {what} {wrong!r} in {where}", candidates=candidates, wrong=wrong)


def _a(value: Any) -> str:
    names = {dict: "a mapping", list: "a list", bool: "true or false", int: "a number", type(None): "nothing"}
    return names.get(type(value), repr(value))
