"""What IAM accepts as a name, a path, a tag, and how long a document may be.

Source: the API's own patterns and AWS's published quotas; white space in documents is not counted.
Each function answers with what is wrong in words, or None.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from iamsync.kinds.account import BOUNDS
from iamsync.kinds.kind import NAME, Field, Kind

MAX_PATH: Final = 512
MAX_INLINE_NAME: Final = 128
MAX_TAGS: Final = 50
MAX_TAG_KEY: Final = 128
MAX_TAG_VALUE: Final = 256
SESSION: Final = (3600, 43200)

# Per managed policy version; of all inline policies of one principal together; AssumeRolePolicySizeQuota
# starts at 2048 and can be raised, this is the most that AWS grants.
MANAGED_SIZE: Final = 6144
INLINE_SIZE: Final = {"user": 2048, "group": 5120, "role": 10240}
TRUST_SIZE: Final = 8192

_WHOLE: Final = frozenset({"text", "seconds", "document", "reference", "metadata", "settings"})
_TAG_MARKS: Final = frozenset("_.:/=+-@")


def bad_name(name: str, kind: Kind, longest: int = 0) -> str | None:
    """Why this cannot be the name of a resource of this kind; `longest` where not its own limit counts."""
    if kind.setting:
        return None if kind.name_pattern.fullmatch(name) else f'"{name}" is no setting of an account'
    article = "an" if kind.name[0] in "aeio" else "a"
    if kind.name_pattern is NAME or not name or kind.name_pattern.fullmatch(name):
        return _bad_text_name(name, f"{article} {kind.name}", longest or kind.max_name, kind.name_pattern)
    return f'"{name}" is no name for {article} {kind.name}'


def bad_inline_name(name: str) -> str | None:
    """Why this cannot be the name of an inline policy."""
    return _bad_text_name(name, "a policy", MAX_INLINE_NAME, NAME)


def _bad_text_name(name: str, what: str, longest: int, pattern: re.Pattern[str]) -> str | None:
    if not name:
        return f"{what} needs a name"
    if not pattern.fullmatch(name):
        wrong = next(char for char in name if not pattern.fullmatch(char))
        return f'"{name}" is no name for {what}: {_character(wrong)} is not allowed'
    if len(name) > longest:
        return f'"{name}" has {len(name)} characters; the name of {what} has at most {longest}'
    return None


def bad_rule(rule: str, value: int) -> tuple[str, str] | None:
    """Why a rule of the password policy cannot have this number, and how to mend it."""
    low, high = BOUNDS[rule]
    if low <= value <= high:
        return None
    hint = "leave it out for no such rule" if value == 0 and low == 1 else ""
    return f"{rule} is {value}; it may be {low} to {high}", hint


def bad_path(path: str, field: Field) -> tuple[str, str] | None:
    """Why this cannot be a path, and how to mend it."""
    pattern = getattr(field, "pattern", None)
    if pattern is not None and not pattern.fullmatch(path):
        mended = f"/{path.strip('/')}/" if path.strip("/") else "/"
        if mended != path and pattern.fullmatch(mended):
            return f'"{path}" is no path: a path begins and ends with "/"', f"write {mended}"
        return f'"{path}" is no path', "write / or /division/team/, without spaces"
    if len(path) > MAX_PATH:
        return f"this path has {len(path)} characters; it may have {MAX_PATH}", "shorten it"
    return None


def bad_text(text: str, field: Field) -> str | None:
    """Why this cannot be the value of a text field (its own pattern and length)."""
    longest: int = getattr(field, "max_length", MAX_PATH)
    if len(text) > longest:
        return f"{field.name} has {len(text)} characters; it may have {longest}"
    pattern = getattr(field, "pattern", None)
    if pattern is not None and not pattern.fullmatch(text):
        wrong = next((char for char in text if not pattern.fullmatch(char)), "")
        return f"{field.name}: {_character(wrong)} is not allowed" if wrong else f"{field.name} is not of its form"
    return None


def bad_tag(key: str, value: str) -> str | None:
    """Why this cannot be a tag."""
    if key.casefold().startswith("aws:"):
        return f'tag "{key}": keys that begin with "aws:" belong to AWS'
    if not 1 <= len(key) <= MAX_TAG_KEY:
        return f"a tag key has 1 to {MAX_TAG_KEY} characters, not {len(key)}"
    if len(value) > MAX_TAG_VALUE:
        return f'the value of tag "{key}" has {len(value)} characters; it may have {MAX_TAG_VALUE}'
    for text, what in ((key, "key"), (value, "value")):
        for char in text:
            if char not in _TAG_MARKS and unicodedata.category(char)[0] not in "LZN":
                return f'tag "{key}": {_character(char)} is not allowed in a {what}'
    return None


def bad_ignore(pattern: str, kinds: tuple[Kind, ...]) -> tuple[str, tuple[str, ...]] | None:
    """Why `FIELD` or `FIELD/GLOB` names nothing of these kinds, and the fields there are."""
    name, slash, glob = pattern.partition("/")
    fields = {field.name: field for kind in kinds for field in kind.fields}
    if name not in fields:
        whose = f"{kinds[0].name} has" if len(kinds) == 1 else "no kind has"
        return f'ignore_changes: {whose} {"no" if len(kinds) == 1 else "a"} field "{name}"', tuple(fields)
    if slash and (fields[name].form in _WHOLE or not glob):
        return f'ignore_changes: "{name}" has no members that "{pattern}" could name', (name,)
    return None


def kind_default(field: Field) -> object:
    """The value of a field that is left out."""
    return getattr(field, "default", None)


def _character(char: str) -> str:
    if char == " ":
        return "a space"
    return f'"{char}"' if char.isprintable() else f"U+{ord(char):04X}"
