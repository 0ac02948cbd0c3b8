"""Where a team keeps its lock and its journal, `s3://BUCKET/PREFIX/`, and which S3 actions each takes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

Use = Literal["lock", "journal"]

# What the caller needs on the objects; on the bucket it is s3:ListBucket, without which S3 answers AccessDenied
# for what does not exist. A conditional write or deletion reads, too, so each needs s3:GetObject beside its own.
OBJECT_ACTIONS: Final[dict[Use, tuple[str, ...]]] = {
    "lock": ("s3:DeleteObject", "s3:GetObject", "s3:PutObject"),
    "journal": ("s3:GetObject", "s3:PutObject"),
}
BUCKET_ACTION: Final = "s3:ListBucket"
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", re.ASCII)
_PREFIX: Final = re.compile(r"([A-Za-z0-9!_.*'()-]+/)*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Bucket:
    """A place in S3; `prefix` ends in a slash, or is empty."""

    name: str
    prefix: str = ""

    @classmethod
    def parse(cls, text: str) -> Bucket:
        """`s3://BUCKET/PREFIX/` (the last slash may be left out); ValueError for anything else."""
        name, _, prefix = text.removeprefix("s3://").partition("/")
        prefix = prefix if not prefix or prefix.endswith("/") else f"{prefix}/"
        if not text.startswith("s3://") or not _NAME.fullmatch(name) or not _PREFIX.fullmatch(prefix):
            raise ValueError(f'"{text}" is no place in S3')
        return cls(name, prefix)

    def __str__(self) -> str:
        return f"s3://{self.name}/{self.prefix}"

    def needs(self, use: Use, partition: str = "aws") -> Iterator[tuple[tuple[str, ...], str]]:
        """The actions that this use takes, each with the ARN it takes them on."""
        bucket = f"arn:{partition}:s3:::{self.name}"
        yield OBJECT_ACTIONS[use], f"{bucket}/{self.prefix}*"
        yield (BUCKET_ACTION,), bucket
