"""What the shell completes: names of accounts, resources, runs, actions and explanations.

Asked for at each press of the key, so nothing is loaded that is not looked at: files are read line by line and not as
YAML, and what cannot be read completes to nothing. Nothing is contacted.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Final

from iamsync.kinds import SECTIONS

_SECTION: Final = re.compile(r"([a-z_]+):\s*(?:#.*)?$")
_ENTRY: Final = re.compile(r"""( +)["']?([\w+=,.@/:-]+?)["']?:(?:\s|$)""")
_LIST: Final = re.compile(r"^manifests:\s*\[([^\]]*)\]", re.MULTILINE)
_ITEM: Final = re.compile(r"^manifests:\s*\n((?:\s*-\s*\S+\s*\n)+)", re.MULTILINE)
_PROJECT: Final = "iamsync.yaml"
_FILES: Final = 500
_BYTES: Final = 1_000_000
_MOST: Final = 1000


def accounts(incomplete: str) -> list[str]:
    """Accounts of the project file."""
    return _starting(incomplete, (name for section, name in _entries(_text(Path(_PROJECT))) if section == "accounts"))


def addresses(incomplete: str) -> list[str]:
    """Declared resources, as `role/x`."""
    return _starting(incomplete, _declared())


def principals(incomplete: str) -> list[str]:
    """Declared users and roles, as `user/x`."""
    return _starting(incomplete, (one for one in _declared() if one.startswith(("user/", "role/"))))


def users(incomplete: str) -> list[str]:
    """Declared users: names alone, or as `user/x` where the word begins so."""
    return _named("user/", incomplete)


def roles(incomplete: str) -> list[str]:
    """Declared roles: names alone, or as `role/x` where the word begins so."""
    return _named("role/", incomplete)


def actions(incomplete: str) -> list[str]:
    """Services, and the actions of the one that the word names."""
    from iamsync.policy.catalog import load

    catalog = load()
    service, colon, begun = incomplete.partition(":")
    if not colon:
        return _starting(incomplete.lower(), (f"{name}:" for name in sorted(catalog.services)))
    found = catalog.actions_of(service).items()
    return sorted(f"{service}:{one.name}" for name, one in found if name.startswith(begun.lower()))


def codes(incomplete: str) -> list[str]:
    """Whatever can be explained."""
    from iamsync.engine.explaining import explanations

    known = (item.id for item in explanations())
    return [name for name in known if name.lower().startswith(incomplete.lower())]


def guards(incomplete: str) -> list[str]:
    """Guards, and after a colon the resources that one may be acknowledged for."""
    from iamsync.settings import GUARDS

    guard, colon, begun = incomplete.partition(":")
    if not colon:
        return _starting(incomplete, sorted(GUARDS))
    return [f"{guard}:{one}" for one in addresses(begun)]


def runs(incomplete: str) -> list[str]:
    """The runs that are recorded here, newest first."""
    try:
        found = sorted((path.stem for path in Path(".iamsync", "runs").glob("*.jsonl")), reverse=True)
    except OSError:
        return []
    return _starting(incomplete, ["latest", *found])


def _named(prefix: str, incomplete: str) -> list[str]:
    found = [one for one in _declared() if one.startswith(prefix)]
    whole = found if incomplete and (prefix.startswith(incomplete) or incomplete.startswith(prefix)) else []
    return _starting(incomplete, [*(one.removeprefix(prefix) for one in found), *whole])


def _starting(incomplete: str, known: Iterator[str] | list[str]) -> list[str]:
    return list(islice((one for one in dict.fromkeys(known) if one.startswith(incomplete)), _MOST))


def _declared() -> Iterator[str]:
    for path in islice(_manifests(), _FILES):
        for section, name in _entries(_text(path)):
            if section in SECTIONS and section != "account":
                yield f"{SECTIONS[section].name}/{name}"


def _manifests() -> Iterator[Path]:
    text = _text(Path(_PROJECT))
    named = re.findall(r"[\w./*-]+", " ".join((*_LIST.findall(text), *_ITEM.findall(text))))
    for folder in (name for name in named or ["iam"] if name.strip("-")):
        path = Path(folder)
        if ".." in path.parts or path.is_absolute():
            continue
        try:
            yield from [path] if path.is_file() else sorted(path.rglob("*.y*ml"))
        except OSError:
            continue


def _text(path: Path) -> str:
    try:
        if not path.is_file():
            return ""
        with path.open("rb") as file:
            return file.read(_BYTES).decode("utf-8", "replace")
    except (OSError, ValueError):
        return ""


def _entries(text: str) -> Iterator[tuple[str, str]]:
    """Keys one level below a top-level section, with the section."""
    section, depth = "", 0
    for line in text.splitlines():
        if found := _SECTION.match(line):
            section, depth = found[1], 0
        elif line[:1] not in (" ", "#", ""):
            section = ""
        elif section and (entry := _ENTRY.match(line)):
            depth = depth or len(entry[1])
            if len(entry[1]) == depth:
                yield section, entry[2]
