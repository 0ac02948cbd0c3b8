"""`iamsync explain` knows every id that iamsync can show: findings, guards and errors, gathered from its source."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from iamsync.aws.errors import HINTS, kebab
from iamsync.cli.app import run
from iamsync.engine.explaining import ERRORS, explanations

PAGES = ("failures.py", "mistakes.py", "refusals.py")
SOURCE = Path(__file__).parent.parent / "iamsync"
_ID = re.compile(r"[A-Za-z][a-z0-9]*(-[a-z0-9]+)+")
# What these are given by position is a code, if it looks like one.
_MISTAKEN = ("add", "wrong", "_wrong")
# Findings of documents bear the ids of their rules.
_PASSED_ON = {"place", "suppression.place"}


def calls() -> Iterator[tuple[str, ast.Call]]:
    for path in sorted(SOURCE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
                yield name, node


def texts(node: ast.expr) -> Iterator[str]:
    """Every text that an argument may be: a literal, or either side of a condition."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.IfExp):
        yield from texts(node.body)
        yield from texts(node.orelse)


def shown_findings() -> Iterator[str]:
    for name, node in calls():
        if name == "Finding" and node.args and ast.unparse(node.args[0]) not in _PASSED_ON:
            found = list(texts(node.args[0]))
            assert found, f"this finding has no literal id: {ast.unparse(node)}"
            yield from found


def shown_errors() -> Iterator[str]:
    for name, node in calls():
        for keyword in node.keywords:
            if keyword.arg == "code":
                yield from texts(keyword.value)
        if name in _MISTAKEN:
            yield from (text for one in node.args for text in texts(one) if _ID.fullmatch(text))


def test_every_finding_that_the_source_makes_is_explained() -> None:
    found = set(shown_findings())
    assert {"external-trust", "over-quota", "AA-new-access", "weakened-guardrail"} <= found
    assert found - {item.id for item in explanations()} == set()


def test_every_error_that_the_source_raises_is_explained_and_no_other() -> None:
    found = set(shown_errors())
    assert {"locked", "bad-option", "unknown-reference", "yaml-syntax", "access-denied"} <= found
    assert found - ERRORS.keys() == set()
    elsewhere = (path for path in SOURCE.rglob("*.py") if path.name not in PAGES)
    literal = set(re.findall(r'"([a-z0-9-]+)"', "".join(path.read_text(encoding="utf-8") for path in elsewhere)))
    assert ERRORS.keys() - literal - {kebab(code) for code in HINTS} == set()


def test_ids_are_unique_and_each_has_a_title_and_a_text() -> None:
    told = explanations()
    assert len({item.id.casefold() for item in told}) == len(told)
    assert all(item.title and item.text for item in told)


@pytest.mark.parametrize("code", ["locked", "no-such-entity", "AA-new-access", "wrong-type"])
def test_an_error_is_explained_by_the_code_it_is_shown_with(code: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["explain", code]) == 0
    assert code in capsys.readouterr().out


def test_a_guard_and_an_error_of_one_id_are_both_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["explain", "incomplete-read"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "Plan against the account itself." in said
    assert "As an error (an answer was not whole)" in said
