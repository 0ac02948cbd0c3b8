"""A release's version and words: `check TAG` before anything is built, `notes TAG` for those who read it.

python tools/release.py prepare 0.2.0    # iamsync/__init__.py and CHANGELOG.md; then commit, tag v0.2.0, push the tag
"""

from __future__ import annotations

import re
import sys
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CHANGELOG = ROOT / "CHANGELOG.md"
VERSION = ROOT / "iamsync" / "__init__.py"
NUMBER = re.compile(r"\d+\.\d+\.\d+")


def version(text: str) -> str:
    """The version that `iamsync/__init__.py` says."""
    found = re.search(r'^__version__ = "(.+)"$', text, re.MULTILINE)
    if found is None:
        raise SystemExit(f"{VERSION.name} says no version")
    return found[1]


def notes(changelog: str, number: str) -> str:
    """What the changelog says of a version, without its heading.

    Raises:
        SystemExit: where it says nothing.
    """
    found = re.search(rf"^## \[{re.escape(number)}\][^\n]*\n(.*?)(?=^## \[|\Z)", changelog, re.MULTILINE | re.DOTALL)
    if found is None or not found[1].strip():
        raise SystemExit(f"CHANGELOG.md says nothing of {number}: write it, as `prepare {number}` does")
    return found[1].strip() + "\n"


def prepared(changelog: str, number: str, day: str) -> str:
    """The changelog with what was unreleased under this version, and an empty place for what comes."""
    if f"## [{number}]" in changelog:
        raise SystemExit(f"CHANGELOG.md has {number} already")
    before, heading, after = changelog.partition("## [Unreleased]\n")
    if not heading or not re.split(r"^## \[", after, maxsplit=1, flags=re.MULTILINE)[0].strip():
        raise SystemExit("CHANGELOG.md has nothing under [Unreleased]")
    return f"{before}{heading}\n## [{number}] - {day}\n{after}"


def main() -> None:
    match sys.argv[1:]:
        case ["check", tag]:
            if tag != f"v{version(VERSION.read_text(encoding='utf-8'))}":
                raise SystemExit(f"{tag} is not the version of iamsync/__init__.py")
            notes(CHANGELOG.read_text(encoding="utf-8"), tag.removeprefix("v"))
        case ["notes", tag]:
            sys.stdout.write(notes(CHANGELOG.read_text(encoding="utf-8"), tag.removeprefix("v")))
        case ["prepare", number] if NUMBER.fullmatch(number):
            text = VERSION.read_text(encoding="utf-8")
            changelog = prepared(CHANGELOG.read_text(encoding="utf-8"), number, f"{datetime.now(UTC):%Y-%m-%d}")
            VERSION.write_text(text.replace(f'"{version(text)}"', f'"{number}"'), encoding="utf-8")
            CHANGELOG.write_text(changelog, encoding="utf-8")
        case _:
            raise SystemExit(__doc__)


if __name__ == "__main__":
    main()
