"""CloudTrail's records of IAM calls as values: who called, when, from where, with what, and about whom.

A record is JSON that AWS may shorten and that others can shape in part (names, user agents): whatever is
not as it should be counts as not told.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

_CONSOLES: Final = ("console.amazonaws.com", "signin.amazonaws.com", "console.aws.amazon.com", "aws internal")
# Part of a user agent (in lower case) -> what it is; the first that is found counts.
_TOOLS: Final = (
    ("iamsync/", "iamsync"),
    ("terraform", "Terraform"),
    ("opentofu", "OpenTofu"),
    ("pulumi", "Pulumi"),
    ("ansible", "Ansible"),
    ("cloudformation.amazonaws.com", "CloudFormation"),
    ("aws-cdk", "CDK"),
    ("aws-cli/", "the AWS CLI"),
    ("boto3/", "boto3"),
    ("botocore/", "botocore"),
    ("aws-sdk-", "an AWS SDK"),
)
_LONGEST: Final = 512


@dataclass(frozen=True, slots=True)
class Record:
    """One call that succeeded; `when` is RFC 3339 in UTC, texts that are not told are empty."""

    id: str
    event: str
    when: str
    who: str
    source_ip: str
    how: str
    user_agent: str
    params: Mapping[str, Any]
    names: frozenset[str] = field(default=frozenset())

    def says(self, name: str, value: str) -> bool:
        """Whether a parameter (as CloudTrail spells it, `roleName`) is this; ignoring case, as IAM's names do."""
        held = self.params.get(name)
        return isinstance(held, str) and held.casefold() == value.casefold()


def record(event: Mapping[str, Any]) -> Record | None:
    """The record of one event of LookupEvents' answer; None for a call that failed, or no event at all."""
    told = _object(event.get("CloudTrailEvent"))
    if told.get("errorCode") or told.get("errorMessage"):
        return None
    name, ident = _text(event.get("EventName")) or _text(told.get("eventName")), _text(event.get("EventId"))
    if not name:
        return None
    agent = _text(told.get("userAgent"))
    resources = event.get("Resources")
    named = (
        [one.get("ResourceName") for one in resources if isinstance(one, Mapping)]
        if isinstance(resources, list)
        else []
    )
    return Record(
        id=ident or _text(told.get("eventID")),
        event=name,
        when=_moment(told.get("eventTime")) or _moment(event.get("EventTime")),
        who=_who(told.get("userIdentity")) or _text(event.get("Username")) or "somebody whom the record does not name",
        source_ip=_text(told.get("sourceIPAddress")),
        how=_how(told, agent),
        user_agent=agent,
        params=told["requestParameters"] if isinstance(told.get("requestParameters"), dict) else {},
        names=frozenset(text.casefold() for text in map(_text, named) if text),
    )


def _who(identity: Any) -> str:
    """The user or role as its ARN says, the service that called, or `root`; with the source identity of its session."""
    if not isinstance(identity, Mapping):
        return ""
    kind = _text(identity.get("type"))
    if kind == "Root":
        return "root"
    name = _text(identity.get("arn")) or _text(identity.get("invokedBy"))
    name = name or _text(identity.get("userName")) or _text(identity.get("principalId"))
    session = identity.get("sessionContext")
    source = _text(session.get("sourceIdentity")) if isinstance(session, Mapping) else ""
    return f"{name} (source identity {source})" if source and name else name


def _how(told: Mapping[str, Any], agent: str) -> str:
    """With what the call was made, as far as the user agent tells: it is the caller's own word."""
    identity = told.get("userIdentity")
    by = _text(identity.get("invokedBy")) if isinstance(identity, Mapping) else ""
    text = f"{agent} {by}".lower()
    if _text(told.get("sessionCredentialFromConsole")) == "true" or any(text.strip().startswith(c) for c in _CONSOLES):
        return "the console"
    return next((name for part, name in _TOOLS if part in text), agent.partition(" ")[0])


def _moment(value: Any) -> str:
    """A time as RFC 3339: AWS writes texts and seconds, botocore makes datetimes."""
    try:
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            value = datetime.fromtimestamp(value, UTC)
        elif isinstance(value, str):
            value = datetime.fromisoformat(value)
    except (ValueError, OverflowError, OSError):
        return ""
    if not isinstance(value, datetime):
        return ""
    moment = value if value.tzinfo is not None else value.replace(tzinfo=UTC)
    try:
        return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except OverflowError:  # before the year 1, or after 9999
        return ""


def _object(text: Any) -> Mapping[str, Any]:
    try:
        value = json.loads(text) if isinstance(text, str) else {}
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value[:_LONGEST] if isinstance(value, str) else ""
