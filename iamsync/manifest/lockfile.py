"""`iamsync.lock.json`: the AWS managed policies a project refers to, as they were when it was refreshed.

Committed beside the manifests, it makes offline decisions exact and lets a later run see what AWS
changed. A policy that is not in it is unknown, never guessed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from iamsync.errors import InputError, Place
from iamsync.policy.document import Document, loads

NAME: Final = "iamsync.lock.json"
FORMAT: Final = "1.0"
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
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise _damaged(path, f"it cannot be read ({error})") from error
    try:
        value = loads(text)
        if not isinstance(value, dict):
            raise ValueError("it is no JSON object")
        _check_format(value, path)
        return {arn: _policy(arn, held) for arn, held in value["policies"].items()}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise _damaged(path, f"{error}") from error


def _policy(arn: str, held: Any) -> tuple[str, Document]:
    parts = arn.split(":")
    if len(parts) != 6 or not isinstance(held["version"], str) or not isinstance(held["document"], dict):
        raise ValueError(f"{arn} is not as `iamsync refresh` writes it")
    return held["version"], Document.of(held["document"], parts[1])


def _check_format(value: Mapping[str, Any], path: Path) -> None:
    version = str(value.get("format_version", ""))
    if version.partition(".")[0] != FORMAT.partition(".")[0]:
        raise InputError(
            f"{path.name} is of format {version or 'unknown'}; this iamsync reads {FORMAT}",
            code="bad-lock-file",
            place=Place(path.name),
            hint="write it anew with: iamsync refresh",
        )


def _damaged(path: Path, why: str) -> InputError:
    return InputError(
        f"the lock file is damaged: {why}",
        code="bad-lock-file",
        place=Place(path.name),
        hint="write it anew with: iamsync refresh",
    )
