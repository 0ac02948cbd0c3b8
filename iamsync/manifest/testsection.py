"""The section `tests:`: what the manifests expect of permissions, for one account.

Which keys there may be is checked once (`read_tests`); values are read by account, since variables and
`only_accounts` make them differ. Whether actions and principals exist is for those who run the tests.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from iamsync.expectations import Entry, Exemption, PermissionTest, Verdict
from iamsync.manifest import values
from iamsync.manifest.config import Account, Config
from iamsync.manifest.declare import Names
from iamsync.manifest.expand import expand
from iamsync.manifest.files import Manifests
from iamsync.manifest.load import outline
from iamsync.manifest.nodes import Listing, Node, Scalar, Table
from iamsync.manifest.problems import WRONG, Problems, a, did_you_mean, is_null
from iamsync.manifest.sections import TEST_ENTRY, TEST_EXCEPTION, Part, WrittenTest
from iamsync.manifest.templates import place_text
from iamsync.selector import Pattern, Selector, parse

PRINCIPALS: Final = ("user", "role")
_ACTION: Final = re.compile(r"\*|[A-Za-z0-9*?-]+:[A-Za-z0-9*?]+")
_RESOURCE: Final = re.compile(r"\*|arn:[^:]+:[^:]+:[^:]*:[^:]*:.+", re.DOTALL)
_CONTEXT_KEY: Final = re.compile(r"[A-Za-z0-9.-]+(?:/[^\s:]+)?:.+", re.DOTALL)
_VERDICTS: Final[tuple[Verdict, ...]] = ("allow", "deny")


def resolve_tests(
    manifests: Manifests,
    account: Account,
    *,
    account_id: str,
    partition: str = "aws",
    config: Config,
    variables: Mapping[str, str | Sequence[str]] | None = None,
    first: Sequence[Part] = (),
) -> tuple[PermissionTest, ...]:
    """The permission tests of one account, in the order of the files; those of `first` (guardrails) before them.

    Parameters as for `resolve`. Raises InputError(s) with all that is wrong in them and with the names
    around them.
    """
    files = manifests.under(account.manifests)
    if not first and not any(file.errors or any(part.tests for part in file.parts) for file in files):
        return ()  # what is wrong with names is told by whoever resolves them
    made = outline(manifests, account, account_id, partition, config, variables or {})
    problems = made.problems
    names: dict[str, Scalar] = {}
    found = []
    for part in (*first, *made.here):
        for written in part.tests:
            if problems.full:
                break
            if not made.declarations.reading.applies(written.table.get("only_accounts")):
                continue
            held = names.setdefault(written.key.text, written.key)
            if held is not written.key:
                message = f'test "{written.key.text}" stands twice; the first one is at {place_text(held.place)}'
                problems.add("duplicate-test", message, written.key, "remove or rename one of the two")
                continue
            test = _test(written, made.declarations.names, problems)
            if test is not None:
                found.append(test)
    problems.raise_if_any()
    return tuple(found)


@dataclass(frozen=True, slots=True)
class _Fields:
    """The fields of one test with their variables filled in."""

    table: Table
    names: Names
    problems: Problems

    def get(self, name: str) -> Node | None:
        node = self.table.get(name)
        if node is None or is_null(node):
            return None
        try:
            return expand(node, self.names)
        except WRONG as wrong:
            self.problems.take(wrong)
            return None


def _test(written: WrittenTest, names: Names, problems: Problems) -> PermissionTest | None:
    fields, before = _Fields(written.table, names, problems), len(problems)
    what = f'test "{written.key.text}"'
    principals = fields.get("principals")
    if written.table.get("principals") is None:
        hint = 'write principals: role/NAME, or a list such as ["user/*", "!user:/break-glass/**"]'
        problems.add("missing-field", f"{what} names no principals", written.key, hint)
    patterns = _patterns(principals, "principals", problems) if principals is not None else []
    entries = []
    for verdict in _VERDICTS:
        held = fields.get(verdict)
        if held is not None:
            entries += list(_entries(verdict, held, problems))
    if not any(written.table.get(verdict) for verdict in _VERDICTS):
        problems.add("missing-field", f"{what} expects nothing", written.key, "write allow: or deny:")
    elif not entries and len(problems) == before:
        problems.add("missing-field", f"{what} expects nothing", written.key, "name actions")
    context = _context(fields.get("context"), problems)
    exemptions = tuple(_exemptions(fields.get("except"), problems))
    uncertain = _truth(fields.get("allow_uncertain"), problems)
    if len(problems) > before:
        return None
    return PermissionTest(
        written.key.text,
        Selector(tuple(pattern for pattern, _ in patterns)),
        tuple(entries),
        written.key.place,
        tuple(node.place for _, node in patterns),
        context,
        exemptions,
        uncertain,
    )


def _patterns(node: Node, what: str, problems: Problems) -> list[tuple[Pattern, Scalar]]:
    found = []
    texts = _texts(node, what, problems)
    for text, at in texts:
        try:
            found.append((parse(text, PRINCIPALS), at))
        except ValueError as error:
            kind = text.removeprefix("!").partition("/")[0].partition(":")[0]
            problems.add("bad-selector", str(error), at, did_you_mean(kind, (*PRINCIPALS, "tag")))
    if not texts and not is_null(node):
        problems.add("bad-selector", f"{what} names nobody", node, "write role/NAME, or user/*")
    return found


def _texts(node: Node, what: str, problems: Problems) -> tuple[tuple[str, Scalar], ...]:
    if isinstance(node, Scalar) and not is_null(node):
        return ((node.text, node),)
    return values.texts(node, what, problems)


def _entries(verdict: Verdict, node: Node, problems: Problems) -> Iterator[Entry]:
    for item in node if isinstance(node, Listing) else (node,):
        if isinstance(item, Table):
            action, resource = item.get(TEST_ENTRY[0]), item.get(TEST_ENTRY[1])
            if action is None:
                hint = "write action: s3:GetObject"
                problems.add("missing-field", f"this entry of {verdict} has no action", item, hint)
                continue
            actions = _matching(_ACTION, action, "action", problems)
            resources = _matching(_RESOURCE, resource, "resource", problems) if resource is not None else ()
        else:
            actions, resources = _matching(_ACTION, item, f"an entry of {verdict}", problems), ()
        if actions:
            yield Entry(verdict, actions, resources, item.place)


_FORMS: Final = {
    _ACTION: ("bad-action", "action", "write SERVICE:ACTION, for example s3:GetObject or iam:*"),
    _RESOURCE: ("bad-resource", "ARN", 'write a whole ARN, or "*"'),
}


def _matching(form: re.Pattern[str], node: Node, what: str, problems: Problems) -> tuple[str, ...]:
    if isinstance(node, Table):
        problems.add("wrong-type", f"{what} is a text or a list of them, not {a(node)}", node)
        return ()
    code, noun, hint = _FORMS[form]
    found = []
    for text, at in _texts(node, what, problems):
        if form.fullmatch(text):
            found.append(text)
        else:
            problems.add(code, f'"{text}" is no {noun}', at, hint)
    return tuple(dict.fromkeys(found))


def _context(node: Node | None, problems: Problems) -> Mapping[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for key, value in (values.table(node, "context", problems) if node is not None else None) or ():
        if not _CONTEXT_KEY.fullmatch(key.text):
            hint = "write it as conditions do, for example aws:SourceIp"
            problems.add("bad-context-key", f'"{key.text}" is no context key', key, hint)
        elif is_null(value):
            found[key.text] = ()
        elif isinstance(value, Table):
            problems.add("wrong-type", f'"{key.text}" is a text or a list of texts, not {a(value)}', value)
        else:
            found[key.text] = tuple(text for text, _ in _texts(value, f'"{key.text}"', problems))
    return MappingProxyType(found)


def _exemptions(node: Node | None, problems: Problems) -> Iterator[Exemption]:
    for item in (values.listing(node, "except", problems) if node is not None else None) or ():
        table = values.table(item, "an exception", problems)
        if table is None:
            continue
        who, why, until = (table.get(name) for name in TEST_EXCEPTION)
        patterns = _patterns(who, "principal", problems) if who is not None else []
        if who is None:
            problems.add("missing-field", "this exception names no principal", item, "write principal: user/NAME")
        reason = values.text(why, "reason", problems) if why is not None else None
        if why is None:
            problems.add("missing-field", "this exception has no reason", item, "say why, for whoever reads it later")
        end = values.moment(until, "until", problems) if until is not None else None
        if not patterns or reason is None or (until is not None and end is None):
            continue  # without its end, it would hold for ever
        yield Exemption(Selector(tuple(pattern for pattern, _ in patterns)), reason, end, item.place)


def _truth(node: Node | None, problems: Problems) -> bool:
    if node is None:
        return False
    if isinstance(node, Scalar) and isinstance(node.value, bool):
        return node.value
    problems.add("wrong-type", f"allow_uncertain is true or false, not {a(node)}", node)
    return False
