"""Rules about the values of conditions: what can never match, and what matches otherwise than it looks."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from iamsync.policy.conditions import TABLE
from iamsync.policy.lint.reading import About, Clause, Found, Rule, Statement

_READS_VARIABLES: Final = frozenset({"String", "Arn"})


def invalid_network(statement: Statement, about: About) -> Iterator[Found]:
    for clause, position, text in _unreadable(statement, "Ip"):
        message = f"{text!r} is no IP address and no range in CIDR notation; it never matches"
        yield Found(clause.at(position), message, "write for example 203.0.113.0/24 or 2001:db8::/32")


def invalid_number(statement: Statement, about: About) -> Iterator[Found]:
    for clause, position, text in _unreadable(statement, "Numeric"):
        message = f"{text!r} is no number; {clause.written} compares it with nothing"
        yield Found(clause.at(position), message, "write digits, for example 3600")


def invalid_date(statement: Statement, about: About) -> Iterator[Found]:
    for clause, position, text in _unreadable(statement, "Date"):
        message = f"{text!r} is no date that IAM reads; {clause.written} compares it with nothing"
        yield Found(clause.at(position), message, "write for example 2027-01-31T18:00:00Z")


def invalid_boolean(statement: Statement, about: About) -> Iterator[Found]:
    for clause, position, text in (*_unreadable(statement, "Bool"), *_unreadable(statement, "Null")):
        yield Found(clause.at(position), f"{text!r} is neither true nor false", "write true or false")


def invalid_binary(statement: Statement, about: About) -> Iterator[Found]:
    for clause, position, text in _unreadable(statement, "Binary"):
        yield Found(clause.at(position), f"{text!r} is not base64", "encode the bytes in base64")


def invalid_arn(statement: Statement, about: About) -> Iterator[Found]:
    for clause, position, text in _unreadable(statement, "Arn"):
        if text != "*":
            message = f"{text!r} is no ARN; {clause.written} never matches it"
            remedy = "write arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE, or use StringLike for other texts"
            yield Found(clause.at(position), message, remedy)


def _unreadable(statement: Statement, family: str) -> Iterator[tuple[Clause, int, str]]:
    for clause in statement.clauses:
        if clause.operator.family == family:
            for position, text in enumerate(clause.values):
                if "${" not in text and not _readable(clause.operator.name, text):
                    yield clause, position, text


@lru_cache(maxsize=16384)
def _readable(operator: str, text: str) -> bool:
    """Whether the operator can compare with this text at all, by the table that evaluates it."""
    return TABLE[operator.lower()].wanted(text) is not None


def several_booleans(statement: Statement, about: About) -> Iterator[Found]:
    for clause in statement.clauses:
        if clause.operator.family in ("Bool", "Null") and len(set(clause.values)) > 1:
            message = f"{clause.key} is asked to be true or false: one of them always holds"
            yield Found(clause.path, message, "keep the one value that is meant", True)


def host_bits(statement: Statement, about: About) -> Iterator[Found]:
    for clause in statement.clauses:
        if clause.operator.family == "Ip":
            for position, text in enumerate(clause.values):
                held = _network(text)
                if held and "/" in text and str(held.network_address) != _address(text):
                    message = f"{text} has bits outside its mask; IAM reads it as {held}"
                    yield Found(clause.at(position), message, f"write {held}")


def private_source(statement: Statement, about: About) -> Iterator[Found]:
    for clause in statement.clauses:
        if clause.name == "aws:sourceip" and clause.operator.family == "Ip":
            for position, text in enumerate(clause.values):
                if _private(text):
                    message = f"aws:SourceIp is never the private address {text}"
                    remedy = "name public addresses; through a VPC endpoint there is aws:VpcSourceIp"
                    yield Found(clause.at(position), message, remedy)


def like_without_wildcard(statement: Statement, about: About) -> Iterator[Found]:
    for clause in statement.clauses:
        if clause.operator.name in ("StringLike", "StringNotLike") and not any(
            mark in text for text in clause.values for mark in ("*", "?", "${")
        ):
            exact = clause.written.replace("Like", "Equals")
            yield Found(clause.path, f"no value of {clause.key} has a wildcard", f"{exact} says the same", True)


def equals_with_wildcard(statement: Statement, about: About) -> Iterator[Found]:
    for clause in statement.clauses:
        if clause.operator.name.startswith(("StringEquals", "StringNotEquals")):
            for position, text in enumerate(clause.values):
                if "*" in text.replace("${*}", ""):
                    like = "StringNotLike" if clause.operator.negated else "StringLike"
                    message = f"{clause.written} takes the * of {text!r} as a plain character"
                    yield Found(clause.at(position), message, f"use {like}, or write ${{*}} for a plain *")


def misplaced_variable(statement: Statement, about: About) -> Iterator[Found]:
    for clause in statement.clauses:
        if clause.operator.family not in _READS_VARIABLES:
            for position, text in enumerate(clause.values):
                if "${" in text:
                    message = f"{clause.written} reads no policy variables: {text!r} is taken as it stands"
                    yield Found(
                        clause.at(position), message, "variables stand in resources and in String and Arn conditions"
                    )
    for position, text in enumerate(statement.actions):
        if "${" in text:
            yield Found(statement.action_at(position), f"actions read no policy variables: {text!r}", "name the action")


@lru_cache(maxsize=4096)
def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    found = TABLE["ipaddress"].wanted(text)
    return found if isinstance(found, (ipaddress.IPv4Network, ipaddress.IPv6Network)) else None


_PRIVATE: Final = tuple(
    ipaddress.ip_network(text) for text in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")
)


@lru_cache(maxsize=4096)
def _private(text: str) -> bool:
    held = _network(text)
    if held is None:
        return False
    if isinstance(held, ipaddress.IPv4Network):
        return any(isinstance(wide, ipaddress.IPv4Network) and held.subnet_of(wide) for wide in _PRIVATE)
    return any(isinstance(wide, ipaddress.IPv6Network) and held.subnet_of(wide) for wide in _PRIVATE)


def _address(text: str) -> str:
    return str(ipaddress.ip_address(text.partition("/")[0]))


RULES: Final = (
    Rule(
        "IAM-P001",
        "high",
        "an IP range that is none",
        "IpAddress and NotIpAddress compare with addresses and CIDR ranges of IPv4 and IPv6. Any other text is "
        "compared with no request: an Allow that hangs on it grants nothing, a Deny stops nobody.",
        invalid_network,
        conditions=True,
    ),
    Rule(
        "IAM-P002",
        "high",
        "a number that is none",
        "Numeric operators read whole and decimal numbers. A text that is no number is compared with no request, so "
        "the statement does not do what it says.",
        invalid_number,
        conditions=True,
    ),
    Rule(
        "IAM-P003",
        "high",
        "a date that is none",
        "Date operators read ISO 8601 (2027-01-31, 2027-01-31T18:00:00Z) and seconds since 1970. A date written "
        "otherwise is compared with nothing: an end date like 31.01.2027 ends nothing.",
        invalid_date,
        conditions=True,
    ),
    Rule(
        "IAM-P004",
        "high",
        "neither true nor false",
        "Bool and Null compare with true and false alone. Any other value never matches.",
        invalid_boolean,
        conditions=True,
    ),
    Rule(
        "IAM-P005",
        "high",
        "a binary value that is not base64",
        "BinaryEquals compares bytes, which the policy holds in base64. What cannot be decoded matches nothing.",
        invalid_binary,
        conditions=True,
    ),
    Rule(
        "IAM-P006",
        "medium",
        "an Arn operator with a text that is no ARN",
        "ArnEquals and ArnLike compare ARNs part by part. A value that does not have the parts of an ARN matches no "
        "request. Names, ids and other texts are compared with String operators.",
        invalid_arn,
        conditions=True,
    ),
    Rule(
        "IAM-P007",
        "medium",
        "true or false: both",
        "Several values of one key are alternatives, so a Bool or Null condition that lists true and false says "
        "nothing. AWS's own check refuses it.",
        several_booleans,
        conditions=True,
    ),
    Rule(
        "IAM-P008",
        "info",
        "an address range with bits outside its mask",
        "In 203.0.113.77/24 the last byte is outside the mask; the whole range 203.0.113.0/24 is meant by IAM. The one "
        "who wrote it may have meant the one address.",
        host_bits,
        conditions=True,
    ),
    Rule(
        "IAM-P009",
        "medium",
        "a private address in aws:SourceIp",
        "aws:SourceIp is the public address a request comes from. Requests through a VPC endpoint do not have the key "
        "at all, so a private range in it never matches: an Allow grants nothing, a Deny with NotIpAddress denies "
        "everyone.",
        private_source,
        conditions=True,
    ),
    Rule(
        "IAM-P010",
        "info",
        "StringLike without a wildcard",
        "StringLike differs from StringEquals only in reading * and ?. Without either it says the same, and a reader "
        "looks for the wildcard in vain. Nothing is wrong with the permission.",
        like_without_wildcard,
        conditions=True,
    ),
    Rule(
        "IAM-P011",
        "medium",
        "StringEquals with a wildcard",
        "StringEquals and StringNotEquals compare character by character: a * in the value is a star. An Allow "
        "written so grants nothing, and StringNotEquals in a Deny denies everyone. StringLike reads wildcards.",
        equals_with_wildcard,
        conditions=True,
    ),
    Rule(
        "IAM-P012",
        "medium",
        "a policy variable where none is read",
        "Policy variables such as ${aws:username} are filled in in the resource part of ARNs and in the values of "
        "String and Arn conditions. In actions and in other operators they are plain text.",
        misplaced_variable,
    ),
)
