"""Adopting, case by case: files before, what somebody changed in the account, files after."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.adopt.project import CONFIG, Place, changed

CASES = Path(__file__).parent / "cases"


def cases() -> list[Any]:
    return [
        pytest.param(case, id=f"{file.stem}: {name}")
        for file in sorted(CASES.glob("*.yaml"))
        for name, case in yaml.safe_load(file.read_text(encoding="utf-8")).items()
    ]


def named(files: Any) -> dict[str, str]:
    """One text stands for one manifest."""
    return {"iam/site.yaml": files} if isinstance(files, str) else dict(files)


@pytest.mark.parametrize("case", cases())
def test_the_files_change_so_and_not_otherwise(case: dict[str, Any], tmp_path: Path) -> None:
    before = {"iamsync.yaml": case.get("config", CONFIG), **named(case["before"])}
    place = Place(tmp_path, case.get("options", {}))
    place.write(before)
    live = changed(place.desired(), case["live"])
    found = place.adopt(live, deleted=case.get("deleted", False))
    said = [f"{item.address} {item.field}: {item.error.message} {item.error.hint}" for item in found.refused]
    for name, text in {**before, **named(case.get("after", {}))}.items():
        assert place.files()[name] == text, said
    assert place.files().keys() == before.keys()
    assert [text for text in said if case.get("refused", "") not in text] == []
    assert bool(said) == ("refused" in case), said
    assert (case.get("note", "") in "".join(item.note for item in found.taken)) or not found.taken
    again = place.look(live, deleted=case.get("deleted", False))
    assert again.after == {}
    assert again.taken == ()
    assert len(again.refused) == len(found.refused)
