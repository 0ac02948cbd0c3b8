"""What a person gets to read about wrong input: each directory of `bad/` is a project and what it must say.

To add a case: write the files, then `python tests/manifest/test_bad_input.py NAME` writes `expected.txt`;
read it before you commit it.
"""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from iamsync.errors import InputError, InputErrors
from iamsync.manifest.config import load_config
from iamsync.manifest.load import read_manifests, resolve
from iamsync.manifest.source import plain, read
from iamsync.manifest.testsection import resolve_tests

BAD = Path(__file__).parent / "bad"
CASES = sorted(path.name for path in BAD.iterdir())


@pytest.mark.parametrize("case", CASES)
def test_bad_input_is_told_with_its_place_and_how_to_mend_it(case: str) -> None:
    said = rendered(BAD / case)
    assert said == (BAD / case / "expected.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize("case", CASES)
def test_every_error_says_where_and_has_a_stable_word(case: str) -> None:
    for error in errors_of(BAD / case):
        assert error.place is not None
        assert error.code == error.code.lower()
        assert " " not in error.code


def test_whatever_a_manifest_holds_only_input_errors_come_of_it(tmp_path: Path) -> None:
    values: tuple[Any, ...] = (
        *(None, True, 0, -1, 10**30, "", "*", "$(", "$(arn.role/x)", "$(param.a)", [], {}, [None], [[]], {"": ""}),
        *({"$file": None}, {"$file": "a\0b.json"}, {"$file": "x" * 300}, {"document": {}}, "live/", "aws/", "arn:"),
        *("label:", "!", "\u2028", "99999999999999h", "0001-01-01", "9999-12-31T23:59:59-14:00"),
    )
    chance = random.Random(1)
    projects = [
        (path.name, plain(document))
        for path in sorted(Path(__file__).parent.glob("good/**/*.yaml"))
        for document in read(path, path.name)
    ]
    (tmp_path / "iam").mkdir()
    for _ in range(400):
        name, value = chance.choice(projects)
        mangled = _put(value, chance.choice(list(_paths(value))), chance.choice(values))
        (tmp_path / "iamsync.yaml").unlink(missing_ok=True)
        (tmp_path / "iam" / "site.yaml").write_text("users: {alice: {}}\n", encoding="utf-8")
        target = tmp_path / (name if name == "iamsync.yaml" else "iam/site.yaml")
        target.write_text(json.dumps(mangled), encoding="utf-8")
        assert all(error.place for error in errors_of(tmp_path))


def test_a_mistake_made_everywhere_is_told_soon(tmp_path: Path) -> None:
    (tmp_path / "iam").mkdir()
    users = "".join(f"  user-{n}: {{path: /$(var.team)/, managed_policies: [deplyo]}}\n" for n in range(1000))
    (tmp_path / "iam" / "site.yaml").write_text(f"users:\n{users}", encoding="utf-8")
    assert 200 <= len(errors_of(tmp_path)) < 210


def _paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    for step in value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
        yield from _paths(value[step], (*path, step))


def _put(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    if not path:
        return new
    if isinstance(value, dict):
        return {key: _put(held, path[1:], new) if key == path[0] else held for key, held in value.items()}
    return [_put(held, path[1:], new) if at == path[0] else held for at, held in enumerate(value)]


def errors_of(root: Path) -> list[InputError]:
    """Everything that is wrong in a project, over all its accounts."""
    found: dict[str, InputError] = {}
    try:
        config = load_config(None, root)
        manifests = read_manifests(config.root, config.manifests)
    except (InputError, InputErrors) as wrong:
        return _each(wrong)
    for account in config.accounts:
        for made in (resolve, resolve_tests):
            try:
                made(manifests, account, account_id=account.id or "111122223333", config=config)
            except (InputError, InputErrors) as wrong:
                found |= {str(error): error for error in _each(wrong)}
    return list(found.values())


def rendered(root: Path) -> str:
    """The errors as text: code and message, place, source line and caret, hint."""
    return "\n".join(_text(error) for error in errors_of(root))


def _each(wrong: InputError | InputErrors) -> list[InputError]:
    return list(wrong.errors) if isinstance(wrong, InputErrors) else [wrong]


def _text(error: InputError) -> str:
    place = error.place
    lines = [f"error[{error.code}]: {error.message}"]
    if place is not None:
        lines.append(f" --> {place}")
        if place.line:
            source = place.source if len(place.source) <= 130 else f"{place.source[:130]}..."
            caret = " " * (place.column - 1) + "^" * place.length
            lines += [f" | {source}".rstrip().replace("\t", "»"), f" | {caret[:130]}"]
    if error.hint:
        lines.append(f" = {error.hint}")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    for name in sys.argv[1:]:
        (BAD / name / "expected.txt").write_text(rendered(BAD / name), encoding="utf-8")
