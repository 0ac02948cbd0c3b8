"""Rules about whole documents and statements: version, complements, repetition."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Final

from iamsync.policy.document import canonical
from iamsync.policy.lint.reading import GRANTS, PERMISSIONS, About, Found, Rule, Statement

_WILD: Final = re.compile(r"[*?]")


def no_version(about: About) -> Iterator[Found]:
    if "Version" not in about.value:
        message = "this document has no Version and is read as 2008-10-17, without policy variables"
        yield Found((), message, "write Version: 2012-10-17")


def old_version(about: About) -> Iterator[Found]:
    if about.value.get("Version") == "2008-10-17":
        yield Found(("Version",), "Version 2008-10-17 has no policy variables", "write 2012-10-17")


def document_id(about: About) -> Iterator[Found]:
    if "Id" in about.value:
        yield Found(("Id",), "Id belongs to resource policies", "remove it", True)


def empty_sid(statement: Statement, about: About) -> Iterator[Found]:
    if statement.value.get("Sid") == "":
        yield Found((*statement.path, "Sid"), "this Sid is empty", "name the statement, or remove Sid")


def allows_all_but_actions(statement: Statement, about: About) -> Iterator[Found]:
    if statement.allows and statement.not_action:
        message = "Allow with NotAction grants every action that is not listed, also those AWS adds later"
        yield Found((*statement.path, "NotAction"), message, "list what is meant under Action", True)


def allows_all_but_resources(statement: Statement, about: About) -> Iterator[Found]:
    if statement.allows and statement.not_resource:
        message = "Allow with NotResource grants the actions on every resource that is not listed"
        yield Found((*statement.path, "NotResource"), message, "list what is meant under Resource, or add a Deny", True)


def nothing_denied(statement: Statement, about: About) -> Iterator[Found]:
    if not statement.allows and statement.not_action and "*" in statement.actions:
        yield Found((*statement.path, "NotAction"), "NotAction with * matches no action: this does nothing", "", True)
    if statement.not_resource and "*" in statement.resources:
        message = "NotResource with * matches no resource: this statement does nothing"
        yield Found((*statement.path, "NotResource"), message, "list the resources that are to be left out", True)


def repeated_members(statement: Statement, about: About) -> Iterator[Found]:
    for position, text, other in _covered([item.lower() for item in statement.actions]):
        written = statement.actions[position]
        if other == text:
            message = f"{written} stands twice in this list"
        else:
            message = f"{statement.actions[_first(statement.actions, other)]} already covers {written}"
        yield Found(statement.action_at(position), message, "remove it")
    for position, text, other in _covered(statement.resources):
        message = f"{text} stands twice in this list" if other == text else f"{other} already covers {text}"
        yield Found(statement.resource_at(position), message, "remove it")


def redundant_statement(about: About) -> Iterator[Found]:
    statements = about.statements
    if len(statements) < 2:
        return
    conditions = [_condition(statement) for statement in statements]
    for position, narrow in enumerate(statements):
        for other, wide in enumerate(statements):
            if other == position or not _within(narrow, wide, conditions[position], conditions[other]):
                continue
            if _within(wide, narrow, conditions[other], conditions[position]) and other > position:
                continue  # of two that say the same, the later one is told
            sid = wide.value.get("Sid")
            named = f"statement {sid!r}" if isinstance(sid, str) and sid else f"statement {other + 1}"
            word = "allows" if wide.allows else "denies"
            yield Found(
                narrow.path, f"{named} of this document already {word} all of this one", "remove one of the two"
            )
            break


def _within(narrow: Statement, wide: Statement, mine: str, others: str) -> bool:
    """Whether everything that `narrow` matches is matched by `wide`, of one effect, in plain sight."""
    if narrow.allows != wide.allows or (others and others != mine):
        return False
    if narrow.not_action != wide.not_action or narrow.not_resource != wide.not_resource:
        return False
    if narrow.value.get("Principal") != wide.value.get("Principal"):
        return False
    if narrow.value.get("NotPrincipal") != wide.value.get("NotPrincipal"):
        return False
    if not _list_within(_lowered(narrow.actions), _lowered(wide.actions), narrow.not_action):
        return False
    return _list_within(narrow.resources, wide.resources, narrow.not_resource)


def _list_within(narrow: Sequence[str], wide: Sequence[str], complement: bool) -> bool:
    if complement:
        narrow, wide = wide, narrow
    held = set(wide)
    patterns: list[str] | None = None
    for text in narrow:
        if text in held:
            continue
        if patterns is None:
            patterns = [item for item in wide if _WILD.search(item)]
        if not any(covers(pattern, text) for pattern in patterns):
            return False
    return True


def _lowered(texts: tuple[str, ...]) -> tuple[str, ...]:
    return tuple([text.lower() for text in texts])


def _condition(statement: Statement) -> str:
    """The condition in one spelling; empty where there is none."""
    if "Condition" not in statement.value or not statement.value["Condition"]:
        return ""
    whole = canonical({"Version": "2012-10-17", "Statement": {"Condition": statement.value["Condition"]}})
    return json.dumps(whole["Statement"], sort_keys=True)


def _covered(texts: Sequence[str]) -> Iterator[tuple[int, str, str]]:
    """Members that an earlier equal one or a wider one of the list covers: position, text, the other one."""
    if len(texts) < 2:
        return
    patterns = [text for text in texts if "*" in text or "?" in text]
    seen: set[str] = set()
    for position, text in enumerate(texts):
        if text in seen:
            yield position, text, text
            continue
        seen.add(text)
        for pattern in patterns:
            if pattern != text and covers(pattern, text) and not covers(text, pattern):
                yield position, text, pattern
                break


def _first(texts: Sequence[str], folded: str) -> int:
    return next(position for position, text in enumerate(texts) if text.lower() == folded)


def covers(wide: str, narrow: str) -> bool:
    """Whether every text that `narrow` stands for is one that `wide` stands for.

    A wildcard of the narrow one is only covered by `*`, so the answer is never a wrong yes. In ARNs no
    wildcard reaches over one of the first five colons.
    """
    if wide == "*":
        return True
    if wide.startswith("arn:") and narrow.startswith("arn:"):
        left, right = wide.split(":", 5), narrow.split(":", 5)
        return len(left) == len(right) and all(_glob(a).fullmatch(b) for a, b in zip(left, right, strict=True))
    return narrow != "*" and _glob(wide).fullmatch(narrow) is not None


@lru_cache(maxsize=16384)
def _glob(pattern: str) -> re.Pattern[str]:
    parts = re.split(r"([*?])", pattern)
    marks = {"*": ".*", "?": "[^*]"}
    return re.compile("".join(marks.get(part) or re.escape(part) for part in parts), re.DOTALL)


RULES: Final = (
    Rule(
        "IAM-P030",
        "low",
        "a document without Version",
        "Without Version a document is read by the rules of 2008-10-17, where ${aws:username} and its like are plain "
        "text. Nothing breaks until somebody adds a variable, and then in silence.",
        whole=no_version,
    ),
    Rule(
        "IAM-P031",
        "low",
        "an old Version",
        "2008-10-17 is the version before policy variables. There is no reason left to write it.",
        whole=old_version,
    ),
    Rule(
        "IAM-P032",
        "low",
        "Id in an IAM policy",
        "Id is an element of resource policies (SQS, SNS and others). IAM has no use for it in its own policies.",
        whole=document_id,
    ),
    Rule(
        "IAM-P033",
        "info",
        "an empty Sid",
        "A Sid names a statement in messages and reports. An empty one names nothing.",
        empty_sid,
    ),
    Rule(
        "IAM-P034",
        "medium",
        "Allow with NotAction",
        "NotAction is everything except what is listed: all services, and all actions that AWS will add. With Allow it "
        "grants far more than its few lines show, permissions management included unless that is listed.",
        allows_all_but_actions,
        uses=GRANTS,
    ),
    Rule(
        "IAM-P035",
        "medium",
        "Allow with NotResource",
        "NotResource is every resource except those listed, in all accounts that the principal may reach. With Allow "
        "every new resource is granted on the day it is made. Allow on what is meant, or Allow wide and Deny the rest.",
        allows_all_but_resources,
        uses=GRANTS,
    ),
    Rule(
        "IAM-P036",
        "high",
        "a statement that matches nothing",
        "NotAction or NotResource with * leaves out everything there is. The statement neither allows nor denies.",
        nothing_denied,
        uses=PERMISSIONS,
    ),
    Rule(
        "IAM-P037",
        "info",
        "a member of a list that another covers",
        "An action or a resource that a wildcard beside it already covers changes nothing, and misleads whoever later "
        "removes it to take the permission away.",
        repeated_members,
        uses=PERMISSIONS,
    ),
    Rule(
        "IAM-P038",
        "low",
        "a redundant statement",
        "Another statement of the same document and effect covers every action, resource and condition of this one. "
        "It grants or denies nothing more; removing it changes nothing, and changing it will not do what its reader "
        "expects.",
        whole=redundant_statement,
    ),
)
