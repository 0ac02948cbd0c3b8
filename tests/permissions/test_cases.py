"""What permission tests say: each file of `cases/` is a manifest with tests, beside it what must be said.

To add a case: write the file, then `python tests/permissions/test_cases.py NAME` writes `NAME.txt`; read
it before you commit it.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from iamsync.engine import testing
from iamsync.engine.options import Options
from iamsync.engine.project import Project
from iamsync.errors import InputError, InputErrors
from iamsync.render.decisions import results_text

CASES = Path(__file__).parent / "cases"
NAMES = sorted(path.stem for path in CASES.glob("*.yaml"))


def said(name: str) -> str:
    """The results as text, or the mistakes."""
    options = Options(cwd=CASES, paths=(f"{name}.yaml",), account_id="111122223333", now="2026-11-24T00:00:00Z")
    try:
        found = testing.test(Project.open(options), "manifests", [])
    except (InputErrors, InputError) as wrong:
        errors = wrong.errors if isinstance(wrong, InputErrors) else (wrong,)
        return "".join(f"{error.place}: {error.code}: {error.message}\n  = {error.hint}\n" for error in errors)
    return results_text(testing.document(found), verbose=True) + "\n"


@pytest.mark.parametrize("name", NAMES)
def test_a_permission_test_says_who_can_what_and_through_what(name: str) -> None:
    assert said(name) == (CASES / f"{name}.txt").read_text(encoding="utf-8")


if __name__ == "__main__":
    for case in sys.argv[1:] or NAMES:
        (CASES / f"{case}.txt").write_text(said(case), encoding="utf-8")
