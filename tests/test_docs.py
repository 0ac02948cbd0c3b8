"""The documentation is true: its examples load, its links lead somewhere, its commands and guards exist."""

from __future__ import annotations

import ast
import functools
import importlib.util
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from iamsync.cli.app import run
from iamsync.cli.tree import whole_tree

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted(
    path
    for pattern in ("*.md", "docs/**/*.md", "examples/*/*.md", "benchmarks/*.md")
    for path in ROOT.glob(pattern)
    if ".venv" not in path.parts
)
NAMED = [pytest.param(page, id=page.relative_to(ROOT).as_posix()) for page in PAGES]
GLOBAL = {"--help", "--install-completion"}


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("page", NAMED)
def test_every_link_leads_to_a_file(page: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text(encoding="utf-8"))
    local = [link for link in links if not link.startswith("https:")]
    assert [link for link in local if not (page.parent / link).exists()] == []


def shown_alone(page: Path) -> bool:
    """Whether a page has examples that are not part of a whole that tests/test_pages.py runs."""
    text = page.read_text(encoding="utf-8")
    return bool(blocks(text, "yaml")) and not blocks(text, "console")


@pytest.mark.parametrize("page", [item for item in NAMED if shown_alone(item.values[0])])
def test_every_yaml_example_validates(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number, text in enumerate(blocks(page.read_text(encoding="utf-8"), "yaml")):
        folder = tmp_path / str(number)
        for name in ("iam/common", "iam/prod", "iam/plain"):
            (folder / name).mkdir(parents=True)
            (folder / name / "one.yaml").write_text("users: {}\n", encoding="utf-8")
        monkeypatch.chdir(folder)
        if text.startswith("version:"):
            (folder / "iamsync.yaml").write_text(text, encoding="utf-8")
            base = "policies: {base: {document: {Statement: {Effect: Allow, Action: '*', Resource: '*'}}}}\n"
            (folder / "iam" / "common" / "one.yaml").write_text(base, encoding="utf-8")
        else:
            (folder / "iam" / "example.yaml").write_text(text, encoding="utf-8")
        assert run(["validate"]) == 0, text


def commands(page: Path) -> Iterator[str]:
    """Every command line of iamsync that a page shows, in a block or between backticks."""
    text = page.read_text(encoding="utf-8")
    yield from re.findall(r"^    (iamsync [^#\n]+)", text, re.MULTILINE)
    yield from (" ".join(held.split()) for held in re.findall(r"`(iamsync [^`]+)`", text))


@functools.cache
def tree() -> Any:
    return whole_tree()


def problem(line: str) -> str:
    """What is wrong with a command line, as far as the command tree tells."""
    words = shlex.split(line.replace("...", "x"), comments=True)
    words = words[: words.index("--")] if "--" in words else words  # what follows is another program's
    command: Any = tree()
    rest = words[1:]
    while rest and not rest[0].startswith("-") and getattr(command, "commands", None):
        if rest[0] not in command.commands:
            return f"{line}: there is no {rest[0]}"
        command = command.commands[rest.pop(0)]
    known = {flag for item in command.params for flag in item.opts} | GLOBAL
    unknown = [word for word in rest if word.startswith("-") and word.partition("=")[0] not in known]
    return f"{line}: there is no {unknown[0]}" if unknown else ""


@pytest.mark.parametrize("page", NAMED)
def test_every_command_that_a_page_shows_exists(page: Path) -> None:
    shown = [line for line in commands(page) if "|" not in line]
    assert [wrong for line in shown if (wrong := problem(line))] == []


def test_the_page_on_safety_names_every_guard_and_finding_of_the_planner() -> None:
    text = (ROOT / "docs" / "safety.md").read_text(encoding="utf-8")
    made = set()
    source = ROOT / "iamsync"
    alone = (source / "guardrails.py", *(source / "engine" / name for name in ("duties.py", "responding.py")))
    for path in (*alone, *(source / "planner").glob("*.py"), *(source / "keys").glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Finding":
                assert isinstance(node.args[0], ast.Constant)
                made.add(node.args[0].value)
    assert {name for name in made if f"`{name}`" not in text} == set()
    named = set(re.findall(r"^\| `([A-Za-z-]+)` \|", text, re.MULTILINE))
    assert named == made


def _site() -> Any:
    spec = importlib.util.spec_from_file_location("site_tool", ROOT / "tools" / "site.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_page_of_the_site_is_in_its_contents_once() -> None:
    contents = blocks((ROOT / "docs" / "index.md").read_text(encoding="utf-8"), r"\{toctree\}")
    named = [line for block in contents for line in block.splitlines() if line and not line.startswith(":")]
    pages = {place.removesuffix(".md") for place in _site().pages().values()}
    assert sorted(named) == sorted(pages - {"index"})


def test_links_follow_a_page_into_the_site_and_what_is_no_page_becomes_its_name() -> None:
    known = {"docs/a.md": "a.md", "docs/how/b.md": "how/b.md", "CHANGELOG.md": "project/changes.md"}
    text = (
        "[b](how/b.md#x) [news](../CHANGELOG.md) [Docker](../Dockerfile) [`x`](../x) [out](https://a.example) [y](#y)"
    )
    assert _site().linked(text, "docs/a.md", known) == (
        "[b](how/b.md#x) [news](project/changes.md) Docker (`Dockerfile`) `x` [out](https://a.example) [y](#y)"
    )
    assert _site().linked("[up](../a.md)", "docs/how/b.md", known) == "[up](../a.md)"
    assert _site().linked("```\n[b](how/b.md)\n```", "docs/a.md", known) == "```\n[b](how/b.md)\n```"
