"""Rules about condition keys: whether the actions have them, their type, one value or several."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from iamsync.policy.lint import facts
from iamsync.policy.lint.keys import Key, global_key
from iamsync.policy.lint.reading import PERMISSIONS, About, Clause, Found, Rule, Statement

# Which families of operators read a type. An Arn operator on a text that is no ARN is told by another rule.
_READS: Final = {
    "String": ("String", "Arn", "Binary"),
    "ARN": ("Arn", "String"),
    "Bool": ("Bool", "String"),
    "Numeric": ("Numeric",),
    "Date": ("Date", "Numeric"),
    "IPAddress": ("Ip",),
}


def unknown_key(statement: Statement, about: About) -> Iterator[Found]:
    for clause in statement.clauses:
        if not about.catalog.available or _foreign(clause) or facts.key(about.catalog, clause.name) is not None:
            continue
        near = facts.close_key(about.catalog, clause.name)
        remedy = f"did you mean {near}?" if near else "a key that is newer than the action catalogue is fine"
        yield Found(clause.path, f"no service has a condition key {clause.key!r}", remedy, True)


def unsupported_key(statement: Statement, about: About) -> Iterator[Found]:
    if statement.not_action or about.use == "trust":
        return
    for clause in statement.clauses:
        if _foreign(clause) or global_key(clause.name) is not None or facts.key(about.catalog, clause.name) is None:
            continue
        names = [text.lower() for text in statement.actions]
        if any(facts.may_have(about.catalog, name, clause.name) for name in names):
            continue
        what = statement.actions[0] if len(names) == 1 else "none of these actions"
        word = "does not have" if len(names) == 1 else "has"
        message = f"{what} {word} the condition key {clause.key}"
        held = clause.operator
        missing = held.if_exists or held.negated or held.qualifier == "ForAllValues" or clause.values == ("true",)
        effect = "the condition says nothing" if missing else "the statement never applies"
        yield Found(clause.path, f"{message}: {effect}", "use a key of these actions, or other actions", True)


def wrong_type(statement: Statement, about: About) -> Iterator[Found]:
    for clause, key in _known(statement, about):
        family = clause.operator.family
        if family != "Null" and family not in _READS.get(key.type, (family,)):
            message = f"{key.name} is of type {key.type}; {clause.written} compares something else"
            wanted = {"IPAddress": "IpAddress", "ARN": "ArnLike"}.get(key.type, f"{key.type}...")
            yield Found(clause.path, message, f"use an operator for it: {wanted}", True)


def several_values_as_one(statement: Statement, about: About) -> Iterator[Found]:
    for clause, key in _known(statement, about):
        if key.several and not clause.operator.qualifier and clause.operator.name != "Null":
            message = f"{key.name} can have several values, and {clause.written} compares one"
            yield Found(clause.path, message, f"write ForAnyValue:{clause.written}, or ForAllValues:", True)


def one_value_as_several(statement: Statement, about: About) -> Iterator[Found]:
    for clause, key in _known(statement, about):
        if not key.several and clause.operator.qualifier:
            message = f"{key.name} has one value, and {clause.operator.qualifier} is for keys with several"
            yield Found(clause.path, message, f"write {clause.written.partition(':')[2]}", True)


def _known(statement: Statement, about: About) -> Iterator[tuple[Clause, Key]]:
    for clause in statement.clauses:
        held = facts.key(about.catalog, clause.name)
        if held is not None:
            yield clause, held


def _foreign(clause: Clause) -> bool:
    """Whether the key is a claim of an identity provider, of which there are more than any list has."""
    prefix = clause.name.partition(":")[0]
    return "." in prefix or prefix == "saml" or "${" in clause.name


RULES: Final = (
    Rule(
        "IAM-P054",
        "medium",
        "an unknown condition key",
        "Neither the global keys nor those of any service have one of this name. A request never has it: with a "
        "positive operator the statement never applies, with a negated one or IfExists the condition always holds.",
        unknown_key,
        conditions=True,
    ),
    Rule(
        "IAM-P055",
        "medium",
        "a condition key that the actions do not have",
        "The key exists, yet none of the statement's actions puts it in its requests. With a positive operator the "
        "statement never applies, with a negated one or IfExists the condition always holds.",
        unsupported_key,
        uses=PERMISSIONS,
        conditions=True,
    ),
    Rule(
        "IAM-P056",
        "medium",
        "an operator of another type than the key",
        "Keys have types: text, number, date, address, ARN, true or false. An operator of another type compares "
        "nothing, or compares by characters what is meant by value: 9 is over 10 as a text.",
        wrong_type,
        conditions=True,
    ),
    Rule(
        "IAM-P057",
        "medium",
        "one value asked of a key that has several",
        "aws:TagKeys, aws:CalledVia and others hold several values. Without ForAnyValue or ForAllValues the operator "
        "compares one value, and a request with several does not match as its reader expects.",
        several_values_as_one,
        conditions=True,
    ),
    Rule(
        "IAM-P058",
        "low",
        "a set operator on a key with one value",
        "ForAnyValue and ForAllValues are for keys with several values. On others ForAnyValue says nothing, and "
        "ForAllValues holds for requests without the key.",
        one_value_as_several,
        conditions=True,
    ),
)
