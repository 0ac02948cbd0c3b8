"""What is released: the wheel and the source distribution hold what they need, and a release knows its own words."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parent.parent
CHANGES = "# Changelog\n\n## [Unreleased]\n\n### Added\n\n- Wings.\n\n## [0.1.0] - 2026-01-02\n\n- Legs.\n"


def tool(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / "tools" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-d", folder], cwd=ROOT, check=True, capture_output=True
    )
    return folder


def test_the_wheel_holds_each_module_and_file_of_the_package_and_what_init_writes(built):
    (wheel,) = built.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        held = set(archive.namelist())
    package = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "iamsync").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    examples = {
        f"iamsync/{path.relative_to(ROOT).as_posix()}"
        for name in ("ci", "quickstart")
        for path in (ROOT / "examples" / name).rglob("*")
        if path.is_file() and not {".iamsync", "__pycache__"} & {*path.parts}
    }
    assert package | examples <= held
    assert {name for name in held if not name.startswith("iamsync/") and ".dist-info/" not in name} == set()
    assert "iamsync/py.typed" in held


def test_the_source_distribution_holds_what_the_wheel_is_made_of(built):
    (source,) = built.glob("*.tar.gz")
    with tarfile.open(source) as archive:
        held = {name.split("/", 1)[1] for name in archive.getnames() if "/" in name}
    assert {
        *(
            "iamsync/py.typed",
            "examples/ci/README.md",
            "examples/quickstart/iamsync.yaml",
            "schemas/manifest.schema.json",
        ),
        *("docs/manifest.md", "README.md", "CHANGELOG.md", "LICENSE", "pyproject.toml"),
    } <= held
    assert not any("iamsync/sandbox.json" in name or "__pycache__" in name for name in held)


def test_the_notes_of_a_release_are_its_part_of_the_changelog():
    release = tool("release")
    assert release.notes(CHANGES, "0.1.0") == "- Legs.\n"
    with pytest.raises(SystemExit, match=r"says nothing of 0\.2\.0"):
        release.notes(CHANGES, "0.2.0")


def test_a_release_takes_what_was_unreleased_and_leaves_a_place_for_what_comes():
    release = tool("release")
    after = release.prepared(CHANGES, "0.2.0", "2026-02-03")
    assert release.notes(after, "0.2.0") == "### Added\n\n- Wings.\n"
    assert "## [Unreleased]\n\n## [0.2.0] - 2026-02-03\n" in after
    for changelog, number, why in [(after, "0.2.0", "already"), (after, "0.3.0", "nothing under")]:
        with pytest.raises(SystemExit, match=why):
            release.prepared(changelog, number, "2026-02-04")


def test_the_version_a_release_checks_is_the_one_iamsync_says():
    import iamsync

    assert (
        tool("release").version((ROOT / "iamsync" / "__init__.py").read_text(encoding="utf-8")) == iamsync.__version__
    )
