"""`iamsync.lock.json`: the AWS managed policies a project refers to, as they were when it was refreshed.

Committed beside the manifests, it makes offline decisions exact and lets a later run see what AWS
changed. A policy that is not in it is unknown, never guessed.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from iamsync.errors import InputError, Place
from iamsync.manifest.documents import inside
from iamsync.policy.document import Document
from iamsync.strictjson import read_object

NAME: Final = "iamsync.lock.json"
FORMAT: Final = "1.0"
_MAX_BYTES: Final = 50_000_000
_CODE: Final = "bad-lock-file"
_HINT: Final = "write it anew with: iamsync refresh"
Locked = Mapping[str, tuple[str, Document]]


def to_text(policies: Locked, catalogue: str) -> str:
    """The file's text: sorted, stable, a line for each value, ending in a newline."""
    value = {
        "format_version": FORMAT,
        "catalogue": catalogue,
        "policies": {
            arn: {"version": version, "document": document.value}
            for arn, (version, document) in sorted(policies.items())
        },
    }
    return json.dumps(value, indent=1, ensure_ascii=False) + "\n"


def read_lock(root: Path) -> dict[str, tuple[str, Document]]:
    """The policies in the project's lock file, by ARN; nothing where there is no such file.

    Raises InputError where the file is damaged or of a format this version cannot read.
    """
    path = root / NAME
    if not os.path.lexists(path):
        return {}
    if not inside(path, root) or not path.is_file():
        raise _damaged(path, "it is a link that leaves the project, or no file")
    try:
        with path.open("rb") as file:
            text = file.read(_MAX_BYTES + 1).decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise _damaged(path, f"it cannot be read ({error})") from error
    if len(text) > _MAX_BYTES:
        raise _damaged(path, "it is over 50 MB")
    value = read_object(text, path.name, "lock file", code=_CODE, hint=_HINT)
    _check_format(value, path)
    policies = value.get("policies")
    if not isinstance(policies, dict):
        raise _damaged(path, "it has no policies")
    return {arn: _policy(arn, held, path) for arn, held in policies.items()}


def _policy(arn: str, held: Any, path: Path) -> tuple[str, Document]:
    parts = arn.split(":")
    version, document = (held.get("version"), held.get("document")) if isinstance(held, dict) else (None, None)
    if len(parts) != 6 or not isinstance(version, str) or not isinstance(document, dict):
        raise _damaged(path, f"{arn[:200]} is not as `iamsync refresh` writes it")
    return version, Document.of(document, parts[1])


def _check_format(value: Mapping[str, Any], path: Path) -> None:
    version = str(value.get("format_version", ""))
    if version.partition(".")[0] != FORMAT.partition(".")[0]:
        raise InputError(
            f"{path.name} is of format {version or 'unknown'}; this iamsync reads {FORMAT}",
            code=_CODE,
            place=Place(path.name),
            hint=_HINT,
        )


def _damaged(path: Path, why: str) -> InputError:
    return InputError(
        f"the lock file is damaged: {why}",
        code=_CODE,
        place=Place(path.name),
        hint=_HINT,
    )
