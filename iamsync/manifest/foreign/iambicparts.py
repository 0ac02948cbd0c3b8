"""What IAMbic's templates share: accounts and their variables, rules of inclusion, spelled names."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from iamsync.manifest.foreign.parts import Part

_CAMEL: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_VARIABLE: Final = re.compile(r"\{\{\s*(?:var\.)?([A-Za-z0-9_.-]+)\s*\}\}")
_ID: Final = re.compile(r"\d{12}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Member:
    """An account as templates see it: its id and name (IAMbic's `known_as`, too), organization and variables."""

    name: str
    id: str
    known_as: str = ""
    organization: str = ""
    partition: str = "aws"
    variables: tuple[tuple[str, str], ...] = ()

    @property
    def identifiers(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(held for held in (self.id, self.known_as or self.name) if held))

    def variable(self, name: str) -> str | None:
        """What a variable stands for in this account."""
        fixed = {"account_id": self.id, "account_name": self.known_as or self.name}
        return {**dict(self.variables), **fixed}.get(name)


@dataclass(frozen=True, slots=True)
class Config:
    """The accounts that a configuration names."""

    members: tuple[Member, ...]


def accounts_of(values: Part) -> Config:
    """The accounts of a configuration; Misfit where one has no id or no name."""
    aws = values.get("aws") or values
    common = _variables(values)
    found, held = [], aws.get("accounts")
    for item in held.items() if held is not None else ():
        id_, name = item.need("account_id"), item.need("account_name").text()
        if not _ID.fullmatch(text := str(id_.value)):
            raise id_.wrong("an account id has 12 digits, in quotes")
        organization, partition = item.get("org_id"), item.get("partition")
        found.append(
            Member(
                name,
                text,
                name,
                organization.text() if organization is not None else "",
                partition.text() if partition is not None else "aws",
                tuple({**common, **_variables(item)}.items()),
            )
        )
    return Config(tuple(found))


def applies(values: Part, member: Member) -> bool:
    """Whether a part holds for an account: the longest rule that names it decides; of two alike, the exclusion."""
    table = {snake(key): Part(held, (*values.path, key)) for key, held in values.table().items()}
    if member.organization:
        if member.organization in _rules(table, "excluded_orgs"):
            return False
        included = _rules(table, "included_orgs")
        if included and "*" not in included and not any(_matches(rule, member.organization) for rule in included):
            return False
    included = _rules(table, "included_accounts") if table.get("included_accounts") else ("*",)
    if not included:
        return True
    out = _weight(_rules(table, "excluded_accounts"), member)
    return _weight(included, member) > out


def rendered(values: Part, member: Member) -> Part:
    """The part with the variables of all its texts filled in; Misfit for one that the account has not."""
    return Part(_rendered(values, member), values.path)


def snake(name: str) -> str:
    """`PolicyArn` as `policy_arn`."""
    return _CAMEL.sub("_", name).lower()


def _rendered(part: Part, member: Member) -> Any:
    if isinstance(part.value, dict):
        return {_filled(Part(key, part.path), member): _rendered(held, member) for key, held in part.entries()}
    if isinstance(part.value, list):
        return [_rendered(item, member) for item in part.items()]
    return _filled(part, member) if isinstance(part.value, str) else part.value


def _filled(part: Part, member: Member) -> str:
    def value(found: re.Match[str]) -> str:
        held = member.variable(found[1])
        if held is None:
            raise part.wrong(f"the variable {found[1]!r} has no value in account {member.name}")
        return held

    text = _VARIABLE.sub(value, part.text())
    if "{{" in text or "{%" in text:
        raise part.wrong("only variables are filled in, {{var.NAME}}; write out what else the braces mean")
    return text


def _variables(values: Part) -> Mapping[str, str]:
    held = values.get("variables")
    found = {}
    for item in held.items() if held is not None else ():
        value = item.table().get("value")
        found[item.need("key").text()] = "" if value is None else str(value)
    return found


def _rules(table: Mapping[str, Part], name: str) -> tuple[str, ...]:
    held = table.get(name)
    if held is None or held.value is None:
        return ()
    if isinstance(held.value, list):
        return tuple(str(item.value) for item in held.items())
    return (str(held.value),)


def _weight(rules: tuple[str, ...], member: Member) -> int:
    """The length of the longest rule that names the account."""
    return max((len(rule) for rule in rules if any(_matches(rule, held) for held in member.identifiers)), default=0)


def _matches(rule: str, text: str) -> bool:
    """As IAMbic has it: ignoring case, "*" for anything, from the beginning where there is one."""
    rule, text = rule.casefold(), text.casefold()
    if "*" not in rule:
        return rule == text
    parts = [re.escape(part) for part in rule.replace(".*", "*").split("*")]
    return re.match(".*".join(parts), text) is not None
