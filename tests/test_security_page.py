"""The threat model names a defence and a test for each threat, and what it says of the supply chain is so."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ROWS = [
    [cell.strip() for cell in line.strip("| ").split(" | ")]
    for line in (ROOT / "SECURITY.md").read_text(encoding="utf-8").splitlines()
    if line.startswith("| ") and not line.startswith("| Threat")
]
LOCKS = ("requirements.lock", "requirements-dev.lock")


def test_every_threat_has_a_defence_and_tests_that_exist() -> None:
    assert len(ROWS) >= 12
    for threat, defence, held in ROWS:
        assert defence, threat
        named = re.findall(r"`(tests/[^`]+)`", held)
        assert named, threat
        for name in named:
            assert "def test_" in (ROOT / name).read_text(encoding="utf-8"), name


@pytest.mark.parametrize("lock", LOCKS)
def test_every_package_of_a_lock_is_pinned_with_hashes(lock: str) -> None:
    lines = (ROOT / lock).read_text(encoding="utf-8").splitlines()
    starts = [at for at, line in enumerate(lines) if line and not line.startswith(("#", " "))]
    assert starts
    for at in starts:
        assert re.match(r"[A-Za-z0-9._-]+(\[[a-z,]+\])?==\S+( ;[^\\]+)? \\$", lines[at]), lines[at]
        assert lines[at + 1].startswith("    --hash=sha256:"), lines[at]


def test_the_lock_of_the_command_holds_what_it_depends_on_in_the_versions_that_are_tested() -> None:
    def pins(name: str) -> dict[str, str]:
        text = (ROOT / name).read_text(encoding="utf-8")
        return {found[0].lower(): found[1] for found in re.findall(r"^([\w.-]+)==([^\s;\\]+)", text, re.MULTILINE)}

    command, development = (pins(name) for name in LOCKS)
    assert command.items() <= development.items()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    for wanted in (*project["dependencies"], *extras["sandbox"], *extras["age"]):
        assert re.split(r"[\[<>=!~]", wanted)[0].lower() in command, wanted


def test_whatever_installs_the_command_takes_the_lock_alone_and_compares_hashes() -> None:
    # Without --no-deps pip resolves what is pinned already, and that of Python 3.11 then refuses the whole lock on the
    # day a newer release appears of a package that another one asks for with an extra (`coverage[toml]`).
    for name in ("Makefile", "Dockerfile", "action.yml"):
        text = (ROOT / name).read_text(encoding="utf-8")
        installs = [line for line in text.splitlines() if "install" in line and "requirements" in line]
        assert [line for line in installs if "--no-deps --require-hashes -r " not in line] == [], name
        assert installs, name
        # What the lock might lack is told then and there.
        assert re.search(r"pip\b.* check\b", text), name


def test_installing_runs_nothing_of_ours() -> None:
    tool = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert tool["build-system"]["build-backend"] == "hatchling.build"
    assert "hooks" not in tool["tool"]["hatch"]["build"]
    assert not (ROOT / "setup.py").exists()
