"""The parts of a manifest file: templates, resources by section, removals; their shape, not yet their values.

What is checked here holds for every account: which keys there may be. Values are read by account,
since variables and `only_accounts` make them differ.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from iamsync.kinds import SECTIONS
from iamsync.kinds.keyrules import BESIDE
from iamsync.kinds.kind import Kind
from iamsync.manifest import values
from iamsync.manifest.nodes import Listing, Node, Scalar, Table
from iamsync.manifest.problems import Problems, a, a_kind, did_you_mean, is_null, one_of
from iamsync.manifest.templates import Template, read_template

COMMON: Final = ("use", "with", "only_accounts", "ignore_changes", "renamed_from", "expires")
_ONLY: Final = "only_accounts"
TOP: Final = ("templates", *SECTIONS, "removed", "tests", "suppress", "only_accounts")
_POLICY_KEYS: Final = frozenset({"Version", "Statement"})
_ATTACHED: Final = "policies are attached by managed_policies: [NAME], or written below inline_policies: with a NAME"
_TRUST: Final = "it is called trust_policy here"
# What AWS, CloudFormation and Terraform call a field, or where it was pasted one level too high.
_MEANT: Final[Mapping[str, Mapping[str, str]]] = {
    "policy": {
        **dict.fromkeys((*_POLICY_KEYS, "Id"), "write document: above it, and indent it below"),
        **dict.fromkeys(("policy", "Policy", "PolicyDocument"), "it is called document here"),
    },
    "role": {
        **dict.fromkeys(("assume_role_policy", "assume_role_policy_document", "AssumeRolePolicyDocument"), _TRUST),
        **dict.fromkeys(("policies", "Policies", "managed_policy_arns", "ManagedPolicyArns"), _ATTACHED),
    },
    **dict.fromkeys(
        ("user", "group"),
        dict.fromkeys(("policies", "Policies", "managed_policy_arns", "ManagedPolicyArns"), _ATTACHED),
    ),
}
REMOVAL: Final = ("address", "reason", "only_accounts")
TEST: Final = ("principals", "allow", "deny", "context", "except", "allow_uncertain", "only_accounts")
TEST_ENTRY: Final = ("action", "resource")
TEST_EXCEPTION: Final = ("principal", "reason", "until")
SUPPRESSION: Final = ("finding", "address", "reason", "until")


@dataclass(frozen=True, slots=True)
class Declaration:
    """A resource as written: `key` is its name before variables are filled in."""

    kind: Kind
    key: Scalar
    table: Table
    fields: dict[str, Node]


@dataclass(frozen=True, slots=True)
class RemovedLine:
    """A line of `removed:` as written."""

    at: Node
    address: Scalar
    reason: Scalar | None = None
    only: Node | None = None


@dataclass(frozen=True, slots=True)
class WrittenTest:
    """A permission test as written, under its name."""

    key: Scalar
    table: Table


@dataclass(frozen=True, slots=True)
class SuppressLine:
    """An entry of `suppress:` as written."""

    at: Table
    finding: Scalar
    address: Scalar
    reason: Scalar
    until: Node | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """One YAML document of a file; `only` limits all in it to some accounts."""

    only: Node | None
    templates: tuple[Template, ...]
    unusable: tuple[str, ...]  # templates that are wrong, which has been said
    declarations: tuple[Declaration, ...]
    removed: tuple[RemovedLine, ...]
    tests: tuple[WrittenTest, ...] = ()
    suppressed: tuple[SuppressLine, ...] = ()


def read_part(node: Node, problems: Problems) -> Part:
    """The parts of one YAML document; what is wrong with their shape is collected."""
    if not isinstance(node, Table):
        hint = f"write sections such as roles: or users: ({one_of(TOP)})"
        problems.add("not-a-manifest", f"a manifest is a mapping of sections, not {a(node)}", node, hint)
        return Part(None, (), (), (), ())
    templates: list[Template] = []
    unusable: list[str] = []
    declarations: list[Declaration] = []
    removed: list[RemovedLine] = []
    tests: list[WrittenTest] = []
    suppressed: list[SuppressLine] = []
    before = ""
    for key, value in node:
        if key.text == "templates":
            for name, body in values.table(value, "templates", problems) or ():
                template = read_template(name, body, problems)
                if template is not None:
                    templates.append(template)
                else:
                    unusable.append(name.text)
        elif key.text in SECTIONS:
            declarations += _section(SECTIONS[key.text], value, problems)
        elif key.text == "removed":
            removed += _removed(value, problems)
        elif key.text == "tests":
            tests += _tests(value, problems)
        elif key.text == "suppress":
            suppressed += _suppressed(value, problems)
        elif key.text != "only_accounts":
            problems.add("unknown-section", f'there is no section "{key.text}"', key, _section_hint(key.text, before))
        before = key.text if key.text in SECTIONS and is_null(value) else before if key.text not in TOP else ""
    only = node.get("only_accounts")
    held = (tuple(templates), tuple(unusable), tuple(declarations), tuple(removed), tuple(tests), tuple(suppressed))
    return Part(only, *held)


def _section(kind: Kind, node: Node, problems: Problems) -> list[Declaration]:
    if kind.setting:
        return _settings(kind, node, problems)
    found = []
    for key, value in _named(kind, node, problems):
        fields = values.table(value, f'{kind.name} "{key.text}"', problems)
        if fields is None:
            continue
        allowed = (*(field.name for field in kind.fields), *BESIDE.get(kind.name, ()), *COMMON)
        values.known_keys(fields, allowed, a_kind(kind.name), problems, _MEANT.get(kind.name))
        found.append(Declaration(kind, key, fields, fields.index()))
    return found


def _settings(kind: Kind, node: Node, problems: Problems) -> list[Declaration]:
    """The account's own settings: each key is a resource of its own, declared by its one field."""
    table = values.table(node, kind.section, problems)
    found: list[Declaration] = []
    if table is None:
        return found
    names = [field.name for field in kind.fields]
    values.known_keys(table, (*names, _ONLY), f"the {kind.section}", problems)
    rest = [(key, value) for key, value in table if key.text == _ONLY]
    for key, value in table:
        if key.text not in names or is_null(value):
            continue
        if isinstance(value, Scalar) and isinstance(value.value, bool):
            hint = f"leave it out to leave it alone, or delete it with removed: [{kind.name}/{key.text}]"
            problems.add("wrong-type", f"{key.text} is not {a(value)}", value, hint)
            continue
        held = Table(((key, value), *rest), table.source, table.start, table.end)
        found.append(Declaration(kind, key, held, held.index()))
    return found


def _named(kind: Kind, node: Node, problems: Problems) -> Table | tuple[()]:
    if isinstance(node, Table):
        return node
    if not is_null(node):
        hint = f"write NAME: and its fields below {kind.section}:"
        if isinstance(node, Listing):
            hint += ", without a dash"
        problems.add("wrong-type", f"{kind.section} is a mapping of names, not {a(node)}", node, hint)
    return ()


def _removed(node: Node, problems: Problems) -> list[RemovedLine]:
    found = []
    for item in values.listing(node, "removed", problems) or ():
        if isinstance(item, Scalar) and not is_null(item):
            found.append(RemovedLine(item, item))
        elif isinstance(item, Table):
            values.known_keys(item, REMOVAL, "a removal", problems)
            address, reason = item.get("address"), item.get("reason")
            if reason is not None and values.text(reason, "reason", problems) is None:
                continue
            if not isinstance(address, Scalar) or is_null(address):
                problems.add("missing-field", "this removal has no address", item, "write address: KIND/NAME")
            else:
                held = reason if isinstance(reason, Scalar) else None
                found.append(RemovedLine(item, address, held, item.get("only_accounts")))
        else:
            problems.add("wrong-type", f"a removal is KIND/NAME, not {a(item)}", item)
    return found


def _tests(node: Node, problems: Problems) -> list[WrittenTest]:
    found = []
    for key, value in values.table(node, "tests", problems) or ():
        table = values.table(value, f'test "{key.text}"', problems)
        if table is None:
            continue
        values.known_keys(table, TEST, "a test", problems)
        for name, node in table:
            if name.text in ("allow", "deny", "except"):
                known = TEST_EXCEPTION if name.text == "except" else TEST_ENTRY
                for item in node if isinstance(node, Listing) else (node,):
                    if isinstance(item, Table):
                        values.known_keys(item, known, f"an entry of {name.text}", problems)
        found.append(WrittenTest(key, table))
    return found


def _suppressed(node: Node, problems: Problems) -> list[SuppressLine]:
    found = []
    for item in values.listing(node, "suppress", problems) or ():
        if not isinstance(item, Table):
            problems.add("wrong-type", f"a suppression is a mapping, not {a(item)}", item, "write finding: IAM-P034")
            continue
        values.known_keys(item, SUPPRESSION, "a suppression", problems)
        held = item.index()
        texts: list[Scalar] = []
        for name, example in (("finding", "IAM-P034"), ("address", "role/deploy"), ("reason", '"why it is right"')):
            value = held.get(name)
            if value is None or is_null(value):
                problems.add("missing-field", f"this suppression has no {name}", item, f"write {name}: {example}")
            elif values.text(value, name, problems) is not None and isinstance(value, Scalar):
                texts.append(value)
        if len(texts) == 3:
            found.append(SuppressLine(item, texts[0], texts[1], texts[2], held.get("until")))
    return found


def _section_hint(name: str, before: str) -> str:
    """How to mend it; `before` is a section above it that holds nothing, which it may have been meant for."""
    if name in _POLICY_KEYS:
        return "this looks like a policy document: write it as .json, or keep it outside the manifests' directory"
    otherwise = f"sections are {one_of(TOP)}"
    return did_you_mean(name, TOP, f"indent it, if it is to be one of {before}; {otherwise}" if before else otherwise)
