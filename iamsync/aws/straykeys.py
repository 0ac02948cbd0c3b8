"""Whose an access key is that appeared while the answer to `CreateAccessKey` was lost: our call's, or somebody else's.

AWS lets nobody mark a key, and there is no token that would make the call safe to repeat. What it does tell is when a
key was made, by its own clock (the `Date` of its answers): only a single, unused key that was made while the call was
under way is taken for the call's own. Every other one is somebody's, and stays.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, Final

from iamsync.aws.calls import call, pages, whole
from iamsync.errors import AwsError, IamsyncError
from iamsync.kinds.wire import moment

# `Date` and `CreateDate` are whole seconds, and the hosts that tell them are not one.
_SLACK: Final = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Seen:
    """A user's keys as one listing told them: status and time of creation by id; `at` is AWS's time of the answer."""

    keys: Mapping[str, tuple[str, datetime]]
    at: datetime | None


def seen(iam: Any, user: str) -> Seen:
    """The keys of a user, and when AWS said so; `at` is None where the endpoint does not tell its time."""
    listed = list(pages(iam, "ListAccessKeys", {"UserName": user}))
    with whole("ListAccessKeys"):
        found = {
            str(item["AccessKeyId"]): (str(item["Status"]), datetime.fromisoformat(moment(item["CreateDate"])))
            for page in listed
            for item in page["AccessKeyMetadata"]
        }
    headers = (listed[0].get("ResponseMetadata") or {}).get("HTTPHeaders") or {}
    return Seen(found, _time(str(headers.get("date") or "")))


def _time(text: str) -> datetime | None:
    try:
        told = parsedate_to_datetime(text)
    except ValueError:
        return None
    return told.replace(tzinfo=told.tzinfo or UTC)


def own(iam: Any, user: str, before: Seen, first: Seen, last: Seen, error: AwsError) -> str:
    """The one key that the call made whose answer was lost; nothing where none appeared.

    `before` was seen before the call, `first` right after it and `last` when AWS had time to show everything.
    IamsyncError "key-unclaimed" where what appeared may be somebody else's; AwsError where its use cannot be read.
    """
    strays = sorted(last.keys.keys() - before.keys.keys())
    if not strays:
        return ""
    why = _doubt(strays, before, first, last, error) or _used(iam, strays[0])
    if not why:
        return strays[0]
    one = len(strays) == 1
    named, words = " and ".join(strays), " ".join(f"--key {stray}" for stray in strays)
    raise IamsyncError(
        f"the answer to CreateAccessKey was lost, and {named} of user/{user} appeared meanwhile: {why}; "
        f"{'it stays' if one else 'they stay'}, and no further key is made",
        code="key-unclaimed",
        hint=f"find out who made {'it' if one else 'them'} (CreateAccessKey in CloudTrail); what is nobody's goes with "
        f"iamsync keys deactivate --user {user} {words}, then iamsync keys delete",
    ) from error


def _doubt(strays: list[str], before: Seen, first: Seen, last: Seen, error: AwsError) -> str:
    """Why what appeared may be somebody else's, by what was seen of it; nothing where it seems to be ours."""
    if len(strays) > 1:
        return "which of them this call made cannot be told"
    if _unsent(error):
        return "the call never reached AWS, so somebody else made it"
    status, made = last.keys[strays[0]]
    if status != "Active":
        return "somebody switched it off already"
    if before.at is None or first.at is None:
        return "the endpoint does not tell its time, so it cannot be told whether this call made it"
    if not before.at - _SLACK <= made <= first.at + _SLACK:
        return f"it was made at {made.astimezone(UTC):%H:%M:%S}, when this call was not under way"
    return ""


def _used(iam: Any, key: str) -> str:
    told = call(iam, "GetAccessKeyLastUsed", {"AccessKeyId": key}).get("AccessKeyLastUsed") or {}
    return "somebody uses it already" if told.get("LastUsedDate") else ""


def _unsent(error: AwsError) -> bool:
    """Whether there was no connection over which the call could have gone."""
    from botocore.exceptions import ConnectTimeoutError, EndpointConnectionError, ProxyConnectionError

    return isinstance(error.__cause__, (ConnectTimeoutError, EndpointConnectionError, ProxyConnectionError))
