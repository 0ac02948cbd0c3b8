"""Every case is a plan document and what becomes of it; UPDATE_GOLDENS=1 writes the texts anew."""

import json
import os
from pathlib import Path

import pytest

from iamsync.render.awscli import plan_awscli
from iamsync.render.markdown import plan_markdown
from iamsync.render.text import plan_text

CASES = Path(__file__).parent / "cases"
FORMATS = {"plan.txt": lambda document: plan_text(document) + "\n", "plan.md": plan_markdown, "plan.sh": plan_awscli}


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("case", sorted(path.name for path in CASES.iterdir()))
def test_a_plan_reads_as_it_did(case: str, name: str) -> None:
    document = json.loads((CASES / case / "plan.json").read_text(encoding="utf-8"))
    text = FORMATS[name](document)
    golden = CASES / case / name
    if os.environ.get("UPDATE_GOLDENS"):
        golden.write_text(text, encoding="utf-8")
    assert text == golden.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("case", sorted(path.name for path in CASES.iterdir()))
def test_nothing_that_a_terminal_obeys_or_nobody_sees_comes_through(case: str, name: str) -> None:
    document = json.loads((CASES / case / "plan.json").read_text(encoding="utf-8"))
    for line in FORMATS[name](document).split("\n"):
        assert line.isprintable(), line
