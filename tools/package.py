"""Build what is released, and try it as somebody would who has nothing of this repository.

`dist/` gets the wheel, the source distribution and a CycloneDX list of what the wheel is installed with (SBOM). The
same commit gives the same wheel, byte for byte: times are those of the commit. The wheel, and a wheel made of the
source distribution, are each installed in an environment of their own and used in an empty folder: with the wheel every
command of the README, the tutorial and the how-tos is run, in order, and must say what its page shows.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pages
from lock import versions

ROOT = Path(__file__).resolve().parent.parent
DIST = ROOT / "dist"
LOCK = ROOT / "requirements-dev.lock"
# What a reader does, in this order; each page begins in an empty folder.
READ = ("README.md", "docs/index.md", "docs/install.md", "docs/tutorial.md", *sorted(
    path.relative_to(ROOT).as_posix() for path in (ROOT / "docs" / "howto").glob("*.md")
))  # fmt: skip


def run(*command: str | Path, cwd: Path | None = None, env: dict[str, str] | None = None) -> str:
    """The output of a command, which must succeed."""
    ended = subprocess.run(
        [str(part) for part in command], cwd=cwd, env=env, check=False, capture_output=True, text=True
    )
    if ended.returncode:
        sys.exit(f"{' '.join(map(str, command))}: exit {ended.returncode}\n{ended.stdout}{ended.stderr}")
    return ended.stdout


def build() -> tuple[Path, Path]:
    """The wheel and the source distribution, in `dist/`."""
    shutil.rmtree(DIST, ignore_errors=True)
    committed = run("git", "-C", ROOT, "log", "-1", "--format=%ct").strip()
    run(
        sys.executable,
        "-m",
        "hatchling",
        "build",
        "-d",
        DIST,
        cwd=ROOT,
        env=os.environ | {"SOURCE_DATE_EPOCH": committed},
    )
    (wheel,) = DIST.glob("*.whl")
    (source,) = DIST.glob("*.tar.gz")
    return wheel, source


@contextmanager
def environment(*wanted: str) -> Iterator[Path]:
    """The folder of commands of a fresh environment with these packages, and no pip."""
    with tempfile.TemporaryDirectory() as folder:
        run(sys.executable, "-m", "venv", "--without-pip", folder)
        bin_ = Path(folder) / "bin"
        # Versions alone: pip wants hashes of everything where it sees one, and what was just built has none.
        pins = Path(folder) / "pins.txt"
        pins.write_text("\n".join(versions(LOCK)) + "\n", encoding="utf-8")
        run(
            *(sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", bin_ / "python"),
            *("install", "-qq", "--constraint", pins, *wanted),
        )
        yield bin_


def listed(python: Path, into: Path) -> None:
    """A CycloneDX list of what an environment holds, made by a tool in an environment of its own."""
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["dependency-groups"]
    with environment(*groups["release"]) as tools:
        run(
            *(tools / "cyclonedx-py", "environment", "--output-reproducible", "--validate"),
            *("--pyproject", ROOT / "pyproject.toml", "--output-file", into, python),
        )


def told(bin_: Path, page: str) -> str:
    """A page's commands, run by what is installed there with nothing of this checkout in sight; how many."""
    found = pages.tried(ROOT / page, bin_)
    if wrong := [said.difference for said in found if not said.same]:
        sys.exit(f"{page} shows something else:\n" + "\n".join(wrong))
    left = pages.not_run((ROOT / page).read_text(encoding="utf-8"))
    seen = sum(said.command.seen for said in found)
    return f"{page}: {seen} commands say what it shows" + (f", {len(left)} not run" if left else "")


def main() -> None:
    wheel, source = build()
    for what, read in ((wheel, READ), (source, READ[:1])):
        with environment(f"iamsync[sandbox] @ {what.as_uri()}") as bin_:
            print(f"{what.name}: installed in an empty environment")
            for page in read:
                print(f"  {told(bin_, page)}", flush=True)
            if what == wheel:
                listed(bin_ / "python", DIST / f"{wheel.name.split('-py3')[0]}.cdx.json")
    for file in sorted(DIST.iterdir()):
        if file.name.startswith("iamsync-"):
            print(f"dist/{file.name}: {file.stat().st_size // 1024} KB")


if __name__ == "__main__":
    main()
