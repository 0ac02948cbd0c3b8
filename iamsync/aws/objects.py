"""Objects in a bucket: the few S3 calls that the lock and the journal need, with S3's conditions on writes."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final

from iamsync.aws.calls import call, whole
from iamsync.aws.errors import translate
from iamsync.aws.session import Access, Sessions, Tap, object_client
from iamsync.buckets import Bucket
from iamsync.errors import AwsError, IncompleteRead

# 412: the condition did not hold. 409: somebody else is writing the same object this moment.
_CONDITION: Final = frozenset({"PreconditionFailed", "ConditionalRequestConflict"})
_ABSENT: Final = frozenset({"NoSuchKey", "NoSuchEntity"})


@dataclass(frozen=True, slots=True)
class Stored:
    """An object as S3 has it: `modified` and `now` are both of S3's clock, so no other one matters."""

    body: bytes
    etag: str
    modified: datetime
    now: datetime


class Objects:
    """One place in S3; the credentials are those that the run started with, before any role was assumed."""

    def __init__(self, client: Any, bucket: Bucket) -> None:
        self.client = client
        self.bucket = bucket

    @classmethod
    def reached(cls, bucket: Bucket, access: Access, sessions: Sessions, tap: Tap | None = None) -> Objects:
        """The place as `access` reaches it; CredentialsError where there are no usable credentials.

        AWS_ENDPOINT_URL_S3 goes before the run's own endpoint, which may be an IAM and nothing else.
        """
        own = None if os.environ.get("AWS_ENDPOINT_URL_S3") else access.endpoint_url
        return cls(object_client(replace(access, hops=(), endpoint_url=own), sessions, tap), bucket)

    def get(self, name: str) -> Stored | None:
        """An object, or None where there is none."""
        from botocore.exceptions import BotoCoreError

        try:
            answer = self._call("GetObject", Key=self._key(name))
        except AwsError as error:
            if error.aws_code in _ABSENT:
                return None
            raise
        try:
            body = answer["Body"].read()
        except BotoCoreError as error:
            raise translate(error, "GetObject", "s3") from error
        now = _date(answer)
        with whole("GetObject"):
            return Stored(body, str(answer["ETag"]), _moment(answer["LastModified"]) or now, now)

    def put(self, name: str, body: bytes, *, new: bool = False, over: str = "") -> Stored | None:
        """Write an object: only where there is none (`new`), or over that of an ETag; None where it is not so."""
        conditions = {**({"IfNoneMatch": "*"} if new else {}), **({"IfMatch": over} if over else {})}
        try:
            answer = self._call("PutObject", Key=self._key(name), Body=body, **conditions)
        except AwsError as error:
            if conditions and error.aws_code in (_CONDITION | (_ABSENT if over else frozenset())):
                return None
            raise
        now = _date(answer)
        with whole("PutObject"):
            return Stored(body, str(answer["ETag"]), now, now)

    def delete(self, name: str, etag: str) -> bool:
        """Delete the object if it is still the one of this ETag; False where it is not."""
        try:
            self._call("DeleteObject", Key=self._key(name), IfMatch=etag)
        except AwsError as error:
            if error.aws_code in _CONDITION | _ABSENT:
                return False
            raise
        return True

    def names(self) -> tuple[str, ...]:
        """The names of all objects here, sorted, without those of deeper folders."""
        found: list[str] = []
        more: dict[str, str] = {}
        seen: set[str] = set()
        while True:
            page = self._call("ListObjectsV2", Prefix=self.bucket.prefix, Delimiter="/", **more)
            with whole("ListObjectsV2"):
                found += [str(item["Key"]).removeprefix(self.bucket.prefix) for item in page.get("Contents") or ()]
            if not page.get("IsTruncated"):
                return tuple(sorted(name for name in found if name))
            following = page.get("NextContinuationToken")
            if not following or following in seen:
                raise IncompleteRead(
                    "ListObjectsV2: more pages are promised, and there is no way to the next one",
                    code="incomplete-read",
                    operation="ListObjectsV2",
                    hint="run the command again; if it stays so, report it to the owner of the endpoint",
                )
            seen.add(following)
            more = {"ContinuationToken": following}

    def _key(self, name: str) -> str:
        return f"{self.bucket.prefix}{name}"

    def _call(self, operation: str, **params: Any) -> dict[str, Any]:
        return call(self.client, operation, {"Bucket": self.bucket.name, **params})


def _date(answer: Mapping[str, Any]) -> datetime:
    headers = (answer.get("ResponseMetadata") or {}).get("HTTPHeaders") or {}
    return _moment(headers.get("date")) or datetime.now(UTC)


def _moment(value: Any) -> datetime | None:
    if isinstance(value, datetime):
        return value
    try:
        found = parsedate_to_datetime(str(value))
    except ValueError:
        return None
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)
