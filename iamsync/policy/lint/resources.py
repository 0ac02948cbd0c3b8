"""Rules about resources as texts: ARNs that match nothing, or that no wildcard makes wider."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from iamsync.policy.lint.reading import PERMISSIONS, About, Found, Rule, Statement

# Services whose ARNs have no region, and, second, neither region nor account.
_NO_REGION: Final = frozenset(
    {"iam", "sts", "s3", "route53", "cloudfront", "organizations", "budgets", "globalaccelerator", "waf"}
)
_NO_ACCOUNT: Final = frozenset({"s3"})
_ACCOUNT: Final = re.compile(r"[0-9*?]*|aws|\$\{.+\}|aws-[a-z-]+|cloudfront|third-party|marketplace|AWS", re.ASCII)
_WORD: Final = re.compile(r"[A-Za-z][A-Za-z0-9-]*", re.ASCII)


def short_arn(statement: Statement, about: About) -> Iterator[Found]:
    for position, text in enumerate(statement.resources):
        if text.startswith("arn:") and text.count(":") < 5:
            message = f"{text!r} has {text.count(':') + 1} of the six parts of an ARN"
            remedy = "write arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE"
            yield Found(statement.resource_at(position), message, remedy)


def wild_service(statement: Statement, about: About) -> Iterator[Found]:
    for position, parts in _arns(statement):
        if "*" in parts[2] or "?" in parts[2]:
            message = f"{parts[2]!r} stands for the service of an ARN, where wildcards are not read"
            yield Found(statement.resource_at(position), message, 'name the service, or write "*"')


def other_partition(statement: Statement, about: About) -> Iterator[Found]:
    for position, parts in _arns(statement):
        if parts[1] != about.partition and "*" not in parts[1] and "?" not in parts[1] and "${" not in parts[1]:
            message = f"{parts[1]!r} is another partition than the account's, {about.partition!r}: this matches nothing"
            yield Found(statement.resource_at(position), message, "write $(partition), which is filled in by account")


def bad_account(statement: Statement, about: About) -> Iterator[Found]:
    for position, parts in _arns(statement):
        account = parts[4]
        exact = account.isdigit() and len(account) != 12
        if exact or not _ACCOUNT.fullmatch(account):
            message = f"{account!r} is no account id: it has 12 digits"
            yield Found(statement.resource_at(position), message, "compare with the account's own id")


def needless_region(statement: Statement, about: About) -> Iterator[Found]:
    for position, parts in _arns(statement):
        service = parts[2]
        if service == "s3" and parts[5].startswith(_S3_REGIONAL):
            continue
        if service in _NO_REGION and parts[3] not in ("", "*"):
            message = f"ARNs of {service} have no region; {parts[3]!r} there matches nothing"
            yield Found(statement.resource_at(position), message, "leave the part between the colons empty")
        elif service in _NO_ACCOUNT and parts[4] not in ("", "*") and not parts[4].startswith("${"):
            message = f"ARNs of {service} buckets and objects have no account; {parts[4]!r} there matches nothing"
            yield Found(statement.resource_at(position), message, "leave it empty; there is aws:ResourceAccount")


_S3_REGIONAL: Final = ("accesspoint", "job/", "storage-lens", "access-grants", "async-request", "*")


def wild_type(statement: Statement, about: About) -> Iterator[Found]:
    for position, parts in _arns(statement):
        if parts[2] == "iam":
            word = re.split(r"[/:]", parts[5], maxsplit=1)[0]
            wild = "*" in word or "?" in word
            if parts[5] != "*" and wild and ("/" in parts[5] or word.strip("*?") not in _IAM_TYPES):
                message = f"{word!r} is the kind of resource of an IAM ARN, where wildcards are not read"
                yield Found(statement.resource_at(position), message, "write the kind: role/*, user/*, policy/*")


_IAM_TYPES: Final = frozenset(
    {
        *("user", "group", "role", "policy", "instance-profile", "oidc-provider", "saml-provider"),
        *("server-certificate", "mfa", "sms-mfa", "access-report", "assumed-role", "federated-user"),
    }
)


def variable_too_early(statement: Statement, about: About) -> Iterator[Found]:
    for position, parts in _arns(statement):
        if about.variables and any("${" in part for part in parts[1:5]):
            message = "policy variables are read after the fifth colon of an ARN, not before"
            yield Found(statement.resource_at(position), message, "name the part, or write * for region and account")


def _arns(statement: Statement) -> Iterator[tuple[int, tuple[str, ...]]]:
    for position, text in enumerate(statement.resources):
        parts = split(text)
        if parts is not None:
            yield position, parts


@lru_cache(maxsize=16384)
def split(text: str) -> tuple[str, ...] | None:
    """The six parts of an ARN, or None for a text that is none."""
    parts = _outside_braces(text) if "${" in text else text.split(":", 5)
    return tuple(parts) if parts[0] == "arn" and len(parts) == 6 else None


def _outside_braces(text: str) -> list[str]:
    """As split(":", 5), but the colon in ${aws:username} separates nothing."""
    out: list[str] = []
    start = depth = 0
    for at, mark in enumerate(text):
        if text.startswith("${", at):
            depth += 1
        elif mark == "}" and depth:
            depth -= 1
        elif mark == ":" and not depth and len(out) < 5:
            out.append(text[start:at])
            start = at + 1
    return [*out, text[start:]]


RULES: Final = (
    Rule(
        "IAM-P040",
        "medium",
        "an ARN that ends early",
        "An ARN has six parts between colons. IAM takes a shorter one, and fills it up as it sees fit; AWS's own check "
        "calls it an error, and what it matches is not what it looks like.",
        short_arn,
        uses=PERMISSIONS,
    ),
    Rule(
        "IAM-P041",
        "medium",
        "a wildcard for the service of an ARN",
        "* and ? are read in every part of an ARN but the service. Resources of several services are listed apart.",
        wild_service,
        uses=PERMISSIONS,
    ),
    Rule(
        "IAM-P042",
        "medium",
        "an ARN of another partition",
        "Accounts of aws, aws-cn and aws-us-gov share nothing. An ARN of another partition than the account's own "
        "matches no resource that the account's principals could reach.",
        other_partition,
        uses=PERMISSIONS,
    ),
    Rule(
        "IAM-P043",
        "medium",
        "an account id that is none",
        "The fifth part of an ARN is an account id of 12 digits, or empty. One digit more or less matches nothing.",
        bad_account,
        uses=PERMISSIONS,
    ),
    Rule(
        "IAM-P044",
        "medium",
        "a region or an account where the ARN has none",
        "ARNs of IAM, S3 buckets, CloudFront and some others leave region or account empty. One that fills them in "
        "matches nothing.",
        needless_region,
        uses=PERMISSIONS,
    ),
    Rule(
        "IAM-P045",
        "medium",
        "a wildcard for the kind of an IAM resource",
        "In arn:aws:iam::111122223333:role/* the word role names the kind of resource. A wildcard in it (r*, *) is not "
        "read as one, so the ARN matches nothing.",
        wild_type,
        uses=PERMISSIONS,
    ),
    Rule(
        "IAM-P046",
        "medium",
        "a policy variable too early in an ARN",
        "Policy variables are filled in after the fifth colon of an ARN. Before it they are plain text.",
        variable_too_early,
        uses=PERMISSIONS,
    ),
)
